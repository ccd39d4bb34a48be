# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every recipe of ``yamls/data`` runs to its end on small data in its sources' own schemas."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.data_prep.git_repository import ordinary

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPES = sorted((REPOSITORY / "yamls/data").glob("*.yaml"))
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
Rows = list[dict[str, Any]]

JAVA = """\
/** Counts the words of a text, largest first. */
class Words{n} {{
    // Keys are words, values how often they were met.
    private final java.util.Map<String, Integer> counts = new java.util.HashMap<>();
    void add(String word{n}) {{ counts.merge(word{n}, {n} + 1, Integer::sum); }}
}}
"""
HTML = "<html><body><p>{words}</p></body></html>"
WORDS = "page {n} of the manual says how the shelf number {n} is put up and what goes on it "


def texts() -> Iterator[tuple[str, str, str]]:
    """(path, language, text): Python of the standard library, and a little of other languages."""
    for name in ("asyncio", "json", "email", "importlib", "logging"):
        for path in sorted((LIBRARY / name).glob("*.py")):
            yield path.relative_to(LIBRARY).as_posix(), "Python", path.read_text(encoding="utf-8")
    for n in range(12):
        yield f"src/Words{n}.java", "Java", JAVA.format(n=n)
        yield f"docs/page{n}.html", "HTML", HTML.format(words=WORDS.format(n=n) * 5)
        yield f"src/page{n}.c", "C", f"int add{n}(int a, int b) {{ return a + b * {n}; }}\n" * 6


