# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 4, the second half of the shuffle: each part's documents, in packing order.

Leaves ``<split>-<part>.jsonl.zst``, which is also published under ``documents/``: what was kept,
with its text, path, language, source, origin and split.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path

from data_prep import split
from data_prep.document_file import compress_lines, dump_line, read_lines
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.split import order_in_part
from foundry_plugins.contract.files import atomic_path

STAGE = "gather"


def plan(seed: int, scattered: Sequence[Outcome], scatter_folder: Path) -> list[Task]:
    """One task for each part that received documents."""
    pieces: dict[str, list[tuple[Path, int, int]]] = collections.defaultdict(list)
    contents: dict[str, list[str]] = collections.defaultdict(list)
    weights: collections.Counter[str] = collections.Counter()
    for outcome in scattered:
        for destination, (offset, length, content, size) in outcome.figures.items():
            pieces[destination].append((scatter_folder / outcome.files[0], offset, length))
            contents[destination].append(content)
            weights[destination] += size
    return [
        Task(
            stage=STAGE,
            part=part,
            inputs=digest(code_of(__name__, split), contents[part], seed),
            weight=weights[part],
            function=gather,
            arguments={"pieces": pieces[part], "seed": seed},
        )
        for part in sorted(pieces)
    ]


def gather(folder: Path, part: str, *, pieces: list[tuple[Path, int, int]], seed: int) -> Outcome:
    """Collects and shuffles one part's documents."""
    records = []
    for file, offset, length in pieces:
        with file.open("rb") as handle:
            handle.seek(offset)
            records.extend(read_lines(handle.read(length)))
    records.sort(key=lambda record: order_in_part(seed, record["source"], record["path"]))
    frame, content = compress_lines(map(dump_line, records))
    name = f"{part}.jsonl.zst"
    with atomic_path(folder / name) as partial:
        partial.write_bytes(frame)
    languages: dict[str, list[int]] = {}
    for record in records:
        counts = languages.setdefault(record["language"], [0, 0])
        counts[0] += 1
        counts[1] += len(record["text"].encode())
    figures = {
        "documents": len(records),
        "bytes": sum(size for _, size in languages.values()),
        "languages": languages,
    }
    return Outcome((name,), content, figures)
