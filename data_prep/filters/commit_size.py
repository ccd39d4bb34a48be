# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops commits of too many files or too much text, and most of the very long and the very short.

StarCoder's rules for commits (Li et al. 2023, arXiv 2305.06161, section 3.3): no file of more than
100,000 characters, a tenth of the changes that span 200 lines or more, half of those that span two
or fewer. Its commits have one file each, as CommitPack's do (arXiv 2308.07124); for others the
number of files is limited here. The draw is a hash of the document's name. What is no commit
passes.
"""

from __future__ import annotations

from data_prep.document import Document
from foundry_plugins.contract.stateless_hash import uniform


def keep(
    document: Document,
    *,
    max_files: int = 10,
    limit_bytes: int = 100_000,
    text_limit_bytes: int = 1_000_000,
    long_lines: int = 200,
    long_rate: float = 0.1,
    short_lines: int = 2,
    short_rate: float = 0.5,
    seed: int = 17,
) -> str | None:
    r"""Drops a commit by its size.

    Args:
        document: The document.
        max_files: Most files that the commit changes.
        limit_bytes: Largest file, before or after.
        text_limit_bytes: Longest document: all files shown and what is changed.
        long_lines: Changes that span this many lines or more stay with ``long_rate``.
        long_rate: Share of the long ones.
        short_lines: Changes that span this many or fewer stay with ``short_rate``.
        short_rate: Share of the short ones.
        seed: Decides which.

    >>> def commit(**metadata):
    ...     return Document.of("x = 1\n", metadata={"commit": "9f", "span_lines": 9, **metadata})
    >>> keep(commit(num_files=2, file_bytes=900))
    >>> keep(commit(num_files=11))
    'many_files'
    >>> keep(commit(file_bytes=200_000))
    'large_commit'
    >>> keep(commit(span_lines=500), long_rate=0.0)
    'long_change'
    """
    found = document.metadata
    if "commit" not in found:
        return None
    if found.get("num_files", 1) > max_files:
        return "many_files"
    if found.get("file_bytes", 0) > limit_bytes or len(document.data) > text_limit_bytes:
        return "large_commit"
    lines = found.get("span_lines")
    if lines is None:
        return None
    draw = uniform(seed, document.name, "commit size")
    if lines >= long_lines:
        return "long_change" if draw >= long_rate else None
    return "short_change" if lines <= short_lines and draw >= short_rate else None
