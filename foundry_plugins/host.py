# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The only door to private or version-dependent names of llmfoundry, composer and streaming.

Written against llm-foundry 0.22.0, mosaicml 0.32.1 and mosaicml-streaming 0.12.0. Each item says
which behaviour of the host it relies on; ``tests/host_compat`` pins that behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from llmfoundry.models.layers.attention import gen_slopes
from llmfoundry.models.mpt.modeling_mpt import MPTModel
from llmfoundry.utils.config_utils import (
    TRAIN_CONFIG_KEYS,
    TrainConfig,
    make_dataclass_and_log_config,
)
from omegaconf import DictConfig
from omegaconf import OmegaConf as om
from streaming import StreamingDataset
from torch.distributed.tensor import DTensor


class EpochStreamingDataset(StreamingDataset):
    """A streaming dataset that knows which epoch it is in.

    ``next_epoch`` is shared memory that one worker advances after a barrier, so another worker may
    read the old or the new value. The value that ``_resume_incr_epoch`` returns is the one that the
    sample order of this iteration was computed from, in every worker.
    """

    epoch: int = 0

    def _resume_incr_epoch(self) -> tuple[int, int]:
        self.epoch, sample_in_epoch = super()._resume_incr_epoch()
        return self.epoch, sample_in_epoch

    def state_dict(self, num_samples: int, from_beginning: bool) -> dict[str, Any]:
        """Where to resume from.

        After the last batch of an epoch Composer asks with ``num_samples`` 0 while the host still
        names the finished epoch, which a resumed run would then go through again.
        """
        state = super().state_dict(num_samples, from_beginning)
        if num_samples == 0 and self.next_epoch > 0:
            state["epoch"] = self.next_epoch
        return state

    def stream_of(self, index: int) -> int:
        """Number of the stream that the sample at a global index comes from."""
        shard, _ = self.spanner[index]
        return int(self.stream_per_shard[shard])


class MaskingMPTModel(MPTModel):
    """Foundry's MPT backbone that hands its blocks a boolean mask instead of an additive bias.

    The host builds a (1, H, 1, T) ALiBi bias, or (B, H, T, T) with ``attn_uses_sequence_id``, and
    gives every block the result of ``_attn_bias`` as ``attn_bias``. The attention class of this
    package adds ALiBi itself, so the mask of `visible_keys` takes that place.
    """

    def visible_keys(
        self, attention_mask: torch.Tensor | None, sequence_id: torch.Tensor | None
    ) -> torch.Tensor | None:
        """Boolean mask broadcastable to (B, H, T, S), or None where every key may be seen."""
        raise NotImplementedError

    def _attn_bias(
        self,
        device: torch.device,
        dtype: torch.dtype,
        attention_mask: torch.Tensor | None = None,
        sequence_id: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor | None, None]:
        return self.visible_keys(attention_mask, sequence_id), None


def read_training_config(path: Path, overrides: Sequence[str]) -> TrainConfig:
    """A training YAML as ``llmfoundry train`` reads it: merged, interpolated, top level checked.

    Relies on ``make_dataclass_and_log_config`` applying every registered transform and rejecting
    unknown top-level keys, as ``command_utils.train.train`` calls it.
    """
    om.clear_resolver("oc.env")
    merged = om.merge(om.load(path), om.from_cli(list(overrides)))
    assert isinstance(merged, DictConfig)
    _, config = make_dataclass_and_log_config(
        merged, TrainConfig, TRAIN_CONFIG_KEYS, transforms="all"
    )
    return config


def use_relative_alibi(backbone: MPTModel) -> None:
    """Makes Foundry's ``torch`` attention count ALiBi's distances from the query.

    The host counts them from the last key. Per query that is the same up to a constant, which
    softmax ignores, but it rounds near keys as coarsely as far ones: 1e-4 in a logit at 2,048
    tokens, too coarse to compare another implementation with.

    Relies on ``MPTModel._attn_bias`` building ``attn_bias`` only while ``_attn_bias_initialized``
    is false, and on attention taking its last rows and columns for shorter inputs.
    """
    config = backbone.config
    slopes_1H11 = gen_slopes(config.n_heads, config.attn_config["alibi_bias_max"])
    j_T = torch.arange(config.max_seq_len)
    backbone.attn_bias = slopes_1H11 * (j_T.unsqueeze(0) - j_T.unsqueeze(1))
    backbone._attn_bias_initialized = True


class _DivideGradient(torch.autograd.Function):
    """Identity whose gradient is divided by a constant."""

    @staticmethod
    def forward(ctx: Any, loss: torch.Tensor, divisor: int) -> torch.Tensor:
        ctx.divisor = divisor
        return loss.view_as(loss)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0] / ctx.divisor, None


def average_over_ranks(loss: torch.Tensor, module: torch.nn.Module) -> torch.Tensor:
    """The loss, made so that FSDP2 averages its gradients over ranks on CPUs too.

    torch 2.7's FSDP2 asks for ``ReduceOp.AVG`` in ``reduce_scatter_tensor``, which gloo carries out
    as a sum: on N CPU ranks gradients come out N times too large, and with them the gradient norm
    that clipping sees. NCCL averages, so nothing is changed on GPUs.
    """
    first = next(module.parameters())
    if isinstance(first, DTensor) and first.device.type == "cpu":
        return _DivideGradient.apply(loss, first.device_mesh.size())  # type: ignore[return-value]
    return loss
