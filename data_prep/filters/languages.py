# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps only some languages.

Models train on chosen languages: SantaCoder on 3 of The Stack's, StarCoder on 86 (Li et al. 2023,
arXiv 2305.06161, section 3.1), Replit on 20. Names are those of `data_prep.languages`, in any case;
other data sets' names for them are understood too.
"""

from __future__ import annotations

import functools

from data_prep.document import Document
from data_prep.languages import LANGUAGES, canonical
from foundry_plugins.contract.errors import UserError, did_you_mean


def keep(
    document: Document, *, only: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> str | None:
    r"""Drops a document in another language, or in an excluded one.

    Args:
        document: The document.
        only: The languages that are kept; empty for all.
        exclude: The languages that are dropped.

    >>> keep(Document.of("x = 1\n"), only=("Python", "Java"))
    >>> keep(Document.of("x = 1\n"), exclude=("python",))
    'language'

    Raises:
        UserError: if a name is nearly that of a language.
    """
    language = canonical(document.language)
    if language in _names(exclude) or (only and language not in _names(only)):
        return "language"
    return None


@functools.cache
def _names(languages: tuple[str, ...]) -> frozenset[str]:
    for language in languages:
        hint = did_you_mean(language, LANGUAGES)
        # A source may have names of its own ("English"), but hardly such near misses.
        if hint and canonical(language) not in LANGUAGES:
            raise UserError(f"The filter `languages` names {language!r}, which is none{hint}.")
    return frozenset(map(canonical, languages))
