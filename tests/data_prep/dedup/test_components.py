# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Clusters: union-find and the rounds of stars against a search from every vertex."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.dedup import components
from data_prep.dedup.pairs import EDGE

Edges = list[tuple[int, int]]
EDGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=90).map(
    lambda edges: [(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]]
)


def slow_components(edges: Edges) -> dict[int, int]:
    neighbours = collections.defaultdict(set)
    for low, high in edges:
        neighbours[low].add(high)
        neighbours[high].add(low)
    smallest: dict[int, int] = {}
    for start in sorted(neighbours):
        todo = [start]
        while todo:
            vertex = todo.pop()
            if vertex not in smallest:
                smallest[vertex] = start
                todo.extend(neighbours[vertex])
    return smallest


def rounds(edges: np.ndarray, num_groups: int) -> tuple[dict[int, int], int]:
    """The rounds as engines run them; also says how many."""
    number = 0
    while True:
        number += 1
        both = [(edges["high"], edges["low"]), (edges["low"], edges["high"])]
        vertices, neighbours = (np.concatenate(ends) for ends in zip(*both, strict=True))
        found, unsettled = [], 0
        for group in range(num_groups):
            rows = vertices % num_groups == group
            starred, count = components.large_star(vertices[rows], neighbours[rows])
            found.append(starred)
            unsettled += count
        edges = np.concatenate(found)
        if not unsettled:
            return dict(zip(edges["high"].tolist(), edges["low"].tolist(), strict=True)), number
        groups = (edges[edges["high"] % num_groups == group] for group in range(num_groups))
        edges = np.concatenate([components.small_star(rows) for rows in groups])


@settings(deadline=None)  # the first call compiles
@given(EDGES)
def test_union_find(edges: Edges) -> None:
    array = np.array(edges, dtype=EDGE)
    assert components.connected_components(array) == slow_components(edges)
    contracted = components.contract(array)
    assert components.connected_components(contracted) == slow_components(edges)
    assert len(contracted) == len(slow_components(edges)) - len(
        set(slow_components(edges).values())
    )


@settings(deadline=None)  # the first call compiles
@given(EDGES, st.integers(1, 7))
def test_rounds_tie_every_document_to_its_root(edges: Edges, num_groups: int) -> None:
    tied, _ = rounds(np.array(edges, dtype=EDGE), num_groups)
    expected = slow_components(edges)
    assert tied == {vertex: root for vertex, root in expected.items() if vertex != root}


@pytest.mark.parametrize("shape", ["chain", "shuffled chain", "comb", "grid"])
def test_rounds_are_few(shape: str) -> None:
    size = 1000
    names = np.random.default_rng(17).permutation(size) if "shuffled" in shape else np.arange(size)
    ends = {
        "comb": [(n // 2, n) for n in range(1, size)],
        "grid": [(n, n + step) for n in range(size - 30) for step in (1, 30)],
    }.get(shape, [(int(names[n]), int(names[n + 1])) for n in range(size - 1)])
    edges = [(min(pair), max(pair)) for pair in ends]
    # As many groups as documents: no help from a group's other rows.
    tied, number = rounds(np.array(edges, dtype=EDGE), size)
    assert set(tied.values()) == {0}
    assert number <= 12


def test_settled_edges_are_recognised() -> None:
    star = np.array([(1, 5), (1, 7), (2, 3)], dtype=EDGE)
    tied, number = rounds(star, 3)
    assert (tied, number) == ({5: 1, 7: 1, 3: 2}, 1)
