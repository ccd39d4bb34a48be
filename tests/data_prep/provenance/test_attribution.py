# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_prep.document_file import read_file
from data_prep.provenance import attribution
from data_prep.provenance.attribution import attribute, show
from foundry_plugins.contract.errors import UserError

WORD = re.compile(r"\w+", re.ASCII)


def texts(root: Path) -> dict[str, str]:
    return {
        r["path"]: r["text"] for p in sorted((root / "documents").iterdir()) for r in read_file(p)
    }


def test_a_snippet_with_other_white_space_is_traced_to_its_file(written: Path) -> None:
    text = texts(written)["json/decoder.py"]
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("def JSONObject"))
    piece = lines[start : start + 12]
    snippet = "x = 1\n" + "\n".join(line.replace("    ", "\t").replace("(", "( ") for line in piece)
    result = attribute(written, snippet)
    assert result["guaranteed_words"] == 12
    assert result["documents_searched"] == len(texts(written))
    best = result["matches"][0]
    assert best["path"] == "json/decoder.py"
    assert best["lines"] == (start + 1, start + 12)
    assert best["snippet_lines"] == (2, 13)
    assert not best["exact"]
    words = len(WORD.findall("\n".join(piece)))
    assert best["matched_words"] == words
    assert best["coverage"] == pytest.approx(words / (words + 2))
    first, end = best["bytes"]
    assert text.encode()[first:end].decode().startswith("def JSONObject")
    assert best["swhid"].startswith("swh:1:cnt:")
    assert best["samples"]
    assert json.dumps(result)


def test_every_run_of_the_guaranteed_length_is_found(written: Path) -> None:
    """Each file's every 97th run of twelve words, one at a time, names that file."""
    for path, text in texts(written).items():
        words = list(WORD.finditer(text))
        for start in range(0, len(words) - 12, 97 * 7):
            run = text[words[start].start() : words[start + 11].end()]
            result = attribute(written, f"qqq {run} zzz", limit=100, candidates=100)
            assert path in {match["path"] for match in result["matches"]}


def test_what_is_rare_outweighs_what_every_file_has(build: Any, tmp_path: Path) -> None:
    """A header in all files and three lines of one: that one is named, however few are read."""
    from data_prep.document import Document

    header = (
        "Permission is hereby granted free of charge to any person obtaining a copy of this " * 4
    )
    documents = [
        Document.of(
            f"# {header}\nvalue_{n} = first_{n} + second_{n} * third_{n} - fourth_{n}\n" * 2
        )
        for n in range(300)
    ]
    body = "def secret(alpha, beta, gamma, delta):\n    return alpha * beta + gamma ** delta\n" * 3
    documents.append(Document.of(body + "unrelated words here\n", path="secret.py"))
    root = build(tmp_path / "data", {"train-00000": documents, "validation-00000": documents[:1]})
    result = attribute(root, f"# {header}\n{body}", candidates=3)
    names = [match["path"] for match in result["matches"]]
    assert "secret.py" in names


def test_exact_means_to_the_byte(written: Path) -> None:
    text = texts(written)["json/decoder.py"][500:1500]
    best = attribute(written, text)["matches"][0]
    assert best["exact"]
    assert best["coverage"] > 0.9


def test_too_short_or_strange_finds_nothing(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for snippet in ("", "one two", "wholly unlike any of these files and their many words indeed"):
        result = attribute(written, snippet)
        assert result["matches"] == []
    show(result)
    assert "No document shares a run of words with it." in capsys.readouterr().out


def test_the_table_names_file_lines_licence(
    written: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show(attribute(written, texts(written)["json/decoder.py"][500:1500]))
    shown = capsys.readouterr().out
    assert re.search(r"json/decoder\.py .*\d+-\d+ .*\(exact\)", shown)


def test_renamed_variables_hide_little(written: Path) -> None:
    """A generated function is traced though its names are its own."""
    text = texts(written)["json/decoder.py"]
    snippet = text[text.index("def JSONObject(") : text.index("def JSONArray(")]
    for name, other in (("memo", "cache"), ("pairs", "found"), ("nextchar", "following")):
        snippet = snippet.replace(name, other)
    best = attribute(written, snippet)["matches"][0]
    assert best["name"].endswith("json/decoder.py")
    assert best["licenses"] is not None
    assert 0.5 < best["coverage"] < 1.0


def test_without_the_index_it_says_how_to_have_one(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path / "data")
    for path in (tmp_path / "data/provenance").glob("*.arrow"):
        path.unlink()
    with pytest.raises(UserError, match=r"set `provenance.attribution: true` in its recipe"):
        attribute(tmp_path / "data", "x")


def test_lines_are_counted_from_one() -> None:
    text = b"a\nb\nc\n"
    assert attribution.lines_of(text, (0, 1)) == (1, 1)
    assert attribution.lines_of(text, (2, 5)) == (2, 3)
