# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Save folders as kills leave them: a run that resumes by itself goes on, no other is touched."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from composer.core import Callback

from foundry_plugins.callbacks.checkpoint_repair import CheckpointRepair
from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler
from tests.foundry_plugins.callbacks import repair_worker, toy_run

KINDS = {"file": ("ep0-ba{}-rank0.pt", "latest-rank0.pt"), "shards": ("ep0-ba{}", "latest-rank0")}
YAML = {"autoresume": True}


def train(folder: Path, kind: str = "file", *callbacks: Callback, **settings: Any) -> toy_run.Run:
    if kind == "shards":
        settings["parallelism_config"] = {"fsdp": {"state_dict_type": "sharded"}}
    stable = WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0ba")
    settings = {"run_name": "toy", "save_interval": "2ba", "autoresume": True, **settings}
    latest = KINDS[kind][1].replace("rank0", "rank{rank}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return toy_run.run(
            stable, *callbacks, save_folder=str(folder), save_latest_filename=latest, **settings
        )


def resume(folder: Path, kind: str = "file", **settings: Any) -> toy_run.Run:
    return train(folder, kind, CheckpointRepair(YAML), max_duration="8ba", **settings)


def steps(done: toy_run.Run) -> int:
    return len(done.used.lr)


@pytest.fixture(autouse=True)
def fsdp2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSDP_VERSION", "2")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, toy_run.Run]]:
    """A whole run of 8 batches, of which each test copies what it needs."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSDP_VERSION", "2")
        for kind in KINDS:
            folder = tmp_path_factory.mktemp(kind) / "run"
            found[kind] = (folder, train(folder, kind, max_duration="8ba"))
    return found


class Left:
    """A folder in which a run was killed: checkpoints of some batches, torn ones, a link."""

    def __init__(self, whole: Path, folder: Path, kind: str) -> None:
        self.whole, self.folder, self.kind = whole, folder, kind
        self.latest = folder / KINDS[kind][1]
        folder.mkdir()

    def path(self, batch: int) -> Path:
        return self.folder / KINDS[self.kind][0].format(batch)

    def put(self, *batches: int, link: int | None = None, torn: int | None = None) -> None:
        for batch in batches:
            source = self.whole / self.path(batch).name
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, self.path(batch))
        if link is not None:
            self.latest.symlink_to(self.path(link).name)
        if torn is not None:
            self.tear(self.path(torn))

    def tear(self, path: Path) -> None:
        if path.is_dir():
            path = path / "__0_0.distcp"
        os.truncate(path, path.stat().st_size * 2 // 3)

    def names(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("ep*")}

    def aside(self) -> set[str]:
        return {path.name for path in self.folder.glob("set_aside/*")}


@pytest.fixture(params=KINDS)
def left(request: pytest.FixtureRequest, saved: Any, tmp_path: Path) -> Left:
    return Left(saved[request.param][0], tmp_path / "run", request.param)


@pytest.fixture
def left_file(saved: Any, tmp_path: Path) -> Left:
    return Left(saved["file"][0], tmp_path / "run", "file")


@pytest.fixture
def same_end(saved: Any) -> Callable[[toy_run.Run, str], None]:
    def check(done: toy_run.Run, kind: str) -> None:
        for name, tensor in saved[kind][1].weights.items():
            assert torch.equal(done.weights[name], tensor), name

    return check


def test_killed_inside_the_write(left: Left, same_end: Any, caplog: Any) -> None:
    left.put(2, 4, 6, link=4, torn=6)
    size = sum(path.stat().st_size for path in [left.path(6), *left.path(6).rglob("*")])
    if left.kind == "file":
        with pytest.raises(FileExistsError, match=r"ep0-ba6-rank0\.pt may conflict"):
            train(left.folder, left.kind, max_duration="8ba")
    with caplog.at_level(logging.WARNING):
        done = resume(left.folder, left.kind)
    assert steps(done) == 4
    same_end(done, left.kind)
    assert left.aside() == {left.path(6).name}
    (moved,) = left.folder.glob("set_aside/*")
    assert sum(path.stat().st_size for path in [moved, *moved.rglob("*")]) == size
    assert caplog.text.count("checkpoint_repair: moved") == 1
    assert left.latest.resolve() == left.path(8)


def test_killed_between_write_and_link(left: Left, same_end: Any) -> None:
    left.put(2, 4, 6, link=4)
    done = resume(left.folder, left.kind)
    assert steps(done) == 4
    same_end(done, left.kind)
    assert left.aside() == {left.path(6).name}


@pytest.mark.parametrize("dangling", [False, True])
def test_without_a_link_the_newest_whole_one_is_taken(
    left: Left, same_end: Any, caplog: Any, dangling: bool
) -> None:
    left.put(2, 4, 6, 8, torn=8)
    if dangling:
        left.latest.symlink_to("ep0-ba7-rank0.pt")
    with caplog.at_level(logging.WARNING):
        done = resume(left.folder, left.kind)
    assert steps(done) == 2
    same_end(done, left.kind)
    assert left.aside() == {left.path(8).name}
    assert f"linked {left.path(6)}" in caplog.text


def test_a_link_to_a_torn_one_moves_to_an_earlier(left: Left, same_end: Any) -> None:
    left.put(2, 4, 6, link=6, torn=6)
    done = resume(left.folder, left.kind)
    assert steps(done) == 4
    same_end(done, left.kind)
    assert left.aside() == {left.path(6).name}


def test_a_kill_in_the_first_save_begins_anew(left: Left, same_end: Any, caplog: Any) -> None:
    left.put(2, torn=2)
    with caplog.at_level(logging.WARNING):
        done = resume(left.folder, left.kind)
    assert steps(done) == 8
    same_end(done, left.kind)
    assert left.aside() == {left.path(2).name}
    assert "killed in its first save" in caplog.text


def test_shards_whose_index_was_not_written(saved: Any, tmp_path: Path, same_end: Any) -> None:
    left = Left(saved["shards"][0], tmp_path / "run", "shards")
    left.put(4, 6)
    (left.path(6) / ".metadata").rename(left.path(6) / ".metadata.tmp")
    done = resume(left.folder, "shards")
    assert steps(done) == 4
    same_end(done, "shards")


def test_none_is_whole(left: Left) -> None:
    left.put(2, 4)
    for batch in (2, 4):
        left.tear(left.path(batch))
    before = left.names()
    with pytest.raises(UserError, match=rf"No checkpoint in {left.folder} is whole.*copy of one"):
        resume(left.folder, left.kind)
    assert left.names() == before


def test_only_a_run_that_resumes_by_itself_is_touched(left_file: Left) -> None:
    left_file.put(2, 4, 6, torn=6)
    before = left_file.names()
    for yaml in ({}, {"autoresume": False}):
        with pytest.raises(FileExistsError, match="may conflict"):
            train(left_file.folder, "file", CheckpointRepair(yaml), autoresume=False)
    assert left_file.names() == before
    assert not left_file.latest.exists()


@pytest.mark.parametrize("link", [None, 6])
def test_nothing_to_do(left_file: Left, caplog: Any, link: int | None) -> None:
    if link:
        left_file.put(4, link, link=link)
    with caplog.at_level(logging.WARNING):
        assert steps(resume(left_file.folder)) == (2 if link else 8)
    assert "checkpoint_repair" not in caplog.text
    assert not left_file.aside()


def test_a_name_that_is_taken_gets_a_number(left_file: Left) -> None:
    for _ in range(3):
        left_file.put(4, 6, torn=6)
        left_file.latest.unlink(missing_ok=True)
        left_file.latest.symlink_to(left_file.path(4).name)
        train(left_file.folder, "file", CheckpointRepair(YAML), max_duration="6ba")
    name = left_file.path(6).name
    assert left_file.aside() == {name, f"{name}.1", f"{name}.2"}


def test_killed_while_it_repairs(
    left: Left, same_end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each rename in turn: what is there stays loadable, and the next start goes on."""
    left.put(2, 4, 6, 8, torn=8)
    os.truncate(next(p for p in (left.path(6), left.path(6) / "__0_0.distcp") if p.is_file()), 9)

    class Killed(BaseException):
        pass

    changes = 0
    rename, replace = Path.rename, Path.replace

    def dying(change: Callable[[Path, Any], Path]) -> Callable[[Path, Any], Path]:
        def once(path: Path, target: Any) -> Path:
            nonlocal changes
            if path.parent == left.folder:  # and not torch's own
                changes += 1
                if changes % 2:
                    raise Killed
            return change(path, target)

        return once

    monkeypatch.setattr(Path, "rename", dying(rename))
    monkeypatch.setattr(Path, "replace", dying(replace))
    kills = 0
    while True:
        try:
            done = resume(left.folder, left.kind)
            break
        except Killed:
            kills += 1
    assert kills == 3  # linking 4, moving 6, moving 8
    assert steps(done) == 4
    same_end(done, left.kind)
    assert left.aside() == {left.path(6).name, left.path(8).name}


