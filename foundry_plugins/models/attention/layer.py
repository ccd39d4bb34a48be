# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered attention class with ALiBi."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from foundry_plugins.contract.errors import did_you_mean, require
from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.base import SECTION, KernelAttention, visible_keys
from foundry_plugins.models.attention.blocked import blocked_attention
from foundry_plugins.models.attention.choose import (
    AUGMENTED,
    BLOCKED,
    FLASH,
    FLEX,
    REFERENCE,
    SDPA,
    choose_for,
)
from foundry_plugins.models.attention.dtypes import check_dtype
from foundry_plugins.models.attention.flash import flash_attention
from foundry_plugins.models.attention.flex import NO_DROPOUT, flex_attention
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention
from foundry_plugins.models.attention.visible import Visible
from foundry_plugins.models.checks import needs_flash_attn

AUTO = "auto"
_KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    REFERENCE: reference_attention,
    SDPA: sdpa_attention,
    AUGMENTED: augmented_attention,
    BLOCKED: blocked_attention,
    FLEX: flex_attention,
    FLASH: flash_attention,
}
# Queries that continue a cache are left to the others.
_WHOLE_CONTEXTS = (FLEX, FLASH)


class ALiBiMultiQueryAttention(KernelAttention):
    """Causal self-attention with ALiBi; by default one key/value head for all query heads.

    Multi-query attention: Shazeer 2019 (arXiv 1911.02150). ``kv_n_heads`` sets another number of
    key/value heads: grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245), or with the
    number of query heads multi-head attention. Each holds H / kv_n_heads neighbouring query heads.

    ``kernel``: ``reference`` (the definition), ``sdpa`` (fp32; one bias for all layers),
    ``augmented`` (fp32 and bf16; no bias tensor), ``blocked`` (fp32 and bf16; for a CPU; outside of
    compiled graphs), ``flex`` (FlexAttention; for CUDA, where it is compiled; no attention
    dropout), ``flash`` (flash-attn >= 2.4.2 from the extra ``gpu``; fp16 and bf16 on CUDA) or
    ``auto`` (the fastest that is correct for each input; the log says which).
    ``flex`` and ``flash`` are for whole contexts; with them, too, decoding goes as by ``auto``.

    Example:
        ```yaml
        model:
          name: code_mpt_causal_lm
          attn_config:
            attn_type: alibi_multiquery_attention
            alibi: true
            kv_n_heads: 1
            kernel: auto
        ```

    Raises:
        UserError: at construction, for a kernel or an option that this class cannot do.
    """

    def __init__(self, kernel: str = AUTO, kv_n_heads: int | None = None, **options: Any) -> None:
        allowed = (AUTO, *_KERNELS)
        require(
            kernel in allowed,
            f"`{SECTION}.kernel` must be one of {', '.join(allowed)}, "
            f"got {kernel!r}{did_you_mean(str(kernel), allowed)}.",
        )
        if kernel == FLASH:
            needs_flash_attn(f"{SECTION}.kernel: flash", "set kernel to auto")
        dropped = options.get("attn_pdrop") or 0.0
        require(kernel != FLEX or not dropped, NO_DROPOUT.format(dropped))
        super().__init__(
            "alibi_multiquery_attention",
            kv_n_heads=1 if kv_n_heads is None else kv_n_heads,
            **options,
        )
        self.kernel = kernel
        self.adds_alibi = True
        self.folds_heads = kernel != REFERENCE

    def check_dtype(self, dtype: torch.dtype) -> None:
        """Raises `UserError` if the kernel cannot compute in a dtype, before anything is run."""
        check_dtype(self.kernel, dtype)

    def attend(
        self,
        q_BHTD: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        bias: torch.Tensor | Visible | None,
        dropout_p: float,
    ) -> torch.Tensor:
        """See the base class."""
        keys = k_BKSD.shape[2]
        mask = visible_keys(bias, keys)
        kernel = self.kernel
        if kernel == AUTO or (kernel in _WHOLE_CONTEXTS and q_BHTD.shape[2] != keys):
            kernel = choose_for(q_BHTD, keys, mask, dropout_p)
        # Autocast would take the fp32 that kernels choose themselves back to bf16. It does not know
        # the meta device, on which nothing is computed.
        device = q_BHTD.device.type
        with torch.autocast("cpu" if device == "meta" else device, enabled=False):
            return _KERNELS[kernel](
                *(q_BHTD, k_BKSD, v_BKSD), scale=self.softmax_scale, mask=mask, dropout_p=dropout_p
            )
