# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where a snippet comes from: the training files that share the longest runs of words with it.

Three steps. Every k-gram of the snippet is looked up in every part's fingerprints, which finds all
documents that share a run of w + k - 1 words (see `winnow`) and many that share less. Documents are
ranked by the information in what they share, ``sum of log2(1 + N / df)`` over the k-grams, with df
of N documents having one (Spärck Jones 1972), so that a licence header, which half of all files
have, does not outweigh three lines that one file has. The best ``candidates`` are read, and ranked
by the longest run that their texts really share.

The Stack and StarCoder come with such a search too (Kocetkov et al. 2022, arXiv 2211.15533; Li et
al. 2023, arXiv 2305.06161); here it is files and no server. A question costs a few pages of every
part's index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.provenance.dataset import Dataset, samples_of
from foundry_plugins.contract.errors import UserError

# Longer ones are cut in the result.
_EXCERPT_CHARS = 600

Place = tuple[str, int]


def attribute(
    data_dir: Path | str, snippet: str, *, limit: int = 10, candidates: int = 50
) -> dict[str, Any]:
    """The nearest training files of a text.

    Args:
        data_dir: The output folder of a conversion.
        snippet: Any text; one of fewer than `settings.GRAM_WORDS` words finds nothing.
        limit: Most files to name.
        candidates: Most files to read and compare.

    Returns:
        ``words`` (of the snippet), ``guaranteed_words`` (a run of so many that is shared is
        found), ``documents_searched``, ``matches``: rows of the map with ``shared`` (k-grams found
        in the index), ``matched_words``, ``coverage`` (share of the snippet's words in shared
        runs), ``lines``, ``bytes`` and ``snippet_lines`` of the longest run, ``samples`` that hold
        it, ``exact`` (the same to the byte) and ``excerpt``.

    Raises:
        UserError: if there is no dataset, or it was written without the index.
    """
    from data_prep.provenance import winnow

    dataset = Dataset.open(data_dir)
    data = snippet.encode()
    words = winnow.words(np.frombuffer(data, np.uint8))
    search = _Search(dataset, words)
    best, matches = search.best(candidates), []
    for place, document, text in _texts(dataset, best):
        found = compare(data, text.encode(), search.gram)
        if found is not None:
            samples = samples_of(document, *found["bytes"])
            matches.append({**document, "shared": best[place], **found, "samples": samples})
    matches.sort(key=lambda m: (-m["matched_words"], -m["shared"], m["part"], m["document"]))
    return {
        "words": len(words),
        "guaranteed_words": search.guaranteed,
        "documents_searched": search.num_documents,
        "matches": matches[:limit],
    }


class _Search:
    """A snippet's k-grams against all parts."""

    def __init__(self, dataset: Dataset, words: np.ndarray) -> None:
        from data_prep.provenance import fingerprints, winnow

        self.dataset = dataset
        first = dataset.fingerprints(dataset.parts[0])
        if not first.is_file():
            raise UserError(
                f"{dataset.root} has no index for attribution; set `provenance.attribution: true` "
                "in its recipe and run it again."
            )
        index = fingerprints.read(first)
        self.gram = index.gram
        self.guaranteed = index.gram + index.window - 1
        self.grams = np.unique(winnow.grams(words, index.gram))
        self.num_documents = 0

    def best(self, count: int) -> dict[Place, int]:
        """The most promising documents, with the number of k-grams found in each."""
        # Twice through the parts: how rare a k-gram is must be known before anything is ranked,
        # and holding all hits would hold every document for a common one.
        frequency = np.zeros(len(self.grams), dtype=np.int64)
        self.num_documents = 0
        for _, which, _, num_documents in self._hits():
            frequency += np.bincount(which, minlength=len(self.grams))
            self.num_documents += num_documents
        weights = np.log2(1 + self.num_documents / np.maximum(frequency, 1))
        ranked: list[tuple[float, Place, int]] = []
        for part, which, documents, _ in self._hits():
            numbers, inverse = np.unique(documents, return_inverse=True)
            scores = np.bincount(inverse, weights[which], minlength=len(numbers))
            counts = np.bincount(inverse, minlength=len(numbers))
            for place in np.argsort(-scores, kind="stable")[:count]:
                found = ((part, int(numbers[place])), int(counts[place]))
                ranked.append((-round(float(scores[place]), 6), *found))
            ranked = sorted(ranked)[:count]
        return {place: shared for _, place, shared in ranked}

    def _hits(self) -> Iterator[tuple[str, np.ndarray, np.ndarray, int]]:
        """Of each part: which k-gram is in which document, and how many documents it has."""
        from data_prep.provenance import fingerprints

        for part in self.dataset.parts:
            index = fingerprints.read(self.dataset.fingerprints(part))
            which, documents = index.find(self.grams)
            yield part, which, documents, index.num_documents


