# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Prompt and response pairs, one a row, as Foundry's fine-tuning converter writes them.

A row is ``prompt response <|endoftext|>`` and padding; the response and the end of text are
learned, the prompt is given. It is never cut for fill-in-the-middle. Two layouts are read:

``prompt`` and ``response`` (or ``completion``)
    text; both sides are encoded by themselves, and sentinel text in them stays text.
``turns``
    what the converter writes if it is given a tokenizer: ids of each turn's prompt
    (``input_ids``) and response (``labels``). Only the last response is learned, Foundry's default.

A row that is too long loses the start of what is given, so that the response keeps what stands
right before it; a response that is longer than the context loses its end, and with it the end of
text. What was left out is counted in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.data.fim import Fragment
from foundry_plugins.data.shards.sample import PADDING, PAIR, Sample, Setup

PROMPT, RESPONSES, TURNS = "prompt", ("response", "completion"), "turns"


class PairShards:
    """Reads pairs.

    Args:
        folder: Of one split.
        stream: Number of the stream.
        setup: Of the run.
    """

    def __init__(self, folder: Path, stream: int, setup: Setup) -> None:
        self.key = hash64("pairs", stream)
        self.languages = [PAIR, PADDING]
        self.description = "prompt and response pairs, one a row, of which responses are learned"
        self._folder, self._setup = folder, setup

    def read(self, stored: Mapping[str, Any], position: int) -> Sample:
        """See `Reader`."""
        setup = self._setup
        given, learned = self._turns(stored[TURNS]) if TURNS in stored else self._texts(stored)
        if not learned or learned[-1] != setup.eos:
            learned = [*learned, setup.eos]
        num_tokens = len(given) + len(learned)
        learned = learned[: setup.max_seq_len]
        room = setup.max_seq_len - len(learned)
        given = given[max(len(given) - room, 0) :]
        used = len(given) + len(learned)
        fragments = [Fragment(used, False, True, PAIR)]
        if used < setup.max_seq_len:
            fragments.append(Fragment(setup.max_seq_len, False, True, PADDING))
        tokens = [*given, *learned, *[setup.pad] * (setup.max_seq_len - used)]
        return Sample(
            tokens=np.array(tokens, dtype=np.int64),
            fragments=fragments,
            num_inputs=[len(given), 0][: len(fragments)],
            sample_id=position,
            num_cut=num_tokens - used,
        )

    def _texts(self, stored: Mapping[str, Any]) -> tuple[list[int], list[int]]:
        response = next(name for name in RESPONSES if name in stored)
        prompt_ids, response_ids = (
            list(self._setup.encode(_text(stored[name]))) for name in (PROMPT, response)
        )
        return prompt_ids, response_ids

    def _turns(self, turns: list[dict[str, list[int]]]) -> tuple[list[int], list[int]]:
        given: list[int] = []
        for turn in turns[:-1]:
            given += [*turn["input_ids"], *turn["labels"]]
        given += turns[-1]["input_ids"]
        learned = turns[-1]["labels"]
        require(
            max([*given, *learned], default=0) < self._setup.vocab_size,
            f"A row in {self._folder} holds ids of {self._setup.vocab_size} or more, which is the "
            "size of this run's tokenizer: these shards were written with another one.",
        )
        return given, list(learned)


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
