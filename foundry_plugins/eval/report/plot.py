# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The shares as a picture: a lane for each, its value a dot and its interval a line.

Drawn as SVG text, so that a page can hold it and it can be read in any size. Shares differ by their
lanes' names, never by colour alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from foundry_plugins.eval.report.figures import Row, Share
from foundry_plugins.eval.report.texts import escaped

# In units of the picture, which a page scales.
_WIDTH, _LEFT, _RIGHT = 440, 84, 388
_LANE, _NAME, _GROUP, _AXIS = 15, 17, 26, 20
_LONGEST_NAME = 66  # characters that fit
_TOPS = (0.05, 0.1, 0.2, 0.5, 1.0)
_STYLE = """<style>
svg { color: #1c2128; fill: currentColor; font: 12px system-ui, sans-serif }
.faint { opacity: 0.65 } .heading { font-weight: 600 } .end { text-anchor: end }
.middle { text-anchor: middle } line { stroke: currentColor } .grid { opacity: 0.15 }
.interval { stroke-width: 2; opacity: 0.6 }
@media (prefers-color-scheme: dark) { svg { color: #e6e8eb; background: #14171a } }
</style>"""


def svg(rows: Sequence[Row], standalone: bool = False) -> str:
    """The picture.

    Args:
        rows: Those of a benchmark and language beside each other.
        standalone: Whether it is a file of its own, not a part of a page that has the style.
    """
    shown = [row for row in rows if row.shares]
    highs = [share.high for row in shown for share in row.shares.values()]
    top = next(top for top in _TOPS if top >= max([0.0, *highs]) or top == _TOPS[-1])
    parts, y = [], float(_AXIS)
    for (benchmark, rules, language), group in itertools.groupby(shown, key=_group):
        y += _GROUP
        parts.append(_text(0, y - 8, f"{benchmark}, {language}, rules: {rules}", "heading"))
        for row in group:
            y += _NAME
            name = row.name if len(row.name) <= _LONGEST_NAME else f"{row.name[:_LONGEST_NAME]}..."
            parts.append(_text(0, y - 5, name))
            for share_name, share in row.shares.items():
                parts.append(_lane(share_name, share, y + _LANE / 2, top))
                y += _LANE
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 6:g}" role="img"'
    title = "Shares of problems solved, with 95 % intervals"
    content = "\n".join([*_grid(top, y), *parts])
    return f'{head} aria-label="{title}">\n{_STYLE if standalone else ""}\n{content}\n</svg>\n'


def _group(row: Row) -> tuple[str, str, str]:
    return row.benchmark, row.rules, row.language


def _x(value: float, top: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(value, top) / top


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escaped(text)}</text>'


def _line(x: tuple[float, float], y: tuple[float, float], kind: str) -> str:
    ends = f'x1="{x[0]:.1f}" x2="{x[1]:.1f}" y1="{y[0]:.1f}" y2="{y[1]:.1f}"'
    return f'<line {ends} class="{kind}"/>'


def _lane(name: str, share: Share, y: float, top: float) -> str:
    ends = (_x(share.low, top), _x(share.high, top))
    return "\n".join(
        [
            _text(_LEFT - 10, y + 4, name, "faint end"),
            _line(ends, (y, y), "interval"),
            *(_line((x, x), (y - 3, y + 3), "interval") for x in ends),
            f'<circle cx="{_x(share.value, top):.1f}" cy="{y:.1f}" r="3.5"/>',
            _text(_WIDTH, y + 4, f"{100 * share.value:.1f} %", "end"),
        ]
    )


def _grid(top: float, bottom: float) -> list[str]:
    marks = [top * part / 5 for part in range(6)]
    return [
        part
        for mark in marks
        for part in (
            _line((_x(mark, top), _x(mark, top)), (_AXIS, bottom), "grid"),
            _text(_x(mark, top), _AXIS - 6, f"{100 * mark:g} %", "faint middle"),
        )
    ]
