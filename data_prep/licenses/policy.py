# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe's section ``licenses``: under which licences a document may be trained on.

BigCode's rule (Kocetkov et al. 2022, arXiv 2211.15533, section 3.3): a file that is in several
repositories is kept if one of them is permissive, and a repository is permissive if all licences
detected in it are. Permissive is what Blue Oak Council's list rates (``permissive.txt``).

Where the data says only that it was judged (The Stack v2's ``license_type``, which rests on
ScanCode's categories), its word is taken; what ``deny`` names is refused all the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from data_prep.document import Document
from data_prep.licenses import spdx
from foundry_plugins.contract.errors import require

NOT_PERMISSIVE = "license_not_permissive"
UNKNOWN = "license_unknown"
DENIED = "license_denied"
# Metadata: one list of licences for each repository that has the document; a data set's own word.
LISTS = "license_lists"
LICENSE_TYPE = "license_type"


@dataclasses.dataclass(frozen=True)
class Licenses:
    """Which licences documents may be under.

    Attributes:
        policy: ``any``, or ``permissive`` to keep only those on Blue Oak Council's list.
        allow: SPDX identifiers that pass for permissive too, e.g. ``MPL-2.0``.
        deny: SPDX identifiers that are never kept.
        unknown: ``keep`` or ``drop`` documents of which no licence is known; null drops them under
            ``permissive`` and keeps them under ``any``. BigCode dropped them for The Stack v1 and
            kept them for v2.
        detect: Look for a licence notice in a document's first lines if its source knows of none.
    """

    policy: Literal["any", "permissive"] = "any"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: Literal["keep", "drop"] | None = None
    detect: bool = True

    def __post_init__(self) -> None:
        require(
            not self.allow or self.policy == "permissive",
            "`licenses.allow` adds to the permissive licences, but `licenses.policy` is any, which "
            "allows all; set it to permissive, or remove `licenses.allow`.",
        )
        for key in ("allow", "deny"):
            for name in getattr(self, key):
                # References to licences without an identifier are checked by no list.
                known = name.lower().startswith("licenseref-") or spdx.canonical(name) is not None
                require(
                    known and len(name.split()) == 1,
                    f"`licenses.{key}` must hold SPDX identifiers such as MPL-2.0, got {name!r}; "
                    "see https://spdx.org/licenses.",
                )
        both = set(map(spdx.family, self.allow)) & set(map(spdx.family, self.deny))
        require(not both, f"`licenses.allow` and `licenses.deny` both name {', '.join(both)}.")

    @property
    def drops_unknown(self) -> bool:
        """What is done with a document of which no licence is known."""
        return (self.unknown or ("drop" if self.policy == "permissive" else "keep")) == "drop"


def apply(document: Document, settings: Licenses) -> Document | str:
    """The document with the licence that its header states, if its source knew of none; or why not.

    >>> apply(Document.of("# SPDX-License-Identifier: MIT"), Licenses()).licenses
    ('MIT',)
    """
    if settings.detect and not document.licenses and not document.metadata.get(LISTS):
        from data_prep.licenses.detect import detect_header

        document = document.replace(licenses=detect_header(document.text))
    return keep(document, settings) or document


def keep(document: Document, settings: Licenses) -> str | None:
    """Why a document may not be used, or None.

    >>> strict = Licenses(policy="permissive")
    >>> keep(Document.of("x = 1", licenses=("MIT",)), strict)
    >>> keep(Document.of("x = 1", licenses=("MIT", "GPL-3.0")), strict)
    'license_not_permissive'
    """
    known = [names for names in map(_stated, _lists(document)) if names]
    judged = document.metadata.get(LICENSE_TYPE) == "permissive"
    if not known:
        return UNKNOWN if settings.drops_unknown and not judged else None
    denied = frozenset(map(spdx.family, settings.deny))
    allowed = spdx.permissive() | frozenset(map(spdx.family, settings.allow))
    tolerated = [names for names in known if _all(names, denied, None)]
    if not tolerated:
        return DENIED
    if settings.policy == "any" or judged:
        return None
    return None if any(_all(n, denied, allowed) for n in tolerated) else NOT_PERMISSIVE


def _lists(document: Document) -> Sequence[Sequence[str]]:
    return document.metadata.get(LISTS) or [document.licenses]


def _stated(names: Sequence[str]) -> list[str]:
    return [name for name in names if spdx.says_something(name)]


def _all(names: Sequence[str], denied: frozenset[str], allowed: frozenset[str] | None) -> bool:
    """Whether every licence of a repository is none of ``denied`` and one of ``allowed``."""

    def accept(identifier: str) -> bool:
        return identifier not in denied and (allowed is None or identifier in allowed)

    return all(spdx.satisfied(name, accept) for name in names)
