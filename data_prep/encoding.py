# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes to text: byte-order marks, UTF-8, a declared encoding, a guess; and what is no text at all.

UTF-8 comes first: other encodings hardly ever are valid UTF-8 by accident, while single-byte
encodings accept anything. Sources that know the encoding pass it (The Stack v2's ``src_encoding``,
Lozhkov et al. 2024, arXiv 2402.19173, section 2.1); a guess is made only when asked for, because
single-byte encodings look alike in short files.

A UTF-8 byte-order mark stays in the text, so that its bytes are the file's; those of UTF-16 and
UTF-32 only say how to read what follows and go.

Binary is what holds a zero byte (git looks for one, too) without being UTF-16 or UTF-32, or is for
more than a tenth control characters, which text does not have.
"""

from __future__ import annotations

import codecs

BINARY = "binary"
NOT_UTF8 = "not_utf8"
WRONG_ENCODING = "wrong_encoding"

# The longer mark first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# All control characters of ASCII but white space, backspace and the escape of terminals' colours.
_CONTROL = bytes(c for c in range(32) if c not in b"\b\t\n\v\f\r\x1b") + b"\x7f"
_CONTROL_SHARE = 0.1
# Encodings whose bytes are ASCII, or hold zeros, whatever the text: UTF-8 would misread them.
_NOT_TOLD_BY_BYTES = ("utf-16", "utf-32", "utf-7", "iso2022", "hz")


def decode_bytes(
    data: bytes, declared: str | None = None, detect: bool = False
) -> tuple[str, str] | str:
    r"""The text of a file and the name of its encoding, or why it has none.

    Reasons: ``binary``, ``not_utf8`` (and nothing else is known), ``wrong_encoding`` (it is not in
    the declared one either).

    Args:
        data: The file's bytes.
        declared: The encoding that its source names; names that Python does not know are ignored.
        detect: Guess the encoding if all else fails.

    >>> decode_bytes("é".encode()), decode_bytes(b"\xff\xfex\0"), decode_bytes(b"\0\1\2")
    (('é', 'utf-8'), ('x', 'utf-16-le'), 'binary')
    >>> decode_bytes(b"\xe9"), decode_bytes(b"\xe9", declared="ISO-8859-1")
    ('not_utf8', ('é', 'iso8859-1'))
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], encoding) or BINARY
    known = _known(declared)
    if known.startswith(_NOT_TOLD_BY_BYTES) and (found := _decode(data, known)):
        return found
    if b"\0" in data or _is_control(data):
        return BINARY
    found = _decode(data, "utf-8") or (known and _decode(data, known))
    if found:
        return found
    return (detect and _detect(data)) or (WRONG_ENCODING if known else NOT_UTF8)


def _decode(data: bytes, encoding: str) -> tuple[str, str] | None:
    try:
        text = data.decode(encoding)
    except (UnicodeError, LookupError):  # the latter for what is no encoding of text ("rot13")
        return None
    # What was read with the wrong encoding is full of what no text holds.
    return None if encoding != "utf-8" and _is_control(text.encode()) else (text, encoding)


def _known(declared: str | None) -> str:
    """Python's name of a declared encoding; empty if it has none."""
    try:
        return codecs.lookup(declared or "").name
    except (LookupError, ValueError):
        return ""


def _is_control(data: bytes) -> bool:
    num_control = len(data) - len(data.translate(None, _CONTROL))
    return b"\0" in data or num_control > _CONTROL_SHARE * len(data)


def _detect(data: bytes) -> tuple[str, str] | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return None if best is None else _decode(data, best.encoding)
