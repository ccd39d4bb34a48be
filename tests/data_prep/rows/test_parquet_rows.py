# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of parquet: groups, columns, selection, and every kind of damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from data_prep.document import BadRow
from data_prep.rows import Row
from data_prep.rows import parquet as rows
from data_prep.rows.parquet import Only


def write(path: Path, columns: dict[str, Any], group: int = 4, **options: Any) -> Path:
    parquet.write_table(pa.table(columns), path, row_group_size=group, **options)
    return path


def read(path: Path, columns: list[str], limit: int = 1000, **options: Any) -> list[Row | BadRow]:
    units, _ = rows.units(str(path), path.stat().st_size, 0)
    return [
        row
        for unit in units
        for row in rows.read(unit, columns=columns, limit_bytes=limit, **options)
    ]


def test_row_groups_are_units_and_rows_are_numbered_by_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": list("abcdefghij"), "other": range(10)})
    units, columns = rows.units(str(path), path.stat().st_size, 5)
    assert [(unit.part, unit.stamp) for unit in units] == [(0, 5), (1, 5), (2, 5)]
    assert columns == ["text", "other"]
    assert all(0 < unit.size < path.stat().st_size for unit in units)
    found = read(path, ["text", "missing"])
    assert found == [Row(str(path), n, {"text": "abcdefghij"[n]}) for n in range(10)]


def test_large_rows_are_skipped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet", {"text": ["a", "b" * 2000, None, "c"], "lang": list("xyzw")}
    )
    found = read(path, ["text", "lang"])
    assert found[0] == BadRow(str(path), 1, "over_limit", "2001 bytes of text")
    assert [row.number for row in found[1:] if isinstance(row, Row)] == [0, 2, 3]


def test_only_some_rows(tmp_path: Path) -> None:
    columns = {"text": list("abcdefgh"), "lang": ["x", "y", "x", "z", "y", "y", "z", None]}
    path = write(tmp_path / "a.parquet", columns)
    only = Only("lang", lambda value: value == "x")
    found = read(path, ["text", "lang"], only=only)
    assert [(r.number, r.values["text"]) for r in found if isinstance(r, Row)] == [
        (0, "a"),
        (2, "c"),
    ]
    # A column that the file lacks selects nothing away.
    assert len(read(path, ["text"], only=Only("missing", lambda _: False))) == 8


def test_groups_without_wanted_rows_are_not_even_listed(tmp_path: Path) -> None:
    columns = {"text": list("abcdefgh"), "lang": list("xxxxyyyy")}
    path = write(tmp_path / "a.parquet", columns)
    between = ("lang", lambda smallest, largest: smallest <= "y" <= largest)
    units, _ = rows.units(str(path), 1, 0, between)
    assert [unit.part for unit in units] == [1]
    bare = write(tmp_path / "b.parquet", columns, write_statistics=False)
    assert len(rows.units(str(bare), 1, 0, between)[0]) == 2


def test_text_that_is_no_utf8(tmp_path: Path) -> None:
    data = pa.array([b"good", b"\xff\xfe", b"also"], pa.binary()).view(pa.string())
    licenses = pa.array([[b"MIT"], [b"MIT"], [b"\xff"]], pa.list_(pa.binary()))
    licenses = pa.ListArray.from_arrays(licenses.offsets, licenses.values.view(pa.string()))
    path = write(tmp_path / "a.parquet", {"text": data, "licenses": licenses})
    found = read(path, ["text", "licenses"])
    assert [r.row if isinstance(r, BadRow) else r.number for r in found] == [0, 1, 2]
    assert found[1:] == [
        BadRow(str(path), 1, "invalid_utf8", "in column text"),
        BadRow(str(path), 2, "invalid_utf8", "in column licenses"),
    ]


def test_one_broken_group_leaves_the_others(tmp_path: Path) -> None:
    texts = [f"{n} " * 50 for n in range(12)]
    path = write(
        tmp_path / "a.parquet", {"text": texts}, compression="snappy", use_dictionary=False
    )
    data = bytearray(path.read_bytes())
    chunk = parquet.ParquetFile(path).metadata.row_group(1).column(0)
    start = chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
    found = read(path, ["text"])
    assert [row.number for row in found if isinstance(row, Row)] == [0, 1, 2, 3, 8, 9, 10, 11]
    (bad,) = [row for row in found if isinstance(row, BadRow)]
    assert (bad.row, bad.reason) == (4, "broken_file")
    assert bad.detail.startswith("row group 1: ")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not parquet at all" * 10, b"PAR1" * 20])
def test_a_file_that_is_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    (bad,) = read(path, ["text"])
    assert isinstance(bad, BadRow)
    assert (bad.path, bad.row, bad.reason) == (str(path), 0, "broken_file")


def test_a_truncated_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": list("abcdefgh")})
    path.write_bytes(path.read_bytes()[:-10])
    (bad,) = read(path, ["text"])
    assert isinstance(bad, BadRow)
    assert bad.reason == "broken_file"


def test_a_file_that_went_away(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a"]})
    (unit,), _ = rows.units(str(path), 1, 0)
    path.unlink()
    (bad,) = rows.read(unit, columns=["text"], limit_bytes=10)
    assert isinstance(bad, BadRow)
    assert bad.reason == "unreadable"


@settings(max_examples=40)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_any_changed_byte_never_raises(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    path = write(folder / "a.parquet", {"text": [f"text {n}" for n in range(20)]}, group=5)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data)
    read(path, ["text"])
