# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What it writes in real evaluations is in ``eval/test_ranks.py`` and ``test_under_foundry.py``."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.core import Precision, Timestamp
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerFast

from foundry_plugins.callbacks.code_evaluation_results import CodeEvaluationResults
from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.code_evaluation import CodeEvaluationDataset
from foundry_plugins.eval.sandbox import isolation, languages


@pytest.fixture(scope="module")
def dataset() -> CodeEvaluationDataset:
    vocabulary = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    return CodeEvaluationDataset(
        *("own_problems", tokenizer, 999, 0), benchmark="humaneval", max_new_tokens=8
    )


def state(dataset: Any, weight: float = 0.5, batch: int = 0) -> Any:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, weight)
    torch.nn.init.zeros_(model.bias)
    return SimpleNamespace(
        dataloader=DataLoader(dataset),
        dataloader_label="own/0-shot",
        model=model,
        run_name="a run",
        timestamp=Timestamp(batch=batch),
        precision=Precision.FP32,
        evaluators=[],
    )


def evaluate(callback: CodeEvaluationResults, state: Any) -> None:
    callback.eval_start(state, None)  # type: ignore[arg-type]
    callback.eval_end(state, None)  # type: ignore[arg-type]


def test_a_folder_for_each_task(dataset: CodeEvaluationDataset, tmp_path: Path) -> None:
    evaluate(CodeEvaluationResults(folder=str(tmp_path)), state(dataset))
    folder = tmp_path / "own"
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["model"] == "a run"
    assert settings["weights"] == f"{0x3F000000:016x}"
    versions = json.loads((folder / "versions.json").read_text())
    assert versions["packages"]["torch"] == torch.__version__
    assert versions["isolation"] == isolation.find().name
    assert versions["limits"]["cpu_seconds"] == 3.0
    assert len((folder / "tasks.jsonl").read_text().splitlines()) == 10
    report = json.loads((folder / "report.json").read_text())
    assert (report["tasks"], report["samples"], report["pass_at_k"]) == (10, 0, {})


def test_other_weights_are_refused_and_other_names_are_not(
    dataset: CodeEvaluationDataset, tmp_path: Path
) -> None:
    evaluate(CodeEvaluationResults(folder=str(tmp_path)), state(dataset))
    evaluate(CodeEvaluationResults(folder=str(tmp_path), model="other"), state(dataset))
    with pytest.raises(UserError, match="holds results with `weights` '000000003f000000', now"):
        evaluate(CodeEvaluationResults(folder=str(tmp_path)), state(dataset, 0.25))


def test_a_folder_for_each_evaluation_of_a_training_run(
    dataset: CodeEvaluationDataset, tmp_path: Path
) -> None:
    callback = CodeEvaluationResults(folder=str(tmp_path))
    for batch, weight in ((10, 0.5), (20, 0.25)):
        now = state(dataset, weight, batch)
        callback.eval_before_all(now, None)  # type: ignore[arg-type]
        evaluate(callback, now)
    assert {path.name for path in (tmp_path / "own").iterdir()} == {"ba10", "ba20"}
    # The evaluation after training is one outside of it.
    callback.eval_standalone_start(state(dataset), None)  # type: ignore[arg-type]
    evaluate(callback, state(dataset))
    assert (tmp_path / "own/settings.json").exists()


def test_other_data_sets_are_left_alone(tmp_path: Path) -> None:
    evaluate(CodeEvaluationResults(folder=str(tmp_path)), state([1, 2]))
    assert not list(tmp_path.iterdir())


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="folder` must name a folder"):
        CodeEvaluationResults()
    with pytest.raises(UserError, match=r"results\.foldr` is not a known key"):
        CodeEvaluationResults(foldr="x")


def test_a_missing_tool_chain_is_told_before_generation(
    tmp_path: Path, dataset: CodeEvaluationDataset, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    path = tmp_path / "problems.jsonl"
    fields = {"name": "0", "prompt": "", "tests": "", "stop_tokens": []}
    lines = [{**fields, "language": name} for name in ("js", "py")]
    path.write_text("".join(json.dumps({**line, "prompt": "def f():\n"}) + "\n" for line in lines))
    monkeypatch.setattr(languages.language.Language, "missing", lambda self: ["node"])
    found = CodeEvaluationDataset(
        *(str(path), dataset.tokenizer, 99, 0), benchmark="multipl_e", max_new_tokens=8
    )
    assert list(found.lacking) == ["js"]
    assert "(js) is not judged here: needs node: " in caplog.text
    evaluate(CodeEvaluationResults(folder=str(tmp_path / "out")), state(found))
    versions = json.loads((tmp_path / "out/own/versions.json").read_text())
    assert list(versions["not_judged"]) == ["js"]
