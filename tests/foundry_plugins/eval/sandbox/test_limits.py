# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox.limits import Limits


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"cpu_seconds": 0}, "`limits.cpu_seconds` must be a positive number, got 0"),
        ({"wall_seconds": None}, "`limits.wall_seconds` must be a positive number, got None"),
        ({"wall_seconds": math.nan}, "`limits.wall_seconds` must be a positive number, got nan"),
        ({"processes": 1.5}, "`limits.processes` must be a positive whole number, got 1.5"),
        ({"processes": True}, "`limits.processes` must be a positive whole number, got True"),
    ],
)
def test_limits_are_positive(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Limits(**limits)
