# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The dataset, the metrics and the table where users meet them: in Foundry's own entry points."""

from __future__ import annotations

import copy
import json
import math
import os
import socket
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from composer import DataSpec, Trainer
from composer.optim import DecoupledSGDW
from llmfoundry import registry
from llmfoundry.command_utils.eval import evaluate
from llmfoundry.utils.builders import build_icl_evaluators
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from foundry_plugins.callbacks.evaluation_table import EvaluationTable

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


def icl_tasks(problem_file: Path) -> list[dict[str, Any]]:
    return [
        {
            "label": "infilling",
            "icl_task_type": "code_evaluation",
            "dataset_uri": str(problem_file),
            "metric_names": ["InfillExactMatchAccuracy"],
            "num_fewshot": [0],
            "max_seq_len": 64,
            "max_new_tokens": 16,
            "batch_size": 2,
        }
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
        "callbacks": {"evaluation_table": {"path": "out/table.json"}, "eval_output_logging": {}},
    }
    evaluate(OmegaConf.create(config))
    report = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [row["label"] for row in report["evaluators"]] == [
        "eval/first",
        "eval/second",
        "infilling/0-shot",
    ]
    first, second, infilling = report["evaluators"]
    nats_per_token, bits_per_byte = expected_losses(model)
    assert first["metrics"]["LanguageCrossEntropy"] == pytest.approx(nats_per_token, rel=1e-5)
    assert first["metrics"]["BitsPerByte"] == pytest.approx(bits_per_byte, rel=1e-5)
    assert second["metrics"] == first["metrics"]
    assert first["samples"] == ROWS
    assert infilling["metrics"] == {"InfillExactMatchAccuracy": pytest.approx(0.4)}
    assert infilling["samples"] == 5
    printed = capsys.readouterr().out
    assert "bits/byte" in printed
    assert "40.00 %" in printed
    # Foundry's own table shows it too.
    assert printed.count("| infilling") == 1


def test_in_training(
    solvable: Path, model: Any, tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evaluated every other batch; training batches of such a model do not disturb the metrics."""
    evaluators, _ = build_icl_evaluators(icl_tasks(solvable), tokenizer, 64, 2)
    trainer = Trainer(
        model=model,
        train_dataloader=counted_loader(tokenizer, 2),
        eval_dataloader=evaluators,
        eval_interval="2ba",
        max_duration="4ba",
        # A rate of 0: the middles that the fixture recorded stay what the model writes.
        optimizers=DecoupledSGDW(model.parameters(), lr=0.0),
        callbacks=[EvaluationTable(path=str(tmp_path / "table.json"))],
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
    assert trainer.state.train_metric_values["BitsPerByte"].item() > 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def evaluate_as_rank(rank: int, port: int, problems: Path, model: Any, tokenizer: Any) -> None:
    """One rank of two, in a folder of its own: nothing may be exchanged through files."""
    os.environ.update(
        RANK=str(rank),
        WORLD_SIZE="2",
        LOCAL_RANK=str(rank),
        LOCAL_WORLD_SIZE="2",
        NODE_RANK="0",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    torch.set_num_threads(1)
    from composer.utils import dist

    dist.initialize_dist("cpu", timeout=60)
    folder = problems.parent / f"rank{rank}"
    folder.mkdir()
    os.chdir(folder)
    evaluators, _ = build_icl_evaluators(icl_tasks(problems), tokenizer, 64, 2)
    table = EvaluationTable(path=str(folder / "table.json"))
    trainer = Trainer(
        model=model, callbacks=[table], device="cpu", progress_bar=False, log_to_console=False
    )
    trainer.eval(eval_dataloader=evaluators)
    metric = trainer.state.eval_metrics["infilling/0-shot"]["InfillExactMatchAccuracy"]
    counts = [int(metric.matches), int(metric.total)]
    (folder / "counts.json").write_text(json.dumps([metric.compute().item(), counts]))


def test_two_ranks(solvable: Path, model: Any, tokenizer: Any, tmp_path: Path) -> None:
    """Five problems on two ranks: the sampler's repeated row is dropped, the result that of one."""
    if torch.distributed.is_initialized():  # by an earlier test, as the only rank
        torch.distributed.destroy_process_group()
    port, children = free_port(), []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                evaluate_as_rank(rank, port, solvable, model, tokenizer)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    assert wait_for(children) == [0, 0]
    shares = [json.loads((tmp_path / f"rank{r}" / "counts.json").read_text()) for r in range(2)]
    assert shares[0][0] == shares[1][0] == pytest.approx(0.4)
    assert sum(total for _, (_, total) in shares) == 5
    # Only rank 0 reports.
    assert (
        json.loads((tmp_path / "rank0" / "table.json").read_text())["evaluators"][0]["samples"] == 5
    )
    assert not (tmp_path / "rank1" / "table.json").exists()


def wait_for(children: list[int], seconds: float = 60.0) -> list[int]:
    """Exit codes; children that are still running at the end of the time are killed."""
    deadline = time.monotonic() + seconds
    codes: dict[int, int] = {}
    while len(codes) < len(children):
        for child in children:
            if child not in codes:
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    codes[child] = os.waitstatus_to_exitcode(status)
                elif time.monotonic() > deadline:
                    os.kill(child, 9)
        time.sleep(0.05)
    return [codes[child] for child in children]
