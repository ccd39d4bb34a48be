# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Products of a few vectors on a CPU: right, and torch's own wherever a kernel must not run."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import linear

from foundry_plugins.models import products
from foundry_plugins.models.products import MOST_VECTORS, Linear, product, use_product

EPSILON = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8}
SIZES = [(1, 1), (5, 7), (7, 1), (40, 768), (33, 2051), (700, 96)]

Count = Callable[[], int]


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> Count:
    """How often a kernel ran since the last look."""
    calls: list[torch.dtype] = []

    def counted(dtype: torch.dtype, kernel: products.Kernel) -> products.Kernel:
        def run(weight: Tensor, bias: Tensor | None, x: Tensor, out: Tensor) -> None:
            calls.append(dtype)
            kernel(weight, bias, x, out)

        return run

    found = {dtype: counted(dtype, kernel) for dtype, kernel in products._kernels().items()}
    monkeypatch.setattr(products, "_kernels", lambda: found)

    def look() -> int:
        count = len(calls)
        calls.clear()
        return count

    return look


def tensors(
    rows: int, inputs: int, vectors: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and bias."""
    generator = torch.Generator().manual_seed(rows + inputs + vectors)
    x, weight, bias = (
        torch.randn(shape, generator=generator).to(dtype)
        for shape in ((vectors, 1, inputs), (rows, inputs), (rows,))
    )
    return x, weight, bias


def assert_right(found: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Within the errors of fp32 sums in any order, and of rounding the result once."""
    addend = torch.zeros(len(weight)) if bias is None else bias
    exact = linear(x.double(), weight.double(), addend.double())
    terms = linear(x.double().abs(), weight.double().abs(), addend.double().abs())
    assert found.dtype == x.dtype
    assert found.shape == exact.shape
    lanes = 2 + x.shape[-1] ** 0.5
    bound = lanes * EPSILON[torch.float32] * terms + EPSILON[x.dtype] * exact.abs() * 1.01
    assert ((found.double() - exact).abs() <= bound).all()


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize(("rows", "inputs"), SIZES)
@torch.no_grad()
def test_equals_float64(rows: int, inputs: int, dtype: torch.dtype, kernel_calls: Count) -> None:
    for vectors in range(1, MOST_VECTORS + 1):
        x, weight, bias = tensors(rows, inputs, vectors, dtype)
        for addend in (None, bias):
            assert_right(product(x, weight, addend), x, weight, addend)
            assert kernel_calls() == 1
    x, weight, bias = tensors(rows, inputs, MOST_VECTORS + 1, dtype)
    assert torch.equal(product(x, weight, bias), linear(x, weight, bias))
    assert kernel_calls() == 0


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 300),
    inputs=st.integers(1, 300),
    vectors=st.integers(1, MOST_VECTORS),
    dtype=st.sampled_from(list(EPSILON)),
    threads=st.integers(1, 3),
)
@torch.no_grad()
def test_any_size_on_any_number_of_threads(
    rows: int, inputs: int, vectors: int, dtype: torch.dtype, threads: int
) -> None:
    before = torch.get_num_threads()
    x, weight, bias = tensors(rows, inputs, vectors, dtype)
    try:
        torch.set_num_threads(threads)
        assert_right(product(x, weight, bias), x, weight, bias)
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def test_golden_bits_of_bf16(kernel_calls: Count) -> None:
    # Halfway between two bf16 numbers, to the even one: 257 to 256, 259 to 260; 1 + 2^-8 stays 1.
    weight = torch.tensor([[256.0, 1.0], [256.0, 3.0], [1.0, 2.0**-8]]).bfloat16()
    found = product(torch.ones(1, 2).bfloat16(), weight)
    assert found.tolist() == [[256.0, 260.0, 1.0]]
    assert kernel_calls() == 1


@pytest.mark.parametrize("dtype", EPSILON)
@torch.no_grad()
def test_infinities_and_nan_pass(dtype: torch.dtype) -> None:
    weight = torch.tensor([[1.0, 2.0], [torch.inf, 1.0], [torch.nan, 0.0]]).to(dtype)
    x = torch.tensor([[1.0, 1.0], [0.0, 1.0]]).to(dtype)
    expected = torch.tensor([[3.0, torch.inf, torch.nan], [2.0, torch.nan, torch.nan]]).to(dtype)
    assert torch.equal(product(x, weight).nan_to_num(7), expected.nan_to_num(7))


