# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A part of stage 2: from pairs of near-duplicates to clusters.

Rounds of two groups by document, `data_prep.dedup.components`, until every document is tied to the
smallest of its cluster. Each leaves ``<group>.edges``, an array of `data_prep.dedup.pairs.EDGE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from data_prep.dedup import components, pairs
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Ledger, Outcome, code_of, digest
from data_prep.stages import arrays

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "near_components"
_LABEL = "join near-duplicates"
_COLUMNS = {"vertex": "int64", "neighbour": "int64"}
_ROW_BYTES = 16


class Run(Protocol):
    """What a stage of several shuffles needs of `data_prep.pipeline.Conversion`."""

    ledger: Ledger

    def shuffle(self, label: str, plan: Shuffle) -> list[Outcome]:
        """Runs a shuffle; outcomes of its groups."""
        ...


def run(conversion: Run, edges: Sequence[Outcome], stage: str) -> tuple[list[Outcome], str]:
    """Ties every document of some edges to the smallest of its cluster.

    Args:
        conversion: What runs the rounds.
        edges: Outcomes whose first file is an array of `pairs.EDGE`.
        stage: The stage that left them.

    Returns:
        The outcomes and the stage of the last round.
    """
    outcomes, number = list(edges), 0
    while True:
        plan = _plan(f"{STAGE}_{number:02}_large", outcomes, conversion.ledger.folder(stage), True)
        outcomes, stage = conversion.shuffle(_LABEL, plan), plan.stage
        unsettled = sum(outcome.figures["unsettled"] for outcome in outcomes)
        # A single group saw all edges at once.
        if not unsettled or len(outcomes) == 1:
            return outcomes, stage
        plan = _plan(f"{STAGE}_{number:02}_small", outcomes, conversion.ledger.folder(stage), False)
        outcomes, stage = conversion.shuffle(_LABEL, plan), plan.stage
        number += 1


def _plan(stage: str, edges: Sequence[Outcome], folder: Path, large: bool) -> Shuffle:
    rows = sum(outcome.figures["edges"] for outcome in edges) * (2 if large else 1)
    num_groups = arrays.num_groups(rows * _ROW_BYTES)
    reduce: Callable[..., Outcome] = reduce_large if large else reduce_small
    return Shuffle(
        stage=stage,
        emits=[
            Emit(
                inputs=outcome.digest,
                weight=outcome.figures["edges"] * pairs.EDGE.itemsize,
                arguments={
                    "file": folder / outcome.files[0],
                    "num_groups": num_groups,
                    "both": large,
                },
            )
            for outcome in edges
        ],
        emit=emit,
        columns=_COLUMNS,
        order=("vertex", "neighbour"),
        parts=arrays.group_names(num_groups),
        reduce=reduce,
        arguments={},
        inputs=digest(code_of(__name__, components, pairs, arrays), large),
    )


def emit(*, file: Path, num_groups: int, both: bool) -> Iterator[pa.Table]:
    """Edges by their larger end; if ``both``, by the smaller one too."""
    import pyarrow as pa

    edges = np.fromfile(file, dtype=pairs.EDGE)
    for vertex, neighbour in (("high", "low"), ("low", "high"))[: 2 if both else 1]:
        ids = np.ascontiguousarray(edges[vertex])
        columns: dict[str, Any] = {"vertex": ids, "neighbour": edges[neighbour].copy()}
        yield pa.table({GROUP: arrays.spread(ids, num_groups), **columns})


def reduce_large(folder: Path, part: str, table: pa.Table) -> Outcome:
    """`components.large_star` over one group."""
    columns = (table[name].to_numpy() for name in _COLUMNS)
    edges, unsettled = components.large_star(*columns)
    figures = {"edges": len(edges), "unsettled": unsettled}
    return arrays.write(folder, f"{part}.edges", edges, figures)


def reduce_small(folder: Path, part: str, table: pa.Table) -> Outcome:
    """`components.small_star` over one group."""
    edges = np.empty(table.num_rows, dtype=pairs.EDGE)
    edges["low"], edges["high"] = table["neighbour"].to_numpy(), table["vertex"].to_numpy()
    edges = components.small_star(edges)
    return arrays.write(folder, f"{part}.edges", edges, {"edges": len(edges)})
