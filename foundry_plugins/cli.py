# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``foundry-plugins``: what is not a host's own command.

Heavy imports happen inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.contract.errors import require, run_command

app = typer.Typer(
    name="foundry-plugins",
    help="Tools around training code models with LLM Foundry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As for llmfoundry train.")
]
Documents = Annotated[
    Path, typer.Argument(help="The documents/ folder that convert_dataset wrote.")
]


@app.command()
def check(
    yaml: Annotated[Path, typer.Argument(help="A training YAML.")], overrides: Overrides = None
) -> None:
    """Build everything that a training YAML names, without training; print the first mistake."""
    from foundry_plugins.check import check_training

    _table("section", "found", rows=check_training(yaml, overrides or []), title=f"{yaml} is sound")


@app.command()
def schedule(
    yaml: Annotated[Path, typer.Argument(help="A training YAML.")],
    overrides: Overrides = None,
    png: Annotated[Path | None, typer.Option(help="Where to draw the curve.")] = None,
    taken_over_at: Annotated[
        int, typer.Option(min=0, help="Batch of the checkpoint that rewarm goes on from in time.")
    ] = 0,
) -> None:
    """Show the learning rate of a training YAML over the run, without training."""
    from foundry_plugins import schedule_table

    points, rules = schedule_table.of_yaml(yaml, overrides or [], taken_over_at)
    columns = ("batch", "tokens", "learning rate", "of the peak")
    _table(*columns, rows=schedule_table.rows(points), title=f"Learning rate of {yaml}")
    columns = ("setting", "rule", "here", "formula", "limits")
    _table(*columns, rows=schedule_table.rule_rows(rules), title="Rules of thumb, for comparison")
    if png is not None:
        schedule_table.plot(points, png, str(yaml))
        typer.echo(f"Drawn in {png}")


@app.command()
def average(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="Composer checkpoints (.pt or folders of shards), or their folder."),
    ],
    output: Annotated[Path, typer.Option(help="A .pt file, or a folder for sharded runs.")],
    method: Annotated[str, typer.Option(help="uniform, lawa (the last ones) or ema.")] = "uniform",
    window: Annotated[int | None, typer.Option(help="How many lawa takes.")] = None,
    decay: Annotated[float | None, typer.Option(help="Of ema, per checkpoint.")] = None,
    report: Annotated[Path | None, typer.Option(help="JSON with what was averaged.")] = None,
) -> None:
    """Average checkpoints of one run in fp32, a tensor at a time."""
    from foundry_plugins.averaging.average import average as write_mean
    from foundry_plugins.contract.files import write_json

    found = write_mean(checkpoints, output, method, window, decay)
    if report is not None:
        write_json(report, found.to_dict())
    _table(
        *("checkpoint", "batch", "share"),
        rows=found.rows(),
        title=f"{found.parameters:,} parameters in {output}",
    )


@app.command("show-batch")
def show_batch(
    yaml: Annotated[Path, typer.Argument(help="A training YAML.")],
    overrides: Overrides = None,
    samples: Annotated[int, typer.Option(min=1, help="How many samples.")] = 2,
) -> None:
    """Print the first samples that a training YAML shows the model, and what was done to each."""
    from rich.console import Console

    from foundry_plugins.show_batch import print_samples, samples_of

    print_samples(samples_of(yaml, overrides or [], samples), Console())


@app.command()
def yamls(
    name: Annotated[str | None, typer.Argument(help="The YAML to copy.")] = None,
    to: Annotated[Path, typer.Option(help="File or folder to copy it to.")] = Path(),
) -> None:
    """List the YAMLs that come with the package, or copy one to start from."""
    from foundry_plugins import yaml_files

    if name is None:
        rows = [(found, yaml_files.summary(found)) for found in yaml_files.names()]
        _table("name", "what it does", rows=rows, title=str(yaml_files.folder()))
    else:
        typer.echo(f"Copied to {yaml_files.copy(name, to)}")


@app.command()
def baselines(documents: Documents, output: Annotated[Path, typer.Option()]) -> None:
    """Fit byte n-gram models on the training files and score the validation files."""
    from foundry_plugins.contract.files import write_json
    from foundry_plugins.eval.byte_ngram import baselines as fit

    scores = fit(documents)
    write_json(output, {"bits_per_byte": scores})
    rows = [(name, f"{value:.4f}") for name, value in scores.items()]
    _table("model", "bits per byte", rows=rows, title="Byte n-grams on the validation files")


