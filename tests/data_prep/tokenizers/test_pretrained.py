# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Tokenizers that exist: read from every form, mended without a change of ids, or refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from data_prep.tokenizers import files, pretrained
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS

CODE = "def f(x):\n\t\treturn  1234 # é漢 <fim_prefix>\r\n"


def load(path: Path, *, add: bool = False, drop: bool = False) -> Encoder:
    tokenizer_json, roles, _ = pretrained.load(path, add_sentinels=add, drop_normalizer=drop)
    return Encoder(tokenizer_json, roles)


def foreign(tokenizer_json: str, *kept: str) -> dict[str, Any]:
    """As if from elsewhere: other names for all special tokens but the kept."""
    content = json.loads(tokenizer_json)
    for token in content["added_tokens"]:
        if token["content"] not in kept:
            old = token["content"]
            token["content"] = f"<other {token['id']}>"
            vocabulary = content["model"]["vocab"]
            if isinstance(vocabulary, dict):
                vocabulary[token["content"]] = vocabulary.pop(old)
    return content


def save(folder: Path, content: dict[str, Any], **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / files.TOKENIZER_FILE).write_text(json.dumps(content))
    (folder / files.CONFIG_FILE).write_text(json.dumps(config))
    return folder


def test_a_folder_of_ours_stays_as_it_is(made: Callable[[str], str], tmp_path: Path) -> None:
    files.write(tmp_path, made("gpt2"))
    expected = Encoder(made("gpt2"))
    for path in (tmp_path, tmp_path / files.TOKENIZER_FILE):
        found = load(path)
        assert (found.fingerprint, found.ids) == (expected.fingerprint, expected.ids)


def test_its_own_names_of_the_end_and_of_padding(
    made: Callable[[str], str], tmp_path: Path
) -> None:
    content = foreign(made("gpt2"), "<fim_prefix>")
    config = {
        "eos_token": {"content": "<other 0>"},
        "pad_token": "<other 1>",
        "chat_template": "{{ x }}",
        "tokenizer_class": "GPT2Tokenizer",
    }
    save(tmp_path, content, **config)
    tokenizer_json, roles, kept = pretrained.load(
        tmp_path, add_sentinels=False, drop_normalizer=False
    )
    assert roles == {"eos_token": "<other 0>", "pad_token": "<other 1>"}
    assert kept == {"chat_template": "{{ x }}"}
    ids = Encoder(tokenizer_json, roles).ids
    assert ids == {END_OF_TEXT: 0, PAD: 1, "<fim_prefix>": 2}
    files.write(tmp_path / "out", tokenizer_json, roles, kept)
    assert Encoder.load(tmp_path / "out").ids == ids

    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert (loaded.eos_token_id, loaded.pad_token_id) == (0, 1)
    assert loaded.chat_template == "{{ x }}"
    assert fingerprint(loaded.backend_tokenizer.to_str()) == fingerprint(tokenizer_json)


@pytest.mark.parametrize("name", ["starcoder", "sentencepiece_unigram"])
def test_missing_sentinels_are_appended(
    made: Callable[[str], str], tmp_path: Path, name: str
) -> None:
    save(tmp_path, foreign(made(name), "<fim_prefix>"), eos_token="<other 0>")
    with pytest.raises(UserError, match=r"no token for `pad_token`.*add_sentinels: true"):
        load(tmp_path)
    found = load(tmp_path, add=True)
    assert found.ids["<fim_prefix>"] == 2
    new = [found.ids[token] for token in SENTINELS if token != "<fim_prefix>"]
    assert new == list(range(700, 700 + len(SENTINELS) - 1))
    assert found.vocab_size == 700 + len(new)
    assert (found.byte_lengths[700:] == 0).all()
    before = Encoder(made(name)).encode([CODE], ["code"])[0].tolist()
    assert found.encode([CODE], ["code"])[0].tolist() == before


def test_padding_that_is_the_end_of_text_is_refused(
    made: Callable[[str], str], tmp_path: Path
) -> None:
    save(tmp_path, foreign(made("gpt2")), eos_token="<other 0>", pad_token="<other 0>")
    with pytest.raises(UserError, match="no token for `pad_token` but that of `eos_token`"):
        load(tmp_path)


