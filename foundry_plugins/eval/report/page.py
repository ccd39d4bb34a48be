# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one page that needs nothing else: no network, no library, no server.

It can be read without a script; the script (``page.js``) only filters. A policy inside the page
allows that script and that style and nothing more, so that no answer of a model could run anything
even if it were not escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins import __version__
from foundry_plugins.eval.report import answers, plot
from foundry_plugins.eval.report.answers import SOLVED, called, token
from foundry_plugins.eval.report.figures import Row, Share
from foundry_plugins.eval.report.folders import Evaluation
from foundry_plugins.eval.report.table import labels, notes, share_names
from foundry_plugins.eval.report.texts import escaped

_HEADS = ("Benchmark", "Rules", "Language", "Model", "Problems", "Samples")


def html(evaluations: Sequence[Evaluation], rows: Sequence[Row], shown: int) -> str:
    """The page.

    Args:
        evaluations: All of them.
        rows: Their figures.
        shown: Answers to a problem that are shown of each model.
    """
    style, script = (Path(__file__).with_name(f"page.{end}").read_text() for end in ("css", "js"))
    policy = f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}"
    said = "".join(f"<li>{escaped(note)}</li>" for note in notes(rows))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Code evaluation</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Code evaluation</h1>
<p class="faint">{_count(evaluations, rows)} Made by foundry_plugins {__version__}.</p>
<nav aria-label="Sections"><ul>
<li><a href="#figures">Figures</a></li><li><a href="#failures">Failures</a></li>
<li><a href="#settings">Settings</a></li><li><a href="#problems">Problems and answers</a></li>
</ul></nav>
</header>
<main>
<section id="figures" aria-labelledby="figures-title">
<h2 id="figures-title">Figures</h2>
<p>Means over problems. The brackets hold 95&nbsp;% of what the same model might have scored on
other problems of the kind (bootstrap over problems); where it solved none or all of them they
say nothing. Figures of different rules cannot be compared.</p>
{_figures(rows)}
{f"<ul>{said}</ul>" if said else ""}
<figure>
{plot.svg(rows)}
<figcaption>The same figures: a dot is the value, its line the interval.</figcaption>
</figure>
</section>
<section id="failures" aria-labelledby="failures-title">
<h2 id="failures-title">Failures</h2>
<p>Samples by how they ended, and their share.</p>
{_failures(rows)}
</section>
<section id="settings" aria-labelledby="settings-title">
<h2 id="settings-title">Settings</h2>
{"".join(map(_settings, evaluations))}
</section>
<section id="problems" aria-labelledby="problems-title">
<h2 id="problems-title">Problems and answers</h2>
{_form(evaluations, rows)}
{chr(10).join(answers.problems(evaluations, shown))}
</section>
</main>
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _count(evaluations: Sequence[Evaluation], rows: Sequence[Row]) -> str:
    samples = sum(len(one.samples) for one in evaluations)
    models, benchmarks = {one.model for one in evaluations}, {row.benchmark for row in rows}
    parts = ((len(models), "model"), (len(benchmarks), "benchmark"), (samples, "sample"))
    return ", ".join(f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in parts) + "."


def _table(name: str, heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    top = "".join(f'<th scope="col">{escaped(head)}</th>' for head in heads)
    body = "\n".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    return f"""<div class="scroll" role="region" aria-label="{name}" tabindex="0"><table>
<thead><tr>{top}</tr></thead>
<tbody>
{body}
</tbody></table></div>"""


def _cells(row: Row) -> list[str]:
    *before, name, problems, samples = (escaped(label) for label in labels(row))
    return [
        *(f"<td>{label}</td>" for label in before),
        f'<th scope="row">{name}</th>',
        *(f'<td class="number">{count}</td>' for count in (problems, samples)),
    ]


def _figures(rows: Sequence[Row]) -> str:
    shares = share_names(rows)
    lines = [
        [
            *_cells(row),
            *(_share(row.shares.get(name)) for name in shares),
            f'<td class="number">{row.mean_tokens:.0f}</td>',
            f'<td class="number">{row.cut_off:,}</td>',
        ]
        for row in rows
    ]
    return _table("Figures", (*_HEADS, *shares, "Mean tokens", "Cut off by length"), lines)


def _share(share: Share | None) -> str:
    if share is None:
        return '<td class="number">-</td>'
    bounds = f"{100 * share.low:.1f} to {100 * share.high:.1f}"
    return f'<td class="number">{100 * share.value:.1f}&nbsp;% <small>[{bounds}]</small></td>'


def _failures(rows: Sequence[Row]) -> str:
    kinds = list(dict.fromkeys(kind for row in rows for kind in row.kinds))
    lines = []
    for row in rows:
        total = sum(row.kinds.values())
        counts = [
            f'<td class="number">{row.kinds[kind]:,} '
            f"<small>{100 * row.kinds[kind] / total:.1f}&nbsp;%</small></td>"
            if kind in row.kinds
            else '<td class="number">-</td>'
            for kind in kinds
        ]
        lines.append([*_cells(row), *counts])
    return _table("Failures", (*_HEADS, *kinds), lines)


def _settings(evaluation: Evaluation) -> str:
    told = {"folder": str(evaluation.folder), **_flat(evaluation.settings)}
    told |= {f"versions.{key}": value for key, value in _flat(evaluation.versions).items()}
    facts = "\n".join(
        f"<dt>{escaped(key)}</dt><dd>{escaped(value)}</dd>" for key, value in told.items()
    )
    words = [called(evaluation), *filter(None, evaluation.languages)]
    title = f"{evaluation.name}: {', '.join(words)}"
    return f"<details><summary>{escaped(title)}</summary>\n<dl>\n{facts}\n</dl></details>\n"


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Sections within sections as dotted keys."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{before}{key}.")
        else:
            found[before + key] = value if isinstance(value, str) else json.dumps(value)
    return found


def _form(evaluations: Sequence[Evaluation], rows: Sequence[Row]) -> str:
    benchmarks = {called(one) for one in evaluations}
    kinds = dict.fromkeys(kind for row in rows for kind in row.kinds)
    choices = (
        ("benchmark", "Benchmark", {token(name): name for name in sorted(benchmarks)}),
        (
            "language",
            "Language",
            {token(name): name for name in sorted({r.language for r in rows})},
        ),
        ("model", "Model", {str(number): one.name for number, one in enumerate(evaluations)}),
        ("kind", "Ended as", {token(name): name for name in kinds}),
        ("solved", "Solved", {"some_or_all": "by any answer", **SOLVED}),
    )
    selects = "\n".join(_select(*choice) for choice in choices)
    return f"""<form hidden>
{selects}
<label>Name of the problem<input type="search" name="search" autocomplete="off"></label>
<button type="reset">Show all</button>
<output aria-live="polite"></output>
</form>"""


def _select(name: str, title: str, values: Mapping[str, str]) -> str:
    options = "".join(
        f'<option value="{escaped(value)}">{escaped(text)}</option>'
        for value, text in values.items()
    )
    all_ = '<option value="">all</option>'
    return f'<label>{title}<select name="{name}">{all_}{options}</select></label>'
