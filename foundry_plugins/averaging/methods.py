# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How much of each checkpoint goes into the mean, oldest first; the shares add up to 1.

* ``uniform``: the same of all (Izmailov et al. 2018, SWA, arXiv 1803.05407).
* ``lawa``: the same of the last ``window``, none of the others (Kaddour 2022, arXiv 2209.14981;
  Hägele et al. 2024, arXiv 2405.18392, section 4, where it comes close to a cooldown).
* ``ema``: e_1 = c_1, e_t = decay * e_(t-1) + (1 - decay) * c_t. The decay counts checkpoints, not
  batches: for one every k batches, decay = (decay per batch)^k.
"""

from __future__ import annotations

from foundry_plugins.contract.errors import UserError, did_you_mean, require

METHODS = ("uniform", "lawa", "ema")


def shares(
    method: str, count: int, window: int | None = None, decay: float | None = None
) -> list[float]:
    """The shares of ``count`` checkpoints, oldest first.

    Args:
        method: One of `METHODS`.
        count: How many checkpoints there are.
        window: How many ``lawa`` takes.
        decay: Of ``ema``, in (0, 1).

    Raises:
        UserError: for settings that do not fit together.
    """
    if method not in METHODS:
        raise UserError(
            f"`--method` must be one of {', '.join(METHODS)}, "
            f"got {method!r}{did_you_mean(method, METHODS)}."
        )
    require(count >= 2, f"A mean needs at least two checkpoints, got {count}; name more.")
    require(
        (window is not None) == (method == "lawa"),
        f"`--window` goes with `--method lawa` and only with it, got {window} and {method}.",
    )
    require(
        (decay is not None) == (method == "ema"),
        f"`--decay` goes with `--method ema` and only with it, got {decay} and {method}.",
    )
    if window is not None:
        require(
            2 <= window <= count,
            f"`--window` must be from 2 to the {count} checkpoints that were found, got {window}.",
        )
        return [0.0] * (count - window) + [1 / window] * window
    if decay is not None:
        require(0 < decay < 1, f"`--decay` must be in (0, 1), got {decay}.")
        return [decay ** (count - 1)] + [(1 - decay) * decay**k for k in range(count - 2, -1, -1)]
    return [1 / count] * count
