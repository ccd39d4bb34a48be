# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``convert_dataset plan``: what a recipe would do, counted on a sample.

Counts, bytes and seconds are those of the trial times `data_prep.trial.Trial.scale`. Duplicates are
the exception: a sample shows few of them, so the true share is higher and the figures below are
upper bounds of documents, tokens and time.
"""

from __future__ import annotations

from typing import Any

from data_prep.ledger import size_of
from data_prep.recipe import Recipe
from data_prep.split import SPLITS
from data_prep.trial import Trial, trial
from foundry_plugins.contract.files import write_json

PLAN_FILE = "plan.json"


def plan(recipe: Recipe, sample_bytes: int) -> dict[str, Any]:
    """Runs a trial, scales it and writes ``plan.json`` into the output folder."""
    with trial(recipe, sample_bytes) as tried:
        content = estimate(recipe, tried)
    write_json(recipe.output / PLAN_FILE, content)
    return content


def estimate(recipe: Recipe, tried: Trial) -> dict[str, Any]:
    """The estimate of a whole run."""
    report, scale = tried.report, tried.scale
    sides = [report["splits"][side] for side in SPLITS]
    seconds = {name: value * scale for name, value in report["seconds"].items() if name != "total"}
    # Training a vocabulary reads no more than its limit, however much there is.
    learned = report["tokenizer"].get("training_bytes", 0)
    if learned:
        most = min(scale, max(recipe.tokenizer.training_bytes / learned, 1.0))
        seconds["vocabulary"] = report["seconds"].get("vocabulary", 0.0) * most
    written = sum(size_of(tried.folder / name) or 0 for name in (*SPLITS, "documents"))
    return {
        "sample": {
            "text_bytes": sum(source.text_bytes for source in tried.sources.values()),
            "files": report["files"],
            "vocab_size": report["tokenizer"]["vocab_size"],
        },
        "sources": {
            name: {
                "units": source.units,
                "stored_bytes": source.num_bytes,
                "text_bytes": round(source.text_bytes * source.scale),
            }
            for name, source in tried.sources.items()
        },
        "files": round(report["files"] * scale),
        "dropped": {reason: round(n * scale) for reason, n in report["dropped"].items()},
        "documents": round(sum(side["documents"] for side in sides) * scale),
        "bytes": round(sum(side["bytes"] for side in sides) * scale),
        "tokens": round(sum(side["tokens"] for side in sides) * scale),
        "bytes_per_token": round(
            sum(side["bytes"] for side in sides) / sum(side["tokens"] for side in sides), 3
        ),
        "shard_bytes": round(sum(side["shard_bytes"] for side in sides) * scale),
        # Published files are links into the work folder: counted once.
        "disk_bytes": round(max(tried.work_bytes, written) * scale),
        "workers": recipe.num_workers,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "seconds_in_all": round(sum(seconds.values()), 1),
    }


def show(content: dict[str, Any], recipe: Recipe) -> None:
    """Prints the estimate as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "estimate", title="What a run would do", title_justify="left")
    table.columns[1].justify = "right"
    for name, source in content["sources"].items():
        amount = f"{source['stored_bytes'] / 1e6:,.1f} MB stored, {source['text_bytes'] / 1e6:,.1f}"
        table.add_row(f"source {name}", f"{source['units']:,} units, {amount} MB of text")
    table.add_row("files or rows", f"{content['files']:,}")
    for reason, number in sorted(content["dropped"].items(), key=lambda item: -item[1]):
        table.add_row(f"  dropped: {reason}", f"-{number:,}")
    for name in ("documents", "bytes", "tokens"):
        table.add_row(name, f"{content[name]:,}")
    table.add_row("bytes per token", f"{content['bytes_per_token']:.2f}")
    table.add_row("shards on disk", f"{content['shard_bytes'] / 1e6:,.1f} MB")
    table.add_row("disk in all", f"{content['disk_bytes'] / 1e6:,.1f} MB")
    for name, seconds in content["seconds"].items():
        if seconds >= 0.01 * content["seconds_in_all"]:
            table.add_row(f"  {name.replace('_', ' ')}", duration(seconds))
    table.add_row(
        f"time with {content['workers']} workers here", duration(content["seconds_in_all"])
    )
    Console().print(table)
    sample = content["sample"]
    print(
        f"Scaled from {sample['files']:,} files ({sample['text_bytes'] / 1e6:.1f} MB of text). "
        "Duplicates show in the whole only, so documents, tokens and time are upper bounds."
    )
    print(f"Written to {recipe.output / PLAN_FILE}")


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use.

    >>> duration(4.2), duration(600), duration(100_000)
    ('4.2 s', '10.0 min', '27.8 h')
    """
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
