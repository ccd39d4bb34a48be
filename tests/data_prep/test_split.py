# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Who goes where: pinned values, shares and independence."""

from __future__ import annotations

from collections import Counter

from data_prep.document import Document
from data_prep.split import part_name, part_of, split_draw, split_of, unit_of

PATHS = [f"package{n % 7}/module{n}.py" for n in range(4000)]


def test_the_share_is_met_and_the_seed_matters() -> None:
    sides = {seed: [split_of(split_draw(seed, p), 0.1) for p in PATHS] for seed in (17, 18)}
    held_out = Counter(sides[17])["validation"]
    # Three standard deviations of a binomial draw: 3 * sqrt(4000 * .1 * .9) = 57.
    assert abs(held_out - 400) < 57
    assert sides[17] != sides[18]


def test_a_larger_share_keeps_what_was_held_out() -> None:
    small = {p for p in PATHS if split_of(split_draw(17, p), 0.05) == "validation"}
    large = {p for p in PATHS if split_of(split_draw(17, p), 0.1) == "validation"}
    assert small < large


def test_parts_are_even() -> None:
    counts = Counter(part_of(17, path, 4) for path in PATHS)
    assert all(abs(count - 1000) < 100 for count in counts.values())
    assert part_name("train", 3) == "train-00003"


def test_a_repository_is_drawn_as_one() -> None:
    first, second = (
        Document.of("x = 1\n", path, repository="owner/name") for path in ("a.py", "b.py")
    )
    assert unit_of(first, "repository") == unit_of(second, "repository") == "owner/name"
    assert unit_of(first, "document") != unit_of(second, "document")
    # Without a repository a file is its own.
    assert unit_of(Document.of("x = 1\n", "a.py"), "repository") == "a.py"
