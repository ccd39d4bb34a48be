# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commands that write a model for other programs, and run it there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.commands.tables import table
from foundry_plugins.contract.errors import require


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
    table("written", "check", "measured", "allowed", rows=rows, title="Export equals the model")


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


COMMANDS = (export, generate)
