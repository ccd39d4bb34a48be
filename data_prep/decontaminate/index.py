# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Finds benchmark problems and solutions in a text.

What is compared is the run of letters and digits alone, in lower case: a docstring re-wrapped,
re-indented or turned into another language's comment, a name in ``camelCase`` or ``snake_case``
leave it as it was. Exact search (Kocetkov et al. 2022, arXiv 2211.15533, section 4.1) misses all of
these, search without white space (Lozhkov et al. 2024, arXiv 2402.19173, section 4.4) the change of
comment marks and case.

A document is hit by a run of ``prompt_chars`` or ``solution_chars`` that it shares with a problem,
wherever it is, or by the whole of a shorter text. It need not be all of the problem, so a changed
word, a dropped example or another signature does not hide it. Two rules keep ordinary code out:
texts below a shortest length are not entered, and neither are runs that many problems share.

Every find is compared letter by letter: hashes only say where to look.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Sequence

import numpy as np

from data_prep.decontaminate import kernels, problems
from data_prep.decontaminate.problems import Problem
from data_prep.decontaminate.settings import GRAM_CHARS, Decontamination
from foundry_plugins.contract.errors import require

_KINDS = (problems.PROMPT, problems.SOLUTION, problems.TEXT)
# Grams that are counted at once: 0.6 GB while a benchmark is entered.
_COUNTED_GRAMS = 10_000_000
_NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """A run of a problem in a text.

    Attributes:
        benchmark: The benchmark's name in the recipe.
        problem: The problem's identifier.
        kind: ``prompt``, ``solution``, or ``text`` for fields of no known meaning.
        start: The run's first byte in the text's UTF-8.
        end: One past its last byte.
    """

    benchmark: str
    problem: str
    kind: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of a benchmark.

    Attributes:
        problems: Problems read.
        indexed: Those of which at least one text is looked for.
        too_short: Texts that were too short.
        boilerplate: Texts of which nothing is left beside what many problems share.
    """

    problems: int
    indexed: int
    too_short: int
    boilerplate: int


@dataclasses.dataclass(frozen=True)
class _Item:
    """One text to be looked for."""

    benchmark: int
    problem: str
    kind: int
    text: np.ndarray
    needed: int


@dataclasses.dataclass(frozen=True)
class Index:
    """All texts that are looked for, in a few arrays: cheap to pickle and shared by a fork.

    Attributes:
        counts: Per benchmark.
        arrays: What `kernels.find` takes, in its order.
        names: (benchmark, problem, kind) of each item.
    """

    counts: dict[str, Counts]
    arrays: tuple[np.ndarray, ...]
    names: tuple[tuple[str, str, str], ...]

    @classmethod
    def build(cls, settings: Decontamination) -> Index:
        """Reads the benchmarks of a recipe and enters them.

        Raises:
            UserError: if a file cannot be read or a benchmark leaves nothing to look for.
        """
        return cls.of(
            {
                name: list(problems.read(paths, settings.fields))
                for name, paths in settings.benchmarks.items()
            },
            settings,
        )

    @classmethod
    def of(cls, benchmarks: dict[str, list[Problem]], settings: Decontamination) -> Index:
        """Enters problems in memory; where several have equal texts, the first is named."""
        entered: dict[bytes, _Item] = {}
        chosen: list[np.ndarray] = []
        counts = {}
        for number, (name, listed) in enumerate(benchmarks.items()):
            builder = _Benchmark(number, settings)
            for problem in listed:
                builder.add(problem)
            grams = builder.grams()
            for key, item in builder.items.items():
                if key not in entered and len(grams[key]):
                    entered[key] = item
                    chosen.append(grams[key])
            counts[name] = builder.counts(grams)
            require(
                counts[name].indexed > 0,
                f"`decontamination.benchmarks.{name}`: none of the {len(listed)} problems in "
                f"{', '.join(settings.benchmarks.get(name, ()))} leaves a text to look for; "
                f"give its fields with `decontamination.fields`, or lower the shortest lengths.",
            )
        order = list(benchmarks)
        names = tuple((order[i.benchmark], i.problem, _KINDS[i.kind]) for i in entered.values())
        return cls(counts, _arrays(list(entered.values()), chosen), names)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all that decides what is found."""
        content = hashlib.sha256(json.dumps(self.names).encode())
        for array in self.arrays:
            content.update(array.tobytes())
        return content.hexdigest()

    def hit(self, text: str | bytes) -> Hit | None:
        """The first find in a text, or None."""
        return next(iter(self.hits(text, limit=1)), None)

    def hits(self, text: str | bytes, limit: int = 1000) -> list[Hit]:
        """Finds in a text, in its order, at most ``limit``; they do not overlap."""
        data = np.frombuffer(text.encode() if isinstance(text, str) else text, dtype=np.uint8)
        letters = np.empty(data.size, dtype=np.uint8)
        length = kernels.normalize(data, letters)
        found = np.empty((limit, 3), dtype=np.int64)
        rows = found[: kernels.find(letters, length, self.arrays, found)]
        if not len(rows):
            return []
        wanted = np.unique(np.concatenate([rows[:, 1], rows[:, 2] - 1]))
        places = dict(zip(wanted.tolist(), kernels.offsets(data, wanted).tolist(), strict=True))
        return [
            Hit(benchmark, problem, kind, places[start], places[end - 1] + 1)
            for (benchmark, problem, kind), start, end in (
                (self.names[item], start, end) for item, start, end in rows.tolist()
            )
        ]


