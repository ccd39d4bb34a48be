# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Reads a Composer checkpoint: weights, model configuration and tokenizer, and nothing else.

A checkpoint is a pickle, and unpickling runs what the pickle names. Composer stores objects of its
own, of numpy and of any callback, so torch's ``weights_only`` refuses the file. Here only tensors
and plain containers are rebuilt; every other class becomes an inert placeholder, so a checkpoint
from somebody else cannot run code, and one written by a later Composer still loads.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import pickle
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundry_plugins.contract.errors import UserError, require

if TYPE_CHECKING:
    import torch

# Up to this size one thread is used: several wait for each other longer than they compute, and on a
# machine with other work 20 times as long.
_SMALL_PARAMETERS = 50_000_000
# What Composer's HuggingFaceModel puts before the names of the wrapped transformers model.
_PREFIX = "model."


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a trained model consists of.

    Attributes:
        path: The file it was read from.
        weights: fp32 tensors by their names in the transformers model.
        config: Content of the model's ``config.json`` at training time.
        tokenizer_files: File name -> text or bytes, as ``save_pretrained`` wrote them.
    """

    path: Path
    weights: dict[str, torch.Tensor]
    config: dict[str, Any]
    tokenizer_files: dict[str, str | bytes]

    @property
    def is_small(self) -> bool:
        """Whether the model is run on one thread."""
        return sum(tensor.numel() for tensor in self.weights.values()) <= _SMALL_PARAMETERS

    @property
    def tokenizer_json(self) -> str:
        """Text of ``tokenizer.json``."""
        return _text(self.tokenizer_files["tokenizer.json"])

    def special_token_id(self, name: str) -> int | None:
        """Id of ``eos_token``, ``pad_token`` or ``bos_token``; None if the tokenizer sets none."""
        settings: dict[str, Any] = {}
        for file in ("special_tokens_map.json", "tokenizer_config.json"):
            settings.update(json.loads(_text(self.tokenizer_files.get(file, "{}"))))
        token = settings.get(name)
        token = token["content"] if isinstance(token, dict) else token
        content = json.loads(self.tokenizer_json)
        ids = content["model"]["vocab"] | {t["content"]: t["id"] for t in content["added_tokens"]}
        return ids.get(token)

    def write_tokenizer(self, folder: Path) -> None:
        """Writes the tokenizer's files into an existing folder."""
        for name, content in self.tokenizer_files.items():
            data = content.encode() if isinstance(content, str) else content
            (folder / name).write_bytes(data)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a monolithic ``.pt`` checkpoint that Composer saved; symbolic links are followed.

    Raises:
        UserError: if there is no such file, it is a folder of shards, or not such a checkpoint.
    """
    require(
        path.exists(),
        f"There is no checkpoint at {path}; give the `.pt` file that training wrote to its "
        "`save_folder` (latest-rank0.pt links to the newest).",
    )
    require(not path.is_dir(), _sharded(path))
    content = load_plain(path)
    state = content.get("state") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not isinstance(state.get("model"), Mapping):
        raise UserError(
            f"{path} holds no `state.model`, so it is not a checkpoint that Composer saved; give "
            "the `.pt` file from a run's `save_folder`."
        )
    try:
        model = state["integrations"]["huggingface"]["model"]
        tokenizer = state["integrations"]["huggingface"]["tokenizer"]
        config = dict(model["config"]["content"])
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path} holds no transformers configuration (`state.integrations.huggingface`), so it "
            "was not saved from a Foundry language model; only those can be exported."
        ) from error
    files = {name: _file_content(entry) for name, entry in tokenizer.items()}
    require(
        "tokenizer.json" in files,
        f"{path} holds no tokenizer.json (its tokenizer files: {sorted(files) or 'none'}); train "
        "with a fast tokenizer that is saved with the checkpoint.",
    )
    return Checkpoint(path, _weights(path, state["model"]), config, files)


def _sharded(path: Path) -> str:
    return (
        f"{path} is a folder of checkpoint shards, and an export needs one file: join them with "
        f"`python -m torch.distributed.checkpoint.format_utils dcp_to_torch {path} joined.pt` and "
        "export joined.pt, or train with `fsdp_config.state_dict_type: full`."
    )


def _weights(path: Path, state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    import torch

    weights: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise UserError(
                f"{path}: `state.model.{name}` is not a whole tensor, so this is one rank's part "
                "of a sharded checkpoint; save with `fsdp_config.state_dict_type: full`."
            )
        weights[name.removeprefix(_PREFIX)] = value.float()
    return weights


def _file_content(entry: Mapping[str, Any]) -> str | bytes:
    """Undoes how Composer stores a tokenizer file: JSON parsed, ``.txt`` as a list of lines."""
    extension, content = entry["file_extension"], entry["content"]
    if extension == ".json":
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    return "\n".join(content) if extension == ".txt" else content


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()


class _Inert:
    """Stands for any object that is not a tensor or a plain container; accepts every state."""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return self

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Ignores an item."""

    def extend(self, _: Any) -> None:
        """Ignores items."""

    def add(self, _: Any) -> None:
        """Ignores an item."""


class _TensorUnpickler(pickle.Unpickler):
    """Resolves the globals that tensors are made of; all others are `_Inert`."""

    def find_class(self, module: str, name: str) -> Any:
        """The object for ``module.name``, or the placeholder class."""
        import torch
        from torch import _utils

        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return getattr(_utils, name)
        if module == "torch" and (
            name.endswith("Storage") or isinstance(getattr(torch, name, None), torch.dtype)
        ):
            return getattr(torch, name)
        return torch.Size if (module, name) == ("torch", "Size") else _Inert


def load_plain(path: Path) -> Any:
    """A checkpoint's content, read without running anything that is pickled in it."""
    import torch

    reader = types.SimpleNamespace(
        Unpickler=_TensorUnpickler, load=_refuse_legacy, __name__="foundry_plugins.pickle"
    )
    try:
        # mmap: optimizer states, two thirds of the file, are never read from the disk.
        return torch.load(path, "cpu", pickle_module=reader, weights_only=False, mmap=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, TypeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{path} cannot be read as a checkpoint ({str(error).splitlines()[0]}); give an "
            "uncompressed `.pt` file from a run's `save_folder`, and save again if it is damaged."
        ) from error


def _refuse_legacy(*_: Any, **__: Any) -> Any:
    raise pickle.UnpicklingError("not a zip archive, the format of torch 1.6 and later")
