# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Several processes: equal samples however many there are and wherever the weights lie."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

SECONDS = 120.0
SHARDED = {"fsdp": {"state_dict_type": "sharded"}}


def tasks(problems: Path) -> list[dict[str, Any]]:
    """Three batches of the first, so that one of two ranks gets one again; then one for two."""
    common = {"icl_task_type": "code_evaluation", "num_fewshot": [0], "max_seq_len": 96}
    return [
        {
            **common,
            **{"label": "infilling", "benchmark": "infilling_problems", "batch_rows": 2},
            **{"dataset_uri": str(problems), "metric_names": ["InfillExactMatchAccuracy"]},
            **{"max_seq_len": 64, "max_new_tokens": 16},
        },
        {
            **common,
            **{"label": "own", "benchmark": "humaneval", "batch_rows": 30},
            **{"dataset_uri": "own_problems", "metric_names": ["CodePassAt1Accuracy"]},
            **{"n_samples": 3, "temperature": 0.9, "max_new_tokens": 4},
        },
    ]


def evaluate(folder: Path, problems: Path, model: Any, tokenizer: Any, **settings: Any) -> Any:
    """Metrics of the tasks and the table's numbers of samples; results go to a folder."""
    from composer import Trainer
    from llmfoundry.utils.builders import build_icl_evaluators

    from foundry_plugins.callbacks.code_evaluation_results import CodeEvaluationResults

    evaluators, _ = build_icl_evaluators(tasks(problems), tokenizer, 64, 2)
    trainer = Trainer(
        model=model,
        callbacks=[CodeEvaluationResults(folder=str(folder), model="tiny")],
        device="cpu",
        progress_bar=False,
        log_to_console=False,
        **settings,
    )
    trainer.eval(eval_dataloader=evaluators)
    return {
        name: metric.compute().item()
        for metrics in trainer.state.eval_metrics.values()
        for name, metric in metrics.items()
    }


@contextlib.contextmanager
def rank_of(rank: int, ranks: int, port: int) -> Iterator[None]:
    os.environ.update(
        **{"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank)},
        **{"LOCAL_WORLD_SIZE": str(ranks), "NODE_RANK": "0", "GLOO_SOCKET_IFNAME": "lo"},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "FSDP_VERSION": "2"},
    )
    torch.set_num_threads(1)
    from composer.utils import dist

    dist.initialize_dist("cpu", timeout=60)
    yield


def run_ranks(ranks: int, work: Callable[[int], None]) -> list[int]:
    """Exit codes of processes that each do the work as one rank."""
    if torch.distributed.is_initialized():  # by an earlier test, as the only rank
        torch.distributed.destroy_process_group()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = []
    for rank in range(ranks):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with rank_of(rank, ranks, port):
                    work(rank)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    return wait_for(children)


def wait_for(children: list[int]) -> list[int]:
    """Exit codes; children that are still running at the end of the time are killed."""
    deadline = time.monotonic() + SECONDS
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


def samples(folder: Path) -> dict[tuple[str, int], str]:
    """Of a task's folder, each written once."""
    lines = [
        json.loads(line)
        for path in folder.glob("samples-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    found = {(line["task_id"], line["sample"]): line["completion"] for line in lines}
    assert len(found) == len(lines)
    return found


@pytest.mark.parametrize("kind", ["copies", "shards", "three"])
def test_ranks_change_nothing(
    kind: str, solvable: Path, model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    """A sampler repeats batches to make ranks equal; those are not counted or written again.

    With three ranks one of them has nothing but such a batch of the second task.
    """
    ranks = 3 if kind == "three" else 2
    settings = {"parallelism_config": SHARDED} if kind == "shards" else {}

    def work(rank: int) -> None:
        own = tmp_path / f"rank{rank}"  # working directories may differ
        own.mkdir()
        os.chdir(own)
        found = evaluate(tmp_path / "many", solvable, model, tokenizer, **settings)
        (tmp_path / f"{rank}.json").write_text(json.dumps(found))

    one = evaluate(tmp_path / "one", solvable, copy.deepcopy(model), tokenizer)
    assert one == {
        "InfillExactMatchAccuracy": pytest.approx(0.4),
        "CodePassAt1Accuracy": 0.0,
    }
    assert run_ranks(ranks, work) == [0] * ranks
    for rank in range(ranks):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == pytest.approx(one)
    for label, rows in (("infilling", 5), ("own", 30)):
        alone, together = (samples(tmp_path / where / label) for where in ("one", "many"))
        assert alone == together
        assert len(alone) == rows
        texts = [(tmp_path / where / label / "settings.json") for where in ("one", "many")]
        assert texts[0].read_text() == texts[1].read_text()  # the weights' checksum too
    # Another number of processes goes on with the folder, and has nothing left to do.
    before = contents(tmp_path / "many")
    again = evaluate(tmp_path / "many", solvable, model, tokenizer)
    assert again == pytest.approx(one)
    assert contents(tmp_path / "many") == before


def contents(folder: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in folder.rglob("*-[0-9].jsonl")}


def test_a_killed_run_goes_on(
    problem_file: Path, model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    """Killed once its second batch is written, in the middle of whatever comes then."""
    whole = evaluate(tmp_path / "whole", problem_file, copy.deepcopy(model), tokenizer)
    path = tmp_path / "killed/own/samples-0.jsonl"
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            evaluate(tmp_path / "killed", problem_file, model, tokenizer)
        os._exit(0)
    deadline = time.monotonic() + SECONDS
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert not (tmp_path / "killed/own/report.json").exists()
    assert evaluate(tmp_path / "killed", problem_file, model, tokenizer) == pytest.approx(whole)
    for label in ("infilling", "own"):
        assert samples(tmp_path / "killed" / label) == samples(tmp_path / "whole" / label)
