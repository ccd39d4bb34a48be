# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A tokenizer's identity: equal fingerprints mean equal ids.

Shards store it; the loader compares it with the tokenizer of the run, because ids from another
vocabulary train a model of noise without any error.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

# Set at run time by hosts (padding, truncation) or by the writer's version: they change no id.
_IGNORED = ("version", "padding", "truncation", "post_processor")
# Of the model; files of older versions of the library lack them, with the same meaning as false.
_ADDED_LATER = ("ignore_merges", "byte_fallback", "fuse_unk")


def fingerprint(tokenizer_json: str) -> str:
    """SHA-256 (hex) of a ``tokenizer.json`` in canonical form.

    Args:
        tokenizer_json: Text of the file, or ``backend_tokenizer.to_str()`` of a loaded one.
    """
    content: dict[str, Any] = _without_nulls(json.loads(tokenizer_json))
    for key in _IGNORED:
        content.pop(key, None)
    model = content.get("model", {})
    # tokenizers < 0.20 wrote merges as "a b", later versions as ["a", "b"]. A Unigram has none; its
    # scores must be decimals that the library reads exactly, or each saving would change them.
    model["merges"] = [m.split(" ") if isinstance(m, str) else m for m in model.get("merges", [])]
    for key in _ADDED_LATER:
        if model.get(key) is False:
            del model[key]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without_nulls(value: Any) -> Any:
    """Null and absent mean the same to the library."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
