# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The dtypes that each kernel computes in; a kernel that is not named here takes any."""

from __future__ import annotations

import torch

from foundry_plugins.contract.errors import require

KERNEL_DTYPES: dict[str, tuple[torch.dtype, ...]] = {
    "sdpa": (torch.float32,),
    "augmented": (torch.float32, torch.bfloat16),
    "blocked": (torch.float32, torch.bfloat16),
    "flex": (torch.float32, torch.float16, torch.bfloat16),
    "flash": (torch.float16, torch.bfloat16),
}
_NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


def check_dtype(kernel: str, dtype: torch.dtype) -> None:
    """Raises `UserError` if a kernel cannot compute in a dtype."""
    allowed = KERNEL_DTYPES.get(kernel)
    require(
        allowed is None or dtype in allowed,
        f"`model.attn_config.kernel: {kernel}` takes "
        f"{' and '.join(_NAMES[each] for each in allowed or ())} only, got "
        f"{_NAMES.get(dtype, dtype)}; change `precision`, or choose kernel: auto.",
    )
