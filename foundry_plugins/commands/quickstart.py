# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The command that does everything once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.contract.errors import require


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


COMMANDS = (quickstart,)
