# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of JSON lines files: one object a line, UTF-8.

orjson reads what RFC 8259 allows. What it refuses goes to the standard library's reader, which
also knows ``NaN``, numbers beyond 64 bits and escapes of single surrogates; text with the latter
cannot be written as UTF-8, so such rows are bad.

A plain file is read in ranges of `RANGE_BYTES`, so that one of a hundred gigabytes (as some subsets
of RedPajama are) does not keep one worker busy for hours while the others wait.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson

from data_prep.document import BadRow
from data_prep.rows import BadField, Row
from data_prep.rows.lines import compression_of, name_of_range, read_lines
from data_prep.sources import Unit

RANGE_BYTES = 1 << 27
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def units(url: str, size: int, stamp: int) -> Iterator[Unit]:
    """What can be read alone: the file, or ranges of it if it is plain and large."""
    if compression_of(url) is not None or size <= RANGE_BYTES:
        yield Unit(url, size, stamp)
        return
    for part, start in enumerate(range(0, size, RANGE_BYTES)):
        yield Unit(url, min(RANGE_BYTES, size - start), stamp, part)


def read(unit: Unit, *, limit_bytes: int) -> Iterator[Row | BadRow]:
    """The rows of a unit. Blank lines are none, and are counted in the numbers of the others."""
    start = unit.part * RANGE_BYTES
    stop = None if compression_of(unit.path) else start + RANGE_BYTES
    file = name_of_range(unit.path, start)
    for found in read_lines(unit.path, limit_bytes=limit_bytes, start=start, stop=stop):
        if isinstance(found, BadRow):
            yield found
            continue
        number, line = found
        try:
            yield Row(file, number, parse(line))
        except BadField as error:
            yield BadRow(file, number, error.reason, error.detail)


def parse(line: bytes) -> dict[str, Any]:
    """The object of a line.

    Raises:
        BadField: if there is none.
    """
    try:
        value = orjson.loads(line.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        value = _parse_leniently(line.removeprefix(_BYTE_ORDER_MARK))
    if not isinstance(value, dict):
        raise BadField("wrong_type", f"the row is not an object but {type(value).__name__}")
    return value


def _parse_leniently(line: bytes) -> Any:
    try:
        value = json.loads(line.decode("utf-8"))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise BadField("invalid_utf8", f"{error.reason} at byte {error.start}") from error
    except UnicodeEncodeError as error:
        raise BadField("invalid_utf8", "an escape of half a surrogate pair") from error
    except RecursionError as error:
        raise BadField("invalid_json", "nested too deeply") from error
    except ValueError as error:
        raise BadField("invalid_json", str(error)) from error
    return value
