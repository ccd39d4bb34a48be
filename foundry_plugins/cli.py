# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``foundry-plugins``: what is not a host's own command.

Heavy imports happen inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import typer

from foundry_plugins.commands import evaluation, export, quickstart, training
from foundry_plugins.contract.errors import run_command

app = typer.Typer(
    name="foundry-plugins",
    help="Tools around training code models with LLM Foundry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _group in (training, evaluation, export, quickstart):
    for _command in _group.COMMANDS:
        app.command()(_command)


def main() -> None:
    """Entry point."""
    run_command(app)
