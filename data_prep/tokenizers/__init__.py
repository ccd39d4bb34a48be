# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Vocabularies: trained or brought along, proven lossless, and applied at the speed of the machine.

Whatever the kind, a tokenizer here *is* its ``tokenizer.json``: the tokenizers library defines the
ids, ``transformers`` loads the same file at training time, and the compiled encoder must agree
with it token for token.
"""

from __future__ import annotations

import hashlib
from pathlib import Path


def code() -> list[str]:
    """Digests of this package's files, for the inputs of the stages that use it."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
