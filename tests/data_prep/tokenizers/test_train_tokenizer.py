# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``train-tokenizer`` and recipes with other kinds of tokenizers, run as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep import recipe
from data_prep.tokenizers import command as train_tokenizer
from data_prep.tokenizers import comparison, files
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract.errors import UserError


def record(text: str, language: str) -> dict[str, Any]:
    return {"text": text, "language": language, "path": "x", "markers": ()}


def test_bytes_per_token_by_language(vocabulary: str) -> None:
    encoder = Encoder(vocabulary)
    records = [record("    ", "Python"), record("ab", "C"), record("\t", "C")]
    found = comparison.compare(encoder, records, 100)
    sizes = {name: (entry["documents"], entry["bytes"]) for name, entry in found.items()}
    assert sizes == {"Python": (1, 4), "C": (2, 3), "all": (3, 7)}
    tokens = [len(ids) for ids in encoder.encode([r["text"] for r in records], ["x"] * 3)]
    assert found["all"]["tokens"] == sum(tokens)
    assert found["Python"]["bytes_per_token"] == 4 / tokens[0]


def test_writes_tokenizer_report_and_chart(
    command: Callable[..., list[str]],
    source_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, _, path, *overrides = command(source_folder / "json", tmp_path / "out")
    loaded = recipe.load(path, [*overrides, "tokenizer.pattern=gpt2"])
    content = train_tokenizer.run(loaded)
    assert json.loads((tmp_path / "out/tokenizer_report.json").read_text()) == content
    assert (tmp_path / "out/tokenizer_report.png").read_bytes().startswith(b"\x89PNG")
    assert content["tokenizer"]["vocab_size"] == 512
    sides = content["bytes_per_token"]
    assert sides["train"]["Python"]["bytes_per_token"] > 2
    assert "Python" in capsys.readouterr().out
    encoder = Encoder.load(tmp_path / "out/tokenizer")
    assert encoder.fingerprint == content["tokenizer"]["fingerprint"]


@pytest.fixture
def foreign(vocabulary: str, tmp_path: Path) -> Path:
    """A tokenizer from elsewhere, which normalizes and has no padding."""
    content = json.loads(vocabulary) | {"normalizer": {"type": "NFC"}}
    for token in content["added_tokens"][1:]:
        old = token["content"]
        token["content"] = f"<other {token['id']}>"
        content["model"]["vocab"][token["content"]] = content["model"]["vocab"].pop(old)
    (tmp_path / files.TOKENIZER_FILE).write_text(json.dumps(content))
    return tmp_path / files.TOKENIZER_FILE


def test_a_pretrained_tokenizer_is_taken_and_published(
    convert: Callable[..., Any], source_folder: Path, tmp_path: Path, foreign: Path
) -> None:
    overrides = (
        *("tokenizer.vocab_size=null", "tokenizer.kind=pretrained", f"tokenizer.path={foreign}"),
        "tokenizer.add_sentinels=true",
    )
    done = convert(source_folder / "json", tmp_path / "out", *overrides)
    assert "normalizes text (NFC)" in done.stdout + done.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())["tokenizer"]
    assert report["kind"] == "pretrained"
    assert report["proof"]["encoder"] == "library"
    first = Encoder.load(tmp_path / "out/tokenizer")
    assert first.vocab_size == report["vocab_size"] > 400

    overrides += ("tokenizer.drop_normalizer=true",)
    done = convert(source_folder / "json", tmp_path / "out", *overrides)
    report = json.loads((tmp_path / "out/report.json").read_text())["tokenizer"]
    assert report["proof"]["encoder"] == "compiled"
    second = Encoder.load(tmp_path / "out/tokenizer")
    assert (second.ids, second.vocab_size) == (first.ids, first.vocab_size)


def test_a_lossy_one_names_the_document(
    convert: Callable[..., Any], tmp_path: Path, source_folder: Path, foreign: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    text = "def f(name):\n    return 'cafe\u0301', name, name, name, name, name, name, name\n"
    for number in range(40):
        (source / f"f{number}.py").write_text(f"# {number}\n{text}", encoding="utf-8")
    overrides = (
        *("tokenizer.vocab_size=null", "tokenizer.kind=pretrained", f"tokenizer.path={foreign}"),
        "tokenizer.add_sentinels=true",
    )
    done = convert(source, tmp_path / "out", *overrides, check=False)
    assert done.returncode == 1
    assert "does not come back from the tokenizer byte for byte: line 3, " in done.stderr
    assert "comes back as" in done.stderr
    assert "tokenizer.drop_normalizer: true" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_files(command: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _, _, path, *overrides = command(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(UserError, match="no file"):
        train_tokenizer.run(recipe.load(path, overrides))
