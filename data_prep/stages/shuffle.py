# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 4, a reduce by destination: every document to the part that it is packed in, shuffled.

The first half draws whether a document is taken (`data_prep.sample`), for which side of the split
and for which part. The second half leaves ``<split>-<part>.jsonl.zst``, the part's documents in
packing order, which is also published under ``documents/``.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep import sample, split
from data_prep.document import Document
from data_prep.document_file import dump_line, read_file, writing
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Outcome, code_of, digest
from data_prep.recipe import Recipe
from data_prep.split import SPLITS, part_name, part_of, split_draw, split_of
from foundry_plugins.contract.stateless_hash import hash64, uniform

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "shuffle"
# Rows on their way are handed on in tables of about this size.
_TABLE_BYTES = 8_000_000
_BATCH_ROWS = 500
_COLUMNS = {"order": "int64", "source": "string", "name": "string", "line": "binary"}
_LANGUAGE, _SOURCE, _LICENSE = "languages", "sources", "licenses"


def rates(recipe: Recipe, cleaned: Sequence[Outcome]) -> sample.Rates:
    """The share to take of every language of every source."""
    sizes: sample.Bytes = {}
    for outcome in cleaned:
        for by_source in outcome.figures["bytes"].values():
            for source, by_language in by_source.items():
                counts = sizes.setdefault(source, {})
                for language, size in by_language.items():
                    counts[language] = counts.get(language, 0) + size
    return sample.rates(
        sizes,
        weights=recipe.weights,
        limit_bytes=recipe.sample.language_limit_bytes,
        limit_share=recipe.sample.language_limit_share,
    )


def num_parts(recipe: Recipe, cleaned: Sequence[Outcome], taken: sample.Rates) -> dict[str, int]:
    """How many parts each side is packed in: decided by its bytes, never by the workers."""
    sizes = dict.fromkeys(SPLITS, 0.0)
    for outcome in cleaned:
        for side, by_source in outcome.figures["bytes"].items():
            for source, by_language in by_source.items():
                for language, size in by_language.items():
                    sizes[side] += size * taken[source][language]
    return {side: max(1, -int(-sizes[side] // recipe.shards.part_bytes)) for side in SPLITS}


def plan(recipe: Recipe, cleaned: Sequence[Outcome], folder: Path) -> Shuffle:
    """A shuffle of all documents."""
    taken = rates(recipe, cleaned)
    counts = num_parts(recipe, cleaned, taken)
    settings = {
        "seed": recipe.seed,
        "validation_share": recipe.split.validation,
        "split_by": recipe.split.by,
        "rates": taken,
        "num_parts": counts,
    }
    emits = [
        Emit(
            inputs=outcome.digest,
            weight=sum(
                size
                for by_source in outcome.figures["bytes"].values()
                for by_language in by_source.values()
                for size in by_language.values()
            ),
            arguments={"documents": folder / outcome.files[0], **settings},
        )
        for outcome in cleaned
    ]
    return Shuffle(
        stage=STAGE,
        emits=emits,
        emit=emit,
        columns=_COLUMNS,
        order=("order", "source", "name", "line"),
        parts=[part_name(side, part) for side in SPLITS for part in range(counts[side])],
        reduce=reduce,
        arguments={},
        inputs=digest(code_of(__name__, split, sample), settings),
        rows_per_batch=_BATCH_ROWS,
    )


def emit(
    *,
    documents: Path,
    seed: int,
    validation_share: float,
    split_by: str,
    rates: sample.Rates,
    num_parts: dict[str, int],
) -> Iterator[pa.Table]:
    """The documents of one part that are taken, each with its destination."""
    rows: list[tuple[int, int, str, str, bytes]] = []
    size = 0
    for record in read_file(documents):
        document = Document.from_dict(record)
        rate = rates[document.source][document.language]
        if rate < 1.0 and uniform(seed, document.source, document.name, "sample") >= rate:
            continue
        draw = split_draw(seed, split.unit_of(document, split_by))
        side = split_of(draw, validation_share)
        part = part_of(seed, document.name, num_parts[side])
        group = part + (num_parts[SPLITS[0]] if side == SPLITS[1] else 0)
        # Signed, because Arrow tables that go through Spark have no unsigned integers.
        order = hash64(seed, document.name, "order") - (1 << 63)
        line = dump_line({**record, "split": side})
        rows.append((group, order, document.source, document.name, line))
        size += len(line)
        if size >= _TABLE_BYTES:
            yield _table(rows)
            rows, size = [], 0
    if rows:
        yield _table(rows)


def reduce(folder: Path, part: str, table: pa.Table) -> Outcome:
    """Writes one part's documents in their order."""
    import orjson

    counts: dict[str, dict[str, list[int]]] = {_LANGUAGE: {}, _SOURCE: {}, _LICENSE: {}}
    total = 0
    name = f"{part}.jsonl.zst"
    with writing(folder / name) as writer:
        for batch in table["line"].chunks:
            for line in batch.to_pylist():
                writer.write(line)
                record = orjson.loads(line)
                size = len(record["text"].encode())
                total += size
                _count(counts, record, size)
    ordered = {kind: {k: table[k] for k in sorted(table)} for kind, table in counts.items()}
    figures = {"documents": writer.num_lines, "bytes": total, **ordered}
    return Outcome((name,), writer.digest, figures)


def _count(counts: dict[str, dict[str, list[int]]], record: dict[str, Any], size: int) -> None:
    names = {
        _LANGUAGE: record["language"],
        _SOURCE: record["source"],
        _LICENSE: ", ".join(record.get("licenses", ())) or "unknown",
    }
    for kind, name in names.items():
        entry = counts[kind].setdefault(name, [0, 0])
        entry[0] += 1
        entry[1] += size


def _table(rows: list[tuple[int, int, str, str, bytes]]) -> pa.Table:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True))
    return pa.table(dict(zip((GROUP, *_COLUMNS), map(list, columns), strict=True)))


def totals(gathered: Sequence[Outcome], kind: str) -> dict[str, list[int]]:
    """[documents, bytes] by name over parts; ``kind`` is languages, sources or licenses."""
    found: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for outcome in gathered:
        for name, (documents, size) in outcome.figures[kind].items():
            found[name][0] += documents
            found[name][1] += size
    return {name: found[name] for name in sorted(found)}
