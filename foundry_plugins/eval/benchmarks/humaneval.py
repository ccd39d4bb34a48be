# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""HumanEval: 164 Python functions to be written from signature and docstring.

Chen et al. 2021 (arXiv 2107.03374). Three sets of rules are in use, whose figures differ:

    openai    the prompt as it is; the stops of section 3.2 of the paper
    bigcode   the prompt stripped of white space at both ends; more stops (the harness that the
              figures of SantaCoder, StarCoder and Refact come from)
    thesis    the prompt as it is; four stops (class, def, if, print)

HumanEval+ (Liu et al. 2023, arXiv 2305.01210) has about 80 times the tests, which take longer and
ask for answers of megabytes. It is read in the form with tests (``HumanEvalPlus-OriginFmt``), which
in release 0.1.10 are not quite those that evalplus itself runs, and made so:

* HumanEval/32 gives its arguments in the wrong order, so that no answer passes; the polynomial has
  to be next to 0 at the answer.
* Numbers are compared as arrays that fit each other's shapes, so that ``[]`` equals any number;
  an answer needs the type and the length of what is expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import require
from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task, records
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import PythonProgram
from foundry_plugins.eval.stops import cut

STOPS = {
    "openai": ("\nclass", "\ndef", "\n#", "\nif", "\nprint"),
    "bigcode": (
        *("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```"),
        "<file_sep>",
    ),
    "thesis": ("\nclass", "\ndef", "\nif", "\nprint"),
}
PLUS = "humaneval_plus"
# The slowest right answers take 3 s of CPU and 9 s by the clock, with tests; one gives 11 MB.
_PLUS_LIMITS = Limits(cpu_seconds=20.0, wall_seconds=40.0, output_bytes=1 << 25)
_CLOSE = "        assert np.allclose(out, exp, rtol=1e-07, atol=atol)\n"
_PLUS_TESTS = {
    "assert _poly(*candidate(*inp), inp) <=": "assert abs(_poly(*inp, candidate(*inp))) <=",
    _CLOSE: (
        "        assert type(out) == type(exp)\n"
        "        assert not isinstance(exp, (list, tuple)) or len(out) == len(exp)\n" + _CLOSE
    ),
}
# Nothing else has a function of that name in its tests.
_PLUS_SIGN = "def assertion(out, exp, atol):"
_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


def benchmark(name: str, rules: str) -> Benchmark:
    """HumanEval or HumanEval+ under one of the sets of rules."""

    def read(path: Path) -> list[Task]:
        return [
            Task(
                task_id=record["task_id"],
                language="py",
                prompt=record["prompt"].strip() if rules == "bigcode" else record["prompt"],
                suffix=None,
                canonical=record["canonical_solution"],
                stops=STOPS[rules],
                record=record,
            )
            for record in (_plus if name == PLUS else _plain)(path)
        ]

    limits = _PLUS_LIMITS if name == PLUS else Limits()
    return Benchmark(name, rules, TESTS, read, _truncate, program, 512, limits=limits)


def _plain(path: Path) -> Iterator[dict[str, Any]]:
    for where, record in records(path, _FIELDS):
        require(
            _PLUS_SIGN not in record["test"],
            f"{where}: the tests are those of HumanEval+, with more time and longer answers than "
            "`humaneval` allows; name it as `humaneval_plus`.",
        )
        yield record


def _plus(path: Path) -> Iterator[dict[str, Any]]:
    for where, record in records(path, _FIELDS):
        require(
            "plus_input" not in record,
            f"{where}: the problem's tests are HumanEval's own, those of HumanEval+ stand in "
            "`plus_input`; take the file in the form with tests, HumanEvalPlus-OriginFmt.jsonl.gz "
            "(`foundry-plugins eval-data humaneval_plus`).",
        )
        test = record["test"]
        for given, meant in _PLUS_TESTS.items():
            test = test.replace(given, meant)
        yield {**record, "test": test}


def _truncate(task: Task, text: str) -> str:
    return cut(text, task.stops)


def program(task: Task, answer: str) -> PythonProgram:
    """The tests call ``check`` with the function; some also call others of the prompt."""
    record = task.record
    return PythonProgram(
        trusted=record["prompt"] + record["canonical_solution"],
        candidate=f"{task.prompt}{answer}\n\n",  # an answer may be cut behind a backslash
        test=f"{record['test']}\ncheck({record['entry_point']})",
        names=(record["entry_point"],),
    )
