# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The only door to private or version-dependent names of llmfoundry, composer and streaming.

Written against llm-foundry 0.22.0, mosaicml 0.32.1 and mosaicml-streaming 0.12.0. Each item says
which behaviour of the host it relies on; ``tests/host_compat`` pins that behaviour.
"""

from __future__ import annotations

import copy
import itertools
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from composer.core import State
from composer.utils.parallelism import FSDP2Config
from filelock import FileLock
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
from streaming.base.constant import BARRIER_FILELOCK, CACHE_FILELOCK, SHM_TO_CLEAN
from streaming.base.shared import prefix
from streaming.base.spanner import Spanner
from streaming.base.world import World
from torch import distributed as dist
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.planner import LoadPlan
from torch.distributed.tensor import DTensor


class Place(NamedTuple):
    """What a sample number of `EpochStreamingDataset` stands for."""

    stream: int
    position: int  # in the stream
    occurrence: int  # 0 for the first time in an epoch that the sample is shown


class _NumberSpanner(Spanner):
    """Finds a sample by any of its numbers: they are equal modulo the number of samples."""

    def __getitem__(self, index: int) -> tuple[int, int]:
        return super().__getitem__(index % self.num_samples)


class EpochStreamingDataset(StreamingDataset):
    """A streaming dataset that knows the epoch, and how often it has shown a sample in it.

    ``next_epoch`` is shared memory that one worker advances after a barrier, so another worker may
    read the old or the new value. The value that ``_resume_incr_epoch`` returns is the one that the
    sample order of this iteration was computed from, in every worker.

    ``repeat``, ``choose`` and ``proportion`` may show a sample several times in an epoch, each time
    under its index in the data set. Here the k-th showing, counted from 0, has the number

        index + k * num_samples

    Numbers are given in ``resample_streams``, which every batching method calls before it shuffles
    and partitions, and which sees nothing of ranks and workers. From there on the host only passes
    them along, with -1 for padding: into shared memory (int64), and to ``spanner`` and
    ``get_item``.
    """

    epoch: int = 0

    def __init__(self, **kwargs: Any) -> None:
        with _one_number_for_a_node():
            super().__init__(**kwargs)
        self.spanner = _NumberSpanner(self.samples_per_shard)
        self._close_connections()

    def resample_streams(
        self, epoch: int, stream_id: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Shuffle units, and the sample numbers of an epoch before they are shuffled."""
        units, indices = super().resample_streams(epoch, stream_id)
        return units, indices + occurrences(indices) * self.num_samples

    def place(self, number: int) -> Place:
        """Where a sample lies, and which showing in the epoch this is."""
        occurrence, index = divmod(int(number), self.num_samples)
        shard, _ = self.spanner[index]
        stream = int(self.stream_per_shard[shard])
        return Place(stream, index - int(self.sample_offset_per_stream[stream]), occurrence)

    def first_of(self, stream: int) -> dict[str, Any]:
        """A stream's first sample as it is stored; fetches its shard if it must."""
        sample = StreamingDataset.get_item(self, int(self.sample_offset_per_stream[stream]))
        # Made by a fetch, and cannot be pickled for worker processes.
        self.__dict__.pop("_cache_filelock", None)
        self._close_connections()
        return sample

    def _close_connections(self) -> None:
        """Drops the clients of object stores that have fetched something in this process.

        Worker processes are forked from it. The host lets them all go on with its client and so
        with one connection, on which each may read the answer to another's request: shards of
        another place, or of zeros, without an error. Without a client each makes its own.
        """
        for stream in self.streams:
            stream._downloader.clean_up()

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


@contextmanager
def _one_number_for_a_node() -> Iterator[None]:
    """Has the ranks of a node find the same free number for their shared memory.

    In the host each looks for the first that is free by itself, and a node's first rank takes it
    later. Another job that starts or ends in between leaves it to one of them only, and the run
    ends with FileExistsError or with ranks that do not match. So no two jobs look at the same time,
    and what a node's first rank found holds for all of them.

    Relies on ``get_shm_prefix`` asking ``_check_and_find_retrying`` for each of ``SHM_TO_CLEAN`` in
    turn, and taking the highest answer.
    """
    look = prefix._check_and_find_retrying
    highest = 0

    def agreed(locals_: list[str], remotes: list[str | None], shm_name: str, retry: int) -> int:
        nonlocal highest
        highest = max(highest, look(locals_, remotes, shm_name, retry))
        if shm_name != SHM_TO_CLEAN[-1]:
            return 0
        return _of_this_node(next(n for n in itertools.count(highest) if _is_free(n)))

    prefix._check_and_find_retrying = agreed
    try:
        # Each user has a file, since another's cannot be opened. The other ranks wait inside.
        name = Path(tempfile.gettempdir()) / f"foundry_plugins_streaming_{os.getuid()}.lock"
        with FileLock(name) if World.detect().is_local_leader else nullcontext():
            yield
    finally:
        prefix._check_and_find_retrying = look


