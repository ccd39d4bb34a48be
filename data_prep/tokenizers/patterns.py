# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""How text is split into the pieces that merges stay within, by name.

``qwen2``      contractions, words with one leading symbol, single digits, runs of symbols, line
               ends, spaces; named as in llama.cpp, where an exported model finds it
``cl100k``     the same with up to three digits together (Llama 3's)
``gpt2``       Radford et al. 2019: words, numbers and symbols with one leading space
``starcoder``  every digit alone, then as ``gpt2`` (Li et al. 2023, arXiv 2305.06161, section 5.2)

Single digits keep numbers alike whatever their length. SentencePiece's vocabularies hold no piece
with a space behind another character, so cutting before spaces (`SPACED`) changes none of their
merges and bounds the work.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from foundry_plugins.contract.split_patterns import cl100k

SPACED_PATTERN = " *[^ ]+| +"

DEFAULT = "qwen2"

# What a compiled scanner does; `data_prep.tokenizers.scanners` has one for each.
CL100K, GPT2, SPACED, WHOLE, JOINED = 0, 1, 2, 3, 4


@dataclasses.dataclass(frozen=True)
class Splitter:
    """A way of splitting that is known by name.

    Attributes:
        scanner: Which scanner does it.
        digits: How many digits may stand together; for `GPT2`, 1 if each stands alone and 0 if
            there is no limit. The others have no rule for digits.
    """

    scanner: int
    digits: int = 0


PATTERNS = {
    "qwen2": Splitter(CL100K, 1),
    "cl100k": Splitter(CL100K, 3),
    "gpt2": Splitter(GPT2),
    "starcoder": Splitter(GPT2, 1),
}


def pre_tokenizer(name: str) -> dict[str, Any]:
    """The section ``pre_tokenizer`` of a byte-level ``tokenizer.json``."""
    splitter = PATTERNS[name]
    if splitter.scanner == CL100K:
        return _sequence(split(cl100k(splitter.digits)), _byte_level(use_regex=False))
    if splitter.digits:
        digits_alone = {"type": "Digits", "individual_digits": True}
        return _sequence(digits_alone, _byte_level(use_regex=True))
    return _byte_level(use_regex=True)


def split(pattern: str) -> dict[str, Any]:
    """A pre-tokenizer whose pieces are the matches of a pattern."""
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }


def recognise(section: dict[str, Any] | None, *, byte_level: bool) -> Splitter | None:
    """The splitter that a ``pre_tokenizer`` section amounts to, or None."""
    if not byte_level:
        if section is None:
            return Splitter(WHOLE)
        return Splitter(SPACED) if section == split(SPACED_PATTERN) else None
    wanted = _without_trim(section)
    known = ((PATTERNS[name], _without_trim(pre_tokenizer(name))) for name in PATTERNS)
    return next((splitter for splitter, content in known if content == wanted), None)


def _byte_level(*, use_regex: bool) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def _sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def _without_trim(section: dict[str, Any] | None) -> Any:
    """Without what concerns offsets alone; a sequence of one is its element."""
    if section is None:
        return None
    if section.get("type") == "Sequence":
        steps = [_without_trim(step) for step in section["pretokenizers"]]
        return steps[0] if len(steps) == 1 else steps
    # Files of older versions of the library lack the key, with this meaning.
    filled = {"use_regex": True, **section} if section.get("type") == "ByteLevel" else section
    return {key: value for key, value in filled.items() if key != "trim_offsets"}
