# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several rooms share, and the rule that a skipped test is named and counted."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tests are small and run side by side: more threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if "PYTEST_XDIST_WORKER" in os.environ:
    # PySpark 4 takes a program without a file for its own doctests, and ends it without grpcio.
    sys.modules["__main__"].__file__ = __file__

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With FORBID_SKIPS set, a skip is a failure: the machine should have had the tool."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("FORBID_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which FORBID_SKIPS does not allow: {report.longrepr}"


# Where the names of this process's shared memory begin; those of programs it starts begin at 0.
SHARED_MEMORY = 1000 * (100 + os.getpid() % 900)


@pytest.fixture(autouse=True)
def forget_what_hosts_keep() -> Iterator[None]:
    """Lets go what a process of thousands of tests would gather, or carry from test to test.

    A streaming data set looks through the shared memory of all before it and keeps it open, until
    there is no file descriptor left; a Trainer leaves torch's process group behind.
    """
    if "streaming" in sys.modules:
        from streaming.base.shared import prefix

        prefix._each_prefix_int = lambda: itertools.count(SHARED_MEMORY)
    folder, names = Path("/dev/shm"), f"{SHARED_MEMORY // 1000}[0-9][0-9][0-9]_*"
    before = set(folder.glob(names))  # of fixtures that live longer
    spare_what_was_imported()
    yield
    for path in set(folder.glob(names)) - before:
        path.unlink(missing_ok=True)
    if "torch" in sys.modules:
        from torch import distributed

        if distributed.is_initialized():
            distributed.destroy_process_group()


_frozen_modules = 0
MANY_MODULES = 500


def spare_what_was_imported() -> None:
    """Takes imported modules out of the garbage collector's rounds.

    The hosts collect several times a run, which takes half a second over the millions of objects
    that their libraries consist of.
    """
    global _frozen_modules
    if len(sys.modules) > _frozen_modules + MANY_MODULES:
        gc.collect()
        gc.freeze()
        _frozen_modules = len(sys.modules)


def call(command: list[str | Path]) -> None:
    """Runs a command; its output is shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder that is filled once, by the first of the processes that run tests side by side.

    ``once(name, fill)`` calls ``fill(folder)``; tests only read what it wrote.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def filled(name: str, fill: Callable[[Path], object]) -> Path:
        path, done = folder / name, folder / f"{name}.done"
        with FileLock(folder / f"{name}.lock"):
            if not done.exists():
                path.mkdir()
                fill(path)
                done.touch()
        return path

    return filled


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real code base: three packages of the standard library."""
    folder = tmp_path_factory.mktemp("source")
    library = Path(sysconfig.get_paths()["stdlib"])
    for name in ("asyncio", "json", "email", "importlib"):
        shutil.copytree(library / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def root(source_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out like the quickstart's, with shards of 64 tokens and 512 vocabulary."""
    folder = tmp_path_factory.mktemp("runs")
    call(
        [
            *(BIN / "convert_dataset", "run", ROOT / "yamls/quickstart/data.yaml"),
            f"variables.source={source_folder}",
            f"variables.output={folder / 'data'}",
            *("variables.sequence_length=64", "variables.vocab_size=512"),
            "variables.validation_share=0.1",
        ]
    )
    return folder


@pytest.fixture(scope="session")
def problems(root: Path) -> Path:
    """Single-line infilling problems from the held-out files, where the YAMLs expect them."""
    path = root / "infilling_problems.jsonl"
    call(
        [BIN / "foundry-plugins", "infilling-problems", root / "data/documents", path, "--count=8"]
    )
    return path
