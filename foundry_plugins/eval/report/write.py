# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a report: one page to browse, its plot as a file, and all figures as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from foundry_plugins.contract.files import write_json, write_text
from foundry_plugins.eval.report import folders, page, plot, table
from foundry_plugins.eval.report.figures import KS

PAGE, PLOT, FIGURES = "index.html", "pass_at_k.svg", "report.json"
_LARGE_BYTES = 50_000_000


def write(
    parents: Sequence[Path], output: Path, ks: Sequence[int] | None = None, shown: int = 5
) -> list[str]:
    """Reads all results below some folders, prints their table and writes the report.

    Args:
        parents: Folders of results, or above them.
        output: Folder to write.
        ks: Of pass@k; None for 1, 10 and 100.
        shown: Answers to a problem that the page shows of each model.

    Returns:
        Sentences for the user.

    Raises:
        UserError: if there are no results, or a file of theirs is damaged.
    """
    evaluations, empty = folders.find(parents)
    rows = table.all_rows(evaluations, sorted(set(ks or KS)))
    table.print_table(rows)
    write_json(
        output / FIGURES,
        {
            "rows": [row.to_dict() for row in rows],
            "evaluations": [
                {
                    "benchmark": one.title,
                    "name": one.name,
                    "folder": str(one.folder),
                    "settings": dict(one.settings),
                    "versions": dict(one.versions),
                }
                for one in evaluations
            ],
            "notes": table.notes(rows),
        },
    )
    write_text(output / PLOT, plot.svg(rows, standalone=True))
    text = page.html(evaluations, rows, shown)
    write_text(output / PAGE, text)
    said = table.notes(rows)
    said += [f"{folder} is left out: nothing was generated in it yet." for folder in empty]
    if len(text) > _LARGE_BYTES:
        said.append(f"The page has {len(text) / 1e6:.0f} MB; a lower --samples makes it smaller.")
    return [*said, f"The page is {output / PAGE}"]
