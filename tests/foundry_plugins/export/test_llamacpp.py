# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Text in and out of llama.cpp."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sentinels import FIM, SENTINELS
from foundry_plugins.export.architecture import read_architecture
from foundry_plugins.export.checkpoint import read_checkpoint
from foundry_plugins.export.gguf import write_gguf
from foundry_plugins.export.llamacpp import LlamaCpp, complete, infill, require_package
from foundry_plugins.export.reference import load_reference

pytest.importorskip("gguf")
pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def model_file(
    model_checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("llamacpp") / "model.gguf"
    source = read_checkpoint(model_checkpoint("tied"))
    write_gguf(source, read_architecture(source), path, name="model")
    return path


@pytest.fixture(scope="module")
def model(model_file: Path) -> Iterator[LlamaCpp]:
    with LlamaCpp(model_file) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def tokenizer(tokenizer_folder: Path) -> Any:
    return Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))


def test_random_text_is_tokenized_identically(model: LlamaCpp, tokenizer: Any) -> None:
    generator = random.Random(17)
    alphabet = [
        *"ab1S \n\r\t'.,!_",
        "é",
        "東",
        "²",
        "\u00a0",
        "\u2028",
        "👩",
        "\u0301",
        *SENTINELS[:6],
    ]
    for _ in range(150):
        text = "".join(generator.choices(alphabet, k=40))
        for parse_special in (False, True):
            tokenizer.encode_special_tokens = not parse_special
            expected = tokenizer.encode(text, add_special_tokens=False).ids
            assert model.tokenize(text, parse_special) == expected, repr(text)


def test_sentinels_are_single_tokens(model: LlamaCpp) -> None:
    assert [model.special_id(token) for token in SENTINELS] == list(range(len(SENTINELS)))
    with pytest.raises(UserError, match="does not know the token <other>"):
        model.special_id("<other>")


def test_completion_is_the_models_greedy_text(
    model_file: Path, model_checkpoint: Callable[[str], Path], tokenizer: Any
) -> None:
    logits = load_reference(read_checkpoint(model_checkpoint("tied")))
    prompt = "def area(<fim_prefix>):\n"
    tokenizer.encode_special_tokens = True
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    assert 2 not in ids, "a sentinel written out is text"
    start = len(ids)
    for _ in range(12):
        ids.append(int(logits(ids)[-1].argmax()))
    # llama.cpp ends at these, and so should the comparison.
    ends = [i for i in range(start, len(ids)) if ids[i] < len(SENTINELS)]
    expected = tokenizer.decode(ids[start : min(ends, default=len(ids))])
    got = complete(model_file, prompt, max_tokens=12)
    # Bytes that are no UTF-8 text are shown differently.
    assert got.partition("\ufffd")[0] == expected.partition("\ufffd")[0]
    assert got


def test_infilling_equals_llama_cpps_own(model: LlamaCpp, model_file: Path) -> None:
    prefix, suffix = "def f(a, b):\n    ", "\n    return c\n"
    request = {"input_prefix": prefix, "input_suffix": suffix, "n_predict": 16, "temperature": 0}
    own = model._post("/infill", {**request, "samplers": ["top_k"], "top_k": 1})
    text = infill(model_file, prefix, suffix, max_tokens=16)
    assert text == own["content"]
    assert text
    assert not any(sentinel in text for sentinel in FIM)


def test_prompts_beyond_the_context_keep_what_is_near(model_file: Path) -> None:
    near = "x = 1\n"
    long = complete(model_file, "y = 2\n" * 400 + near * 200, max_tokens=8)
    assert long == complete(model_file, near * 200, max_tokens=8)
    assert isinstance(infill(model_file, near * 400, near * 400, max_tokens=8), str)
    for max_tokens in (0, 128):
        with pytest.raises(UserError, match="max_tokens must be at least 1 and leave room"):
            complete(model_file, near, max_tokens)


def test_unreadable_files_are_named_with_llama_cpps_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no GGUF file"):
        complete(tmp_path / "none.gguf", "x", 4)
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(UserError, match=r"cannot load .*bad\.gguf"):
        complete(tmp_path / "bad.gguf", "x", 4)


def test_the_server_ends_with_its_user(model_file: Path) -> None:
    with LlamaCpp(model_file) as loaded:
        process = loaded._process
        assert process.poll() is None
    assert process.poll() is not None


def test_a_missing_package_is_named_with_its_remedy() -> None:
    with pytest.raises(UserError, match=r"pip install 'foundry-plugins\[export\]'"):
        require_package("no_such_package_here")
