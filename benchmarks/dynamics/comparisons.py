# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The comparisons by name; each is a file with a function of a `Lab`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.dynamics.cooldown import cooldown
from benchmarks.dynamics.dropout import dropout
from benchmarks.dynamics.lab import Lab
from benchmarks.dynamics.optimizers import optimizers
from benchmarks.dynamics.rewarm import rewarm

# Later ones begin with what the first has chosen and trained.
ALL: dict[str, Callable[[Lab], dict[str, Any]]] = {
    "optimizers": optimizers,
    "rewarm": rewarm,
    "cooldown": cooldown,
    "dropout": dropout,
}
