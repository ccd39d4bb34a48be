# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe: one YAML file that decides everything a conversion does.

Read with OmegaConf as the host's training YAMLs are: a ``variables:`` section, ``${...}``
interpolation, ``key=value`` overrides on the command line. Unlike there, a key that nothing reads
is an error. Sections are dataclasses below; their attribute docstrings document the keys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep.settings import checked, find_module, settings
from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.contract.sentinels import SENTINELS

# Keys that say where and how fast, not what: they change no byte of the output.
_NOT_HASHED = ("output", "workers")


@dataclasses.dataclass(frozen=True)
class Step:
    """A source or a filter: the file that implements it, and its settings."""

    name: str
    kind: str
    settings: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Dedup:
    """Removal of duplicates.

    Attributes:
        exact: Keep only the first of all documents with equal text.
    """

    exact: bool = True


@dataclasses.dataclass(frozen=True)
class Split:
    """How documents are held out.

    Attributes:
        validation: The share of documents, by hash of their path, that is not trained on.
    """

    validation: float = 0.05

    def __post_init__(self) -> None:
        require(
            0.0 < self.validation < 1.0,
            f"`split.validation` must be between 0 and 1 (0.05 holds out 5 %), "
            f"got {self.validation}.",
        )


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """The vocabulary to train.

    Attributes:
        vocab_size: Entries, special tokens and the 256 bytes included.
        training_bytes: How much of the training documents' text it is fitted on, at most.
    """

    vocab_size: int
    training_bytes: int = 100_000_000

    def __post_init__(self) -> None:
        smallest = 256 + len(SENTINELS)
        require(
            self.vocab_size >= smallest,
            f"`tokenizer.vocab_size` must be at least {smallest} (256 bytes and {len(SENTINELS)} "
            f"special tokens), got {self.vocab_size}.",
        )
        require(
            self.training_bytes >= 1,
            f"`tokenizer.training_bytes` must be at least 1, got {self.training_bytes}.",
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


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A whole recipe, checked and with defaults filled in."""

    sources: list[Step]
    filters: list[Step]
    dedup: Dedup
    split: Split
    tokenizer: Tokenizer
    shards: Shards
    seed: int
    workers: int | None
    output: Path
    # Dotted key -> the variable it takes its value from, so that messages name what to set.
    taken_from: dict[str, str]

    def key(self, dotted: str) -> str:
        """What a user sets to change ``dotted``: its variable if it has one."""
        return self.taken_from.get(dotted, dotted)

    def plan(self) -> dict[str, Any]:
        """The recipe as plain data: what a user reads before it runs."""
        return {
            "sources": {s.name: {"kind": s.kind, **s.settings} for s in self.sources},
            "filters": [{f.kind: f.settings} for f in self.filters],
            **{
                name: dataclasses.asdict(getattr(self, name))
                for name in ("dedup", "split", "tokenizer", "shards")
            },
            "seed": self.seed,
            "workers": self.workers,
            "output": str(self.output),
        }

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of all that decides the output."""
        content = {k: v for k, v in self.plan().items() if k not in _NOT_HASHED}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def num_workers(self) -> int:
        """Processes to use: ``workers``, or as many as this process may run on."""
        available = getattr(os, "sched_getaffinity", None)
        return self.workers or (len(available(0)) if available else os.cpu_count() or 1)


def load(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe file.

    Args:
        path: The YAML file.
        overrides: ``dotted.key=value`` strings, applied before interpolation.

    Raises:
        UserError: if it cannot be read, holds an unknown key or a value of a wrong type.
    """
    from data_prep.recipe_yaml import read

    content, taken_from = read(Path(path), overrides)
    return build(content, taken_from)


def build(content: Mapping[str, Any], taken_from: Mapping[str, str] | None = None) -> Recipe:
    """A recipe from resolved YAML content (without ``variables``)."""
    allowed = [field.name for field in dataclasses.fields(Recipe) if field.name != "taken_from"]
    for key in content:
        require(
            key in allowed,
            f"`{key}` is not a known key{did_you_mean(str(key), allowed)}; "
            f"a recipe takes: variables, {', '.join(allowed)}.",
        )
    for key in ("sources", "tokenizer", "shards", "output"):
        require(key in content, f"The recipe has no `{key}`; add it (it has no default).")
    seed = checked("seed", content.get("seed", 17), int)
    workers = checked("workers", content.get("workers"), int | None)
    require(workers is None or workers >= 1, f"`workers` must be at least 1, got {workers}.")
    return Recipe(
        sources=_sources(content["sources"]),
        filters=_filters(content.get("filters")),
        dedup=Dedup(**settings("dedup", Dedup, content.get("dedup"))),
        split=Split(**settings("split", Split, content.get("split"))),
        tokenizer=Tokenizer(**settings("tokenizer", Tokenizer, content["tokenizer"])),
        shards=Shards(**settings("shards", Shards, content["shards"])),
        seed=seed,
        workers=workers,
        output=Path(checked("output", content["output"], str)).expanduser(),
        taken_from=dict(taken_from or {}),
    )


def _sources(section: object) -> list[Step]:
    if not isinstance(section, Mapping) or not section:
        raise UserError("`sources` must hold one section a source, e.g. `code: {kind: directory}`.")
    steps = []
    for name, values in section.items():
        key = f"sources.{name}"
        if not isinstance(values, Mapping) or "kind" not in values:
            raise UserError(f"`{key}.kind` is missing; give the kind of source, e.g. directory.")
        rest = {k: v for k, v in values.items() if k != "kind"}
        module = find_module(f"{key}.kind", "data_prep.sources", str(values["kind"]))
        steps.append(Step(str(name), str(values["kind"]), settings(key, module.units, rest)))
    return steps


def _filters(section: object) -> list[Step]:
    section = [] if section is None else section
    if not isinstance(section, list):
        raise UserError("`filters` must be a list, each entry `- name: {settings}`.")
    steps = []
    for position, entry in enumerate(section):
        key = f"filters.{position}"
        entry = {entry: None} if isinstance(entry, str) else entry
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise UserError(f"`{key}` must be one filter, `- name: {{settings}}`, got {entry!r}.")
        ((name, values),) = entry.items()
        module = find_module(key, "data_prep.filters", str(name))
        steps.append(Step(str(name), str(name), settings(f"{key}.{name}", module.keep, values)))
    return steps
