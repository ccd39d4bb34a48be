# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.answering import Row
from foundry_plugins.eval.code_evaluation import CodeEvaluationDataset
from foundry_plugins.eval.postprocess import first_line
from foundry_plugins.eval.sandbox import isolation
from foundry_plugins.eval.task_settings import TaskSettings


def answers(model: Any, dataset: CodeEvaluationDataset) -> list[Row]:
    batches = [model.eval_forward(dataset.collate_fn([item])) for item in range(len(dataset))]
    return sorted(
        (row for batch in batches for row in batch.rows), key=lambda row: (row.task, row.sample)
    )


def own(build: Callable[..., CodeEvaluationDataset], **keys: Any) -> CodeEvaluationDataset:
    """The package's own problems, three samples each."""
    given = {
        **{"dataset_uri": "own_problems", "benchmark": "humaneval", "max_seq_len": 400},
        **{"n_samples": 3, "temperature": 0.9, "max_new_tokens": 8},
    }
    return build(**{**given, **keys})


def test_a_batch_for_other_models_and_callbacks(
    build: Callable[..., CodeEvaluationDataset], tokenizer: Any
) -> None:
    """Foundry's output logging reads the ids; a model that is not ours runs its forward."""
    dataset = build(batch_rows=2)
    assert len(dataset) == 3
    batch = dataset.collate_fn([2])
    # The longest prompts come first, so these are the shortest.
    assert tokenizer.batch_decode(batch["input_ids"]) == ["<fim_prefix><fim_suffix><fim_middle>"]
    batch = dataset.collate_fn([1])
    assert batch["input_ids"].shape == batch["attention_mask"].shape == batch["labels"].shape
    assert batch["attention_mask"].sum(dim=1).max() == batch["input_ids"].shape[1]
    assert dataset.get_num_samples_in_batch(batch) == 1
    assert dataset.get_effective_batch_size(64) == 1
    assert dataset.split_batch(batch, 1) == [batch]


def test_long_prompts_are_cut_and_counted(
    build: Callable[..., CodeEvaluationDataset], caplog: pytest.LogCaptureFixture
) -> None:
    dataset = build(max_seq_len=40)
    ids = dataset.collate_fn([0])["input_ids"]
    assert ids.shape[1] == 24
    assert dataset.settings()["prompt"]["cut"] == 1
    assert "1 prompts lose what goes beyond 24 tokens" in caplog.text


@pytest.mark.parametrize("greedy", [True, False])
def test_neighbours_in_the_batch_change_nothing(
    build: Callable[..., CodeEvaluationDataset], model: Any, greedy: bool
) -> None:
    """Padding on the left must be invisible, with the key-value cache and ALiBi."""
    keys = {} if greedy else {"n_samples": 4, "temperature": 0.9, "top_p": 0.95}
    alone = answers(model, build(batch_rows=1, **keys))
    assert len({row.completion for row in alone}) > 1
    assert answers(model, build(batch_rows=64, **keys)) == alone


def test_answers_end_with_their_first_line(
    build: Callable[..., CodeEvaluationDataset], model: Any
) -> None:
    """Stopping early leaves what cutting the whole text leaves."""
    keys = {"n_samples": 8, "temperature": 1.0, "max_new_tokens": 24}
    lines = [row.completion for row in answers(model, build(**keys))]
    whole = [row.completion for row in answers(model, build(rules="whole", **keys))]
    assert any("\n" in text.strip() for text in whole)
    assert lines == [first_line(text) for text in whole]


def test_programs_are_judged(build: Callable[..., CodeEvaluationDataset], model: Any) -> None:
    rows = answers(model, own(build))
    assert len(rows) == 30
    assert {row.passed for row in rows} == {False}
    assert {row.kind for row in rows} <= {"syntax", "assertion", "type", "name", "exception"}
    assert {row.exact for row in rows} == {None}


