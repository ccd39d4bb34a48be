# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which keys a batch's queries may see, in the form that each kernel wants.

A key is hidden where it is padding or belongs to another document of a packed row. The two short
tensors that say so, (B, S) and (B, T), are what the model has. Kernels make of them what they need,
once for all layers: a boolean mask (B, 1, T, S), a block mask, or *segments*.

Segments are runs of neighbouring tokens that see each other. If every document is one run, causal
attention within each run is the whole answer: sum(t * t) products for runs of length t in place of
T * T, and no mask. Documents may come in any order and padding on either side, and hidden tokens
make runs of their own, which nobody reads. Only a document that goes on after another one, or after
hidden tokens, needs the mask.

Not a dataclass: FSDP1 takes those apart before every layer, and what layers share would be lost.

Shapes: B batch, T queries, S keys (the last query sees every key), H heads, D head size.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

from foundry_plugins.models.attention.masks import causal_mask, with_itself

# A segment costs as much as so many more scores of each head: calls, and short products. Measured
# with 16 heads of 64 on a CPU; bf16 is slower to start.
_SCORES_OF_A_CALL = {torch.float32: 2_500, torch.bfloat16: 8_000}

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Visible:
    """Padding and documents of a batch.

    Args:
        seen_BS: False where a key is padding; None if there is none.
        document_BT: A number for each token, equal within a document and unlike in two of a row;
            None if every row is one document. With it T == S.
        queries: T.
        keys: S.
    """

    def __init__(
        self,
        seen_BS: torch.Tensor | None,
        document_BT: torch.Tensor | None,
        queries: int,
        keys: int,
    ) -> None:
        assert seen_BS is not None or document_BT is not None
        self.seen_BS, self.document_BT = seen_BS, document_BT
        self.queries, self.keys = queries, keys
        self._made: dict[Hashable, Any] = {}

    def once(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` returned when first asked under this name."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def mask(self) -> torch.Tensor:
        """Boolean, (B, 1, 1 or T, S), without causality; may hide all keys of a query."""
        return self.once("mask", self._mask)

    def causal_mask(self, window: int | None = None) -> torch.Tensor:
        """Boolean, (B, 1, T, S), causality and every query's own key in it."""
        return self.once(("causal", window), lambda: self._causal_mask(window))

    def segments(self) -> list[int] | None:
        """Lengths of the runs, over all rows one after another, or None where they do not do."""
        return self.once("segments", self._segments)

    def _mask(self) -> torch.Tensor:
        if self.document_BT is None:
            assert self.seen_BS is not None
            return self.seen_BS[:, None, None, :]
        same = self.document_BT[:, None, :, None] == self.document_BT[:, None, None, :]
        return same if self.seen_BS is None else same & self.seen_BS[:, None, None, :]

    def _causal_mask(self, window: int | None) -> torch.Tensor:
        mask = self.mask()
        near_TS = causal_mask(self.queries, self.keys, mask.device, window)
        return with_itself(mask & near_TS, self.queries)

    def _segments(self) -> list[int] | None:
        if self.queries != self.keys:
            return None
        given = [x for x in (self.seen_BS, self.document_BT) if x is not None]
        start_BT = torch.ones_like(given[0], dtype=torch.bool)
        start_BT[:, 1:] = False
        for tensor in given:
            start_BT[:, 1:] |= tensor[:, 1:] != tensor[:, :-1]
        rows, columns = start_BT.nonzero(as_tuple=True)
        seen, document = (
            torch.ones_like(rows) if x is None else x[rows, columns]
            for x in (self.seen_BS, self.document_BT)
        )
        firsts = torch.stack([rows, rows * self.keys + columns, seen.long(), document.long()])
        runs = list(zip(*firsts.tolist(), strict=True))  # the one wait for the device
        named = [(row, document) for row, _, seen, document in runs if seen]
        if len({*named}) < len(named):
            return None
        ends = [*(first for _, first, _, _ in runs[1:]), start_BT.numel()]
        return [end - first for (_, first, _, _), end in zip(runs, ends, strict=True)]


def dense_mask(mask: torch.Tensor | Visible | None) -> torch.Tensor | None:
    """The boolean mask without causality; tensors as they are."""
    return mask.mask() if isinstance(mask, Visible) else mask


def dense_causal_mask(
    mask: torch.Tensor | Visible, queries: int, keys: int, window: int | None = None
) -> torch.Tensor:
    """The boolean mask with causality and every query's own key."""
    if isinstance(mask, Visible):
        return mask.causal_mask(window)
    return with_itself(mask & causal_mask(queries, keys, mask.device, window), queries)


def worthwhile_segments(mask: torch.Tensor | Visible | None, query: torch.Tensor) -> Any:
    """Segments (a list of lengths) where they save work on a CPU, else None.

    On a GPU a call for each of many short segments leaves it idle; its kernels skip what is hidden
    themselves. A graph that is compiled cannot depend on the lengths.
    """
    if not isinstance(mask, Visible) or query.is_cuda or torch.compiler.is_compiling():
        return None
    segments = mask.segments()
    if segments is None:
        return None
    batch, _, length, _ = query.shape
    call = _SCORES_OF_A_CALL.get(query.dtype, 0)
    cost = sum(n * n + call for n in segments)
    return segments if cost < batch * length * length else None


def by_segments(
    attend: Attend,
    q_BHTD: torch.Tensor,
    k_BKTD: torch.Tensor,
    v_BKTD: torch.Tensor,
    segments: Sequence[int],
) -> torch.Tensor:
    """Causal attention of each segment by itself, (B, H, T, D)."""
    batch, heads, length, _ = q_BHTD.shape
    # Rows one after another; splitting them at once keeps the backward pass a single copy.
    parts = [
        x.transpose(1, 2).flatten(0, 1).split(list(segments)) for x in (q_BHTD, k_BKTD, v_BKTD)
    ]
    found = [
        attend(*(x.transpose(0, 1).unsqueeze(0) for x in part))[0].transpose(0, 1)
        for part in zip(*parts, strict=True)
    ]
    return torch.cat(found).view(batch, length, heads, -1).transpose(1, 2)
