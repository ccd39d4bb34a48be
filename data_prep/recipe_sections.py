# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The sections of a recipe that belong to no room of their own, as dataclasses.

Attribute docstrings document the keys; wrong values are refused where they are read.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

from data_prep.dedup.keep_rules import RULES
from data_prep.dedup.settings import NearDuplicates
from data_prep.languages import LANGUAGES
from foundry_plugins.contract.errors import did_you_mean, require


@dataclasses.dataclass(frozen=True)
class Dedup:
    """Removal of duplicates.

    Attributes:
        exact: Keep one of all documents with equal text.
        normalized: Keep one of all documents with equal text but for white space.
        near: Keep one of all documents that are nearly alike; null looks for none.
        keep: Which one: a name of `data_prep.dedup.keep_rules.RULES`.
    """

    exact: bool = True
    normalized: bool = False
    near: NearDuplicates | None = None
    keep: str = "first"

    def __post_init__(self) -> None:
        require(
            self.keep in RULES,
            f"`dedup.keep`: there is no rule {self.keep!r}{did_you_mean(self.keep, RULES)}; "
            f"there is: {', '.join(RULES)}.",
        )

    @property
    def is_off(self) -> bool:
        """Whether no duplicates are looked for."""
        return not (self.exact or self.normalized or self.near)

    @property
    def across_splits(self) -> str:
        """What training may hold of validation, in a sentence."""
        if self.near is not None:
            return (
                f"No validation document of {self.near.minimum_tokens} tokens or more has a copy "
                f"in training that the search finds to be {self.near.threshold} similar or more."
            )
        if not self.is_off:
            return (
                "No validation document is in training, but near copies may be: `dedup.near` is "
                "not set."
            )
        return (
            "Validation documents may be in training too: `dedup` looks for no duplicates (set "
            "`dedup.exact=true`, or `dedup.near={}` to keep near copies apart as well)."
        )


@dataclasses.dataclass(frozen=True)
class Sample:
    """How much of every language is taken; see `data_prep.sample`.

    Attributes:
        language_limit_bytes: Most bytes of a language.
        language_limit_share: Largest share of a language in all bytes, above 0 and below 1.
    """

    language_limit_bytes: dict[str, float] = dataclasses.field(default_factory=dict)
    language_limit_share: dict[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for language in (*self.language_limit_bytes, *self.language_limit_share):
            require(
                language in LANGUAGES,
                f"`sample`: there is no language {language!r}{did_you_mean(language, LANGUAGES)}; "
                "names are GitHub Linguist's.",
            )
        for language, value in self.language_limit_bytes.items():
            key = f"sample.language_limit_bytes.{language}"
            require(value > 0, f"`{key}` must be above 0 bytes, got {value}.")
        for language, value in self.language_limit_share.items():
            key = f"sample.language_limit_share.{language}"
            require(0 < value < 1, f"`{key}` must be between 0 and 1, got {value}.")


@dataclasses.dataclass(frozen=True)
class Limits:
    """When a run gives up.

    Attributes:
        bad_share: The share of rows, of all rows read, that may be unreadable; null allows all.
            Such rows are always counted and listed with file and row.
    """

    bad_share: float | None = None

    def __post_init__(self) -> None:
        require(
            self.bad_share is None or 0 <= self.bad_share <= 1,
            f"`limits.bad_share` must be null or between 0 and 1, got {self.bad_share}.",
        )


@dataclasses.dataclass(frozen=True)
class Split:
    """How documents are held out.

    Attributes:
        validation: The share of documents, by hash of their name, that is not trained on.
        by: ``document``, or ``repository`` to keep the files of one project on one side.
    """

    validation: float = 0.05
    by: Literal["document", "repository"] = "document"

    def __post_init__(self) -> None:
        require(
            0.0 < self.validation < 1.0,
            f"`split.validation` must be between 0 and 1 (0.05 holds out 5 %), "
            f"got {self.validation}.",
        )


@dataclasses.dataclass(frozen=True)
class Shards:
    """How samples are cut and stored.

    Attributes:
        sequence_length: Tokens in a sample: the longest context that can be trained on.
        part_bytes: Text in one unit of work. Smaller parts use more workers and lose less when
            interrupted; each part pads its last sample.
        shard_bytes: Largest shard file, before compression.
        compression: ``zstd``, ``zstd:LEVEL`` or null.
    """

    sequence_length: int
    part_bytes: int = 16_000_000
    shard_bytes: int = 64_000_000
    compression: str | None = "zstd"

    def __post_init__(self) -> None:
        smallest = {"sequence_length": 8, "part_bytes": 1000, "shard_bytes": 1000}
        for name, limit in smallest.items():
            value = getattr(self, name)
            require(value >= limit, f"`shards.{name}` must be at least {limit}, got {value}.")
        require(
            self.shard_bytes < 1 << 32,
            "`shards.shard_bytes` must be below 4 GiB, because MDS offsets have 32 bits, "
            f"got {self.shard_bytes}.",
        )
        require(
            self.compression is None
            or re.fullmatch(r"zstd(:([1-9]|1\d|2[0-2]))?", self.compression) is not None,
            f"`shards.compression` must be zstd, zstd:1 to zstd:22 or null, "
            f"got {self.compression!r}.",
        )
