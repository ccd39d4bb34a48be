# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from foundry_plugins.contract.errors import UserError
from foundry_plugins.show_batch import ShownSample, print_samples, samples_of
from tests.conftest import ROOT
from tests.foundry_plugins.data.written_shards import write_columns

YAML = ROOT / "yamls/quickstart/train.yaml"


def settings(root: Path, *more: str) -> list[str]:
    return [
        *(f"variables.root={root}", "variables.sequence_length=64", "variables.vocab_size=512"),
        *more,
    ]


def shown(root: Path, *more: str, count: int = 40) -> list[ShownSample]:
    return list(samples_of(YAML, settings(root, *more), count))


@pytest.mark.parametrize(
    ("variant", "encoding"), [("spm1", "separate"), ("spm2", "separate"), ("spm2", "joint")]
)
def test_the_parts_of_a_fragment_make_up_its_document(
    root: Path, variant: str, encoding: str
) -> None:
    fim = "train_loader.dataset.fim"
    cut = shown(
        root,
        *(f"{fim}.rate=1.0", f"{fim}.spm_variant={variant}", f"{fim}.spm_encoding={encoding}"),
        *(f"{fim}.spans={{random: 0.5, line: 0.5}}",),
    )
    plain = shown(root, f"{fim}.rate=0.0")
    orders = set()
    for before, after in zip(plain, cut, strict=True):
        assert len(before.fragments) <= len(after.fragments)
        for stored, fragment in zip(before.fragments, after.fragments, strict=False):
            whole = "".join(text for name, text in stored.parts if name != "sentinel")
            texts = {"prefix": "", "middle": "", "suffix": ""}
            for name, text in fragment.parts:
                if name in texts:
                    texts[name] += text
            found = re.search(r", (psm|spm1|spm2), middle (\w+), 100% learned", fragment.facts)
            if found is None:
                assert "as it is" in fragment.facts or "padding" in fragment.facts
                continue
            orders.add(found.groups())
            # What makes room is taken off the outer ends only; a context's edge may have torn a
            # character, which is shown by a sign of its own.
            rebuilt = texts["prefix"] + texts["middle"] + texts["suffix"]
            assert rebuilt.strip("\ufffd") in whole
            assert len(whole) - len(rebuilt) < 64
            special = "".join(text for name, text in fragment.parts if name == "sentinel")
            names = ["<fim_middle>", "<fim_prefix>", "<fim_suffix>", "<|endoftext|>"]
            assert sorted(re.findall(r"<[^>]+>", special)) == names
    assert orders == {(mode, kind) for mode in ("psm", variant) for kind in ("random", "line")}


def test_plain_text_names_the_parts_and_a_terminal_gets_colours(root: Path) -> None:
    samples = shown(root, count=3)
    plain, coloured = io.StringIO(), io.StringIO()
    print_samples(iter(samples), Console(file=plain, width=80))
    print_samples(iter(samples), Console(file=coloured, force_terminal=True, width=80))
    assert "\x1b[" not in plain.getvalue()
    assert plain.getvalue().count("--- sample ") == 3
    assert re.search(
        r"fragment 0, tokens 0 to \d+, Python, document [0-9a-f]{12}, ", plain.getvalue()
    )
    assert re.search(r"^\[(plain|sentinel|prefix|suffix)\]", plain.getvalue(), re.MULTILINE)
    assert "\x1b[" in coloured.getvalue()


def test_pairs_show_what_is_given_and_what_is_learned(root: Path, tmp_path: Path) -> None:
    pair = {"prompt": "say \x1b[31mred", "response": "red"}
    write_columns(tmp_path / "train", {"prompt": "str", "response": "str"}, [pair] * 8)
    (sample, *_) = shown(root, f"train_loader.dataset.local={tmp_path}", count=1)
    pair_shown, padding = sample.fragments
    # Nothing reaches the terminal that it would act on.
    assert pair_shown.parts[:2] == [("input", "say \\x1b[31mred"), ("target", "red")]
    assert pair_shown.parts[2] == ("sentinel", "<|endoftext|>")
    assert padding.parts[0][1].startswith("<|pad|> x ")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["train_loader.dataset.split=none"], r"In `train_loader`: .* there are no shards at"),
        (["train_loader.dataset.fim.rat=1"], r"In `train_loader`: .*did you mean 'rate'"),
        (["train_loader.name=text"], r"In `train_loader`|can look into the loader"),
        (["tokenizer.name=/nowhere"], r"In `tokenizer`"),
    ],
)
def test_mistakes_are_sentences(root: Path, more: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        shown(root, *more)


def test_a_missing_yaml(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        next(samples_of(tmp_path / "x.yaml", [], 1))


def test_the_command(root: Path, capsys: Any) -> None:
    from typer.testing import CliRunner

    from foundry_plugins.cli import app

    done = CliRunner().invoke(app, ["show-batch", str(YAML), *settings(root), "--samples", "2"])
    assert done.exit_code == 0, done.output
    assert done.output.count("--- sample ") == 2
