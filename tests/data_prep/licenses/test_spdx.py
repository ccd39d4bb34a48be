# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""SPDX expressions: against a slow reading as Python, and the ways identifiers are spelt."""

from __future__ import annotations

import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.document import Document
from data_prep.licenses import declared, detect, policy, project, spdx

NAMES = ("MIT", "GPL-2.0-only", "Apache-2.0", "0BSD")
EXPRESSIONS = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(inner, st.sampled_from(("AND", "OR")), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.sets(st.sampled_from(NAMES)))
def test_like_python(expression: str, accepted: set[str]) -> None:
    plain = re.sub(r"[A-Za-z0-9.-]+", lambda m: _as_python(m.group(), accepted), expression)
    families = {spdx.family(name) for name in accepted}
    assert spdx.satisfied(expression, families.__contains__) == eval(plain)
    assert spdx.identifiers(expression) <= {spdx.family(name) for name in NAMES}


def _as_python(word: str, accepted: set[str]) -> str:
    return word.lower() if word in ("AND", "OR") else str(word in accepted)


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("MIT OR GPL-2.0 AND Zlib", True),
        ("GPL-2.0 AND MIT OR Zlib", False),
        ("mit WITH some-exception", True),
        ("GPL-2.0 WITH Classpath-exception-2.0", False),
        ("MIT AND", False),
        ("(MIT", False),
        ("MIT Zlib", False),
        ("the mit license", False),
        ("", False),
    ],
)
def test_precedence_and_what_is_no_expression(expression: str, answer: bool) -> None:
    assert spdx.satisfied(expression, {"mit"}.__contains__) is answer


def test_the_list_of_permissive_licenses() -> None:
    known = spdx.permissive()
    assert {"mit", "apache-2.0", "bsd-3-clause", "isc", "cc0-1.0", "0bsd", "python-2.0.1"} <= known
    assert not {"gpl-2.0", "lgpl-3.0", "mpl-2.0", "agpl-3.0", "wtfpl", "cc-by-4.0"} & known
    assert len(known) == 153


@pytest.mark.parametrize("module", [spdx, declared, detect, policy, project])
def test_examples(module: object) -> None:
    result = doctest.testmod(module, extraglobs={"Document": Document})  # type: ignore[arg-type]
    assert result.attempted
    assert not result.failed
