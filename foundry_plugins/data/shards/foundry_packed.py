# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Packed shards of Foundry's own converters: a column ``tokens`` and nothing else.

``llmfoundry data_prep convert_dataset_hf`` and its siblings write it, with ``--concat_tokens``.
No boundary is stored, so a fragment ends behind each end-of-text id and before each id that begins
a text (``--bos_text``, or a tokenizer that writes one, as Llama's). The first fragment of a
sample may have begun in an earlier one and counts as cut off. Nothing names a sample, so its place
does: the stream's number and the position in the stream.

No tokenizer is named either. What can be checked is checked on every sample: its length, and that
every id is in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.data.fim import Fragment
from foundry_plugins.data.shards.sample import PADDING, UNKNOWN, Sample, Setup


class FoundryPackedShards:
    """Reads Foundry's packed samples; an end-of-text id is taken for the end of a document.

    Args:
        folder: Of one split.
        stream: Number of the stream.
        setup: Of the run.
    """

    def __init__(self, folder: Path, stream: int, setup: Setup) -> None:
        self.key = hash64("packed", stream)
        self.languages = [UNKNOWN, PADDING]
        self.description = (
            "packed samples of Foundry; they name no tokenizer, so all that is checked is that "
            f"each holds {setup.max_seq_len} ids below {setup.vocab_size}"
        )
        self._folder, self._setup = folder, setup

    def read(self, stored: Mapping[str, Any], position: int) -> Sample:
        """See `Reader`."""
        tokens = self._tokens(stored["tokens"])
        eos, pad = self._setup.eos, self._setup.pad
        # Padding, where another packer has filled up a sample, is a fragment of its own.
        no_bos = np.zeros(len(tokens), dtype=bool)
        begins = no_bos if self._setup.bos is None else tokens == self._setup.bos
        # Between two tokens, a document ends or begins.
        is_edge = (tokens[:-1] == eos) | begins[1:]
        edges = np.flatnonzero(is_edge | np.diff(tokens == pad))
        ends = [*(edges + 1).tolist(), len(tokens)]
        fragments: list[Fragment] = []
        starts_document = bool(begins[0])
        for end in ends:
            is_padding = bool(tokens[end - 1] == pad)
            ends_document = bool(tokens[end - 1] == eos or (end < len(tokens) and begins[end]))
            language = PADDING if is_padding else UNKNOWN
            is_whole = starts_document and ends_document
            fragments.append(Fragment(end, not is_padding, is_whole, language))
            starts_document = ends_document
        return Sample(tokens, fragments, [0] * len(fragments), sample_id=position)

    def _tokens(self, stored: np.ndarray | bytes) -> np.ndarray:
        setup = self._setup
        if isinstance(stored, bytes):
            stored = np.frombuffer(stored, dtype=setup.token_encoding_type)
        tokens = stored.astype(np.int64)
        require(
            len(tokens) == setup.max_seq_len,
            f"`max_seq_len` is {setup.max_seq_len}, but a sample in {self._folder} holds "
            f"{len(tokens)} tokens; set `max_seq_len: {len(tokens)}`, or, if its tokens are stored "
            "as plain bytes, `token_encoding_type` to the type they were written in.",
        )
        low, high = int(tokens.min()), int(tokens.max())
        require(
            low >= 0 and high < setup.vocab_size,
            f"A sample in {self._folder} holds the token ids {low} to {high}, but the tokenizer of "
            f"this run has {setup.vocab_size} entries: these shards were written with another one.",
        )
        return tokens
