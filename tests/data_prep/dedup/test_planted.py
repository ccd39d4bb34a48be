# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Planted near-duplicates of the standard library: the kinds, and how many are found."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from data_prep.dedup import near, planted
from data_prep.dedup.settings import NearDuplicates
from data_prep.dedup.tokens import shingles, token_hashes


@pytest.fixture(scope="module")
def texts() -> list[str]:
    library = Path(sysconfig.get_paths()["stdlib"])
    found = [path.read_text(encoding="utf-8") for path in sorted(library.glob("*.py"))]
    return [text for text in found if 2_000 <= len(text) <= 40_000][:100]


def similarity(left: str, right: str) -> float:
    sets = [np.unique(shingles(token_hashes(text.encode()), 5)) for text in (left, right)]
    return planted.jaccard(*sets)


def test_kinds_change_what_they_say(texts: list[str]) -> None:
    text = texts[3]
    copies = {kind: function(text, 5) for kind, function in planted.KINDS.items()}
    assert similarity(text, copies["whitespace"]) == 1.0
    assert copies["whitespace"] != text
    assert copies["licence_header"].endswith(text)
    assert copies["whitespace"].split() == text.split()
    ast.parse(copies["whitespace"])
    assert sorted(copies["reorder"].split()) == sorted(text.split())
    lines = text.splitlines()
    for kind, share in (("edit_5", 0.05), ("edit_15", 0.15)):
        changed = sum(a != b for a, b in zip(lines, copies[kind].splitlines(), strict=True))
        assert changed == pytest.approx(share * sum(map(bool, lines)), rel=0.5)
    for copy in copies.values():
        assert 0.2 < similarity(text, copy) <= 1.0


def test_comments_and_names() -> None:
    text = "def area(width):  # the area of a square\n    return width * width\n" * 40
    changed = planted.comments(text, 1)
    code = [line.partition("#")[0] for line in text.splitlines()]
    assert [line.partition("#")[0] for line in changed.splitlines()] == code
    assert changed != text
    names = planted.rename("one = 1\n" + "two = two\n" * 40, 1)
    assert names.count("two") == 80
    assert "one_" in names


def test_plants_depend_on_their_key_only(texts: list[str]) -> None:
    some = texts[:3]
    assert planted.plant(some) == planted.plant(some)
    assert planted.plant(some, seed=1) != planted.plant(some)


def test_recall_and_precision(texts: list[str]) -> None:
    report = planted.report(texts, NearDuplicates())
    recall = {kind: found["recall"] for kind, found in report["recall"].items()}
    least = {
        "whitespace": 1.0,
        "licence_header": 0.99,
        # Some files are half docstrings: their copies are less than 0.5 similar.
        "comments": 0.55,
        "rename": 0.99,
        "edit_5": 1.0,
        "edit_15": 0.85,
        "reorder": 0.97,
    }
    assert recall.keys() == least.keys()
    for kind, value in recall.items():
        assert value >= least[kind], (kind, report)
    for similarity, found in report["recall_by_similarity"].items():
        if float(similarity) >= 0.6:
            assert found["recall"] >= 0.99, report
    assert report["precision"]["0.5"] >= 0.95


def test_unlike_files_are_not_found(texts: list[str]) -> None:
    settings = NearDuplicates()
    data = [text.encode() for text in texts]
    found = near.find_pairs(near.records_of(data, settings), settings)
    assert all(similarity(texts[a], texts[b]) > 0.35 for a, b in found.tolist())


def test_short_files_do_not_vanish() -> None:
    """Files without an n-gram have equal signatures; they must not become one cluster."""
    settings = NearDuplicates("starcoder")
    data = [f"from .{name} import {name}".encode() for name in ("a", "b", "c")]
    assert len(near.find_pairs(near.records_of([*data, b"", b"{}"], settings), settings)) == 0


def test_report_of_pairs_that_another_tool_found() -> None:
    data = [b"a b c d e f g h", b"1 2 3 4 5 6 7 8", b"a b c d e f g h i"]
    report = planted.score(data, [("more", 0)], [(0, 2), (0, 1)])
    expected = {"planted": 1, "recall": 1.0, "mean_similarity": 0.8}
    assert report["recall"]["more"] == expected
    assert report["recall_by_similarity"] == {"0.8": expected}
    assert report["precision"] == {"0.7": 0.5, "0.5": 0.5}
