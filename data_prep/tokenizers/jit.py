# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How this package compiles its kernels: once for an installation, callable from one another.

Modules that hold kernels import the compiler, which takes half a second; only code that encodes
imports them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(*, inline: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compiles a function over numpy arrays.

    Args:
        inline: Repeat its code where it is called: for what is called for every character.
    """
    options: dict[str, Any] = {"nogil": True, "forceinline": inline}

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # Neither the package's folder nor the home folder can be written.
            return numba.njit(**options)(function)

    return compiled
