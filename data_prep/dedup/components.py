# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Clusters: connected components of a graph that fits in no memory.

`roots` is union-find, for edges in memory. A larger graph goes through rounds of two operations,
each a group by vertex and a function of a group's rows; a group holds many vertices:

`large_star`  rows: every edge, once for each end. The smallest vertex that a group's rows connect
              to u is r(u). Every edge (u, v), u < v, becomes (r(u), v), and u is tied to r(u).
`small_star`  rows: every edge, by its larger end. What is connected is tied to its smallest
              vertex.

These are the large star and the small star of Kiveris et al. 2014 ("Connected Components in
MapReduce and Beyond", SoCC), taken over all rows of a group at once instead of one vertex: r(u) can
only be smaller, so fewer rounds are needed, and none but the first if one group holds all.

Both keep what is connected connected, by construction. Let p(u) be the smallest neighbour of u, or
u. p never grows in a round, and where a round leaves it as it is, p(v) <= p(u) for every edge u < v
(large star) and p(u) <= p(v) (small star): then p is the smallest vertex of the component, and the
large star leaves (p(u), u) alone. Rounds end when every vertex is `settled`: it has only larger
neighbours, or a single one, which is smaller.
"""

from __future__ import annotations

import numpy as np

from data_prep.dedup.pairs import EDGE, distinct
from data_prep.kernel import kernel


def roots(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertices of some edges, ascending, and the smallest vertex of each one's component.

    >>> vertices, smallest = roots(np.array([1, 5, 2]), np.array([2, 9, 4]))
    >>> vertices.tolist(), smallest.tolist()
    ([1, 2, 4, 5, 9], [1, 1, 1, 5, 5])
    """
    vertices, numbers = np.unique(np.concatenate([low, high]), return_inverse=True)
    parents = np.arange(len(vertices))
    _unite(numbers[: len(low)], numbers[len(low) :], parents)
    return vertices, vertices[parents]


def contract(edges: np.ndarray) -> np.ndarray:
    """The fewest edges that connect what an array of `EDGE` does: each vertex with its root."""
    vertices, smallest = roots(edges["low"], edges["high"])
    return _edges(smallest, vertices)


def small_star(edges: np.ndarray) -> np.ndarray:
    """The small star over one group's rows, an array of `EDGE` (grouped by ``high``)."""
    return contract(edges)


def large_star(vertices: np.ndarray, neighbours: np.ndarray) -> tuple[np.ndarray, int]:
    """The large star over one group's rows.

    Args:
        vertices: The end of an edge that the rows are grouped by.
        neighbours: The other end.

    Returns:
        An array of `EDGE`, and how many vertices were not settled.
    """
    known, smallest = roots(vertices, neighbours)
    root = smallest[np.searchsorted(known, vertices)]
    larger = neighbours > vertices
    edges = np.concatenate([_edges(root[larger], neighbours[larger]), _edges(root, vertices)])
    return distinct(edges), _num_unsettled(vertices, neighbours)


def connected_components(edges: np.ndarray) -> dict[int, int]:
    """Every vertex of an array of `EDGE` and the smallest of its component, in memory."""
    vertices, smallest = roots(edges["low"], edges["high"])
    return dict(zip(vertices.tolist(), smallest.tolist(), strict=True))


def _edges(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    edges = np.empty(len(low), dtype=EDGE)
    edges["low"], edges["high"] = low, high
    return edges[low != high]


def _num_unsettled(vertices: np.ndarray, neighbours: np.ndarray) -> int:
    """Vertices with a smaller neighbour and any other one."""
    rows = np.empty(len(vertices), dtype=EDGE)
    rows["low"], rows["high"] = vertices, neighbours
    rows = distinct(rows)
    known, first, counts = np.unique(rows["low"], return_index=True, return_counts=True)
    # Rows are sorted: a vertex's first neighbour is its smallest.
    return int(np.sum((rows["high"][first] < known) & (counts > 1)))


@kernel()
def _unite(left: np.ndarray, right: np.ndarray, parents: np.ndarray) -> None:
    for edge in range(len(left)):
        a, b = left[edge], right[edge]
        while parents[a] != a:
            parents[a] = parents[parents[a]]
            a = parents[a]
        while parents[b] != b:
            parents[b] = parents[parents[b]]
            b = parents[b]
        # The smaller one stays on top, so parents[v] <= v always.
        if a < b:
            parents[b] = a
        else:
            parents[a] = b
    for vertex in range(len(parents)):
        # Smaller vertices are done: their parents are roots.
        parents[vertex] = parents[parents[vertex]]
