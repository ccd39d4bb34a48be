# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Git's objects taken apart, and who counts as a program."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.commits import authors, objects, rendering
from data_prep.commits.authors import author_kind
from data_prep.commits.objects import decode, parse_commit, parse_tree
from foundry_plugins.contract.diffs import Change
from foundry_plugins.contract.errors import UserError


def test_docstring_examples() -> None:
    for module in (authors, objects, rendering):
        assert doctest.testmod(module).failed == 0


def test_a_signed_merge() -> None:
    data = (
        b"tree " + b"a" * 40 + b"\nparent " + b"b" * 40 + b"\nparent " + b"c" * 40 + b"\n"
        b"author Ann <a@x.org> 1600000000 +0200\ncommitter GitHub <noreply@github.com> 1 +0000\n"
        b"encoding ISO-8859-15\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n parent no\n\n"
        b"  Merge \xa4\n\nencoding none\n\n"
    )
    found = parse_commit(data)
    assert found.tree == "a" * 40
    assert found.parents == ("b" * 40, "c" * 40)
    assert found.message == "Merge €\n\nencoding none"
    assert (found.author.name, found.author.email) == ("Ann", "a@x.org")
    assert found.author.time == "2020-09-13T12:26:40+00:00"


@pytest.mark.parametrize("line", [b"", b"Ann", b"Ann <a@x> 99999999999999999999 +0000", b"<> x"])
def test_odd_authors(line: bytes) -> None:
    found = parse_commit(b"tree x\nauthor " + line + b"\n\nmessage")
    assert found.author.time is None
    assert found.message == "message"


@given(st.binary(max_size=200), st.sampled_from(["", "latin-1", "utf-7", "utf-16", "rot13", "\0"]))
def test_any_bytes_are_a_commit(data: bytes, encoding: str) -> None:
    assert decode(data, encoding).encode() is not None
    parse_commit(data).message.encode()


def test_trees() -> None:
    data = b"100644 a b\xff\0" + bytes(20) + b"40000 d\0" + b"\1" * 20
    assert parse_tree(data) == [("100644", b"a b\xff", "00" * 20), ("40000", b"d", "01" * 20)]
    with pytest.raises(ValueError, match="not found"):
        parse_tree(data[:-22])


@pytest.mark.parametrize(
    ("name", "email", "kind"),
    [
        ("renovate[bot]", "29139614+renovate[bot]@users.noreply.github.com", "bot"),
        ("pre-commit-ci[bot]", "x@y", "bot"),
        ("k8s-ci-robot", "k8s@example.com", "bot"),
        ("GitHub Actions", "actions@github.com", "bot"),
        ("Robot", "robot@acme.org", "bot"),
        ("Ann", "12+ann@users.noreply.github.com", "person"),
        ("Travis Oliphant", "travis@acme.org", "person"),
        ("Jo Abbot", "jabbot@acme.org", "person"),
        ("", "", "person"),
    ],
)
def test_author_kinds(name: str, email: str, kind: str) -> None:
    assert author_kind(name, email) == kind


def test_sentinels_are_those_of_all_formats() -> None:
    assert rendering.sentinels_of("contrast") == ("<empty_output>",)
    found = rendering.sentinels_of({"commit": 1, "search_replace": 2})
    assert found[:2] == ("<filename>", "<commit_before>")
    assert "<search>" in found
    with pytest.raises(UserError, match=r"`format\.commit` must be a weight above 0, got inf"):
        rendering.sentinels_of({"commit": float("inf")})


@given(st.text("ab\n", max_size=12), st.text("ab\n", max_size=12))
def test_spans_hold_all_that_differs(old: str, new: str) -> None:
    span = rendering.span_lines(Change("a", "a", old, new))
    before, after = old.split("\n"), new.split("\n")
    longest = max(len(before), len(after))
    # The slow way: some head and tail of equal lines with this many lines between them.
    assert any(
        before[:head] == after[:head] and before[len(before) - tail :] == after[len(after) - tail :]
        for head in range(longest + 1)
        for tail in range(longest + 1 - head)
        if longest - head - tail == span and head + tail <= min(len(before), len(after))
    )
