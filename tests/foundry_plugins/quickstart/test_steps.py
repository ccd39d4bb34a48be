# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Steps are skipped, continued and started over as what they read and wrote says."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.quickstart.steps import Step, exclusive, run


def step(root: Path, text: str = "cat in.txt >> out.txt") -> Step:
    return Step(
        name="copy",
        title="Copy",
        command=["sh", "-c", f"cd {root} && {text}"],
        reads=[root / "in.txt"],
        writes=[root / "out.txt"],
    )


def test_skips_what_is_done_and_redoes_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("a")
    assert run(step(tmp_path), tmp_path)
    assert not run(step(tmp_path), tmp_path)
    assert "skipped" in capsys.readouterr().out
    assert (tmp_path / "out.txt").read_text() == "a"
    (tmp_path / "in.txt").write_text("b")
    assert run(step(tmp_path), tmp_path)
    assert "starting over" in capsys.readouterr().out
    # What the old inputs gave was set aside, neither added to nor lost.
    assert (tmp_path / "out.txt").read_text() == "b"
    (aside,) = tmp_path.glob("out.txt.before-*")
    assert aside.read_text() == "a"
    (tmp_path / "out.txt").unlink()
    assert run(step(tmp_path), tmp_path)


def test_keeps_what_is_there_when_a_part_is_missing_and_what_it_did_not_make(
    tmp_path: Path,
) -> None:
    (tmp_path / "in.txt").write_text("a")
    both = dataclasses.replace(
        step(tmp_path, "cat in.txt >> out.txt; touch side.txt"),
        writes=[tmp_path / "out.txt", tmp_path / "side.txt"],
    )
    run(both, tmp_path)
    (tmp_path / "side.txt").unlink()
    run(both, tmp_path)
    assert (tmp_path / "out.txt").read_text() == "aa"  # continued, not started over
    (tmp_path / "other").mkdir()
    (tmp_path / "other/in.txt").write_text("a")
    (tmp_path / "other/out.txt").write_text("precious")
    with pytest.raises(UserError, match=r"out.txt is there but was not made by this command"):
        run(step(tmp_path / "other"), tmp_path / "other")
    assert (tmp_path / "other/out.txt").read_text() == "precious"


def test_continues_after_a_failure_with_the_same_inputs(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a")
    with pytest.raises(UserError, match=r"step .copy. failed with status 3"):
        run(step(tmp_path, "cat in.txt >> out.txt; test -e go || exit 3"), tmp_path)
    (tmp_path / "go").touch()
    run(step(tmp_path, "cat in.txt >> out.txt; test -e go || exit 3"), tmp_path)
    # The second try found what the first had left.
    assert (tmp_path / "out.txt").read_text() == "aa"


def test_one_run_at_a_time_and_no_orphans(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        code = (
            "from pathlib import Path\n"
            "from foundry_plugins.quickstart.steps import exclusive\n"
            f"with exclusive(Path({str(tmp_path)!r})): pass"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Another run is at work" in done.stderr
    orphan = subprocess.Popen(
        ["sleep", "60"],
        env=os.environ | {"FOUNDRY_PLUGINS_QUICKSTART": str(tmp_path.resolve())},
    )
    with exclusive(tmp_path):
        assert orphan.wait(timeout=10) == -9
