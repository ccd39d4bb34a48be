# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Averages checkpoints in fp32, a tensor at a time.

    mean = sum over checkpoints of share * weight

The mean grows in a file that is mapped into memory, and checkpoints are mapped or read a tensor at
a time, so what must fit into memory is one tensor, twice for shards. The result holds the weights
and what an export reads, and no optimizer, schedule or time: loading it starts a run of its own.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundry_plugins.averaging.checkpoints import Checkpoint, open_checkpoints
from foundry_plugins.averaging.methods import shares
from foundry_plugins.contract.errors import require
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    import torch

_CHUNK = 1 << 24  # elements converted at a time: 64 MB


@dataclasses.dataclass(frozen=True)
class Report:
    """What was averaged.

    Attributes:
        output: What was written.
        method: By which shares.
        inputs: Path, batch and share of each checkpoint, oldest first.
        parameters: Elements of all weights.
        distance: Of the newest checkpoint from the mean, as a share of the mean's length.
    """

    output: str
    method: str
    inputs: list[dict[str, Any]]
    parameters: int
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    def rows(self) -> list[tuple[str, str, str]]:
        """For a table: checkpoint, batch, share."""
        rows = [(i["path"], f"{i['batch']:,}", f"{i['share']:.4f}") for i in self.inputs]
        return [*rows, (self.output, "mean", f"newest differs by {self.distance:.2%}")]


def average(
    paths: Sequence[Path],
    output: Path,
    method: str = "uniform",
    window: int | None = None,
    decay: float | None = None,
) -> Report:
    """Writes the mean of checkpoints.

    Args:
        paths: What `open_checkpoints` takes.
        output: A ``.pt`` file, or any other name for a folder of shards, which a run with
            ``state_dict_type: sharded`` loads (``load_weights_only: true``).
        method: See `methods.py`.
        window: For ``lawa``.
        decay: For ``ema``.

    Raises:
        UserError: if the checkpoints are not of one model.
    """
    checkpoints = open_checkpoints(paths)
    all_shares = shares(method, len(checkpoints), window, decay)
    used = [(c, share) for c, share in zip(checkpoints, all_shares, strict=True) if share > 0]
    for checkpoint, _ in used[:-1]:
        _check_same(checkpoint, used[-1][0])
    output.parent.mkdir(parents=True, exist_ok=True)
    # Beside the output, since a machine's own scratch space may be too small for a model.
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as scratch:
        weights, distance = _mean(used, Path(scratch) / "weights")
        _write(output, {"state": {"model": weights, **used[-1][0].rest()}})
    return Report(
        output=str(output),
        method=method,
        inputs=[{"path": str(c.path), "batch": c.batch, "share": share} for c, share in used],
        parameters=sum(tensor.numel() for tensor in weights.values()),
        distance=distance,
    )


def _check_same(one: Checkpoint, other: Checkpoint) -> None:
    differing = one.shapes.keys() ^ other.shapes.keys()
    require(
        not differing,
        f"{one.path} and {other.path} are not of one model: only one of them has "
        f"{', '.join(sorted(differing)[:3])}; average checkpoints of one run.",
    )
    for name, form in one.shapes.items():
        got = other.shapes[name]
        require(
            form.shape == got.shape and form.dtype.is_floating_point == got.dtype.is_floating_point,
            f"`{name}` is {list(form.shape)} {form.dtype} in {one.path} and {list(got.shape)} "
            f"{got.dtype} in {other.path}; average checkpoints of one run.",
        )


def _mean(
    used: Sequence[tuple[Checkpoint, float]], file: Path
) -> tuple[dict[str, torch.Tensor], float]:
    """The mean's tensors, mapped to files, and how far the newest checkpoint is from it."""
    newest, _ = used[-1]
    means = _mapped(newest, file)
    far, long = 0.0, 0.0
    for name, mean in means.items():
        if not mean.dtype.is_floating_point:
            mean.copy_(newest.read(name))
            continue
        tensor = mean
        for checkpoint, share in used:
            tensor = checkpoint.read(name)
            for into, of in _chunks(mean, tensor):
                into.add_(of.float(), alpha=share)
        # The last one read is the newest's.
        for into, of in _chunks(mean, tensor):
            far += float((of.float() - into).double().square().sum())
            long += float(into.double().square().sum())
    return means, (far / long) ** 0.5 if long else 0.0


def _mapped(like: Checkpoint, file: Path) -> dict[str, torch.Tensor]:
    """Zeros, each tensor in a file of its own: fp32, or what is not a fraction as it is."""
    import torch

    dtypes = {
        n: torch.float32 if f.dtype.is_floating_point else f.dtype for n, f in like.shapes.items()
    }
    found: dict[str, torch.Tensor] = {}
    for number, (name, form) in enumerate(like.shapes.items()):
        count = torch.Size(form.shape).numel()
        if count == 0:
            found[name] = torch.zeros(form.shape, dtype=dtypes[name])
            continue
        path = str(file.with_suffix(f".{number}"))
        flat = torch.from_file(path, shared=True, size=count, dtype=dtypes[name])
        found[name] = flat.view(form.shape)
    return found


def _chunks(into: torch.Tensor, of: torch.Tensor) -> zip[tuple[torch.Tensor, torch.Tensor]]:
    return zip(into.view(-1).split(_CHUNK), of.reshape(-1).split(_CHUNK), strict=True)


def _write(output: Path, content: dict[str, Any]) -> None:
    import torch
    from torch.distributed.checkpoint.filesystem import FileSystemWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    with atomic_path(output) as partial:
        if output.suffix == ".pt":
            torch.save(content, partial)
        else:
            save(content, storage_writer=FileSystemWriter(partial), no_dist=True)
