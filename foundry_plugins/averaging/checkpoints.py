# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Opens the checkpoints that Composer writes, one file or a folder of shards, tensor by tensor.

A ``.pt`` file is mapped into memory, so only what is read is loaded, and nothing but tensors and
plain containers is rebuilt from it. A folder is what ``torch.distributed.checkpoint`` wrote for a
sharded run; its index and its small entries are pickles, which can run code when they are read, so
average only what you trained yourself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from foundry_plugins.contract.errors import UserError, require

if TYPE_CHECKING:
    import torch

# Beside the weights, what an export needs; not what belongs to one moment of the run.
KEPT = ("integrations", "metadata")
_INDEX = ".metadata"
_SHARDED = ("state", "model")


class Shape(NamedTuple):
    """A tensor's form."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class Checkpoint(Protocol):
    """A checkpoint whose weights are read one at a time."""

    path: Path
    batch: int
    shapes: dict[str, Shape]  # by the weights' names in the model

    def read(self, name: str) -> torch.Tensor:
        """A whole weight, on the CPU."""
        ...

    def rest(self) -> dict[str, Any]:
        """The entries `KEPT`."""
        ...


class OneFile:
    """A monolithic ``.pt``.

    Raises:
        UserError: if it is not such a checkpoint.
    """

    def __init__(self, path: Path) -> None:
        import torch

        from foundry_plugins.export.checkpoint import load_plain

        content = load_plain(path)
        state = content.get("state") if isinstance(content, dict) else None
        model = state.get("model") if isinstance(state, dict) else None
        if not isinstance(state, dict) or not isinstance(model, Mapping):
            raise UserError(f"{path} holds no `state.model`; give checkpoints that Composer saved.")
        for name, value in model.items():
            require(
                isinstance(value, torch.Tensor),
                f"{path}: `state.model.{name}` is not a whole tensor, so this is one rank's part "
                "of a sharded checkpoint; give the folder that holds `.metadata`.",
            )
        self.path, self._state, self._model = path, state, model
        self.shapes = {n: Shape(tuple(t.shape), t.dtype) for n, t in model.items()}
        time = state.get("timestamp", {}).get("Timestamp", {})
        self.batch = time["batch"] if "batch" in time else _batch_of_name(path)

    def read(self, name: str) -> torch.Tensor:
        """See `Checkpoint`."""
        return self._model[name]

    def rest(self) -> dict[str, Any]:
        """See `Checkpoint`."""
        return {key: _plain(self._state[key]) for key in KEPT if key in self._state}


class Shards:
    """A folder written by ``torch.distributed.checkpoint``.

    Raises:
        UserError: if there is no model in it.
    """

    def __init__(self, path: Path) -> None:
        from torch.distributed.checkpoint.filesystem import FileSystemReader
        from torch.distributed.checkpoint.metadata import TensorStorageMetadata

        self.path = path
        index = FileSystemReader(path).read_metadata()
        # Flat name -> where it was in the nested state.
        self._places: dict[str, tuple[Any, ...]] = dict(index.planner_data or {})
        self._names: dict[str, str] = {}
        self.shapes = {}
        for flat, entry in index.state_dict_metadata.items():
            place = self._places.get(flat, ())
            if place[:2] == _SHARDED and isinstance(entry, TensorStorageMetadata):
                name = ".".join(map(str, place[2:]))
                self._names[name] = flat
                self.shapes[name] = Shape(tuple(entry.size), entry.properties.dtype)
        require(
            bool(self.shapes),
            f"{path} holds no `state.model`; give folders of shards that Composer saved.",
        )
        times = [f for f, place in self._places.items() if place[-2:] == ("Timestamp", "batch")]
        self.batch = self._objects(times[:1])[times[0]] if times else _batch_of_name(path)

    def read(self, name: str) -> torch.Tensor:
        """See `Checkpoint`."""
        import torch
        from torch.distributed.checkpoint.filesystem import FileSystemReader
        from torch.distributed.checkpoint.state_dict_loader import load

        form = self.shapes[name]
        found = {self._names[name]: torch.empty(form.shape, dtype=form.dtype)}
        load(found, storage_reader=FileSystemReader(self.path), no_dist=True)
        return found[self._names[name]]

    def rest(self) -> dict[str, Any]:
        """See `Checkpoint`."""
        places = {
            flat: place
            for flat, place in self._places.items()
            if place[0] == "state" and place[1] in KEPT
        }
        found: dict[str, Any] = {}
        for flat, value in self._objects(list(places)).items():
            *parents, last = places[flat][1:]
            inner = found
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = value
        return _plain(_with_lists(found))

    def _objects(self, names: Sequence[str]) -> dict[str, Any]:
        from torch.distributed.checkpoint.filesystem import FileSystemReader
        from torch.distributed.checkpoint.state_dict_loader import load

        found: dict[str, Any] = dict.fromkeys(names, 0)
        if found:
            load(found, storage_reader=FileSystemReader(self.path), no_dist=True)
        return found


def open_checkpoints(paths: Sequence[Path]) -> list[Checkpoint]:
    """The checkpoints under some paths, oldest first.

    Args:
        paths: Files, folders of shards, or folders that hold some of either, such as a run's
            ``save_folder``.

    Raises:
        UserError: if one is none, or two are of the same batch.
    """
    found: list[Checkpoint] = []
    for path in paths:
        require(path.exists(), f"There is no checkpoint at {path}.")
        here = list(_under(path))
        require(
            bool(here),
            f"There is no checkpoint in {path}; give `.pt` files, folders of shards, or a folder "
            "that holds some.",
        )
        found += [Shards(p) if p.is_dir() else OneFile(p) for p in here]
    found.sort(key=lambda checkpoint: checkpoint.batch)
    for earlier, later in itertools.pairwise(found):
        require(
            earlier.batch != later.batch,
            f"{earlier.path} and {later.path} are both of batch {later.batch}; name one of them.",
        )
    return found


def _under(path: Path) -> Iterator[Path]:
    if not path.is_dir() or (path / _INDEX).exists():
        yield path
        return
    for child in sorted(path.iterdir()):
        # The links to the newest one would count it twice.
        if child.is_symlink():
            continue
        if child.suffix == ".pt" or (child / _INDEX).exists():
            yield child


def _batch_of_name(path: Path) -> int:
    match = re.search(r"ba(\d+)", path.name)
    if match is None:
        raise UserError(
            f"{path} does not say after which batch it was saved, neither inside nor by a name "
            "such as ep0-ba100-rank0.pt; rename it."
        )
    return int(match[1])


def _with_lists(value: Any) -> Any:
    """Undoes how a sharded checkpoint is made flat: the items of a list are numbered entries.

    Empty mappings are not stored. In a list they leave a gap, and are put back.
    """
    if not isinstance(value, dict):
        return value
    items = {key: _with_lists(item) for key, item in value.items()}
    if items and all(isinstance(key, int) for key in items):
        return [items.get(number, {}) for number in range(max(items) + 1)]
    return items


def _plain(value: Any) -> Any:
    """The value without what is not a plain container, number or text: safe to load again."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if _is_plain(item)}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value if _is_plain(item))
    # A version of torch is a kind of text that only its own class can read back.
    return str(value) if isinstance(value, str) else value


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, Mapping | list | tuple | str | bytes | int | float)
