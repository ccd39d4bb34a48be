# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is asked of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from foundry_plugins.eval.generation.sampling import Sampling
from foundry_plugins.eval.generation.stopping import StopTexts


@dataclasses.dataclass(frozen=True)
class Request:
    """What to generate.

    Attributes:
        tasks: A name for each prompt, which seeds its samples.
        prompts: Token ids, none empty.
        samples: Numbers of the samples wanted of every prompt.
        how: How tokens are drawn.
        stop: Stop texts.
        end_ids: Tokens that end a row and do not belong to it.
        pad_id: Fills shorter prompts.
        max_new_tokens: Of a row.
        seed: Of all draws.
    """

    tasks: Sequence[str]
    prompts: Sequence[Sequence[int]]
    samples: Sequence[int]
    how: Sampling
    stop: StopTexts
    end_ids: frozenset[int]
    pad_id: int
    max_new_tokens: int
    seed: int
