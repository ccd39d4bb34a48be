# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Redaction of a document: find, resolve overlaps, replace, count.

Replacing can uncover what the text hid (an address next to an address), so what was changed is
searched again until nothing is found. That makes redaction idempotent: redacting what was redacted
changes nothing.
"""

from __future__ import annotations

import collections
import functools
import importlib
from types import ModuleType

from data_prep.document import Document
from data_prep.redact import (
    assignments,
    placeholders,
    randomness,
    replacements,
    scan,
    settings,
    spans,
    words,
)
from data_prep.redact.replacements import is_replacement, placeholder, synthetic
from data_prep.redact.settings import NO_NAMES, Redaction
from data_prep.redact.spans import KINDS, Span, resolve

# Texts that stand beside a document's own and may be trained on with it.
_TEXTS = ("message", "old_contents", "title")
# After so many rounds what is found is replaced by placeholders, which never make up a new secret.
_SYNTHETIC_ROUNDS = 3
_MOST_ROUNDS = 20

Counts = dict[str, int]


def redact(document: Document, redaction: Redaction, seed: int) -> tuple[Document, Counts]:
    r"""The document without what the section says, and how many spans of each kind were replaced.

    Markers keep their places. Of the metadata, the texts are redacted as well: a commit's message
    and old contents, a title.

    >>> found, counts = redact(Document.of("# jane@mail.studio\n"), Redaction(), seed=17)
    >>> found.text, counts
    ('# <EMAIL>\n', {'emails': 1})
    """
    counts: collections.Counter[str] = collections.Counter()

    def of_text(text: str) -> str:
        return _redact_text(text, document.language, redaction, seed, counts)

    metadata = dict(document.metadata)
    for key in _TEXTS:
        if isinstance(text := metadata.get(key), str):
            metadata[key] = of_text(text)
    changed = document.map_text(of_text)
    if not counts:
        return document, {}
    return changed.replace(metadata=metadata), dict(sorted(counts.items()))


def find(data: bytes, language: str, redaction: Redaction) -> list[Span]:
    """All that is to be replaced in a text in UTF-8, ascending, without overlaps."""
    kept = {value.encode() for value in redaction.keep_values}
    found = (
        Span(start, end, kind)
        for kind in KINDS
        if getattr(redaction, kind) not in (False, NO_NAMES)
        for start, end in _detector(kind).find(data, language, redaction)
        if data[start:end] not in kept
    )
    return [
        span
        for span in resolve(found)
        if not is_replacement(span.kind, data[span.start : span.end].decode("utf-8", "replace"))
    ]


def code(redaction: Redaction) -> list[ModuleType]:
    """The modules that decide what `redact` does, for the ledger."""
    shared = [assignments, placeholders, randomness, replacements, scan, settings, spans, words]
    used = [kind for kind in KINDS if getattr(redaction, kind) not in (False, NO_NAMES)]
    tables = ["key_formats", "top_level_domains"]
    return shared + [importlib.import_module(f"{__package__}.{name}") for name in used + tables]


def _redact_text(
    text: str, language: str, redaction: Redaction, seed: int, counts: collections.Counter[str]
) -> str:
    data = text.encode("utf-8", "surrogatepass")
    changed = False
    for round_number in range(_MOST_ROUNDS):
        found = find(data, language, redaction)
        if not found:
            break
        changed = True
        by_placeholder = redaction.replacement == "placeholder" or round_number >= _SYNTHETIC_ROUNDS
        pieces, end = [], 0
        for span in found:
            counts[span.kind] += 1
            pieces.append(data[end : span.start])
            if by_placeholder:
                pieces.append(placeholder(span.kind).encode())
            else:
                original = data[span.start : span.end].decode("utf-8", "surrogatepass")
                new = synthetic(span.kind, original, seed)
                pieces.append(new.encode("utf-8", "surrogatepass"))
            end = span.end
        data = b"".join([*pieces, data[end:]])
    return data.decode("utf-8", "surrogatepass") if changed else text


@functools.cache
def _detector(kind: str) -> ModuleType:
    return importlib.import_module(f"{__package__}.{kind}")