def compare(snippet: bytes, text: bytes, gram: int) -> dict[str, Any] | None:
    """The longest run of words that two texts share, or None if it is shorter than ``gram``."""
    from data_prep.provenance import winnow

    my_bytes, their_bytes = (np.frombuffer(data, np.uint8) for data in (snippet, text))
    mine, theirs = winnow.words(my_bytes), winnow.words(their_bytes)
    # A run of r k-grams is one of r + k - 1 words.
    lengths, stops = winnow.runs(winnow.grams(mine, gram), winnow.grams(theirs, gram))
    if not lengths.any():
        return None
    (my_starts, my_ends), (starts, ends) = winnow.bounds(my_bytes), winnow.bounds(their_bytes)
    last = int(np.argmax(lengths))
    first, end = last - int(lengths[last]) + 1, last + gram
    stop = int(stops[last]) + gram - 1
    own = (int(my_starts[first]), int(my_ends[end - 1]))
    span = (int(starts[stop - (end - first)]), int(ends[stop - 1]))
    covered = np.zeros(len(mine) + 1, dtype=np.int64)
    for position in np.flatnonzero(lengths):
        covered[position] += 1
        covered[position + gram] -= 1
    return {
        "matched_words": end - first,
        "coverage": float((np.cumsum(covered)[:-1] > 0).mean()),
        "bytes": span,
        "lines": lines_of(text, span),
        "snippet_lines": lines_of(snippet, own),
        "exact": text[slice(*span)] == snippet[slice(*own)],
        "excerpt": text[slice(*span)].decode("utf-8", "replace")[:_EXCERPT_CHARS],
    }


def lines_of(text: bytes, span: tuple[int, int]) -> tuple[int, int]:
    """First and last line, counted from 1, of a range of bytes."""
    first = text.count(b"\n", 0, span[0]) + 1
    return first, first + text.count(b"\n", span[0], span[1])


def _texts(
    dataset: Dataset, places: dict[Place, int]
) -> Iterator[tuple[Place, dict[str, Any], str]]:
    """Place, row of the map and text of documents, read part by part."""
    by_part: dict[str, list[int]] = defaultdict(list)
    for part, number in places:
        by_part[part].append(number)
    for part, numbers in sorted(by_part.items()):
        rows = {row["document"]: row for row in dataset.describe(part, numbers)}
        for number, record in dataset.records(part, numbers):
            yield (part, number), rows[number], record["text"]


def show(result: dict[str, Any]) -> None:
    """Prints the files as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"Its {result['words']} words were compared with {result['documents_searched']:,} "
        f"documents. A run of {result['guaranteed_words']} words that it shares with one is always "
        "found, a shorter run often; a renamed word ends a run."
    )
    if not result["matches"]:
        console.print("No document shares a run of words with it.")
        return
    console.print("Nearest to it, the one with the longest shared run first:")
    table = Table("file", "lines", "longest run, words", "shared in all", "licence", "SWHID")
    for column in table.columns:
        column.overflow = "fold"
    for match in result["matches"]:
        first, last = match["lines"]
        matched = f"{match['matched_words']}{' (exact)' if match['exact'] else ''}"
        licence = ", ".join(match["licenses"]) or "unknown"
        share = f"{match['coverage']:.0%}"
        cells = (match["name"], f"{first}-{last}", matched, share, licence, match["swhid"])
        table.add_row(*cells)
    console.print(table)
