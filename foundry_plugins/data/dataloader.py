# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered dataloader ``code_text``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composer.core import DataSpec
from streaming import Stream, StreamingDataset
from torch.utils.data import DataLoader
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.data.collator import CodeTextCollator
from foundry_plugins.data.dataset import CodeTextDataset
from foundry_plugins.data.options import FIMOptions, diff_options, fim_options, mapping
from foundry_plugins.data.tokenizer import special_ids

_SECTION = "dataset"
_STREAMING_KEYS = frozenset(inspect.signature(StreamingDataset.__init__).parameters) - {
    *("self", "streams", "batch_size", "kwargs")
}
_STREAM_KEYS = frozenset(inspect.signature(Stream.__init__).parameters) - {"self", "kwargs"}
_OWN_KEYS = frozenset(
    {"streams", "max_seq_len", "fim", "diff", "sequence_id", "report", "token_encoding_type"}
)


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

    It reads shards of ``convert_dataset``, Foundry's own packed ones, and prompt and response
    pairs, any of them beside any other. ``dataset`` takes every key of
    ``streaming.StreamingDataset`` and

    ``streams``
        as Foundry's loaders, each with a ``fim`` of its own that overrides the other key by key.
    ``max_seq_len``
        that of the packed shards.
    ``fim``
        the keys of `foundry_plugins.data.fim_settings.FIMSettings`; ``sentinels`` (a family of
        `foundry_plugins.contract.sentinels.FAMILIES`); ``seed``; ``reseed_each_epoch`` (false gives
        the same transformed samples in every epoch, for validation). Without it nothing is
        transformed.
    ``diff``
        ``loss`` (``full``, or ``target_only`` to learn only what follows the input) and ``fim``
        (true to cut diffs too) for samples in a diff format.
    ``sequence_id``
        true for a document mask, with ``model.attn_config.attn_uses_sequence_id``.
    ``report``
        true for what the callback ``fim_report`` reads.
    ``token_encoding_type``
        numpy type of tokens that were stored as plain bytes, as in Foundry's ``text`` loader.

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
    streams, fim = _streams(options)
    diff = diff_options(f"{_SECTION}.diff", options.pop("diff", None))
    sequence_id = _flag(options, "sequence_id")
    report = _flag(options, "report")
    _check_encoding(options)
    require(
        "max_seq_len" in options,
        f"`{_SECTION}.max_seq_len` is missing; set it to the shards' `sequence_length`.",
    )
    source = CodeTextDataset(
        tokenizer=tokenizer,
        fim=fim,
        diff=diff,
        report=report,
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


# Vanishes beside one token, in float32 too.
_NO_TOKENS = 1e-9


def _count_tokens(batch: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "total": sum(batch["total_tokens"]),
        # Composer divides by the sum over a batch, which may hold nothing but inputs of diffs. A
        # float on every rank, since it adds them up over the ranks as they are.
        "loss_generating": max(float(sum(batch["loss_generating_tokens"])), _NO_TOKENS),
    }


def _flag(options: dict[str, Any], key: str) -> bool:
    value = options.pop(key, False)
    require(isinstance(value, bool), f"`{_SECTION}.{key}` must be true or false, got {value!r}.")
    return value


def _check_encoding(options: Mapping[str, Any]) -> None:
    name = options.get("token_encoding_type", "int64")
    allowed = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    require(
        name in allowed,
        f"`{_SECTION}.token_encoding_type` must be one of {', '.join(allowed)}, got {name!r}.",
    )


def _streams(options: dict[str, Any]) -> tuple[list[Stream] | None, list[FIMOptions | None]]:
    """Takes ``streams`` and ``fim`` out; every local folder without a remote must exist."""
    sections: object = options.pop("streams", None)
    fim = mapping(f"{_SECTION}.fim", options.pop("fim", None))
    split = options.get("split")
    everywhere = fim_options(f"{_SECTION}.fim", fim)
    if sections is None:
        _check_folder(_SECTION, options.get("local"), options.get("remote"), split)
        return None, [everywhere]
    named = mapping(f"{_SECTION}.streams", sections)
    require(bool(named), f"`{_SECTION}.streams` names no stream; add one, or remove the key.")
    streams: list[Stream] = []
    per_stream: list[FIMOptions | None] = []
    for name, value in named.items():
        path = f"{_SECTION}.streams.{name}"
        section = mapping(path, value)
        reject_unknown_keys(path, section, _STREAM_KEYS | {"fim"})
        own = mapping(f"{path}.fim", section.get("fim"))
        per_stream.append(fim_options(f"{path}.fim", {**fim, **own}))
        where = section.get("split", split)
        _check_folder(path, section.get("local"), section.get("remote"), where)
        streams.append(Stream(**{key: value for key, value in section.items() if key != "fim"}))
    return streams, per_stream


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
