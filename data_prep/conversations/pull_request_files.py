# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a pull request: which are shown, and how much of them.

StarCoder2, arXiv 2402.19173, section 2.3 ("File filters", "Subsampling PRs") and 5.2. A file is
left out with its changes if its text is data or generated, by the rules below; YAML and JSON files
that make up most of the base or whose path tells that a program wrote them stay with probability
`DATA_RATE`. Of the others, how much the base and the hunks show is said by the diff format ``pr``
(`foundry_plugins.contract.diffs.pr`); deleted and added files have no base.

Two rules are published in words only. The share of "hexadecimal characters" is read as that of runs
of hexadecimal bytes (the expression of section 2.1), and "non-English text in Markdown" as less
than half of the letters being ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from data_prep.languages import language_of
from foundry_plugins.contract.diffs.pr import base_runs, file_hunks
from foundry_plugins.contract.stateless_hash import Key, uniform

# Path -> text.
Files = Mapping[str, str]

MAX_CHARACTERS = 1_000_000
MIN_ALPHANUMERIC = 0.25
MAX_HEXADECIMAL = 0.25
MAX_LINES = 100_000
MAX_MEAN_LINE = 100
MAX_LINE = 1000
DATA_RATE = 0.1
DATA_SHARE = 0.5

_DATA_PATHS = ("pack", "lock", "yarn", "output", "swagger", "openapi")
_HEXADECIMAL = re.compile(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}")


def usable(base: Files, heads: Sequence[Files], *keys: Key) -> set[str]:
    """The paths that may be shown.

    Args:
        base: The files before.
        heads: The files after, at each head commit.
        keys: Name the pull request; draws are a hash of them and the path.
    """
    total = sum(map(len, base.values()))
    paths = {path for files in (base, *heads) for path in files}
    return {
        path
        for path in paths
        if all(_is_usable(path, f[path]) for f in (base, *heads) if path in f)
        and not _is_data(path, len(base.get(path, "")), total, *keys)
    }


def base_pieces(path: str, base: Files, heads: Sequence[Files], *keys: Key) -> list[str]:
    """What is shown of a file as it was: all of it, or the lines around its changes."""
    touched = [files[path] for files in heads if path in files]
    return base_runs(base.get(path, ""), touched, *keys, path)


def diff_hunks(path: str, base: Files, head: Files, *keys: Key) -> list[str]:
    """A file's hunks between base and head; none if it did not change."""
    return file_hunks(base.get(path, ""), head.get(path, ""), *keys, path)


def _is_usable(path: str, text: str) -> bool:
    if not text:
        return True
    lines = text.split("\n")
    if len(text) > MAX_CHARACTERS or len(lines) > MAX_LINES:
        return False
    if len(text) / len(lines) > MAX_MEAN_LINE or max(map(len, lines)) > MAX_LINE:
        return False
    if sum(map(str.isalnum, text)) < MIN_ALPHANUMERIC * len(text):
        return False
    runs = sum(len(run[0]) for run in _HEXADECIMAL.finditer(text))
    return runs <= MAX_HEXADECIMAL * len(text) and not _is_foreign(path, text)


def _is_foreign(path: str, text: str) -> bool:
    if language_of(path) != "Markdown" or text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(map(str.isascii, letters)) < len(letters)


def _is_data(path: str, size: int, total: int, *keys: Key) -> bool:
    if language_of(path) not in ("JSON", "YAML"):
        return False
    by_name = any(word in path.lower() for word in _DATA_PATHS)
    if not by_name and size <= DATA_SHARE * total:
        return False
    return uniform(*keys, path, "data") >= DATA_RATE
