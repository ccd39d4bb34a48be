# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Sources read the way a recipe has them read, and files in the schemas of public data sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from data_prep.document import BadRow, Document, Dropped
from data_prep.settings import find_module, settings

Found = Document | Dropped | BadRow
ReadSource = Callable[..., list[Found]]
# Beside the checkout, where the machine has them.
SAMPLES = Path(__file__).resolve().parents[4] / "shared/data"


@pytest.fixture(scope="session")
def read_source() -> ReadSource:
    """All that a source gives: ``read_source(kind, **keys of its section)``."""

    def read(kind: str, **section: Any) -> list[Found]:
        module = find_module("sources.it.kind", "data_prep.sources", kind)
        section["paths"] = [str(path) for path in section["paths"]]
        values = settings("sources.it", module.units, section)
        units = list(module.units(**values))
        return [found for unit in units for found in module.read(unit, name="it", **values)]

    return read


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows to a parquet file; ``group`` rows in each row group."""

    def write(name: str, rows: Sequence[dict[str, Any]] | pa.Table, group: int = 1000) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows))
        parquet.write_table(table, path, row_group_size=group)
        return path

    return write


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as lines of JSON; bytes are written as they are."""

    def write(name: str, *rows: dict[str, Any] | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Path]:
    """A sample in a public schema."""

    def find(name: str) -> Path:
        path = SAMPLES / name
        if not path.is_file():
            pytest.skip(f"needs the sample {path}")
        return path

    return find
