# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError

FIM = {"rate": 0.9, "spm_rate": 0.5, "seed": 3}


# A tenth of the data: tests go through it many times.
SPLIT = "validation"


def tokenizer(root: Path, **kwargs: Any) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(root / "data/tokenizer", **kwargs)


def build(root: Path, *, workers: int = 0, batch_size: int = 4, **dataset: Any) -> Any:
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    section = {
        "local": str(root / "data"),
        "split": SPLIT,
        "shuffle": True,
        "max_seq_len": 64,
        "num_canonical_nodes": 1,
        **dataset,
    }
    return build_code_text_dataloader(
        tokenizer(root), batch_size, section, num_workers=workers, drop_last=False
    )


def rows(spec: Any) -> list[tuple[int, ...]]:
    return [tuple(row) for batch in spec.dataloader for row in batch["input_ids"].tolist()]


def test_without_fim_gives_the_shards_as_they_are(root: Path) -> None:
    from streaming import StreamingDataset

    stored = StreamingDataset(
        local=str(root / "data"), split=SPLIT, batch_size=1, num_canonical_nodes=1
    )
    expected = {tuple(stored[i]["tokens"].tolist()) for i in range(len(stored))}
    assert set(rows(build(root))) == expected


def test_workers_do_not_change_a_sample_and_epochs_do(root: Path) -> None:
    one, two = build(root, fim=FIM), build(root, fim=FIM, workers=2)
    first = rows(one)
    assert sorted(first) == sorted(rows(two))
    second = rows(one)
    assert sorted(first) != sorted(second)
    fixed = build(root, fim=FIM | {"reseed_each_epoch": False}, shuffle=False)
    assert rows(fixed) == rows(fixed)


def test_batch_holds_what_training_needs(root: Path) -> None:
    spec = build(root, fim=FIM, sequence_id=True)
    special = tokenizer(root)
    middle, pad = special.convert_tokens_to_ids("<fim_middle>"), special.pad_token_id
    transformed = 0
    for batch in spec.dataloader:
        ids, labels = batch["input_ids"], batch["labels"]
        assert ids.shape == labels.shape == batch["sequence_id"].shape
        assert ids.shape[1] == 64
        assert torch.equal(labels, ids.masked_fill(ids == pad, -100))
        assert batch["total_tokens"] == (ids != pad).sum(1).tolist()
        assert batch["loss_generating_tokens"] == (ids[:, 1:] != pad).sum(1).tolist()
        assert (batch["sequence_id"].diff(dim=1) >= 0).all()
        total, predicted = int((ids != pad).sum()), int((ids[:, 1:] != pad).sum())
        assert spec.get_num_tokens_in_batch(batch) == total
        assert spec.get_num_tokens_in_batch(batch, "loss_generating") == predicted
        for row, num_bytes in zip(ids.tolist(), batch["num_bytes"].tolist(), strict=True):
            text = special.decode(row[1:], skip_special_tokens=True)
            # Replacement characters stand for bytes that a row's edge cut off.
            if "\ufffd" not in text:
                assert num_bytes == len(text.encode())
            transformed += row.count(middle)
    assert transformed > 0


def test_removed_and_padded_fragments_are_left_alone(root: Path) -> None:
    pad = tokenizer(root).pad_token_id
    for batch in build(root, fim=FIM | {"rate": 1.0}).dataloader:
        for row in batch["input_ids"].tolist():
            if pad in row:
                assert set(row[row.index(pad) :]) == {pad}


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"fim": {"rate": 1.5}}, r"dataset.fim.rate. must be in \[0, 1\], got 1.5"),
        ({"fim": {"rat": 0.5}}, "dataset.fim.rat. is not a known key .did you mean 'rate'"),
        ({"fim": {"spm_variant": "spm3"}}, "spm_variant. must be one of spm1, spm2"),
        ({"fim": {"max_middle_chars": 0}}, "max_middle_chars. must be a positive integer"),
        ({"shufle": True}, "dataset.shufle. is not a known key .did you mean 'shuffle'"),
        ({"max_seq_len": 128}, "is 128, but the samples in .* hold 64 tokens"),
        ({"split": "test"}, "there are no shards at .*test"),
        ({"local": None}, "names no data"),
    ],
)
def test_names_the_key_of_a_mistake(root: Path, dataset: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(root, **dataset)


def test_refuses_padding_that_is_the_end_of_text(root: Path) -> None:
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    same = tokenizer(root, pad_token="<|endoftext|>")
    with pytest.raises(UserError, match=r"same .pad_token. and .eos_token."):
        build_code_text_dataloader(same, 4, {"local": str(root / "data"), "max_seq_len": 64})


def test_refuses_another_tokenizer(root: Path, tmp_path: Path) -> None:
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    folder = tmp_path / "tokenizer"
    shutil.copytree(root / "data/tokenizer", folder)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["merges"] = content["model"]["merges"][:-1]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    (tmp_path / "data").symlink_to(root / "data")
    from transformers import AutoTokenizer

    other = AutoTokenizer.from_pretrained(folder)
    section = {"local": str(root / "data"), "split": "train", "max_seq_len": 64}
    with pytest.raises(UserError, match="is not the one that wrote"):
        build_code_text_dataloader(other, 4, section)


def test_streams_take_proportions(root: Path) -> None:
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    local = str(root / "data")
    section = {
        "streams": {
            "a": {"local": local, "split": "train", "proportion": 0.7},
            "b": {"local": local, "split": "validation", "proportion": 0.3},
        },
        "max_seq_len": 64,
        "epoch_size": 100,
        "num_canonical_nodes": 1,
        "fim": FIM,
    }
    spec = build_code_text_dataloader(tokenizer(root), 4, section)
    assert len(rows(spec)) == 100
    section["streams"] = {"a": {"local": local, "splt": "train"}}
    with pytest.raises(UserError, match=r"dataset.streams.a.splt"):
        build_code_text_dataloader(tokenizer(root), 4, section)


def test_reads_a_remote_with_nothing_but_what_streaming_downloads(
    root: Path, tmp_path: Path
) -> None:
    local = str(tmp_path / "cache")
    remote = build(root, local=local, remote=str(root / "data"), fim=FIM, shuffle=False)
    assert rows(remote) == rows(build(root, fim=FIM, shuffle=False))


def test_refuses_a_batch_that_never_fills(root: Path) -> None:
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    section = {"local": str(root / "data"), "split": "validation", "max_seq_len": 64}
    with pytest.raises(UserError, match=r"fewer than a batch of 100000"):
        build_code_text_dataloader(tokenizer(root), 100_000, section, drop_last=True)


def test_streams_with_equal_sample_ids_draw_differently(root: Path, tmp_path: Path) -> None:
    """The same shards under another recipe hash are cut elsewhere."""
    shutil.copytree(root / "data" / SPLIT, tmp_path / SPLIT)
    index = tmp_path / SPLIT / "index.json"
    content = json.loads(index.read_text())
    content["metadata"]["recipe_hash"] = "another"
    index.write_text(json.dumps(content))
    other = build(root, local=str(tmp_path), fim=FIM, shuffle=False)
    assert rows(other) != rows(build(root, fim=FIM, shuffle=False))


def test_a_finished_epoch_is_not_gone_through_again(root: Path) -> None:
    first = build(root, fim=FIM)
    rows(first)
    # As Composer asks after the last batch of an epoch, and hands back on resumption.
    state = first.dataloader.dataset.state_dict(0, True)
    expected = rows(first)
    resumed = build(root, fim=FIM)
    resumed.dataloader.dataset.load_state_dict(state)
    assert rows(resumed) == expected
