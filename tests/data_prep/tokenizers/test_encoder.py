# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled encoder against the tokenizers library, for every kind and pattern."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_prep.tokenizers.encoder import Encoder
from data_prep.tokenizers.patterns import PATTERNS
from foundry_plugins.contract.errors import UserError

NAMES = (*PATTERNS, "sentencepiece_bpe", "sentencepiece_unigram")
# What tells patterns, kinds and versions of Unicode apart.
FRAGMENTS = [
    *("'s", "'S", "'\u017f", "'LL", "'re", "'l", "'", "don't", "we'll"),
    *(" ", "  ", "    ", "\t", "\t\t", "\n", "\r\n", "\r", " \n", "\n  \n", "\n    "),
    *("\u00a0", "\u2003", "\u2028", "\x85", "\x0b", "\x1c", "\x00", "\u200b", "\ufeff"),
    *("0", "12", "2024", "½", "²", "٣", "①", "Ⅷ", "\u3007"),
    *("x", "abc", "Ünïcödé", "e\u0301", "漢字", "ß", "ǅ", "\u02bcn", "\U0001d4d0"),
    *("_", "==", "//", "##", "(", "{}", "é(", "\U0001f600", "👩\u200d💻", "\U000e0001"),
    *("\u2581", "\u2409", "\u2585", "\ufffe", "\U0010ffff"),
    *("<fim_prefix>", "<|endoftext|>", "<0x41>", "<unk>", "<0x0A>"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join) | st.text(
    st.characters(codec="utf-8"), max_size=60
)


@functools.cache
def both(tokenizer_json: str) -> tuple[Encoder, Encoder]:
    """Compiled, and the library."""
    compiled = Encoder(tokenizer_json)
    assert compiled.is_compiled, compiled.obstacle
    return compiled, Encoder(tokenizer_json, compiled=False)


def ids_of(encoder: Encoder, *texts: str) -> list[list[int]]:
    # Raises if one does not come back.
    return [ids.tolist() for ids in encoder.encode(texts, texts)]


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
@example(text="")
@example(text="  \u2581x")
def test_any_text_comes_back_with_the_librarys_ids(
    made: Callable[[str], str], name: str, text: str
) -> None:
    compiled, library = both(made(name))
    # Twice: the second time from memory.
    first, second = ids_of(compiled, text, text)
    assert first == second == ids_of(library, text)[0]
    assert compiled.byte_lengths[first].sum() == len(text.encode())


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_character(made: Callable[[str], str], name: str) -> None:
    compiled, library = both(made(name))
    points = [p for p in (*range(0x3400), *range(0x3400, 0x110000, 97)) if not 0xD800 <= p < 0xE000]
    texts = [f"a{chr(p)} {chr(p)}'{chr(p)}1{chr(p)}  {chr(p)}\n" for p in points]
    joined = ["".join(texts[start : start + 64]) for start in range(0, len(texts), 64)]
    assert ids_of(compiled, *joined) == ids_of(library, *joined)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unit", ["a", " ", "\n", " \n", "=", "1", "漢", "\t", "ab", "\u2581"])
def test_a_run_of_a_hundred_thousand(made: Callable[[str], str], name: str, unit: str) -> None:
    """In both encoders: a step of quadratic cost would take minutes here."""
    compiled, library = both(made(name))
    text = unit * (100_000 // len(unit))
    assert ids_of(compiled, text) == ids_of(library, text)


@pytest.mark.parametrize("name", NAMES)
def test_real_files(made: Callable[[str], str], name: str, corpus: list[str]) -> None:
    compiled, library = both(made(name))
    assert ids_of(compiled, *corpus) == ids_of(library, *corpus)
    lines = [line for text in corpus for line in text.splitlines(keepends=True)]
    assert ids_of(compiled, *lines) == ids_of(library, *lines)


@pytest.mark.parametrize("name", ["qwen2", "sentencepiece_unigram"])
def test_markers_become_real_sentinels(made: Callable[[str], str], name: str) -> None:
    encoder, _ = both(made(name))
    text = "one<issue_start>two"
    markers = [(0, "<issue_start>"), (3, "<issue_comment>"), (3, "<issue_comment>")]
    markers.append((len(text), "<issue_closed>"))
    plain, marked = encoder.encode([text, text], ["a", "b"], [(), markers])
    one, rest = ids_of(encoder, "one", "<issue_start>two")
    start, comment, closed = (
        encoder.ids[f"<issue_{name}>"] for name in ("start", "comment", "closed")
    )
    assert marked.tolist() == [start, *one, comment, comment, *rest, closed]
    assert marked.dtype == plain.dtype == np.uint32
    assert plain.tolist() == ids_of(encoder, text)[0]
    # Sentinels stand for no byte of the document.
    assert encoder.byte_lengths[marked].sum() == len(text)


def test_a_marker_must_be_in_the_vocabulary(vocabulary: str) -> None:
    with pytest.raises(UserError, match=r"a\.py holds the special token <nope>.*add_sentinels"):
        Encoder(vocabulary).encode(["x"], ["a.py"], [[(0, "<nope>")]])


@pytest.mark.parametrize(
    ("change", "text", "message"),
    [
        ({"normalizer": {"type": "NFKC"}}, "a\nof ﬁt", r"line 2, ' ﬁt' comes back as ' fit'"),
        (
            {"normalizer": {"type": "Strip", "strip_left": True, "strip_right": True}},
            "ab  ",
            "'  '",
        ),
    ],
)
def test_a_lossy_tokenizer_is_refused(
    vocabulary: str, change: dict[str, Any], text: str, message: str
) -> None:
    encoder = Encoder(json.dumps({**json.loads(vocabulary), **change}))
    assert not encoder.is_compiled
    assert "normalizes" in encoder.obstacle
    with pytest.raises(UserError, match=r"a/b\.py does not come back.*" + message):
        encoder.encode(["fine", text], ["fine.py", "a/b.py"])


@pytest.mark.parametrize(
    ("path", "value", "obstacle"),
    [
        (("model", "dropout"), 0.1, "dropout"),
        (("model", "ignore_merges"), True, "ignore_merges"),
        (("model", "merges"), [], None),
        (("added_tokens", 0, "special"), False, "matched in text"),
        (("pre_tokenizer", "pretokenizers", 0, "pattern"), {"Regex": "a+"}, "known patterns"),
        (("pre_tokenizer", "pretokenizers", 1, "add_prefix_space"), True, "known patterns"),
    ],
)
def test_only_what_is_understood_is_compiled(
    vocabulary: str, path: tuple[Any, ...], value: object, obstacle: str | None
) -> None:
    content = json.loads(vocabulary)
    node = content
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    encoder = Encoder(json.dumps(content))
    assert encoder.is_compiled == (obstacle is None)
    assert obstacle is None or obstacle in encoder.obstacle