@app.command("infilling-problems")
def infilling_problems(
    documents: Documents,
    output: Annotated[Path, typer.Argument(help="The JSONL file to write.")],
    count: Annotated[int, typer.Option(min=1, help="How many problems at most.")] = 100,
    seed: Annotated[int, typer.Option(help="Decides which lines are taken.")] = 17,
) -> None:
    """Make single-line infilling problems from the held-out documents."""
    from foundry_plugins.eval.problems import write_infilling_problems

    written = write_infilling_problems(documents, output, count=count, seed=seed)
    typer.echo(f"{written} problems in {output}")


@app.command("eval-data")
def eval_data(
    name: Annotated[str | None, typer.Argument(help="The benchmark file to get.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSONL file to write; .gz is fine.")] = None,
    given: Annotated[Path | None, typer.Option("--from", help="A copy that is at hand.")] = None,
) -> None:
    """List where benchmark files come from, or get one and check that it is the right one."""
    from foundry_plugins.eval.eval_data import SOURCES, get

    if name is None:
        rows = [(found, source.licence, source.address) for found, source in SOURCES.items()]
        _table("name", "licence", "address", rows=rows, title="Benchmark files")
        return
    require(output is not None, "Name the file to write: `--output FILE`.")
    assert output is not None
    report = get(name, output, given)
    checked = "its digest is the known one" if report["known"] else "no digest of it is known here"
    typer.echo(f"{report['problems']} problems in {output}; {checked}: {report['digest']}")


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A Composer checkpoint (.pt).")],
    documents: Annotated[
        Path, typer.Option(help="documents/ folder whose held-out files the check is made on.")
    ],
    gguf: Annotated[Path | None, typer.Option(help="GGUF file to write.")] = None,
    hf: Annotated[Path | None, typer.Option(help="Hugging Face folder to write.")] = None,
    report: Annotated[Path | None, typer.Option(help="JSON with the measured figures.")] = None,
) -> None:
    """Export a checkpoint; nothing is left behind unless it gives the same output as the model."""
    require(gguf is not None or hf is not None, "Name what to write: `--gguf FILE`, `--hf FOLDER`.")
    import itertools

    from foundry_plugins.contract.files import write_json
    from foundry_plugins.eval.documents import read_documents
    from foundry_plugins.export.gguf import export_gguf
    from foundry_plugins.export.hf import export_hf

    held_out = (document.text for document in read_documents(documents, "validation"))
    samples = list(itertools.islice(held_out, 8))
    reports = {}
    for path, write in ((gguf, export_gguf), (hf, export_hf)):
        if path is not None:
            reports[str(path)] = write(checkpoint, path, samples)
    if report is not None:
        write_json(report, {path: found.to_dict() for path, found in reports.items()})
    rows = [(path, *row) for path, found in reports.items() for row in found.rows()]
    _table("written", "check", "measured", "allowed", rows=rows, title="Export equals the model")


@app.command()
def generate(
    gguf: Annotated[Path, typer.Argument(help="A GGUF file of a model trained with sentinels.")],
    problems: Annotated[Path, typer.Option(help="JSONL of infilling-problems; the first is used.")],
    output: Annotated[Path, typer.Option(help="JSON file to write.")],
    max_tokens: Annotated[int, typer.Option(min=1)] = 48,
) -> None:
    """Complete and fill in one problem with llama.cpp."""
    import json

    from foundry_plugins.contract.files import write_json
    from foundry_plugins.eval.problems import read_problems
    from foundry_plugins.export.llamacpp import complete, infill

    problem = read_problems(problems)[0]
    result = {
        "prefix": problem.prefix,
        "suffix": problem.suffix,
        "expected": problem.middle,
        "completion": complete(gguf, problem.prefix, max_tokens),
        "infilling": infill(gguf, problem.prefix, problem.suffix, max_tokens),
    }
    write_json(output, result)
    typer.echo(json.dumps({key: result[key] for key in ("completion", "infilling", "expected")}))


@app.command()
def quickstart(
    source: Annotated[
        Path | None, typer.Option(help="Folder of source code; default: the standard library.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("runs/quickstart"),
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="vocab_size=N, batches=N, processes=N or workers=N."),
    ] = None,
) -> None:
    """From source files to a trained, evaluated, exported model; resumes and skips what is done."""
    from foundry_plugins.contract.errors import reject_unknown_keys
    from foundry_plugins.quickstart.job import quickstart as run

    settings = dict(_pair(text) for text in setting or [])
    reject_unknown_keys("--set", settings, ["vocab_size", "batches", "processes", "workers"])
    run(source, out, settings)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    require(bool(equals) and value.isdigit(), f"`--set {text}` is not of the form key=number.")
    return key, value


def _table(*columns: str, rows: list[tuple[str, ...]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> None:
    """Entry point."""
    run_command(app)
