# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards of ``convert_dataset``: every boundary, language and origin is stored with the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foundry_plugins.contract import sample as schema
from foundry_plugins.contract.errors import require
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.data.fim import Fragment
from foundry_plugins.data.shards.sample import PADDING, TARGET_ONLY, Sample, Setup

_FIXED = schema.PADDING | schema.REMOVED
_WHOLE = schema.STARTS_DOCUMENT | schema.ENDS_DOCUMENT


class OwnShards:
    """Reads samples as `foundry_plugins.contract.sample` defines them.

    Args:
        folder: Of one split.
        metadata: That of its index.
        setup: Of the run.

    Raises:
        UserError: where shards, tokenizer and ``max_seq_len`` do not fit together.
    """

    def __init__(self, folder: Path, metadata: schema.DatasetMetadata, setup: Setup) -> None:
        require(
            metadata.sequence_length == setup.max_seq_len,
            f"`max_seq_len` is {setup.max_seq_len}, but the samples in {folder} hold "
            f"{metadata.sequence_length} tokens; set `max_seq_len: {metadata.sequence_length}` or "
            f"convert the data again with `sequence_length: {setup.max_seq_len}`.",
        )
        require(
            metadata.tokenizer_fingerprint == fingerprint(setup.tokenizer_json),
            f"The tokenizer of this run is not the one that wrote {folder} (fingerprints differ); "
            "name the folder `tokenizer` beside these shards, or, if other streams need another, "
            "convert them again with `tokenizer: {kind: pretrained, path: ...}`.",
        )
        # The samples are numbered from 0 in every data set.
        self.key = hash64(metadata.recipe_hash, metadata.split)
        self.languages = [*metadata.languages, PADDING]
        self.description = f"{metadata.num_samples:,} samples of convert_dataset"
        self._formats = metadata.formats
        self._diff = setup.diff

    def read(self, stored: Mapping[str, Any], position: int) -> Sample:
        """See `Reader`."""
        records = schema.read_fragments(stored["fragments"])
        is_text = records["format"] == 0
        is_fixed = (records["flags"] & _FIXED) != 0
        eligible = ~is_fixed & (is_text | self._diff.fim)
        is_whole = (records["flags"] & _WHOLE) == _WHOLE
        languages = np.where(is_fixed, len(self.languages) - 1, records["language"])
        fragments = [
            Fragment(int(end), bool(may), bool(whole), self.languages[language])
            for end, may, whole, language in zip(
                records["end"], eligible, is_whole, languages, strict=True
            )
        ]
        return Sample(
            tokens=stored["tokens"].astype(np.int64),
            fragments=fragments,
            num_inputs=self._num_inputs(records, is_text),
            sample_id=int(stored["sample_id"]),
            origins=[bytes(origin).hex() for origin in records["origin"]],
            formats=[self._formats[number] for number in records["format"]],
        )

    def _num_inputs(self, records: np.ndarray, is_text: np.ndarray) -> list[int]:
        if self._diff.loss != TARGET_ONLY:
            return [0] * len(records)
        ends = records["end"].astype(np.int64)
        starts = np.concatenate([[0], ends[:-1]])
        return np.where(is_text, 0, records["target"] - starts).tolist()
