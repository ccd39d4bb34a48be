# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""FlexAttention on a CPU, uncompiled; see test_gpu_kernels.py for the compiled kernel."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.attention import flex_attention as torch_flex

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention.flex import alibi_score, block_mask, can_do, flex_attention
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.visible import Visible

DOCUMENTS = torch.tensor([[3] * 8 + [0] + [1] * 8, [2, 5] * 8 + [2]])
SEEN = torch.ones(2, 17, dtype=torch.bool)
SEEN[1, :3] = False


def inputs(heads: int, groups: int, length: int = 17, size: int = 8) -> list[torch.Tensor]:
    torch.manual_seed(heads)
    return [torch.randn(2, h, length, size, dtype=torch.float64) for h in (heads, groups, groups)]


@pytest.mark.parametrize(("heads", "groups"), [(4, 1), (6, 3), (3, 3)])
@pytest.mark.parametrize("masked", ["no", "visible", "booleans", "of heads"])
def test_equals_the_definition(heads: int, groups: int, masked: str) -> None:
    visible = Visible(SEEN, DOCUMENTS, 17, 17)
    masks: dict[str, Any] = {"no": None, "visible": visible, "booleans": visible.mask()}
    masks["of heads"] = SEEN[:, None, None, :].expand(2, heads, 1, 17)
    mask = masks[masked]
    weight = torch.randn(2, heads, 17, 8).double() * SEEN[:, None, :, None]
    found = []
    for kernel in (reference_attention, flex_attention):
        tensors = [x.requires_grad_() for x in inputs(heads, groups)]
        out = kernel(*tensors, scale=0.3, mask=mask)
        gradients = torch.autograd.grad((out * weight).sum(), tensors)
        found.append([out * SEEN[:, None, :, None], *gradients])
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected)


def test_what_it_cannot_do() -> None:
    q, k, v = inputs(4, 1)
    with pytest.raises(UserError, match=r"attn_pdrop` must be 0 with `kernel: flex`, got 0.1"):
        flex_attention(q, k, v, scale=1.0, dropout_p=0.1)
    with pytest.raises(ValueError, match="as many queries as keys, got 1 and 17"):
        flex_attention(q[:, :, :1], k, v, scale=1.0)
    assert not can_do(torch.float64, 64)
    assert not can_do(torch.bfloat16, 8)


def test_other_documents_need_no_other_graph() -> None:
    graphs = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()
    compiled: Any = torch.compile(torch_flex.flex_attention, backend=backend, fullgraph=True)
    for seed in range(3):
        torch.manual_seed(seed)
        documents = torch.randint(0, 3, (2, 64))
        q, k, v = (torch.randn(2, h, 64, 16) for h in (4, 1, 1))
        mask = Visible(None, documents, 64, 64)
        out = compiled(
            *(q, k, v),
            score_mod=alibi_score(4, q.device),
            block_mask=block_mask(mask, q),
            scale=0.3,
            enable_gqa=True,
        )
        expected = reference_attention(q, k, v, scale=0.3, mask=mask)
        torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert len(graphs) == 1
    torch.compiler.reset()


def test_all_layers_share_a_block_mask() -> None:
    q = torch.zeros(2, 1, 17, 8)
    mask = Visible(SEEN, DOCUMENTS, 17, 17)
    assert block_mask(mask, q) is block_mask(mask, q)
    assert block_mask(None, q) is block_mask(None, q)
