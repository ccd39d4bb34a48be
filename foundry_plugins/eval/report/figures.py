# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of an evaluation, a row for each language: pass@k, exact match, kinds of failures.

pass@k is told only where every problem has k judged samples (see `pass_at_k`): half an evaluation
has none. Answers that fill a gap are also compared with what was there, by SantaCoder's rule (Allal
et al. 2023, arXiv 2301.03988), which is all there is where a benchmark is judged so.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from foundry_plugins.eval.benchmarks.task import EXACT_MATCH, TESTS
from foundry_plugins.eval.pass_at_k import interval, mean_pass_at_k
from foundry_plugins.eval.postprocess import is_exact_match
from foundry_plugins.eval.report.folders import Evaluation, decoding

KS = (1, 10, 100)
EXACT = "exact match"
UNJUDGED = "not judged"
NO_LANGUAGE = "-"  # where the benchmark tells none
Counts = list[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Share:
    """A mean over problems with the 95 % interval of its bootstrap."""

    value: float
    low: float
    high: float

    def text(self) -> str:
        """In per cent."""
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@dataclasses.dataclass(frozen=True)
class Row:
    """One evaluation's figures in one language.

    Attributes:
        name: Of the evaluation, different from all others' of the benchmark.
        benchmark: Its name, and its file's.
        rules: Whose.
        judged: How; see `benchmarks.task`.
        language: Short name.
        decoding: In a few words.
        problems: How many.
        samples: Fewest and most of a problem.
        shares: ``pass@K`` and `EXACT`, those that there are.
        kinds: How many samples ended in each way.
        cut_off: Samples that ended by their length.
        mean_tokens: Of a sample.
    """

    name: str
    benchmark: str
    rules: str
    judged: str
    language: str
    decoding: str
    problems: int
    samples: tuple[int, int]
    shares: Mapping[str, Share]
    kinds: Mapping[str, int]
    cut_off: int
    mean_tokens: float

    @property
    def forgeable(self) -> bool:
        """Whether programs that are judged by how they end, not by what they return."""
        return self.judged == TESTS and self.language != "py"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


def rows(evaluation: Evaluation, ks: Sequence[int] = KS) -> list[Row]:
    """Figures by language."""
    return [_row(evaluation, language, ks) for language in evaluation.languages]


def judged_by(evaluation: Evaluation) -> str:
    """Tests, unless told."""
    return str(evaluation.settings.get("judged") or TESTS)


def _row(evaluation: Evaluation, language: str, ks: Sequence[int]) -> Row:
    by_task = {
        task_id: samples
        for task_id, samples in evaluation.by_task().items()
        if evaluation.tasks[task_id]["language"] == language
    }
    samples = [sample for found in by_task.values() for sample in found]
    sizes = [len(found) for found in by_task.values()]
    _, rules, _ = evaluation.asked
    return Row(
        *(evaluation.name, evaluation.title, rules, judged_by(evaluation), language or NO_LANGUAGE),
        *(decoding(evaluation.settings), len(by_task), (min(sizes), max(sizes))),
        shares=_shares(evaluation, by_task, ks),
        kinds=dict(collections.Counter(kind_of(evaluation, sample) for sample in samples)),
        cut_off=sum(sample.get("ended") == "length" for sample in samples),
        mean_tokens=sum(sample.get("tokens", 0) for sample in samples) / max(len(samples), 1),
    )


def kind_of(evaluation: Evaluation, sample: Mapping[str, Any]) -> str:
    """How a sample ended."""
    verdict = evaluation.verdicts.get((sample["task_id"], sample["sample"]))
    return UNJUDGED if verdict is None else str(verdict["kind"])


def _shares(
    evaluation: Evaluation, by_task: Mapping[str, Sequence[Mapping[str, Any]]], ks: Sequence[int]
) -> dict[str, Share]:
    passed = [
        _count(
            evaluation.verdicts[key]["passed"]
            for key in ((sample["task_id"], sample["sample"]) for sample in samples)
            if key in evaluation.verdicts
        )
        for samples in by_task.values()
    ]
    if judged_by(evaluation) == EXACT_MATCH:
        found = {EXACT: _share(passed, 1)}
    else:
        found = {f"pass@{k}": _share(passed, k) for k in ks}
        found[EXACT] = _share(_exact(evaluation, by_task), 1)
    return {name: share for name, share in found.items() if share is not None}


def _exact(evaluation: Evaluation, by_task: Mapping[str, Sequence[Mapping[str, Any]]]) -> Counts:
    """Of problems with a gap; none if any has no known text for it."""
    texts = {task_id: evaluation.tasks[task_id].get("canonical") for task_id in by_task}
    gaps = [evaluation.tasks[task_id].get("suffix") is not None for task_id in by_task]
    if not all(gaps) or None in texts.values():
        return []
    return [
        _count(is_exact_match(sample["completion"], str(texts[task_id])) for sample in samples)
        for task_id, samples in by_task.items()
    ]


def _count(passed: Any) -> tuple[int, int]:
    found = list(passed)
    return len(found), sum(found)


def _share(counts: Counts, k: int) -> Share | None:
    value, bounds = mean_pass_at_k(counts, k), interval(counts, k)
    return None if value is None or bounds is None else Share(value, *bounds)
