# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered attention class with ALiBi."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from foundry_plugins.contract.errors import did_you_mean, require
from foundry_plugins.models.attention.base import SECTION, KernelAttention, visible_keys
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention

_KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    "reference": reference_attention,
    "sdpa": sdpa_attention,
}


class ALiBiMultiQueryAttention(KernelAttention):
    """Causal self-attention with ALiBi; by default one key/value head for all query heads.

    Multi-query attention: Shazeer 2019 (arXiv 1911.02150). ``kv_n_heads`` sets another number of
    key/value heads: grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245), or with the
    number of query heads multi-head attention. Each holds H / kv_n_heads neighbouring query heads.

    ``kernel``: ``reference`` (the definition), ``sdpa`` (fp32, about twice as fast on a CPU) or
    ``auto`` (``sdpa`` for fp32 inputs, else ``reference``).

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

    def __init__(self, kernel: str = "auto", kv_n_heads: int | None = None, **options: Any) -> None:
        allowed = ("auto", *_KERNELS)
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
        return self._kernel(q_BHTD.dtype)(
            *(q_BHTD, k_BKSD, v_BKSD),
            scale=self.softmax_scale,
            mask=visible_keys(bias, k_BKSD.shape[2]),
            dropout_p=dropout_p,
        )

    def _kernel(self, dtype: torch.dtype) -> Callable[..., torch.Tensor]:
        if self.kernel == "auto":
            return sdpa_attention if dtype == torch.float32 else reference_attention
        return _KERNELS[self.kernel]
