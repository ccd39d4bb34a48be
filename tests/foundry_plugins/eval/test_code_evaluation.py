# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.code_evaluation import CodeEvaluationDataset
from foundry_plugins.eval.postprocess import infilled_middle


def generate(model: Any, dataset: CodeEvaluationDataset, rows: list[int]) -> list[str]:
    with torch.no_grad():
        return model.eval_forward(dataset.collate_fn([dataset[row] for row in rows]))


def test_batches_are_padded_to_their_longest_prompt(
    build: Callable[..., CodeEvaluationDataset], tokenizer: Any
) -> None:
    dataset = build()
    batch = dataset.collate_fn([dataset[1], dataset[0]])
    assert tokenizer.batch_decode(batch["input_ids"])[1].startswith("<fim_prefix>def add")
    assert batch["attention_mask"][0].sum() == 3
    assert batch["input_ids"][0, :-3].unique().tolist() == [tokenizer.pad_token_id]
    assert batch["labels"] == ["x = 1", ", second"]
    assert batch["generation_kwargs"]["do_sample"] is False


def test_long_problems_fit(build: Callable[..., CodeEvaluationDataset]) -> None:
    dataset = build(max_seq_len=40)
    assert max(len(example["input_ids"]) for example in dataset) == 24


def test_split_batch_shares_what_is_not_per_row(
    build: Callable[..., CodeEvaluationDataset],
) -> None:
    dataset = build()
    batch = dataset.collate_fn([dataset[i] for i in range(5)])
    parts = dataset.split_batch(batch, 2)
    assert [dataset.get_num_samples_in_batch(part) for part in parts] == [2, 2, 1]
    assert [part["labels"] for part in parts] == [
        batch["labels"][:2],
        batch["labels"][2:4],
        batch["labels"][4:],
    ]
    assert all(part["generation_kwargs"] is batch["generation_kwargs"] for part in parts)


@pytest.mark.parametrize("family", ["mpt_causal_lm", "code_mpt_causal_lm"])
def test_neighbours_in_the_batch_change_nothing(
    build: Callable[..., CodeEvaluationDataset], build_model: Callable[..., Any], family: str
) -> None:
    """Padding on the left must be invisible, with the key-value cache and ALiBi."""
    dataset, model = build(), build_model(name=family)
    dataset.line_tables = None
    alone = [generate(model, dataset, [row])[0] for row in range(5)]
    assert len(set(alone)) > 1
    assert generate(model, dataset, list(range(5))) == alone


def test_stopping_early_changes_no_judged_text(
    build: Callable[..., CodeEvaluationDataset], model: Any
) -> None:
    dataset, steps = build(), []
    model.model.register_forward_hook(lambda *_: steps.append(1))
    stopped = generate(model, dataset, list(range(5)))
    steps_when_stopped = len(steps)
    dataset.line_tables = None
    ran_on = generate(model, dataset, list(range(5)))
    cut = [infilled_middle(text, single_line=True) for text in ran_on]
    assert [infilled_middle(text, single_line=True) for text in stopped] == cut
    assert steps_when_stopped <= len(steps) - steps_when_stopped


def test_every_special_token_ends_a_generation(
    build: Callable[..., CodeEvaluationDataset], tokenizer: Any
) -> None:
    ids = build().generation_kwargs["eos_token_id"]
    assert set(tokenizer.convert_ids_to_tokens(ids)) >= {"<|endoftext|>", "<fim_pad>", "<file_sep>"}
    assert len(ids) < 60


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"mode": "generation"}, r"mode` of `code_evaluation` must be one of: infilling; got 'gen"),
        ({"num_fewshot": 2}, r"num_fewshot` must be \[0\] for infilling, got 2"),
        ({"max_new_tokens": 60}, r"max_new_tokens` \(60\) leaves no room"),
        ({"max_new_tokens": 1.5}, r"max_new_tokens` must be an integer of at least 1, got 1.5"),
        ({"max_new_token": 4}, r"max_new_token` is not a known key \(did you mean"),
        ({"format": "mps"}, r"format` must be one of psm, spm1, spm2, got 'mps'"),
        ({"sentinels": {"prefix": "<PRE>"}}, "no token '<PRE>'"),
        ({"dataset_uri": "nowhere.jsonl"}, "nowhere.jsonl does not exist"),
        ({"dataset_uri": "hf://a/b"}, "must name a file of problems, got 'hf://a/b'"),
    ],
)
def test_mistakes_are_named(
    build: Callable[..., CodeEvaluationDataset], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(**keys)
