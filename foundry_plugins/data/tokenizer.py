# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the loader needs of the run's tokenizer, checked once before any batch is made."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.contract.log import logger
from foundry_plugins.contract.sentinels import FAMILIES
from foundry_plugins.contract.token_bytes import is_metaspace, token_bytes
from foundry_plugins.data.boundaries import safe_places
from foundry_plugins.data.proof import find_difference, find_loss
from foundry_plugins.data.vocabulary import Vocabulary

STARCODER = "starcoder"
_LOG = logger(__name__)


def vocabulary_of(tokenizer: PreTrainedTokenizerBase, family: str = STARCODER) -> Vocabulary:
    """The FIM vocabulary of a fast tokenizer.

    Says in the log whether tokens around a cut are encoded anew or whole pieces, and why.

    Args:
        tokenizer: The run's tokenizer.
        family: Whose names its sentinels have, of `foundry_plugins.contract.sentinels.FAMILIES`.

    Raises:
        UserError: if a sentinel is missing, padding is the end of text, the tokenizer is slow, or
            pieces of a text would lose some of it.
    """
    require(
        family in FAMILIES,
        f"`fim.sentinels` must be one of {', '.join(FAMILIES)}, got {family!r}"
        f"{did_you_mean(family, FAMILIES)}.",
    )
    content = tokenizer_json(tokenizer)
    eos, pad = special_ids(tokenizer)
    names = FAMILIES[family]
    ids = tokenizer.get_vocab()
    for name in filter(None, dataclasses.astuple(names)):
        require(
            name in ids,
            f"The tokenizer {tokenizer.name_or_path!r} has no token {name!r}, which `fim:` needs "
            f"with `fim.sentinels: {family}`; train one with `convert_dataset`, name another "
            f"family ({', '.join(FAMILIES)}), or set `fim.rate` to 0.",
        )
    safe, ground = safe_places(content)
    vocabulary = Vocabulary(
        prefix=ids[names.prefix],
        middle=ids[names.middle],
        suffix=ids[names.suffix],
        end=ids[names.end] if names.end else eos,
        eos=eos,
        pad=pad,
        token_bytes=token_bytes(content),
        encode=PieceEncoder(content),
        safe=safe,
        bos=beginning_id(tokenizer),
    )
    loss = find_loss(vocabulary)
    if loss:
        raise UserError(
            f"The tokenizer {tokenizer.name_or_path!r} encodes {loss}: it changes the ends of a "
            "text, so pieces of a document would not make up the document; take one that does not "
            "(no Strip in its normalizer), or set `fim.rate` to 0."
        )
    difference = None if safe is None else find_difference(vocabulary)
    if difference:
        safe, ground = None, f"it failed on {difference}"
        vocabulary = dataclasses.replace(vocabulary, safe=None)
    how = "whole pieces are" if safe is None else "only the characters around a cut are"
    _LOG.info("Fill-in-the-middle with %s: %s encoded (%s).", tokenizer.name_or_path, how, ground)
    return vocabulary


class PieceEncoder:
    """Encodes a piece of a text by itself: nothing is added, and literal sentinels stay text.

    What puts a space before every text (SentencePiece's dummy prefix, ``add_prefix_space`` of
    byte-level vocabularies) is taken out: a piece follows another.
    """

    def __init__(self, tokenizer_json: str) -> None:
        self._json = tokenizer_json

    def __call__(self, text: str) -> Sequence[int]:
        """The ids of a piece."""
        return self._backend.encode(text, add_special_tokens=False).ids

    @functools.cached_property
    def _backend(self) -> Tokenizer:
        content: dict[str, Any] = json.loads(self._json)
        _remove_dummy_prefix(content, is_metaspace(content))
        # A private copy: the run's tokenizer keeps its own settings.
        backend = Tokenizer.from_str(json.dumps(content))
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = True
        return backend

    def __getstate__(self) -> dict[str, str]:
        return {"_json": self._json}  # the setting that keeps sentinels text is not pickled


def _remove_dummy_prefix(content: dict[str, Any], metaspace: bool) -> None:
    pre_tokenizer = content.get("pre_tokenizer") or {}
    steps: list[dict[str, Any]] = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    if metaspace:
        normalizer = content.get("normalizer") or {}
        normalizers = normalizer.get("normalizers", [normalizer] if normalizer else [])
        kept = [step for step in normalizers if step["type"] != "Prepend"]
        content["normalizer"] = {"type": "Sequence", "normalizers": kept} if kept else None
        steps = [*steps, *kept]
    for step in steps:
        if step.get("type") == "Metaspace":
            step["prepend_scheme"] = "never"
        elif step.get("type") == "ByteLevel":
            step["add_prefix_space"] = False


def tokenizer_json(tokenizer: PreTrainedTokenizerBase) -> str:
    """The tokenizer as ``tokenizer.json`` text.

    Raises:
        UserError: for a slow (Python) tokenizer.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UserError(
            f"The tokenizer {tokenizer.name_or_path!r} has no tokenizer.json (it is a slow "
            "tokenizer); code_text needs a fast one."
        )
    return backend.to_str()


def special_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Ids of the end of text and of padding.

    Raises:
        UserError: if one is missing or both are the same.
    """
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    name = tokenizer.name_or_path
    require(eos is not None, f"The tokenizer {name!r} has no `eos_token`; set one.")
    require(
        pad is not None,
        f"The tokenizer {name!r} has no `pad_token`; set one that is not the `eos_token`.",
    )
    require(
        eos != pad,
        f"The tokenizer {name!r} has the same `pad_token` and `eos_token` "
        f"({tokenizer.eos_token!r}): padding gets no loss, so the end of a document would never be "
        "learned; set `pad_token` to another token.",
    )
    assert isinstance(eos, int)
    assert isinstance(pad, int)
    return eos, pad


def beginning_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Id of the beginning of a text; None where the tokenizer has none but the end of text."""
    bos = tokenizer.bos_token_id
    if not isinstance(bos, int) or bos in special_ids(tokenizer):
        return None
    return bos


def byte_lengths(vocabulary_size: int, table: list[bytes]) -> np.ndarray:
    """Document bytes that a token id stands for, shape (vocabulary_size,); 0 beyond the table."""
    lengths = np.zeros(max(vocabulary_size, len(table)), dtype=np.int64)
    lengths[: len(table)] = [len(piece) for piece in table]
    return lengths