def _of_this_node(number: int) -> int:
    """The number that the first rank of this node has."""
    if not (dist.is_available() and dist.is_initialized()):
        return number
    numbers = [0] * dist.get_world_size()
    dist.all_gather_object(numbers, number)
    world = World.detect()
    return numbers[world.node * world.ranks_per_node]


def _is_free(number: int) -> bool:
    """Whether a killed run left nothing under a number, where the system shows it."""
    memory = [Path("/dev/shm", prefix._get_path(number, name)) for name in SHM_TO_CLEAN]
    locks = [BARRIER_FILELOCK, CACHE_FILELOCK]
    files = [Path(tempfile.gettempdir(), prefix._get_path(number, name)) for name in locks]
    return not any(path.exists() for path in memory + files)


def occurrences(indices: np.ndarray) -> np.ndarray:
    """For each element, how many equal ones come before it."""
    if (np.diff(indices) > 0).all():
        return np.zeros_like(indices)
    # Stable, and near linear on ascending runs, which a resampled epoch consists of.
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    counts = np.diff(starts, append=len(ordered))
    result = np.empty_like(indices)
    result[order] = np.arange(len(ordered)) - np.repeat(starts, counts)
    return result


class MaskingMPTModel(MPTModel):
    """Foundry's MPT backbone that hands its blocks what `visible_keys` returns, and no bias.

    The host builds a (1, H, 1, T) ALiBi bias, or (B, H, T, T) with ``attn_uses_sequence_id``, and
    gives every block the result of ``_attn_bias`` as ``attn_bias``, which it does not look into.
    The attention classes of this package add ALiBi themselves, so what `visible_keys` returns takes
    that place.
    """

    def allow_any_length(self) -> None:
        """Lets inputs be longer than ``max_seq_len``, for positions that go on beyond it.

        Relies on ``MPTModel.forward`` comparing the length with ``self.config.max_seq_len`` and,
        but for learned positions and the bias that `visible_keys` replaces, nothing else. The
        backbone gets a copy of the configuration for that; the one that is saved stays as it is.
        """
        self.config = copy.copy(self.config)
        self.config.max_seq_len = sys.maxsize

    def visible_keys(
        self, attention_mask: torch.Tensor | None, sequence_id: torch.Tensor | None
    ) -> Any:
        """What the attention classes read, or None where every key may be seen."""
        raise NotImplementedError

    def _attn_bias(
        self,
        device: torch.device,
        dtype: torch.dtype,
        attention_mask: torch.Tensor | None = None,
        sequence_id: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[Any, None]:
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


class _OptionalCallbackState(DefaultLoadPlanner):
    """Loads a sharded checkpoint that knows less about callbacks than the run does."""

    def create_local_plan(self) -> LoadPlan:
        assert self.metadata is not None
        saved = self.metadata.state_dict_metadata
        self.state_dict = {
            name: value
            for name, value in self.state_dict.items()
            if name in saved or not name.startswith("state.callbacks.")
        }
        return super().create_local_plan()


class _PlannedFSDP2Config(FSDP2Config):
    """FSDP2's configuration, whose ``load_planner`` is a constant None, with that planner."""

    @property
    def load_planner(self) -> DefaultLoadPlanner:
        return _OptionalCallbackState()


def make_callback_state_optional(state: State) -> None:
    """Lets a run with stateful callbacks load a sharded checkpoint that was saved without them.

    Such a load asks the checkpoint for everything that ``state_dict`` of the run holds and fails on
    the first name that is missing. With this, callbacks keep the state they have instead; all else
    stays required. To be called at BEFORE_LOAD. A planner of the user's is left alone.

    Relies on ``load_sharded_checkpoint`` asking ``state.fsdp_config.load_planner``, on names of a
    callback's state beginning with ``state.callbacks.``, and on callbacks being handed their own
    ``state_dict`` where nothing was read over it.
    """
    config = state.fsdp_config
    if isinstance(config, FSDP2Config):
        config.__class__ = _PlannedFSDP2Config
    elif config is not None and config.load_planner is None:
        config.load_planner = _OptionalCallbackState()


def shard_sizes(folder: Path) -> dict[str, int] | None:
    """How long, in bytes, each file of a sharded checkpoint is at least.

    Relies on torch's writer writing the index ``.metadata`` last and under another name first, and
    on its ``storage_data`` naming, for each piece, the file and its place in it. The index is a
    pickle, which the run itself would load next.

    Returns:
        File name -> bytes, or None if there is no index that can be read.
    """
    try:
        pieces = FileSystemReader(folder).read_metadata().storage_data
    except (FileNotFoundError, EOFError, pickle.UnpicklingError):
        return None
    sizes: dict[str, int] = {}
    for piece in pieces.values():
        end = piece.offset + piece.length
        sizes[piece.relative_path] = max(end, sizes.get(piece.relative_path, 0))
    return sizes
