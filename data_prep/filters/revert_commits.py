# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops commits that take back others, or bring them back: the reason is not in the change.

CommitPackFT leaves out messages that name a commit, as git's own "This reverts commit ..." does
(Muennighoff et al. 2023, arXiv 2308.07124; bigcode-project/octopack,
``dataset/commitpackft/commitpackft_filters2.py``). What is no commit passes.
"""

from __future__ import annotations

import re

from data_prep.commits.rendering import subject
from data_prep.document import Document

# What git and GitHub write, and people after them.
_SUBJECT = re.compile(
    r"(?:re-?)?(?:revert(?:s|ed|ing)?|reappl(?:y|ies|ied)|re-?land|back ?out|undo)\b[: ]",
    re.IGNORECASE,
)
_BODY = re.compile(r"^\s*this (?:partially )?(?:reverts|reapplies) commit\b", re.IGNORECASE | re.M)
_ID = re.compile(r"\b[0-9a-f]{40}\b")


def keep(document: Document, *, ids: bool = True) -> str | None:
    r"""Drops a commit that reverts another.

    Args:
        document: The document.
        ids: Also a message whose first line holds the id of a commit, as published.

    >>> keep(Document.of("x = 1\n", metadata={"commit": "9f", "message": "Reverse the list"}))
    >>> keep(Document.of("x = 1\n", metadata={"commit": "9f", "message": 'Revert "Add x"'}))
    'revert_commit'
    """
    if "commit" not in document.metadata:
        return None
    message = document.metadata.get("message", "")
    first = subject(message)
    found = _SUBJECT.match(first) or _BODY.search(message) or (ids and _ID.search(first))
    return "revert_commit" if found else None
