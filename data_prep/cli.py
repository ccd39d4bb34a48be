# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The ``convert_dataset`` command. Everything heavy is imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foundry_plugins.contract.errors import run_command

if TYPE_CHECKING:
    from data_prep.recipe import Recipe

app = typer.Typer(
    help="Turns source code into training shards, as one YAML recipe says.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Values to set in it, by dotted key."),
]
SampleMegabytes = Annotated[
    float, typer.Option("--sample-mb", min=0.1, help="About how much text to try it on, in MB.")
]
DataFolder = Annotated[
    str, typer.Argument(metavar="DATA", help="The output folder of a run, or its url.")
]
DataOption = Annotated[str, typer.Option("--data", help="The output folder of a run.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", help="A JSON file to write the answer to.")
]


@app.command()
def run(recipe: RecipeFile, overrides: Overrides = None) -> None:
    """Does all that the recipe says; continues where an earlier run ended.

    Example: convert_dataset run yamls/quickstart/data.yaml variables.source=~/code
    variables.output=runs/code
    """
    from data_prep import pipeline
    from data_prep.report import show

    loaded = _load(recipe, overrides)
    report = pipeline.run(loaded)
    show(report, title=f"Written to {loaded.output}")


@app.command()
def plan(
    recipe: RecipeFile, overrides: Overrides = None, sample_mb: SampleMegabytes = 20.0
) -> None:
    """Says what a run would do: counts from a sample; time, disk and tokens estimated from it."""
    from data_prep import planning

    loaded = _load(recipe, overrides)
    planning.show(planning.plan(loaded, int(sample_mb * 1e6)), loaded)


@app.command()
def inspect(
    recipe: RecipeFile,
    overrides: Overrides = None,
    sample_mb: SampleMegabytes = 5.0,
    examples: Annotated[int, typer.Option(min=1, help="Documents to show of each kind.")] = 2,
) -> None:
    """Shows what stays and what is dropped for which reason, with distributions as PNG."""
    from data_prep import inspection

    loaded = _load(recipe, overrides)
    inspection.show(inspection.inspect(loaded, int(sample_mb * 1e6), examples), loaded)


@app.command("train-tokenizer")
def train_tokenizer(recipe: RecipeFile, overrides: Overrides = None) -> None:
    """Trains the recipe's tokenizer alone, and compares it by language."""
    from data_prep.tokenizers import command

    command.run(_load(recipe, overrides))


@app.command()
def verify(data: DataFolder, report: ReportFile = None) -> None:
    """Reads every shard again: hashes, counts, boundaries, ids, tokenizer."""
    from data_prep import verify as verification
    from data_prep.recipe import num_cores

    result = verification.verify(data, workers=num_cores())
    verification.show(result, report)
    verification.require_sound(result)


@app.command()
def stats(data: DataFolder) -> None:
    """Tokens, documents and bytes by split, language, source and licence; with charts."""
    from data_prep.provenance import stats as statistics

    statistics.show(statistics.stats(data))


@app.command()
def report(data: DataFolder) -> None:
    """Writes the data card: sources, licences, opt-outs, drops, redactions, SWHIDs."""
    from data_prep.provenance import data_card

    data_card.show(data_card.report(data))


@app.command()
def lookup(
    query: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_TEXT",
            help="A file, a text, a SWHID, a hash, OWNER/REPOSITORY or OWNER.",
        ),
    ],
    data: DataOption,
    kind: Annotated[
        str | None, typer.Option(help="file, text, swhid, sha256, repository or owner.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most documents to show.")] = 20,
    report: ReportFile = None,
) -> None:
    """Says whether and where something is in the data; else which files are nearest to it.

    Both answers end with exit status 0; scripts read `num_documents` in the file of --report.

    Example: convert_dataset lookup src/parser.py --data runs/code
    """
    from data_prep.provenance import lookup as questions

    result = questions.lookup(data, query, kind=kind, limit=limit)
    questions.show(result)
    _write(report, result)


@app.command()
def remove(
    data: Annotated[
        str, typer.Option("--data", help="The output folder of a run, or its url in a store.")
    ],
    opt_out: Annotated[
        list[str],
        typer.Option(help="A list: owner/name, owner or swh:1:cnt:HASH a line. Repeatable."),
    ],
    dry_run: Annotated[bool, typer.Option(help="Only say what would be removed.")] = False,
    report: ReportFile = None,
) -> None:
    """Takes documents out of finished shards; all other samples keep their ids and places."""
    from data_prep.licenses.opt_out import OptOut
    from data_prep.provenance import removal, removal_in_store
    from data_prep.store import is_remote

    take_out = removal_in_store.remove if is_remote(data) else removal.remove
    summary = take_out(data, OptOut.read(tuple(opt_out)), dry_run=dry_run)
    removal.show(summary)
    _write(report, summary)


def _write(path: Path | None, content: dict[str, Any]) -> None:
    from foundry_plugins.contract.files import write_json

    if path is not None:
        write_json(path, content)
        print(f"Written to {path}")


def _load(recipe: Path, overrides: list[str] | None) -> Recipe:
    import yaml

    from data_prep.recipe import load

    loaded = load(recipe, overrides or ())
    print(f"Recipe {recipe} ({loaded.hash[:12]}):")
    print(yaml.safe_dump(loaded.plan(), sort_keys=False, default_flow_style=None, width=100))
    return loaded


def main() -> None:
    """Entry point."""
    run_command(app)
