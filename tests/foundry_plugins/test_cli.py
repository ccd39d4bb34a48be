# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The commands as a user meets them: in processes of their own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # Without COLUMNS, which readline sets in pytest's own environment.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


@pytest.mark.parametrize("program", ["foundry-plugins", "convert_dataset"])
def test_help_answers_without_the_heavy_imports(program: str) -> None:
    module = {"foundry-plugins": "foundry_plugins.cli", "convert_dataset": "data_prep.cli"}[program]
    code = (
        f"import sys; sys.argv = ['{program}', '--help']\n"
        f"from {module} import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code\n"
        "heavy = {'torch', 'numpy', 'streaming', 'llmfoundry', 'composer', 'transformers'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, "CPU seconds")


def test_a_mistake_is_one_sentence_and_a_status(tmp_path: Path) -> None:
    done = run(BIN / "foundry-plugins", "check", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no file nowhere.yaml")
    assert "Traceback" not in done.stderr


def test_unwritable_paths_and_empty_files_are_sentences_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in (
        ("yamls", "quickstart/train.yaml", "--to", "file/y.yaml"),
        ("quickstart", "--out", "file"),
        ("generate", "file", "--problems", "file", "--output", "x.json"),
    ):
        done = run(BIN / "foundry-plugins", *arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ")
        assert "Traceback" not in done.stderr


def test_yamls_are_listed_and_copied_but_never_overwritten(tmp_path: Path) -> None:
    listed = run(BIN / "foundry-plugins", "yamls")
    assert "quickstart/train.yaml" in listed.stdout
    copy = (BIN / "foundry-plugins", "yamls", "quickstart/train.yaml", "--to", "mine.yaml")
    assert run(*copy, cwd=tmp_path).returncode == 0
    assert "code_mpt_causal_lm" in (tmp_path / "mine.yaml").read_text()
    again = run(*copy, cwd=tmp_path)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    unknown = run(BIN / "foundry-plugins", "yamls", "quickstart/trian.yaml")
    assert "did you mean 'quickstart/train.yaml'" in unknown.stderr


@pytest.mark.slow
def test_under_the_launcher_the_sentence_is_the_last_line_of_rank_0(root: Path) -> None:
    yaml = Path(__file__).resolve().parents[2] / "yamls/quickstart/train.yaml"
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(root)}
    done = subprocess.run(
        [
            *(BIN / "composer", "-n", "1", "-c", "llmfoundry", "train", yaml),
            *(f"variables.root={root}", "variables.sequence_length=64"),
            *("variables.vocab_size=512", "train_loader.dataset.fim.rate=1.5"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode != 0
    # What follows is the launcher's own report that rank 0 has ended.
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    launcher = next(i for i, line in enumerate(lines) if "composer.cli.launcher" in line)
    assert lines[launcher - 1] == ("Error: `dataset.fim.rate` must be in [0, 1], got 1.5.")
    assert "Traceback" not in done.stderr


def test_benchmark_files_are_listed_and_taken(tmp_path: Path) -> None:
    listed = run(BIN / "foundry-plugins", "eval-data")
    assert "humaneval_infilling_single_line" in listed.stdout
    (tmp_path / "p.json").write_text('[{"language": "js", "prompt": "", "suffix": "", "x": 1}]')
    command = (
        BIN / "foundry-plugins",
        "eval-data",
        "santacoder_fim",
        "--from",
        tmp_path / "p.json",
    )
    assert run(*command).stderr.startswith("Error: Name the file to write")
    done = run(*command, "--output", tmp_path / "out.jsonl")
    assert done.stderr.startswith("Error: ")
    assert "problem 1 has no field `canonical_solution`" in done.stderr.replace("\n", " ")


def test_answers_are_judged_and_reported(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"task_id": "own/clamp", "completion": "    return value"}\n')
    judge = (BIN / "foundry-plugins", "eval-judge", answers)
    assert run(*judge).stderr.startswith(f"Error: {answers} is no folder of results")
    named = ("--benchmark", "humaneval", "--dataset", "own_problems")
    done = run(*judge, *named, "--export", tmp_path / "shared.jsonl")
    assert done.returncode == 0, done.stderr
    assert "1 verdicts written" in done.stdout
    assert "assertion 1" in done.stdout
    assert '"result": "failed: ' in (tmp_path / "shared.jsonl").read_text()
    report = (BIN / "foundry-plugins", "eval-report")
    done = run(*report, tmp_path, "--output", tmp_path / "report", "--k", "1", "--samples", "2")
    assert done.returncode == 0, done.stderr
    assert "humaneval (own_problems)" in done.stdout
    assert "own/clamp" in (tmp_path / "report/index.html").read_text()
    assert "There are no results in" in run(*report, tmp_path / "report", "--output", "x").stderr
