# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How well near-duplicates are found: copies of real files, changed in known ways.

Of every text one copy is made of each kind, all together are searched, and the report says which
share of the copies was found to be a near-duplicate of its original, by kind and by true Jaccard
similarity, and which share of all pairs that were found are as similar as 0.7 and 0.5. Similarity
is that of the sets of 5-grams of tokens whatever the settings are, so that these can be compared.

``whitespace``      indented by tabs, lines set apart, trailing blanks, CRLF
``licence_header``  the notice of a licence put in front
``comments``        every fifth word of comments and docstrings another one
``rename``          other names for some identifiers, 5 % of all their occurrences
``edit_5``          5 % of the lines replaced
``edit_15``         15 %
``reorder``         paragraphs (what blank lines separate) in another order
"""

from __future__ import annotations

import collections
import keyword
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from data_prep.dedup import near
from data_prep.dedup.settings import NearDuplicates
from data_prep.dedup.tokens import shingles, token_hashes
from foundry_plugins.contract.stateless_hash import below, hash64, uniform

_NGRAM = 5
_SIMILAR = (0.7, 0.5)
_NOTICE = """\
Copyright 2026 The authors of this file

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
"""
_COMMENT = re.compile(
    r'"""[\s\S]*?"""|' r"'''[\s\S]*?'''|" r"/\*[\s\S]*?\*/|(?:(?<=\s)|^)(?:#|//)[^\n]*",
    re.MULTILINE,
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_IDENTIFIER = re.compile(r"\b[A-Za-z_][A-Za-z0-9_]{2,}\b")
# fmt: off
_KEYWORDS = frozenset(keyword.kwlist) | {
    "bool", "case", "catch", "char", "const", "default", "delete", "double", "else", "enum",
    "extern", "float", "func", "function", "goto", "impl", "int", "interface", "let", "long",
    "match", "mut", "namespace", "new", "null", "package", "private", "protected", "public",
    "short", "signed", "sizeof", "static", "string", "struct", "super", "switch", "template",
    "this", "throw", "typedef", "union", "unsigned", "use", "using", "var", "virtual", "void",
    "volatile",
}
# fmt: on

# Text and the key of its draws -> changed text.
Plant = Callable[[str, int], str]


def whitespace(text: str, key: int) -> str:
    """The same tokens, set otherwise."""
    end = "\r\n" if below(2, key, "end") else "\n"
    lines = []
    for number, line in enumerate(text.splitlines()):
        body = line.lstrip(" ")
        depth = len(line) - len(body)
        line = "\t" * (depth // 4) + " " * (depth % 4) + body
        draw = below(10, key, number)
        lines += ["", line] if draw == 0 else [line + "  "] if draw == 1 else [line]
    return end.join(lines) + end


def licence_header(text: str, key: int) -> str:
    """With a notice of 90 words in front."""
    mark = "//" if len(re.findall(r"^\s*//|^\s*\*", text, re.MULTILINE)) > text.count("#") else "#"
    notice = "".join(f"{mark} {line}".rstrip() + "\n" for line in _NOTICE.splitlines())
    return f"{notice}\n{text}"


def comments(text: str, key: int) -> str:
    """With other words in its comments and docstrings."""

    def other(match: re.Match[str]) -> str:
        start = match.start()

        def word(found: re.Match[str]) -> str:
            draw = below(5, key, start, found.start())
            return found[0] if draw else _name(key, start, found.start())

        return _WORD.sub(word, match[0])

    return _COMMENT.sub(other, text)


def rename(text: str, key: int) -> str:
    """With other names for identifiers that are drawn until 5 % of all occurrences are spent."""
    counts = collections.Counter(_IDENTIFIER.findall(text))
    names = [name for name in counts if name not in _KEYWORDS]
    left = 0.05 * sum(counts[name] for name in names)
    renamed: dict[str, str] = {}
    for name in sorted(names, key=lambda name: hash64(key, name)):
        if counts[name] <= left:
            left -= counts[name]
            renamed[name] = f"{name}_{_name(key, name)}"
    return _IDENTIFIER.sub(lambda match: renamed.get(match[0], match[0]), text)


def edit_5(text: str, key: int) -> str:
    """With 5 % of its lines replaced."""
    return _edit(text, key, 0.05)


def edit_15(text: str, key: int) -> str:
    """With 15 % of its lines replaced."""
    return _edit(text, key, 0.15)


def reorder(text: str, key: int) -> str:
    """With its paragraphs in another order."""
    blocks = re.split(r"\n(?:[ \t]*\n)+", text.strip("\n"))
    order = sorted(range(len(blocks)), key=lambda number: hash64(key, number))
    return "\n\n".join(blocks[number] for number in order) + "\n"


KINDS: Mapping[str, Plant] = {
    "whitespace": whitespace,
    "licence_header": licence_header,
    "comments": comments,
    "rename": rename,
    "edit_5": edit_5,
    "edit_15": edit_15,
    "reorder": reorder,
}


def plant(
    texts: Sequence[str], kinds: Iterable[str] = tuple(KINDS), seed: int = 17
) -> list[tuple[str, int, str]]:
    """(kind, position of the original, copy), without the copies that came out unchanged."""
    copies = []
    for kind in kinds:
        for number, text in enumerate(texts):
            copy = KINDS[kind](text, hash64(seed, kind, number))
            if copy != text:
                copies.append((kind, number, copy))
    return copies


def report(
    texts: Sequence[str],
    settings: NearDuplicates,
    kinds: Iterable[str] = tuple(KINDS),
    seed: int = 17,
) -> dict[str, Any]:
    """Recall by kind, and precision, of a search with these settings.

    Texts of fewer tokens than are compared are left out. Works in memory: some thousand texts.
    """
    texts = [t for t in texts if len(token_hashes(t.encode())) >= settings.minimum_tokens]
    copies = plant(texts, kinds, seed)
    data = [text.encode() for text in (*texts, *(copy for _, _, copy in copies))]
    found = near.find_pairs(near.records_of(data, settings), settings)
    pairs = list(zip(found["low"].tolist(), found["high"].tolist(), strict=True))
    return score(data, [(kind, original) for kind, original, _ in copies], pairs)


def score(
    data: Sequence[bytes], planted: Sequence[tuple[str, int]], found: Iterable[tuple[int, int]]
) -> dict[str, Any]:
    """Recall by kind, and precision, of pairs that some search found.

    Args:
        data: The originals, then the copies.
        planted: Kind and original of each copy.
        found: Pairs of positions in ``data``, the smaller one first.
    """
    sets = [np.unique(shingles(token_hashes(text), _NGRAM)) for text in data]
    found = set(found)
    first = len(data) - len(planted)
    pairs = [(original, first + number) for number, (_, original) in enumerate(planted)]
    similarities = np.array([jaccard(sets[a], sets[b]) for a, b in pairs])
    hits = np.array([pair in found for pair in pairs], dtype=bool)
    kinds = np.array([kind for kind, _ in planted])
    masks = {str(kind): kinds == kind for kind in dict.fromkeys(kinds)}
    bins = np.floor(similarities * 10 + 1e-9) / 10
    true = np.array([jaccard(sets[a], sets[b]) for a, b in found])
    return {
        "documents": len(data),
        "bytes": sum(map(len, data)),
        "recall": {kind: _recall(hits[m], similarities[m]) for kind, m in masks.items()},
        "recall_by_similarity": {
            f"{low:.1f}": _recall(hits[bins == low], similarities[bins == low])
            for low in np.unique(bins)[::-1]
        },
        "pairs": len(found),
        "precision": {
            str(limit): float(np.mean(true >= limit)) if len(true) else None for limit in _SIMILAR
        },
    }


def _recall(hits: np.ndarray, similarities: np.ndarray) -> dict[str, float]:
    return {
        "planted": len(hits),
        "recall": float(np.mean(hits)),
        "mean_similarity": float(np.mean(similarities)),
    }


def jaccard(left: np.ndarray, right: np.ndarray) -> float:
    """The share that two sets, as sorted arrays without repetitions, have in common."""
    common = len(np.intersect1d(left, right, assume_unique=True))
    total = len(left) + len(right) - common
    return common / total if total else 1.0


def _edit(text: str, key: int, rate: float) -> str:
    lines = []
    for number, line in enumerate(text.splitlines(keepends=True)):
        if line.strip() and uniform(key, number) < rate:
            indent = line[: len(line) - len(line.lstrip())]
            names = [_name(key, number, position) for position in range(3)]
            line = f"{indent}{names[0]} = {names[1]}({names[2]}, {number})\n"
        lines.append(line)
    return "".join(lines)


def _name(*keys: int | str) -> str:
    """A word that is in no text."""
    return "".join(chr(97 + int(digit, 16)) for digit in f"{hash64(*keys):016x}"[:8])
