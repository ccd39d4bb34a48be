# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Lines of files: any compression, any damage, bounded memory."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from data_prep.document import BadRow
from data_prep.rows.lines import read_lines

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
DATA = b"".join(b"line %d\n" % n for n in range(3000))


def read(path: Path, limit_bytes: int = 1000, **span: int) -> list[tuple[int, bytes] | BadRow]:
    return list(read_lines(str(path), limit_bytes=limit_bytes, **span))


def write(folder: Path, ending: str, data: bytes) -> Path:
    path = folder / f"file.jsonl{ending}"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ending", COMPRESS)
def test_every_compression(tmp_path: Path, ending: str) -> None:
    found = read(write(tmp_path, ending, COMPRESS[ending](DATA)))
    assert found == [(n, b"line %d" % n) for n in range(3000)]


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_streams_one_after_the_other(tmp_path: Path, ending: str) -> None:
    compress = COMPRESS[ending]
    found = read(write(tmp_path, ending, compress(b"a\nb") + compress(b"c\n")))
    assert found == [(0, b"a"), (1, b"bc")]


@pytest.mark.parametrize("ending", [".gz", ".zst", ".xz"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9])
def test_truncated_gives_all_that_is_whole(tmp_path: Path, ending: str, kept: float) -> None:
    # Lines that do not compress, so that a cut anywhere leaves some of them.
    data = b"".join(b"%064x\n" % (n * 0x9E3779B97F4A7C15 ** (n % 5)) for n in range(4000))
    compressed = COMPRESS[ending](data)
    cut = compressed[: max(int(kept * len(compressed)), 1)]
    *whole, last = read(write(tmp_path, ending, cut))
    assert isinstance(last, BadRow)
    assert last.reason == "truncated"
    assert last.row == len(whole)
    # The oracle: a decompressor that gives everything it has.
    decompressors = {
        ".gz": lambda: __import__("zlib").decompressobj(31),
        ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
        ".xz": lzma.LZMADecompressor,
    }
    expected = decompressors[ending]().decompress(cut).split(b"\n")[:-1]
    assert [line for _, line in whole if not isinstance(line, str)] == expected


def test_damage_within_a_stream(tmp_path: Path) -> None:
    compressed = bytearray(gzip.compress(DATA))
    compressed[len(compressed) // 2] ^= 0xFF
    found = read(write(tmp_path, ".gz", bytes(compressed)))
    assert isinstance(found[-1], BadRow)
    assert found[-1].reason == "broken_file"


def test_what_is_not_compressed_at_all(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path, ".zst", b"plain text\n"))
    assert isinstance(found, BadRow)
    assert (found.row, found.reason) == (0, "broken_file")


def test_a_missing_file_is_one_bad_row(tmp_path: Path) -> None:
    (found,) = read(tmp_path / "gone.jsonl")
    assert isinstance(found, BadRow)
    assert found.reason == "unreadable"


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_huge_line_is_skipped_without_holding_it(tmp_path: Path, ending: str) -> None:
    size = 64 << 20
    path = tmp_path / f"huge.jsonl{ending}"
    opened: dict[str, Callable[[], IO[bytes]]] = {
        "": functools.partial(open, path, "wb"),
        ".gz": functools.partial(gzip.open, path, "wb", compresslevel=1),
        ".zst": functools.partial(zstandard.open, path, "wb"),
    }
    block = b"x" * (1 << 20)
    with opened[ending]() as file:
        file.write(b"first\n")
        for _ in range(size >> 20):
            file.write(block)
        file.write(b"\nlast\n")
    tracemalloc.start()
    found = read(path, limit_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    bad = BadRow(str(path), 1, "over_limit", f"a line of {size} bytes")
    assert found == [(0, b"first"), bad, (2, b"last")]
    assert peak < 8 << 20


def test_blank_lines_are_numbered_but_not_given(tmp_path: Path) -> None:
    assert read(write(tmp_path, "", b"\n \r\na\r\n\nb")) == [(2, b"a\r"), (4, b"b")]


@given(
    lines=st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=20),
    cuts=st.lists(st.integers(0, 200), max_size=4),
    limit=st.integers(1, 12),
)
def test_ranges_together_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[int], limit: int
) -> None:
    data = b"\n".join(lines)
    path = write(tmp_path_factory.mktemp("ranges"), "", data)
    edges = sorted({0, *(cut for cut in cuts if cut < len(data))})
    parts = [
        read(path, limit, start=start, stop=stop)
        for start, stop in zip(edges, [*edges[1:], len(data) + 1], strict=True)
    ]

    def content(found: list[tuple[int, bytes] | BadRow]) -> list[bytes | str]:
        return [item.detail if isinstance(item, BadRow) else item[1] for item in found]

    assert [c for part in parts for c in content(part)] == content(read(path, limit))
    expected = [line for line in lines if line.strip() and len(line) <= limit]
    assert [c for part in parts for c in content(part) if isinstance(c, bytes)] == expected
