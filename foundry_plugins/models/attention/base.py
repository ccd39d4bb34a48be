# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the registered attention classes share: Foundry's projections and cache, our kernels.

Weights have the names and layout of Foundry's attention classes (``Wqkv`` holds the query heads,
then the key heads, then the value heads), so that checkpoints of either load into the other.
"""

from __future__ import annotations

from typing import Any

import torch
from llmfoundry.models.layers.attention import GroupedQueryAttention

from foundry_plugins.contract.errors import UserError, reject_unknown_keys
from foundry_plugins.models.attention.cache import extend
from foundry_plugins.models.attention.decode import decode_attention
from foundry_plugins.models.attention.visible import Visible, dense_mask

SECTION = "model.attn_config"
# Keys that MPTConfig always fills in: what each must be for these classes.
FIXED: dict[str, Any] = {
    "attn_impl": "torch",  # chooses the cache layout that the kernels read
    "fused_qkv": True,
    "sliding_window_size": -1,
    "attn_logit_softcapping": None,
    "kv_dim": None,
    "nope": False,
    "reuse_kv_layer_idx": None,
    "reuse_kv_x_layer_idx": None,
}
_PASSED = (
    *("d_model", "n_heads", "kv_n_heads", "head_dim", "clip_qkv", "qk_ln", "qk_gn"),
    *("softmax_scale", "attn_pdrop", "norm_type", "norm_eps", "fc_type", "device"),
    *("bias", "attention_bias", "attn_temperature_tuning"),
)


class KernelAttention(GroupedQueryAttention):
    """Causal self-attention whose scores and values are left to `attend`.

    Args:
        name: The class's registered name, for messages.
        free: Keys of `FIXED` that the class reads itself.
        options: What the host passes to an attention class.

    Attributes:
        adds_alibi: Whether `attend` adds ALiBi.
        t5_bias: Whether ``attn_bias`` is T5's, additive and complete.
        window: Keys that a query may see at most, itself included; None for all.
        folds_heads: Whether decoding goes through `decode_attention` instead of `attend`.

    Raises:
        UserError: for an option that the class cannot do.
    """

    adds_alibi = False
    t5_bias = False
    window: int | None = None
    folds_heads = True

    def __init__(self, name: str, free: tuple[str, ...] = (), **options: Any) -> None:
        reject_unknown_keys(SECTION, options, [*_PASSED, *FIXED])
        for key, value in FIXED.items():
            if key not in free and options.get(key, value) != value:
                raise UserError(
                    f"`{SECTION}.{key}` must be {value!r} with {name}, got {options[key]!r}; "
                    "remove the key or choose one of Foundry's own attention types."
                )
        options["attn_impl"] = "torch"
        super().__init__(**options)
        self.registered_name = name
        self.attn_fn = self._attention_implementation

    def attend(
        self,
        q_BHTD: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        bias: torch.Tensor | Visible | None,
        dropout_p: float,
    ) -> torch.Tensor:
        """Attention itself, (B, H, T, D); ``bias`` is what the model passes as ``attn_bias``."""
        raise NotImplementedError

    def _attention_implementation(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        past_key_value: tuple[torch.Tensor, torch.Tensor] | tuple[()] | None,
        attn_bias: torch.Tensor | Visible | None,
        dropout_p: float,
        training: bool,
        needs_weights: bool,
        **unread: Any,
    ) -> tuple[torch.Tensor, None, tuple[torch.Tensor, torch.Tensor] | None]:
        """Foundry's contract: (B, T, heads * D) in and out.

        The cache keeps Foundry's ``torch`` layout: keys (B, K, D, S), values (B, K, S, D).
        """
        if needs_weights:
            raise UserError(
                f"`output_attentions` is not available with {self.registered_name}; use one of "
                "Foundry's own attention types to inspect attention weights."
            )
        batch, length = query.shape[:2]
        q_BHTD = query.view(batch, length, self.n_heads, -1).transpose(1, 2)
        k_BKSD, v_BKSD = (
            x.view(batch, length, self.kv_n_heads, -1).transpose(1, 2) for x in (key, value)
        )
        if past_key_value is not None:
            past_key_value = extend(past_key_value, k_BKSD, v_BKSD)
            k_BKSD, v_BKSD = past_key_value[0].transpose(2, 3), past_key_value[1]
        if length == 1 and self.folds_heads and not (training or torch.is_grad_enabled()):
            out_BHTD = self._attend_from_last(q_BHTD, k_BKSD, v_BKSD, attn_bias)
        else:
            dropout_p = dropout_p if training else 0.0
            out_BHTD = self.attend(q_BHTD, k_BKSD, v_BKSD, attn_bias, dropout_p)
        return out_BHTD.transpose(1, 2).reshape(batch, length, -1), None, past_key_value

    def _attend_from_last(
        self,
        q_BH1D: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        bias: torch.Tensor | Visible | None,
    ) -> torch.Tensor:
        """A step of decoding."""
        assert self.softmax_scale is not None  # the host fills it in
        # Autocast would take the kernel's fp32 products back to half precision.
        with torch.autocast(q_BH1D.device.type, enabled=False):
            return decode_attention(
                *(q_BH1D, k_BKSD, v_BKSD),
                scale=self.softmax_scale,
                mask=dense_mask(bias if self.t5_bias else visible_keys(bias, k_BKSD.shape[2])),
                alibi=self.adds_alibi,
                window=self.window,
            )


def visible_keys(bias: torch.Tensor | Visible | None, keys: int) -> torch.Tensor | Visible | None:
    """Which keys may be seen, from what the model passes as ``attn_bias``.

    ``code_mpt_causal_lm`` passes a `Visible` or None, and booleans do as well. Foundry's own MPT
    passes an additive bias whose masked entries hold the dtype's minimum; its ALiBi part is ignored
    here, because the kernels add their own.
    """
    if bias is None or isinstance(bias, Visible) or bias.dtype == torch.bool:
        return bias
    return bias[..., -keys:] > torch.finfo(bias.dtype).min / 2
