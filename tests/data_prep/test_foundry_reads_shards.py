# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Plain Foundry: its own ``text`` dataloader reads the shards as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch


def test_foundrys_text_dataloader(converted: Path, tmp_path: Path) -> None:
    from llmfoundry.data.text_data import build_text_dataloader
    from llmfoundry.utils.builders import build_tokenizer
    from streaming.base.util import clean_stale_shared_memory

    # The reader decompresses beside the shards; other tests compare that folder.
    folder = Path(shutil.copytree(converted, tmp_path / "data"))
    tokenizer = build_tokenizer(str(folder / "tokenizer"), {"model_max_length": 64})
    clean_stale_shared_memory()
    spec = build_text_dataloader(
        tokenizer=tokenizer,
        device_batch_size=4,
        dataset={
            "local": str(folder),
            "split": "validation",
            "shuffle": False,
            "max_seq_len": 64,
            "num_canonical_nodes": 1,
            "eos_token_id": tokenizer.eos_token_id,
        },
        drop_last=False,
        num_workers=0,
        pin_memory=False,
        prefetch_factor=None,
        persistent_workers=False,
    )
    batch = next(iter(spec.dataloader))
    assert batch["input_ids"].shape == (4, 64)
    assert batch["input_ids"].dtype == torch.int64
    text = tokenizer.decode(batch["input_ids"][0])
    assert len(text) > 64
    # The end of a document is a label, not padding.
    ends = batch["input_ids"] == tokenizer.eos_token_id
    assert (batch["labels"][ends] == tokenizer.eos_token_id).all()
