# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Trains what a YAML says and writes down the losses and how the model was wrapped.

composer -n 2 sharded_training.py out.json train.yaml key=value ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from composer.utils import dist
from llmfoundry.command_utils import train
from llmfoundry.models.layers.blocks import MPTBlock
from omegaconf import OmegaConf
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointWrapper
from torch.distributed.fsdp import FSDPModule

from foundry_plugins.models.causal_lm import ComposerCodeMPTCausalLM

LOSSES: list[float] = []


def main(out: Path, yaml: Path, overrides: list[str]) -> None:
    """One run; only rank 0 writes."""
    original = ComposerCodeMPTCausalLM.loss

    def recorded(self: Any, outputs: Any, batch: Any) -> Any:
        loss = original(self, outputs, batch)
        if self.training:
            LOSSES.append(loss.item())
        return loss

    ComposerCodeMPTCausalLM.loss = recorded
    trainer = train(OmegaConf.merge(OmegaConf.load(yaml), OmegaConf.from_cli(overrides)))
    modules = [*trainer.state.model.modules()]
    blocks = [module for module in modules if isinstance(module, MPTBlock)]
    losses = dist.all_gather_object(LOSSES)
    if dist.get_global_rank() == 0:
        report = {
            "losses": [sum(step) / len(step) for step in zip(*losses, strict=True)],
            "blocks": len(blocks),
            "sharded": sum(isinstance(block, FSDPModule) for block in blocks),
            "checkpointed": sum(isinstance(module, CheckpointWrapper) for module in modules),
        }
        out.write_text(json.dumps(report))
    trainer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
