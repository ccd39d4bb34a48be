# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a removed document is to those who train: padding, in the middle of a sample too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.licenses.opt_out import OptOut
from data_prep.provenance.removal import remove
from foundry_plugins.contract.sample import PADDING, REMOVED
from foundry_plugins.contract.sentinels import FIM_MIDDLE, SENTINELS

PAD = 1


@pytest.fixture
def without_alice(build: Any, corpus: Any, tmp_path: Path) -> Path:
    """Short documents, so that removed ones have neighbours in their samples."""
    parts = {
        part: [d.replace(text=f"{d.text[:90]} # {n}\n") for n, d in enumerate(documents * 3)]
        for part, documents in corpus.items()
    }
    root = build(tmp_path / "short", parts)
    (tmp_path / "list").write_text("alice\n")
    assert remove(root, OptOut.read([str(tmp_path / "list")]))["documents"] > 9
    return root


def load(root: Path, **dataset: Any) -> list[dict[str, Any]]:
    from transformers import AutoTokenizer

    from foundry_plugins.data.dataloader import build_code_text_dataloader

    section = {"local": str(root), "split": "train", "max_seq_len": 64, "num_canonical_nodes": 1}
    tokenizer = AutoTokenizer.from_pretrained(root / "tokenizer")
    spec = build_code_text_dataloader(
        tokenizer, 4, {**section, "shuffle": False, **dataset}, drop_last=False
    )
    return list(spec.dataloader)


def blanked(root: Path, samples: Any) -> np.ndarray:
    """Which positions of which sample belong to removed documents, in the order of the shards."""
    masks = []
    for _, tokens, fragments in samples(root / "train"):
        removed = (fragments["flags"] & REMOVED) != 0
        masks.append(np.repeat(removed, np.diff(fragments["end"], prepend=0)))
        assert (tokens[masks[-1]] == PAD).all()
    return np.stack(masks)


def test_it_is_no_label_and_counts_no_bytes(without_alice: Path, samples: Any) -> None:
    gone = blanked(without_alice, samples)
    assert any(row.any() and not row[-1] for row in gone)
    batches = load(without_alice, sequence_id=True)
    labels = np.concatenate([batch["labels"].numpy() for batch in batches])
    ids = np.concatenate([batch["input_ids"].numpy() for batch in batches])
    assert (ids[gone] == PAD).all()
    assert (labels[gone] == -100).all()
    assert ((labels == -100) == (ids == PAD)).all()
    counts = [n for batch in batches for n in batch["loss_generating_tokens"]]
    assert counts == (labels[:, 1:] != -100).sum(1).tolist()
    stored = [fragments for _, _, fragments in samples(without_alice / "train")]
    num_bytes = [n for batch in batches for n in batch["num_bytes"].tolist()]
    for row, fragments, size in zip(ids, stored, num_bytes, strict=True):
        # All bytes of the sample but those of its first token, which is not predicted.
        assert 0 <= int(fragments["num_bytes"].sum()) - size <= 20
        assert size == 0 or (row != PAD).any()


def test_fill_in_the_middle_leaves_it_alone(without_alice: Path, samples: Any) -> None:
    """Removed fragments are no text: no sentinel is put into them, none of them is moved."""
    stored = [fragments for _, _, fragments in samples(without_alice / "train")]
    batches = load(without_alice, fim={"rate": 1.0, "spm_rate": 0.5}, sequence_id=True)
    ids = np.concatenate([batch["input_ids"].numpy() for batch in batches])
    numbers = np.concatenate([batch["sequence_id"].numpy() for batch in batches])
    assert (ids == SENTINELS.index(FIM_MIDDLE)).sum() > 9
    for row, number, fragments in zip(ids, numbers, stored, strict=True):
        is_text = (fragments["flags"] & (REMOVED | PADDING)) == 0
        assert ((row != PAD) == is_text[number]).all()


def test_foundrys_text_loader_gives_it_no_loss(without_alice: Path, samples: Any) -> None:
    from llmfoundry.data.text_data import build_text_dataloader
    from llmfoundry.utils.builders import build_tokenizer

    gone = blanked(without_alice, samples)
    tokenizer = build_tokenizer(str(without_alice / "tokenizer"), {"model_max_length": 64})
    spec = build_text_dataloader(
        tokenizer=tokenizer,
        device_batch_size=4,
        dataset={
            "local": str(without_alice),
            "split": "train",
            "shuffle": False,
            "max_seq_len": 64,
            "num_canonical_nodes": 1,
        },
        drop_last=False,
        num_workers=0,
        pin_memory=False,
        prefetch_factor=None,
        persistent_workers=False,
    )
    labels = np.concatenate([batch["labels"].numpy() for batch in spec.dataloader])
    assert (labels[gone] == -100).all()
    assert (labels != -100).sum() > 0


def test_a_batch_of_nothing_but_removed_samples_has_a_finite_loss(without_alice: Path) -> None:
    """The host divides by the number of labels only where there are any."""
    import torch
    from llmfoundry.models.mpt.modeling_mpt import compute_loss_from_logits
    from transformers.modeling_outputs import CausalLMOutputWithPast

    logits = torch.randn(2, 8, 400, requires_grad=True)
    loss = compute_loss_from_logits(
        CausalLMOutputWithPast(logits=logits),
        True,
        torch.full((2, 8), -100),
        torch.nn.CrossEntropyLoss(ignore_index=-100, reduction="none"),
    )
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(logits.grad).all()
