# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Everything hostile, in a process with limits of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from foundry_plugins.eval.sandbox.isolation import BUBBLEWRAP, NAMESPACES
from foundry_plugins.eval.sandbox.limits import Limits
from tests.foundry_plugins.eval.sandbox.attacks import (
    ATTACKS,
    BREACH,
    BREACHES,
    DEAR_TO_COMPILE,
    HOGS,
    LITTER,
    WITNESS,
    program,
)
from tests.foundry_plugins.eval.sandbox.run_limited import run

# By the clock there is much room, since the machine may be busy; CPU time is what ends most.
LIMITS = Limits(cpu_seconds=2, wall_seconds=40, memory_bytes=512 << 20, scratch_bytes=32 << 20)
SLEEPERS = Limits(cpu_seconds=1, wall_seconds=3, memory_bytes=512 << 20)
SLEEPING = ("sleep", "sleep of a child", "stopped")
ABSTRACT = f"an address of this test, {os.getpid()}"  # tests may run side by side
GOOD = "def f(x): return x + 1"
Verdicts = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=[BUBBLEWRAP, NAMESPACES])
def isolation(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def attacks(isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verdicts]:
    """All that is over quickly, by name; good ones between them must pass."""
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("secret")
    outside.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        named.bind(f"\0{ABSTRACT}")
        named.listen()
        values = {"port": server.getsockname()[1], "outside": str(outside), "abstract": ABSTRACT}
        texts = {name: text for name, (text, _) in ATTACKS.items()}
        texts |= {n: BREACH.replace("{go}", go.format(**values)) for n, go in BREACHES.items()}
        yield _run(texts, LIMITS, isolation)


@pytest.fixture(scope="module")
def hogs() -> Verdicts:
    """The limits are the same under both isolations."""
    texts = {name: text for name, (text, _) in HOGS.items()}
    found = _run({n: t for n, t in texts.items() if n not in SLEEPING}, LIMITS, BUBBLEWRAP)
    return found | _run({n: texts[n] for n in SLEEPING}, SLEEPERS, BUBBLEWRAP)


def _run(texts: dict[str, str], limits: Limits, isolation: str) -> Verdicts:
    names = list(texts)
    # One that is right and different each time follows every one that is wrong.
    programs = [
        program(text)
        for number, name in enumerate(names)
        for text in (texts[name], f"{GOOD} # {number}")
    ]
    results = run(programs, limits, isolation)
    for name, result in zip(names, results[1::2], strict=True):
        assert result["kind"] == "passed", f"after {name}: {result}"
    return dict(zip(names, results[0::2], strict=True))


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_but_right_answers_passes(name: str, attacks: Verdicts) -> None:
    assert attacks[name]["kind"] in ATTACKS[name][1], attacks[name]


@pytest.mark.parametrize("name", BREACHES)
def test_nothing_outside_is_reached(name: str, attacks: Verdicts) -> None:
    assert attacks[name]["kind"] == "assertion", attacks[name]


@pytest.mark.parametrize("name", HOGS)
def test_what_has_no_end_ends_as_one_failure(name: str, hogs: Verdicts) -> None:
    assert hogs[name]["kind"] in HOGS[name][1], hogs[name]


def test_nothing_is_left_behind(isolation: str) -> None:
    texts = [t for n, text in LITTER.items() for t in (text, f"{WITNESS}# {n}")]
    # With one worker the witness sees the sandbox of the one before.
    results = run([program(text) for text in texts], LIMITS, isolation, workers=1)
    assert [result["kind"] for result in results] == ["passed"] * len(texts), results


def test_compiling_takes_no_memory_from_later_programs() -> None:
    dear = [program(f"{DEAR_TO_COMPILE}# {number}") for number in range(2)]
    witnesses = [program(f"{WITNESS}# {number}") for number in range(2)]
    order = [dear[0], witnesses[0], dear[1], witnesses[1]]
    results = run(order, LIMITS, BUBBLEWRAP, workers=1)
    assert {result["kind"] for result in results[0::2]} <= {"memory", "timeout"}, results
    assert [result["kind"] for result in results[1::2]] == ["passed"] * 2, results


def test_a_breach_would_be_seen() -> None:
    tried = [BREACH.replace("{go}", f"os.listdir('/{folder}')") for folder in ("usr", "none")]
    found = run([program(text) for text in tried], LIMITS, BUBBLEWRAP)
    assert [result["kind"] for result in found] == ["passed", "assertion"]
