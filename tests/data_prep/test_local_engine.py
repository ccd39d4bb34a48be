# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The process pool: order, errors, and workers that do not outlive their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from data_prep.engines import Emit, Shuffle
from data_prep.engines.local import LocalEngine
from data_prep.ledger import Ledger, Outcome
from data_prep.progress import showing
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
        assert engine.call(square, range(20), seen.append) == [n * n for n in range(20)]
        assert engine.call(square, []) == []
        assert engine.call(square, [9]) == [81]
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
        engine.call(fail, [0, 1, number, 2])
    assert ("a fault of the program" in capfd.readouterr().err) == (number == 6)


def rows(*, first: int, count: int) -> Iterator[pa.Table]:
    """``count`` numbers from ``first``, grouped by their last digit, in two tables."""
    numbers = list(range(first, first + count))
    for half in (numbers[::2], numbers[1::2]):
        yield pa.table(
            {"group": [n % 10 for n in half], "number": half, "line": [b"x"] * len(half)}
        )


def total(folder: Path, part: str, table: pa.Table, *, add: int) -> Outcome:
    numbers = table["number"].to_pylist()
    (folder / part).write_text(json.dumps(numbers))
    return Outcome((part,), str(numbers), {"sum": sum(numbers) + add})


def shuffle_of(counts: list[int]) -> Shuffle:
    firsts = [sum(counts[:n]) for n in range(len(counts))]
    emits = [
        Emit(f"{first}-{count}", count, {"first": first, "count": count})
        for first, count in zip(firsts, counts, strict=True)
    ]
    return Shuffle(
        stage="sums",
        emits=emits,
        emit=rows,
        columns={"number": "int64", "line": "binary"},
        order=("number",),
        parts=[f"digit-{n}" for n in range(11)],
        reduce=total,
        arguments={"add": 1000},
        inputs="",
    )


def test_rows_come_together_by_group_and_in_order(tmp_path: Path) -> None:
    shuffle = shuffle_of([25, 0, 30])
    ledger = Ledger(tmp_path)
    with LocalEngine(2) as engine:
        outcomes = engine.group(ledger, shuffle, shuffle.tasks(), "sums", showing)
    expected = [[n for n in range(55) if n % 10 == digit] for digit in range(11)]
    assert [json.loads((ledger.folder("sums") / p).read_text()) for p in shuffle.parts] == expected
    # The eleventh group has no rows and is reduced all the same.
    assert [o.figures["sum"] for o in outcomes] == [sum(numbers) + 1000 for numbers in expected]
    assert all(ledger.done(task) for task in shuffle.tasks())


PARENT = """
import os, sys, time
from data_prep.engines.local import LocalEngine
def nap(_): time.sleep(60)
with LocalEngine(2) as engine:
    print(*(process.pid for _, process in engine._pool), flush=True)
    engine.call(nap, [1, 2, 3] if sys.argv[1] == "busy" else [])
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
