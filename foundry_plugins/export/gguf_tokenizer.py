# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A ``tokenizer.json`` as GGUF metadata, or why llama.cpp would tokenize otherwise.

llama.cpp splits text by a pattern that it knows by name. Its ``qwen2`` is `QWEN2`; a tokenizer
with any other pattern, with normalization, or with added tokens that eat neighbouring spaces gives
other ids, so it is refused.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.split_patterns import QWEN2

# Token types of the GGUF specification.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5


@dataclasses.dataclass(frozen=True)
class GGUFVocabulary:
    """Tokens by id with their types, and the merges in order, as llama.cpp reads them."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    ids: dict[str, int]  # added tokens only


def read_vocabulary(tokenizer_json: str, vocab_size: int) -> GGUFVocabulary:
    """Converts a tokenizer; ids up to ``vocab_size`` that it does not use become unused tokens.

    Raises:
        UserError: if llama.cpp would give other ids.
    """
    content: dict[str, Any] = json.loads(tokenizer_json)
    obstacle = _obstacle(content)
    if obstacle:
        raise UserError(
            f"llama.cpp cannot reproduce this tokenizer: {obstacle}; train the vocabulary with "
            "`convert_dataset`, or use `foundry-plugins export --hf FOLDER` for transformers."
        )
    added = {token["id"]: token for token in content["added_tokens"]}
    regular = {index: token for token, index in content["model"]["vocab"].items()}
    highest = max([*added, *regular])
    require(
        highest < vocab_size,
        f"The tokenizer has id {highest} but the model's vocab_size is {vocab_size}; the "
        "checkpoint's tokenizer is not the one it was trained with.",
    )
    tokens, types = [], []
    for index in range(vocab_size):
        if index in added:
            tokens.append(added[index]["content"])
            types.append(CONTROL if added[index]["special"] else USER_DEFINED)
        else:
            tokens.append(regular.get(index, f"[unused{index}]"))
            types.append(NORMAL if index in regular else UNUSED)
    # tokenizers < 0.20 wrote merges as "a b", later versions as ["a", "b"].
    merges = [m if isinstance(m, str) else " ".join(m) for m in content["model"]["merges"]]
    return GGUFVocabulary(tokens, types, merges, {t["content"]: i for i, t in added.items()})


def _obstacle(content: dict[str, Any]) -> str | None:
    """What llama.cpp would do differently, or None."""
    model = content["model"]
    if model["type"] != "BPE" or "ByteLevel" not in json.dumps(content.get("decoder")):
        return f"it is not byte-level BPE (model {model['type']})"
    if content.get("normalizer") is not None:
        return f"it normalizes text ({content['normalizer'].get('type')})"
    for key in ("continuing_subword_prefix", "end_of_word_suffix", "dropout", "ignore_merges"):
        if model.get(key):
            return f"its model sets {key}"
    if not _splits_like_qwen2(content.get("pre_tokenizer")):
        return "its pre-tokenizer is not the split pattern that llama.cpp calls qwen2"
    processor = content.get("post_processor") or {"type": "ByteLevel"}
    if processor["type"] != "ByteLevel":
        return f"its post-processor ({processor['type']}) may add tokens"
    for token in content["added_tokens"]:
        if token.get("lstrip") or token.get("rstrip") or token.get("single_word"):
            return f"its added token {token['content']} also matches the spaces around it"
    return None


def _splits_like_qwen2(pre_tokenizer: dict[str, Any] | None) -> bool:
    if pre_tokenizer is None or pre_tokenizer.get("type") != "Sequence":
        return False
    steps = pre_tokenizer["pretokenizers"]
    if [step["type"] for step in steps] != ["Split", "ByteLevel"]:
        return False
    split, byte_level = steps
    return (
        split["pattern"] == {"Regex": QWEN2}
        and split["behavior"] == "Isolated"
        and not split["invert"]
        and not byte_level["add_prefix_space"]
        and not byte_level["use_regex"]
    )
