# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi through flash-attn (Dao 2023, arXiv 2307.08691): github.com/Dao-AILab/flash-attention.

From version 2.4.2 its CUDA kernels take ALiBi's slopes (fp32, one for each query head), share keys
among query heads without a copy, drop attention weights, and take documents of unequal lengths one
after another (``cu_seqlens``): nothing is computed between two documents, and there is no mask.
That needs documents that are runs of neighbouring tokens; see ``visible.py``.

fp16 and bf16 on CUDA only, heads up to 256. The package is the extra ``gpu`` of this one and is
never required.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import re
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

import torch

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.dtypes import KERNEL_DTYPES, check_dtype
from foundry_plugins.models.attention.visible import Visible

LARGEST_HEAD = 256
OLDEST = (2, 4, 2)
_KEY = "`model.attn_config.kernel: flash`"


class Library(NamedTuple):
    """The two functions of flash-attn that are used."""

    attend: Callable[..., torch.Tensor]
    attend_packed: Callable[..., torch.Tensor]


@functools.lru_cache(maxsize=1)
def installed() -> bool:
    """Whether flash-attn is there, from the first version that takes ALiBi's slopes.

    By the name it is distributed under: flash-attn-4 has the same module and other functions.
    """
    try:
        found = importlib.metadata.version("flash-attn")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(int(part) for part in re.findall(r"\d+", found)[:3]) >= OLDEST


def can_do(dtype: torch.dtype, head_size: int, mask: torch.Tensor | Visible | None) -> bool:
    """Whether flash-attn is there and takes these inputs of a CUDA device."""
    if dtype not in KERNEL_DTYPES["flash"] or head_size > LARGEST_HEAD or not installed():
        return False
    return mask is None or (isinstance(mask, Visible) and mask.segments() is not None)


def flash_attention(
    q_BHTD: torch.Tensor,
    k_BKTD: torch.Tensor,
    v_BKTD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Same contract as `reference_attention`, for whole contexts only (T = S).

    Raises:
        UserError: for a dtype, device, head size or mask that flash-attn cannot do.
    """
    check_dtype("flash", q_BHTD.dtype)
    require(
        q_BHTD.is_cuda, f"{_KEY} needs a CUDA device, got {q_BHTD.device}; choose kernel: auto."
    )
    require(
        q_BHTD.shape[-1] <= LARGEST_HEAD,
        f"{_KEY} takes heads up to {LARGEST_HEAD}, got {q_BHTD.shape[-1]}; choose kernel: auto.",
    )
    package = importlib.import_module("flash_attn")
    library = Library(package.flash_attn_func, package.flash_attn_varlen_func)
    return through(library, q_BHTD, k_BKTD, v_BKTD, scale, mask, dropout_p)


def through(
    library: Library,
    q_BHTD: torch.Tensor,
    k_BKTD: torch.Tensor,
    v_BKTD: torch.Tensor,
    scale: float,
    mask: torch.Tensor | Visible | None,
    dropout_p: float,
) -> torch.Tensor:
    """The call itself, in flash-attn's layout: (B, T, H, D), or packed (B * T, H, D)."""
    q_BTHD, k_BTKD, v_BTKD = (x.transpose(1, 2) for x in (q_BHTD, k_BKTD, v_BKTD))
    options = {
        "dropout_p": dropout_p,
        "softmax_scale": scale,
        "causal": True,
        "alibi_slopes": _slopes(q_BHTD.shape[1], q_BHTD.device),
    }
    if mask is None:
        return library.attend(q_BTHD, k_BTKD, v_BTKD, **options).transpose(1, 2)
    segments = mask.segments() if isinstance(mask, Visible) else None
    if not isinstance(mask, Visible) or segments is None:
        raise UserError(
            f"{_KEY} needs documents and padding that are runs of neighbouring tokens, as "
            "code_mpt_causal_lm passes them, and got a mask that is not; choose kernel: auto."
        )
    borders = mask.once(
        "flash",
        lambda: torch.tensor([0, *accumulate(segments)], dtype=torch.int32, device=q_BHTD.device),
    )
    longest = max(segments)
    packed = library.attend_packed(
        *(x.flatten(0, 1) for x in (q_BTHD, k_BTKD, v_BTKD)),
        *(borders, borders, longest, longest),
        **options,
    )
    return packed.view_as(q_BTHD).transpose(1, 2)


@functools.lru_cache(maxsize=8)
def _slopes(heads: int, device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):
        return alibi_slopes(heads).to(device)
