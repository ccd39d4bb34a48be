# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered attention class: Foundry's multi-query projections, our causal ALiBi kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from llmfoundry.models.layers.attention import MultiQueryAttention

from foundry_plugins.contract.errors import UserError, did_you_mean, reject_unknown_keys, require
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention

_KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    "reference": reference_attention,
    "sdpa": sdpa_attention,
}
_SECTION = "model.attn_config"
# Keys that MPTConfig always fills in: what each must be for this class, and why.
_FIXED: dict[str, Any] = {
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
    *("d_model", "n_heads", "head_dim", "clip_qkv", "qk_ln", "qk_gn", "softmax_scale"),
    *("attn_pdrop", "norm_type", "norm_eps", "fc_type", "device", "bias", "attention_bias"),
    "attn_temperature_tuning",
)


class ALiBiMultiQueryAttention(MultiQueryAttention):
    """Causal self-attention with ALiBi and one key/value head for all query heads.

    Multi-query attention: Shazeer 2019 (arXiv 1911.02150). Weights have the names and layout of
    Foundry's ``multiquery_attention`` (``Wqkv`` holds H query heads, then one key and one value
    head), so that checkpoints of either load into the other.

    ``kernel``: ``reference`` (the definition), ``sdpa`` (fp32, about twice as fast on a CPU) or
    ``auto`` (``sdpa`` for fp32 inputs, else ``reference``).

    Example:
        ```yaml
        model:
          name: code_mpt_causal_lm
          attn_config:
            attn_type: alibi_multiquery_attention
            alibi: true
            kernel: auto
        ```

    Raises:
        UserError: at construction, for a kernel or an option that this class cannot do.
    """

    def __init__(self, kernel: str = "auto", **options: Any) -> None:
        allowed = ("auto", *_KERNELS)
        require(
            kernel in allowed,
            f"`{_SECTION}.kernel` must be one of {', '.join(allowed)}, "
            f"got {kernel!r}{did_you_mean(str(kernel), allowed)}.",
        )
        reject_unknown_keys(_SECTION, options, [*_PASSED, *_FIXED, "kernel"])
        for key, value in _FIXED.items():
            if options.get(key, value) != value:
                raise UserError(
                    f"`{_SECTION}.{key}` must be {value!r} with "
                    f"alibi_multiquery_attention, got {options[key]!r}; "
                    "remove the key or choose Foundry's multiquery_attention."
                )
        options["attn_impl"] = "torch"
        super().__init__(**options)
        self.kernel = kernel
        self.attn_fn = self._attend

    def _attend(
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
        """Foundry's attention-implementation contract: (B, T, heads * D) in and out.

        The cache keeps Foundry's ``torch`` layout: keys (B, 1, D, S), values (B, 1, S, D).
        """
        if needs_weights:
            raise UserError(
                "`output_attentions` is not available with alibi_multiquery_attention; "
                "use Foundry's multiquery_attention to inspect attention weights."
            )
        batch, length = query.shape[:2]
        q_BHTD = query.view(batch, length, self.n_heads, -1).transpose(1, 2)
        k_B1SD, v_B1SD = key.unsqueeze(1), value.unsqueeze(1)
        if past_key_value is not None:
            if len(past_key_value) != 0:
                k_B1SD = torch.cat([past_key_value[0].transpose(2, 3), k_B1SD], dim=2)
                v_B1SD = torch.cat([past_key_value[1], v_B1SD], dim=2)
            past_key_value = (k_B1SD.transpose(2, 3), v_B1SD)
        out_BHTD = self._kernel(q_BHTD.dtype)(
            q_BHTD,
            k_B1SD,
            v_B1SD,
            scale=self.softmax_scale,
            mask=_visible(attn_bias, k_B1SD.shape[2]),
            dropout_p=dropout_p if training else 0.0,
        )
        return out_BHTD.transpose(1, 2).reshape(batch, length, -1), None, past_key_value

    def _kernel(self, dtype: torch.dtype) -> Callable[..., torch.Tensor]:
        if self.kernel == "auto":
            return sdpa_attention if dtype == torch.float32 else reference_attention
        return _KERNELS[self.kernel]


def _visible(attn_bias: torch.Tensor | None, keys: int) -> torch.Tensor | None:
    """Which keys may be seen, from what the model passes as ``attn_bias``.

    ``code_mpt_causal_lm`` passes a boolean mask or None. Foundry's own MPT passes an additive bias
    whose masked entries hold the dtype's minimum; its ALiBi part is ignored here, because the
    kernels add their own.
    """
    if attn_bias is None or attn_bias.dtype == torch.bool:
        return attn_bias
    return attn_bias[..., -keys:] > torch.finfo(attn_bias.dtype).min / 2
