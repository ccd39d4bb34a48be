# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a tokenizer's folder: what ``transformers`` and the training host load it from.

Written by hand, because ``transformers`` takes seconds to import; its ``AutoTokenizer`` loads them
without any code of ours, and what it then saves loads as the same tokenizer. All are JSON, which
the host keeps in its checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
SPECIAL_FILE = "special_tokens_map.json"

# Which tokens end a document and fill a sample; the keys are those of `transformers`.
TRAINED_ROLES = {"eos_token": END_OF_TEXT, "pad_token": PAD}


def write(
    folder: Path,
    tokenizer_json: str,
    roles: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Writes a tokenizer.

    Args:
        folder: Where to.
        tokenizer_json: The tokenizer.
        roles: Of its special tokens; those of a trained one unless given.
        config: More keys for ``tokenizer_config.json``, e.g. a chat template.
    """
    content = json.loads(tokenizer_json)
    special = dict(TRAINED_ROLES if roles is None else roles)
    present = {token["content"] for token in content["added_tokens"]}
    others = [t for t in SENTINELS if t in present and t not in special.values()]
    whole_config = {
        **(config or {}),
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "additional_special_tokens": others,
        "added_tokens_decoder": {
            str(token["id"]): {k: v for k, v in token.items() if k != "id"}
            for token in content["added_tokens"]
        },
        **special,
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        TOKENIZER_FILE: tokenizer_json,
        CONFIG_FILE: json.dumps(whole_config, indent=2),
        SPECIAL_FILE: json.dumps({**special, "additional_special_tokens": others}, indent=2),
    }
    for name, text in files.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[str, dict[str, str]]:
    """The text of a folder's ``tokenizer.json``, and the roles of its special tokens."""
    special = json.loads((folder / SPECIAL_FILE).read_text(encoding="utf-8"))
    text = (folder / TOKENIZER_FILE).read_text(encoding="utf-8")
    return text.removesuffix("\n"), roles_in(special)


def roles_in(settings: Mapping[str, Any]) -> dict[str, str]:
    """Names of the end of text and of padding, where a file of settings gives them."""
    found = {key: settings.get(key) for key in TRAINED_ROLES}
    return {
        key: value["content"] if isinstance(value, Mapping) else value
        for key, value in found.items()
        if value
    }


def added_token(index: int, content: str) -> dict[str, Any]:
    """One entry of ``added_tokens``: a special token that matches exactly its name."""
    return {
        "id": index,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
