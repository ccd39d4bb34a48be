# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs an exported folder as a stranger would: plain transformers, without this package.

Run as a script, by path, in a process of its own (`parity_hf` starts it). It blocks the import of
every package that the trained model needed, and so must not import them itself.

    python -P hf_probe.py FOLDER REQUEST.json ANSWER.npz
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.abc import MetaPathFinder
from typing import Any

BLOCKED = ("foundry_plugins", "data_prep", "llmfoundry", "composer", "streaming")


class _Blocker(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Refuses the blocked packages, leaves all others to the next finder."""
        if fullname.partition(".")[0] in BLOCKED:
            raise ImportError(f"the exported folder must not need {fullname}")


def main(folder: str, request_path: str, answer_path: str) -> None:
    """Answers the request: token ids of texts, logits of rows, greedy continuations of prompts."""
    sys.meta_path.insert(0, _Blocker())
    import numpy as np
    import torch

    # Any: transformers resolves its names at run time, which type checkers do not follow.
    transformers: Any = importlib.import_module("transformers")
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=True, torch_dtype=torch.float32
    )
    model.eval()
    with torch.inference_mode():
        rows, positions = map(torch.tensor, request["rows"]), request["positions"]
        logits = [model(row.unsqueeze(0)).logits[0, -positions:].numpy() for row in rows]
        generated = [greedy(model, row, request["new_tokens"]) for row in request["prompts"]]
    texts = [tokenizer(text, add_special_tokens=False).input_ids for text in request["texts"]]
    loaded = sorted(name for name in BLOCKED if name in sys.modules)
    facts = {"texts": texts, "generated": generated, "loaded": loaded}
    arrays = {f"logits_{i}": array for i, array in enumerate(logits)}
    np.savez(answer_path, facts=np.array(json.dumps(facts)), **arrays)


def greedy(model: Any, prompt: list[int], new_tokens: int) -> list[int]:
    """Exactly ``new_tokens`` greedy tokens through ``generate`` and its cache.

    No end-of-text id is given, so generation goes on through that token: parity is about numbers.
    """
    import torch

    ids = torch.tensor([prompt])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new_tokens,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    return out[0, len(prompt) :].tolist()


if __name__ == "__main__":
    main(*sys.argv[1:])
