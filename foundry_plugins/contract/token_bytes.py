# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which bytes of a document each token id stands for.

Bits per byte, cuts over characters and the byte counts in the shards all need it, and it must be
exact where a context edge splits a UTF-8 character, which ``decode`` is not.

Byte-level BPE writes bytes as printable characters by GPT-2's table (Radford et al. 2019):
printable Latin-1 bytes stand for themselves, the other 68 for U+0100 onwards in order.
"""

from __future__ import annotations

import json
from typing import Any

from foundry_plugins.contract.errors import UserError


def byte_level_alphabet() -> dict[str, int]:
    """GPT-2's table: printable character -> byte value."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    shifted = [b for b in range(256) if b not in set(printable)]
    table = {chr(b): b for b in printable}
    table.update({chr(0x100 + n): b for n, b in enumerate(shifted)})
    return table


def token_bytes(tokenizer_json: str) -> list[bytes]:
    """The bytes of every token id; special tokens stand for no document text and give ``b""``.

    Args:
        tokenizer_json: Text of a byte-level BPE ``tokenizer.json``.

    Returns:
        A list indexed by token id; its length is the vocabulary size, added tokens included.

    Raises:
        UserError: if the tokenizer is not byte-level BPE.
    """
    content: dict[str, Any] = json.loads(tokenizer_json)
    model = content.get("model", {})
    if model.get("type") != "BPE" or "ByteLevel" not in json.dumps(content.get("decoder")):
        raise UserError(
            "The tokenizer is not byte-level BPE (model BPE, decoder ByteLevel), so its tokens "
            f"cannot be mapped to bytes: got model {model.get('type')!r}; train one with "
            "`convert_dataset` or use another byte-level one."
        )
    alphabet = byte_level_alphabet()
    special = {t["id"]: t["content"].encode() for t in content.get("added_tokens", [])}
    hidden = {t["id"] for t in content.get("added_tokens", []) if t.get("special")}
    vocabulary: dict[str, int] = model["vocab"]
    table = [b""] * (max([*vocabulary.values(), *special], default=-1) + 1)
    for token, index in vocabulary.items():
        if index not in special:
            table[index] = bytes(alphabet[character] for character in token)
    for index, content_bytes in special.items():
        table[index] = b"" if index in hidden else content_bytes
    return table
