# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox.limits import Limits


def test_limits_are_positive() -> None:
    with pytest.raises(UserError, match=r"`limits.cpu_seconds` must be positive, got 0"):
        Limits(cpu_seconds=0)
