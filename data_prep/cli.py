# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The ``convert_dataset`` command. Everything heavy is imported when a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.contract.errors import UserError, disk_full

app = typer.Typer(
    help="Turns source code into training shards, as one YAML recipe says.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """Keeps `run` a subcommand while it is the only one."""


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Values to set in it, by dotted key."),
    ] = None,
) -> None:
    """Reads, filters, splits, tokenizes and packs; continues where an earlier run ended.

    Example: convert_dataset run yamls/quickstart/data.yaml variables.source=~/code
    variables.output=runs/code
    """
    import yaml

    from data_prep import pipeline
    from data_prep.recipe import load
    from data_prep.report import show

    loaded = load(recipe, overrides or ())
    print(f"Recipe {recipe} ({loaded.hash[:12]}):")
    print(yaml.safe_dump(loaded.plan(), sort_keys=False, default_flow_style=None, width=100))
    try:
        report = pipeline.run(loaded)
    except KeyboardInterrupt:
        print("Interrupted; the same command continues where this one stopped.", file=sys.stderr)
        raise typer.Exit(130) from None
    show(report, title=f"Written to {loaded.output}")


def main() -> None:
    """Entry point: a mistake is one sentence and exit status 1."""
    try:
        app()
    except UserError as error:
        sys.exit(f"Error: {error}")
    except OSError as error:
        full = disk_full(error, error.filename)
        sys.exit(f"Error: {full or f'{error.filename}: {error.strerror}.'}")
