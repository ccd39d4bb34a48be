# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Export for llama.cpp: equal numbers in llama.cpp itself, or a refusal with the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sentinels import SENTINELS
from foundry_plugins.export.architecture import Architecture, read_architecture
from foundry_plugins.export.checkpoint import read_checkpoint
from foundry_plugins.export.gguf import export_gguf, refuse_unless_refact, write_gguf
from foundry_plugins.export.parity import ParityReport
from foundry_plugins.export.parity_gguf import check_gguf

gguf = pytest.importorskip("gguf")
pytest.importorskip("xllamacpp")


def _figures(report: ParityReport) -> dict[str, float]:
    return {m.name.partition(",")[0]: m.measured for m in report.measurements}


@pytest.mark.parametrize("name", ["tied", "untied_6_heads", "grouped"])
def test_llama_cpp_computes_the_same(
    model_checkpoint: Callable[[str], Path], samples: list[str], tmp_path: Path, name: str
) -> None:
    report = export_gguf(model_checkpoint(name), tmp_path / "model.gguf", samples)
    figures = _figures(report)
    assert figures["greedy tokens that differ"] == 0
    assert figures["texts tokenized differently"] == 0
    assert figures["largest log-probability difference"] <= 1e-3
    # Five short prompts and one as long as the context allows, 64 new tokens each.
    assert any(m.name.endswith(f"of {6 * 64}") for m in report.measurements)


def test_metadata(model_checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    source = read_checkpoint(model_checkpoint("tied"))
    write_gguf(source, read_architecture(source), tmp_path / "m.gguf", name="m")
    reader = gguf.GGUFReader(tmp_path / "m.gguf")

    def value(key: str) -> Any:
        return reader.get_field(key).contents()

    assert value("general.architecture") == "refact"
    assert value("refact.context_length") == 128
    assert (value("tokenizer.ggml.model"), value("tokenizer.ggml.pre")) == ("gpt2", "qwen2")
    assert value("tokenizer.ggml.eos_token_id") == SENTINELS.index("<|endoftext|>")
    assert value("tokenizer.ggml.padding_token_id") == SENTINELS.index("<|pad|>")
    for key, token in (("pre", "prefix"), ("suf", "suffix"), ("mid", "middle"), ("pad", "pad")):
        expected = SENTINELS.index(f"<fim_{token}>")
        assert value(f"tokenizer.ggml.fim_{key}_token_id") == expected
    assert not value("tokenizer.ggml.add_bos_token")
    tokens, types = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    assert tuple(tokens[: len(SENTINELS)]) == SENTINELS
    assert set(types[: len(SENTINELS)]) == {3}  # control
    assert len(tokens) == 768
    assert types[-1] == 5  # unused: the vocabulary is smaller than the embedding
    assert "output.weight" not in {tensor.name for tensor in reader.tensors}
    assert {tensor.tensor_type.name for tensor in reader.tensors} == {"F32"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"norm": "layernorm"}, "its norm is layernorm"),
        ({"mlp": "gelu"}, "its MLP is gelu"),
        ({"alibi_bias_max": 4}, "alibi_bias_max is 4"),
        ({"softmax_scale": 0.125}, "softmax_scale is 0.125"),
    ],
)
def test_what_refact_lacks_is_refused_with_the_reason(
    model_checkpoint: Callable[[str], Path], change: dict[str, Any], reason: str
) -> None:
    source = read_checkpoint(model_checkpoint("tied"))
    architecture = dataclasses.replace(read_architecture(source), **change)
    with pytest.raises(UserError, match=f"{reason}.*export --hf"):
        refuse_unless_refact(source, architecture)


def test_a_refused_model_leaves_nothing(
    model_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"norm is layernorm.*MLP is gelu"):
        export_gguf(model_checkpoint("layernorm_gelu"), tmp_path / "m.gguf", [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a: dataclasses.replace(a, norm_eps=1e-2),
        lambda a: dataclasses.replace(a, n_heads=8),
    ],
    ids=["eps", "heads"],
)
def test_a_wrong_file_is_found(
    model_checkpoint: Callable[[str], Path],
    samples: list[str],
    tmp_path: Path,
    wrong: Callable[[Architecture], Architecture],
) -> None:
    source = read_checkpoint(model_checkpoint("grouped"))
    architecture = read_architecture(source)
    changed = wrong(architecture)
    if changed.n_heads != architecture.n_heads:
        # Same tensor shapes read as twice as many heads of half the size.
        changed = dataclasses.replace(changed, kv_heads=2 * architecture.kv_heads)
    write_gguf(source, changed, tmp_path / "m.gguf", name="m")
    report = check_gguf(source, architecture, tmp_path / "m.gguf", tmp_path / "final", samples)
    with pytest.raises(UserError, match="log-probability difference"):
        report.require_passed()


def test_nothing_is_left_when_parity_is_missed(
    make_checkpoint: Callable[..., Path], samples: list[str], tmp_path: Path
) -> None:
    # Weights so large that rounding decides what the softmax of the attention picks.
    unstable = make_checkpoint(gain=300.0)
    earlier = tmp_path / "m.gguf"
    earlier.write_bytes(b"GGUF of an earlier export")
    with pytest.raises(UserError, match="not kept"):
        export_gguf(unstable, earlier, samples)
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]
    assert earlier.read_bytes() == b"GGUF of an earlier export"


def test_bad_targets(model_checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    checkpoint = model_checkpoint("tied")
    with pytest.raises(UserError, match=r"ending in `\.gguf`"):
        export_gguf(checkpoint, tmp_path / "model.bin", [])
    (tmp_path / "notes.gguf").write_text("mine")
    (tmp_path / "folder.gguf").mkdir()
    for name in ("notes.gguf", "folder.gguf"):
        with pytest.raises(UserError, match="is not replaced"):
            export_gguf(checkpoint, tmp_path / name, [])
