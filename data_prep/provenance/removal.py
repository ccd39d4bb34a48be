# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents out of a finished dataset, for those who ask to be left out after it was written.

What is to go is written down first (`removed.PENDING`) and forgotten last, and every step of
`removal_steps` gives the same however often it is done: a removal that is killed ends, when called
again, as if it had not been. Readers see every folder as it was or as it will be.

Order: shards, texts, the map, the figures. The map goes after the shards, because it says where
they must be changed. The work folder is emptied too: it holds the texts as they were read, and
tables for a run that may not come again (`removed.require_covered`).
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.ledger import Ledger, exclusive
from data_prep.provenance import data_card, figures, removal_steps, removed, stats
from data_prep.provenance.dataset import Dataset, split_of
from foundry_plugins.contract.files import remove as delete

if TYPE_CHECKING:
    from data_prep.licenses.opt_out import OptOut

Rows = list[dict[str, Any]]
# Of the work folder: the lock, which is held, and the mark by which the folder is known.
_KEPT_OF_WORK = ("lock", "ledger")


def remove(data_dir: Path | str, opt_out: OptOut, *, dry_run: bool = False) -> dict[str, Any]:
    """Takes every document out that an opt-out names.

    Args:
        data_dir: The output folder of a conversion, on a local disk; for one in an object store
            see `removal_in_store`.
        opt_out: Who and what is to be left out.
        dry_run: Only say what would be done.

    Returns:
        ``documents``, ``tokens``, ``bytes``, ``samples`` affected, ``by_split`` and ``by_reason``,
        ``shards`` rewritten, ``dropped`` (documents gone from among those that the recipe had
        dropped), ``finished`` (documents of an earlier removal that was interrupted), ``dry_run``.

    Raises:
        UserError: if there is no dataset, or its parts do not fit together.
    """
    root = Path(data_dir).expanduser()
    if not (root / removed.PENDING).is_file():
        # Before the lock, which is a file in the folder.
        Dataset.open(data_dir)
    with exclusive(root) as ledger:
        _settle(root)
        pending = removed.read(root / removed.PENDING)
        if pending and not dry_run:
            _finish(root, pending, ledger)
        dataset = Dataset.open(root)
        rows = affected(dataset, opt_out)
        summary = _summary(dataset, rows)
        summary |= {"dry_run": dry_run, "finished": len(pending), "shards": []}
        if rows and not dry_run:
            removed.write(root / removed.PENDING, rows)
            summary["shards"] = _finish(root, rows, ledger)
        summary["dropped"] = removal_steps.dropped(root, opt_out, dry_run=dry_run)
    return summary


def _settle(root: Path) -> None:
    """Undoes the halves of replacements that a kill cut short."""
    for old in root.glob(".*.old"):
        path = root / old.name.removeprefix(".").removesuffix(".old")
        if path.exists():
            delete(old)
        else:
            old.rename(path)
    for partial in root.glob(".*.partial"):
        delete(partial)


def affected(dataset: Dataset, opt_out: OptOut) -> Rows:
    """What an opt-out names, as `removed.row` has it."""
    columns = ["document", "origin", "repositories", "num_tokens", "num_bytes"]
    rows: Rows = []
    for part in dataset.parts:
        for row in dataset.rows(part, columns).to_pylist():
            if reason := opt_out.reason(removed.stand_in(row)):
                rows.append(removed.row(part, row, reason))
    return rows


def _finish(root: Path, rows: Rows, ledger: Ledger) -> list[str]:
    """All steps; the shards that were rewritten."""
    dataset = Dataset.open(root)
    gone = by_part(rows)
    changed = []
    for split in dataset.splits:
        mine = of_split(gone, split)
        if mine:
            names = removal_steps.shards(dataset, split, mine)
            changed += [f"{split}/{name}" for name in names]
    removal_steps.documents(dataset, gone)
    removal_steps.provenance(dataset, gone, rows)
    figures.update_report(dataset)
    for name, refresh in ((stats.FILE, stats.stats), (data_card.FOLDER, data_card.report)):
        if (root / name).exists():
            refresh(root)
    _forget(ledger)
    (root / removed.PENDING).unlink()
    return changed


def by_part(rows: Rows) -> dict[str, np.ndarray]:
    """Part -> the numbers of its documents among the rows, ascending."""
    numbers: dict[str, list[int]] = collections.defaultdict(list)
    for row in rows:
        numbers[row["part"]].append(row["document"])
    return {part: np.array(sorted(found), dtype=np.uint32) for part, found in numbers.items()}


def of_split(gone: removal_steps.Gone, split: str) -> dict[str, np.ndarray]:
    """The parts of a split."""
    return {part: numbers for part, numbers in gone.items() if split_of(part) == split}


def _forget(ledger: Ledger) -> None:
    """Empties the work folder; the marks first, so that none stands for a file that is gone."""
    for path in (ledger.work / "ledger").iterdir():
        delete(path)
    for path in ledger.work.iterdir():
        if path.name not in _KEPT_OF_WORK:
            delete(path)


def _summary(dataset: Dataset, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    by_split: dict[str, dict[str, int]] = {}
    for split in dataset.splits:
        mine = [row for row in rows if split_of(row["part"]) == split]
        by_split[split] = {
            "documents": len(mine),
            "tokens": sum(row["num_tokens"] for row in mine),
            "bytes": sum(row["num_bytes"] for row in mine),
        }
    names = ("documents", "tokens", "bytes")
    totals = {name: sum(counts[name] for counts in by_split.values()) for name in names}
    reasons = collections.Counter(row["reason"] for row in rows)
    return {**totals, "by_split": by_split, "by_reason": dict(reasons)}


def show(summary: dict[str, Any]) -> None:
    """Prints what was done, or would be, as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if summary["finished"]:
        verb = "is to be finished first" if summary["dry_run"] else "was finished first"
        console.print(
            f"An earlier removal of {summary['finished']:,} documents was interrupted and {verb}."
        )
    if not summary["documents"] and not summary["dropped"]:
        console.print("No document of this dataset is named by the list; nothing was changed.")
        return
    title = "Would be taken out" if summary["dry_run"] else "Taken out"
    table = Table("", "documents", "tokens", "bytes", title=title, title_justify="left")
    for split, counts in summary["by_split"].items():
        table.add_row(split, *(f"{counts[n]:,}" for n in ("documents", "tokens", "bytes")))
    if summary["dropped"]:
        table.add_row("dropped before", f"{summary['dropped']:,}", "", "")
    console.print(table)
    if not summary["dry_run"]:
        console.print(
            f"Shards rewritten: {len(summary['shards'])}; all samples keep their ids and their "
            "order. Add the list to the recipe's `opt_out` before it is run again. The tokenizer "
            "was trained before and is unchanged."
        )
