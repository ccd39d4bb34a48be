# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A saved tokenizer, ready to encode documents and to prove that nothing is lost."""

from __future__ import annotations

import copy
import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.tokenizers import files
from data_prep.tokenizers.kernels import PADDING, first_loss
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS
from foundry_plugins.contract.token_bytes import token_bytes

# Special tokens inside a text: (character offset, sentinel), ascending.
Markers = Sequence[tuple[int, str]]
_SHOWN_BYTES = 24


class Encoder:
    """Texts to token ids.

    Attributes:
        ids: Token id of every sentinel that the vocabulary has; of end-of-text and padding always,
            whatever their names there.
        vocab_size: Number of ids.
        byte_lengths: For every id, how many bytes of a document it stands for.
        is_compiled: Whether the compiled encoder is used; else the tokenizers library.
        obstacle: Why it is not used, if it is not.
    """

    def __init__(
        self,
        tokenizer_json: str,
        roles: Mapping[str, str] | None = None,
        *,
        compiled: bool = True,
    ) -> None:
        table = token_bytes(tokenizer_json)
        content: dict[str, Any] = json.loads(tokenizer_json)
        self._json = tokenizer_json
        self._compiled, self.obstacle = _compile(content) if compiled else (None, "not wanted")
        self.is_compiled = self._compiled is not None
        self.ids = _sentinel_ids(content, files.TRAINED_ROLES if roles is None else roles)
        self.vocab_size = len(table)
        self.byte_lengths = np.array([len(token) for token in table], dtype=np.int64)
        self._blob = np.frombuffer(b"".join(table) + bytes(PADDING), dtype=np.uint8)
        self._blob_ends = np.cumsum(self.byte_lengths)

    @classmethod
    def load(cls, folder: Path, *, compiled: bool = True) -> Encoder:
        """The tokenizer of a folder, as `of` has it."""
        return cls.of(*files.read(folder), compiled=compiled)

    @classmethod
    def of(cls, tokenizer_json: str, roles: Mapping[str, str], *, compiled: bool = True) -> Encoder:
        """A tokenizer; one that this process has made before is kept."""
        return _made(tokenizer_json, tuple(sorted(roles.items())), compiled)

    @functools.cached_property
    def by_library(self) -> Encoder:
        """The same tokenizer, applied by the tokenizers library."""
        other = copy.copy(self)
        other._compiled, other.obstacle, other.is_compiled = None, "not wanted", False
        return other

    @functools.cached_property
    def fingerprint(self) -> str:
        """`foundry_plugins.contract.fingerprint` of the vocabulary."""
        return fingerprint(self._json)

    def encode(
        self,
        texts: Sequence[str],
        names: Sequence[str],
        markers: Sequence[Markers] | None = None,
    ) -> list[np.ndarray]:
        """Token ids of every text, uint32, with no special token but its markers.

        Args:
            texts: The documents.
            names: What to call them in a message.
            markers: For every text, the sentinels inside it. The text between two is encoded by
                itself, as it will be when a prompt holds one.

        Raises:
            UserError: if a text does not come back byte for byte, or a sentinel is not in the
                vocabulary.
        """
        if markers is None or not any(markers):
            return [ids.view(np.uint32) for ids in self._encode(texts, names)]
        pieces = [_cut(text, marks) for text, marks in zip(texts, markers, strict=True)]
        owners = [name for name, cut in zip(names, pieces, strict=True) for _ in cut]
        encoded = iter(self._encode([piece for cut in pieces for piece in cut], owners))
        joined = []
        for name, marks in zip(names, markers, strict=True):
            parts = [next(encoded)]
            for _, sentinel in marks:
                parts += [np.array([self._id(sentinel, name)], dtype=np.int32), next(encoded)]
            joined.append(np.concatenate(parts).view(np.uint32))
        return joined

    def _encode(self, texts: Sequence[str], names: Sequence[str]) -> list[np.ndarray]:
        encoded = [text.encode() for text in texts]
        ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
        data = np.frombuffer(b"".join(encoded) + bytes(PADDING), dtype=np.uint8)
        if self._compiled:
            tokens, token_ends = self._compiled.encode(data, ends)
        else:
            tokens, token_ends = self._encode_by_library(texts)
        found = first_loss(tokens, token_ends, data, ends, self._blob, self._blob_ends)
        number, position = int(found[0]), int(found[1])
        limits = [0, *token_ends.tolist()]
        ids = [tokens[start:end] for start, end in itertools.pairwise(limits)]
        if number >= 0:
            raise UserError(self._loss(names[number], encoded[number], ids[number], position))
        return ids

    @functools.cached_property
    def _library(self) -> Any:
        from tokenizers import Tokenizer

        library = Tokenizer.from_str(self._json)
        library.no_truncation()
        library.no_padding()
        # A sentinel's text in a document is text; only markers and the packer emit the real ids.
        library.encode_special_tokens = True
        return library

    def _encode_by_library(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        encodings = self._library.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        tokens = np.concatenate([np.zeros(0, dtype=np.int32), *ids])
        return tokens, np.cumsum([len(row) for row in ids], dtype=np.int64)

    def _loss(self, name: str, text: bytes, ids: np.ndarray, position: int) -> str:
        line = text.count(b"\n", 0, position) + 1
        ends = np.cumsum(self.byte_lengths[ids])
        first = int(np.searchsorted(ends, position, side="right"))
        start = int(ends[first - 1]) if first else 0
        back = self._bytes_of(ids[first : first + _SHOWN_BYTES])
        return (
            f"{name} does not come back from the tokenizer byte for byte: line {line}, "
            f"{_shown(text[start:])} comes back as {_shown(back)}; leave its normalizer out "
            "(`tokenizer.drop_normalizer: true`) or train one with `convert_dataset`."
        )

    def _bytes_of(self, ids: np.ndarray) -> bytes:
        ends = self._blob_ends[ids]
        starts = ends - self.byte_lengths[ids]
        return b"".join(
            self._blob[start:end].tobytes() for start, end in zip(starts, ends, strict=True)
        )

    def _id(self, sentinel: str, name: str) -> int:
        if sentinel not in self.ids:
            raise UserError(
                f"{name} holds the special token {sentinel}, which the tokenizer does not have; "
                "set `tokenizer.add_sentinels: true`."
            )
        return self.ids[sentinel]


@functools.lru_cache(maxsize=2)
def _made(tokenizer_json: str, roles: tuple[tuple[str, str], ...], compiled: bool) -> Encoder:
    return Encoder(tokenizer_json, dict(roles), compiled=compiled)


def _compile(content: dict[str, Any]) -> tuple[Any, str]:
    from data_prep.tokenizers.compiled import Compiled
    from data_prep.tokenizers.tables import Unsupported

    try:
        return Compiled(content), ""
    except Unsupported as reason:
        return None, str(reason)


def _sentinel_ids(content: dict[str, Any], roles: Mapping[str, str]) -> dict[str, int]:
    added = {token["content"]: token["id"] for token in content["added_tokens"]}
    ids = {token: added[token] for token in SENTINELS if token in added}
    for sentinel, role in ((END_OF_TEXT, "eos_token"), (PAD, "pad_token")):
        ids[sentinel] = added[roles[role]]
    return ids


def _cut(text: str, markers: Markers) -> list[str]:
    """The text between the markers; one piece more than there are markers."""
    offsets = [offset for offset, _ in markers]
    return [text[a:b] for a, b in zip([0, *offsets], [*offsets, len(text)], strict=True)]


def _shown(data: bytes) -> str:
    return repr(data[:_SHOWN_BYTES].decode("utf-8", "replace"))