def write_rows(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def write_lines(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path.suffix == ".zst":
        data = zstandard.compress(data)
    elif path.suffix == ".gz":
        data = gzip.compress(data)
    path.write_bytes(data)


def the_stack(folder: Path) -> None:
    """The Stack v1.2: parquet, one folder a language."""
    by_language: dict[str, Rows] = {}
    for number, (path, language, text) in enumerate(texts()):
        row: dict[str, Any] = {"content": text, "lang": language, "size": len(text)}
        for role in ("stars", "issues", "forks"):
            row[f"max_{role}_repo_path"] = path
            row[f"max_{role}_repo_name"] = f"owner{number % 7}/{path.split('/')[0]}"
            row[f"max_{role}_repo_licenses"] = ["GPL-3.0"] if number % 29 == 0 else ["MIT"]
            row[f"max_{role}_count"] = number
            row[f"max_{role}_repo_{role}_event_max_datetime"] = "2022-03-31T23:24:30.000Z"
        by_language.setdefault(language, []).append(row)
    for language, rows in by_language.items():
        write_rows(folder / language.lower() / "data-00000.parquet", rows)


def the_stack_v2(folder: Path, content: Path) -> None:
    """The Stack v2: ids in parquet, contents as gzip objects by blob id."""
    content.mkdir(parents=True)
    rows: Rows = []
    for path, language, text in texts():
        data = text.encode()
        blob = hashlib.sha1(data).hexdigest()
        (content / blob).write_bytes(gzip.compress(data))
        repository = f"owner/{path.split('/')[0]}"
        rows.append(
            {
                "blob_id": blob,
                "path": f"/{path}",
                "repo_name": repository,
                "language": language,
                "src_encoding": "UTF-8",
                "detected_licenses": ["MIT"],
                "license_type": "permissive",
                "length_bytes": len(data),
                "is_vendor": False,
                "is_generated": False,
                "star_events_count": 3,
                "fork_events_count": 1,
            }
        )
    write_rows(folder / "train-00000.parquet", rows)


def redpajama(folder: Path) -> None:
    text = [{"text": WORDS.format(n=n) * 9, "meta": {"url": f"http://x/{n}"}} for n in range(60)]
    for row in text[:30]:
        row["meta"] |= {"source": "c4", "timestamp": "2019", "language": "en"}  # type: ignore[operator]
    for row in text[30:]:
        row["meta"] |= {"title": "shelf", "language": "en"}  # type: ignore[operator]
    write_lines(folder / "c4/c4-00000.jsonl.gz", text[:30])
    write_lines(folder / "wikipedia/wiki.jsonl.zst", text[30:])


def pile(folder: Path) -> None:
    rows = [
        {"text": text, "meta": {"pile_set_name": "Github"}} for _, _, text in texts() if text
    ] + [{"text": WORDS.format(n=n) * 9, "meta": {"pile_set_name": "Pile-CC"}} for n in range(40)]
    write_lines(folder / "00.jsonl.zst", rows)


def commits(folder: Path) -> None:
    rows = [
        {
            "commit": hashlib.sha1(path.encode()).hexdigest(),
            "old_file": path,
            "new_file": path,
            "old_contents": text,
            "new_contents": text.replace("self", "this"),
            "subject": "Rename",
            "message": "Rename self to this",
            "lang": language,
            "license": "mit",
            "repos": "owner/name",
        }
        for path, language, text in texts()
        if language == "Python"
    ]
    write_lines(folder / "python-00000.jsonl", rows[::4])


def issues(folder: Path) -> None:
    rows: Rows = []
    for n in range(20):
        said = [("alice", "opened"), ("bob", "created"), ("alice", "created")]
        events = [
            {
                "action": action,
                "author": author,
                "title": f"Shelf {n} does not hold",
                "text": WORDS.format(n=n + k) * 3,
                "datetime": f"2022-01-0{k + 1}T00:00:00Z",
            }
            for k, (author, action) in enumerate(said)
        ]
        rows.append({"repo": "owner/shelf", "issue_number": n, "events": events, "license": "MIT"})
    write_lines(folder / "issues.jsonl", rows)


def pull_requests(folder: Path) -> None:
    """One request with a comment, from GH Archive's events."""

    def event(kind: str, actor: str, day: int, **payload: Any) -> dict[str, Any]:
        created = f"2022-01-{day:02}T00:00:00Z"
        return {
            "type": kind,
            "actor": {"login": actor},
            "created_at": created,
            "id": str(day),
            "payload": payload,
        }

    rows: Rows = []
    for n in range(10):
        before = "".join(f"line {k} of shelf {n}\n" for k in range(12))
        after = before.replace("line 5", "the fifth line")
        base, head = hashlib.sha1(f"b{n}".encode()), hashlib.sha1(f"h{n}".encode())
        request = {
            "number": n,
            "title": f"Mend shelf {n}",
            "body": WORDS.format(n=n),
            "user": {"login": "alice"},
            "merged": False,
            "state": "open",
            "base": {"sha": base.hexdigest(), "ref": "main"},
            "head": {"sha": head.hexdigest(), "ref": "mend"},
        }
        comment = {"id": n, "body": WORDS.format(n=n + 1), "user": {"login": "bob"}}
        closed = {**request, "state": "closed", "merged": True, "merged_by": {"login": "bob"}}
        rows.append(
            {
                "repo": "owner/shelf",
                "number": n,
                "license": "MIT",
                "events": [
                    event("PullRequestEvent", "alice", 1, action="opened", pull_request=request),
                    event(
                        "IssueCommentEvent",
                        "bob",
                        2,
                        action="created",
                        comment=comment,
                        issue={"number": n, "user": {"login": "alice"}},
                    ),
                    event("PullRequestEvent", "bob", 3, action="closed", pull_request=closed),
                ],
                "commits": [
                    {"sha": base.hexdigest(), "files": [{"path": "a.txt", "content": before}]},
                    {"sha": head.hexdigest(), "files": [{"path": "a.txt", "content": after}]},
                ],
            }
        )
    write_lines(folder / "pulls.jsonl", rows)


def notebooks(folder: Path) -> None:
    folder.mkdir(parents=True)
    for n in range(8):
        code = [f"shelf = {n}\n", f"print(shelf * {n})\n"]
        cells: list[dict[str, Any]] = []
        for k in range(3):
            cells.append({"cell_type": "markdown", "metadata": {}, "source": [WORDS.format(n=k)]})
            output = {"output_type": "stream", "name": "stdout", "text": [f"{n * n}\n"]}
            cells.append(
                {
                    "cell_type": "code",
                    "metadata": {},
                    "source": code,
                    "outputs": [output],
                    "execution_count": k,
                }
            )
        kernel = {"kernelspec": {"language": "python", "name": "python3"}}
        content = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"shelf{n}.ipynb").write_text(json.dumps(content))


def repositories(folder: Path) -> None:
    """One with a licence, of which one commit adds the benchmark problem."""
    notice = "Permission is hereby granted, free of charge, to any person obtaining a copy\n"
    shelf, _ = ordinary(folder / "shelf", number=30, license_text=f"MIT License\n\n{notice}")
    shelf.write("scanner.py", (LIBRARY / "json/scanner.py").read_bytes())
    shelf.commit("Add the scanner that reads numbers")


def benchmarks(folder: Path) -> None:
    """One problem, and it is in the data: a document of the standard library."""
    source = (LIBRARY / "json/scanner.py").read_text()
    prompt = source[source.index("def py_make_scanner") :][:400]
    problem = {"task_id": "p/0", "prompt": prompt, "canonical_solution": "    pass\n"}
    write_lines(folder / "problems.jsonl", [problem])


def run(recipe: Path, *overrides: str) -> dict[str, Any]:
    program = str(Path(sys.executable).parent / "convert_dataset")
    command = [program, "run", str(recipe), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (output,) = (o.partition("=")[2] for o in overrides if o.startswith("variables.output="))
    return json.loads((Path(output) / "report.json").read_text())


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, Path], list[str]]:
    """Small data for every variable that a recipe has."""
    root = tmp_path_factory.mktemp("recipes")
    the_stack(root / "stack")
    the_stack_v2(root / "stack_v2", root / "content")
    redpajama(root / "redpajama")
    pile(root / "pile")
    commits(root / "commits")
    issues(root / "issues")
    pull_requests(root / "pull_requests")
    notebooks(root / "notebooks")
    repositories(root / "repositories")
    benchmarks(root / "benchmarks")
    copy_modules(LIBRARY / "json", root / "code/repl")
    run(
        REPOSITORY / "yamls/data/thesis_pile.yaml",
        f"variables.output={root / 'trained'}",
        f"variables.pile={root / 'pile'}",
        "variables.vocab_size=600",
        "variables.validation_share=0.1",
    )
    values = {
        **{
            name: root / name
            for name in (
                *("stack", "content", "redpajama", "pile", "commits", "issues"),
                *("pull_requests", "notebooks", "benchmarks", "code"),
            )
        },
        "repositories": root / "repositories/*",
        "tokenizer": root / "trained/tokenizer",
        "vocab_size": 360,
        "sequence_length": 128,
        "validation_share": 0.15,
        "part_bytes": 200_000,
    }

    def overrides(recipe: Path, output: Path) -> list[str]:
        import yaml

        known = yaml.safe_load(recipe.read_text())["variables"]
        given = {name: value for name, value in values.items() if name in known}
        if recipe.stem == "replit":
            given["vocab_size"] = 420  # SentencePiece wants every character beside the bytes
        if recipe.stem == "starcoder2":
            given["stack"] = root / "stack_v2"
        return [f"variables.{name}={value}" for name, value in {**given, "output": output}.items()]

    return overrides


