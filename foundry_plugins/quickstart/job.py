# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From source files to a trained, evaluated, exported code model: the steps and their summary."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from foundry_plugins import yaml_files
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.eval.benchmarks.task import TESTS
from foundry_plugins.eval.report.write import FIGURES, PAGE
from foundry_plugins.export.llamacpp import require_package
from foundry_plugins.loggers.curves import METRICS_FILE, PLOT_FILE, plot
from foundry_plugins.quickstart.steps import Step, exclusive, run

CHECKPOINT = "checkpoints/latest-rank0.pt"
_BAR = ("progress_bar=true", "log_to_console=false")
_LINES = ("progress_bar=false", "log_to_console=true", "console_log_interval=25ba")


def quickstart(source: Path | None, root: Path, settings: dict[str, str]) -> None:
    """Runs every step that is not done and prints the summary.

    Args:
        source: Folder of source code; None for the interpreter's standard library.
        root: Output folder.
        settings: Values for ``variables`` of the YAMLs, such as ``{"vocab_size": "2048"}``.

    Raises:
        UserError: if a step fails or another run is at work in ``root``.
    """
    for package in ("gguf", "xllamacpp"):
        require_package(package)  # needed at the end; said before minutes of training
    if source is not None:
        source = source.expanduser()
        require(
            source.is_dir(), f"SOURCE={source} is not a folder; name one that holds source code."
        )
    with exclusive(root):
        run(_data(source, root, settings), root)
        for make in (_baselines, _problems, _train, _evaluate, _export, _generate, _report):
            run(make(root, settings), root)
        _print_summary(source, root)


def _variables(root: Path, settings: dict[str, str], *keys: str) -> list[str]:
    chosen = [f"variables.{key}={settings[key]}" for key in keys if key in settings]
    return [f"variables.root={root}", *chosen]


def _data(source: Path | None, root: Path, settings: dict[str, str]) -> Step:
    recipe = yaml_files.find("quickstart/data.yaml")
    arguments = [f"variables.output={root / 'data'}"]
    if source is not None:
        arguments.append(f"variables.source={source}")
    arguments += [
        f"variables.{key}={settings[key]}" for key in ("vocab_size", "workers") if key in settings
    ]
    return Step(
        name="data",
        title="1. Data: source files to packed, tokenized shards",
        command=["convert_dataset", "run", str(recipe), *arguments],
        reads=[recipe],
        writes=[root / "data/train/index.json"],
        always=True,
    )


def _baselines(root: Path, settings: dict[str, str]) -> Step:
    return Step(
        name="baselines",
        title="2. Baselines: byte n-grams fitted on the training files",
        command=[
            *("foundry-plugins", "baselines", str(root / "data/documents")),
            *("--output", str(root / "baselines.json")),
        ],
        reads=_shards(root),
        writes=[root / "baselines.json"],
    )


def _problems(root: Path, settings: dict[str, str]) -> Step:
    return Step(
        name="problems",
        title="3. Problems: held-out lines to fill in",
        command=[
            *("foundry-plugins", "infilling-problems", str(root / "data/documents")),
            *(str(root / "infilling_problems.jsonl"), "--count", "200"),
        ],
        reads=_shards(root),
        writes=[root / "infilling_problems.jsonl"],
    )


def _train(root: Path, settings: dict[str, str]) -> Step:
    recipe = yaml_files.find("quickstart/train.yaml")
    batches = settings.get("batches")
    match = re.search(r"^max_duration: (\d+)ba", recipe.read_text(encoding="utf-8"), re.MULTILINE)
    assert match is not None
    last = int(batches or match[1])

    def finished() -> bool:
        newest = (root / CHECKPOINT).resolve().name
        return re.search(rf"-ba{last}-", newest) is not None

    return Step(
        name="train",
        title="4. Training: a few million parameters, fill-in-the-middle on line",
        command=[
            *("composer", "-n", settings.get("processes", "1"), "-c", "llmfoundry", "train"),
            *(str(recipe), *_variables(root, settings, "vocab_size"), f"max_duration={last}ba"),
        ],
        reads=[recipe, *_shards(root)],
        writes=[root / "checkpoints", root / "curves"],
        finished=finished,
        display=_BAR if sys.stdout.isatty() else _LINES,
    )


def _evaluate(root: Path, settings: dict[str, str]) -> Step:
    recipe = yaml_files.find("quickstart/eval.yaml")
    return Step(
        name="evaluate",
        title="5. Evaluation: losses, lines filled in exactly, and functions run by their tests",
        command=["llmfoundry", "eval", str(recipe), *_variables(root, settings, "vocab_size")],
        reads=[recipe, root / CHECKPOINT, root / "infilling_problems.jsonl", *_shards(root)],
        writes=[root / "evaluation", root / "evaluation.json"],
    )


