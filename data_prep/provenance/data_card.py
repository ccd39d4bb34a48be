# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The data card: what a dataset was made of, by which rules, and what was left out.

After Gebru et al. 2021, "Datasheets for Datasets" (arXiv 1803.09010): composition, collection,
preprocessing and maintenance, as far as a program can know them. Counts come from the map of
samples to files, which is what the data now hold, and from ``report.json``, which is what the run
did. A section that the run has no figures for is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_prep.licenses.opt_out import REASON as OPTED_OUT
from data_prep.provenance import charts, figures, removed, stats
from data_prep.provenance.dataset import Dataset
from data_prep.report import REPORT_FILE
from foundry_plugins.contract.files import atomic_path, write_json, write_text

FOLDER = "data_card"
MARKDOWN, JSON = "data_card.md", "data_card.json"
_CHARTS = {"language": "languages.png", "licence": "licences.png"}
_DROPS = "drops.png"
_MOST_ROWS = 40


def report(data_dir: Path | str) -> dict[str, Any]:
    """Writes the folder ``data_card``: the card as Markdown and as JSON, with charts.

    Returns:
        The content of ``data_card.json``.

    Raises:
        UserError: if there is no dataset.
    """
    dataset = Dataset.open(data_dir)
    content = build(dataset)
    with atomic_path(dataset.root / FOLDER) as partial:
        write_json(partial / JSON, content)
        for axis, name in _CHARTS.items():
            values = {k: v["bytes"] for k, v in content["shares"][axis].items()}
            total = max(sum(values.values()), 1)
            shown = {k: 100 * v / total for k, v in charts.largest(values).items()}
            charts.bars(partial / name, {f"per cent of bytes by {axis}": shown})
        drops = charts.largest(content["run"].get("dropped", {}))
        charts.bars(partial / _DROPS, {"files dropped, by reason": drops})
        write_text(partial / MARKDOWN, "\n".join(_markdown(content)) + "\n")
    return content


def build(dataset: Dataset) -> dict[str, Any]:
    """All that the card says, as plain data."""
    path = dataset.root / REPORT_FILE
    run = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    gone = removed.read(dataset.folder / removed.FILE)
    counts = figures.count(dataset)
    return {
        "recipe_hash": dataset.metadata(dataset.splits[0]).recipe_hash,
        "splits": {split: _split(dataset, split) for split in dataset.splits},
        "shares": {axis: figures.along(counts, axis) for axis in ("source", "language", "licence")},
        "origins": _origins(dataset),
        "texts_on_both_sides": stats.on_both_sides(dataset),
        "removed_afterwards": figures.removed_by_reason(gone),
        "run": {key: run[key] for key in sorted(run) if key != "seconds"},
    }


def _split(dataset: Dataset, split: str) -> dict[str, Any]:
    metadata = dataset.metadata(split)
    names = ("num_documents", "num_bytes", "num_tokens", "num_samples", "sequence_length")
    values = {name.removeprefix("num_"): getattr(metadata, name) for name in names}
    per_token = round(metadata.num_bytes / max(metadata.num_tokens, 1), 3)
    return {**values, "bytes_per_token": per_token}


def _origins(dataset: Dataset) -> dict[str, int]:
    """How many documents name where they come from."""
    totals = {"documents": 0, "with_swhid": 0, "with_repository": 0, "with_licence": 0}
    for part in dataset.parts:
        rows = dataset.rows(part, ["origin", "repositories", "licenses"])
        totals["documents"] += rows.num_rows
        totals["with_swhid"] += sum(any(origin) for origin in rows["origin"].to_pylist())
        totals["with_repository"] += sum(map(bool, rows["repositories"].to_pylist()))
        totals["with_licence"] += sum(map(bool, rows["licenses"].to_pylist()))
    return totals


