# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels: functions over numpy arrays that numba compiles when they are first called.

Importing a module that has some costs nothing, so the command line stays fast and only workers
load the compiler (half a second). Machine code is kept on disk, in the package's ``__pycache__`` or
the user's cache folder, for each kind of processor: it is compiled once for an installation.

Kernels may call one another. They use integers of fixed width only, or sum floats in a fixed
order: their results are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Kernel:
    """A function that is compiled on its first call, or when another kernel that calls it is."""

    def __init__(self, function: Callable[..., Any], *, inline: bool) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self._inline = inline
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Calls the compiled function."""
        return self._dispatcher()(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """How numba types what it finds under a name: a kernel in a kernel is a function to it."""
        return self._dispatcher()._numba_type_

    def _dispatcher(self) -> Any:
        if self._compiled is None:
            self._compiled = _compile(self.function, self._inline)
        return self._compiled


def kernel(*, inline: bool = False) -> Callable[[Callable[..., Any]], Kernel]:
    """Makes a kernel of a function.

    Args:
        inline: Repeat its code where it is called: for what is called for every character.
    """
    return lambda function: Kernel(function, inline=inline)


def _compile(function: Callable[..., Any], inline: bool) -> Any:
    import numba

    options: dict[str, Any] = {"nogil": True, "forceinline": inline}
    # Machine code on disk names its module; one that was loaded from its file under another name
    # (as doctest does) would leave code there that nobody else can load.
    if function.__module__.startswith(f"{__package__}."):
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # Neither the package's folder nor the home folder can be written.
            pass
    return numba.njit(**options)(function)
