# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Values of rows: what means the same is the same, the rest is a bad row."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.rows import BadField, fields


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "missing_field"),
        ({"text": None}, "null_text"),
        ({"text": 3}, "wrong_type"),
        ({"text": ["a"]}, "wrong_type"),
        ({"text": "a\0b"}, "null_bytes"),
        ({"text": b"\xff"}, "invalid_utf8"),
    ],
)
def test_texts_that_are_none(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadField) as error:
        fields.text(values, "text")
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (fields.string, None, ""),
        (fields.string, math.nan, ""),
        (fields.string, "a", "a"),
        (fields.strings, None, ()),
        (fields.strings, "MIT", ("MIT",)),
        (fields.strings, ["MIT", None, "", "ISC"], ("MIT", "ISC")),
        (fields.whole, None, None),
        (fields.whole, "", None),
        (fields.whole, math.nan, None),
        (fields.whole, 7, 7),
        (fields.whole, 7.0, 7),
        (fields.whole, "-7", -7),
        (fields.truth, None, None),
        (fields.truth, False, False),
        (fields.time, "", None),
        (fields.time, "2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        (fields.time, 0, "1970-01-01T00:00:00+00:00"),
        (fields.time, datetime.datetime(2020, 1, 2), "2020-01-02T00:00:00"),
        (fields.table, None, {}),
        (fields.tables, None, []),
    ],
)
def test_values(read: Callable[..., Any], value: object, expected: object) -> None:
    assert read({"key": value}, "key") == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (fields.string, 3),
        (fields.strings, {"a": 1}),
        (fields.strings, [1]),
        (fields.whole, True),
        (fields.whole, 1.5),
        (fields.whole, math.inf),
        (fields.whole, 1 << 63),
        (fields.whole, "9" * 5000),
        (fields.whole, "seven"),
        (fields.truth, 1),
        (fields.time, True),
        (fields.time, 1e300),
        (fields.time, ["2020"]),
        (fields.table, [1]),
        (fields.tables, {"a": 1}),
        (fields.tables, [1]),
    ],
)
def test_wrong_types(read: Callable[..., Any], value: object) -> None:
    with pytest.raises(BadField, match="key is not") as error:
        read({"key": value}, "key")
    assert error.value.reason == "wrong_type"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    value=ANY,
    read=st.sampled_from(
        [fields.text, fields.string, fields.strings, fields.whole, fields.truth, fields.time]
    ),
)
def test_anything_gives_a_value_or_a_bad_field(value: object, read: Callable[..., Any]) -> None:
    try:
        found = read({"key": value}, "key")
    except BadField:
        return
    assert found is None or isinstance(found, str | int | bool | tuple)
