# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The command, run as a user runs it, and a small vocabulary."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep.tokenizers import byte_level
from tests.data_prep import small_dataset
from tests.data_prep.s3_server import bucket, s3_server

# Fixtures of other files that all tests here may use.
__all__ = ["bucket", "s3_server"]

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = REPOSITORY / "yamls/quickstart/data.yaml"
SMALL = (
    "variables.sequence_length=64",
    "variables.vocab_size=512",
    "variables.validation_share=0.1",
    "shards.part_bytes=100000",
)

Convert = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def command() -> Callable[..., list[str]]:
    """The command line of a conversion at small sizes."""

    def build(source: Path | str, output: Path, *overrides: str) -> list[str]:
        program = str(Path(sys.executable).parent / "convert_dataset")
        where = (f"variables.source={source}", f"variables.output={output}")
        return [program, "run", str(RECIPE), *where, *SMALL, *overrides]

    return build


@pytest.fixture(scope="session")
def convert(command: Callable[..., list[str]]) -> Convert:
    """Runs a conversion; unless told otherwise, it must succeed."""

    def run(
        source: Path | str, output: Path, *overrides: str, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        argv = command(source, output, *overrides)
        done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def converted(convert: Convert, source_folder: Path, tmp_path_factory: Any) -> Path:
    """The output of one conversion with one worker; tests only read it."""
    output = tmp_path_factory.mktemp("converted") / "data"
    convert(source_folder, output, "variables.workers=1")
    return output


@pytest.fixture(scope="session")
def vocabulary() -> str:
    """``tokenizer.json`` of 400 entries, trained on real code."""
    library = Path(sysconfig.get_paths()["stdlib"]) / "json"
    texts = [path.read_text(encoding="utf-8") for path in sorted(library.glob("*.py"))]
    return byte_level.train(texts, 400)


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder, without the lock and the seconds of the report."""

    def read(folder: Path) -> dict[str, bytes]:
        files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
        files.pop(".work/lock", None)
        content = {name: path.read_bytes() for name, path in files.items()}
        if "report.json" in content:
            report = json.loads(content["report.json"])
            del report["seconds"]
            content["report.json"] = json.dumps(report, sort_keys=True).encode()
        return content

    return read


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset.build(tmp_path_factory.mktemp("written") / "data")


@pytest.fixture
def dataset(_written: Path, tmp_path: Path) -> Path:
    """A copy of a small dataset, to damage."""
    return Path(shutil.copytree(_written, tmp_path / "data"))
