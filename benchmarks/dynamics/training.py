# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One training run through Composer's Trainer, in this process, from settings as in a YAML.

Only torch's own AdamW is not in a registry; all else is looked up there, as ``llmfoundry train``
does it.
"""

from __future__ import annotations

import copy
import shutil
import warnings
from pathlib import Path
from typing import Any

LENGTH, VOCABULARY, BATCH = 256, 2048, 4
EVAL_BATCH, EVAL_BATCHES = 8, 16  # samples at a time, and how many times

Settings = dict[str, Any]


def model_section(dropout: float) -> Settings:
    """The quickstart's model at half its width: a million parameters."""
    return {
        "d_model": 128,
        "n_heads": 4,
        "n_layers": 4,
        "max_seq_len": LENGTH,
        "vocab_size": VOCABULARY,
        "norm_type": "rmsnorm",
        "no_bias": True,
        "ffn_config": {
            "ffn_type": "mptglu",
            "ffn_act_fn": {"name": "silu"},
            "ffn_hidden_size": 384,
        },
        "attn_config": {"attn_type": "alibi_multiquery_attention", "alibi": True},
        "resid_pdrop": dropout,
        "tie_word_embeddings": True,
        "loss_fn": "torch_crossentropy",
        "use_train_metrics": False,
    }


def train(settings: Settings, folder: Path) -> Settings:
    """Trains and evaluates.

    Args:
        settings: ``seed``, ``batches``, ``dropout``, ``tokenizer``, ``train`` and ``evaluate``
            (data sets as in a YAML, the latter by name), ``optimizer``, ``scheduler``,
            ``callbacks``, and optionally ``load_path``, ``save_every`` and ``evaluate_every``
            (batches).
        folder: For checkpoints.

    Returns:
        ``parameters``, their number. ``train``: the loss of each batch. ``evaluate``: batches and
        losses by name. ``logged``: what our callbacks logged.
    """
    import torch
    from composer.loggers import InMemoryLogger
    from composer.utils import reproducibility

    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    shutil.rmtree(folder, ignore_errors=True)  # what a kill has left
    settings, memory = copy.deepcopy(settings), InMemoryLogger()
    reproducibility.seed_all(settings["seed"])
    trainer = _trainer(settings, folder, memory)
    trainer.fit()
    trainer.close()
    folder.mkdir(parents=True, exist_ok=True)
    parameters = sum(p.numel() for p in trainer.state.model.parameters())
    return {"parameters": parameters, **_found(memory)}


def _trainer(settings: Settings, folder: Path, memory: Any) -> Any:
    from composer.trainer import Trainer
    from llmfoundry.utils.builders import build_algorithm, build_callback, build_scheduler

    model, loader, evaluators = _model_and_data(settings)
    batches, every = settings["batches"], settings.get("save_every")
    clipping = {"clipping_type": "norm", "clipping_threshold": 1.0}
    return Trainer(
        model=model,
        train_dataloader=loader,
        eval_dataloader=evaluators,
        eval_interval=f"{settings.get('evaluate_every', batches)}ba",
        eval_subset_num_batches=EVAL_BATCHES,
        max_duration=f"{batches}ba",
        optimizers=_optimizer(model, settings["optimizer"]),
        schedulers=_named(build_scheduler, settings["scheduler"]),
        algorithms=[build_algorithm("gradient_clipping", clipping)],
        callbacks=[build_callback(n, s, settings) for n, s in settings["callbacks"].items()],
        loggers=[memory],
        load_path=settings.get("load_path"),
        save_folder=str(folder) if every else None,
        save_filename="ba{batch}.pt",
        save_interval=f"{every or batches}ba",
        run_name=folder.name,
        seed=settings["seed"],
        device="cpu",
        precision="fp32",
        device_train_microbatch_size=BATCH,
        progress_bar=False,
    )


def _model_and_data(settings: Settings) -> tuple[Any, Any, list[Any]]:
    from llmfoundry.data.dataloader import build_dataloader
    from llmfoundry.utils.builders import (
        add_metrics_to_eval_loaders,
        build_composer_model,
        build_eval_loaders,
        build_tokenizer,
    )

    tokenizer = build_tokenizer(settings["tokenizer"], {"model_max_length": LENGTH})
    model = build_composer_model(
        "code_mpt_causal_lm", model_section(settings["dropout"]), tokenizer
    )
    train = _loader(settings["train"], shuffle=True, shuffle_seed=settings["seed"])
    evaluate = [
        {"label": name, **_loader(dataset, shuffle=False)}
        for name, dataset in settings["evaluate"].items()
    ]
    evaluators = build_eval_loaders(evaluate, tokenizer, EVAL_BATCH)
    return (
        model,
        build_dataloader(train, tokenizer, BATCH),
        add_metrics_to_eval_loaders(evaluators, ["LanguageCrossEntropy"]),
    )


def _loader(dataset: Settings, **order: Any) -> Settings:
    common = {"max_seq_len": LENGTH, "num_canonical_nodes": 1}
    section = {**common, **order, **dataset}
    return {"name": "code_text", "dataset": section, "drop_last": True, "num_workers": 0}


def _named(build: Any, section: Settings) -> Any:
    section = dict(section)
    return build(section.pop("name"), section)


def _optimizer(model: Any, section: Settings) -> Any:
    import torch
    from llmfoundry.utils.builders import build_optimizer

    if section["name"] != "torch_adamw":
        return _named(lambda name, rest: build_optimizer(model, name, rest), section)
    rest = {key: value for key, value in section.items() if key != "name"}
    return torch.optim.AdamW(model.parameters(), **rest)


def _found(memory: Any) -> Settings:
    def values(name: str) -> list[float]:
        return [float(value) for _, value in memory.data[name]]

    start, end = "metrics/eval/", "/LanguageCrossEntropy"
    evaluations = {
        name.removeprefix(start).removesuffix(end): [
            (int(time.batch), float(value)) for time, value in points
        ]
        for name, points in memory.data.items()
        if name.startswith(start)
    }
    ours = [name for name in memory.data if name.startswith("foundry_plugins/")]
    return {
        "train": values("loss/train/total"),
        "evaluate": evaluations,
        "logged": {name.removeprefix("foundry_plugins/"): values(name) for name in ours},
    }