class _Benchmark:
    """The texts of one benchmark on their way into the index."""

    def __init__(self, number: int, settings: Decontamination) -> None:
        self._number = number
        self._settings = settings
        self._problems: list[tuple[bytes, ...]] = []
        # Text -> the groups of problems that have it.
        self._groups: dict[bytes, set[str]] = {}
        self._replaced: dict[bytes, bytes] = {}
        self._too_short = 0
        self.items: dict[bytes, _Item] = {}

    def add(self, problem: Problem) -> None:
        keys = []
        for kind, text in problem.texts:
            letters = normalized(text)
            shortest, needed = self._lengths(kind)
            if len(letters) < shortest:
                self._too_short += 1
                continue
            key = letters.tobytes()
            keys.append(key)
            self._groups.setdefault(key, set()).add(problem.group)
            if key not in self.items:
                needed = min(needed, len(letters))
                self.items[key] = _Item(
                    self._number, problem.name, _KINDS.index(kind), letters, needed
                )
        self._problems.append(tuple(keys))

    def _lengths(self, kind: str) -> tuple[int, int]:
        settings = self._settings
        if kind == problems.SOLUTION:
            return settings.shortest_solution_chars, settings.solution_chars
        return settings.shortest_prompt_chars, settings.prompt_chars

    def grams(self) -> dict[bytes, np.ndarray]:
        """The chosen grams of every text: (hash, position) columns; none of only boilerplate."""
        self._drop_prefixes()
        shared = self._shared_grams(kernels.grams)
        chosen = {}
        for key, item in self.items.items():
            hashes = kernels.grams(item.text)
            hashes[np.isin(hashes, shared)] = _NEVER
            places = kernels.winnow(hashes, item.needed - GRAM_CHARS + 1)
            places = places[hashes[places] != _NEVER]
            chosen[key] = np.stack([hashes[places], places.astype(np.uint64)], axis=1)
        return chosen

    def _drop_prefixes(self) -> None:
        """Removes texts that a longer one starts with: infilling cuts one function at every line.

        A run of the shorter is a run of the longer, unless all of a short text was needed.
        """
        for shorter, longer in itertools.pairwise(sorted(self.items)):
            item, other = self.items[shorter], self.items[longer]
            if longer.startswith(shorter) and item.needed == other.needed < len(shorter):
                self._groups[longer] |= self._groups.pop(shorter)
                del self.items[shorter]
                self._replaced[shorter] = longer

    def _shared_grams(self, grams: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Hashes of the grams that too many groups of problems have, sorted."""
        names = sorted({group for groups in self._groups.values() for group in groups})
        numbers = {name: number for number, name in enumerate(names)}
        total = sum(len(i.text) * len(self._groups[key]) for key, i in self.items.items())
        # One range of hashes after the other, so that memory is bounded for any benchmark.
        passes = 1 + total // _COUNTED_GRAMS
        shared = []
        for part in range(passes):
            low, high = part * (1 << 64) // passes, (part + 1) * (1 << 64) // passes - 1
            pairs = []
            for key, item in self.items.items():
                hashes = np.unique(grams(item.text))
                hashes = hashes[(hashes >= np.uint64(low)) & (hashes <= np.uint64(high))]
                for group in self._groups[key]:
                    column = np.full(len(hashes), numbers[group], dtype=np.uint64)
                    pairs.append(np.stack([hashes, column], axis=1))
            if pairs:
                shared.append(_in_many(np.concatenate(pairs), self._settings.boilerplate_problems))
        return np.sort(np.concatenate(shared)) if shared else np.empty(0, dtype=np.uint64)

    def counts(self, grams: dict[bytes, np.ndarray]) -> Counts:
        def found(key: bytes) -> bool:
            while key in self._replaced:
                key = self._replaced[key]
            return bool(len(grams[key]))

        indexed = sum(any(map(found, keys)) for keys in self._problems)
        empty = sum(not len(found) for found in grams.values())
        return Counts(len(self._problems), indexed, self._too_short, empty)


def normalized(text: str) -> np.ndarray:
    """The letters and digits of a text, as they are compared."""
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    out = np.empty(data.size, dtype=np.uint8)
    return out[: kernels.normalize(data, out)].copy()


def _in_many(pairs: np.ndarray, limit: int) -> np.ndarray:
    """Of (hash, group) rows the hashes that are in more than ``limit`` groups."""
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    fresh = np.ones(len(pairs), dtype=bool)
    fresh[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    hashes, counts = np.unique(pairs[fresh, 0], return_counts=True)
    return hashes[counts > limit]


def _arrays(items: Sequence[_Item], chosen: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The arrays of `kernels.find`."""
    starts = np.zeros(len(items) + 1, dtype=np.int64)
    np.cumsum([len(item.text) for item in items], out=starts[1:])
    rows = np.concatenate(chosen)
    owners = np.repeat(np.arange(len(items), dtype=np.int32), [len(grams) for grams in chosen])
    hashes = np.ascontiguousarray(rows[:, 0])
    # 4 GB of letters and digits; all benchmarks together have a few hundred MB.
    places = (rows[:, 1] + starts[owners].astype(np.uint64)).astype(np.uint32)
    # Half full at most, and 16 filter bits a slot: a gram of ordinary code costs one look.
    slots = 1 << max(10, int(2 * len(hashes) - 1).bit_length())
    table = np.zeros(slots, dtype=np.int32)
    filter_bits = np.zeros(slots * 2, dtype=np.uint8)
    kernels.fill(hashes, table, filter_bits)
    texts = np.concatenate([item.text for item in items])
    needed = np.array([item.needed for item in items], dtype=np.int64)
    return (filter_bits, table, hashes, places, owners, texts, starts, needed)
