# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Packed shards as transformed samples: one context in, one row of the batch out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract import sample as schema
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.contract.token_bytes import token_bytes
from foundry_plugins.data import fim
from foundry_plugins.data.tokenizer import byte_lengths, tokenizer_json, vocabulary_of
from foundry_plugins.host import EpochStreamingDataset

_FIXED = schema.PADDING | schema.REMOVED


@dataclasses.dataclass(frozen=True)
class FIMOptions:
    """The YAML section ``fim:``: `fim.FIMSettings` plus where its randomness comes from."""

    settings: fim.FIMSettings
    seed: int = 0
    reseed_each_epoch: bool = True


class Row(TypedDict):
    """One row of a batch before collation."""

    input_ids: np.ndarray  # (T,) int64
    fragment: np.ndarray  # (T,) int64, number of the fragment a position belongs to
    num_bytes: int  # document bytes that positions 1..T-1 stand for


class CodeTextDataset(EpochStreamingDataset):
    """Reads shards of ``data_prep`` and applies fill-in-the-middle on the way.

    Args:
        tokenizer: The run's tokenizer; its fingerprint must be that of the shards.
        max_seq_len: Length of a context in tokens; must be that of the shards.
        fim: None for left to right only.
        kwargs: Of ``streaming.StreamingDataset``.

    Raises:
        UserError: where shards, tokenizer and settings do not fit together.
    """

    def __init__(
        self,
        *,
        tokenizer: PreTrainedTokenizerBase,
        max_seq_len: int,
        fim: FIMOptions | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        content = tokenizer_json(tokenizer)
        # One key a stream: samples are numbered from 0 in each, and must not share their draws.
        self.dataset_keys = [
            _check_stream(Path(stream.local) / stream.split, content, max_seq_len)
            for stream in self.streams
        ]
        self.max_seq_len = max_seq_len
        self.byte_lengths = byte_lengths(len(tokenizer), token_bytes(content))
        self.fim = fim
        self.vocabulary = vocabulary_of(tokenizer) if fim else None

    def get_item(self, sample_id: int, retry: int = 7) -> Row:
        """The transformed sample at a global index, in the current epoch."""
        sample = super().get_item(sample_id, retry)
        tokens = sample["tokens"].astype(np.int64)
        fragments = schema.read_fragments(sample["fragments"])
        ends = fragments["end"]
        if self.fim is None:
            numbers = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        else:
            key = (self.dataset_keys[self.stream_of(sample_id)], int(sample["sample_id"]))
            tokens, numbers, _ = self._transform(tokens, fragments, key)
        num_bytes = int(self.byte_lengths[tokens[1:]].sum())
        return Row(input_ids=tokens, fragment=numbers, num_bytes=num_bytes)

    def _transform(
        self, tokens: np.ndarray, fragments: np.ndarray, key: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray, list[str]]:
        assert self.fim is not None
        assert self.vocabulary is not None
        epoch = self.epoch if self.fim.reseed_each_epoch else 0
        # Diffs (format 1 and up) have an order of their own that a cut would destroy.
        eligible = ((fragments["flags"] & _FIXED) == 0) & (fragments["format"] == 0)
        return fim.transform_context(
            tokens,
            fragments["end"].tolist(),
            eligible.tolist(),
            self.vocabulary,
            self.fim.settings,
            self.fim.seed,
            epoch,
            *key,
        )


def _check_stream(folder: Path, tokenizer_content: str, max_seq_len: int) -> int:
    """Raises unless the shards fit; returns the key that their draws are made with."""
    metadata = schema.DatasetMetadata.read(folder)
    if metadata is None:
        raise UserError(
            f"{folder} holds shards that were not written by `convert_dataset`; "
            "convert the data again, or use Foundry's `text` dataloader for it."
        )
    require(
        metadata.sequence_length == max_seq_len,
        f"`max_seq_len` is {max_seq_len}, but the samples in {folder} hold "
        f"{metadata.sequence_length} tokens; set `max_seq_len: {metadata.sequence_length}` or "
        f"convert the data again with `sequence_length: {max_seq_len}`.",
    )
    require(
        metadata.tokenizer_fingerprint == fingerprint(tokenizer_content),
        f"The tokenizer of this run is not the one that wrote {folder} (fingerprints differ); "
        "name the tokenizer folder that `convert_dataset` wrote beside these shards.",
    )
    return hash64(metadata.recipe_hash, metadata.split)
