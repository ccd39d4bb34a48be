# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Two ranks, run by `test_two_ranks.py` under ``composer -n 2``: folder for everything.

Trains with FSDP2 and sharded checkpoints without any of our callbacks, continues with them, resumes
that; and clips under DDP and FSDP2.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from composer.algorithms import GradientClipping
from composer.utils import dist
from torch.distributed.fsdp import FullyShardedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from foundry_plugins.callbacks.gradient_clip_warmup import (
    GradientClipWarmup,
    _clip,
    _gradient_norm,
)
from foundry_plugins.callbacks.learning_rate_override import LearningRateOverride
from foundry_plugins.schedules.rewarm import RewarmScheduler
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler
from tests.foundry_plugins.callbacks.toy_run import Run, Toy, run

SHARDED = {"fsdp": {"state_dict_type": "sharded"}}
ZCLIP = {"mode": "zclip", "warmup_batches": 3}
SPIKES = {24: 50.0, 36: 1000.0}


def stable() -> WarmupStableDecayScheduler:
    return WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0ba")


def found(done: Run) -> dict[str, Any]:
    weights = {name: tensor.tolist() for name, tensor in done.weights.items()}
    return {
        "lr": done.used.lr,
        "samples": done.used.samples,
        "norm": done.used.norm,
        "weights": weights,
        "version": done.trainer.state.fsdp_config_version,
        **{name.split("/")[1]: values for name, values in done.metrics.items()},
    }


def clipped(kind: str, mode: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A run whose gradients are clipped by ``kind``."""
    done = run(
        stable(),
        GradientClipWarmup(**mode),
        algorithms=[GradientClipping(kind, clipping_threshold=3.0)],
        spikes=SPIKES,
        max_duration="10ba",
        device_train_microbatch_size=1,
        **settings,
    )
    return found(done)


def continued(folder: Path) -> dict[str, Any]:
    """Run, continuation, and the continuation resumed from its middle."""
    common: dict[str, Any] = {"parallelism_config": SHARDED, "save_interval": "1ba"}
    run(stable(), max_duration="5ba", save_folder=f"{folder}/old", run_name="old", **common)

    def go_on(**settings: Any) -> dict[str, Any]:
        scheduler = RewarmScheduler(t_warmup="2ba", t_cooldown="4ba", start="zero")
        clip = GradientClipWarmup(**ZCLIP)
        done = run(
            scheduler,
            LearningRateOverride(momentum="reset"),
            clip,
            lr=0.004,
            first_sample=100,
            max_duration="8ba",
            run_name="new",
            algorithms=[GradientClipping("norm", clipping_threshold=3.0)],
            **common,
            **settings,
        )
        return found(done)

    whole = go_on(load_path=f"{folder}/old/ep0-ba5", save_folder=f"{folder}/new")
    rest = go_on(load_path=f"{folder}/new/ep0-ba4", save_folder=f"{folder}/rest")
    return {"whole": whole, "rest": rest}


def clipped_fsdp1() -> dict[str, Any]:
    """Norms before and after under torch's FSDP1 (Composer's wrapper of it needs CUDA)."""
    found: dict[str, Any] = {}
    for kind in ("norm", "value"):
        toy = Toy()
        if dist.get_world_size() > 1:
            toy.net = FullyShardedDataParallel(toy.net, device_id=torch.device("cpu"))
        samples = torch.randn(2, 4, generator=torch.Generator().manual_seed(9))
        toy.net(samples).square().mean().backward()
        norm = _gradient_norm(toy, kind)
        _clip(toy, kind, norm, norm / 3)
        found[kind] = [norm, _gradient_norm(toy, kind)]
    return found


def main(folder: Path) -> None:
    results: dict[str, Any] = {}
    modes = {"zclip": ZCLIP, "along_lr": {"min_threshold": 0.1}}
    ranks = dist.get_world_size()
    kinds = {"plain": {}} if ranks == 1 else {"ddp": {}, "fsdp2": {"parallelism_config": SHARDED}}
    for wrapping, settings in kinds.items():
        for name, mode in modes.items():
            for kind in ("norm", "value"):
                results[f"{wrapping}-{name}-{kind}"] = clipped(kind, mode, **settings)
    results["fsdp1"] = clipped_fsdp1()
    if ranks > 1:
        results |= continued(folder)
    (folder / f"{ranks}-{dist.get_global_rank()}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    os.environ["FSDP_VERSION"] = "2"
    main(Path(sys.argv[1]))
