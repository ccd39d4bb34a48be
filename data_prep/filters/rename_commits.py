# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops commits that move files: their messages are about moves, which no diff format shows.

CommitPack has one file a commit, and so hardly any (Muennighoff et al. 2023, arXiv 2308.07124); the
rule is ours. Commits that do nothing else are dropped where they are read, because there is nothing
to show of them. What is no commit passes.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, max_share: float = 0.5) -> str | None:
    r"""Drops a commit that moves more than this share of its files.

    >>> def commit(**metadata):
    ...     return Document.of("x = 1\n", metadata={"commit": "9f", **metadata})
    >>> keep(commit(num_files=4, num_renamed=1))
    >>> keep(commit(num_files=4, num_renamed=3))
    'rename_commit'
    """
    found = document.metadata
    if "commit" not in found:
        return None
    renamed = found.get("num_renamed", 0)
    return "rename_commit" if renamed > max_share * found.get("num_files", 1) else None
