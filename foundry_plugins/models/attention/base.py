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

    Raises:
        UserError: for an option that the class cannot do.
    """

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
        bias: torch.Tensor | None,
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
        attn_bias: torch.Tensor | None,
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
            if len(past_key_value) != 0:
                k_BKSD = torch.cat([past_key_value[0].transpose(2, 3), k_BKSD], dim=2)
                v_BKSD = torch.cat([past_key_value[1], v_BKSD], dim=2)
            past_key_value = (k_BKSD.transpose(2, 3), v_BKSD)
        out_BHTD = self.attend(q_BHTD, k_BKSD, v_BKSD, attn_bias, dropout_p if training else 0.0)
        return out_BHTD.transpose(1, 2).reshape(batch, length, -1), None, past_key_value


def visible_keys(bias: torch.Tensor | None, keys: int) -> torch.Tensor | None:
    """Which keys may be seen, from what the model passes as ``attn_bias``.

    ``code_mpt_causal_lm`` passes a boolean mask or None. Foundry's own MPT passes an additive bias
    whose masked entries hold the dtype's minimum; its ALiBi part is ignored here, because the
    kernels add their own.
    """
    if bias is None or bias.dtype == torch.bool:
        return bias
    return bias[..., -keys:] > torch.finfo(bias.dtype).min / 2
