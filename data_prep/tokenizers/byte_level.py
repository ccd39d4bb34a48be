# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A byte-level BPE vocabulary, trained.

Bytes as symbols (Radford et al. 2019, section 2.2) and merges by frequency (Sennrich et al. 2016,
arXiv 1508.07909), within the pieces of one split pattern (`data_prep.tokenizers.patterns`).

No normaliser and no template: what is encoded comes back byte for byte. Special tokens hold the
first ids; their text inside a document is ordinary text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from data_prep.tokenizers.patterns import DEFAULT, pre_tokenizer
from foundry_plugins.contract.sentinels import SENTINELS

# A pair seen once is chance: its merge would be an entry that training hardly ever sees.
_MIN_FREQUENCY = 2


def train(texts: Iterable[str], vocab_size: int, pattern: str = DEFAULT) -> str:
    """Fits a vocabulary; the text of its ``tokenizer.json``.

    It may hold fewer than ``vocab_size`` entries: as many as the texts have repeated pairs for.
    """
    import tokenizers
    from tokenizers import pre_tokenizers, trainers

    untrained = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": pre_tokenizer(pattern),
        "decoder": {
            "type": "ByteLevel",
            "add_prefix_space": True,
            "trim_offsets": True,
            "use_regex": True,
        },
        "model": {"type": "BPE", "vocab": {}, "merges": []},
    }
    # Any: the library's type stubs lack the trainer's parameters.
    tokenizer: Any = tokenizers.Tokenizer.from_str(json.dumps(untrained))
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "min_frequency": _MIN_FREQUENCY,
        "special_tokens": [
            tokenizers.AddedToken(token, special=True, normalized=False) for token in SENTINELS
        ],
        "initial_alphabet": pre_tokenizers.ByteLevel.alphabet(),
        "show_progress": False,
    }
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(**options))
    return tokenizer.to_str(pretty=True)
