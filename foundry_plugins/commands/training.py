# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commands around a training YAML and the checkpoints of its run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.commands.tables import table

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As for llmfoundry train.")
]


def check(
    yaml: Annotated[Path, typer.Argument(help="A training YAML.")], overrides: Overrides = None
) -> None:
    """Build everything that a training YAML names, without training; print the first mistake."""
    from foundry_plugins.check import check_training

    table("section", "found", rows=check_training(yaml, overrides or []), title=f"{yaml} is sound")


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
    table(*columns, rows=schedule_table.rows(points), title=f"Learning rate of {yaml}")
    columns = ("setting", "rule", "here", "formula", "limits")
    table(*columns, rows=schedule_table.rule_rows(rules), title="Rules of thumb, for comparison")
    if png is not None:
        schedule_table.plot(points, png, str(yaml))
        typer.echo(f"Drawn in {png}")


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
    table(
        *("checkpoint", "batch", "share"),
        rows=found.rows(),
        title=f"{found.parameters:,} parameters in {output}",
    )


def show_batch(
    yaml: Annotated[Path, typer.Argument(help="A training YAML.")],
    overrides: Overrides = None,
    samples: Annotated[int, typer.Option(min=1, help="How many samples.")] = 2,
) -> None:
    """Print the first samples that a training YAML shows the model, and what was done to each."""
    from rich.console import Console

    from foundry_plugins.show_batch import print_samples, samples_of

    print_samples(samples_of(yaml, overrides or [], samples), Console())


def yamls(
    name: Annotated[str | None, typer.Argument(help="The YAML to copy.")] = None,
    to: Annotated[Path, typer.Option(help="File or folder to copy it to.")] = Path(),
) -> None:
    """List the YAMLs that come with the package, or copy one to start from."""
    from foundry_plugins import yaml_files

    if name is None:
        rows = [(found, yaml_files.summary(found)) for found in yaml_files.names()]
        table("name", "what it does", rows=rows, title=str(yaml_files.folder()))
    else:
        typer.echo(f"Copied to {yaml_files.copy(name, to)}")


COMMANDS = (check, schedule, average, show_batch, yamls)
