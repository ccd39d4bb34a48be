# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Fill-in-the-middle on texts, tokens and contexts."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fim_orders import ORDERS
from foundry_plugins.contract.sentinels import FIM_PREFIX
from foundry_plugins.data import fim
from foundry_plugins.data.fim import Cut, Fragment
from foundry_plugins.data.fim_settings import ENCODINGS, JOINT, SEPARATE, FIMSettings
from foundry_plugins.data.proof import encoded
from foundry_plugins.data.spans import draw_random
from foundry_plugins.data.vocabulary import Vocabulary

KINDS = ("qwen2", "gpt2", "sentencepiece_bpe", "unigram")
Get = Callable[[str], Vocabulary]
LETTERS = Vocabulary(
    prefix=1,
    middle=2,
    suffix=3,
    end=0,
    eos=0,
    pad=4,
    token_bytes=[b""] * 10 + [bytes([c]) for c in b"abcdef"],
    encode=lambda text: [10 + "abcdef".index(c) for c in text],
)
ABCDEF = np.array([10, 11, 12, 13, 14, 15, 0])


@pytest.fixture
def vocabulary(vocabulary_by_kind: Get) -> Vocabulary:
    return vocabulary_by_kind("qwen2")


def text_of(tokens: np.ndarray | list[int], vocabulary: Vocabulary) -> bytes:
    return b"".join(vocabulary.token_bytes[token] for token in tokens)


def sections(tokens: np.ndarray, order: str, vocabulary: Vocabulary) -> tuple[bytes, bytes, bytes]:
    """An independent parser of the three orders: (prefix, middle, suffix) as bytes.

    For ``spm2`` the prefix is joined with the middle, behind whose sentinel it stands.
    """
    ids = tokens.tolist()
    assert ids.pop() == vocabulary.end
    names = {vocabulary.prefix: "P", vocabulary.middle: "M", vocabulary.suffix: "S"}
    found: list[tuple[str, list[int]]] = []
    for token in ids:
        if token in names:
            found.append((names[token], []))
        else:
            found[-1][1].append(token)
    assert "".join(name for name, _ in found) == {"psm": "PSM", "spm1": "SPM", "spm2": "PSM"}[order]
    content = {name: text_of(section, vocabulary) for name, section in found}
    return content["P"], content["M"], content["S"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("psm", [1, 10, 11, 3, 14, 15, 2, 12, 13, 0]),
        ("spm1", [3, 14, 15, 1, 10, 11, 2, 12, 13, 0]),
        ("spm2", [1, 3, 14, 15, 2, 10, 11, 12, 13, 0]),
    ],
)
def test_orders_by_hand(order: str, expected: list[int]) -> None:
    # Six one-letter tokens a..f are ids 10..15; cut into ab|cd|ef.
    found = fim.permute_tokens(ABCDEF, Cut(order, 2, 4), LETTERS)
    assert found is not None
    assert found.tolist() == expected


def test_joint_pieces_by_hand() -> None:
    assert fim.permute_text("abcdef", Cut("spm2", 2, 4), JOINT) == [
        ("PRE", ""),
        ("SUF", ""),
        ("text", "ef"),
        ("MID", ""),
        ("text", "abcd"),
        ("END", ""),
    ]


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=80), seed=st.integers(0, 2**32), joint=st.booleans())
@settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_text_and_tokens_are_permuted_alike(
    vocabulary_by_kind: Get, kind: str, text: str, seed: int, joint: bool
) -> None:
    vocabulary = vocabulary_by_kind(kind)
    start, end = draw_random(len(text), None, seed)
    encoding = JOINT if joint else SEPARATE
    fragment = np.append(vocabulary.ids(text), vocabulary.eos)
    for order in ORDERS:
        cut = Cut(order, start, end)
        found = fim.permute_tokens(fragment, cut, vocabulary, encoding)
        if not text:
            assert found is None  # an empty document is never transformed
            continue
        assert found is not None
        assert found.tolist() == encoded(text, cut, vocabulary, encoding)
        prefix, middle, suffix = sections(found, order, vocabulary)
        assert prefix + middle + suffix == text.encode()


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        fim.permute_text("a\ud800b", Cut("psm", 0, 1))


