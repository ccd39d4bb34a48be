# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import collections
import json
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from foundry_plugins.contract.sentinels import END_OF_TEXT, FIM_PREFIX, PAD, SENTINELS
from foundry_plugins.contract.token_bytes import token_bytes
from foundry_plugins.data import fim

STDLIB = Path(sysconfig.get_paths()["stdlib"])


def train() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[AddedToken(name, special=True) for name in SENTINELS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    files = [STDLIB / name for name in ("argparse.py", "ast.py", "json/decoder.py")]
    tokenizer.train_from_iterator([file.read_text() for file in files], trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


TOKENIZER = train()
TABLE = token_bytes(TOKENIZER.to_str())


def encode(text: str) -> list[int]:
    return TOKENIZER.encode(text, add_special_tokens=False).ids


VOCABULARY = fim.Vocabulary(
    prefix=TOKENIZER.token_to_id("<fim_prefix>"),
    middle=TOKENIZER.token_to_id("<fim_middle>"),
    suffix=TOKENIZER.token_to_id("<fim_suffix>"),
    eos=TOKENIZER.token_to_id(END_OF_TEXT),
    pad=TOKENIZER.token_to_id(PAD),
    token_bytes=TABLE,
    encode=encode,
)
ALWAYS = fim.FIMSettings(rate=1.0)


def text_of(tokens: np.ndarray) -> bytes:
    return b"".join(TABLE[token] for token in tokens)


def reassemble(tokens: np.ndarray, mode: str) -> tuple[bytes, bytes, bytes]:
    """An independent parser of the three orders: (prefix, middle, suffix) as bytes."""
    ids = tokens.tolist()
    assert ids.pop() == VOCABULARY.eos
    names = {VOCABULARY.prefix: "P", VOCABULARY.middle: "M", VOCABULARY.suffix: "S"}
    sections: list[tuple[str, list[int]]] = []
    for token in ids:
        if token in names:
            sections.append((names[token], []))
        else:
            sections[-1][1].append(token)
    order = "".join(name for name, _ in sections)
    content = {name: text_of(np.array(section, dtype=int)) for name, section in sections}
    assert order == {"psm": "PSM", "spm1": "SPM", "spm2": "PSM"}[mode]
    if mode == "spm2":
        # The prefix stands behind <fim_middle>, joined with the middle.
        assert content["P"] == b""
        return b"", content["M"], content["S"]
    return content["P"], content["M"], content["S"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("psm", [1, 10, 11, 3, 14, 15, 2, 12, 13, 0]),
        ("spm1", [3, 14, 15, 1, 10, 11, 2, 12, 13, 0]),
        ("spm2", [1, 3, 14, 15, 2, 10, 11, 12, 13, 0]),
    ],
)
def test_orders_by_hand(mode: str, expected: list[int]) -> None:
    # Six one-letter tokens a..f are ids 10..15; cut into ab|cd|ef.
    table = [b""] * 10 + [bytes([c]) for c in b"abcdef"]
    vocabulary = fim.Vocabulary(
        prefix=1,
        middle=2,
        suffix=3,
        eos=0,
        pad=4,
        token_bytes=table,
        encode=lambda text: [10 + "abcdef".index(c) for c in text],
    )
    body = np.array([10, 11, 12, 13, 14, 15])
    arranged = fim._arrange(body[:2], body[2:4], body[4:], mode, vocabulary)
    assert arranged.tolist() == expected


@given(text=st.text(min_size=0, max_size=120), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=300)
@pytest.mark.parametrize("mode", ["psm", "spm1", "spm2"])
def test_reassembles_to_the_document(mode: str, text: str, seed: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    # Room for the sentinels comes from a long tail, so that nothing inside is dropped.
    document = text + "#" * 40
    fragment = np.array([*encode(document), VOCABULARY.eos])
    out = fim.permute_tokens(fragment, mode, VOCABULARY, ALWAYS, seed)
    if out is None:
        return
    assert len(out) <= len(fragment)
    prefix, middle, suffix = reassemble(out, mode)
    whole = document.encode()
    joined = prefix + middle + suffix
    # Only outer ends are dropped: what is left is one run of the document, end and all.
    assert whole.endswith(joined) or whole.startswith(joined) or joined in whole
    assert len(joined) >= len(whole) - 40


def test_drops_only_outer_ends_and_keeps_the_middle() -> None:
    source = (STDLIB / "argparse.py").read_text()[:3000]
    fragment = np.array([*encode(source), VOCABULARY.eos])
    for seed in range(200):
        start, end = fim.draw_cuts(len(source), None, seed, "cut")
        out = fim.permute_tokens(fragment, "psm", VOCABULARY, ALWAYS, seed)
        if out is None:
            continue
        prefix, middle, suffix = reassemble(out, "psm")
        assert middle.decode() == source[start:end]
        assert source[:start].encode().endswith(prefix)
        assert source[end:].encode().startswith(suffix)
        assert len(out) == len(fragment)


def test_context_stays_exactly_as_long_and_numbers_its_fragments() -> None:
    names = ("ast.py", "argparse.py", "json/decoder.py")
    documents = [(STDLIB / name).read_text()[:900] for name in names]
    pieces = [[*encode(text), VOCABULARY.eos] for text in documents]
    pieces[-1] = pieces[-1][:-30]  # the context edge cuts the last one
    tokens = np.concatenate([np.array(piece) for piece in pieces])
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    for sample in range(50):
        out, numbers, modes = fim.transform_context(
            tokens, ends, [True] * 3, VOCABULARY, fim.FIMSettings(rate=0.9), 7, 0, sample
        )
        assert out.shape == tokens.shape
        assert (np.diff(numbers) >= 0).all()
        for number, mode in enumerate(modes):
            fragment = out[numbers == number]
            if mode == "none":
                start = ends[number - 1] if number else 0
                assert fragment.tolist() == tokens[start : ends[number]].tolist()
            else:
                # One of each sentinel; the fragment that the edge cut has gained an end.
                counts = collections.Counter(fragment.tolist())
                assert [counts[i] for i in (VOCABULARY.prefix, VOCABULARY.suffix)] == [1, 1]
                assert counts[VOCABULARY.middle] == counts[VOCABULARY.eos] == 1
                assert fragment[-1] == VOCABULARY.eos


def test_ineligible_fragments_and_rate_zero_change_nothing() -> None:
    tokens = np.array([*encode("x = 1\n" * 30), VOCABULARY.eos])
    for eligible, rate in (([False], 1.0), ([True], 0.0)):
        out, _, modes = fim.transform_context(
            tokens, [len(tokens)], eligible, VOCABULARY, fim.FIMSettings(rate=rate), 1
        )
        assert out.tolist() == tokens.tolist()
        assert modes == ["none"]


def test_literal_sentinels_stay_text() -> None:
    text = f"a = '{FIM_PREFIX}' or '<fim_middle>'\n" * 8
    fragment = np.array([*encode(text), VOCABULARY.eos])
    assert VOCABULARY.prefix not in fragment[:-1]
    out = fim.permute_tokens(fragment, "psm", VOCABULARY, ALWAYS, 3)
    assert out is not None
    assert (out == VOCABULARY.prefix).sum() == (out == VOCABULARY.middle).sum() == 1


def test_characters_cut_by_the_context_edge_stay_whole() -> None:
    tokens = np.array(encode("é€𝄞 " * 30))
    for first in range(1, 8):
        for last in range(1, 8):
            fragment = tokens[first:-last]
            out = fim.permute_tokens(fragment, "spm2", VOCABULARY, ALWAYS, first, last)
            assert out is not None
            _, joined, suffix = reassemble(out, "spm2")
            text = (joined + suffix).lstrip(bytes(range(0x80, 0xC0)))
            # Parts of a character remain at the outer ends alone.
            decoded = text.decode("utf-8", "replace")
            assert "\ufffd" not in decoded[:-1]
            assert set(decoded.rstrip("\ufffd")) <= set("é€𝄞 ")


def test_stays_as_it_is_where_it_cannot_be_cut() -> None:
    eos = VOCABULARY.eos
    for fragment in ([], [eos], [*encode("a"), eos], [VOCABULARY.pad, *encode("abc"), eos]):
        tokens = np.array(fragment, dtype=np.int64)
        assert fim.permute_tokens(tokens, "psm", VOCABULARY, ALWAYS, 5) is None
    assert fim.permute_tokens(np.array(encode("abc")), "none", VOCABULARY, ALWAYS, 5) is None


@pytest.mark.parametrize(
    ("length", "limit"), [(0, None), (1, None), (5, None), (5, 2), (5, 9), (7, 0)]
)
def test_cuts_are_uniform_over_all_pairs(length: int, limit: int | None) -> None:
    pairs = [
        (start, end)
        for start in range(length + 1)
        for end in range(start, length + 1)
        if limit is None or end - start <= limit
    ]
    draws = 400 * len(pairs)
    found = collections.Counter(fim.draw_cuts(length, limit, n) for n in range(draws))
    assert set(found) == set(pairs)
    # Five standard deviations of a binomial with mean 400.
    assert all(abs(count - 400) < 100 for count in found.values())


def test_rates_lie_within_binomial_bounds() -> None:
    settings = fim.FIMSettings(rate=0.6, spm_rate=0.25, spm_variant="spm1")
    found = collections.Counter(fim.choose_mode(settings, n) for n in range(20_000))
    for mode, share in (("none", 0.4), ("spm1", 0.15), ("psm", 0.45)):
        assert abs(found[mode] / 20_000 - share) < 0.02, json.dumps(found)
