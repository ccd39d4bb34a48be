# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Other models' vocabularies: a token before every text, and spaces that decoding drops."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from foundry_plugins.eval import benchmarks
from foundry_plugins.eval.benchmarks.task import Task
from foundry_plugins.eval.generation.sampling import Sampling
from foundry_plugins.eval.generator import END, LENGTH, STOP, Generator
from foundry_plugins.eval.prompts import LEFT_TO_RIGHT, Prompts

WORDS = ["<s>", "</s>", "<unk>", "\u2581def", "\u2581f():", "\u2581return", "\u25811", "\n"]


@pytest.fixture(scope="module")
def words() -> Any:
    """Words with the space before them, as in Llama's vocabulary."""
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Metaspace()]
    )
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def task(prompt: str, stops: tuple[str, ...] = ("\n",)) -> Task:
    return Task("t", "py", prompt, None, None, stops, {})


def test_a_leading_token_stays_when_a_prompt_is_cut(words: Any) -> None:
    prompts = Prompts(words, infilling=False, max_tokens=7)
    assert prompts.order == LEFT_TO_RIGHT
    assert prompts.encode(task("def f():")) == [0, 3, 4]
    assert prompts.cut == 0
    assert prompts.encode(task(" ".join(["def f():"] * 5))) == [0, 3, 4, 3, 4, 3, 4]
    assert prompts.cut == 1


def test_the_answer_keeps_its_first_space(words: Any) -> None:
    asked = task("def f():")
    ids = Prompts(words, infilling=False, max_tokens=9).encode(asked)
    generator = Generator(
        *(benchmarks.find("humaneval"), [asked], [ids], words, Sampling(), 0),
        max_new_tokens=4,
    )
    for answer, text, ended in (
        ([5, 6], " return 1", END),
        ([5, 6, 7], " return 1", STOP),
        ([5, 6, 5, 6], " return 1 return 1", LENGTH),
    ):
        entry = generator._entry(0, 0, answer)
        assert (entry["completion"], entry["ended"], entry["tokens"]) == (text, ended, len(answer))
    assert generator._end_ids == {0, 1, 2}