def test_literal_sentinels_stay_text(vocabulary: Vocabulary) -> None:
    text = f"a = '{FIM_PREFIX}' or '<fim_middle>'\n" * 8
    fragment = np.append(vocabulary.ids(text), vocabulary.eos)
    for n in range(60):
        cut = Cut("psm", *draw_random(len(text), None, n))
        found = fim.permute_tokens(fragment, cut, vocabulary)
        assert found is not None
        counts = collections.Counter(found.tolist())
        assert [counts[i] for i in (vocabulary.prefix, vocabulary.middle, vocabulary.suffix)] == [
            1,
            1,
            1,
        ]
        assert b"".join(sections(found, "psm", vocabulary)) == text.encode()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("order", list(ORDERS))
@pytest.mark.parametrize("ended", [True, False])
def test_room_is_made_at_the_outer_ends(
    vocabulary: Vocabulary, code: list[str], order: str, encoding: str, ended: bool
) -> None:
    source = code[0][:3000]
    fragment = np.append(vocabulary.ids(source), vocabulary.eos)
    fragment = fragment if ended else fragment[:-1]
    kept = 0
    for n in range(150):
        start, end = draw_random(len(source), None, n)
        cut = Cut(order, start, end)
        found = fim.permute_tokens(fragment, cut, vocabulary, encoding, len(fragment))
        if found is None:
            # Only where prefix and suffix together are too short to pay.
            assert len(source) - (end - start) < 40
            continue
        kept += 1
        assert len(found) == len(fragment)
        prefix, middle, suffix = sections(found, order, vocabulary)
        if order == "spm2":
            assert source[:end].encode().endswith(middle)
            assert middle.endswith(source[start:end].encode())
        else:
            assert middle.decode() == source[start:end]
            assert source[:start].encode().endswith(prefix)
        assert source[end:].encode().startswith(suffix)
        # What the context edge cut pays first.
        if not ended and len(source) - end > 60:
            assert (prefix + middle).startswith(source[:20].encode())
        if ended and start > 60:
            assert source.endswith(suffix.decode()[-20:])
    assert kept > 120


def context(vocabulary: Vocabulary, code: list[str]) -> tuple[np.ndarray, list[Fragment]]:
    pieces = [[*vocabulary.ids(text[:900]), vocabulary.eos] for text in code[:3]]
    pieces[-1] = pieces[-1][:-30]  # the context edge cuts the last one
    tokens = np.concatenate([np.array(piece) for piece in pieces])
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    whole = [True, True, False]
    return tokens, [Fragment(e, True, w, "Python") for e, w in zip(ends, whole, strict=True)]


def test_a_context_stays_exactly_as_long(vocabulary: Vocabulary, code: list[str]) -> None:
    tokens, fragments = context(vocabulary, code)
    spans = {"random": 1.0, "line": 1.0, "multi_line": 1.0, "to_line_end": 1.0, "syntax": 1.0}
    modes = collections.Counter()
    for sample in range(60):
        options = FIMSettings(rate=0.9, spans=spans, max_middle_chars=300)
        found = fim.transform_context(tokens, fragments, vocabulary, options, 7, 0, sample)
        assert found.tokens.shape == found.numbers.shape == tokens.shape
        assert (np.diff(found.numbers) >= 0).all()
        modes.update(found.modes[:3])
        dropped = 0
        for number, (mode, fragment) in enumerate(zip(found.modes, fragments, strict=False)):
            first = fragments[number - 1].end if number else 0
            before, after = tokens[first : fragment.end], found.tokens[found.numbers == number]
            if mode == "none":
                # An untransformed fragment gains nothing and loses nothing.
                assert after.tolist() == before.tolist()
                continue
            counts = collections.Counter(after.tolist())
            assert [counts[i] for i in (vocabulary.prefix, vocabulary.suffix)] == [1, 1]
            assert counts[vocabulary.middle] == counts[vocabulary.end] == 1
            assert after[-1] == vocabulary.end
            lost = len(text_of(before, vocabulary)) - len(text_of(after, vocabulary))
            assert lost >= 0
            dropped += lost > 0
        assert (found.num_dropped > 0) == (dropped > 0)
    assert set(modes) == {"none", "psm", "spm2"}


def test_document_level_takes_whole_documents_only(vocabulary: Vocabulary, code: list[str]) -> None:
    tokens, fragments = context(vocabulary, code)
    options = FIMSettings(rate=1.0, level="document")
    for sample in range(20):
        found = fim.transform_context(tokens, fragments, vocabulary, options, sample)
        assert [mode == "none" for mode in found.modes[:3]] == [False, False, True]


