# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered dataloader ``code_text``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composer.core import DataSpec
from streaming import Stream, StreamingDataset
from torch.utils.data import DataLoader
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.errors import UserError, reject_unknown_keys, require
from foundry_plugins.data.collator import CodeTextCollator
from foundry_plugins.data.dataset import CodeTextDataset, FIMOptions
from foundry_plugins.data.fim import SPM_VARIANTS, FIMSettings
from foundry_plugins.data.tokenizer import special_ids

_SECTION = "dataset"
_STREAMING_KEYS = frozenset(inspect.signature(StreamingDataset.__init__).parameters) - {
    *("self", "streams", "batch_size", "kwargs")
}
_STREAM_KEYS = frozenset(inspect.signature(Stream.__init__).parameters) - {"self", "kwargs"}
_OWN_KEYS = frozenset({"streams", "max_seq_len", "fim", "sequence_id"})
_FIM_KEYS = frozenset(field.name for field in dataclasses.fields(FIMSettings)) | {
    *("seed", "reseed_each_epoch")
}


def build_code_text_dataloader(
    tokenizer: PreTrainedTokenizerBase | None,
    device_batch_size: int,
    dataset: Mapping[str, Any],
    drop_last: bool = True,
    num_workers: int = 0,
    pin_memory: bool = False,
    prefetch_factor: int | None = None,
    persistent_workers: bool = False,
    timeout: int = 0,
    **unknown: Any,
) -> DataSpec:
    """Streams packed code with on-line fill-in-the-middle.

    ``dataset`` takes every key of ``streaming.StreamingDataset``, ``streams``, ``max_seq_len``
    (that of the shards), ``sequence_id`` (true for a document mask, with
    ``model.attn_config.attn_uses_sequence_id``) and ``fim``: ``rate``, ``spm_rate``,
    ``spm_variant`` (``spm1``, ``spm2``), ``max_middle_chars``, ``seed``, and
    ``reseed_each_epoch`` (false gives the same transformed samples in every epoch: for
    validation). Without ``fim`` nothing is transformed.

    Example:
        ```yaml
        train_loader:
          name: code_text
          dataset:
            local: runs/quickstart/data
            split: train
            shuffle: true
            max_seq_len: 64
            num_canonical_nodes: 1
            fim:
              rate: 0.5
              spm_rate: 0.5
        ```

    Raises:
        UserError: for an unknown key, a rate outside [0, 1], missing shards, or shards that do not
            fit the tokenizer or ``max_seq_len``.
    """
    reject_unknown_keys("code_text", unknown, _loader_keys())
    require(tokenizer is not None, "code_text needs a `tokenizer` section in the YAML.")
    assert tokenizer is not None
    reject_unknown_keys(_SECTION, dataset, _STREAMING_KEYS | _OWN_KEYS)
    _, pad = special_ids(tokenizer)
    options = dict(dataset)
    streams = _streams(options)
    fim = _fim_options(options.pop("fim", None))
    sequence_id = bool(options.pop("sequence_id", False))
    require(
        "max_seq_len" in options,
        f"`{_SECTION}.max_seq_len` is missing; set it to the shards' `sequence_length`.",
    )
    source = CodeTextDataset(
        tokenizer=tokenizer,
        fim=fim,
        streams=streams,
        batch_size=int(device_batch_size),
        **options,
    )
    # Composer would go through empty epochs for ever.
    require(
        not drop_last or len(source) >= device_batch_size,
        f"`{_SECTION}` has {len(source)} samples a device, fewer than a batch of "
        f"{device_batch_size}, and `drop_last` drops what does not fill one; convert more data, or "
        "lower `global_train_batch_size`.",
    )
    loader = DataLoader(
        source,
        collate_fn=CodeTextCollator(pad, sequence_id),
        batch_size=int(device_batch_size),
        drop_last=drop_last,
        num_workers=num_workers,
        pin_memory=pin_memory,
        # torch takes these two only with worker processes.
        prefetch_factor=(prefetch_factor or 2) if num_workers else None,
        persistent_workers=persistent_workers and num_workers > 0,
        timeout=timeout,
    )
    return DataSpec(dataloader=loader, get_num_tokens_in_batch=_count_tokens)


def _loader_keys() -> set[str]:
    names = set(inspect.signature(build_code_text_dataloader).parameters)
    return names - {"tokenizer", "device_batch_size", "unknown"} | {"name"}


def _count_tokens(batch: Mapping[str, Any]) -> dict[str, int]:
    return {
        "total": sum(batch["total_tokens"]),
        "loss_generating": sum(batch["loss_generating_tokens"]),
    }


def _streams(options: dict[str, Any]) -> list[Stream] | None:
    """Takes ``streams`` out of the options; every local folder without a remote must exist."""
    sections: Mapping[str, Any] | None = options.pop("streams", None)
    split = options.get("split")
    if sections is None:
        _check_folder(_SECTION, options.get("local"), options.get("remote"), split)
        return None
    for name, section in sections.items():
        reject_unknown_keys(f"{_SECTION}.streams.{name}", section, _STREAM_KEYS)
        where = section.get("split", split)
        _check_folder(
            f"{_SECTION}.streams.{name}", section.get("local"), section.get("remote"), where
        )
    return [Stream(**section) for section in sections.values()]


def _check_folder(section: str, local: str | None, remote: str | None, split: str | None) -> None:
    require(
        local is not None or remote is not None,
        f"`{section}` names no data: set `local` to a folder of shards, or `remote` to a bucket.",
    )
    if remote is not None:
        return
    assert local is not None
    index = Path(local, split or "", "index.json")
    require(
        index.is_file(),
        f"`{section}.local`: there are no shards at {index.parent} (no index.json); write them "
        "with `convert_dataset run`, or mend `local` and `split`.",
    )


def _fim_options(section: Mapping[str, Any] | None) -> FIMOptions | None:
    if not section:
        return None
    reject_unknown_keys(f"{_SECTION}.fim", section, _FIM_KEYS)
    names = {field.name for field in dataclasses.fields(FIMSettings)}
    settings = FIMSettings(**{key: value for key, value in section.items() if key in names})
    for key in ("rate", "spm_rate"):
        value = getattr(settings, key)
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise UserError(f"`{_SECTION}.fim.{key}` must be in [0, 1], got {value!r}.")
    require(
        settings.spm_variant in SPM_VARIANTS,
        f"`{_SECTION}.fim.spm_variant` must be one of {', '.join(SPM_VARIANTS)}, "
        f"got {settings.spm_variant!r}.",
    )
    limit = settings.max_middle_chars
    require(
        limit is None or (isinstance(limit, int) and limit > 0),
        f"`{_SECTION}.fim.max_middle_chars` must be a positive integer or null, got {limit!r}.",
    )
    if settings.rate == 0:
        return None
    return FIMOptions(
        settings=settings,
        seed=int(section.get("seed", 0)),
        reseed_each_epoch=bool(section.get("reseed_each_epoch", True)),
    )
