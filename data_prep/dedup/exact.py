# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Exact duplicates but for white space. Those to the byte are told by the SHA-256 of the text.

Exact removal before any near-duplicate search is the usual first step (Kocetkov et al. 2022,
arXiv 2211.15533, section 3.4); it runs before the split, so a held-out file has no copy in train.
`data_prep.dedup.keys` says what is kept of a document for it.
"""

from __future__ import annotations

import hashlib

_WHITE_SPACE = b" \t\n\r\v\f"


def normalized_digest(data: bytes) -> bytes:
    r"""The key (16 bytes) that duplicates share which differ in white space only.

    Every ASCII white-space byte is left out, as AlphaCode compares files (Li et al. 2022, arXiv
    2203.07814, section 3.1): re-indented, re-wrapped and CRLF copies are equal. Case counts,
    because in code it tells names apart.

    >>> normalized_digest(b"if x:\r\n\treturn") == normalized_digest(b"if x:\n  return\n")
    True
    """
    return hashlib.sha256(data.translate(None, _WHITE_SPACE)).digest()[:16]
