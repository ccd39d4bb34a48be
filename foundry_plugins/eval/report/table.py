# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Figures as one table in a terminal, and what has to be said beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from foundry_plugins.eval.benchmarks.task import PEOPLE
from foundry_plugins.eval.report import folders
from foundry_plugins.eval.report.figures import KS, UNJUDGED, Row, rows
from foundry_plugins.eval.sandbox.programs import PASSED

FORGEABLE = (
    "Programs in other languages than Python are judged by how they end: after its tests a program "
    "has to give a word that is made for it alone, so that ending early is a failure. The answer "
    "runs in the same process as its tests. One that looks for the word in its own source or "
    "memory, or redefines what the tests call, is counted as passed; nothing here can tell."
)
_RIGHT = (PASSED, "exact_match")


def all_rows(evaluations: Sequence[folders.Evaluation], ks: Sequence[int] = KS) -> list[Row]:
    """Rows of all evaluations; those of a benchmark and language beside each other."""
    found = [row for evaluation in evaluations for row in rows(evaluation, ks)]
    return sorted(found, key=lambda row: (row.benchmark, row.rules, row.language))


def print_all(parents: Sequence[Path]) -> None:
    """Prints the figures of all results below some folders, and the notes."""
    found = all_rows(folders.find(parents)[0])
    print_table(found)
    for note in notes(found):
        print(note)


def print_table(found: Sequence[Row]) -> None:
    """One line a row; columns are the shares that any row has."""
    shares = share_names(found)
    heads = ("benchmark", "rules", "language", "model", "problems", "samples")
    shown = Table(*heads, *shares, "failures", title="Code evaluation, 95 % intervals")
    for row in found:
        values = [row.shares[name].text() if name in row.shares else "-" for name in shares]
        shown.add_row(*labels(row), *values, failures(row))
    Console().print(shown)


def share_names(found: Iterable[Row]) -> list[str]:
    """Shares that any row has, in the order of the first that has them all."""
    return list(dict.fromkeys(name for row in found for name in row.shares))


def labels(row: Row) -> tuple[str, ...]:
    """The cells before the figures."""
    fewest, most = row.samples
    samples = str(most) if fewest == most else f"{fewest} to {most}"
    return (row.benchmark, row.rules, row.language, row.name, str(row.problems), samples)


def failures(row: Row) -> str:
    """Kinds of failures, the most frequent first."""
    wrong = {kind: count for kind, count in row.kinds.items() if kind not in _RIGHT}
    most = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{kind} {count}" for kind, count in most) or "-"


def notes(found: Sequence[Row]) -> list[str]:
    """What a reader of the figures has to know."""
    said = [
        f"{row.name}, {row.benchmark} in {row.language}: {row.kinds[UNJUDGED]} samples have no "
        "verdict yet; `foundry-plugins eval-judge` gives it."
        for row in found
        if row.kinds.get(UNJUDGED) and row.judged != PEOPLE
    ]
    said += [
        f"{row.name}, {row.benchmark} in {row.language}: its problems have {row.samples[0]} to "
        f"{row.samples[1]} samples; there is no pass@k where one has fewer than k."
        for row in found
        if row.samples[0] != row.samples[1]
    ]
    return [*said, FORGEABLE] if any(row.forgeable for row in found) else said
