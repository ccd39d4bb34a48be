# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One small tokenizer of every kind and pattern, trained on real code."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.tokenizers import byte_level, sentencepiece_models
from data_prep.tokenizers.patterns import PATTERNS

SENTENCEPIECE = {"sentencepiece_bpe": "bpe", "sentencepiece_unigram": "unigram"}
NAMES = (*PATTERNS, *SENTENCEPIECE)
SIZE = 700


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    """Python files, and what they lack: tabs, other line ends, other scripts."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [*sorted((library / "json").glob("*.py")), library / "shlex.py"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    others = "func f() {\r\n\t\treturn 'ééé'\r\n\t}\r\n// don't, we'll, I'VE 漢字 漢字 1234 ½\n"
    tabs = "".join(f"x{number}\t\t\t{number};\t\t// {number}\n" for number in range(200))
    return [*texts, others * 20, tabs]


@pytest.fixture(scope="session")
def made(corpus: list[str]) -> Callable[[str], str]:
    """``tokenizer.json`` by pattern or kind."""
    known: dict[str, str] = {}

    def make(name: str) -> str:
        if name not in known:
            known[name] = (
                sentencepiece_models.train(corpus, SIZE, SENTENCEPIECE[name], "vocab_size")
                if name in SENTENCEPIECE
                else byte_level.train(corpus, SIZE, name)
            )
        return known[name]

    return make
