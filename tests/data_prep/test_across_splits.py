# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Whether training may hold copies of validation: promised, or said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.dedup import near
from data_prep.dedup.settings import NearDuplicates
from data_prep.document_file import read_file
from data_prep.provenance import data_card
from data_prep.recipe_sections import Dedup
from data_prep.split import SPLITS

Convert = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory, source_folder: Path) -> Path:
    """Every file twice, the second time with another end."""
    folder = tmp_path_factory.mktemp("copies") / "source"
    for path in sorted(source_folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for number in range(2):
            file = folder / str(number) / path.relative_to(source_folder)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "# and an end\n" * number, encoding="utf-8")
    return folder


def test_without_dedup_a_warning_comes_first_and_is_kept(
    convert: Convert, copies: Path, tmp_path: Path
) -> None:
    done = convert(copies, tmp_path / "out", "dedup.exact=false")
    warning = Dedup(exact=False).across_splits
    assert f"\nWarning: {warning}\n" in done.stdout.partition("read and filter")[0]
    assert json.loads((tmp_path / "out/report.json").read_text())["across_splits"] == warning
    data_card.report(tmp_path / "out")
    card = (tmp_path / "out" / data_card.FOLDER / data_card.MARKDOWN).read_text(encoding="utf-8")
    assert warning in card


def test_with_near_dedup_no_validation_document_has_a_near_copy_in_training(
    convert: Convert, copies: Path, tmp_path: Path
) -> None:
    done = convert(copies, tmp_path / "out", "dedup.near={}", "split.validation=0.3")
    assert "Warning" not in done.stdout
    sides, texts = [], []
    for side in SPLITS:
        for file in sorted((tmp_path / "out/documents").glob(f"{side}-*")):
            for record in read_file(file):
                sides.append(side)
                texts.append(record["text"].encode())
    assert set(sides) == set(SPLITS)
    settings = NearDuplicates()
    found = near.find_pairs(near.records_of(texts, settings), settings)
    assert [pair for pair in found.tolist() if sides[pair[0]] != sides[pair[1]]] == []


def test_what_is_promised_depends_on_what_is_looked_for() -> None:
    assert Dedup(exact=False).is_off
    assert not Dedup(exact=False, normalized=True).is_off
    assert "near copies may be" in Dedup().across_splits
    assert "No validation document of 10 tokens" in Dedup(near=NearDuplicates()).across_splits
