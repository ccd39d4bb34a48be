# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of JSON: what is a row, what is a bad one, and that nothing raises."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.document import BadRow
from data_prep.rows import BadField, Row, json_lines
from data_prep.sources import Unit


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "invalid_json"),
        (b"{'text': 'a'}", "invalid_json"),
        (b'{"text": "a\x00b"}', "invalid_json"),
        (b'{"text": "a\nb"}', "invalid_json"),
        (b'{"text": "\xff\xfe"}', "invalid_utf8"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"text": "\\ud800"}', "invalid_utf8"),
        (b'{"other": {"deep": ["\\udfff"]}}', "invalid_utf8"),
        (b'["text", "a"]', "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"null", "wrong_type"),
        (b"NaN", "wrong_type"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "invalid_json"),
        (b'{"a": ' + b"1" * 5000 + b"}", "invalid_json"),
        (b"\x00" * 50, "invalid_json"),
    ],
)
def test_bad_lines(line: bytes, reason: str) -> None:
    with pytest.raises(BadField) as error:
        json_lines.parse(line)
    assert error.value.reason == reason


def test_what_only_the_lenient_reader_takes() -> None:
    assert math.isnan(json_lines.parse(b'{"score": NaN}')["score"])
    assert json_lines.parse(b'{"n": 123456789012345678901234567890}')["n"] > 1e29
    assert json_lines.parse(b'\xef\xbb\xbf{"text": "\\ud83d\\ude00"}') == {"text": "\U0001f600"}


@given(data=st.binary(max_size=200) | st.text('{}[]":,aé\\u0\n', max_size=60).map(str.encode))
def test_any_bytes_are_counted_rows(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file.jsonl"
    path.write_bytes(data)
    found = list(json_lines.read(Unit(str(path), len(data), 0), limit_bytes=100))
    lines = data.split(b"\n")
    expected = [n for n, line in enumerate(lines) if len(line) > 100 or line.strip()]
    assert [row.row if isinstance(row, BadRow) else row.number for row in found] == expected
    for row in found:
        assert isinstance(row, Row) or row.path == str(path)


@given(data=st.binary(max_size=300))
def test_any_bytes_never_raise_as_gzip(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n')[: len(data)] + data)
    list(json_lines.read(Unit(str(path), len(data), 0), limit_bytes=100))


def test_large_plain_files_are_read_in_ranges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "RANGE_BYTES", 64)
    path = tmp_path / "file.jsonl"
    lines = [b'{"n": %d}' % n for n in range(40)]
    lines[30] = b"{broken"
    path.write_bytes(b"\n".join(lines))
    size = path.stat().st_size
    units = list(json_lines.units(str(path), size, 7))
    assert [unit.part for unit in units] == list(range(-(-size // 64)))
    assert sum(unit.size for unit in units) == size
    found = [row for unit in units for row in json_lines.read(unit, limit_bytes=100)]
    assert [r.values["n"] for r in found if isinstance(r, Row)] == [*range(30), *range(31, 40)]
    (bad,) = [row for row in found if isinstance(row, BadRow)]
    # The name says where the counting starts, so that the row can be found.
    start = int(bad.path.rpartition("@")[2])
    after = path.read_bytes()[start - 1 :].partition(b"\n")[2]
    assert after.split(b"\n")[bad.row] == b"{broken"
    assert len({(r.file, r.number) for r in found if isinstance(r, Row)}) == 39


def test_compressed_files_are_one_unit() -> None:
    assert len(list(json_lines.units("x.jsonl.zst", 1 << 40, 0))) == 1
