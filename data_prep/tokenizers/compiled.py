# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled encoder: many texts in, ids out.

Gives the ids of the tokenizers library, which the vocabulary stage proves on the corpus, several
times faster than a general regular expression engine lets a tokenizer be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.tokenizers import kernels, scanners
from data_prep.tokenizers.tables import build


class Compiled:
    """A vocabulary as tables, and the pieces it has met.

    Raises:
        tables.Unsupported: if only the tokenizers library can apply the vocabulary.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self._tables = build(content)
        self._memory = kernels.new_memory()

    def encode(self, data: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids of several texts.

        Args:
            data: Their UTF-8, one after the other, followed by `kernels.PADDING` zero bytes.
            ends: Where each ends.

        Returns:
            The ids of all, int32, and where each text's end.
        """
        starts = np.concatenate([np.zeros(1, dtype=np.int64), ends])[:-1]
        splitter = self._tables.splitter
        piece_ends = np.empty(len(data), dtype=np.int64)
        piece_counts = np.empty(len(ends), dtype=np.int64)
        longest = scanners.split(
            *(data, starts, ends, splitter.scanner, splitter.digits, self._tables.classes),
            *(piece_ends, piece_counts),
        )
        # As long as there are bytes; what is never written takes no memory.
        tokens = np.empty(len(data), dtype=np.int32)
        token_ends = np.zeros(len(ends), dtype=np.int64)
        kernels.encode(
            *(data, starts, piece_ends, piece_counts, longest),
            *(self._tables.merges, self._tables.entries, self._memory, tokens, token_ends),
        )
        return tokens, token_ends
