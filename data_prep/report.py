# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The closing figures of a conversion: ``report.json``, and the same as a table.

All but ``seconds`` is decided by the recipe and the files.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any

from data_prep.ledger import Outcome
from data_prep.recipe import Recipe
from data_prep.split import SPLITS

REPORT_FILE = "report.json"
DUPLICATE = "exact_duplicate"


def dropped(read: Sequence[Outcome]) -> collections.Counter[str]:
    """Files dropped while reading, by reason."""
    counts: collections.Counter[str] = collections.Counter()
    for outcome in read:
        for reason, by_language in outcome.figures["dropped"].items():
            counts[reason] += sum(by_language.values())
    return counts


def by_reason(counts: collections.Counter[str]) -> str:
    """Counts as words, the largest first: ``12 near_empty, 3 not_source``."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {reason}" for reason, number in ordered)


def build(
    recipe: Recipe,
    *,
    read: Sequence[Outcome],
    kept: Outcome,
    gathered: Sequence[Outcome],
    learned: Outcome,
    packed: Sequence[Outcome],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """The figures, from the outcomes of all stages."""
    by_language: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for outcome in read:
        for reason, counts in outcome.figures["dropped"].items():
            by_language[reason].update(counts)
    drops = dropped(read)
    if kept.figures["duplicates"]:
        drops[DUPLICATE] = kept.figures["duplicates"]
    languages: dict[str, list[int]] = {}
    for outcome in gathered:
        for name, (documents, num_bytes) in outcome.figures["languages"].items():
            old = languages.get(name, [0, 0])
            languages[name] = [old[0] + documents, old[1] + num_bytes]
    plan = recipe.plan()
    return {
        "recipe": {key: plan[key] for key in plan if key not in ("workers", "output")},
        "recipe_hash": recipe.hash,
        "files": sum(outcome.figures["files"] for outcome in read),
        "dropped": dict(drops),
        "dropped_by_language": {reason: dict(counts) for reason, counts in by_language.items()},
        "languages": {
            name: {"documents": documents, "bytes": num_bytes}
            for name, (documents, num_bytes) in languages.items()
        },
        "splits": {side: _side(side, gathered, packed) for side in SPLITS},
        "tokenizer": {k: v for k, v in learned.figures.items() if k != "sentinels"},
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
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
    counts = collections.Counter(report["dropped"])
    for reason, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"  dropped: {reason}", "", "", f"-{number:,}")
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
