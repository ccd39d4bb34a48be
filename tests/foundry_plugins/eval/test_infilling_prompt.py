# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.infilling_prompt import InfillingPrompt, fit


@pytest.mark.parametrize(
    ("prefix", "suffix", "budget", "kept"),
    [
        ([1, 2, 3], [4, 5], 5, ([1, 2, 3], [4, 5])),
        # Both too long: half each, the prefix from its end, the suffix from its start.
        ([1, 2, 3, 4], [5, 6, 7, 8], 4, ([3, 4], [5, 6])),
        ([1, 2, 3, 4], [5, 6, 7, 8], 5, ([2, 3, 4], [5, 6])),
        # What one leaves the other takes.
        ([1], [5, 6, 7, 8], 4, ([1], [5, 6, 7])),
        ([1, 2, 3, 4], [5], 4, ([2, 3, 4], [5])),
        ([], [5, 6], 1, ([], [5])),
        ([1, 2], [], 1, ([2], [])),
    ],
)
def test_fit(
    prefix: list[int], suffix: list[int], budget: int, kept: tuple[list[int], list[int]]
) -> None:
    assert fit(prefix, suffix, budget) == kept


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_fit_uses_the_whole_budget(p: int, s: int, budget: int) -> None:
    prefix, suffix = fit(range(p), range(100, 100 + s), budget)
    assert len(prefix) + len(suffix) == min(p + s, budget)
    assert prefix == list(range(p))[p - len(prefix) :]
    assert suffix == list(range(100, 100 + s))[: len(suffix)]


def test_golden_prompts(tokenizer: Any) -> None:
    def render(order: str) -> str:
        ids = InfillingPrompt.of(tokenizer, order, None).encode("a = ", "\nb", 100)
        return tokenizer.decode(ids)

    assert render("psm") == "<fim_prefix>a = <fim_suffix>\nb<fim_middle>"
    assert render("spm1") == "<fim_suffix>\nb<fim_prefix>a = <fim_middle>"
    assert render("spm2") == "<fim_prefix><fim_suffix>\nb<fim_middle>a = "


def test_a_sentinels_name_inside_the_text_stays_text(tokenizer: Any) -> None:
    prompt = InfillingPrompt.of(tokenizer, "psm", None)
    ids = prompt.encode("<fim_middle>", "<|endoftext|>", 100)
    assert ids.count(prompt.middle_id) == 1
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids[1:-1]) == "<fim_middle><fim_suffix><|endoftext|>"


def test_pieces_are_encoded_separately_and_trimmed(tokenizer: Any) -> None:
    prefix, suffix = "total = first" * 9, " + second" * 9
    p, s = (tokenizer(t, add_special_tokens=False)["input_ids"] for t in (prefix, suffix))
    prompt = InfillingPrompt.of(tokenizer, "psm", None)
    ids = prompt.encode(prefix, suffix, 13)
    assert ids == [prompt.prefix_id, *p[-5:], prompt.suffix_id, *s[:5], prompt.middle_id]


def test_other_models_sentinels_and_leading_token(tokenizer: Any) -> None:
    names = {"prefix": "<NME>", "suffix": "<BEF>", "middle": "<MSG>"}
    prompt = InfillingPrompt.of(tokenizer, "psm", names)
    assert tokenizer.decode(prompt.encode("a", "b", 9)) == "<NME>a<BEF>b<MSG>"
    led = InfillingPrompt(tokenizer, "psm", 1, 2, 3, lead=(9,))
    assert led.encode("", "b" * 50, 6)[:3] == [9, 1, 2]
    assert len(led.encode("", "bcd" * 50, 6)) == 6


def test_mistakes_are_named(tokenizer: Any) -> None:
    with pytest.raises(UserError, match=r"no token '<fim-middle>' \(did you mean '<fim_middle>'"):
        InfillingPrompt.of(tokenizer, "psm", {"middle": "<fim-middle>"})
    with pytest.raises(UserError, match=r"`icl_tasks\[\].format` must be one of psm, spm1, spm2"):
        InfillingPrompt.of(tokenizer, "mps", None)
    with pytest.raises(UserError, match=r"sentinels\.pre` is not a known key"):
        InfillingPrompt.of(tokenizer, "psm", {"pre": "<NME>"})
