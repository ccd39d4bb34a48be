# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The dataset, the metrics and the table where users meet them: in Foundry's own entry points."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from composer import DataSpec, Trainer
from composer.optim import DecoupledSGDW
from llmfoundry import registry
from llmfoundry.command_utils.eval import evaluate
from llmfoundry.utils.builders import (
    build_composer_model,
    build_evaluators,
    build_icl_evaluators,
)
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from foundry_plugins.callbacks.code_evaluation_results import CodeEvaluationResults
from foundry_plugins.callbacks.evaluation_table import EvaluationTable
from foundry_plugins.contract.errors import UserError

ROWS = 6
LENGTH = 12


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Foundry puts a path below the working directory together for every task.
    monkeypatch.chdir(tmp_path)


def counted_rows(vocab_size: int = 300) -> list[dict[str, torch.Tensor]]:
    """Rows as a loader that counts bytes gives them; the last two are partly padding."""
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(0, vocab_size, (ROWS, LENGTH), generator=generator)
    labels = ids.clone()
    labels[-2:, 7:] = -100
    num_bytes = torch.tensor([30, 31, 32, 33, 12, 13])
    return [
        {"input_ids": i, "labels": y, "num_bytes": n}
        for i, y, n in zip(ids, labels, num_bytes, strict=True)
    ]


class CountedRows(list[dict[str, torch.Tensor]]):
    """A list that DataLoader takes as a dataset."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(counted_rows())
        self.tokenizer = tokenizer


def counted_loader(tokenizer: Any, device_batch_size: int) -> DataSpec:
    return DataSpec(DataLoader(CountedRows(tokenizer), batch_size=device_batch_size))


def expected_losses(model: Any) -> tuple[float, float]:
    """Nats per token and bits per byte by the definitions, in float64 and one token at a time."""
    nats = tokens = num_bytes = 0.0
    for row in counted_rows():
        with torch.no_grad():
            logits = model.model(input_ids=row["input_ids"][None]).logits[0].double()
        for t in range(1, LENGTH):
            if row["labels"][t] >= 0:
                nats -= logits[t - 1].log_softmax(0)[row["labels"][t]].item()
                tokens += 1
        num_bytes += row["num_bytes"].item()
    return nats / tokens, nats / math.log(2) / num_bytes


GAUNTLET = {
    "weighting": "EQUAL",
    "subtract_random_baseline": False,
    "rescale_accuracy": False,
    "averages": {"all": ["infilling"]},
    "categories": [
        {
            "name": "infilling",
            "benchmarks": [{"name": "infilling", "num_fewshot": 0, "random_baseline": 0.0}],
        }
    ],
}


def icl_tasks(problem_file: Path) -> list[dict[str, Any]]:
    return [
        {
            "label": "infilling",
            "icl_task_type": "code_evaluation",
            "dataset_uri": str(problem_file),
            "metric_names": ["InfillExactMatchAccuracy"],
            "num_fewshot": [0],
            "max_seq_len": 64,
            "benchmark": "infilling_problems",
            "max_new_tokens": 16,
            "batch_rows": 2,
        },
        {
            "label": "own",
            "icl_task_type": "code_evaluation",
            "dataset_uri": "own_problems",
            "metric_names": ["CodePassAt1Accuracy", "CodePassAt10Accuracy"],
            "num_fewshot": [0],
            "max_seq_len": 400,
            "benchmark": "humaneval",
            "n_samples": 3,
            "temperature": 0.9,
            "max_new_tokens": 4,
            "batch_rows": 12,
        },
    ]


def test_llmfoundry_eval(
    solvable: Path,
    model: Any,
    model_section: dict[str, Any],
    tokenizer: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry.dataloaders.register("counted_rows", func=counted_loader)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    trainer = Trainer(model=model, device="cpu", progress_bar=False, log_to_console=False)
    trainer.save_checkpoint(str(tmp_path / "model.pt"), weights_only=True)
    trainer.close()
    config = {
        "max_seq_len": 64,
        "device_eval_batch_size": 4,
        "precision": "fp32",
        "seed": 1,
        "log_config": False,
        # Any level would replace pytest's log handlers.
        "python_log_level": None,
        "load_path": str(tmp_path / "model.pt"),
        "tokenizer": {"name": str(tmp_path / "tokenizer"), "kwargs": {}},
        "model": copy.deepcopy(model_section),
        "eval_loader": [
            {"label": "first", "name": "counted_rows"},
            {"label": "second", "name": "counted_rows"},
        ],
        "icl_tasks": icl_tasks(solvable),
        # The host's own callback reads attributes of the dataset and what the metric returns.
        "callbacks": {
            "code_evaluation_results": {"folder": "results"},
            "evaluation_table": {"path": "out/table.json"},
            "eval_output_logging": {},
        },
        "eval_gauntlet": GAUNTLET,
    }
    evaluate(OmegaConf.create(config))
    report = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [row["label"] for row in report["evaluators"]] == [
        "eval/first",
        "eval/second",
        "infilling/0-shot",
        "own/0-shot",
    ]
    first, second, infilling, own = report["evaluators"]
    nats_per_token, bits_per_byte = expected_losses(model)
    assert first["metrics"]["LanguageCrossEntropy"] == pytest.approx(nats_per_token, rel=1e-5)
    assert first["metrics"]["BitsPerByte"] == pytest.approx(bits_per_byte, rel=1e-5)
    assert second["metrics"] == first["metrics"]
    assert first["samples"] == ROWS
    assert infilling["metrics"] == {"InfillExactMatchAccuracy": pytest.approx(0.4)}
    assert infilling["samples"] == 5
    # Three samples are too few for pass@10.
    assert own["metrics"] == {"CodePassAt1Accuracy": 0.0, "CodePassAt10Accuracy": None}
    assert own["samples"] == 30
    printed = capsys.readouterr().out
    assert "bits/byte" in printed
    assert "40.00 %" in printed
    # Foundry's own table shows it too.
    assert "| infilling" in printed
    assert "| own" in printed
    written = (tmp_path / "results/own/samples-0.jsonl").read_text().splitlines()
    assert len(written) == 30


@pytest.mark.parametrize("name", ["CodePasAt1Accuracy", "pass_at_1"])
def test_a_metric_that_there_is_not_ends_it_before_any_answer(
    name: str, problem_file: Path, model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    """Composer would pass over the name, and give no figure after hours."""
    configured = icl_tasks(problem_file)
    configured[1]["metric_names"] = ["CodePassAt10Accuracy", name]
    evaluators, _ = build_icl_evaluators(configured, tokenizer, 64, 2)
    keep = CodeEvaluationResults(folder=str(tmp_path / "results"))
    trainer = Trainer(
        model=model, device="cpu", progress_bar=False, log_to_console=False, callbacks=[keep]
    )
    with pytest.raises(UserError) as raised:
        trainer.eval(eval_dataloader=evaluators)
    assert f"metric_names` of own/0-shot must be names of metrics, got {name!r}" in str(
        raised.value
    )
    assert "have CodePassAt1Accuracy, CodePassAt10Accuracy" in str(raised.value)
    assert not (tmp_path / "results").exists()


def test_in_training(
    solvable: Path, model: Any, tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evaluated every other batch; training batches of such a model do not disturb the metrics."""
    evaluators, _, gauntlet = build_evaluators(
        None,
        icl_tasks(solvable),
        GAUNTLET,
        tokenizer=tokenizer,
        device_eval_batch_size=2,
        icl_seq_len=64,
        icl_subset_num_batches=None,
    )
    trainer = Trainer(
        model=model,
        train_dataloader=counted_loader(tokenizer, 2),
        eval_dataloader=evaluators,
        eval_interval="2ba",
        max_duration="4ba",
        # A rate of 0: the middles that the fixture recorded stay what the model writes.
        optimizers=DecoupledSGDW(model.parameters(), lr=0.0),
        callbacks=[
            EvaluationTable(path=str(tmp_path / "table.json")),
            CodeEvaluationResults(folder=str(tmp_path / "results")),
            gauntlet,
        ],
        device="cpu",
        progress_bar=False,
        log_to_console=False,
    )
    trainer.fit()
    trainer.close()
    printed = capsys.readouterr().out
    assert printed.count("infilling/0-shot") == 2
    assert "Evaluation after 2 batches" in printed
    report = json.loads((tmp_path / "table.json").read_text())
    assert report["batch"] == 4
    assert report["evaluators"][0]["metrics"]["InfillExactMatchAccuracy"] == pytest.approx(0.4)
    assert gauntlet.extract_metrics_from_state(trainer.state)["infilling/0-shot"] == (
        pytest.approx(0.4)
    )
    assert trainer.state.train_metric_values["BitsPerByte"].item() > 0
    # Each evaluation has a folder of its own; at a rate of 0 the weights are the same.
    folders = [tmp_path / f"results/infilling/ba{batch}" for batch in (2, 4)]
    settings = [json.loads((folder / "settings.json").read_text()) for folder in folders]
    assert settings[0]["weights"] == settings[1]["weights"]
    samples = [(folder / "samples-0.jsonl").read_text() for folder in folders]
    assert samples[0] == samples[1]


