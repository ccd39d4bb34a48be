# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How often and how fill-in-the-middle transforms: the keys of ``fim:`` in a YAML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fim_orders import SPM2, SPM_VARIANTS
from foundry_plugins.data import spans
from foundry_plugins.data.syntax import require_parsers

SEPARATE, JOINT = ENCODINGS = ("separate", "joint")
CONTEXT, DOCUMENT = LEVELS = ("context", "document")


@dataclasses.dataclass(frozen=True)
class FIMSettings:
    """How often and how to transform.

    Attributes:
        rate: Share of fragments that are transformed. Up to 0.9 costs nothing left to right
            (the paper, section 4.1).
        spm_rate: Share of those that get ``spm`` order instead of ``psm``. With ALiBi keep it at
            0.5 or more: psm puts a whole suffix between the prefix and its continuation.
        spm_variant: ``spm1`` or ``spm2``.
        spm_encoding: For ``spm2``, whether prefix and middle, which are neighbours there, are
            encoded as two pieces (``separate``) or as one (``joint``, Code Llama: Roziere et al.
            2023, arXiv 2308.12950, section 2.3).
        max_middle_chars: Longest middle, in characters; None for no limit. Refact: 4000.
        spans: Weights of the kinds of middle, of `foundry_plugins.data.spans.KINDS`.
        level: ``context`` transforms what of a document lies in a context; ``document`` only
            documents that lie in it as a whole (Code Llama).

    Raises:
        UserError: for a value that is not allowed.
    """

    rate: float = 0.5
    spm_rate: float = 0.5
    spm_variant: str = SPM2
    spm_encoding: str = SEPARATE
    max_middle_chars: int | None = None
    spans: Mapping[str, float] = dataclasses.field(default_factory=lambda: {spans.RANDOM: 1.0})
    level: str = CONTEXT

    def __post_init__(self) -> None:
        for name in ("rate", "spm_rate"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value <= 1:
                raise UserError(f"`fim.{name}` must be in [0, 1], got {value!r}.")
        choices = {"spm_variant": SPM_VARIANTS, "spm_encoding": ENCODINGS, "level": LEVELS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"`fim.{name}` must be one of {', '.join(allowed)}, "
                    f"got {getattr(self, name)!r}."
                )
        limit = self.max_middle_chars
        if limit is not None and (type(limit) is not int or limit <= 0):
            raise UserError(
                f"`fim.max_middle_chars` must be a positive integer or null, got {limit!r}."
            )
        if self.spm_encoding == JOINT and self.spm_variant != SPM2:
            raise UserError(
                f"`fim.spm_encoding: {JOINT}` needs `fim.spm_variant: {SPM2}`: in "
                f"{self.spm_variant} prefix and middle are no neighbours."
            )
        _check_spans(self.spans)


def _check_spans(weights: object) -> None:
    if not isinstance(weights, Mapping):
        raise UserError(
            f"`fim.spans` must give kinds weights, as in {{{spans.RANDOM}: 0.9, {spans.LINE}: 0.1}}"
            f", got {weights!r}."
        )
    unknown = [kind for kind in weights if kind not in spans.KINDS]
    if unknown:
        raise UserError(
            f"`fim.spans` knows the kinds {', '.join(spans.KINDS)}, got {unknown[0]!r}."
        )
    wrong = [
        kind
        for kind, weight in weights.items()
        if not _is_number(weight) or not 0 <= weight < math.inf
    ]
    if wrong:
        raise UserError(
            f"`fim.spans.{wrong[0]}` must be a weight of 0 or more, got {weights[wrong[0]]!r}."
        )
    if not sum(weights.values()):
        raise UserError(f"`fim.spans` needs a weight above 0, got {dict(weights)}.")
    if weights.get(spans.SYNTAX):
        require_parsers()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
