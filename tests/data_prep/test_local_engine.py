# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The process pool: order, errors, and workers that do not outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from data_prep.engines.local import LocalEngine
from foundry_plugins.contract.errors import UserError


def square(number: int) -> int:
    time.sleep(0.01 * (number % 3))
    return number * number


def fail(number: int) -> int:
    if number == 3:
        raise UserError("number three")
    if number == 4:
        raise FileNotFoundError(2, "nothing there", "some/file")
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 6:
        raise KeyError("a fault of the program")
    return number


@pytest.mark.parametrize("workers", [1, 3])
def test_results_in_order(workers: int) -> None:
    seen: list[int | None] = []
    with LocalEngine(workers) as engine:
        assert engine.map(square, range(20), seen.append) == [n * n for n in range(20)]
        assert engine.map(square, []) == []
        assert engine.map(square, [9]) == [81]
    assert sorted(n for n in seen if n is not None) == list(range(20))


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (3, UserError, "number three"),
        (4, FileNotFoundError, "nothing there"),
        (5, UserError, "killed by signal 9"),
        (6, RuntimeError, "traceback is above"),
    ],
)
def test_errors_reach_the_caller(
    number: int, error: type[Exception], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error, match=message), LocalEngine(2) as engine:
        engine.map(fail, [0, 1, number, 2])
    assert ("a fault of the program" in capfd.readouterr().err) == (number == 6)


PARENT = """
import os, sys, time
from data_prep.engines.local import LocalEngine
def nap(_): time.sleep(60)
with LocalEngine(2) as engine:
    print(*(process.pid for _, process in engine._pool), flush=True)
    engine.map(nap, [1, 2, 3] if sys.argv[1] == "busy" else [])
    time.sleep(60)
"""


@pytest.mark.parametrize("state", ["busy", "idle"])
def test_workers_die_with_a_killed_parent(state: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, state], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    for pid in workers:
        for _ in range(200):
            if not alive(pid):
                break
            time.sleep(0.05)
        assert not alive(pid)


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped by init does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as handle:
            return handle.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
