# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the loader needs of the run's tokenizer, checked once before any batch is made."""

from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract import sentinels
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.token_bytes import token_bytes
from foundry_plugins.data.fim import Vocabulary


def vocabulary_of(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """The FIM vocabulary of a fast tokenizer, byte-level or literal.

    Raises:
        UserError: if a sentinel is missing, padding is the end of text, or the tokenizer is slow.
    """
    content = tokenizer_json(tokenizer)
    eos, pad = special_ids(tokenizer)
    # A private copy: the run's tokenizer keeps its own settings.
    backend = Tokenizer.from_str(content)
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = True  # literal sentinel text in a document stays text
    ids = {name: backend.token_to_id(name) for name in sentinels.FIM}
    for name in sentinels.FIM[:3]:
        require(
            ids[name] is not None,
            f"The tokenizer {tokenizer.name_or_path!r} has no token {name!r}, which `fim:` needs; "
            "train one with `convert_dataset`, or set `fim.rate` to 0.",
        )
    return Vocabulary(
        prefix=ids[sentinels.FIM_PREFIX],
        middle=ids[sentinels.FIM_MIDDLE],
        suffix=ids[sentinels.FIM_SUFFIX],
        eos=eos,
        pad=pad,
        token_bytes=token_bytes(content),
        encode=lambda text: backend.encode(text, add_special_tokens=False).ids,
    )


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


def byte_lengths(vocabulary_size: int, table: list[bytes]) -> np.ndarray:
    """Document bytes that a token id stands for, shape (vocabulary_size,); 0 beyond the table."""
    lengths = np.zeros(max(vocabulary_size, len(table)), dtype=np.int64)
    lengths[: len(table)] = [len(piece) for piece in table]
    return lengths
