# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Markers: what counts as done, what does not, and one run at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_prep import ledger as ledger_module
from data_prep.ledger import Ledger, Outcome, Task, digest, exclusive, is_work_folder
from foundry_plugins.contract.errors import UserError


def write(folder: Path, part: str, *, text: str) -> Outcome:
    # Not in the order of the alphabet: later stages know files by their place.
    names = (f"{part}.txt", f"{part}.also")
    for name in names:
        (folder / name).write_text(text)
    return Outcome(names, digest(text), {"length": len(text)})


def breaks(folder: Path, part: str) -> Outcome:
    (folder / f"{part}.txt").write_text("half")
    raise UserError("broken off")


def task(inputs: str = "one", text: str = "hello") -> Task:
    return Task("stage", "00000", inputs, 1, write, {"text": text})


def test_done_only_with_equal_inputs_and_whole_files(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.done(task()) is None
    outcome = ledger.execute(task())
    assert ledger.done(task()) == outcome
    assert ledger.done(task(inputs="two")) is None
    file = ledger.folder("stage") / "00000.txt"
    file.write_text("hell")
    assert ledger.done(task()) is None
    file.unlink()
    assert ledger.done(task()) is None


def test_a_failed_task_leaves_no_marker_of_an_earlier_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.execute(task(text="four"))
    with pytest.raises(UserError):
        ledger.execute(Task("stage", "00000", "two", 1, breaks, {}))
    # The file has the size that the first marker named, and other content.
    assert ledger.done(task(text="four")) is None


def test_tidy_removes_what_is_not_planned(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.execute(task())
    ledger.execute(Task("stage", "00001", "", 1, write, {"text": "old"}))
    (ledger.folder("stage") / ".00000.txt.partial").write_text("half")
    (ledger.folder("stage") / ".00000.txt.4f2a.partial").mkdir()
    ledger.tidy("stage", ["00000"])
    left = sorted(p.name for p in ledger.folder("stage").iterdir())
    assert left == ["00000.also", "00000.txt"]
    assert [p.name for p in (ledger.work / "ledger/stage").iterdir()] == ["00000.json"]


def test_an_edited_module_has_another_code(tmp_path: Path, monkeypatch: object) -> None:
    before = ledger_module.code_of(ledger_module, "data_prep.ledger")
    assert before[0] == before[1]
    assert len(before[0]) == 64


def test_a_start_removes_what_killed_attempts_left(tmp_path: Path) -> None:
    for name in (".train.4f2a.partial", "train"):
        (tmp_path / name).mkdir()
    with exclusive(tmp_path):
        assert sorted(p.name for p in tmp_path.iterdir()) == [".work", "train"]


HOLDER = """
import sys; from pathlib import Path; from data_prep.ledger import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True); sys.stdin.read()
"""


def test_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_LOCK_PATIENCE_SECONDS", 0.2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another run is writing"), exclusive(tmp_path):
            pass
        holder.kill()
    with exclusive(tmp_path):
        assert is_work_folder(tmp_path)
    assert not is_work_folder(tmp_path / "elsewhere")
