# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One step over all parameters that have a gradient: which path each takes, and the options.

Gradients are known to be finite here. Momentum that is a tensor is worked on in place, in batches
where kernels fit; an int8 momentum is decoded, stepped and encoded one tensor at a time, for it is
four times as large in fp32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from foundry_plugins.optim import compiled, momentum, plain
from foundry_plugins.optim.compiled import Piece
from foundry_plugins.optim.rounding import first_element, key_of, random_numbers
from foundry_plugins.optim.settings import Options
from foundry_plugins.optim.shards import local, sum_over_shards

# Elements of a part, few enough for a processor's caches: fewer still, and calls take longer.
_PART = 1 << 20
# Small tensors are stepped together, as many as make up a lot of that many elements.
_SMALL = 1 << 15
_LOT = 1 << 17


class Turn(NamedTuple):
    """A parameter that has a gradient in this step.

    Attributes:
        place: Its place among all parameters of the optimizer.
        p: The parameter.
        g: Its gradient on this rank.
        rates: lr, beta1, beta2 and decay of its group.
        state: What the optimizer keeps of it.
    """

    place: int
    p: Tensor
    g: Tensor
    rates: tuple[float, float, float, float]
    state: dict[str, Any]


def update(
    turns: Sequence[Turn], parameters: Sequence[Tensor], options: Options
) -> list[list[Piece]]:
    """Makes the step; a collective operation where it is cautious and parameters are sharded.

    Args:
        turns: Parameters to move.
        parameters: All of the optimizer's, the same on every rank.
        options: How.

    Returns:
        What the kernels took, one list a launch.
    """
    for turn in turns:
        if not turn.state:
            turn.state.update(momentum.create(turn.p, options.momentum_dtype))
    factors = _caution_factors(turns, parameters, options) if options.cautious else {}
    stored, quantised = _by_format(turns, options)
    pieces = [_piece(turn, factors, options) for turn in stored]
    batches, others = compiled.split(pieces) if options.compiled else ([], pieces)
    for batch in batches:
        compiled.step_(batch)
    _step_plainly(others)
    for turn in quantised:
        piece = _piece(turn, factors, options)
        _step_in_parts(piece, _room_for([piece.p.numel()]))
        momentum.write(turn.state, piece.m)
    return batches


def _by_format(turns: Sequence[Turn], options: Options) -> tuple[Sequence[Turn], Sequence[Turn]]:
    """Those whose momentum is a tensor to work on, and those whose has to be decoded."""
    if options.momentum_dtype is not torch.int8:
        return turns, []
    stored = [turn for turn in turns if momentum.WIDE in turn.state]
    return stored, [turn for turn in turns if momentum.WIDE not in turn.state]


def _piece(turn: Turn, factors: Mapping[int, float], options: Options) -> Piece:
    place, p, g, rates, state = turn
    m, factor = momentum.read(state), factors.get(place)
    if not options.stochastic_rounding or p.dtype is not torch.bfloat16:
        return Piece(local(p), g, m, rates, place, factor)
    # As torch's own optimizers keep it, so that checkpoints know how to handle it.
    step = state.setdefault("step", torch.tensor(0.0))
    step += 1
    key = key_of(options.seed, int(step), place)
    return Piece(local(p), g, m, rates, place, factor, first_element(p), key)


def _caution_factors(
    turns: Sequence[Turn], parameters: Sequence[Tensor], options: Options
) -> dict[int, float]:
    """The factor of each tensor, from counts over the ranks that hold its shards."""
    counts = [0] * len(parameters)
    stored, quantised = _by_format(turns, options)
    pieces = list(map(_bare_piece, stored))
    batches, others = compiled.split(pieces) if options.compiled else ([], pieces)
    for batch in batches:
        for piece, count in zip(batch, compiled.agreeing(batch), strict=True):
            counts[piece.place] = count
    for piece in chain(others, map(_bare_piece, quantised)):
        counts[piece.place] = plain.agreeing(piece.g, piece.m, piece.rates[1])
    totals = sum_over_shards(parameters, counts)
    return {turn.place: plain.caution_factor(totals[turn.place], turn.p.numel()) for turn in turns}


def _bare_piece(turn: Turn) -> Piece:
    return Piece(local(turn.p), turn.g, momentum.read(turn.state), turn.rates, turn.place)


def _step_plainly(pieces: Sequence[Piece]) -> None:
    """Small tensors in lots, all others in parts that fit a processor's cache."""
    lot: list[Piece] = []
    kind, elements = None, 0
    counts = [piece.p.numel() for piece in pieces]
    room = _room_for(counts)
    for piece, count in zip(pieces, counts, strict=True):
        p, _, m, rates, _, factor, _, key = piece
        dtype = p.dtype
        if count > _SMALL or dtype != m.dtype or factor is not None or key is not None:
            _step_in_parts(piece, room)
            continue
        # Asking for a device makes an object; the CPU is told apart without.
        this = (dtype, rates, None if p.is_cpu else p.device)
        if elements > _LOT or kind != this:
            _step_lot(lot, room)
            lot, kind, elements = [], this, 0
        lot.append(piece)
        elements += count
    _step_lot(lot, room)


def _room_for(counts: Sequence[int]) -> Tensor:
    """What all parts and lots on CPUs share, for tensors of so many elements."""
    in_lots = min(sum(count for count in counts if count <= _SMALL), _LOT + _SMALL)
    return torch.empty(3, min(max(in_lots, *counts, 0), _PART))


def _step_lot(lot: Sequence[Piece], room: Tensor) -> None:
    if lot:
        p, g, m, rates, *_ = zip(*lot, strict=True)
        shared = _of_size(room, sum(map(Tensor.numel, p))) if p[0].is_cpu else None
        plain.lion_steps_(list(p), list(g), list(m), room=shared, **_named(rates[0]))


def _step_in_parts(piece: Piece, room: Tensor) -> None:
    p, g, m, rates, _, factor, first, key = piece
    parts, shared = [(p, g, m)], None
    in_parts = p.is_cpu and all(t.is_contiguous() for t in (p, g, m))
    if in_parts:
        parts = zip(*(t.view(-1).split(_PART) for t in (p, g, m)), strict=True)
    named, size = _named(rates), None
    for part in parts:
        count = part[0].numel()
        if in_parts and count != size:
            shared, size = _of_size(room, count), count
        numbers = None if key is None else random_numbers(count, first, key, p.device)
        plain.lion_step_(*part, **named, factor=factor, numbers=numbers, room=shared)
        first += count


def _of_size(room: Tensor, count: int) -> Sequence[Tensor]:
    return room[:, :count].unbind()


def _named(rates: tuple[float, float, float, float]) -> dict[str, float]:
    return dict(zip(("lr", "beta1", "beta2", "decay"), rates, strict=True))
