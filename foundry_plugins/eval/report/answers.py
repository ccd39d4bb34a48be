# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Problems and what models answered, folded, for a page that is read and filtered.

A problem's text stands once for all models that were shown the same. Of each model a few answers
are shown, equal ones once and one of each kind first; the others are counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from foundry_plugins.eval.report.figures import NO_LANGUAGE, UNJUDGED, kind_of
from foundry_plugins.eval.report.folders import Evaluation
from foundry_plugins.eval.report.texts import code, escaped

_ENDED = {"stop": "ended by a stop", "end": "ended by itself", "length": "cut off by its length"}
SOLVED = {"all": "by every answer", "some": "by some answers", "none": "by no answer"}


@dataclasses.dataclass(frozen=True)
class Answer:
    """Equal answers of one kind.

    Attributes:
        sample: The first of them.
        kind: How they ended.
        verdict: Of the first; None if it has none.
        equal: How many there are.
    """

    sample: Mapping[str, Any]
    kind: str
    verdict: Mapping[str, Any] | None
    equal: int


def problems(evaluations: Sequence[Evaluation], shown: int) -> Iterator[str]:
    """The blocks of all problems, in the order of the first evaluation that has each."""
    asked: dict[tuple[str, ...], list[int]] = {}
    for number, evaluation in enumerate(evaluations):
        for task_id, task in evaluation.tasks.items():
            texts = (task["prompt"], task.get("suffix") or "")
            key = (task_id, *evaluation.asked, task["language"], *texts)
            asked.setdefault(key, []).append(number)
    by_task = [evaluation.by_task() for evaluation in evaluations]
    for (task_id, *_), numbers in asked.items():
        answers = {
            number: group(evaluations[number], by_task[number][task_id]) for number in numbers
        }
        yield _problem(evaluations, task_id, answers, shown)


def group(evaluation: Evaluation, samples: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """Distinct answers of a problem: the first of each kind, then the others in their order."""
    found: dict[tuple[str, str], Answer] = {}
    for sample in samples:
        ended = kind_of(evaluation, sample)
        key = (sample["completion"], ended)
        if key in found:
            found[key] = dataclasses.replace(found[key], equal=found[key].equal + 1)
        else:
            verdict = evaluation.verdicts.get((sample["task_id"], sample["sample"]))
            found[key] = Answer(sample, ended, verdict, 1)
    first: dict[str, Answer] = {}
    for answer in found.values():
        first.setdefault(answer.kind, answer)
    others = [answer for answer in found.values() if answer is not first[answer.kind]]
    return [*first.values(), *others]


def called(evaluation: Evaluation) -> str:
    """The benchmark with its rules."""
    return f"{evaluation.title} {evaluation.asked[1]}".strip()


def token(text: str) -> str:
    """A word that stands for a text among others that are parted by blanks."""
    return "_".join(text.split()) or "_"


def _problem(
    evaluations: Sequence[Evaluation],
    task_id: str,
    answers: Mapping[int, Sequence[Answer]],
    shown: int,
) -> str:
    first = evaluations[next(iter(answers))]
    task, benchmark = first.tasks[task_id], called(first)
    names = {number: evaluations[number].name for number in answers}
    language = task["language"] or NO_LANGUAGE
    scores = ", ".join(f"{names[number]}: {_score(found)}" for number, found in answers.items())
    sections = "\n".join(
        _answers(names[number], number, found, shown) for number, found in answers.items()
    )
    return f"""<details class="problem" data-benchmark="{escaped(token(benchmark))}" \
data-language="{escaped(token(language))}" data-search="{escaped(task_id.lower())}">
<summary><span class="id">{escaped(task_id)}</span> {escaped(benchmark)}, \
{escaped(language)} <span class="scores">{escaped(scores)}</span></summary>
{_texts(task)}
{sections}
</details>"""


def _texts(task: Mapping[str, Any]) -> str:
    """What was asked; what would be right is folded once more."""
    shown = [("Before the gap" if task.get("suffix") else "Prompt", task["prompt"])]
    shown += [("After the gap", task["suffix"])] if task.get("suffix") else []
    folded = [
        (title, task.get(key)) for title, key in (("Solution", "canonical"), ("Tests", "tests"))
    ]
    return "\n".join(
        [
            *(f"<h4>{title}</h4>\n{code(text)}" for title, text in shown),
            *(
                f"<details><summary>{title}</summary>\n{code(text)}\n</details>"
                for title, text in folded
                if text
            ),
        ]
    )


def _passed(answers: Sequence[Answer]) -> tuple[int, int, int]:
    """How many passed, were judged, and are there."""
    judged = [answer for answer in answers if answer.verdict is not None]
    passed = sum(a.equal for a in judged if a.verdict is not None and a.verdict["passed"])
    return passed, sum(a.equal for a in judged), sum(a.equal for a in answers)


def _score(answers: Sequence[Answer]) -> str:
    passed, judged, all_ = _passed(answers)
    if judged == all_:
        return f"{passed} of {all_} right"
    return f"{all_} answers" if not judged else f"{passed} of {judged} judged right"


def _solved(answers: Sequence[Answer]) -> str:
    passed, judged, _ = _passed(answers)
    if not judged:
        return ""
    if not passed:
        return "none"
    return f"{'all' if passed == judged else 'some'} some_or_all"


def _answers(name: str, number: int, answers: Sequence[Answer], shown: int) -> str:
    kinds = " ".join(dict.fromkeys(token(answer.kind) for answer in answers))
    hidden = answers[shown:]
    rest = sum(answer.equal for answer in hidden)
    more = f'<p class="more">{rest:,} more answers are not shown.</p>' if rest else ""
    blocks = "\n".join(map(_answer, answers[:shown]))
    return f"""<section class="answers" data-model="{number}" data-kinds="{escaped(kinds)}" \
data-solved="{_solved(answers)}">
<h3>{escaped(name)}: {_score(answers)}</h3>
{blocks}
{more}
</section>"""


def _answer(answer: Answer) -> str:
    sample, verdict = answer.sample, answer.verdict or {}
    passed = verdict.get("passed")
    mark = "" if answer.kind == UNJUDGED else "good" if passed else "bad"
    facts = [
        f"{sample['tokens']} tokens" if "tokens" in sample else "",
        _ENDED.get(str(sample.get("ended")), ""),
        f"{verdict['wall_seconds']:.2f} s" if verdict.get("wall_seconds") else "",
        f"{answer.equal} equal ones" if answer.equal > 1 else "",
    ]
    told = f"<p>{escaped(verdict['message'])}</p>" if verdict.get("message") else ""
    return f"""<article data-kind="{escaped(token(answer.kind))}">
<p>Answer {sample["sample"]}: <span class="{mark}">{escaped(answer.kind)}</span>\
{escaped("".join(f", {fact}" for fact in facts if fact))}</p>
{told}
{code(sample["completion"])}
</article>"""
