# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 4, a reduce by destination: every document to the part that it is packed in, shuffled.

The first half draws whether a document is taken (`data_prep.sample`), for which side of the split
and for which part. The second half leaves ``<split>-<part>.jsonl.zst``, the part's documents in
packing order, which is also published under ``documents/``, and ``<split>-<part>.digests``, the
`DIGESTS` of each.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep import document_parts, sample, split
from data_prep.dedup.keys import KEY
from data_prep.document import Document
from data_prep.document_file import dump_line, writing
from data_prep.document_parts import NUM_BYTES
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Outcome, code_of, digest
from data_prep.recipe import Recipe
from data_prep.split import SPLITS, part_name, part_of, split_draw, split_of
from data_prep.stages import mark
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.sample import TEXT
from foundry_plugins.contract.stateless_hash import hash64, uniform

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "shuffle"
# Rows on their way are handed on in tables of about this size.
_TABLE_BYTES = 8_000_000
_BATCH_ROWS = 500
_COLUMNS = {
    **{"order": "int64", "source": "string", "name": "string"},
    # As in `data_prep.document_parts`: a line of fields, a compressed text.
    **{"fields": "binary", "text": "binary"},
    "digests": "binary",
}
_Row = tuple[int, int, str, str, bytes, bytes, bytes]
# What `data_prep.dedup.keys` has computed and provenance needs again.
DIGESTS = np.dtype([(name, KEY[name]) for name in ("digest", "normalized")])
_LANGUAGE, _SOURCE, _LICENSE, _FORMAT = "languages", "sources", "licenses", "formats"


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


def plan(
    recipe: Recipe,
    parts: Sequence[Outcome],
    cleaned: Sequence[Outcome],
    folder: Path,
    marks: Sequence[Sequence[Path]],
) -> Shuffle:
    """A shuffle of all documents.

    Args:
        recipe: The recipe.
        parts: Outcomes of the ``read`` stage.
        cleaned: Outcomes of the ``survivors`` stage.
        folder: That of the ``read`` stage.
        marks: For each part the files that say which rows are lost to duplicates.
    """
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
            arguments={
                "texts": folder / part.files[0],
                "fields": folder / part.files[1],
                "keys": folder / part.files[2],
                "marks": lost,
                **settings,
            },
        )
        for part, outcome, lost in zip(parts, cleaned, marks, strict=True)
    ]
    return Shuffle(
        stage=STAGE,
        emits=emits,
        emit=emit,
        columns=_COLUMNS,
        order=("order", "source", "name", "fields", "text"),
        parts=[part_name(side, part) for side in SPLITS for part in range(counts[side])],
        reduce=reduce,
        arguments={},
        inputs=digest(code_of(__name__, document_parts, mark, sample, split), settings),
        rows_per_batch=_BATCH_ROWS,
    )


def emit(
    *,
    texts: Path,
    fields: Path,
    keys: Path,
    marks: Sequence[Path],
    seed: int,
    validation_share: float,
    split_by: str,
    rates: sample.Rates,
    num_parts: dict[str, int],
) -> Iterator[pa.Table]:
    """The documents of one part that are taken, each with its destination."""
    lost = mark.lost_rows(marks)
    digests = _digests(keys)
    rows: list[_Row] = []
    size = 0
    for row, (line, record, frame) in enumerate(document_parts.read(texts, fields)):
        if row in lost:
            continue
        document = Document.from_dict({**record, "text": ""})
        rate = rates[document.source][document.language]
        if rate < 1.0 and uniform(seed, document.source, document.name, "sample") >= rate:
            continue
        draw = split_draw(seed, split.unit_of(document, split_by))
        side = split_of(draw, validation_share)
        part = part_of(seed, document.name, num_parts[side])
        group = part + (num_parts[SPLITS[0]] if side == SPLITS[1] else 0)
        # Signed, because Arrow tables that go through Spark have no unsigned integers.
        order = hash64(seed, document.name, "order") - (1 << 63)
        known = digests[row].tobytes()
        rows.append((group, order, document.source, document.name, line, frame, known))
        size += len(line) + len(frame)
        if size >= _TABLE_BYTES:
            yield _table(rows)
            rows, size = [], 0
    if rows:
        yield _table(rows)


def _digests(keys: Path) -> np.ndarray:
    """The `DIGESTS` of one part read."""
    known = np.fromfile(keys, dtype=KEY)
    digests = np.empty(len(known), dtype=DIGESTS)
    for name in DIGESTS.names or ():
        digests[name] = known[name]
    return digests


def reduce(folder: Path, part: str, table: pa.Table) -> Outcome:
    """Writes one part's documents in their order."""
    import orjson

    side = part.rpartition("-")[0]
    kinds = (_LANGUAGE, _SOURCE, _LICENSE, _FORMAT)
    counts: dict[str, dict[str, list[int]]] = {kind: {} for kind in kinds}
    total = 0
    name = f"{part}.jsonl.zst"
    with writing(folder / name) as writer:
        for batch in table.select(["fields", "text"]).to_batches(max_chunksize=_BATCH_ROWS):
            for line, frame in zip(*(column.to_pylist() for column in batch), strict=True):
                fields = orjson.loads(line)
                record = document_parts.record_of(fields, frame)
                writer.write(dump_line({**record, "split": side}))
                total += fields[NUM_BYTES]
                _count(counts, fields)
    ordered = {kind: {k: found[k] for k in sorted(found)} for kind, found in counts.items()}
    figures = {"documents": writer.num_lines, "bytes": total, **ordered}
    digests = f"{part}.digests"
    with atomic_path(folder / digests) as partial:
        partial.write_bytes(b"".join(table["digests"].to_pylist()))
    return Outcome((name, digests), writer.digest, figures)


def _count(counts: dict[str, dict[str, list[int]]], fields: dict[str, Any]) -> None:
    names = {
        _LANGUAGE: fields["language"],
        _SOURCE: fields["source"],
        _LICENSE: ", ".join(fields.get("licenses", ())) or "unknown",
        _FORMAT: fields.get("format", TEXT),
    }
    for kind, name in names.items():
        entry = counts[kind].setdefault(name, [0, 0])
        entry[0] += 1
        entry[1] += fields[NUM_BYTES]


def _table(rows: list[_Row]) -> pa.Table:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True))
    return pa.table(dict(zip((GROUP, *_COLUMNS), map(list, columns), strict=True)))


def totals(gathered: Sequence[Outcome], kind: str) -> dict[str, list[int]]:
    """[documents, bytes] by name over parts.

    ``kind`` is languages, sources, licenses or formats.
    """
    found: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for outcome in gathered:
        for name, (documents, size) in outcome.figures[kind].items():
            found[name][0] += documents
            found[name][1] += size
    return {name: found[name] for name in sorted(found)}
