# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The YAMLs of ``yamls/eval``: each runs under ``llmfoundry eval``, at tiny size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from foundry_plugins.eval import benchmarks, decodings
from foundry_plugins.eval.eval_data import SOURCES
from foundry_plugins.eval.sandbox import languages
from foundry_plugins.eval.tasks import OWN_FILE

FOLDER = Path(__file__).resolve().parents[3] / "yamls" / "eval"
YAMLS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
MBPP = {
    **{"task_id": 11, "text": "Double a number.", "code": "def double(x):\n    return 2 * x"},
    **{"test_list": ["assert double(2) == 4"], "test_setup_code": ""},
}
GAP = {
    **{"task_id": "0", "entry_point": "double", "prompt": "def double(x):\n"},
    **{"suffix": "    return y\n", "canonical_solution": "    y = 2 * x\n"},
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
FIM = {"language": "py", "prompt": "a", "suffix": "c", "canonical_solution": "b"}


def records(name: str) -> list[dict[str, Any]]:
    """Two problems or one in the fields of a benchmark file."""
    if name.startswith("humaneval_infilling"):
        return [GAP]
    if name.startswith("multipl_e"):
        prompt = "def double(x):\n" if name.endswith("py") else "double(x) {\n"
        fields = {"name": "0", "language": name.removeprefix("multipl_e_"), "prompt": prompt}
        return [{**fields, "tests": "assert double(2) == 4", "stop_tokens": ["\n}"]}]
    if name == "mbpp":
        return [MBPP]
    if name == "santacoder_fim":
        return [FIM]
    return [json.loads(line) for line in OWN_FILE.read_text().splitlines()[:2]]


@pytest.fixture(scope="module")
def hf(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of transformers with its tokenizer, as a folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("hf")
    config = LlamaConfig(
        **{"vocab_size": 400, "hidden_size": 16, "intermediate_size": 16},
        **{"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 256},
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def small(name: str, hf: Path, tmp_path: Path) -> Any:
    """A YAML with few short samples, and its benchmark files."""
    config = OmegaConf.load(FOLDER / f"{name}.yaml")
    config.variables.update(model=str(hf), data=str(tmp_path), output=str(tmp_path / "out"))
    config.update(precision="fp32", max_seq_len=256, python_log_level=None)
    judged = set()
    for task in config.icl_tasks:
        benchmark = Path(task.dataset_uri).stem
        text = "".join(json.dumps(record) + "\n" for record in records(benchmark))
        (tmp_path / Path(task.dataset_uri).name).write_text(text)
        most = 10 if any("PassAt10A" in metric for metric in task.metric_names) else 2
        task.update(n_samples=min(task.get("n_samples", 1), most), max_new_tokens=4)
        if task.benchmark in judged:
            task.judge = "later"  # sandboxes take their time to start
        judged.add(task.benchmark)
    return config


@pytest.mark.parametrize("name", YAMLS)
def test_runs(name: str, hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmfoundry.command_utils.eval import evaluate

    monkeypatch.chdir(tmp_path)
    config = small(name, hf, tmp_path)
    tasks = [dict(task) for task in config.icl_tasks]
    evaluate(config)
    table = json.loads((tmp_path / "out/table.json").read_text())["evaluators"]
    assert [row["label"] for row in table] == [f"{task['label']}/0-shot" for task in tasks]
    for task, row in zip(tasks, table, strict=True):
        folder = tmp_path / "out" / task["label"]
        report = json.loads((folder / "report.json").read_text())
        assert report["samples"] == row["samples"] == report["tasks"] * task["n_samples"]
        people = task["benchmark"] == "code_explanation"
        judged = not people and (
            task.get("judge") != "later" or task["benchmark"] == "santacoder_fim"
        )
        assert report["verdicts"] == (report["samples"] if judged else 0)
        assert set(row["metrics"]) == set(task["metric_names"])
        for metric, value in row["metrics"].items():
            counted = metric == "InfillExactMatchAccuracy" or (judged and "At100" not in metric)
            assert (value is not None) is counted


def test_the_files_are_those_that_eval_data_writes() -> None:
    for name in YAMLS:
        for task in OmegaConf.load(FOLDER / f"{name}.yaml").icl_tasks:
            assert Path(task.dataset_uri).stem in SOURCES


def test_every_benchmark_language_and_setting_is_shown() -> None:
    configs = {name: OmegaConf.load(FOLDER / f"{name}.yaml") for name in YAMLS}
    tasks = [task for config in configs.values() for task in config.icl_tasks]
    # Problems that one makes oneself are in the quickstart's.
    assert {task.benchmark for task in tasks} == set(benchmarks.NAMES) - {"infilling_problems"}
    shown = {task.label.removeprefix("multipl_e_") for task in configs["multipl_e"].icl_tasks}
    assert shown == {"py", *languages.NAMES}
    named = {task.get("decoding") for task in configs["thesis"].icl_tasks}
    assert named == {name for name in decodings.DECODINGS if name.startswith("thesis")}