def test_judged_later_or_elsewhere(
    build: Callable[..., CodeEvaluationDataset],
    model: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # With nowhere to write to, answers that nobody judges are not generated.
    rows = answers(model, own(build, judge="later"))
    assert {row.completion for row in rows} == {row.passed for row in rows} == {None}
    monkeypatch.setattr(isolation, "trouble", lambda name: f"no {name} here")
    with pytest.raises(UserError, match="install bubblewrap"):
        own(build)
    own(build, judge="where_possible")
    assert "own_problems (py) is not judged here: " in caplog.text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"num_fewshot": 2}, r"num_fewshot` must be \[0\], got 2"),
        ({"max_new_tokens": 60}, r"max_new_tokens` leaves 4 tokens"),
        ({"max_new_tokens": 1.5}, r"max_new_tokens` must be an integer of at least 1, got 1.5"),
        ({"max_new_token": 4}, r"max_new_token` is not a known key \(did you mean"),
        ({"mode": "infilling"}, "mode` is not a known key"),
        ({"format": "mps"}, r"format` must be one of psm, spm1, spm2, got 'mps'"),
        ({"sentinels": {"prefix": "<PRE>"}}, "no token '<PRE>'"),
        ({"dataset_uri": "nowhere.jsonl"}, "nowhere.jsonl does not exist"),
        ({"dataset_uri": "hf://a/b"}, "must name a file of problems, got 'hf://a/b'"),
        ({"benchmark": "human_eval"}, r"must be one of .* \(did you mean 'humaneval'\?\)"),
        ({"rules": "thesis"}, "`rules` of infilling_problems must be one of first_line, whole"),
        ({"n_samples": 2}, "with `temperature` 0 all samples are equal"),
        ({"n_samples": 0}, "n_samples` must be an integer of at least 1, got 0"),
        ({"n_samples": True}, "n_samples` must be an integer of at least 1, got True"),
        ({"batch_size": 4}, r"batch_size` is not a known key \(did you mean 'batch_rows'\?\)"),
        ({"temperature": -1}, "`temperature` must be at least 0"),
        ({"temperature": "0.2"}, r"`icl_tasks\[\].temperature` must be a number, got '0.2'"),
        ({"temperature": None}, "temperature` must be a number, got None"),
        ({"temperature": math.inf}, "temperature` must be a number, got inf"),
        ({"top_p": "x"}, "top_p` must be a number, got 'x'"),
        ({"top_k": 2.5}, "top_k` must be a whole number, got 2.5"),
        ({"seed": None}, "seed` must be a whole number, got None"),
        ({"seed": "abc"}, "seed` must be a whole number, got 'abc'"),
        ({"benchmark": None}, "benchmark` must be a name, got None"),
        ({"rules": 3}, "rules` must be a text, or left out, got 3"),
        ({"sentinels": "<PRE>"}, "sentinels` must be a section of names, or left out, got '<PRE>'"),
        ({"decoding": "thesis"}, "decoding` must be one of greedy"),
        ({"judge": "never"}, "judge` must be one of always, where_possible, later"),
        ({"sandbox": {"isolate": "x"}}, r"sandbox.isolate` is not a known key"),
        ({"sandbox": None}, r"sandbox` must be a section of keys, got None"),
        ({"sandbox": 5}, r"sandbox` must be a section of keys, got 5"),
        ({"sandbox": {"workers": 0}}, "workers` must be a whole number of at least 1, got 0"),
        ({"sandbox": {"workers": "four"}}, "workers` must be a whole number .* got 'four'"),
        ({"sandbox": {"cpu_seconds": "3"}}, "cpu_seconds` must be a positive number, got '3'"),
        ({"sandbox": {"cpu_seconds": 9}}, r"cpu_seconds` is 9, above `sandbox.wall_seconds` 6.0"),
        ({"sandbox": {"memory_bytes": 1024}}, r"memory_bytes` must be at least 67108864 \(64 MB\)"),
        ({"sandbox": {"memory_bytes": 1e9}}, "memory_bytes` must be a positive whole number"),
        (
            {"sandbox": {"isolation": "docker"}, "judge": "where_possible"},
            "`isolation` must be one of auto, bubblewrap, namespaces, unsafe, got 'docker'",
        ),
        ({"samples_file": "nowhere.jsonl"}, "nowhere.jsonl does not exist"),
    ],
)
def test_mistakes_are_named(
    build: Callable[..., CodeEvaluationDataset], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(**keys)


def test_answers_of_others_follow_the_prompt_as_it_is(
    build: Callable[..., CodeEvaluationDataset], tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    lines = [
        json.dumps({"task_id": task.task_id, "completion": task.canonical})
        for task in own(build).tasks
    ]
    file.write_text("\n".join(lines) + "\n")
    others = {"samples_file": str(file), "n_samples": 1, "temperature": 0.0}
    # Nothing is generated, so nothing needs room beside the prompt.
    cramped = own(build, **others, max_seq_len=4)
    assert cramped.benchmark.rules == "openai"
    assert cramped.settings()["prompt"]["cut"] == 0
    assert cramped.settings()["samples_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert own(build, **others, rules="bigcode").benchmark.rules == "bigcode"
    assert own(build).benchmark.rules == "bigcode"


def test_formats_are_for_gaps(build: Callable[..., CodeEvaluationDataset]) -> None:
    with pytest.raises(UserError, match="are for benchmarks with gaps"):
        own(build, format="psm")


def test_a_benchmark_must_be_named(build: Callable[..., CodeEvaluationDataset]) -> None:
    with pytest.raises(UserError, match="benchmark` is missing"):
        TaskSettings.of({"n_samples": 1})
    named = TaskSettings.of({"benchmark": "mbpp", "decoding": "thesis_top_p_pass_at_1"})
    assert (named.how.temperature, named.how.top_p) == (0.2, 0.96)
    replaced = {"benchmark": "mbpp", "decoding": "thesis_top_p_pass_at_1", "temperature": 0.5}
    assert TaskSettings.of(replaced).how.temperature == 0.5


def test_settings_tell_what_decides_an_answer(build: Callable[..., CodeEvaluationDataset]) -> None:
    settings = own(build, seed=3).settings()
    assert settings["benchmark"] == "humaneval"
    assert settings["rules"] == "bigcode"
    assert settings["judged"] == "tests"
    assert settings["languages"] == ["py"]
    assert settings["decoding"]["temperature"] == 0.9
    assert settings["seed"] == 3
    assert settings["prompt"]["text"] == "stripped"
    assert settings["prompt"]["order"] == "left_to_right"
    assert own(build, rules="openai").settings()["prompt"]["text"] == "as it is"
    assert build().settings()["prompt"]["order"] == "psm"
