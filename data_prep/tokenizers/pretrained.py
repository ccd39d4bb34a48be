# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A tokenizer that exists already: read, made lossless where that changes no id, given sentinels.

Taken are a folder as ``transformers`` saves it, a ``tokenizer.json``, or a SentencePiece
``.model``. Tokenizers that write spaces as U+2581 get the space itself, so that a text's own
U+2581 falls back on its bytes; all other ids stay. A normalizer stays too, unless asked otherwise:
whether it loses anything of this corpus is for the proof to find.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import orjson

from data_prep.tokenizers import files
from data_prep.tokenizers import sentencepiece_conversion as sentencepiece
from data_prep.tokenizers.patterns import split
from data_prep.tokenizers.sentencepiece_conversion import SPACE, exact_score
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.sentinels import SENTINELS
from foundry_plugins.contract.token_bytes import LITERAL_DECODERS

# Keys of tokenizer_config.json that are about text around documents, not about ids.
_KEPT_CONFIG = ("chat_template", "model_max_length", "bos_token", "unk_token", "padding_side")


def load(
    path: Path, *, add_sentinels: bool, drop_normalizer: bool
) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The text of its ``tokenizer.json``, the roles of its special tokens, and its other settings.

    Args:
        path: Folder or file.
        add_sentinels: Append the sentinels that it lacks.
        drop_normalizer: Leave out what it does to text before splitting it.

    Raises:
        UserError: if it cannot be read, or lacks an end-of-text or padding token.
    """
    config: dict[str, Any] = {}
    if path.is_dir():
        config = {**_json(path / files.SPECIAL_FILE), **_json(path / files.CONFIG_FILE)}
        found = path / files.TOKENIZER_FILE
        models = sorted(path.glob("*.model"))
        path = found if found.is_file() or not models else models[0]
    require(
        path.is_file(),
        f"`tokenizer.path`: there is no file {path}; name a folder with a tokenizer.json, a "
        "tokenizer.json or a SentencePiece .model.",
    )
    if path.suffix == ".model":
        content = json.loads(_from_model(path, drop_normalizer))
    else:
        content = _json(path)
        require(
            "model" in content,
            f"`tokenizer.path`: {path} has no `model`, so it is no tokenizer.json.",
        )
    if drop_normalizer and content.get("normalizer") not in (None, _replace(" ", SPACE)):
        content["normalizer"] = None
    if content["model"].get("type") == "Unigram":
        vocab = content["model"]["vocab"]
        content["model"]["vocab"] = [[e, exact_score(score)] for e, score in vocab]
    _write_spaces_as_themselves(content)
    roles = _set_sentinels(content, files.roles_in(config), add_sentinels, path)
    kept = {key: config[key] for key in _KEPT_CONFIG if key in config}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode(), roles, kept


def stamp(path: Path) -> list[str]:
    """Digests of the files that `load` may read."""
    names = (files.TOKENIZER_FILE, files.CONFIG_FILE, files.SPECIAL_FILE)
    inside = [path / name for name in names] + sorted(path.glob("*.model"))
    read = [file for file in (inside if path.is_dir() else [path]) if file.is_file()]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in read]


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"`tokenizer.path`: {path} is not valid JSON ({error}).") from error


def _from_model(path: Path, drop_normalizer: bool) -> str:
    model = sentencepiece.read(path.read_bytes())
    if model is None:
        raise UserError(
            f"`tokenizer.path`: {path} holds words or characters; only BPE and Unigram models are "
            "lossless."
        )
    require(
        model.byte_fallback,
        f"`tokenizer.path`: {path} was trained without byte_fallback, so it loses every character "
        "that it has no piece for; take another, or train one.",
    )
    require(
        drop_normalizer or not model.losses,
        f"`tokenizer.path`: {path} loses text: {', '.join(model.losses)}; set "
        "`tokenizer.drop_normalizer: true` to use its pieces without that.",
    )
    return sentencepiece.convert(model)


def _replace(old: str, new: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def _write_spaces_as_themselves(content: dict[str, Any]) -> None:
    """Entries with a space for each U+2581, where that is what the sign stands for."""
    steps = (content.get("decoder") or {}).get("decoders", [])
    others = [step for step in steps if step != _replace(SPACE, " ")]
    if len(others) == len(steps) or {step["type"] for step in others} != LITERAL_DECODERS:
        return
    pre = content.get("pre_tokenizer") or {}
    if pre.get("type") == "Metaspace" and pre.get("prepend_scheme") == "never":
        content["pre_tokenizer"] = None
        if pre.get("split", True):
            merged = {"pattern": {"String": " "}, "behavior": "MergedWithNext"}
            content["pre_tokenizer"] = split("") | merged
    elif content.get("normalizer") == _replace(" ", SPACE):
        content["normalizer"] = None
    else:
        return
    content["decoder"]["decoders"] = others
    model = content["model"]
    names = {token["content"] for token in content.get("added_tokens", [])}

    def plain(entry: str) -> str:
        return entry if entry in names else entry.replace(SPACE, " ")

    if model["type"] == "Unigram":
        model["vocab"] = [[plain(entry), score] for entry, score in model["vocab"]]
        return
    model["vocab"] = {plain(entry): index for entry, index in model["vocab"].items()}
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    model["merges"] = [[plain(part) for part in pair] for pair in pairs]


def _set_sentinels(
    content: dict[str, Any], roles: dict[str, str], add: bool, path: Path
) -> dict[str, str]:
    """Marks the sentinels it has as special, appends others if asked; the final roles."""
    added: list[dict[str, Any]] = content.setdefault("added_tokens", [])
    by_name = {token["content"]: token for token in added}
    for name in {*SENTINELS, *roles.values()} & by_name.keys():
        # Else its name inside a document would become the token.
        by_name[name]["special"] = True
    if add:
        model = content["model"]
        vocab = model["vocab"]
        ids = vocab.values() if isinstance(vocab, dict) else range(len(vocab))
        following = max([*ids, *(token["id"] for token in added)]) + 1
        missing = [name for name in SENTINELS if name not in by_name]
        added += [files.added_token(following + n, name) for n, name in enumerate(missing)]
        by_name = {token["content"]: token for token in added}
    chosen = {}
    for key, name in files.TRAINED_ROLES.items():
        found = name if name in by_name else roles.get(key)
        require(
            found in by_name and found not in chosen.values(),
            f"`tokenizer.path`: {path} has no token for `{key}`"
            f"{' but that of `eos_token`' if found in chosen.values() else ''}; set "
            "`tokenizer.add_sentinels: true` to append what it lacks.",
        )
        chosen[key] = str(found)
    return chosen
