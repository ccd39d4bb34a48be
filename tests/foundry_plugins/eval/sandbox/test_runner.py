# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox import confine
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import FAILURES, Program, PythonProgram, Verdict
from foundry_plugins.eval.sandbox.runner import Runner, StoppedError

LIMITS = Limits(wall_seconds=60)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(LIMITS) as runner:
        yield runner


def program(
    candidate: str, test: str = "assert f(1) == 2", trusted: str = "", name: str = "f"
) -> PythonProgram:
    return PythonProgram(trusted, candidate, test, (name,))


def verdict(runner: Runner, one: PythonProgram) -> Verdict:
    ((number, found),) = runner.run([one])
    assert number == 0
    assert not found.passed or found.kind == "passed"
    return found


GOOD = "def f(x): return x + 1"


@pytest.mark.parametrize(
    ("candidate", "kind", "message"),
    [
        (GOOD, "passed", ""),
        ("def f(x): return x", "assertion", "AssertionError"),
        ("def f(x: return", "syntax", "line 1"),
        ("def f(x): return '\0'", "syntax", "null bytes"),
        ("def f(x): return y", "name", "NameError: name 'y'"),
        ("import numpi", "name", "numpi"),
        ("def f(x): return x.y", "name", "AttributeError"),
        ("def g(x): return 2", "name", "name 'f' is not defined"),
        ("def f(x): return x + '1'", "type", "TypeError"),
        ("def f(): return 2", "type", "TypeError"),
        ("def f(x): return 1 / 0", "exception", "ZeroDivisionError"),
        ("1 / 0", "exception", "ZeroDivisionError"),
        ("", "name", "name 'f' is not defined"),
    ],
)
def test_kinds(runner: Runner, candidate: str, kind: str, message: str) -> None:
    found = verdict(runner, program(candidate))
    assert found.kind == kind
    assert found.kind == "passed" or found.kind in FAILURES
    assert message in found.message


def test_tests_see_what_a_function_returns(runner: Runner) -> None:
    candidate = (
        "def f(x):\n"
        " return {'n': None, 't': (1, [2.5]), 's': {3}, 'b': b'4', 'i': 10**500}, range(x), x > 1"
    )
    test = (
        "a, b, c = f(2)\n"
        "assert a == {'n': None, 't': (1, [2.5]), 's': {3}, 'b': b'4', 'i': 10**500}\n"
        "assert type(a['t']) is tuple and b == range(2) and c is True\n"
        "assert f(x=1)[2] is False"
    )
    assert verdict(runner, program(candidate, test)).kind == "passed"


def test_tests_can_expect_exceptions(runner: Runner) -> None:
    candidate = "class Own(ValueError): pass\ndef f(x):\n raise Own('no ' + str(x))"
    test = (
        "try: f(1)\nexcept ValueError as error: assert 'no 1' in str(error)\nelse: assert False\n"
        "caught = 0\ntry: f(2)\nexcept Exception: caught = 1\nassert caught"
    )
    assert verdict(runner, program(candidate, test)).kind == "passed"
    # The end of a candidate is no exception that a test can swallow.
    test = "try: f(1)\nexcept Exception: pass\ntry: f(1)\nexcept: pass"
    ending = program("import os\ndef f(x): os._exit(0)", test)
    assert verdict(runner, ending).kind == "exit"


def test_arguments_of_the_benchmarks_classes_become_the_candidates(runner: Runner) -> None:
    node = "class Node:\n def __init__(self, v, l=None): self.v, self.l = v, l\n"
    candidate = node + " def total(self): return self.v + (self.l.total() if self.l else 0)\n"
    test = "assert f(Node(1, Node(2))) == 3"
    good = program(candidate + "def f(x): return x.total()", test, trusted=node)
    assert verdict(runner, good).kind == "passed"
    assert verdict(runner, program("def f(x): return 3", test, trusted=node)).kind == "name"


def test_trusted_code_is_beside_the_candidate(runner: Runner) -> None:
    trusted = "def g(x): return x + 10\ndef f(x): return -1"
    test = "def check(candidate):\n assert candidate(g(1)) == 12\ncheck(f)"
    assert verdict(runner, program(GOOD, test, trusted)).kind == "passed"
    broken = verdict(runner, program(GOOD, "assert f(", trusted))
    assert (broken.kind, broken.passed) == ("sandbox", False)
    assert "benchmark's own code" in broken.message


def test_numpy_is_there_for_tests_and_candidates(runner: Runner) -> None:
    pytest.importorskip("numpy")
    candidate = "import numpy as np\ndef f(x): return np.int64(x) + 1"
    test = "import numpy as np\nassert np.allclose(f(1), 2.0)"
    assert verdict(runner, program(candidate, test)).kind == "passed"


def test_a_candidate_whose_module_ends_is_wrong_even_if_it_is_never_called(runner: Runner) -> None:
    assert verdict(runner, program("raise ValueError", "pass")).kind == "exception"
    assert verdict(runner, program(GOOD, "pass")).kind == "passed"


