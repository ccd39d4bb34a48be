# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The ``convert_dataset`` command. Everything heavy is imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.contract.errors import run_command

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
    report = pipeline.run(loaded)
    show(report, title=f"Written to {loaded.output}")


def main() -> None:
    """Entry point."""
    run_command(app)
