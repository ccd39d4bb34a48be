# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a report says of hand-written results."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.report import folders, plot, table, write
from foundry_plugins.eval.report.figures import EXACT, UNJUDGED, Row, rows
from tests.foundry_plugins.eval.report.written_results import task, write_folder

RIGHT, WRONG = ("    return 1\n", "passed"), ("    return 2\n", "assertion")


def only_row(folder: Path, *ks: int) -> Row:
    (found,) = table.all_rows(folders.find([folder])[0], ks or (1, 10))
    return found


def test_shares_kinds_and_lengths(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"a": [RIGHT, WRONG], "b": [WRONG, ("", "timeout")]})
    row = only_row(tmp_path, 1, 2, 10)
    # a: one of two; b: none of two.
    assert row.shares["pass@1"].value == pytest.approx((0.5 + 0) / 2)
    assert row.shares["pass@2"].value == pytest.approx((1 + 0) / 2)
    assert (row.shares["pass@2"].low, row.shares["pass@2"].high) == (0.0, 1.0)
    assert "pass@10" not in row.shares
    assert EXACT not in row.shares
    assert row.kinds == {"passed": 1, "assertion": 2, "timeout": 1}
    assert (row.problems, row.samples, row.cut_off, row.mean_tokens) == (2, (2, 2), 4, 4.0)
    assert table.failures(row) == "assertion 2, timeout 1"
    assert table.notes([row]) == []


def test_what_is_half_done_has_no_figure_and_is_said(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"a": [RIGHT], "b": [("", None)]})
    write_folder(tmp_path / "y", {"a": [RIGHT, WRONG], "b": [WRONG]}, model="second")
    first, second = table.all_rows(folders.find([tmp_path])[0], (1, 2))
    assert first.shares == {}
    assert first.kinds[UNJUDGED] == 1
    assert list(second.shares) == ["pass@1"]
    said = table.notes([first, second])
    assert "1 samples have no verdict yet" in said[0]
    assert "have 1 to 2 samples" in said[1]


def test_gaps_are_compared_with_what_was_there(tmp_path: Path) -> None:
    gap = {"suffix": "\n", "canonical": " x = 1"}
    tasks = [task("a", **gap), task("b", **gap)]
    answers = {"a": [("x = 1 ", "passed")], "b": [("x = 2 - 1", "passed")]}
    row = only_row(write_folder(tmp_path / "tests", answers, tasks))
    assert (row.shares["pass@1"].value, row.shares[EXACT].value) == (1.0, 0.5)
    judged = {"a": [("x = 1", "exact_match")], "b": [("y", "mismatch")]}
    row = only_row(write_folder(tmp_path / "text", judged, tasks, judged="exact_match"))
    assert {name: share.value for name, share in row.shares.items()} == {EXACT: 0.5}
    assert table.failures(row) == "mismatch 1"


def test_languages_are_rows_and_the_forgeable_ones_are_said(tmp_path: Path) -> None:
    tasks = [task("a"), task("b", "cpp"), task("c", "")]
    folder = write_folder(tmp_path / "x", {"a": [RIGHT], "b": [RIGHT], "c": [WRONG]}, tasks)
    found = rows(folders.read(folder))
    assert [(row.language, row.shares["pass@1"].value) for row in found] == [
        ("py", 1.0),
        ("cpp", 1.0),
        ("-", 0.0),
    ]
    assert table.notes(found[:1]) == []
    assert table.notes(found[:2]) == [table.FORGEABLE]


def test_people_judge_without_a_reminder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "x", {"a": [("because", None)]}, judged="people")
    assert table.notes(rows(folders.read(folder))) == []


