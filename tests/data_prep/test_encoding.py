# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes to text, and what is none."""

from __future__ import annotations

import codecs
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import encoding
from data_prep.encoding import decode_bytes

TEXT = "def größe():\r\n    return 'naïve café'  # Ünïcode\n" * 3


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_utf8_comes_back_byte_for_byte(text: str) -> None:
    assert decode_bytes(text.encode()) == (text, "utf-8")


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_marks_and_declarations_of_wide_encodings(name: str) -> None:
    assert decode_bytes(("\ufeff" + TEXT).encode(name)) == (TEXT, name)
    assert decode_bytes(TEXT.encode(name)) == "binary"
    assert decode_bytes(TEXT.encode(name), declared=name) == (TEXT, name)


def test_a_utf8_mark_stays() -> None:
    assert decode_bytes(codecs.BOM_UTF8 + b"x") == ("\ufeffx", "utf-8")


@pytest.mark.parametrize(
    ("text", "declared", "name"),
    [
        (TEXT, "ISO-8859-1", "iso8859-1"),
        (TEXT, "windows-1252", "cp1252"),
        ("こんにちは = 1\n", "Shift_JIS", "shift_jis"),
        ("こんにちは = 1\n", "ISO-2022-JP", "iso2022_jp"),
        ("你好 = 1\n", "GB18030", "gb18030"),
    ],
)
def test_declared_encodings(text: str, declared: str, name: str) -> None:
    assert decode_bytes(text.encode(name), declared=declared) == (text, name)


def test_utf8_is_tried_before_what_is_declared() -> None:
    assert decode_bytes(TEXT.encode(), declared="ISO-8859-1") == (TEXT, "utf-8")


@pytest.mark.parametrize(
    ("data", "declared", "reason"),
    [
        (b"MZ\x90\0\3\0\0\0", None, "binary"),
        (b"\x01\x02\x03\x04abc", None, "binary"),
        (b"caf\xe9", None, "not_utf8"),
        (b"caf\xe9", "no such encoding", "not_utf8"),
        (b"caf\xe9", "rot13", "wrong_encoding"),
        (b"caf\xe9", "ascii", "wrong_encoding"),
        (codecs.BOM_UTF16_LE + b"x", None, "binary"),
    ],
)
def test_reasons(data: bytes, declared: str | None, reason: str) -> None:
    assert decode_bytes(data, declared=declared) == reason


def test_terminal_colours_are_text() -> None:
    text = "\x1b[1mbold\x1b[0m\f\n"
    assert decode_bytes(text.encode()) == (text, "utf-8")


def test_guessing_is_asked_for() -> None:
    text = "Die Größe läßt sich ändern, müßte aber überprüft werden. Schön wäre es für alle.\n" * 9
    data = text.encode("cp1252")
    assert decode_bytes(data) == "not_utf8"
    found = decode_bytes(data, detect=True)
    assert found[0] == text


def test_examples() -> None:
    assert doctest.testmod(encoding).failed == 0