def _markdown(content: dict[str, Any]) -> Iterator[str]:
    run = content["run"]
    yield "# Data card"
    yield ""
    yield f"Written by `convert_dataset`; recipe `{content['recipe_hash'][:12]}` (below)."
    yield from _section("Splits", _rows(content["splits"]))
    for axis, amounts in content["shares"].items():
        title = {"source": "Sources", "language": "Languages", "licence": "Licences"}[axis]
        yield from _section(title, _shares(amounts))
        if axis in _CHARTS:
            yield from ("", f"![{title}]({_CHARTS[axis]})")
    yield from _section("Origin", _rows({"documents": content["origins"]}))
    yield ""
    yield (
        "An origin is a Software Heritage identifier (SWHID) of the file as it was read. Texts "
        f"that are both in training and in validation: {content['texts_on_both_sides']}. "
        f"{run.get('across_splits', '')}".rstrip()
    )
    yield from _left_out(run)
    yield from _opt_outs(content)
    if run.get("bad_rows"):
        yield from _section("Rows that could not be read", _rows(run["bad_rows"]))
    if run.get("redacted"):
        title = "Redactions, in documents that were not dropped for another reason"
        yield from _section(title, _by_language(run["redacted"], "spans"))
    if run.get("decontamination"):
        yield from _section("Benchmarks searched for", _rows(run["decontamination"]))
    if run.get("tokenizer"):
        yield from _section("Tokenizer", _rows(run["tokenizer"]))
    if run.get("recipe"):
        import yaml

        text = yaml.safe_dump(run["recipe"], sort_keys=False, allow_unicode=True)
        yield from ("", "## Recipe", "", f"SHA-256 `{run.get('recipe_hash', '')}`", "")
        yield from ("```yaml", text.rstrip(), "```")


def _left_out(run: Mapping[str, Any]) -> Iterator[str]:
    drops: dict[str, int] = run.get("dropped", {})
    if drops:
        # Some, such as what a language limit leaves out, are not counted by language.
        table = {reason: {"all languages": count} for reason, count in drops.items()}
        table |= run.get("dropped_by_language", {})
        yield from _section(
            f"Left out, of {run.get('files', 0):,} files read", _by_language(table, "files")
        )
        yield from ("", f"![Drops]({_DROPS})")


def _opt_outs(content: Mapping[str, Any]) -> Iterator[str]:
    before = content["run"].get("dropped", {}).get(OPTED_OUT, 0)
    after = sum(content["removed_afterwards"].values())
    rows = {"left out while reading": before, "taken out afterwards": after}
    yield from _section("Opt-outs", _rows(rows))
    if after:
        yield from ("", "The tokenizer was trained before those were taken out.")


def _by_language(table: Mapping[str, Mapping[str, int]], unit: str) -> Iterator[list[str]]:
    """Counts by name and language, the largest first."""
    yield ["", unit, "most in"]
    totals = {name: sum(languages.values()) for name, languages in table.items()}
    for name, total in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        yield [_text(name), _text(total), _text(charts.largest(table[name], 3))]


def _section(title: str, rows: Iterator[list[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    for number, row in enumerate(rows):
        yield f"| {' | '.join(row)} |"
        if number == 0:
            yield f"|---|{'---:|' * (len(row) - 1)}"


def _shares(amounts: Mapping[str, Mapping[str, int]]) -> Iterator[list[str]]:
    total = max(sum(values["bytes"] for values in amounts.values()), 1)
    yield ["", "share of bytes", *figures.AMOUNTS]
    ordered = sorted(amounts.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    for name, values in ordered[:_MOST_ROWS]:
        yield [_text(name), f"{values['bytes'] / total:.2%}", *(f"{v:,}" for v in values.values())]
    if len(ordered) > _MOST_ROWS:
        yield [f"{len(ordered) - _MOST_ROWS} more, in {JSON}", *[""] * 4]


def _rows(values: Mapping[str, Any]) -> Iterator[list[str]]:
    """A table of values, or of sections with a column for each of their keys."""
    if not all(isinstance(value, Mapping) for value in values.values()):
        yield ["", "value"]
        for name, value in values.items():
            yield [_text(name), _text(value)]
        return
    columns = list(dict.fromkeys(key for value in values.values() for key in value))
    yield ["", *(_text(column.replace("_", " ")) for column in columns)]
    for name, value in values.items():
        yield [_text(name), *(_text(value.get(column, "")) for column in columns)]


def _text(value: Any) -> str:
    """A cell: numbers with separators, sections as a list, nothing that ends a cell."""
    if isinstance(value, Mapping):
        return ", ".join(f"{_text(key)} {_text(number)}" for key, number in value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def show(content: dict[str, Any]) -> None:
    """Prints the most important figures, and where the card is."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for axis, amounts in content["shares"].items():
        table = Table(axis, "share of bytes", *figures.AMOUNTS)
        total = max(sum(values["bytes"] for values in amounts.values()), 1)
        ordered = sorted(amounts.items(), key=lambda item: (-item[1]["bytes"], item[0]))
        for name, values in ordered[:10]:
            cells = (f"{value:,}" for value in values.values())
            table.add_row(name, f"{values['bytes'] / total:.1%}", *cells)
        console.print(table)
    console.print(f"The card is {FOLDER}/{MARKDOWN}, its figures {FOLDER}/{JSON}.")