def test_equal_programs_run_once_and_all_get_the_verdict(runner: Runner) -> None:
    slow = program("import time\ntime.sleep(0.3)\ndef f(x): return x + 1")
    found = dict(runner.run([slow, program("def f(x): return 0"), slow, slow]))
    assert [found[i].kind for i in range(4)] == ["passed", "assertion", "passed", "passed"]
    assert len({found[i] for i in (0, 2, 3)}) == 1


def test_verdicts_come_as_programs_end() -> None:
    slow = program("import time\ntime.sleep(2)\ndef f(x): return x + 1")
    with Runner(LIMITS, workers=2) as runner:
        order = [number for number, _ in runner.run([slow, *map(program, (GOOD, GOOD + "#"))])]
    assert order[-1] == 0


def test_a_worker_that_dies_is_replaced() -> None:
    with Runner(LIMITS, workers=1) as runner:
        assert verdict(runner, program(GOOD)).passed
        for box in runner._boxes[0].values():
            os.killpg(box._process.pid, signal.SIGKILL)
        found = dict(runner.run([program(GOOD + f"# {i}") for i in range(3)]))
    assert all(found[i].passed for i in range(3))


def test_the_same_sandboxes_serve_run_after_run() -> None:
    with Runner(LIMITS, workers=1) as runner:
        verdict(runner, program(GOOD))
        first = {name: box._process.pid for name, box in runner._boxes[0].items()}
        verdict(runner, program(GOOD))
        assert {name: box._process.pid for name, box in runner._boxes[0].items()} == first
    for pid in first.values():
        assert not Path(f"/proc/{pid}").exists()


def test_an_iterator_that_is_left_early_ends_its_threads(runner: Runner) -> None:
    found = runner.run([program(GOOD + f"# {i}") for i in range(50)])
    assert next(found)[1].passed
    found.close()
    assert verdict(runner, program(GOOD)).passed


def test_a_stop_ends_what_runs() -> None:
    texts = [GOOD, *(f"def f(x):\n while True: pass # {number}" for number in range(3))]
    kinds, first, errors = [], threading.Event(), []

    def consume() -> None:
        try:
            for _, found in runner.run(map(program, texts)):
                kinds.append(found.kind)
                first.set()
        except StoppedError as error:
            errors.append(error)

    # Without a stop the three would take nine seconds of CPU time and have verdicts.
    with Runner(LIMITS, workers=1) as runner:
        thread = threading.Thread(target=consume)
        thread.start()
        assert first.wait(60)
        runner.stop()
        thread.join()
        assert (kinds, len(errors)) == (["passed"], 1)
        with pytest.raises(StoppedError):
            verdict(runner, program(GOOD))
    with Runner(LIMITS, workers=1) as never_ran:
        never_ran.stop()
        with pytest.raises(StoppedError):
            verdict(never_ran, program(GOOD))


def test_files_are_deleted_before_the_verdict() -> None:
    """Else the next program would wait for it, on its own time."""
    text = "for i in range(10_000): open(f'{i}', 'w').close()\ndef f(x): return x + 1"
    limits = Limits(cpu_seconds=30, wall_seconds=60)
    # Without isolation the folder can be looked at from here.
    with Runner(limits, workers=1, isolation="unsafe") as runner:
        assert verdict(runner, program(text)).passed
        assert not os.listdir(runner._boxes[0]["candidate"].scratch)


def test_less_memory_is_for_one_function_only() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    bound = confine.addresses() + (64 << 20)
    assert confine.within(bound, lambda: resource.getrlimit(resource.RLIMIT_AS)[0]) == bound
    with pytest.raises(MemoryError):
        confine.within(bound, lambda: bytearray(8 << 30))
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_test_that_makes_much_of_an_answer_is_bounded(runner: Runner) -> None:
    large = program("def f(x): return range(10**12)", "assert sorted(f(1)) == [1]")
    assert verdict(runner, large).kind == "memory"
    endless = program("def f(x): return 10**12", "for i in range(f(1)): assert i >= 0")
    with Runner(Limits(wall_seconds=2), workers=1) as impatient:
        assert verdict(impatient, endless).kind == "timeout"
        assert verdict(impatient, program(GOOD)).passed


def test_unsafe_is_for_those_who_name_it(caplog: pytest.LogCaptureFixture) -> None:
    with Runner(LIMITS, workers=1, isolation="unsafe") as runner:
        kinds = [
            verdict(runner, program(text)).kind
            for text in (GOOD, "def f(x): return 0", "import os\nos._exit(0)", "while True: pass")
        ]
    assert kinds == ["passed", "assertion", "exit", "timeout"]
    assert "all rights of this account" in caplog.text


def test_mistakes_are_sentences() -> None:
    with pytest.raises(UserError, match="`workers` must be positive, got 0"):
        Runner(LIMITS, workers=0)
    with pytest.raises(UserError, match="`isolation` must be one of auto, bubblewrap"):
        Runner(LIMITS, isolation="docker")
    with (
        Runner(LIMITS, workers=1) as runner,
        pytest.raises(UserError, match=r"language must be one of .* got 'javascript'"),
    ):
        list(runner.run([Program("javascript", "", "")]))
