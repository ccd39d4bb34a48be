# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Middles that are nodes of the syntax tree."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from data_prep.languages import LANGUAGES
from foundry_plugins.data import spans
from foundry_plugins.data.syntax import draw_nodes

TEXT = "def add(a, b):\n    é = a + b\n    return [é, 1]\n"


def drawn(text: str, limit: int | None, language: str = "Python") -> set[str]:
    found = [draw_nodes(text, language, limit, n) for n in range(400)]
    return {text[slice(*span)] for span in found if span is not None}


def test_by_hand() -> None:
    found = drawn(TEXT, None)
    # Nodes, and runs of siblings such as `a + b` has none but itself.
    assert {"é = a + b", "a + b", "[é, 1]", "return [é, 1]", "add", "(a, b)", TEXT} <= found
    assert "é = a" not in found
    assert "b):\n" not in found


@pytest.mark.parametrize("limit", [5, 12, 30])
def test_no_longer_than_the_limit(limit: int) -> None:
    found = drawn(TEXT, limit)
    assert found
    assert max(map(len, found)) <= limit


def test_single_nodes_and_runs_of_statements_parse() -> None:
    """A statement or an expression stands by itself; so does a run of statements."""
    text = "x = 1\ny = f(x)\nif y:\n    z = [x, y]\n"
    whole = 0
    for piece in drawn(text, None):
        try:
            ast.parse(piece.strip())
            whole += 1
        except SyntaxError:
            continue
    assert whole >= len(drawn(text, None)) / 2


def test_long_nodes_are_as_likely_as_all_inside_them() -> None:
    found = [draw_nodes(TEXT, "Python", None, n) for n in range(2000)]
    lengths = [end - start for start, end in filter(None, found)]
    # Uniform over nodes, most would be single characters.
    assert sum(length > 8 for length in lengths) > len(lengths) / 2


def test_what_a_context_edge_left_is_parsed_all_the_same() -> None:
    assert {"a + b"} <= drawn("dd(a, b):\n    c = a + b\n    retur", None)


def test_a_language_without_a_parser_is_cut_anywhere() -> None:
    assert draw_nodes("x y z", "Brainfuck", None, 1) is None
    start, end = spans.draw(spans.SYNTAX, "x y z", "Brainfuck", None, 1)
    assert 0 <= start <= end <= 5


@pytest.mark.parametrize(
    "language",
    ["C", "C++", "C#", "Go", "HTML", "Java", "JavaScript", "PHP", "Ruby", "Rust", "Shell"],
)
def test_languages_by_their_names_in_the_shards(language: str) -> None:
    assert language in LANGUAGES
    assert draw_nodes("x = 1;\n", language, None, 3) is not None


def test_parsers_are_named_when_they_are_missing() -> None:
    program = (
        "import sys; sys.modules['tree_sitter_language_pack'] = None\n"
        "from foundry_plugins.data.fim_settings import FIMSettings\n"
        "FIMSettings(spans={'random': 1})\n"
        "FIMSettings(spans={'syntax': 1})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode
    assert "pip install 'foundry-plugins[syntax]'" in done.stderr
