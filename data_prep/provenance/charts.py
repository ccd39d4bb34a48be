# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Bar charts as PNG, without a screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from foundry_plugins.contract.files import atomic_path

# The rest is summed up in one bar.
_MOST_BARS = 20
_OTHERS = "all others"

Values = Mapping[str, float]


def largest(values: Values, count: int = _MOST_BARS) -> dict[str, float]:
    """The largest values, largest first, and the sum of the others.

    >>> largest({"a": 1, "b": 5, "c": 2, "d": 1}, 2)
    {'b': 5, 'c': 2, 'all others': 2}
    """
    ordered = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(ordered[:count])
    if others := sum(value for _, value in ordered[count:]):
        shown[_OTHERS] = others
    return shown


def _label(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def bars(path: Path, panels: Mapping[str, Values]) -> None:
    """Draws one panel of horizontal bars for each title; in the order given."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {title: values or {"none": 0} for title, values in panels.items()}
    heights = [0.7 + 0.24 * len(values) for values in panels.values()]
    figure = Figure(figsize=(8, sum(heights) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    column = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, values) in zip(column, panels.items(), strict=True):
        drawn = axes.barh(list(values), list(values.values()), color="#4477aa")
        axes.bar_label(drawn, fmt=_label, padding=3, fontsize=7)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.12, y=0.02)
        axes.xaxis.set_major_formatter(_label)
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=120)
