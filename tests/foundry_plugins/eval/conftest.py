# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny vocabulary, documents as ``convert_dataset`` keeps them, and a tiny model."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS
from foundry_plugins.contract.split_patterns import QWEN2

CODE = """def add(first, second):
    # a comment
    total = first + second
    return total


class Stack:
    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()
"""


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SENTINELS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([CODE] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END_OF_TEXT, pad_token=PAD)


@pytest.fixture
def write_documents(tmp_path: Path) -> Callable[..., Path]:
    """Writes documents given as (split, path, text), a file for each call, and gives the folder."""

    def write(*documents: tuple[str, str, str]) -> Path:
        folder = tmp_path / "documents"
        folder.mkdir(exist_ok=True)
        lines = [
            json.dumps({"split": split, "path": path, "text": text, "language": "python"})
            for split, path, text in documents
        ]
        data = zstandard.ZstdCompressor().compress("".join(f"{line}\n" for line in lines).encode())
        (folder / f"{len(list(folder.iterdir())):05d}.jsonl.zst").write_bytes(data)
        return folder

    return write


@pytest.fixture(scope="session")
def model_section(tokenizer: Any) -> dict[str, Any]:
    """The ``model:`` section of a YAML, small enough to evaluate in milliseconds."""
    return {
        "name": "code_mpt_causal_lm",
        "init_device": "cpu",
        "d_model": 32,
        "n_heads": 2,
        "n_layers": 2,
        "expansion_ratio": 2,
        "max_seq_len": 96,
        "vocab_size": len(tokenizer) + 7,
        # Wide enough that an untrained model does not repeat one token.
        "init_config": {"name": "baseline_", "init_std": 0.5},
    }


PROBLEMS = [
    {"task_id": "0", "prefix": "def add(first", "middle": ", second", "suffix": "):\n"},
    {"task_id": "1", "prefix": "", "middle": "x = 1", "suffix": ""},
    {"task_id": "2", "prefix": "class Stack:\n" * 9, "middle": "    def", "suffix": " pop" * 9},
    {"task_id": "3", "prefix": "return ", "middle": "total", "suffix": "\n\nclass Stack:\n"},
    {"task_id": "4", "prefix": "self.items", "middle": ".pop()", "suffix": "\n"},
]


@pytest.fixture
def problem_file(tmp_path: Path) -> Path:
    return write_problems(tmp_path / "problems.jsonl", PROBLEMS)


def write_problems(path: Path, problems: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return path


@pytest.fixture
def build(problem_file: Path, tokenizer: Any) -> Callable[..., Any]:
    """Builds the dataset with the arguments that Foundry passes, and those of the YAML."""
    from foundry_plugins.eval.code_evaluation import CodeEvaluationDataset

    def build(**keys: Any) -> CodeEvaluationDataset:
        given = {
            "dataset_uri": str(problem_file),
            "tokenizer": tokenizer,
            "max_seq_len": 64,
            "pad_tok_id": tokenizer.pad_token_id,
            "num_fewshot": 0,
            "hf_loading_vars": {},
            "hf_parsing_map": {},
            "destination_path": str(problem_file.parent / "unused"),
            "benchmark": "infilling_problems",
            "max_new_tokens": 16,
        }
        return CodeEvaluationDataset(**{**given, **keys})

    return build


@pytest.fixture
def build_model(model_section: dict[str, Any], tokenizer: Any) -> Callable[..., Any]:
    """Builds the section's model with the same weights every time; keys replace the section's."""

    def build_model(**keys: Any) -> Any:
        import torch
        from llmfoundry.utils.builders import build_composer_model

        torch.manual_seed(0)
        section = {**copy.deepcopy(model_section), **keys}
        name = section.pop("name")
        return build_composer_model(name=name, cfg=section, tokenizer=tokenizer).eval()

    return build_model


@pytest.fixture
def model(build_model: Callable[..., Any]) -> Any:
    return build_model()


@pytest.fixture
def solvable(build: Callable[..., Any], model: Any, problem_file: Path) -> Path:
    """Problems whose rows 0 and 2 hide what the untrained model writes there: 2 of 5 match."""
    dataset, problems = build(batch_rows=2), copy.deepcopy(PROBLEMS)
    answers = [model.eval_forward(dataset.collate_fn([item])) for item in range(len(dataset))]
    written = {row.task: row.completion for batch in answers for row in batch.rows}
    for row in (0, 2):
        problems[row]["middle"] = written[row]
        assert written[row].strip()
    return write_problems(problem_file, problems)
