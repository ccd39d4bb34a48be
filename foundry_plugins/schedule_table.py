# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A learning-rate schedule as a small table and a picture, before anything is trained.

The host's own scheduler object is asked, at made-up times, so any scheduler can be shown. Batch b
is shown at the rate that its optimizer step uses: Composer asks for it at the timestamp of batch
b - 1, and for the first batch at its own. What rate a checkpoint brings along is known to a run
only: without one, ``rewarm`` is shown from 0.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    from composer.core import State, Timestamp

    from foundry_plugins.schedules.origin import Origin
    from foundry_plugins.schedules.rules import Rule

PNG_FILE = "learning_rate.png"
_POINTS = 400  # of the picture
_ROWS = 12  # of the table


class Point(NamedTuple):
    """The learning rate of a batch."""

    batch: int
    tokens: float
    lr: float


class BatchSize(NamedTuple):
    """What a batch adds to the clocks, all ranks together; 0 tokens if nobody counts them."""

    samples: float
    tokens: float


def curve(state: State, lr: Callable[[], float], size: BatchSize, origin: Origin) -> list[Point]:
    """Learning rates over a run.

    Args:
        state: The host's state; its timestamp is replaced while this runs.
        lr: The learning rate at the state's timestamp.
        size: Of a batch.
        origin: Where the run begins.

    Raises:
        UserError: if ``max_duration`` is in a unit that ``size`` does not tell.
    """
    from foundry_plugins.schedules.times import duration

    whole = duration(state)
    each = {"ba": 1.0, "sp": size.samples, "tok": size.tokens}[whole.clock]
    require(
        each > 0,
        "`max_duration` is in tokens, but the length of a sample is not known; set `max_seq_len`.",
    )
    last = math.ceil(float(whole.amount) / each)
    points = []
    for batch in _batches(origin.batch, last):
        with _at(state, _timestamp(max(batch - 1, origin.batch), size, origin)):
            points.append(Point(batch, batch * size.tokens, lr()))
    return points


def rows(points: Sequence[Point]) -> list[tuple[str, str, str, str]]:
    """Evenly spread rows of (batch, tokens, learning rate, share of the highest)."""
    peak = max(point.lr for point in points) or 1.0
    steps = sorted({round(i * (len(points) - 1) / (_ROWS - 1)) for i in range(_ROWS)} | {1})
    kept = [points[step] for step in steps if step < len(points)]
    highest = max(points, key=lambda point: point.lr)
    if highest not in kept:
        kept = sorted([*kept, highest])
    return [(f"{p.batch:,}", f"{p.tokens:.3g}", f"{p.lr:.4g}", f"{p.lr / peak:.1%}") for p in kept]


