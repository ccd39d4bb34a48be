# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels: functions over numpy arrays that numba compiles when they are first called.

Importing a module that has some costs nothing, so the command line stays fast and only workers
load the compiler (half a second). Machine code is kept on disk, in the package's ``__pycache__`` or
the user's cache folder, for each kind of processor: it is compiled once for an installation.

Kernels use integers of fixed width only: their results are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Kernel:
    """A function that is compiled on its first call."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Calls the compiled function."""
        if self._compiled is None:
            self._compiled = _compile(self.function)
        return self._compiled(*arguments)


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    # Machine code on disk names its module; one that was loaded from its file under another name
    # (as doctest does) would leave code there that nobody else can load.
    if function.__module__.startswith(f"{__package__}."):
        try:
            return numba.njit(cache=True, nogil=True)(function)
        except RuntimeError:
            # Neither the package's folder nor the home folder can be written.
            pass
    return numba.njit(nogil=True)(function)
