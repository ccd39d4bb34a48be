# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Dropping and cutting contaminated documents."""

from __future__ import annotations

import pytest

from data_prep.decontaminate import problems
from data_prep.decontaminate.apply import decontaminate
from data_prep.decontaminate.index import Index
from data_prep.decontaminate.settings import Decontamination
from data_prep.document import Document

ASKED = "Count the lanterns that burn on the quay after midnight and name the keeper of each one"
PROBLEM = problems.problem({"task_id": "Own/0", "text": ASKED}, 0)
CLEAN = Document.of("ü = 1\n")


@pytest.fixture(scope="module")
def index() -> Index:
    return Index.of({"own": [PROBLEM]}, Decontamination({"own": ("own.jsonl",)}))


def test_clean_documents_pass(index: Index) -> None:
    assert decontaminate(CLEAN, index) == (CLEAN, [])
    assert decontaminate(CLEAN, index, "cut") == (CLEAN, [])


def test_drop(index: Index) -> None:
    found, (hit,) = decontaminate(Document.of(f"x = 1\n# {ASKED}\n"), index)
    assert (found, hit.benchmark, hit.problem) == ("contaminated", "own", "Own/0")


def test_cut_removes_whole_lines(index: Index) -> None:
    half = len(ASKED) // 2
    text = f"ä = 1\n// {ASKED[:half]}\n// {ASKED[half:]}\nfoo()\n/* {ASKED} */\nbar()"
    found, hits = decontaminate(Document.of(text), index, "cut")
    assert isinstance(found, Document)
    assert found.text == "ä = 1\nfoo()\nbar()"
    assert len(hits) == 2


def test_cut_until_nothing_is_found(index: Index) -> None:
    """A copy within a copy: what the cut joins is a find again."""
    half = ASKED.index("after")
    text = f"x = 1\n{ASKED[:half]}\n{ASKED}\n{ASKED[half:]}\ny = 2\n"
    found, _ = decontaminate(Document.of(text), index, "cut")
    assert isinstance(found, Document)
    assert found.text == "x = 1\ny = 2\n"


def test_cut_moves_markers(index: Index) -> None:
    document = Document.of(f"a\n{ASKED}\nb\n").replace(
        markers=((0, "<issue_start>"), (2, "<issue_comment>"), (len(ASKED) + 3, "<issue_closed>"))
    )
    found, _ = decontaminate(document, index, "cut")
    assert isinstance(found, Document)
    assert found.text == "a\nb\n"
    assert found.markers == ((0, "<issue_start>"), (2, "<issue_comment>"), (2, "<issue_closed>"))
    inside = document.replace(markers=((9, "<issue_comment>"),))
    assert decontaminate(inside, index, "cut")[0] == "contaminated"


def test_a_document_of_nothing_else_is_dropped(index: Index) -> None:
    assert decontaminate(Document.of(f"# {ASKED}\n\n"), index, "cut")[0] == "contaminated"