def test_a_downloaded_latest_tells_its_time_inside(left_file: Left, same_end: Any) -> None:
    left_file.put(4, 6)
    left_file.path(4).rename(left_file.latest)
    done = resume(left_file.folder)
    assert steps(done) == 4
    same_end(done, "file")
    assert left_file.aside() == {left_file.path(6).name}


def test_a_torn_download_is_set_aside(left_file: Left, same_end: Any) -> None:
    left_file.put(4, 6)
    shutil.copyfile(left_file.path(6), left_file.latest)
    left_file.tear(left_file.latest)
    done = resume(left_file.folder)
    assert steps(done) == 2
    same_end(done, "file")
    assert left_file.aside() == {left_file.latest.name}


def test_a_second_saver_loses_what_is_later_than_the_first(left_file: Left) -> None:
    from composer.callbacks import CheckpointSaver

    left_file.put(2, 4, link=4)
    second = Left(left_file.whole, left_file.folder.with_name("second"), "file")
    second.put(2, 6, link=6)
    savers = [
        CheckpointSaver(folder=str(one.folder), save_interval="2ba") for one in (left_file, second)
    ]
    settings = {"max_duration": "8ba", "save_folder": None}
    stable = WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0ba")
    done = toy_run.run(
        stable, *savers, CheckpointRepair(YAML), run_name="toy", autoresume=True, **settings
    )
    assert steps(done) == 4
    assert second.aside() == {second.path(6).name}
    assert second.latest.resolve() == second.path(8)


def test_settings_are_refused() -> None:
    with pytest.raises(UserError, match=r"takes no settings, got folder; write `checkpoint_repair"):
        CheckpointRepair(YAML, folder="here")


@pytest.mark.slow
def test_two_ranks(tmp_path: Path) -> None:
    """A sharded run of two processes, killed as above; both end together where it cannot go on."""
    done = subprocess.run(
        [Path(sys.executable).parent / "composer", "-n", "2", repair_worker.__file__, tmp_path],
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for rank in range(2):
        assert (tmp_path / f"ended-{rank}").read_text().startswith("No checkpoint in ")
