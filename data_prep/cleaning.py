# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is done to a document that passed the filters: decontaminated, then redacted.

Before duplicates are looked for, not after as in StarCoder's pipeline: files that differ only in a
key or an address are equal once it is replaced, and would else be trained on many times, and on
both sides of the split.
"""

from __future__ import annotations

import collections
import importlib
import json
from typing import Any

from data_prep.decontaminate.apply import decontaminate
from data_prep.decontaminate.index import Index
from data_prep.document import Document
from data_prep.ledger import code_at, code_of
from data_prep.recipe import Recipe
from data_prep.redact import documents as redact

Counts = dict[str, collections.Counter[str]]

_indexes: dict[str, Index] = {}


def benchmarks(recipe: Recipe) -> Index | None:
    """What documents are searched for.

    Raises:
        UserError: if a benchmark cannot be read.
    """
    if recipe.decontamination is None:
        return None
    # Built once in a process, and before the workers are forked.
    key = json.dumps(recipe.section("decontamination"), sort_keys=True)
    if key not in _indexes:
        _indexes[key] = Index.build(recipe.decontamination)
    return _indexes[key]


def decided_by(recipe: Recipe) -> list[Any]:
    """All that decides what `Cleaner` does."""
    found: list[Any] = [recipe.section("decontamination"), recipe.section("redaction")]
    if (index := benchmarks(recipe)) is not None:
        found += [index.digest, code_at("decontaminate")]
    if recipe.redaction is not None:
        found += [recipe.seed, code_of(*redact.code(recipe.redaction))]
        module, colon, _ = recipe.redaction.names.partition(":")
        found.append(code_of(importlib.import_module(module)) if colon else [])
    return found


class Cleaner:
    """Decontamination, then redaction.

    Attributes:
        finds: Benchmark -> ``prompt``, ``solution`` or ``text`` -> finds.
        redacted: ``emails``, ``keys``, ... -> language -> spans replaced.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._benchmarks = benchmarks(recipe)
        self.finds: Counts = collections.defaultdict(collections.Counter)
        self.redacted: Counts = collections.defaultdict(collections.Counter)

    def __call__(self, document: Document) -> Document | str:
        """The document as it is to be trained on, or the reason to drop it."""
        found: Document | str = document
        if self._benchmarks is not None and self._recipe.decontamination is not None:
            action = self._recipe.decontamination.action
            found, hits = decontaminate(document, self._benchmarks, action)
            for hit in hits:
                self.finds[hit.benchmark][hit.kind] += 1
        if self._recipe.redaction is not None and isinstance(found, Document):
            found, spans = redact.redact(found, self._recipe.redaction, self._recipe.seed)
            for kind, number in spans.items():
                self.redacted[kind][found.language] += number
        return found
