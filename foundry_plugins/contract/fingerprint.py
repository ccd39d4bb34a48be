# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A tokenizer's identity: equal exactly when it gives equal ids.

Shards store it; the loader compares it with the tokenizer of the run, because ids from another
vocabulary train a model of noise without any error.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

# Set at run time by hosts (padding, truncation) or by the writer's version: they change no id.
_IGNORED = ("version", "padding", "truncation", "post_processor")


def fingerprint(tokenizer_json: str) -> str:
    """SHA-256 (hex) of a ``tokenizer.json`` in canonical form.

    Args:
        tokenizer_json: Text of the file, or ``backend_tokenizer.to_str()`` of a loaded one.
    """
    content: dict[str, Any] = json.loads(tokenizer_json)
    for key in _IGNORED:
        content.pop(key, None)
    model = content.get("model", {})
    # tokenizers < 0.20 wrote merges as "a b", later versions as ["a", "b"].
    model["merges"] = [m.split(" ") if isinstance(m, str) else m for m in model.get("merges", [])]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