def _export(root: Path, settings: dict[str, str]) -> Step:
    return Step(
        name="export",
        title="6. Export: GGUF for llama.cpp and a Hugging Face folder, refused unless equal",
        command=[
            *("foundry-plugins", "export", str(root / CHECKPOINT)),
            *("--gguf", str(root / "model.gguf"), "--hf", str(root / "hf")),
            *("--documents", str(root / "data/documents"), "--report", str(root / "export.json")),
        ],
        reads=[root / CHECKPOINT],
        writes=[root / "model.gguf", root / "hf", root / "export.json"],
    )


def _generate(root: Path, settings: dict[str, str]) -> Step:
    return Step(
        name="generate",
        title="7. Generation by llama.cpp: one completion and one infilling",
        command=[
            *("foundry-plugins", "generate", str(root / "model.gguf")),
            *(
                "--problems",
                str(root / "infilling_problems.jsonl"),
                "--output",
                str(root / "generated.json"),
            ),
        ],
        reads=[root / "model.gguf", root / "infilling_problems.jsonl"],
        writes=[root / "generated.json"],
    )


def _report(root: Path, settings: dict[str, str]) -> Step:
    return Step(
        name="report",
        title="8. Report: every problem, what the model wrote, and whether it was right",
        command=[
            *("foundry-plugins", "eval-report", str(root / "evaluation")),
            *("--output", str(root / "report")),
        ],
        reads=sorted((root / "evaluation").rglob("*.jsonl")),
        writes=[root / "report"],
    )


def _shards(root: Path) -> list[Path]:
    return [
        root / "data" / split / name
        for split in ("train", "validation")
        for name in ("index.json", "metadata.json")
    ]


def _print_summary(source: Path | None, root: Path) -> None:
    console = Console()
    curves = root / "curves"
    if not (curves / PLOT_FILE).exists():  # killed between the last checkpoint and the plot
        plot(curves / METRICS_FILE, curves / PLOT_FILE)
    console.print(_bits_per_byte_table(root))
    generated = _load(root / "generated.json")
    before = "".join(generated["prefix"].splitlines(keepends=True)[-8:])
    after = "".join(generated["suffix"].splitlines(keepends=True)[:6])
    _print_code(console, "completion by llama.cpp", before, generated["completion"], "")
    _print_code(console, "infilling by llama.cpp", before, generated["infilling"], after)
    paths = Table("written", "path", title="Quickstart complete")
    for label, name in (
        ("shards", "data/train"),
        ("tokenizer", "data/tokenizer"),
        ("checkpoint", CHECKPOINT),
        ("curves", "curves/curves.png"),
        ("evaluation", "evaluation.json"),
        ("report", f"report/{PAGE}"),
        ("GGUF", "model.gguf"),
        ("Hugging Face", "hf"),
    ):
        require((root / name).exists(), f"{root / name} is missing; run the same command again.")
        paths.add_row(label, str(root / name))
    console.print(paths)
    console.print(functions_passed(root), markup=False)
    if source is None:
        console.print("On your own code: make quickstart SOURCE=path/to/code", markup=False)


def _print_code(console: Console, title: str, before: str, written: str, after: str) -> None:
    """What the model wrote, in bold between what it was given."""
    console.rule(title)
    for text, style in ((before, "dim"), (written, "bold"), (after, "dim")):
        console.print(text, style=style, end="", markup=False, highlight=False)
    console.print()


def _bits_per_byte_table(root: Path) -> Table:
    scores: dict[str, float] = dict(_load(root / "baselines.json")["bits_per_byte"])
    rows = {row["label"]: row for row in _load(root / "evaluation.json")["evaluators"]}
    model = next(
        row["metrics"]["BitsPerByte"] for name, row in rows.items() if "left_to_right" in name
    )
    scores["this model"] = model
    best = min(value for name, value in scores.items() if name != "this model")
    title = "Held-out files, bits per byte (less is better)"
    table = Table("model", "bits per byte", title=title)
    for name, value in scores.items():
        table.add_row(name, f"{value:.3f}", style="bold" if name == "this model" else "")
    table.caption = (
        f"The model is {best - model:.3f} bits per byte better than the best n-gram."
        if model < best
        else "The model does not beat the n-grams yet: train longer or on more code."
    )
    return table


def functions_passed(root: Path) -> str:
    """How many small functions were written right, and what to think of it."""
    rows = _load(root / "report" / FIGURES)["rows"]
    kinds = next(row["kinds"] for row in rows if row["judged"] == TESTS)
    passed, total = kinds.get("passed", 0), sum(kinds.values())
    if "not judged" in kinds:
        return "The functions that the model wrote were not run: there is no sandbox here."
    if not passed:
        return (
            f"None of {total} functions it wrote passed the tests, as expected: a few million "
            "parameters learn what code looks like, not what it does. yamls/eval/ asks larger "
            "models."
        )
    return f"{passed} of {total} functions it wrote passed the tests."


def _load(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); run the same command again.") from error