def plot(points: Sequence[Point], output: Path, title: str) -> None:
    """Draws the curve as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([point.batch for point in points], [point.lr for point in points], linewidth=1.2)
    axes.set(xlabel="batch", ylabel="learning rate", title=title, ylim=(0, None))
    axes.grid(alpha=0.3)
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(output) as partial:
        figure.savefig(partial, format="png", dpi=120)


def of_yaml(
    path: Path, overrides: Sequence[str], taken_over_at: int = 0
) -> tuple[list[Point], list[tuple[Rule, float | None]]]:
    """The curve of a training YAML, and what the rules of `rules.py` say beside what it says.

    Args:
        path: The YAML.
        overrides: ``key=value`` pairs as on the command line of ``llmfoundry train``.
        taken_over_at: Batch of the checkpoint that ``rewarm`` continues with its time kept.

    Raises:
        UserError: if the YAML is not found or a time cannot be counted without the data.
    """
    require(
        path.is_file(), f"There is no file {path}; `foundry-plugins yamls` lists those included."
    )
    from llmfoundry.utils import builders

    from foundry_plugins.check import naming_section
    from foundry_plugins.host import read_training_config
    from foundry_plugins.schedules.origin import Origin

    config = read_training_config(path, overrides)
    section = dict(config.scheduler)
    with naming_section("scheduler"):
        scheduler = builders.build_scheduler(section.pop("name"), section)
    batch = config.global_train_batch_size or 0
    require(batch > 0, "`global_train_batch_size` is missing; set it, e.g. 256.")
    size = BatchSize(batch, batch * (config.max_seq_len or 0))
    origin = Origin(*(int(taken_over_at * each) for each in (1, *size)))
    state = _planned_state(config, size, origin)
    peak = float(config.optimizer["lr"])
    points = curve(state, lambda: peak * scheduler(state), size, origin)
    return points, _rules(config, size, points[-1].batch + 1 - origin.batch)


def rule_rows(rules: Sequence[tuple[Rule, float | None]]) -> list[tuple[str, ...]]:
    """(setting, what the rule says, what the YAML says, formula, limits)."""
    return [
        (
            rule.name,
            f"{rule.value:.4g}",
            "" if own is None else f"{own:g}",
            rule.formula,
            rule.limits,
        )
        for rule, own in rules
    ]


def _planned_state(config: Any, size: BatchSize, origin: Origin) -> State:
    """A state with the clocks of a run and a model of one weight."""
    import torch
    from composer.core import Callback, State
    from composer.devices import DeviceCPU

    from foundry_plugins.schedules.origin import KeepsOrigin

    keeper = type("Keeper", (Callback, KeepsOrigin), {"origin": origin})
    model = torch.nn.Linear(1, 1, bias=False)
    group = {"params": [model.weight], "lr": float(config.optimizer["lr"])}
    if "betas" in config.optimizer:
        group["betas"] = tuple(config.optimizer["betas"])
    loader = SimpleNamespace(
        batch_size=int(size.samples), dataset=SimpleNamespace(max_seq_len=config.max_seq_len)
    )
    state = State(
        rank_zero_seed=0,
        run_name="schedule",
        model=model,  # type: ignore[arg-type]
        device=DeviceCPU(),
        max_duration=config.max_duration,
        optimizers=torch.optim.SGD([group]),
        callbacks=[keeper()],
    )
    state.train_dataloader = loader  # type: ignore[assignment]
    return state


def _rules(config: Any, size: BatchSize, batches: int) -> list[tuple[Rule, float | None]]:
    from foundry_plugins.schedules.rules import peak_learning_rate, warmup_batches, weight_decay

    found: list[tuple[Rule, float | None]] = []
    if "betas" in config.optimizer:
        found.append((warmup_batches(float(config.optimizer["betas"][1])), None))
    width, layers = (config.model.get(key) for key in ("d_model", "n_layers"))
    if width and layers:
        found.append((peak_learning_rate(12 * layers * width**2), float(config.optimizer["lr"])))
    if size.tokens:
        rule = weight_decay(size.tokens, size.tokens * batches, batches)
        found.append((rule, _coupled_decay(config.optimizer)))
    return found


def _coupled_decay(optimizer: Any) -> float | None:
    """The YAML's weight decay as AdamW counts it, which multiplies it by the learning rate."""
    decay, lr = optimizer.get("weight_decay"), float(optimizer["lr"])
    decoupled = optimizer.get("weight_decay_mode") == "decoupled"
    if decay is None or not (decoupled or str(optimizer["name"]).startswith("decoupled")):
        return decay
    return float(decay) / lr if lr else None


def _batches(first: int, last: int) -> list[int]:
    """At most about `_POINTS` of the batches from first to last, ends and second one included."""
    count = last - first
    if count <= _POINTS:
        return list(range(first, last))
    even = {first + round(i * (count - 1) / (_POINTS - 1)) for i in range(_POINTS)}
    return sorted(even | {first + 1})


def _timestamp(batch: int, size: BatchSize, origin: Origin) -> Timestamp:
    from composer.core import Timestamp

    since = batch - origin.batch
    return Timestamp(
        batch=batch,
        sample=origin.sample + round(since * size.samples),
        token=origin.token + round(since * size.tokens),
    )


@contextlib.contextmanager
def _at(state: State, timestamp: Timestamp) -> Iterator[None]:
    before = state.timestamp
    state.timestamp = timestamp
    try:
        yield
    finally:
        state.timestamp = before
