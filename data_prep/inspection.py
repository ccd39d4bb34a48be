# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``convert_dataset inspect``: what a recipe keeps and what it drops, to look at.

A trial with everything that is dropped written out. Prints a few documents that stay and, for every
reason, a few that do not; draws the distributions of both as PNG; writes the same as JSON.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data_prep.document_file import read_file
from data_prep.recipe import Recipe
from data_prep.trial import trial
from foundry_plugins.contract.files import atomic_path, write_json
from foundry_plugins.contract.stateless_hash import hash64

FOLDER = "inspect"
_LINES = 6
_COLUMNS = 96


def inspect(recipe: Recipe, sample_bytes: int, examples: int) -> dict[str, Any]:
    """Runs a trial and writes what it shows into the folder ``inspect`` of the output.

    Args:
        recipe: The recipe.
        sample_bytes: About how much text to read.
        examples: Documents to show, of those that stay and of each reason.
    """
    with trial(recipe, sample_bytes) as tried:
        kept = _Group(recipe.seed, examples, _records(tried.folder / "documents"))
        dropped: dict[str, _Group] = {}
        for record in _records(tried.folder / "dropped"):
            reason = record["reason"]
            dropped.setdefault(reason, _Group(recipe.seed, examples)).add(record)
        report = tried.report
    folder = recipe.output / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _draw(folder / "distributions.png", kept, dropped)
    content = {
        "report": report,
        "kept": kept.examples(),
        "dropped": {reason: group.examples() for reason, group in sorted(dropped.items())},
    }
    write_json(folder / "inspect.json", content)
    return content


def show(content: dict[str, Any], recipe: Recipe) -> None:
    """Prints the examples, then the figures as a table."""
    from data_prep.report import show as show_report

    _print_examples("stays", content["kept"])
    for reason, examples in content["dropped"].items():
        _print_examples(f"dropped: {reason}", examples)
    show_report(content["report"], title="Of the sample")
    print(f"Written to {recipe.output / FOLDER}: inspect.json, distributions.png")


class _Group:
    """Documents of one fate: sizes of all of them, and a few to show."""

    def __init__(self, seed: int, count: int, records: Iterable[dict[str, Any]] = ()) -> None:
        self._seed = seed
        self._count = count
        self._shown: list[tuple[int, dict[str, Any]]] = []
        self.sizes: list[int] = []
        self.line_lengths: list[float] = []
        self.languages: collections.Counter[str] = collections.Counter()
        for record in records:
            self.add(record)

    def add(self, record: dict[str, Any]) -> None:
        text = record.get("text", "")
        if text:
            self.sizes.append(len(text.encode()))
            self.line_lengths.append(len(text) / (text.count("\n") + 1))
        self.languages[record.get("language", "other")] += 1
        draw = hash64(self._seed, record["path"], "inspect")
        self._shown.append((draw, record))
        self._shown.sort(key=lambda entry: entry[0])
        del self._shown[self._count :]

    def examples(self) -> list[dict[str, Any]]:
        return [
            {
                "path": record["path"],
                "language": record.get("language"),
                "repository": record.get("repository", ""),
                "licenses": record.get("licenses", []),
                "beginning": "\n".join(record.get("text", "").splitlines()[:_LINES]),
            }
            for _, record in self._shown
        ]


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl.zst")):
        yield from read_file(path)


def _print_examples(title: str, examples: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for example in examples:
        name = f"{example['repository']}/{example['path']}".strip("/")
        console.print(f"[bold]{escape(title)}[/bold]  {escape(name)}  {example['language'] or ''}")
        for line in example["beginning"].splitlines():
            console.print(f"    {escape(line[:_COLUMNS])}", style="dim")


def _draw(path: Path, kept: _Group, dropped: dict[str, _Group]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes = [size for group in dropped.values() for size in group.sizes]
    lengths = [length for group in dropped.values() for length in group.line_lengths]
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    _histogram(axes[0][0], kept.sizes, sizes, "bytes of a document")
    _histogram(axes[0][1], kept.line_lengths, lengths, "mean characters of a line")
    reasons = {reason: sum(group.languages.values()) for reason, group in dropped.items()}
    _bars(axes[1][0], collections.Counter(reasons), "dropped, by reason")
    _bars(axes[1][1], kept.languages, "kept, by language")
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
    plt.close(figure)


def _histogram(axis: Any, kept: Sequence[float], dropped: Sequence[float], label: str) -> None:
    both = [value for value in (*kept, *dropped) if value > 0]
    if both:
        low, high = math.log10(min(both)), math.log10(max(both)) + 1e-9
        edges = [10 ** (low + (high - low) * n / 30) for n in range(31)]
        axis.hist([kept, dropped], bins=edges, stacked=True, label=["kept", "dropped"])
        axis.set_xscale("log")
        axis.legend()
    axis.set_xlabel(label)
    axis.set_ylabel("documents")


def _bars(axis: Any, counts: collections.Counter[str], title: str) -> None:
    rows = counts.most_common(15)[::-1]
    axis.barh([name for name, _ in rows], [number for _, number in rows])
    axis.set_title(title)
    axis.set_xlabel("documents")
