# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Is a published dataset what it says it is? Every shard read again, here or in an object store.

What is compared: the files with the index (size, hashes, numbers of samples), the samples with the
metadata (`data_prep.verify_samples`), sample ids with one another, all totals with the metadata and
with ``report.json``, and the tokenizer's fingerprint with the tokenizer beside the shards. Shards
that another writer made are checked as files.

A worker holds one shard, stored and decompressed, and no more.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep import progress, store
from data_prep.engines.local import LocalEngine
from data_prep.report import REPORT_FILE
from data_prep.verify_index import Split, read_json, read_split
from data_prep.verify_shard import Findings, check_shard
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import write_json
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sample import INDEX_FILE

TOKENIZER = "tokenizer/tokenizer.json"
# In the result; all are counted.
FAULTS_KEPT = 1000
_FAULTS_SHOWN = 20
_TOTALS = ("samples", "documents", "tokens", "bytes")


@dataclasses.dataclass
class Faults:
    """What is wrong, the first ones in full."""

    kept: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    number: int = 0

    def add(self, file: str, fault: str, sample: int | None = None) -> None:
        """Notes a fault of a file, and of a sample by its place in the file."""
        self.number += 1
        if len(self.kept) < FAULTS_KEPT:
            self.kept.append({"file": file, "sample": sample, "fault": fault})


def verify(url: str | Path, *, workers: int = 1) -> dict[str, Any]:
    """Reads a published dataset and compares all of it.

    Args:
        url: Its folder, or one split of it; a path or a url of an object store.
        workers: Processes.

    Returns:
        ``url``; ``splits`` with the figures of each; ``faults``: the first ones, each with
        ``file``, ``sample`` (its place in the file) and ``fault``; ``num_faults``; ``seconds``.

    Raises:
        UserError: if there is no dataset, or a store does not answer.
    """
    start = time.monotonic()
    url = store.canonical(str(url))
    files = {found.url[len(url) + 1 :]: found.size for found in store.files_below(url)}
    faults = Faults()
    report = _report(url, files, faults)
    folders = sorted(
        {name.rpartition("/")[0] for name in files if name.rpartition("/")[2] == INDEX_FILE}
        | set(report.get("splits", ()))
    )
    if not folders:
        raise UserError(f"{url} holds no dataset ({INDEX_FILE}); give the folder of one.")
    tokenizer = store.join(url, TOKENIZER) if TOKENIZER in files else None
    splits = [read_split(url, folder, files, tokenizer, faults.add) for folder in folders]
    shards = [shard for split in splits for shard in split.shards]
    with LocalEngine(max(1, min(workers, len(shards)))) as engine:
        weights = [files.get(shard.name, 0) for shard in shards]
        with progress.showing("verify", weights) as watch:
            findings = iter(engine.call(check_shard, shards, watch))
    figures = {
        split.folder: _compare(split, [next(findings) for _ in split.shards], report, faults)
        for split in splits
    }
    _compare_tokenizer(url, tokenizer, splits, faults)
    return {
        "url": url,
        "splits": figures,
        "faults": faults.kept,
        "num_faults": faults.number,
        "seconds": round(time.monotonic() - start, 2),
    }


def require_sound(result: dict[str, Any]) -> None:
    """Raises if anything was wrong.

    Raises:
        UserError: listing the first faults.
    """
    if not result["num_faults"]:
        return
    first = [_sentence(fault) for fault in result["faults"][:_FAULTS_SHOWN]]
    more = result["num_faults"] - len(first)
    rest = f"; and {more} more" if more else ""
    number = f"{result['num_faults']} fault{'s' if result['num_faults'] > 1 else ''}"
    raise UserError(
        f"{result['url']} has {number}: {'; '.join(first)}{rest}. Run the conversion (or the "
        "upload) again; it replaces what is missing or changed."
    )


