# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts that ask a model for the middle of a document.

The orders are those of `foundry_plugins.contract.fim_orders`, up to where the model writes m.
As in training, prefix and suffix are encoded separately and a sentinel's name inside them stays
text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from foundry_plugins.contract.errors import did_you_mean, reject_unknown_keys, require
from foundry_plugins.contract.fim_orders import (
    MIDDLE,
    MIDDLE_SENTINEL,
    ORDERS,
    PREFIX,
    PREFIX_SENTINEL,
    SUFFIX,
    SUFFIX_SENTINEL,
)
from foundry_plugins.contract.sentinels import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

FORMATS = tuple(ORDERS)
NUM_SENTINELS = 3
DEFAULT_SENTINELS = {"prefix": FIM_PREFIX, "suffix": FIM_SUFFIX, "middle": FIM_MIDDLE}


def fit(prefix: Sequence[int], suffix: Sequence[int], budget: int) -> tuple[list[int], list[int]]:
    """Drops tokens from the outer ends until both pieces fit.

    The prefix loses its start and the suffix its end. Each may fill half of the budget, and what
    one leaves unused the other may take.
    """
    half = budget // 2
    suffix_room = max(half, budget - len(prefix))
    kept_suffix = list(suffix[:suffix_room])
    prefix_room = budget - len(kept_suffix)
    return list(prefix[max(0, len(prefix) - prefix_room) :]), kept_suffix


@dataclasses.dataclass(frozen=True)
class InfillingPrompt:
    """Builds prompts in one order for one tokenizer."""

    tokenizer: PreTrainedTokenizerBase
    order: str
    prefix_id: int
    suffix_id: int
    middle_id: int
    # What the tokenizer puts before every text, e.g. a beginning-of-sequence token.
    lead: tuple[int, ...]

    @classmethod
    def of(
        cls, tokenizer: PreTrainedTokenizerBase, order: str, sentinels: Mapping[str, str] | None
    ) -> InfillingPrompt:
        """Looks the sentinels up.

        Args:
            tokenizer: The model's tokenizer.
            order: One of `FORMATS`.
            sentinels: Other models' names of ``prefix``, ``suffix`` and ``middle``.

        Raises:
            UserError: if the order is unknown or the vocabulary lacks a sentinel.
        """
        require(
            order in FORMATS,
            f"`icl_tasks[].format` must be one of {', '.join(FORMATS)}, got {order!r}.",
        )
        reject_unknown_keys("icl_tasks[].sentinels", sentinels or {}, DEFAULT_SENTINELS)
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        ids = {
            role: _sentinel_id(vocabulary, role, name)
            for role, name in {**DEFAULT_SENTINELS, **(sentinels or {})}.items()
        }
        lead = lead_of(tokenizer)
        return cls(tokenizer, order, ids["prefix"], ids["suffix"], ids["middle"], lead)

    def encode(self, prefix: str, suffix: str, max_tokens: int) -> list[int]:
        """The prompt's ids, at most ``max_tokens`` of them."""
        room = max_tokens - NUM_SENTINELS - len(self.lead)
        p, s = (text_ids(self.tokenizer, text) for text in (prefix, suffix))
        p, s = fit(p, s, room)
        sections = {
            PREFIX: p,
            SUFFIX: s,
            MIDDLE: [],  # the model's to write
            PREFIX_SENTINEL: [self.prefix_id],
            MIDDLE_SENTINEL: [self.middle_id],
            SUFFIX_SENTINEL: [self.suffix_id],
        }
        return [*self.lead, *(token for name in ORDERS[self.order] for token in sections[name])]


def lead_of(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """What a tokenizer puts before every text, e.g. a beginning-of-sequence token."""
    empty = tokenizer.encode("")
    return tuple(i for i in empty if i == tokenizer.bos_token_id != tokenizer.eos_token_id)


def text_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of a text, in which the name of a special token is text too."""
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


def _sentinel_id(vocabulary: Mapping[str, int], role: str, name: str) -> int:
    require(
        name in vocabulary,
        f"The tokenizer has no token {name!r}{did_you_mean(name, vocabulary)}, which infilling "
        f"needs before the {role}; use a tokenizer trained with it or name the model's own under "
        f"`icl_tasks[].sentinels.{role}`.",
    )
    return vocabulary[name]
