# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops merge commits: what they change was changed, and said, by the commits that they join.

Told by their parents, or by the messages that OctoPack leaves out (Muennighoff et al. 2023, arXiv
2308.07124; bigcode-project/octopack, ``dataset/filter.py``). What is no commit passes.
"""

from __future__ import annotations

from data_prep.commits.rendering import subject
from data_prep.document import Document

_SUBJECTS = ("merge branch", "merge pull request", "merge remote-tracking branch", "merge tag")


def keep(document: Document, *, subjects: bool = True) -> str | None:
    r"""Drops a merge commit.

    Args:
        document: The document.
        subjects: Also by the first line of the message: merges that were made one commit, and data
            sets that do not know a commit's parents.

    >>> keep(Document.of("x = 1\n", metadata={"commit": "9f", "message": "Merge two lists"}))
    >>> keep(Document.of("x = 1\n", metadata={"commit": "9f", "parents": 2}))
    'merge_commit'
    """
    if "commit" not in document.metadata:
        return None
    is_merge = document.metadata.get("parents", 1) > 1
    text = subject(document.metadata.get("message", "")).lower()
    return "merge_commit" if is_merge or (subjects and text.startswith(_SUBJECTS)) else None
