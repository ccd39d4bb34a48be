# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The closing figures of a conversion: ``report.json``, and the same as a table.

All but ``seconds`` is decided by the recipe and the files.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from data_prep import cleaning
from data_prep.ledger import Outcome
from data_prep.recipe import UNHASHED, Recipe
from data_prep.split import SPLITS
from data_prep.stages import shuffle

REPORT_FILE = "report.json"
SAMPLED_OUT = "sampled_out"


def dropped(parts: Sequence[Outcome]) -> collections.Counter[str]:
    """What a stage dropped, by reason."""
    counts: collections.Counter[str] = collections.Counter()
    for reason, by_language in dropped_by_language(parts).items():
        counts[reason] = sum(by_language.values())
    return counts


def dropped_by_language(parts: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """What a stage dropped, by reason and language."""
    return _summed(outcome.figures["dropped"] for outcome in parts)


def bad_rows(read: Sequence[Outcome]) -> collections.Counter[str]:
    """Rows that could not be read, by reason."""
    counts: collections.Counter[str] = collections.Counter()
    for outcome in read:
        counts.update(outcome.figures["bad"])
    return counts


def by_reason(counts: collections.Counter[str]) -> str:
    """Counts as words, the largest first: ``12 near_empty, 3 not_source``."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {reason}" for reason, number in ordered)


def build(
    recipe: Recipe,
    *,
    read: Sequence[Outcome],
    cleaned: Sequence[Outcome],
    gathered: Sequence[Outcome],
    learned: Outcome,
    packed: Sequence[Outcome],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """The figures, from the outcomes of all stages."""
    drops = dropped([*read, *cleaned])
    taken = sum(outcome.figures["documents"] for outcome in gathered)
    if left := sum(outcome.figures["documents"] for outcome in cleaned) - taken:
        drops[SAMPLED_OUT] = left
    plan = recipe.plan()
    return {
        "recipe": {key: plan[key] for key in plan if key not in UNHASHED},
        "recipe_hash": recipe.hash,
        "files": sum(outcome.figures["files"] for outcome in read),
        "bad_rows": dict(bad_rows(read)),
        "dropped": dict(drops),
        "dropped_by_language": dropped_by_language([*read, *cleaned]),
        **{kind: _named(gathered, kind) for kind in ("languages", "sources", "licenses")},
        **_cleaning(recipe, read),
        "splits": {side: _side(side, gathered, packed) for side in SPLITS},
        "across_splits": recipe.dedup.across_splits,
        "tokenizer": {k: v for k, v in learned.figures.items() if k != "sentinels"},
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }


def _cleaning(recipe: Recipe, read: Sequence[Outcome]) -> dict[str, Any]:
    """Finds of benchmark problems, and spans redacted by kind and language."""
    finds = _summed(outcome.figures["finds"] for outcome in read)
    index = cleaning.benchmarks(recipe)
    searched = index.counts if index else {}
    return {
        "decontamination": {
            name: {**dataclasses.asdict(count), "finds": finds.get(name, {})}
            for name, count in searched.items()
        },
        "redacted": _summed(outcome.figures["redacted"] for outcome in read),
    }


def _summed(tables: Iterable[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    sums: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for table in tables:
        for name, counts in table.items():
            sums[name].update(counts)
    return {name: dict(sorted(sums[name].items())) for name in sorted(sums)}


def _named(gathered: Sequence[Outcome], kind: str) -> dict[str, dict[str, int]]:
    return {
        name: {"documents": documents, "bytes": size}
        for name, (documents, size) in shuffle.totals(gathered, kind).items()
    }


def _side(side: str, gathered: Sequence[Outcome], packed: Sequence[Outcome]) -> dict[str, Any]:
    texts = [outcome.figures for outcome in gathered if outcome.files[0].startswith(side)]
    shards = [outcome.figures for outcome in packed if outcome.files[0].startswith(side)]
    figures: dict[str, Any] = {"documents": sum(f["documents"] for f in texts)}
    figures["bytes"] = sum(f["bytes"] for f in texts)
    for name in ("tokens", "samples", "shard_bytes"):
        figures[name] = sum(f[name] for f in shards)
    figures["bytes_per_token"] = round(figures["bytes"] / figures["tokens"], 3)
    return figures


def show(report: dict[str, Any], title: str) -> None:
    """Prints the figures as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *SPLITS, "both", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("files in", "", "", f"{report['files']:,}")
    for reason, number in sorted(report["bad_rows"].items()):
        table.add_row(f"  unreadable: {reason}", "", "", f"-{number:,}")
    counts = collections.Counter(report["dropped"])
    for reason, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"  dropped: {reason}", "", "", f"-{number:,}")
    for kind, by_language in report["redacted"].items():
        spans = sum(by_language.values())
        table.add_row(f"  replaced: {kind.replace('_', ' ')}", "", "", f"{spans:,}")
    splits = [report["splits"][side] for side in SPLITS]
    for name in ("documents", "bytes", "tokens", "bytes_per_token", "samples", "shard_bytes"):
        if name == "bytes_per_token":
            both = sum(s["bytes"] for s in splits) / sum(s["tokens"] for s in splits)
            cells = [f"{value:.2f}" for value in (*(s[name] for s in splits), both)]
        else:
            values = [s[name] for s in splits]
            cells = [f"{value:,}" for value in (*values, sum(values))]
        table.add_row(name.replace("_", " "), *cells)
    table.add_row("seconds", "", "", f"{report['seconds']['total']:.1f}")
    Console().print(table)