def show(result: dict[str, Any], json_file: Path | None = None) -> None:
    """Prints the result as a table, faults below it; writes it as JSON too if asked to."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", title=f"Verified {result['url']}", title_justify="left")
    for folder in result["splits"]:
        table.add_column(folder or "shards", justify="right")
    for name in ("shards", *_TOTALS, "stored_bytes", "raw_bytes", "unlisted_files", "faults"):
        cells = [f"{figures[name]:,}" for figures in result["splits"].values()]
        table.add_row(name.replace("_", " "), *cells)
    console = Console()
    console.print(table)
    for fault in result["faults"][:_FAULTS_SHOWN]:
        console.print(f"  {_sentence(fault)}", markup=False, highlight=False, soft_wrap=True)
    verdict = f"{result['num_faults']} faults" if result["num_faults"] else "No fault"
    console.print(f"{verdict}; {result['seconds']:.1f} s", highlight=False)
    if json_file is not None:
        write_json(json_file, result)


def _sentence(fault: dict[str, Any]) -> str:
    sample = "" if fault["sample"] is None else f", sample {fault['sample']}"
    return f"{fault['file']}{sample}: {fault['fault']}"


def _report(url: str, files: dict[str, int], faults: Faults) -> dict[str, Any]:
    if REPORT_FILE not in files:
        return {}
    content = read_json(url, REPORT_FILE, faults.add)
    if content is None or not isinstance(content.get("splits", {}), dict):
        return {}
    return content


def _compare(
    split: Split, findings: Sequence[Findings], report: dict[str, Any], faults: Faults
) -> dict[str, int]:
    """Puts a split's shards together; its figures."""
    before = faults.number
    for shard, found in zip(split.shards, findings, strict=True):
        for sample, fault in found.faults:
            faults.add(shard.name, fault, sample)
        # Counted though not kept.
        faults.number += found.num_faults - len(found.faults)
    figures = {name: sum(getattr(f.counts, name) for f in findings) for name in _TOTALS}
    _compare_ids(split, findings, faults)
    # Totals of damaged shards differ for a reason that is told already.
    if split.complete and not any(found.num_faults for found in findings):
        ends = sum(found.counts.ends for found in findings)
        if ends != figures["documents"]:
            text = f"has {figures['documents']} documents that start and {ends} that end"
            faults.add(split.index, text)
        _compare_totals(split, figures, report, faults)
    return {
        "shards": len(split.shards),
        **figures,
        "stored_bytes": split.stored_bytes,
        "raw_bytes": sum(shard.entry["raw_data"]["bytes"] for shard in split.shards),
        "unlisted_files": split.unlisted_files,
        "faults": faults.number - before + split.num_faults,
    }


def _compare_totals(
    split: Split, figures: dict[str, int], report: dict[str, Any], faults: Faults
) -> None:
    if split.metadata is None:
        return
    reported = report.get("splits", {}).get(split.folder, {})
    for name in _TOTALS:
        says = getattr(split.metadata, f"num_{name}")
        if says != figures[name]:
            text = f"has {figures[name]} {name} in its shards, and {says} by its metadata"
            faults.add(split.index, text)
        if name in reported and reported[name] != figures[name]:
            text = f"says {reported[name]} {name} for {split.folder}, which has {figures[name]}"
            faults.add(REPORT_FILE, text)
    if report.get("recipe_hash", split.metadata.recipe_hash) != split.metadata.recipe_hash:
        faults.add(REPORT_FILE, f"is of another recipe than {split.folder}")


def _compare_ids(split: Split, findings: Sequence[Findings], faults: Faults) -> None:
    """Every sample id once: runs of ids, sorted, must not overlap."""
    runs = sorted(
        (first, number, shard.name)
        for shard, found in zip(split.shards, findings, strict=True)
        for first, number in found.ids
    )
    end = -1
    for first, number, name in runs:
        if first < end:
            count = min(end, first + number) - first
            faults.add(name, f"repeats {count} sample ids of the split, from {first}")
        end = max(end, first + number)


def _compare_tokenizer(
    url: str, tokenizer: str | None, splits: Sequence[Split], faults: Faults
) -> None:
    ours = {split.folder: split.metadata for split in splits if split.metadata is not None}
    if not ours or "" in ours:
        return
    if tokenizer is None:
        faults.add(TOKENIZER, "is missing")
        return
    data = store.read_bytes(tokenizer)
    try:
        found = fingerprint(data.decode())
    except (ValueError, AttributeError) as error:
        faults.add(TOKENIZER, f"is not a tokenizer ({error})")
        return
    for folder, metadata in ours.items():
        if metadata.tokenizer_fingerprint != found:
            faults.add(
                TOKENIZER,
                f"has the fingerprint {found[:16]}..., and {folder} was written with "
                f"{metadata.tokenizer_fingerprint[:16]}...",
            )
