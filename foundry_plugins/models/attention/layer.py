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
from foundry_plugins.models.attention.choose import AUGMENTED, REFERENCE, SDPA, choose, say
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention

AUTO = "auto"
_KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    REFERENCE: reference_attention,
    SDPA: sdpa_attention,
    AUGMENTED: augmented_attention,
}


class ALiBiMultiQueryAttention(KernelAttention):
    """Causal self-attention with ALiBi; by default one key/value head for all query heads.

    Multi-query attention: Shazeer 2019 (arXiv 1911.02150). ``kv_n_heads`` sets another number of
    key/value heads: grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245), or with the
    number of query heads multi-head attention. Each holds H / kv_n_heads neighbouring query heads.

    ``kernel``: ``reference`` (the definition), ``sdpa`` (fp32; one bias for all layers),
    ``augmented`` (fp32 and bf16; no bias tensor) or ``auto`` (the fastest that is correct for each
    input; the log says which).

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
        super().__init__(
            "alibi_multiquery_attention",
            kv_n_heads=1 if kv_n_heads is None else kv_n_heads,
            **options,
        )
        self.kernel = kernel

    def attend(
        self,
        q_BHTD: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        bias: torch.Tensor | None,
        dropout_p: float,
    ) -> torch.Tensor:
        """See the base class."""
        mask = visible_keys(bias, k_BKSD.shape[2])
        kernel = self.kernel
        if kernel == AUTO:
            kernel = self._choose(q_BHTD, k_BKSD.shape[2], masked=mask is not None)
        return _KERNELS[kernel](
            *(q_BHTD, k_BKSD, v_BKSD), scale=self.softmax_scale, mask=mask, dropout_p=dropout_p
        )

    def _choose(self, q_BHTD: torch.Tensor, keys: int, *, masked: bool) -> str:
        queries, device = q_BHTD.shape[2], q_BHTD.device.type
        kernel = choose(q_BHTD.dtype, queries, keys, masked=masked, on_cpu=device != "cuda")
        if not torch.compiler.is_compiling():
            say(kernel, q_BHTD.dtype, queries != keys, masked, device)
        return kernel
