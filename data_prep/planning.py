# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``convert_dataset plan``: what a recipe would do, counted on a sample.

Counts, bytes and seconds are those of the trial times `data_prep.trial.Trial.scale`. Duplicates are
the exception: a sample shows few of them, so the true share is higher and the figures below are
upper bounds of documents, tokens and time.

With ``engine: spark`` the trial runs on this machine all the same, in w processes, and time is that
of the cluster's c cores (`data_prep.engines.spark_session.Spark.num_cores`), as fast as those here:

    seconds = stages of one task + (w / c) * all other stages

which holds while there are several parts a core. A shuffle moves the documents that stay,
compressed, and of each that was read its key and a row for each band (candidate pairs come on top,
`data_prep.stages.near_duplicates`):

    bytes = compressed documents + files * (96 + 16 * bands)
"""

from __future__ import annotations

from typing import Any

from data_prep.ledger import size_of
from data_prep.recipe import Recipe
from data_prep.split import SPLITS
from data_prep.stages import look_up, proof, publish, vocabulary
from data_prep.tokenizers.proof import COMPILED
from data_prep.trial import Trial, trial
from foundry_plugins.contract.files import write_json

PLAN_FILE = "plan.json"
_AMOUNTS = ("documents", "bytes", "tokens", "shard_bytes")
# Stages that more cores do not make faster.
_ONE_TASK = (vocabulary.STAGE, look_up.STAGE, publish.STAGE)
# Rows of `data_prep.stages.exact_duplicates` and of ``near_buckets``.
_KEY_BYTES, _BAND_BYTES = 96, 16


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
    sums = {name: sum(side[name] for side in sides) for name in _AMOUNTS}
    seconds = _seconds(recipe, tried)
    files = round(report["files"] * scale)
    documents = size_of(tried.folder / "documents") or 0
    written = documents + sum(size_of(tried.folder / side) or 0 for side in SPLITS)
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
        "files": files,
        "dropped": {reason: round(n * scale) for reason, n in report["dropped"].items()},
        **{name: round(value * scale) for name, value in sums.items()},
        "bytes_per_token": round(sums["bytes"] / sums["tokens"], 3),
        # Published files are links into the work folder: counted once.
        "disk_bytes": round(max(tried.work_bytes, written) * scale),
        "shuffle_bytes": round(documents * scale) + files * _shuffled_bytes(recipe),
        "parts": sum(
            -(-source.num_bytes // recipe.shards.part_bytes) for source in tried.sources.values()
        ),
        "workers": _cores(recipe),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "seconds_in_all": round(sum(seconds.values()), 1),
    }


def _seconds(recipe: Recipe, tried: Trial) -> dict[str, float]:
    """The time of each stage."""
    measured = {name: value for name, value in tried.report["seconds"].items() if name != "total"}
    share = recipe.num_workers / _cores(recipe)
    seconds = {
        name: value * tried.scale * (1.0 if name in _ONE_TASK else share)
        for name, value in measured.items()
    }
    # Neither training a vocabulary nor its proof reads more than its limit, however much there is.
    tokenizer, report = recipe.tokenizer, tried.report["tokenizer"]
    for stage, limit, read, parallel in (
        (vocabulary.STAGE, tokenizer.training_bytes, report.get("training_bytes", 0), 1.0),
        (proof.STAGES[COMPILED], tokenizer.proof_bytes, report["proof"]["bytes"], share),
    ):
        most = min(tried.scale, max(limit / read, 1.0)) if read else 1.0
        seconds[stage] = measured.get(stage, 0.0) * most * parallel
    return seconds


def _cores(recipe: Recipe) -> int:
    """Tasks that the run does at once."""
    here = recipe.num_workers
    return recipe.spark.num_cores or here if recipe.engine == "spark" else here


def _shuffled_bytes(recipe: Recipe) -> int:
    """What the search for duplicates shuffles of a document."""
    dedup = recipe.dedup
    exact = _KEY_BYTES if dedup.exact or dedup.normalized else 0
    return exact + (_BAND_BYTES * dedup.near.bands if dedup.near is not None else 0)


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
    table.add_row("shuffled", f"{content['shuffle_bytes'] / 1e6:,.1f} MB")
    table.add_row("parts", f"{content['parts']:,}")
    for name, seconds in content["seconds"].items():
        if seconds >= 0.01 * content["seconds_in_all"]:
            table.add_row(f"  {name.replace('_', ' ')}", duration(seconds))
    where = "cores of the cluster" if recipe.engine == "spark" else "workers here"
    table.add_row(f"time with {content['workers']} {where}", duration(content["seconds_in_all"]))
    Console().print(table)
    if recipe.engine == "spark" and recipe.spark.num_cores is None:
        print("The recipe does not say how many cores the cluster has; set `spark.cores`.")
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
