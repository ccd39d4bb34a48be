# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops commits that change files which are not shown: images, archives, data, links.

The message is about all files of a commit, and what the model sees of it is not. CommitPack, with
one file a commit, has no such commits (Muennighoff et al. 2023, arXiv 2308.07124); the rule is
ours. Commits of which nothing can be shown are dropped where they are read. What is no commit
passes.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, max_binary: int = 0, max_share: float = 0.5) -> str | None:
    r"""Drops a commit by the files that it changes beside those shown.

    Args:
        document: The document.
        max_binary: Most binary files.
        max_share: Largest share of files, of all kinds, that are not shown.

    >>> def commit(**metadata):
    ...     return Document.of("x = 1\n", metadata={"commit": "9f", "num_files": 4, **metadata})
    >>> keep(commit(num_left_out=1))
    >>> keep(commit(num_left_out=1, num_binary=1))
    'binary_commit'
    >>> keep(commit(num_left_out=3))
    'hidden_files'
    """
    found = document.metadata
    if "commit" not in found:
        return None
    if found.get("num_binary", 0) > max_binary:
        return "binary_commit"
    left_out = found.get("num_left_out", 0)
    return "hidden_files" if left_out > max_share * found.get("num_files", 1) else None
