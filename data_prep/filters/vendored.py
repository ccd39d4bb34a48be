# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops other people's code that is kept inside a project.

The Stack v2 marks such files (``is_vendor``, Lozhkov et al. 2024, arXiv 2402.19173, section 2.1);
elsewhere the folder's name tells. The names are among those that GitHub Linguist counts as vendored
(``vendor.yml``), less those that are as often a project's own (``dist``, ``env``, ``extern``).
"""

from __future__ import annotations

from data_prep.document import Document

_FOLDERS = (
    "node_modules",
    "bower_components",
    "jspm_packages",
    "vendor",
    "vendors",
    "vendored",
    "_vendor",
    "third_party",
    "third-party",
    "thirdparty",
    "3rdparty",
    "3rd_party",
    "Godeps",
    "Carthage",
    "Pods",
    "site-packages",
)


def keep(
    document: Document, *, is_vendor: bool = True, folders: tuple[str, ...] = _FOLDERS
) -> str | None:
    r"""Drops a document that is vendored.

    Args:
        document: The document.
        is_vendor: Drop what the source marks so.
        folders: Names of folders, in any case, below which everything is vendored.

    >>> keep(Document.of("int x;\n", path="src/vendor.c"))
    >>> keep(Document.of("int x;\n", path="src/vendor/zlib/crc32.c"))
    'vendored'
    """
    if is_vendor and document.metadata.get("is_vendor"):
        return "vendored"
    if "/" not in document.path:
        return None
    above = document.path.lower().split("/")[:-1]
    return "vendored" if any(folder.lower() in above for folder in folders) else None
