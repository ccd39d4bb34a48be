# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Typed values out of a row.

Data sets have been through many hands: a missing value may be absent, null or NaN, a whole number a
float or digits in quotation marks, a time a text, a number of seconds or a date. What means the
same is read as the same; what means something else makes the row a bad one.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from data_prep.rows import BadField

Values = Mapping[str, Any]
_LARGEST = 1 << 63


def text(values: Values, key: str) -> str:
    """A text that must be there; bytes are read as UTF-8.

    Raises:
        BadField: ``missing_field``, ``null_text``, ``wrong_type``, ``invalid_utf8``, or
            ``null_bytes`` for one with a zero byte, which is no text.
    """
    if key not in values:
        raise BadField("missing_field", f"there is no {key}")
    value = values[key]
    if value is None:
        raise BadField("null_text", f"{key} is null")
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadField("invalid_utf8", f"{key}: {error.reason} at {error.start}") from error
    if not isinstance(value, str):
        raise BadField("wrong_type", f"{key} is not text but {type(value).__name__}")
    if "\0" in value:
        raise BadField("null_bytes", f"{key} has zero bytes")
    return value


def string(values: Values, key: str, default: str = "") -> str:
    """A short text, or ``default`` where there is none."""
    value = values.get(key)
    if _absent(value):
        return default
    if not isinstance(value, str):
        raise _wrong(key, "text", value)
    return value


def strings(values: Values, key: str) -> tuple[str, ...]:
    """A list of texts without empty ones; one text is a list of one."""
    value = values.get(key)
    if _absent(value):
        return ()
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(v is None or isinstance(v, str) for v in found):
        raise _wrong(key, "a list of texts", value)
    return tuple(entry for entry in found if entry)


def whole(values: Values, key: str) -> int | None:
    """A whole number, or None where there is none."""
    value = values.get(key)
    if _absent(value) or value == "":
        return None
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        value = int(value[:20])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= _LARGEST:
        raise _wrong(key, "a whole number", value)
    return value


def truth(values: Values, key: str) -> bool | None:
    """True, false, or None where it is not said."""
    value = values.get(key)
    if _absent(value):
        return None
    if not isinstance(value, bool):
        raise _wrong(key, "true or false", value)
    return value


def time(values: Values, key: str) -> str | None:
    """A time in ISO 8601: texts are taken as they are, numbers are seconds since 1970."""
    value = values.get(key)
    if _absent(value) or value == "":
        return None
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.datetime.fromtimestamp(value, datetime.UTC).isoformat()
        except (ValueError, OverflowError, OSError) as error:
            raise _wrong(key, "a time", value) from error
    if not isinstance(value, str):
        raise _wrong(key, "a time", value)
    return value


def table(values: Values, key: str) -> dict[str, Any]:
    """An object; empty where there is none."""
    value = values.get(key)
    if _absent(value):
        return {}
    if not isinstance(value, dict):
        raise _wrong(key, "an object", value)
    return value


def tables(values: Values, key: str) -> list[dict[str, Any]]:
    """A list of objects; empty where there is none."""
    value = values.get(key)
    if _absent(value):
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise _wrong(key, "a list of objects", value)
    return value


def said(**fields: Any) -> dict[str, Any]:
    """The fields that say something: metadata without nulls and empty texts."""
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _wrong(key: str, expected: str, value: object) -> BadField:
    return BadField("wrong_type", f"{key} is not {expected} but {type(value).__name__}")
