# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a user sees while a stage runs: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

Watch = Callable[[int | None], None]

_LINE_EVERY_SECONDS = 10.0


@contextlib.contextmanager
def showing(label: str, weights: Sequence[int]) -> Iterator[Watch]:
    """Shows a stage's progress.

    Args:
        label: What the stage does.
        weights: Bytes of each piece of work.

    Yields:
        A function to call with the position of each finished piece, and with None now and then.
    """
    if sys.stdout.isatty():
        with _bar(label, weights) as watch:
            yield watch
    else:
        yield _lines(label, weights)


def done_line(label: str, *, parts: int, ran: int, num_bytes: int, seconds: float) -> str:
    """One line on a finished stage."""
    if ran == 0:
        return f"{label}: already done ({_count(parts, 'part')})"
    resumed = f" of {parts} (the others were done)" if ran < parts else ""
    rate = f", {num_bytes / 1e6 / seconds:.1f} MB/s" if seconds > 0.05 else ""
    return f"{label}: {_count(ran, 'part')}{resumed} in {seconds:.1f} s{rate}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _lines(label: str, weights: Sequence[int]) -> Watch:
    total = sum(weights)
    start = last = time.monotonic()
    finished = 0

    def watch(position: int | None) -> None:
        nonlocal last, finished
        finished += weights[position] if position is not None else 0
        now = time.monotonic()
        if now - last < _LINE_EVERY_SECONDS:
            return
        last = now
        rate = finished / (now - start)
        left = f"{rate / 1e6:.1f} MB/s, {(total - finished) / rate:.0f} s left" if rate else ""
        print(
            f"{label}: {100 * finished / max(total, 1):.0f} % of {total / 1e6:.1f} MB after "
            f"{now - start:.0f} s{', ' if left else ''}{left}",
            flush=True,
        )

    return watch


@contextlib.contextmanager
def _bar(label: str, weights: Sequence[int]) -> Iterator[Watch]:
    from rich import progress

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task(label, total=sum(weights))

        def watch(position: int | None) -> None:
            if position is not None:
                bar.advance(task, weights[position])

        yield watch
