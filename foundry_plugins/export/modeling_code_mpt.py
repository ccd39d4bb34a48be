# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Decoder-only language model with ALiBi, in one file that needs only torch and transformers.

    block:      h = x + out_proj(attention(norm_1(x)));  y = h + mlp(norm_2(h))
    attention:  softmax(softmax_scale * q k^T + slope[h] * (j - i)) v, over keys j <= i
    mlp:        swiglu  down(silu(gate(x)) * up(x));  gelu  down(gelu(up(x)))

ALiBi: Press et al. 2022 (arXiv 2108.12409), slopes as in section 3. Multi-query attention: Shazeer
2019 (arXiv 1911.02150). SwiGLU: Shazeer 2020 (arXiv 2002.05202). There are no biases anywhere.

Because a score depends on positions only through j - i, left padding shifts nothing and no
position ids are needed. Scores and softmax are fp32 whatever the weights' precision is: bf16
cannot represent distances above 256 exactly.

Shapes: B batch, T queries, S keys, E model width, H query heads, K key/value heads, D head size.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional
from transformers.cache_utils import DynamicCache
from transformers.configuration_utils import PretrainedConfig
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.modeling_utils import PreTrainedModel


class CodeMPTConfig(PretrainedConfig):
    """Sizes and variants; names follow transformers where it has one."""

    # Not the trained model's own type: its configuration has other keys, and code that knows that
    # type must not read this one.
    model_type = "code_mpt_hf"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["past_key_values"]

    def __init__(
        self,
        vocab_size: int = 512,
        hidden_size: int = 64,
        num_hidden_layers: int = 2,
        num_attention_heads: int = 4,
        num_key_value_heads: int = 1,
        intermediate_size: int = 256,
        max_position_embeddings: int = 2048,
        block: str = "sequential",
        norm: str = "rmsnorm",
        norm_eps: float = 1e-5,
        mlp: str = "swiglu",
        alibi_bias_max: float = 8.0,
        softmax_scale: float | None = None,
        use_cache: bool = True,
        **kwargs,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.intermediate_size = intermediate_size
        self.max_position_embeddings = max_position_embeddings
        self.block = block
        self.norm = norm
        self.norm_eps = norm_eps
        self.mlp = mlp
        self.alibi_bias_max = alibi_bias_max
        self.softmax_scale = softmax_scale
        self.use_cache = use_cache
        super().__init__(**kwargs)


def alibi_slopes(heads: int, bias_max: float) -> list[float]:
    """One positive slope a head: 2**(-bias_max * k / P) for k = 1..P, P the next power of two.

    When P exceeds the number of heads, every second slope comes first, then those between.
    """
    power = 1 << (heads - 1).bit_length()
    slopes = [2.0 ** (-bias_max * k / power) for k in range(1, power + 1)]
    return slopes if power == heads else (slopes[1::2] + slopes[::2])[:heads]


def attention_bias(
    config: CodeMPTConfig,
    queries: int,
    keys: int,
    mask_BS: torch.Tensor | None,
    like: torch.Tensor,
) -> torch.Tensor:
    """ALiBi with hidden keys at the lowest number, shape (1 or B, H, T, S), at least fp32.

    The lowest number, not -inf: a query that is itself padding sees no key, and its unused row
    must not become NaN.
    """
    dtype, device = torch.promote_types(like.dtype, torch.float32), like.device
    i_T1 = torch.arange(keys - queries, keys, device=device).unsqueeze(1)
    distance_TS = torch.arange(keys, device=device).unsqueeze(0) - i_T1
    slopes = alibi_slopes(config.num_attention_heads, config.alibi_bias_max)
    slopes_H11 = torch.tensor(slopes, dtype=dtype, device=device).view(-1, 1, 1)
    bias = (slopes_H11 * distance_TS).unsqueeze(0)
    lowest = torch.finfo(dtype).min
    bias = bias.masked_fill(distance_TS > 0, lowest)
    if mask_BS is None:
        return bias
    return bias.masked_fill(mask_BS[:, None, None, :] == 0, lowest)


class CodeMPTAttention(nn.Module):
    """Causal self-attention; H query heads share K key/value heads."""

    def __init__(self, config: CodeMPTConfig, layer_index: int) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = config.hidden_size // self.heads
        self.scale = config.softmax_scale or 1 / math.sqrt(self.head_dim)
        self.layer_index = layer_index
        rows = (self.heads + 2 * self.kv_heads) * self.head_dim
        self.Wqkv = nn.Linear(config.hidden_size, rows, bias=False)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(
        self, x_BTE: torch.Tensor, bias: torch.Tensor, cache: DynamicCache | None
    ) -> torch.Tensor:
        """Attends; ``cache``, if given, is extended by this call's keys and values."""
        batch, queries, width = x_BTE.shape
        sizes = [width, self.kv_heads * self.head_dim, self.kv_heads * self.head_dim]
        q, k, v = (
            part.view(batch, queries, -1, self.head_dim).transpose(1, 2)
            for part in self.Wqkv(x_BTE).split(sizes, dim=-1)
        )
        if cache is not None:
            k, v = cache.update(k, v, self.layer_index)
        keys = k.shape[2]
        # The query heads of one key head are the rows of one matrix product: no key is copied.
        rows = (batch, self.kv_heads, self.heads // self.kv_heads * queries, -1)
        scores = (q.reshape(rows) @ k.transpose(-1, -2)).to(bias.dtype) * self.scale
        weights = torch.softmax(scores.view(batch, self.heads, queries, keys) + bias, dim=-1)
        out = weights.to(v.dtype).view(rows) @ v
        out_BTE = out.view(batch, self.heads, queries, -1).transpose(1, 2).reshape(x_BTE.shape)
        return self.out_proj(out_BTE)


class CodeMPTMLP(nn.Module):
    """SwiGLU or GELU feed-forward layer."""

    def __init__(self, config: CodeMPTConfig) -> None:
        super().__init__()
        if config.mlp not in ("swiglu", "gelu", "gelu_tanh"):
            raise ValueError(f"`mlp` must be swiglu, gelu or gelu_tanh, got {config.mlp!r}.")
        width, hidden = config.hidden_size, config.intermediate_size
        self.approximate = "tanh" if config.mlp == "gelu_tanh" else "none"
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.gate_proj = nn.Linear(width, hidden, bias=False) if config.mlp == "swiglu" else None
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps (..., E) to (..., E)."""
        if self.gate_proj is None:
            return self.down_proj(functional.gelu(self.up_proj(x), approximate=self.approximate))
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


def make_norm(config: CodeMPTConfig) -> nn.Module:
    """RMSNorm, or LayerNorm without a bias."""
    if config.norm == "rmsnorm":
        return nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
    if config.norm == "layernorm":
        return nn.LayerNorm(config.hidden_size, eps=config.norm_eps, bias=False)
    raise ValueError(f"`norm` must be rmsnorm or layernorm, got {config.norm!r}.")


class CodeMPTBlock(nn.Module):
    """Attention, then MLP, each behind a norm and added to the residual stream."""

    def __init__(self, config: CodeMPTConfig, layer_index: int) -> None:
        super().__init__()
        if config.block != "sequential":
            raise ValueError(f"`block` must be sequential, got {config.block!r}.")
        self.norm_1 = make_norm(config)
        self.attn = CodeMPTAttention(config, layer_index)
        self.norm_2 = make_norm(config)
        self.ffn = CodeMPTMLP(config)

    def forward(
        self, x: torch.Tensor, bias: torch.Tensor, cache: DynamicCache | None
    ) -> torch.Tensor:
        """Maps (B, T, E) to (B, T, E)."""
        x = x + self.attn(self.norm_1(x), bias, cache)
        return x + self.ffn(self.norm_2(x))


class CodeMPTStack(nn.Module):
    """Embeddings, blocks and the final norm."""

    def __init__(self, config: CodeMPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(
            CodeMPTBlock(config, i) for i in range(config.num_hidden_layers)
        )
        self.norm_f = make_norm(config)

    def forward(
        self, x_BTE: torch.Tensor, mask_BS: torch.Tensor | None, cache: DynamicCache | None
    ) -> torch.Tensor:
        """Maps embedded tokens to the last hidden states."""
        queries = x_BTE.shape[1]
        keys = queries + (cache.get_seq_length() if cache is not None else 0)
        bias = attention_bias(self.config, queries, keys, mask_BS, like=x_BTE)
        for block in self.blocks:
            x_BTE = block(x_BTE, bias, cache)
        return self.norm_f(x_BTE)


class CodeMPTForCausalLM(PreTrainedModel, GenerationMixin):
    """The language model; load it with ``AutoModelForCausalLM`` and ``trust_remote_code=True``."""

    config_class = CodeMPTConfig
    base_model_prefix = "transformer"
    _no_split_modules: ClassVar[list[str]] = ["CodeMPTBlock"]
    _supports_cache_class = True

    def __init__(self, config: CodeMPTConfig) -> None:
        super().__init__(config)
        self.transformer = CodeMPTStack(config)
        # With tied embeddings there is no second matrix to keep equal: `forward` uses the first.
        tied = config.tie_word_embeddings
        self.lm_head = (
            None if tied else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(std=0.02)

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings."""
        return self.transformer.wte

    def set_input_embeddings(self, value: Any) -> None:
        """Replaces the token embeddings."""
        self.transformer.wte = value

    def get_output_embeddings(self) -> Any:
        """The output matrix, or None when it is the embeddings' own."""
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replaces the output matrix."""
        self.lm_head = new_embeddings

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        **_,
    ) -> CausalLMOutputWithPast:
        """Logits of the next token at each position (the last ``logits_to_keep`` if not 0).

        ``attention_mask`` is (B, S), 0 where a key is padding; ``labels`` are ``input_ids`` with
        -100 at ignored positions (they are shifted here).
        """
        use_cache = self.config.use_cache if use_cache is None else use_cache
        cache: Any = past_key_values
        if use_cache and cache is None and not self.training:
            cache = DynamicCache()
        x_BTE = self.transformer.wte(input_ids) if inputs_embeds is None else inputs_embeds
        hidden_BTE = self.transformer(x_BTE, attention_mask, cache)
        head: Any = self.transformer.wte if self.lm_head is None else self.lm_head
        logits = functional.linear(hidden_BTE[:, -logits_to_keep:], head.weight)
        loss = None
        if labels is not None:
            flat = logits[:, :-1].float().flatten(0, 1)
            loss = functional.cross_entropy(flat, labels[:, 1:].flatten())
        # Any: transformers annotates these fields with types that its own models do not pass.
        fields: dict[str, Any] = {"loss": loss, "logits": logits}
        return CausalLMOutputWithPast(**fields, past_key_values=cache)