def test_a_family_s_own_end_token_ends_what_is_transformed(
    vocabulary: Vocabulary, code: list[str]
) -> None:
    tokens, fragments = context(vocabulary, code)
    other = dataclasses.replace(vocabulary, end=vocabulary.pad + 1)
    found = fim.transform_context(tokens, fragments, other, FIMSettings(rate=1.0), 1)
    ends = found.tokens[np.append(np.diff(found.numbers) > 0, True)]
    assert set(ends.tolist()) == {other.end}


def test_ineligible_fragments_and_rate_zero_change_nothing(vocabulary: Vocabulary) -> None:
    tokens = np.append(vocabulary.ids("x = 1\n" * 30), vocabulary.eos)
    for eligible, rate in ((False, 1.0), (True, 0.0)):
        fragments = [Fragment(len(tokens), eligible)]
        found = fim.transform_context(tokens, fragments, vocabulary, FIMSettings(rate=rate), 1)
        assert found.tokens.tolist() == tokens.tolist()
        assert found.modes == ["none"]
        assert found.num_dropped == 0


def test_stays_as_it_is_where_it_cannot_be_cut(vocabulary: Vocabulary) -> None:
    eos = vocabulary.eos
    special = [vocabulary.pad, *vocabulary.ids("abc"), eos]
    for ids in ([eos], [*vocabulary.ids("a"), eos], special):
        tokens = np.array(ids, dtype=np.int64)
        options = FIMSettings(rate=1.0)
        found = fim.transform_context(tokens, [Fragment(len(ids))], vocabulary, options, 5)
        assert found.tokens.tolist() == ids
        assert found.modes == ["none"]


def test_what_begins_a_document_stays_in_front(vocabulary: Vocabulary) -> None:
    bos = vocabulary.pad + 6
    assert not vocabulary.token_bytes[bos]
    begun = dataclasses.replace(vocabulary, bos=bos)
    text, cut = "def f(x):\n    return x + 1\n", Cut("spm2", 4, 20)
    for end in ([], [vocabulary.eos]):
        tokens = np.array([*vocabulary.ids(text), *end])
        plain = fim.permute_tokens(tokens, cut, vocabulary)
        assert plain is not None
        found = fim.permute_tokens(np.append(bos, tokens), cut, begun)
        assert found is not None
        assert found.tolist() == [bos, *plain.tolist()]
        long = np.append(bos, np.tile(tokens[: len(vocabulary.ids(text))], 5))
        options = FIMSettings(rate=1.0)
        context = fim.transform_context(long, [Fragment(len(long))], begun, options, 2)
        assert context.modes[0] != "none"
        assert len(context.tokens) == len(long)
        assert context.tokens[0] == bos
        assert (context.tokens == bos).sum() == 1
        assert context.tokens[-1] == begun.end


def test_every_key_decides(vocabulary: Vocabulary, code: list[str]) -> None:
    tokens, fragments = context(vocabulary, code)
    options = FIMSettings(rate=1.0)
    keys = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    drawn = [fim.transform_context(tokens, fragments, vocabulary, options, *key) for key in keys]
    again = [fim.transform_context(tokens, fragments, vocabulary, options, *key) for key in keys]
    assert [one.tokens.tolist() for one in drawn] == [one.tokens.tolist() for one in again]
    assert len({tuple(one.tokens.tolist()) for one in drawn}) == len(keys)


def test_rates_lie_within_binomial_bounds() -> None:
    options = FIMSettings(rate=0.6, spm_rate=0.25, spm_variant="spm1")
    found = collections.Counter(fim.choose_order(options, n) for n in range(20_000))
    for mode, share in (("none", 0.4), ("spm1", 0.15), ("psm", 0.45)):
        assert abs(found[mode] / 20_000 - share) < 0.02, found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 1.5}, ("fim.rate", "1.5")),
        ({"spm_rate": True}, ("fim.spm_rate", "True")),
        ({"spm_variant": "smp"}, ("fim.spm_variant", "spm1, spm2")),
        ({"spm_encoding": "both"}, ("fim.spm_encoding", "joint")),
        ({"spm_encoding": "joint", "spm_variant": "spm1"}, ("joint", "spm2")),
        ({"max_middle_chars": 0}, ("fim.max_middle_chars", "0")),
        ({"level": "file"}, ("fim.level", "context, document")),
        ({"spans": {"words": 1}}, ("fim.spans", "words", "multi_line")),
        ({"spans": {"line": -1}}, ("fim.spans.line", "-1")),
        ({"spans": {"line": 0}}, ("fim.spans", "above 0")),
    ],
)
def test_settings_that_cannot_be(options: dict[str, object], words: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as error:
        FIMSettings(**options)  # type: ignore[arg-type]
    assert all(word in str(error.value) for word in words)