def test_sentinels_in_text_stay_text(made: Callable[[str], str], tmp_path: Path) -> None:
    content = json.loads(made("qwen2"))
    content["added_tokens"][2]["special"] = False
    save(tmp_path, content)
    (ids,) = load(tmp_path).encode(["<fim_prefix>"], ["x"])
    assert ids.min() >= len(SENTINELS)


@pytest.mark.parametrize("name", ["sentencepiece_bpe", "sentencepiece_unigram"])
@pytest.mark.parametrize("metaspace", [False, True])
def test_spaces_written_as_another_sign(
    made: Callable[[str], str], tmp_path: Path, name: str, metaspace: bool
) -> None:
    def signed(text: str) -> str:
        return text.replace(" ", "\u2581")

    content = json.loads(made(name))
    model = content["model"]
    if name.endswith("bpe"):
        model["vocab"] = {signed(entry): index for entry, index in model["vocab"].items()}
        model["merges"] = [[signed(part) for part in pair] for pair in model["merges"]]
    else:
        model["vocab"] = [[signed(entry), score] for entry, score in model["vocab"]]
    sign = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never"}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    content["pre_tokenizer"] = sign | {"split": False} if metaspace else None
    content["normalizer"] = None if metaspace else replace
    back = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    content["decoder"]["decoders"].insert(0, back)
    save(tmp_path, content)
    found = load(tmp_path)
    assert found.is_compiled
    original = Tokenizer.from_str(json.dumps(content))
    original.encode_special_tokens = True
    (ids,) = found.encode([CODE], ["code"])
    assert ids.tolist() == original.encode(CODE, add_special_tokens=False).ids
    # The sign itself, which that tokenizer would return as a space, comes back.
    found.encode(["a \u2581 b"], ["sign"])


def sentencepiece_model(corpus: list[str], **options: Any) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    trainer: Any = sentencepiece.SentencePieceTrainer
    lines = [line for text in corpus for line in text.splitlines() if "\t" not in line]
    trainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=600, minloglevel=2, **options
    )
    return model.getvalue()


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_a_sentencepiece_model(corpus: list[str], tmp_path: Path, model_type: str) -> None:
    path = tmp_path / "spiece.model"
    options = {"byte_fallback": True, "model_type": model_type, "pad_id": 3}
    path.write_bytes(sentencepiece_model(corpus, **options))
    with pytest.raises(UserError, match=r"normalizer \(nmt_nfkc\), a space put before.*extra"):
        load(path)
    found = load(path, add=True, drop=True)
    assert found.ids[END_OF_TEXT] == 600
    import sentencepiece

    processor: Any = sentencepiece.SentencePieceProcessor(model_proto=path.read_bytes())
    for text in ("return value", "for x in range(10):"):
        theirs = processor.encode(text)
        ours = found.encode([f" {text}"], ["with the space that it puts before"])[0].tolist()
        assert ours == theirs
    found.encode([CODE, "  \u2581 ﬁ  "], ["code", "what its normalizer would lose"])


def test_a_model_that_loses_characters_is_refused(corpus: list[str], tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    path.write_bytes(sentencepiece_model(corpus, model_type="bpe"))
    with pytest.raises(UserError, match="without byte_fallback"):
        load(tmp_path, drop=True)
    path.write_bytes(sentencepiece_model(corpus, model_type="char", hard_vocab_limit=False))
    with pytest.raises(UserError, match="words or characters"):
        load(path)


def test_a_normalizer_stays_unless_asked(made: Callable[[str], str], tmp_path: Path) -> None:
    content = json.loads(made("qwen2")) | {"normalizer": {"type": "NFC"}}
    save(tmp_path, content)
    kept, dropped = load(tmp_path), load(tmp_path, drop=True)
    assert not kept.is_compiled
    assert dropped.fingerprint == Encoder(made("qwen2")).fingerprint
    assert kept.encode([CODE], ["x"])[0].tolist() == dropped.encode([CODE], ["x"])[0].tolist()
    dropped.encode(["e\u0301"], ["x"])
    with pytest.raises(UserError, match="drop_normalizer"):
        kept.encode(["e\u0301"], ["x"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing", None, "there is no file .*nothing"),
        ("tokenizer.json", "{", "is not valid JSON"),
        ("tokenizer.json", "{}", "has no `model`"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        load(tmp_path / name)
