# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The report against a slow computation from logits, in one process."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.callbacks.fim_report import FimReport, figures
from foundry_plugins.contract.errors import UserError
from foundry_plugins.data.report import ReportGroups
from tests.foundry_plugins.data.written_shards import load_tokenizer, loader

FIM = {"rate": 0.7, "spm_rate": 0.5, "seed": 3, "reseed_each_epoch": False}


@pytest.fixture(scope="module")
def model(root: Path) -> Any:
    from foundry_plugins.models.causal_lm import ComposerCodeMPTCausalLM

    torch.manual_seed(0)
    sizes = {"d_model": 32, "n_heads": 4, "n_layers": 1, "max_seq_len": 64, "vocab_size": 512}
    return ComposerCodeMPTCausalLM(tokenizer=load_tokenizer(root), **sizes)


def eval_spec(root: Path, **section: Any) -> Any:
    common = {"local": str(root / "data"), "split": "validation", "fim": FIM, "report": True}
    return loader(load_tokenizer(root), **{**common, **section})


def slowly(root: Path, model: Any) -> dict[str, float]:
    """One token after the other, told apart by the sentinels that are seen in the row."""
    tokenizer = load_tokenizer(root)
    ids = tokenizer.convert_tokens_to_ids
    prefix, suffix = ids("<fim_prefix>"), ids("<fim_suffix>")
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0, 0])
    spec = eval_spec(root, sequence_id=True)
    dataset = spec.dataloader.dataset
    for row in dataset:
        tokens = torch.from_numpy(row["input_ids"])[None]
        sample, _ = dataset.stored(row["number"])
        with torch.no_grad():
            logits = model({"input_ids": tokens}).logits[0].double()
        nats = -torch.log_softmax(logits, dim=-1)
        for t in range(1, 64):
            token, number = int(tokens[0, t]), int(row["fragment"][t])
            if token == tokenizer.pad_token_id:
                continue
            fragment = tokens[0][torch.from_numpy(row["fragment"] == number)].tolist()
            mode = "left_to_right"
            if fragment[0] == suffix:
                mode = "spm1"
            elif fragment[0] == prefix:
                mode = "spm2" if fragment[1] == suffix else "psm"
                # An empty prefix makes both equal; the loader knows.
                if mode == "spm2":
                    mode = dataset.report.names[int(row["report"]["report_group"][t])][0]
            language = sample.fragments[number].language
            size = 0 if token in special else len(tokenizer.decode([token]).encode())
            if size == 3 and tokenizer.decode([token]) == "\ufffd":
                size = 1
            for key in (mode, language, f"{mode}/{language}"):
                totals[key][0] += float(nats[t - 1, token])
                totals[key][1] += 1
                totals[key][2] += size
    found = {}
    for key, (total, count, size) in totals.items():
        found[f"loss/{key}"] = total / count
        found[f"bits_per_byte/{key}"] = total / math.log(2) / size
    return found


class _Kept:
    """A logger that keeps what it is given."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}

    def log_metrics(self, metrics: dict[str, float]) -> None:
        self.metrics.update(metrics)


def test_equals_a_slow_computation(root: Path, model: Any) -> None:
    from composer import Evaluator, Trainer
    from composer.loggers import InMemoryLogger

    memory = InMemoryLogger()
    evaluator = Evaluator(
        label="mixed",
        dataloader=eval_spec(root, batch_size=6),
        metric_names=["BitsPerByte"],
        device_eval_microbatch_size=4,
    )
    trainer = Trainer(model=model, callbacks=[FimReport()], loggers=[memory], device="cpu")
    trainer.eval(eval_dataloader=evaluator)
    prefix = "metrics/mixed/"
    found = {
        name.removeprefix(prefix): float(values[-1][1])
        for name, values in memory.data.items()
        if name.startswith((f"{prefix}loss/", f"{prefix}bits_per_byte/"))
    }
    expected = slowly(root, model)
    assert found.keys() == expected.keys()
    assert {"loss/left_to_right", "loss/psm/Python", "bits_per_byte/spm2"} <= found.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name
    trainer.close()


def test_training_logs_what_was_dropped(root: Path) -> None:
    from types import SimpleNamespace

    from composer.devices import DeviceCPU

    spec = loader(load_tokenizer(root), local=str(root / "data"), split="train", fim={"rate": 1.0})
    callback, logger = FimReport(interval_batches=3), _Kept()
    stored = dropped = transformed = 0
    for number, batch in zip(range(1, 4), spec.dataloader, strict=False):
        state: Any = SimpleNamespace(
            batch=batch,
            device=DeviceCPU(),
            timestamp=SimpleNamespace(batch=SimpleNamespace(value=number)),
        )
        callback.after_dataloader(state, logger)  # type: ignore[arg-type]
        assert not logger.metrics
        callback.batch_end(state, logger)  # type: ignore[arg-type]
        stored += int(batch["stored_tokens"].sum())
        dropped += int(batch["dropped_tokens"].sum())
        transformed += int(batch["transformed_tokens"].sum())
    assert logger.metrics == {
        "fim/transformed_token_share": pytest.approx(transformed / stored),
        "fim/dropped_token_share": pytest.approx(dropped / stored),
        "fim/cut_token_share": 0.0,
    }
    assert dropped > 0
    # At rate 1, all but what is too short.
    assert 0.7 * stored < transformed <= stored


def test_figures_leave_out_what_was_not_seen() -> None:
    names = ReportGroups(["a", "b", "padding"]).names
    assert len(names) == 2 * 4
    sums = torch.zeros(3, len(names), dtype=torch.float64)
    sums[:, names.index(("psm", "b"))] = torch.tensor([math.log(2) * 8, 4, 2])
    sums[:, names.index(("left_to_right", "b"))] = torch.tensor([1, 1, 0])
    found = dict(figures(names, sums))
    assert found["bits_per_byte/psm"] == found["bits_per_byte/psm/b"] == pytest.approx(4)
    assert found["loss/psm"] == pytest.approx(2 * math.log(2))
    assert found["loss/b"] == pytest.approx((8 * math.log(2) + 1) / 5)
    assert "bits_per_byte/left_to_right" not in found
    assert not [name for name in found if name.endswith(("/a", "spm1", "spm2"))]


def test_mistakes(root: Path) -> None:
    from types import SimpleNamespace

    with pytest.raises(UserError, match=r"fim_report.interval_batches` must be a positive integer"):
        FimReport(interval_batches=0)
    with pytest.raises(UserError, match=r"fim_report.interval` is not a known key"):
        FimReport(interval=3)  # type: ignore[call-arg]
    plain = loader(load_tokenizer(root), local=str(root / "data"), split="validation")
    state: Any = SimpleNamespace(
        evaluators=[SimpleNamespace(dataloader=plain)], train_dataloader=plain.dataloader
    )
    with pytest.raises(UserError, match=r"has nothing to report"):
        FimReport().fit_start(state, None)  # type: ignore[arg-type]
    state.evaluators = []
    FimReport().fit_start(state, None)  # type: ignore[arg-type]