def odd_inputs() -> Iterator[tuple[str, tuple[Tensor, Tensor, Tensor | None]]]:
    x, weight, bias = tensors(6, 8, 2)
    yield "weight is a view", (x, weight.t().contiguous().t(), bias)
    yield "x has gaps", (torch.randn(2, 16)[:, ::2], weight, bias)
    yield "bias has gaps", (x, weight, torch.randn(12)[::2])
    yield "float64", (x.double(), weight.double(), bias.double())
    yield "float16", (x.half(), weight.half(), None)
    yield "nothing", (x[:0], weight, bias)


@pytest.mark.parametrize(
    "inputs", [i for _, i in odd_inputs()], ids=[name for name, _ in odd_inputs()]
)
@torch.no_grad()
def test_everything_else_is_torchs(
    inputs: tuple[Tensor, Tensor, Tensor | None], kernel_calls: Count
) -> None:
    assert torch.equal(product(*inputs), linear(*inputs))
    assert kernel_calls() == 0


def test_gradients_autocast_and_traces_are_torchs(kernel_calls: Count) -> None:
    x, weight, bias = tensors(6, 8, 2)
    weight.requires_grad_()
    product(x, weight, bias).sum().backward()
    assert weight.grad is not None
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            assert product(x, weight, bias).dtype == torch.bfloat16
        layer: nn.Module = Linear(8, 6)
        traced: Any = torch.jit.trace(layer, x, check_trace=False)
        assert torch.equal(traced(x + 1), linear(x + 1, layer.weight, layer.bias))
        compiled: Any = torch.compile(layer, backend="eager", fullgraph=True)
        assert torch.equal(compiled(x), linear(x, layer.weight, layer.bias))
    assert kernel_calls() == 0


def test_inference_mode(kernel_calls: Count) -> None:
    with torch.inference_mode():
        x, weight, bias = tensors(6, 8, 2)
        assert_right(product(x, weight, bias), x, weight, bias)
    assert kernel_calls() == 1


@torch.no_grad()
def test_wrong_sizes_are_torchs_error(kernel_calls: Count) -> None:
    x, weight, _ = tensors(6, 8, 2)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        product(x[..., :4].contiguous(), weight)
    assert kernel_calls() == 0


@pytest.mark.parametrize("missing", ["numba", "the pool"])
@torch.no_grad()
def test_does_without(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    products._kernels.cache_clear()
    if missing == "numba":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(products, "_pool", lambda: None)
    try:
        x, weight, bias = tensors(6, 8, 2)
        assert products._kernels() == {}
        assert torch.equal(product(x, weight, bias), linear(x, weight, bias))
    finally:
        products._kernels.cache_clear()


def test_layers_keep_what_was_set_on_them() -> None:
    class Special(nn.Linear):
        pass

    model = nn.Sequential(
        nn.Linear(3, 2, bias=False), nn.Sequential(nn.Linear(2, 2)), Special(2, 2)
    )
    weight = model[0].weight
    model[0].register_buffer("marked", torch.ones(1))
    use_product(model)
    assert type(model[0]) is type(model[1][0]) is Linear
    assert type(model[2]) is Special
    assert model[0].weight is weight
    assert [*model[0].state_dict()] == ["weight", "marked"]


@pytest.fixture(scope="module", params=["alibi_multiquery_attention", "multiquery_attention"])
def model(request: pytest.FixtureRequest) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    torch.manual_seed(1)
    section = {"d_model": 48, "n_heads": 6, "n_layers": 2, "max_seq_len": 64, "vocab_size": 128}
    attention = {"attn_type": request.param, "alibi": True}
    built: Any = build_composer_model(
        name="code_mpt_causal_lm",
        cfg=section | {"attn_config": attention},
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    )
    for parameter in built.model.parameters():
        parameter.data.mul_(3)  # larger than at initialisation, so that differences show
    return built.model.eval()


def test_generates_the_same_tokens(
    model: Any, kernel_calls: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = torch.randint(1, 128, (3, 9), generator=torch.Generator().manual_seed(2))
    options: dict[str, Any] = {"do_sample": False, "pad_token_id": 0, "eos_token_id": None}

    def decode() -> Tensor:
        return model.generate(ids, max_new_tokens=40, **options)[:, 9:]

    found = decode()
    # Five products a layer and the head, in all steps but that of the prompt.
    assert kernel_calls() == 39 * (2 * 5 + 1)
    monkeypatch.setattr(products, "_kernels", dict)
    assert torch.equal(found, decode())
    assert len(found.unique()) > 5
