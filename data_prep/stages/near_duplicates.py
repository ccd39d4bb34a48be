# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2, after exact duplicates: near-duplicates, as groups over the records of the parts.

A document is named by its id (part and row). N documents, B bands, records of R bytes (254 at
50 x 5), c candidate pairs a document:

===================  =========================================  ==========  =================
shuffle              rows                                       grouped by  bytes shuffled
===================  =========================================  ==========  =================
``near_buckets``     key of a bucket, id                        key         16 B N
``near_pairs``       candidate pair, from buckets               block of    16 c' N
                                                                the first
``near_edges``       pair and the first one's lanes; those      block of    (16 + R) c N
                     that reach the threshold go on             the second
`near_components`    rounds: pairs to clusters                  document    32 d N each
``near_ranks``       id, its cluster                            block       16 d N
``near_duplicates``  cluster, rank, id                          cluster     40 d N
===================  =========================================  ==========  =================

c' counts pairs once for every bucket that they share, d is the share of documents in clusters. The
lanes of a pair's first document travel with the pair, those of the second wait where they are: it
costs 16 B + (16 + R) c bytes a document, 0.8 + 0.27 c kB, where lanes beside every bucket would
cost (16 + R) B, 13 kB. Records are read in place, by blocks of a part
(`data_prep.stages.near_candidates`).

Memory is a few times `arrays.GROUP_BYTES`, whatever the input, and beyond that grows only with

- the largest bucket, 16 bytes a document in a group of ``near_buckets``: 16 MB for a million
  near-duplicates of one another;
- its cluster, 16 bytes a document in a group of `near_components`, 40 in ``near_duplicates``.

Pairs add nothing to that. They are listed, written and read in batches; a document is the second of
at most 12 pairs a bucket (16 where slices begin, `data_prep.dedup.pairs`), so that a block has
40 MB of them where all its documents are alike; and blocks are drawn for groups by hash, so that no
group gets a whole stretch of such blocks.

Without verification the second and third are left out.

Leaves ``<group>.losers`` as `data_prep.stages.exact_duplicates` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_prep.dedup import keep_rules, keys, minhash, near, pairs, tokens
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Outcome, code_of, digest
from data_prep.recipe import Recipe
from data_prep.stages import arrays, mark, near_candidates, near_components
from data_prep.stages.exact_duplicates import LOSER, NEAR, write_losers
from data_prep.stages.near_candidates import Search

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "near_duplicates"
RANKS = "near_ranks"
_RANKED = np.dtype([("component", "<i8"), ("rank", "<f8", 3), ("id", "<i8")])


def run(
    conversion: near_components.Run,
    recipe: Recipe,
    parts: Sequence[Outcome],
    folder: Path,
    marks: Sequence[Sequence[Path]],
) -> list[Outcome]:
    """Finds the documents to leave out.

    Args:
        conversion: What runs shuffles.
        recipe: The recipe; ``dedup.near`` is set.
        parts: Outcomes of the ``read`` stage.
        folder: Its folder.
        marks: For each part the files that say which rows are lost already: these take no part.

    Returns:
        The outcomes of the last shuffle, in the folder of `STAGE`.
    """
    assert recipe.dedup.near is not None
    code = code_of(
        *(__name__, near_candidates, tokens, minhash, pairs),
        *(near, keys, keep_rules, arrays, mark),
    )
    inputs = digest(code, recipe.section("dedup"), [part.digest for part in parts])
    search = Search(recipe.dedup.near, parts, folder, inputs)
    found, stage = _edges(conversion, search, marks)
    found, stage = near_components.run(conversion, found, stage)
    plan = plan_ranks(search, found, conversion.ledger.folder(stage))
    found = conversion.shuffle("rank near-duplicates", plan)
    plan = plan_losers(search, found, conversion.ledger.folder(RANKS))
    return conversion.shuffle("choose what stays", plan)