def test_async_evaluation_takes_the_tasks(solvable: Path) -> None:
    """Its configuration is derived from the training YAML; a cloud launches it.

    Foundry leaves callbacks out of it, so it has metrics and no folder of results.
    """
    from llmfoundry.callbacks.async_eval_callback import get_eval_parameters

    parameters = {
        **{"max_seq_len": 64, "device_eval_batch_size": 1, "icl_tasks": icl_tasks(solvable)},
        "model": {"name": "code_mpt_causal_lm"},
        "tokenizer": {"name": "t"},
        "callbacks": {"code_evaluation_results": {"folder": "results"}},
    }
    found = get_eval_parameters(parameters, "folder/ep0-ba2-rank0.pt", "run")
    assert found["icl_tasks"] == icl_tasks(solvable)
    assert "callbacks" not in found


def test_other_models_are_told(problem_file: Path, tokenizer: Any) -> None:
    """Foundry's own model class runs one batch forward and is refused."""
    model = build_composer_model(
        name="mpt_causal_lm",
        cfg={
            **{"d_model": 32, "n_heads": 2, "n_layers": 1, "max_seq_len": 96, "vocab_size": 512},
            **{"loss_fn": "torch_crossentropy", "attn_config": {"attn_impl": "torch"}},
            "additional_train_metrics": ["infill_exact_match"],
        },
        tokenizer=tokenizer,
    )
    evaluators, _ = build_icl_evaluators(icl_tasks(problem_file)[:1], tokenizer, 64, 2)
    trainer = Trainer(model=model, device="cpu", progress_bar=False, log_to_console=False)
    with pytest.raises(UserError, match=r"`model\.name` to `code_hf_causal_lm`"):
        trainer.eval(eval_dataloader=evaluators)
