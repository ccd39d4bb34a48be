# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a training YAML names is built and nothing is trained.

The host reports many mistakes only after minutes of start-up on every GPU, or never. Here each
section is built on this machine, the model on the meta device (no memory, whatever its size), and
the first mistake ends the check with a sentence that names the section. Checkpoints
(``load_path``, ``save_folder``) and ``fsdp_config`` take part only when a run starts.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError, require


@contextlib.contextmanager
def naming_section(name: str) -> Iterator[None]:
    """Turns whatever the host raises while a section is built into a sentence that names it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"In `{name}`: {error}") from error
    except Exception as error:  # the host's components raise anything from KeyError to RuntimeError
        detail = " ".join(str(error).split()) or "no further detail"
        raise UserError(f"In `{name}`: {type(error).__name__}: {detail}") from error


def check_training(path: Path, overrides: list[str]) -> list[tuple[str, str]]:
    """Builds what a training YAML names.

    Args:
        path: The YAML.
        overrides: ``key=value`` pairs as on the command line of ``llmfoundry train``.

    Returns:
        Rows of (section, what was found).

    Raises:
        UserError: for the first mistake.
    """
    require(
        path.is_file(), f"There is no file {path}; `foundry-plugins yamls` lists those included."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with naming_section(str(path)):
            from foundry_plugins.host import read_training_config

            config = read_training_config(path, overrides)
        return list(_build(config))


def _loaders(config: Any) -> Iterator[tuple[str, Any]]:
    """The data loaders of a configuration and where they stand."""
    yield "train_loader", config.train_loader
    found = config.eval_loader or []
    for loader in found if isinstance(found, list) else [found]:
        yield "eval_loader", loader


def _check_precision(model: Any, precision: str) -> None:
    """Layers of ours that cannot compute in the run's precision say so."""
    import torch

    dtypes = {"fp32": torch.float32, "amp_fp16": torch.float16}
    for module in model.modules():
        if hasattr(module, "check_dtype"):
            module.check_dtype(dtypes.get(precision, torch.bfloat16))


def _build(config: Any) -> Iterator[tuple[str, str]]:
    from composer.core import Engine, Event, State
    from composer.devices import DeviceCPU
    from composer.loggers import Logger
    from llmfoundry import registry
    from llmfoundry.utils import builders

    from foundry_plugins.eval import metric_names

    section = copy.deepcopy(config)
    with naming_section("tokenizer"):
        kwargs = section.tokenizer.get("kwargs", {})
        tokenizer = builders.build_tokenizer(section.tokenizer["name"], kwargs)
    yield "tokenizer", f"{len(tokenizer):,} entries, {section.tokenizer['name']}"

    with naming_section("train_loader"):
        train = builders.build_dataloader(
            section.train_loader, tokenizer, section.device_train_batch_size
        )
    yield "train_loader", f"{len(train.dataloader.dataset):,} samples"  # type: ignore[union-attr]
    loaders = section.eval_loader or section.eval_loaders
    if loaders:
        with naming_section("eval_loader"):
            found = builders.build_eval_loaders(loaders, tokenizer, section.device_eval_batch_size)
        yield "eval_loader", ", ".join(evaluator.label for evaluator in found)

    tasks: list[Any] = []
    if section.icl_tasks:
        with naming_section("icl_tasks"):
            tasks, _ = builders.build_icl_evaluators(
                section.icl_tasks,
                tokenizer,
                section.icl_seq_len or section.max_seq_len,
                section.device_eval_batch_size,
            )
        yield "icl_tasks", ", ".join(evaluator.label for evaluator in tasks)

    with naming_section("model"):
        name = section.model.pop("name")
        section.model["init_device"] = "meta"
        section.model.pop("master_weights_dtype", None)
        model = builders.build_composer_model(
            name=name,
            tokenizer=tokenizer,
            cfg=section.model,
            init_context=contextlib.nullcontext(),
        )
        _check_precision(model, config.precision)
        longest = section.model.get("max_seq_len")
        for key, loader in _loaders(section):
            got = loader.get("dataset", {}).get("max_seq_len")
            require(
                longest is None or got is None or got <= longest,
                f"`model.max_seq_len` is {longest}, but `{key}.dataset.max_seq_len` is {got}; make "
                "the samples shorter or the model's length longer.",
            )
    with naming_section("icl_tasks"):
        for task in tasks:
            if isinstance(
                task.dataloader.dataloader.dataset, registry.icl_datasets.get("code_evaluation")
            ):
                metric_names.check(task.label, task.metric_names, model.get_metrics(is_train=False))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    yield "model", f"{name}, {parameters:,} parameters"

    with naming_section("optimizer"):
        optimizer = builders.build_optimizer(
            model, section.optimizer.pop("name"), section.optimizer
        )
    yield "optimizer", type(optimizer).__name__

    callbacks, algorithms = [], []
    for name, kwargs in (section.callbacks or {}).items():
        with naming_section(f"callbacks.{name}"):
            callbacks.append(builders.build_callback(name, kwargs, train_config=config))
    for name, kwargs in (section.algorithms or {}).items():
        with naming_section(f"algorithms.{name}"):
            algorithms.append(builders.build_algorithm(name, kwargs))
    for name, kwargs in (section.loggers or {}).items():
        with naming_section(f"loggers.{name}"):
            builders.build_logger(name, kwargs)
    with naming_section("scheduler"):
        scheduler = builders.build_scheduler(section.scheduler.pop("name"), section.scheduler)

    with naming_section("max_duration"):
        state = State(
            rank_zero_seed=section.seed,
            run_name="check",
            model=model,
            device=DeviceCPU(),
            max_duration=section.max_duration,
            optimizers=optimizer,
            algorithms=algorithms,
            callbacks=callbacks,
            dataloader=train.dataloader,
            dataloader_label="train",
        )
    with naming_section("scheduler"):
        factors = [scheduler(state)]
    yield "scheduler", f"{type(scheduler).__name__}, first learning rate x{factors[0]:.3g}"
    engine = Engine(state=state, logger=Logger(state))
    for callback in callbacks:
        with naming_section(f"callbacks ({type(callback).__name__})"):
            # Ours look for what they act on here; the host's may expect a running trainer.
            if type(callback).__module__.startswith("foundry_plugins."):
                for event in (Event.INIT, Event.BEFORE_LOAD, Event.FIT_START):
                    callback.run_event(event, state, engine.logger)
    yield "callbacks", ", ".join(section.callbacks or {}) or "none"
