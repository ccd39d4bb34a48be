# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.eval.postprocess import first_line, is_exact_match


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("return x\nreturn y", "return x"),
        ("return x", "return x"),
        # A line break before anything visible is no end.
        ("\n    return x\n    y", "\n    return x"),
        ("  \n\n", "  \n\n"),
        ("", ""),
        # Only \n ends a line of source; a form feed or U+2028 inside a literal does not.
        ("a\u2028b\x0cc\nd", "a\u2028b\x0cc"),
    ],
)
def test_first_line(text: str, expected: str) -> None:
    assert first_line(text) == expected


def test_exact_match_ignores_outer_blanks_only() -> None:
    assert is_exact_match("  a = 1\n", "a = 1")
    assert not is_exact_match("a  = 1", "a = 1")


@given(st.text())
def test_a_first_line_has_no_break_after_its_first_visible_character(text: str) -> None:
    line = first_line(text)
    assert text.startswith(line)
    assert "\n" not in line.lstrip()
    assert line.strip() or not text.strip()
