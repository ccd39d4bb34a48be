# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which bytes of a document each token id stands for.

Bits per byte, cuts over characters and the byte counts in the shards all need it, and it must be
exact where a context edge splits a UTF-8 character, which ``decode`` is not. Three kinds of
vocabulary say it:

byte-level BPE
    writes bytes as printable characters by GPT-2's table (Radford et al. 2019): printable Latin-1
    bytes stand for themselves, the other 68 for U+0100 onwards in order.
literal
    BPE or Unigram whose entries are the text itself, spaces included, and whose entries ``<0x00>``
    to ``<0xFF>`` stand for the bytes of characters without an entry (SentencePiece's
    byte_fallback, Kudo and Richardson 2018, arXiv 1808.06226).
metaspace
    the same with U+2581 for a space, as Llama's and Code Llama's vocabularies have it. They put a
    space before every text, which is a byte of the document from then on, and a document's own
    U+2581 has become a space.
"""

from __future__ import annotations

import json
import re
from typing import Any

from foundry_plugins.contract.errors import UserError

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
# What decoding a literal vocabulary may consist of: anything else alters text.
LITERAL_DECODERS = {"ByteFallback", "Fuse"}
METASPACE = "\u2581"
# Steps of a normalizer or decoder that write spaces as `METASPACE` and back.
METASPACE_STEPS = ("Prepend", "Replace", "Metaspace", "Strip")
_METASPACE_DECODERS = LITERAL_DECODERS | set(METASPACE_STEPS)


def byte_level_alphabet() -> dict[str, int]:
    """GPT-2's table: printable character -> byte value."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    shifted = [b for b in range(256) if b not in set(printable)]
    table = {chr(b): b for b in printable}
    table.update({chr(0x100 + n): b for n, b in enumerate(shifted)})
    return table


def byte_token(byte: int) -> str:
    """The entry of a literal vocabulary that stands for one byte."""
    return f"<0x{byte:02X}>"


def is_byte_level(content: dict[str, Any]) -> bool:
    """Whether a parsed ``tokenizer.json`` is byte-level BPE."""
    model = content.get("model") or {}
    return model.get("type") == "BPE" and "ByteLevel" in json.dumps(content.get("decoder"))


def is_literal(content: dict[str, Any]) -> bool:
    """Whether a parsed ``tokenizer.json`` has text itself as entries, and bytes to fall back on."""
    return _falls_back(content) and _decoders(content) == LITERAL_DECODERS


def is_metaspace(content: dict[str, Any]) -> bool:
    """Whether a parsed ``tokenizer.json`` is literal but for spaces, which it writes as U+2581."""
    found = _decoders(content)
    return _falls_back(content) and found > LITERAL_DECODERS and found <= _METASPACE_DECODERS


def _falls_back(content: dict[str, Any]) -> bool:
    model = content.get("model") or {}
    return model.get("type") in ("BPE", "Unigram") and bool(model.get("byte_fallback"))


def _decoders(content: dict[str, Any]) -> set[str]:
    decoder = content.get("decoder") or {}
    return {step.get("type", "") for step in decoder.get("decoders", [decoder])}


def token_bytes(tokenizer_json: str) -> list[bytes]:
    """The bytes of every token id; special tokens stand for no document text and give ``b""``.

    Args:
        tokenizer_json: Text of a ``tokenizer.json``, byte-level, literal or metaspace.

    Returns:
        A list indexed by token id; its length is the vocabulary size, added tokens included.

    Raises:
        UserError: if the tokenizer is none of them.
    """
    content: dict[str, Any] = json.loads(tokenizer_json)
    added = {token["id"]: token for token in content.get("added_tokens", [])}
    entries = {index: token for index, token in _entries(content).items() if index not in added}
    table = [b""] * (max([*entries, *added], default=-1) + 1)
    alphabet = byte_level_alphabet() if is_byte_level(content) else None
    space = METASPACE if is_metaspace(content) else " "
    for index, token in entries.items():
        written = token.replace(space, " ")
        table[index] = _literal(written) if alphabet is None else _spelt(token, alphabet)
    for index, token in added.items():
        table[index] = b"" if token.get("special") else token["content"].encode()
    return table


def _entries(content: dict[str, Any]) -> dict[int, str]:
    """The model's entries by id."""
    model = content.get("model") or {}
    if not (is_byte_level(content) or is_literal(content) or is_metaspace(content)):
        raise UserError(
            "The tokenizer is neither byte-level BPE (decoder ByteLevel) nor a BPE or Unigram "
            "with literal entries (byte_fallback, decoders ByteFallback and Fuse, spaces as they "
            "are or as U+2581), so its tokens cannot be mapped to bytes: got model "
            f"{model.get('type')!r}; train one with `convert_dataset`, or let it take this one "
            "(`tokenizer.kind: pretrained`)."
        )
    if model["type"] == "Unigram":
        return {index: token for index, (token, _) in enumerate(model["vocab"])}
    return {index: token for token, index in model["vocab"].items()}


def _spelt(token: str, alphabet: dict[str, int]) -> bytes:
    """A byte-level entry; one that no text can yield (a name) is decoded as it stands."""
    if all(character in alphabet for character in token):
        return bytes(alphabet[character] for character in token)
    return token.encode()


def _literal(token: str) -> bytes:
    byte = _BYTE_TOKEN.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.encode()
