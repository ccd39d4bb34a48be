# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What flash-attn is given, through a plain version of its two functions, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention import flash
from foundry_plugins.models.attention.flash import Library, can_do, flash_attention, through
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.visible import Visible


def plain(
    q_BTHD: torch.Tensor,
    k_BTKD: torch.Tensor,
    v_BTKD: torch.Tensor,
    *,
    dropout_p: float,
    softmax_scale: float,
    causal: bool,
    alibi_slopes: torch.Tensor,
) -> torch.Tensor:
    """flash_attn_func as its docstring describes it: -slope * |i - j| is added to a score."""
    assert causal
    assert dropout_p == 0
    assert alibi_slopes.dtype == torch.float32
    heads, length = q_BTHD.shape[2], q_BTHD.shape[1]
    k, v = (x.repeat_interleave(heads // x.shape[2], dim=2) for x in (k_BTKD, v_BTKD))
    i = torch.arange(length)
    scores = torch.einsum("bthd,bshd->bhts", q_BTHD, k) * softmax_scale
    scores = scores - alibi_slopes[:, None, None] * (i[:, None] - i[None, :]).abs()
    scores = scores.masked_fill(i[:, None] < i[None, :], -torch.inf)
    return torch.einsum("bhts,bshd->bthd", scores.softmax(-1), v)


def plain_packed(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    borders_q: torch.Tensor,
    borders_k: torch.Tensor,
    longest_q: int,
    longest_k: int,
    **options: Any,
) -> torch.Tensor:
    """flash_attn_varlen_func: sequences one after another, cut at the borders."""
    assert borders_q.dtype == borders_k.dtype == torch.int32
    borders = borders_q.tolist()
    lengths = [end - start for start, end in itertools.pairwise(borders)]
    assert longest_q == longest_k == max(lengths)
    parts = zip(*(x.split(lengths) for x in (q, k, v)), strict=True)
    return torch.cat([plain(*(x.unsqueeze(0) for x in part), **options)[0] for part in parts])


LIBRARY = Library(plain, plain_packed)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_what_flash_attn_is_given(groups: int, masked: bool) -> None:
    torch.manual_seed(groups)
    # As the layer has them: views of (B, T, H, D).
    q, k, v = (torch.randn(2, 9, h, 8).double().transpose(1, 2) for h in (4, groups, groups))
    seen = torch.ones(2, 9, dtype=torch.bool)
    mask = None
    if masked:
        seen[1, :4] = False
        mask = Visible(seen, torch.tensor([[1] * 5 + [0] + [2] * 3, [7] * 9]), 9, 9)
    out = through(LIBRARY, q, k, v, 0.3, mask, 0.0).transpose(1, 2)[seen]
    expected = reference_attention(q, k, v, scale=0.3, mask=mask).transpose(1, 2)[seen]
    torch.testing.assert_close(out, expected, rtol=1e-6, atol=1e-6)


def test_what_is_refused() -> None:
    q = torch.zeros(1, 1, 4, 8)
    with pytest.raises(UserError, match=r"kernel: flash` takes fp16 and bf16 only, got fp32"):
        flash_attention(q, q, q, scale=1.0)
    with pytest.raises(UserError, match=r"kernel: flash` needs a CUDA device, got cpu"):
        flash_attention(q.half(), q.half(), q.half(), scale=1.0)
    holes = Visible(None, torch.tensor([[0, 1, 0, 1]]), 4, 4)
    for mask in (holes, holes.mask()):
        with pytest.raises(UserError, match="runs of neighbouring tokens"):
            through(LIBRARY, q, q, q, 1.0, mask, 0.0)
    assert not can_do(torch.float32, 64, None)
    assert not can_do(torch.bfloat16, 512, None)


@pytest.mark.parametrize(
    ("distribution", "found"),
    [
        ("flash_attn-2.4.2", True),
        ("flash_attn-2.8.3.post1", True),
        ("flash_attn-2.4.1", False),
        ("flash_attn_4-4.0.0", False),
    ],
)
def test_only_versions_that_take_slopes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distribution: str, found: bool
) -> None:
    name, version = distribution.rsplit("-", 1)
    folder = tmp_path / f"{distribution}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert flash.installed.__wrapped__() == found