def _edges(
    conversion: near_components.Run, search: Search, marks: Sequence[Sequence[Path]]
) -> tuple[list[Outcome], str]:
    """Pairs of near-duplicates, and the stage that left them."""
    plan = near_candidates.plan_buckets(search, marks)
    found = conversion.shuffle("find near-duplicates", plan)
    if not search.settings.verify:
        return found, plan.stage
    plan = near_candidates.plan_pairs(search, found, conversion.ledger.folder(plan.stage))
    found = conversion.shuffle("collect candidates", plan)
    plan = near_candidates.plan_edges(search, found, conversion.ledger.folder(plan.stage))
    return conversion.shuffle("compare candidates", plan), plan.stage


def plan_ranks(search: Search, found: Sequence[Outcome], folder: Path) -> Shuffle:
    """The documents of the clusters, by block."""
    rows = sum(outcome.figures["edges"] for outcome in found)
    return search.by_block(
        found,
        folder,
        stage=RANKS,
        emit=emit_members,
        columns={"id": "int64", "component": "int64"},
        order=("id", "component"),
        reduce=reduce_ranks,
        num_bytes=rows * _RANKED.itemsize,
        arguments={"records": search.folder},
    )


def plan_losers(search: Search, found: Sequence[Outcome], folder: Path) -> Shuffle:
    """The documents of the clusters with their ranks, by cluster."""
    members = sum(outcome.figures["members"] for outcome in found)
    num_groups = arrays.num_groups(members * _RANKED.itemsize)
    ranks = {f"rank{n}": "double" for n in range(3)}
    return Shuffle(
        stage=STAGE,
        emits=[
            Emit(
                inputs=outcome.digest,
                weight=outcome.figures["members"] * _RANKED.itemsize,
                arguments={"file": folder / outcome.files[0], "num_groups": num_groups},
            )
            for outcome in found
        ],
        emit=emit_ranked,
        columns={"component": "int64", **ranks, "id": "int64"},
        order=("component", *ranks, "id"),
        parts=arrays.group_names(num_groups),
        reduce=reduce_losers,
        arguments={},
        inputs=search.inputs,
    )


def emit_members(*, file: Path, num_groups: int) -> Iterator[pa.Table]:
    """The documents of clusters, by block. The smallest of each stands in every edge's ``low``."""
    import pyarrow as pa

    edges = np.fromfile(file, dtype=pairs.EDGE)
    first = np.unique(edges["low"])
    ids = np.concatenate([first, edges["high"]])
    columns = {"id": ids, "component": np.concatenate([first, edges["low"]])}
    yield pa.table({GROUP: near_candidates.block_group(ids, num_groups), **columns})


def reduce_ranks(folder: Path, part: str, table: pa.Table, *, records: Path) -> Outcome:
    """Documents of clusters, each once, with their ranks."""
    ids, first = np.unique(table["id"].to_numpy(), return_index=True)
    members = np.empty(len(ids), dtype=_RANKED)
    members["id"] = ids
    members["component"] = table["component"].to_numpy()[first]
    for number, rows, slots in near_candidates.by_part(ids):
        table = np.memmap(records / f"{number:05}.keys", dtype=keys.KEY, mode="r")
        members["rank"][slots] = table["rank"][rows]
    return arrays.write(folder, f"{part}.members", members, {"members": len(members)})


def emit_ranked(*, file: Path, num_groups: int) -> Iterator[pa.Table]:
    """Documents of clusters, by cluster."""
    import pyarrow as pa

    members = np.fromfile(file, dtype=_RANKED)
    component = members["component"].copy()
    ranks = {f"rank{n}": members["rank"][:, n].copy() for n in range(3)}
    columns = {"component": component, **ranks, "id": members["id"].copy()}
    yield pa.table({GROUP: arrays.spread(component, num_groups), **columns})


def reduce_losers(folder: Path, part: str, table: pa.Table) -> Outcome:
    """All but the first of every cluster."""
    component, ids = table["component"].to_numpy(), table["id"].to_numpy()
    starts = np.ones(len(ids), dtype=bool)
    starts[1:] = component[1:] != component[:-1]
    losers = np.zeros(int((~starts).sum()), dtype=LOSER)
    losers["id"] = ids[~starts]
    losers["kept"] = ids[starts][np.cumsum(starts) - 1][~starts]
    losers["reason"] = NEAR
    return write_losers(folder, part, losers)
