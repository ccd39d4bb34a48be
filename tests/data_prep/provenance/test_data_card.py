# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from data_prep.document_file import read_file
from data_prep.provenance.data_card import report, show


def test_the_card_says_what_the_data_are(data: Path) -> None:
    content = report(data)
    assert json.loads((data / "data_card/data_card.json").read_text()) == content
    card = (data / "data_card/data_card.md").read_text()
    records = [r for p in (data / "documents").iterdir() for r in read_file(p)]
    assert content["origins"]["documents"] == content["origins"]["with_swhid"] == len(records)
    assert content["origins"]["with_repository"] == sum("repository" in r for r in records)
    for axis in ("source", "language", "licence"):
        assert sum(v["documents"] for v in content["shares"][axis].values()) == len(records)
    for title in ("Splits", "Sources", "Languages", "Licences", "Origin", "Opt-outs", "Recipe"):
        assert f"\n## {title}\n" in card
    assert "Left out, of 100 files read" in card
    assert "| near_empty | 3 | Python 2, C 1 |" in card
    assert "in training and in validation: 0" in card
    assert "| email | 3 | C 2, Python 1 |" in card
    assert "| left out while reading | 0 |\n| taken out afterwards | 0 |" in card


def test_every_chart_that_it_shows_is_there(data: Path) -> None:
    report(data)
    folder = data / "data_card"
    names = re.findall(r"!\[.*?\]\((.*?)\)", (folder / "data_card.md").read_text())
    assert len(names) == 3
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_tables_are_well_formed(data: Path) -> None:
    """Every row of a table has as many cells as its head, whatever the report holds."""
    path = data / "report.json"
    run = json.loads(path.read_text())
    run |= {
        "bad_rows": {"a|b": 3},
        "tokenizer": {"vocab_size": 400, "proof": {"encoder": "x\ny", "bytes": 1000}},
        "decontamination": {"MBPP": {"problems": 974, "finds": {"exact": 3}}, "APPS": {}},
    }
    path.write_text(json.dumps(run))
    report(data)
    widths: list[int] = []
    for line in (data / "data_card/data_card.md").read_text().splitlines():
        if line.startswith("|"):
            widths.append(len(re.findall(r"(?<!\\)\|", line)))
        elif widths:
            assert len(set(widths)) == 1, line
            widths = []


def test_without_a_report_of_the_run(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "report.json").unlink()
    content = report(data)
    assert content["run"] == {}
    show(content)
    assert "The card is data_card/data_card.md" in capsys.readouterr().out


def test_equal_data_give_equal_cards(data: Path) -> None:
    report(data)
    before = {p.name: p.read_bytes() for p in (data / "data_card").iterdir()}
    report(data)
    assert before == {p.name: p.read_bytes() for p in (data / "data_card").iterdir()}
