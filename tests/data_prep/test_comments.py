# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where comments are, against Python's own tokenizer and by hand for other languages."""

from __future__ import annotations

import ast
import doctest
import io
import sysconfig
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import comment_syntax, comments
from data_prep.comments import comment_share, comment_spans

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def share_by_parsing(text: str) -> float:
    """Comments by the tokenizer, docstrings by the parser."""
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    num_chars = sum(len(token.string) for token in tokens if token.type == tokenize.COMMENT)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            num_chars += len(ast.get_source_segment(text, first.value) or "")
    return num_chars / len(text)


@pytest.mark.parametrize("name", ["ast", "dataclasses", "enum", "heapq", "textwrap"])
def test_python_against_its_own_parser(name: str) -> None:
    text = (LIBRARY / f"{name}.py").read_text(encoding="utf-8")
    assert comment_share(text, "Python") == pytest.approx(share_by_parsing(text), abs=0.001)


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("C", 'char *s = "/* no */"; // yes\n/* and\n this */', ["// yes", "/* and\n this */"]),
        ("C", "char c = '\"'; // yes", ["// yes"]),
        ("C", "int x; /* never closed", ["/* never closed"]),
        ("JavaScript", "const s = `// no`; // yes", ["// yes"]),
        ("Go", "c := '\"' // yes\ns := `// no`", ["// yes"]),
        ("Rust", "fn f<'a>(x: &'a str) {} // yes", ["// yes"]),
        ("SQL", "select '--no' -- yes\n/* and */", ["-- yes", "/* and */"]),
        ("Lua", 's = "--no" --[[ a\nb ]] -- c', ["--[[ a\nb ]]", "-- c"]),
        ("Haskell", "x = 1 {- a -} -- b", ["{- a -}", "-- b"]),
        ("HTML", "<p>// no<!-- yes --></p>", ["<!-- yes -->"]),
        ("Shell", "echo $#; echo a#b # yes", ["# yes"]),
        ("Batchfile", "echo rem\nREM yes", ["REM yes"]),
        ("TeX", "50\\% of % yes", ["% yes"]),
        ("Python", "x = '# no'  # yes", ["# yes"]),
        ("Python", 'def f():\n    """yes"""\n    x = """no"""\n', ['"""yes"""']),
        ("Python", "# a\n'''b'''\nc = {'d':\n'e', 'f': 1}\n", ["# a", "'''b'''"]),
        ("OCaml", 'let s = "(*" (* yes *)', ["(* yes *)"]),
        ("PHP", "<?php # a\n// b\n/* c */", ["# a", "// b", "/* c */"]),
    ],
)
def test_spans(language: str, text: str, found: list[str]) -> None:
    spans = comment_spans(text, language)
    assert spans is not None
    assert [text[start:end] for start, end in spans] == found


def test_languages_without_comments() -> None:
    assert comment_spans("{}", "JSON") is None
    assert comment_share("{}", "JSON") is None
    assert comment_share("", "C") is None


@given(st.text("\"'`/*#-{}<!>\\\n x"), st.sampled_from(sorted(comment_syntax.SYNTAX)))
def test_spans_are_ordered_and_apart(text: str, language: str) -> None:
    spans = list(comment_spans(text, language) or ())
    ends = [0, *(end for _, end in spans)]
    assert all(end <= start < after for end, (start, after) in zip(ends, spans, strict=False))


def test_examples() -> None:
    assert doctest.testmod(comments).failed == 0
    assert doctest.testmod(comment_syntax).failed == 0