def test_names_and_titles_tell_evaluations_apart(tmp_path: Path) -> None:
    one = {"a": [RIGHT]}
    write_folder(tmp_path / "humaneval", one, model="alone")
    write_folder(tmp_path / "1/humaneval", one, model="m", decoding={"temperature": 0.0})
    warm = {"temperature": 0.8, "top_p": 1.0, "contrastive_alpha": 0.0, "contrastive_k": 4}
    write_folder(tmp_path / "2/humaneval", one, model="m", decoding=warm)
    for batch in (10, 20):
        write_folder(tmp_path / f"own/ba{batch}", one, file_sha256="cd" * 32)
    write_folder(tmp_path / "other/own", one, file_sha256="ef" * 32)
    found = {(one.title, one.name) for one in folders.find([tmp_path])[0]}
    drawn = "first, sampling, temperature 0.2, top_p 0.95"
    assert (
        found
        == {
            ("humaneval", "alone"),
            ("humaneval", "m, greedy"),
            ("humaneval", "m, sampling, temperature 0.8"),
            ("humaneval (own)", f"{drawn}, {tmp_path}/own/ba10"),
            ("humaneval (own)", f"{drawn}, {tmp_path}/own/ba20"),
            ("humaneval (own) efefefef", "first"),
        }
        or ("humaneval (own) cdcdcdcd", f"{drawn}, {tmp_path}/own/ba10") in found
    )
    assert len(found) == 6


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        ({}, "decoding not told"),
        ({"temperature": 0.0, "top_p": 1.0, "contrastive_k": 4}, "greedy"),
        ({"temperature": 0.6, "top_k": 35}, "sampling, temperature 0.6, top_k 35"),
        ({"contrastive_alpha": 0.4, "contrastive_k": 4},
         "contrastive search, contrastive_alpha 0.4, contrastive_k 4"),
        ({"contrastive_alpha": 0.4, "temperature": 0.2},
         "stochastic contrastive search, contrastive_alpha 0.4, temperature 0.2"),
    ],
)  # fmt: skip
def test_decoding_in_words(drawn: dict[str, float], words: str) -> None:
    assert folders.decoding({"decoding": drawn}) == words


def test_the_plot_is_to_scale(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"a": [RIGHT, WRONG], "b": [RIGHT, WRONG]}, model="<b>" * 40)
    drawn = ElementTree.fromstring(plot.svg([only_row(tmp_path, 1, 2)], standalone=True))
    name = "{http://www.w3.org/2000/svg}"
    grid = [float(line.attrib["x1"]) for line in drawn.iter(f"{name}line")][:6]
    half, whole = (float(circle.attrib["cx"]) for circle in drawn.iter(f"{name}circle"))
    texts = [text.text or "" for text in drawn.iter(f"{name}text")]
    # The values are 50 % and 100 %.
    assert half == pytest.approx((grid[0] + grid[-1]) / 2, abs=0.1)
    assert whole == pytest.approx(grid[-1], abs=0.1)
    assert {"0 %", "100 %", "pass@1", "50.0 %", "pass@2", "100.0 %"} <= set(texts)
    assert any(text.startswith("<b><b>") and text.endswith("...") for text in texts)


def test_small_shares_get_the_room(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"a": [WRONG]})
    assert ">5 %<" in plot.svg([only_row(tmp_path)])
    assert ">100 %<" not in plot.svg([only_row(tmp_path)])


def test_all_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "in/x", {"a": [RIGHT], "b": [WRONG]})
    write_folder(tmp_path / "in/new", {})
    (tmp_path / "in/new/tasks.jsonl").unlink()
    (tmp_path / "in/settings.json").write_text('{"of": "something else"}')
    output = tmp_path / "out"
    said = write.write([tmp_path / "in"], output)
    assert said[-2:] == [
        f"{tmp_path}/in/new is left out: nothing was generated in it yet.",
        f"The page is {output}/index.html",
    ]
    assert "Code evaluation" in capsys.readouterr().out
    report = json.loads((output / "report.json").read_text())
    assert report["rows"][0]["benchmark"] == "humaneval (x)"
    assert report["rows"][0]["shares"]["pass@1"]["value"] == 0.5
    assert report["evaluations"][0]["settings"]["rules"] == "openai"
    ElementTree.parse(output / "pass_at_k.svg")
    # Equal results give equal bytes, and a report may be written into the results' own folder.
    before = (output / "index.html").read_bytes()
    write.write([tmp_path / "in"], output)
    assert (output / "index.html").read_bytes() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "does not exist"),
        (lambda folder: folder.mkdir(), "There are no results in"),
        (lambda folder: write_folder(folder, {"a": []}).joinpath("settings.json").write_text("{"),
         "is not valid JSON"),
    ],
)  # fmt: skip
def test_mistakes_are_sentences(tmp_path: Path, make: object, message: str) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with pytest.raises(UserError, match=message):
        folders.find([tmp_path / "x"])
