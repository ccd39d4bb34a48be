# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which of several duplicates stays."""

from __future__ import annotations

import pytest

from data_prep.dedup.keep_rules import RULES, rank
from data_prep.document import Document


def best(rule: str, *documents: Document) -> int:
    return min(range(len(documents)), key=lambda n: (rank(documents[n], rule), n))


@pytest.mark.parametrize("rule", RULES)
def test_the_first_of_equal_documents_stays(rule: str) -> None:
    assert best(rule, Document.of("x = 1"), Document.of("x = 2")) == 0


def test_longest() -> None:
    assert best("longest", Document.of("x"), Document.of("xyz"), Document.of("xy")) == 1


def test_bigcode_compares_licence_stars_forks_and_date() -> None:
    def made(licence: str | None = "MIT", **metadata: object) -> Document:
        return Document.of("x", licenses=(licence,) if licence else (), metadata=metadata)

    permissive, unknown, copyleft = made(), made(None, stars=9), made("GPL-3.0-only", stars=99)
    assert best("bigcode", copyleft, unknown, permissive) == 2
    assert best("bigcode", copyleft, unknown) == 1
    assert best("bigcode", made(stars=1, forks=9), made(stars=2)) == 1
    assert best("bigcode", made(stars=2, forks=1), made(stars=2, forks=3)) == 1
    early, late = "2015-02-03T04:05:06Z", "2021-01-01"
    assert best("bigcode", made(timestamp=late), made(timestamp=early)) == 1
    assert best("bigcode", made(), made(timestamp=late)) == 1
    assert best("bigcode", made(forks=1), made(timestamp=early)) == 0
    assert best("bigcode", made(timestamp="yesterday"), made(timestamp=late)) == 1


def test_forks_and_days_do_not_run_into_each_other() -> None:
    many = Document.of("x", metadata={"forks": 2**31 - 1, "timestamp": "2020-01-02"})
    earlier = Document.of("x", metadata={"forks": 2**31 - 1, "timestamp": "2020-01-01"})
    assert rank(earlier, "bigcode") < rank(many, "bigcode")