def copy_modules(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for path in source.glob("*.py"):
        (target / path.name).write_bytes(path.read_bytes())


EXPECTED: dict[str, Sequence[str]] = {
    "refact": ("text", "code", "diffs"),
    "git_history": ("commits",),
    "starcoder": ("code", "issues", "notebooks", "commits"),
    "starcoder2": ("code", "issues", "pull_requests", "notebooks"),
    "repltuned": ("repls",),
    "thesis_pile": ("pile",),
}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_runs(
    recipe: Path, variables: Callable[[Path, Path], list[str]], tmp_path: Path
) -> None:
    report = run(recipe, *variables(recipe, tmp_path / "out"))
    assert set(report["sources"]) == set(EXPECTED.get(recipe.stem, ("code",)))
    assert report["bad_rows"] == {}
    assert min(side["samples"] for side in report["splits"].values()) > 0
    # The benchmark problem is Python; the Pile is taken as it is.
    if recipe.stem not in ("thesis_pile", "thesis_code"):
        assert report["dropped"]["contaminated"] >= 1
    if any(step["kind"] == "the_stack" for step in report["recipe"]["sources"].values()):
        assert report["dropped"]["license_not_permissive"] >= 1


def test_there_is_one_for_every_system() -> None:
    assert [path.stem for path in RECIPES] == [
        *("git_history", "refact", "replit", "repltuned", "santacoder", "starcoder", "starcoder2"),
        *("thesis_code", "thesis_pile", "thesis_python"),
    ]
