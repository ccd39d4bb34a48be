# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Between which two bytes a tokenizer always begins a new token, whatever stands around them.

Fill-in-the-middle cuts a text x into pieces that are encoded separately. Encoding a piece anew
costs its whole length; but where ``encode(x) = encode(x[:i]) + encode(x[i:])`` holds for every x
with these two neighbours at i, a *safe* place, all tokens beyond the safe place nearest to a cut
stay as they are, and only the few characters between are encoded.

Byte-level BPE
    merges within the matches of a pattern, which are found from left to right. A place between
    bytes a and b is safe if no match holds both, and if the match that ends in a ends there as
    well when the text ends there. For the patterns of GPT-2 and cl100k that is so for ASCII pairs

    =========================  =====  ======  ===================================================
    pair                       GPT-2  cl100k  because
    =========================  =====  ======  ===================================================
    letter | digit, and back   yes    yes     runs of one class; only contractions join ``'`` to s
    letter | other, digit | other  yes  yes   a run of letters or digits ends at once
    symbol | space, tab        yes    yes     a match has spaces at its start only
    symbol | newline           yes    no      cl100k takes newlines behind symbols along
    letter, digit | newline    yes    yes
    =========================  =====  ======  ===================================================

    Never behind white space: how a run of it is split depends on what follows. Where every digit
    is a piece of its own, two digits may be parted as well.
SentencePiece BPE
    has no pattern, and merges what its vocabulary holds. No merge ever joins two bytes that stand
    side by side in no entry.
Unigram
    chooses the likeliest of all ways to cut the whole text, and sums of many small numbers decide
    between near equals: nothing is known to be safe.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from foundry_plugins.contract.split_patterns import cl100k
from foundry_plugins.contract.token_bytes import METASPACE_STEPS, is_byte_level, token_bytes

_GPT2, _CL100K = "gpt2", "cl100k"
_LETTERS = [*range(ord("a"), ord("z") + 1), *range(ord("A"), ord("Z") + 1)]
_DIGITS = [*range(ord("0"), ord("9") + 1)]
_SYMBOLS = [b for b in range(0x21, 0x7F) if b not in {*_LETTERS, *_DIGITS}]
_BLANKS = [ord(" "), ord("\t")]
_NEWLINES = [ord("\n"), ord("\r")]

_BEFORE_SPACES = " *[^ ]+| +"
# Those who use cl100k's pattern differ in how many digits may stand together.
_CL100K_PATTERNS = {cl100k(digits): digits for digits in (1, 2, 3)}


def safe_places(tokenizer_json: str) -> tuple[np.ndarray | None, str]:
    """The table of `foundry_plugins.data.vocabulary.Vocabulary.safe`, and on which ground.

    Args:
        tokenizer_json: Text of a ``tokenizer.json``.

    Returns:
        (256, 256) bool, or None where nothing is known; and a phrase for the log.
    """
    content: dict[str, Any] = json.loads(tokenizer_json)
    obstacle = _obstacle(content)
    if obstacle:
        return None, obstacle
    if not is_byte_level(content):
        if not _leaves_merges_alone(content.get("pre_tokenizer")):
            return None, "its pre-tokenizer is not known"
        return _never_joined(tokenizer_json), "no entry joins them"
    found = _pattern(content.get("pre_tokenizer") or {})
    if found is None:
        return None, "its split pattern is not known"
    name, single_digits = found
    return _between_matches(name, single_digits=single_digits), f"the pattern of {name}"


def _obstacle(content: dict[str, Any]) -> str:
    model = content.get("model") or {}
    if model.get("type") != "BPE":
        return f"its model is {model.get('type')}, not BPE"
    if model.get("dropout"):
        return "its merges are drawn at random (dropout)"
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return "its tokens depend on where in a word they stand"
    if any(not token.get("special") for token in content.get("added_tokens", [])):
        return "it has added tokens that are found in text"
    # A piece of a text in normal form C is in normal form C.
    known = {"NFC"} if is_byte_level(content) else {"NFC", *METASPACE_STEPS}
    steps = _steps(content.get("normalizer"), "normalizers")
    return "" if {step["type"] for step in steps} <= known else "its normalizer is not known"


def _pattern(pre_tokenizer: dict[str, Any]) -> tuple[str, bool] | None:
    """Name of the split pattern and whether digits stand alone."""
    steps = _steps(pre_tokenizer, "pretokenizers")
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return None
    *splits, last = steps
    if last.get("use_regex", True):
        if not splits:
            return _GPT2, False
        alone = splits[0]["type"] == "Digits" and splits[0].get("individual_digits")
        return (_GPT2, True) if len(splits) == 1 and alone else None
    if len(splits) != 1 or splits[0]["type"] != "Split" or splits[0].get("invert"):
        return None
    digits = _CL100K_PATTERNS.get(splits[0].get("pattern", {}).get("Regex", ""))
    if digits is None or splits[0].get("behavior") != "Isolated":
        return None
    return _CL100K, digits == 1


def _between_matches(pattern: str, *, single_digits: bool) -> np.ndarray:
    safe = np.zeros((256, 256), dtype=bool)
    words = [(_LETTERS, _DIGITS), (_DIGITS, _LETTERS)]
    for left in (_LETTERS, _DIGITS):
        words += [(left, right) for right in (_SYMBOLS, _BLANKS, _NEWLINES)]
    words.append((_SYMBOLS, _BLANKS))
    if pattern == _GPT2:
        words.append((_SYMBOLS, _NEWLINES))
    if single_digits:
        words.append((_DIGITS, _DIGITS))
    for left, right in words:
        safe[np.ix_(left, right)] = True
    return safe


def _never_joined(tokenizer_json: str) -> np.ndarray:
    safe = np.zeros((256, 256), dtype=bool)
    safe[:0x80, :0x80] = True
    for entry in token_bytes(tokenizer_json):
        data = np.frombuffer(entry, dtype=np.uint8)
        safe[data[:-1], data[1:]] = False
    return safe


def _leaves_merges_alone(pre_tokenizer: dict[str, Any] | None) -> bool:
    """Whether it parts, if at all, what no entry joins: spaces from what stands before them."""
    if pre_tokenizer is None or pre_tokenizer["type"] == "Metaspace":
        return True
    return pre_tokenizer.get("pattern") == {"Regex": _BEFORE_SPACES}


def _steps(section: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    if not section:
        return []
    return section[key] if section["type"] == "Sequence" else [section]
