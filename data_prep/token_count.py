# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""How many tokens a text has, for filters that ask before there is a vocabulary.

With a ``tokenizer.json`` the answer is exact. Without one it is the least that any byte-level BPE
of GPT-2's family can do: such a tokenizer first cuts text into words with one leading space,
numbers, runs of symbols and white space (Radford et al. 2019, section 2.2), and no token crosses a
cut. A filter that drops what has few characters a token then drops less than it would with a
tokenizer, and never anything else.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError

# White space as GPT-2's pattern has it; Python's \s has four control characters more.
_BLANK = r" \t-\r"
_ANY_BLANK = rf"{_BLANK}\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def _pieces(blank: str, first: str = "") -> re.Pattern[str]:
    # An apostrophe before a word may start a contraction, so it is counted as part of the word.
    return re.compile(
        rf" ?(?:{first}'?[a-zA-Z]+|[0-9]+|[^{blank}a-zA-Z0-9]+)|[{blank}]+(?![^{blank}])|[{blank}]+"
    )


_ASCII = _pieces(_BLANK)
# Which characters outside ASCII are letters depends on the library's age, so that everything
# between two blanks is one piece where one of them is in it.
_OTHER = _pieces(
    _ANY_BLANK,
    rf"(?<![^{_ANY_BLANK}])[\x00-\x08\x0e-\x1f!-\x7f]*+[^\x00-\x7f{_ANY_BLANK}][^{_ANY_BLANK}]*+|",
)


def count_tokens(text: str, tokenizer: str | None = None) -> int:
    """The number of tokens of a text.

    Args:
        text: The text.
        tokenizer: Path of a ``tokenizer.json``, or of a folder that holds one; None for the
            lower bound.

    >>> count_tokens("def area(r): return 3.14 * r * r")
    13

    Raises:
        UserError: if there is no such file, or it holds no tokenizer.
    """
    if tokenizer is None:
        return len((_ASCII if text.isascii() else _OTHER).findall(text))
    return _counter(tokenizer)(text)


@functools.cache
def _counter(tokenizer: str) -> Callable[[str], int]:
    path = Path(tokenizer).expanduser()
    path = path / "tokenizer.json" if path.is_dir() else path
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "model" not in content:
            raise ValueError("it has no `model`")
    except (OSError, ValueError) as error:
        raise UserError(
            f"The tokenizer {tokenizer} of a filter cannot be read ({error}); give the path of a "
            "tokenizer.json, or of a folder that holds one."
        ) from error
    from tokenizers import Tokenizer

    library = Tokenizer.from_str(json.dumps(content))
    library.no_truncation()
    library.no_padding()
    return lambda text: len(library.encode(text, add_special_tokens=False))
