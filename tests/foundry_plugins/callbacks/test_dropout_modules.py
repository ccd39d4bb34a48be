# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from foundry_plugins.callbacks.dropout_kinds import KINDS, keep_heads
from foundry_plugins.callbacks.dropout_modules import (
    ScheduledDropout,
    Strength,
    is_compiled,
    schedule_dropouts,
)


class Attention(nn.Module):
    """Names its parts as MPT does."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.n_heads, self.attn_dropout_p = heads, 0.0
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q = x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2)
        p = self.attn_dropout_p if self.training else 0.0
        out = F.scaled_dot_product_attention(q, q, q, dropout_p=p, is_causal=True)
        return self.out_proj(out.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn, self.ffn = Attention(width, heads), nn.Linear(width, width)
        self.resid_attn_dropout, self.resid_ffn_dropout = nn.Dropout(0.0), nn.Dropout(0.0)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        x = x + self.resid_attn_dropout(self.attn(x))
        return x + self.resid_ffn_dropout(self.ffn(x)), None


class Transformer(nn.Module):
    def __init__(self, layers: int = 2, width: int = 8, heads: int = 4) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.emb_drop = nn.Dropout(0.0)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        x = self.emb_drop(x)
        for block in self.blocks:
            x, _ = block(x)
        return x


def strength(value: float = 1.0) -> Strength:
    found = Strength(torch.ones(()))
    found.set(value)
    return found


X = torch.randn(64, 5, 8, generator=torch.Generator().manual_seed(7))


def test_draws_what_torchs_own_dropout_draws() -> None:
    model = nn.Sequential(nn.Dropout(0.3))
    torch.manual_seed(2)
    expected = model(X)
    schedule_dropouts(model, strength())
    torch.manual_seed(2)
    assert torch.equal(model(X), expected)
    assert torch.equal(model.eval()(X), X)


def test_a_module_in_two_places_stays_one_and_others_are_left_alone() -> None:
    class Sharded(nn.Dropout):
        """As FSDP2 makes of it."""

    class Other(nn.Dropout):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * input

    shared = nn.Dropout(0.1)
    model = nn.Sequential(
        *(shared, nn.Sequential(shared), nn.Dropout1d(0.2), nn.Linear(2, 2), Sharded(0.1), Other())
    )
    schedule_dropouts(model.eval(), strength())
    assert model[0] is model[1][0]
    assert type(model[0]) is ScheduledDropout
    assert not model[0].training
    kinds = [type(module) for module in model]
    assert kinds[2:] == [nn.Dropout1d, nn.Linear, ScheduledDropout, Other]
    assert model.state_dict().keys() == {"3.weight", "3.bias"}


@pytest.mark.parametrize(("dims", "draws"), [(1, 64), (2, 320), (3, 2560)])
def test_whole_slices_are_dropped_and_the_others_scaled(dims: int, draws: int) -> None:
    torch.manual_seed(3)
    scales = strength(0.5).drop(torch.ones_like(X), 0.5, dims)
    assert scales.unique().tolist() == pytest.approx([0, 1 / 0.75])
    slices = scales.reshape(draws, -1)
    assert (slices == slices[:, :1]).all()
    # Five standard deviations of the share.
    assert abs(float((slices[:, 0] == 0).float().mean()) - 0.25) < 5 * (0.1875 / draws) ** 0.5


def test_no_strength_is_exactly_nothing_and_draws_nothing() -> None:
    model = Transformer()
    expected, none = model(X), strength(0.0)
    schedule_dropouts(model, none)
    for add in KINDS.values():
        assert add(model, 0.5, none)
    torch.manual_seed(4)
    before = torch.get_rng_state()
    assert torch.equal(model(X), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_heads_are_scaled_by_heads_over_kept_heads() -> None:
    torch.manual_seed(5)
    out = keep_heads(torch.ones(200, 3, 8), 4, 0.5, strength()).view(200, 3, 4, 2)
    assert (out == out[:, :1, :, :1]).all()
    kept = (out[:, 0, :, 0] > 0).sum(dim=1)
    assert set(kept.tolist()) == {0, 1, 2, 3, 4}
    totals = out[:, 0, :, 0].sum(dim=1)
    assert torch.equal(totals, torch.where(kept > 0, 4.0, 0.0))


def test_rates_of_stochastic_depth_rise_linearly_with_depth() -> None:
    model, full = Transformer(layers=4), strength()
    schedule_dropouts(model, full)
    remove = KINDS["stochastic_depth"](model, 0.4, full)
    rates = [(b.resid_attn_dropout.whole, b.resid_ffn_dropout.whole) for b in model.blocks]
    assert rates == [(pytest.approx(0.1 * k),) * 2 for k in (1, 2, 3, 4)]
    for undo in remove:
        undo()
    assert torch.equal(model(X), Transformer(layers=4)(X))


def test_wrapped_blocks_are_counted_once() -> None:
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    model, full = Transformer(layers=2), strength()
    # The host wraps small parts too.
    model.emb_drop = checkpoint_wrapper(model.emb_drop)
    for block in model.blocks:
        block.resid_ffn_dropout = checkpoint_wrapper(block.resid_ffn_dropout)
    model.blocks = nn.ModuleList(checkpoint_wrapper(block) for block in model.blocks)
    schedule_dropouts(model, full)
    assert len(KINDS["layer_drop"](model, 0.5, full)) == 2
    assert len(KINDS["drop_head"](model, 0.5, full)) == 2
    assert len(KINDS["token_dropout"](model, 0.5, full)) == 1
    assert len(KINDS["stochastic_depth"](model, 0.5, full)) == 4


def test_a_dropped_layer_passes_its_input_on() -> None:
    model, full = Transformer(layers=1), strength()
    plain = model(X)
    KINDS["layer_drop"](model, 0.5, full)
    torch.manual_seed(6)
    outs = [model(X) for _ in range(40)]
    kinds = [torch.equal(out, X) - torch.equal(out, plain) for out in outs]
    assert set(kinds) == {1, -1}
    dropped = outs[kinds.index(1)].sum() + 0 * plain.sum()
    dropped.backward()
    # Zero and not None: other ranks wait for this one's gradients.
    assert all((p.grad == 0).all() for p in model.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in model.parameters())
    assert torch.equal(model.eval()(X), plain)


def test_token_dropout_takes_whole_embeddings() -> None:
    model, full = Transformer(layers=0), strength()
    schedule_dropouts(model, full)
    KINDS["token_dropout"](model, 0.25, full)
    torch.manual_seed(8)
    out = model(X)
    dropped = (out == 0).all(dim=2)
    assert 0.1 < float(dropped.float().mean()) < 0.4
    torch.testing.assert_close(out[~dropped], X[~dropped] / 0.75)


def test_both_passes_of_activation_checkpointing_drop_the_same() -> None:
    from torch.utils.checkpoint import checkpoint

    gradients = []
    for again in (False, True):
        model, full = Transformer(), strength(0.7)
        schedule_dropouts(model, full)
        for add in KINDS.values():
            add(model, 0.4, full)
        torch.manual_seed(9)
        out = checkpoint(model, X, use_reentrant=False) if again else model(X)
        out.square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, checkpointed in zip(*gradients, strict=True):
        assert torch.equal(plain, checkpointed)


def test_one_graph_whatever_the_strength() -> None:
    from torch._dynamo.eval_frame import _debug_get_cache_entry_list

    model, moving = Transformer(), strength()
    model.emb_drop.p = 0.1
    schedule_dropouts(model, moving)
    for add in KINDS.values():
        add(model, 0.4, moving)
    assert not is_compiled(model)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    outs = []
    for step in range(12):
        moving.set(max(0.0, 1 - step / 10))
        model.emb_drop.p = 0.1 * moving.value
        torch.manual_seed(step)
        outs.append(compiled(X))
    assert len(_debug_get_cache_entry_list(Transformer.forward.__code__)) == 1
    torch.testing.assert_close(outs[-1], Transformer()(X))
    assert not torch.equal(outs[0], outs[1])
    assert is_compiled(compiled)
