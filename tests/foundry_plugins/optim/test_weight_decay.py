# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.optim.weight_decay import check_shrinkage, shrinkage_per_step


def test_the_two_conventions_of_one_recipe() -> None:
    # Refact: lr 5e-5 with wd 0.8 coupled is 4e-5 decoupled.
    assert shrinkage_per_step(0.8, "lr_coupled", 5e-5) == pytest.approx(4e-5)
    assert shrinkage_per_step(4e-5, "decoupled", 5e-5) == 4e-5
    assert shrinkage_per_step(0.0, None, 5e-5) == 0.0


@given(
    weight_decay=st.floats(0, 1),
    peak=st.floats(1e-8, 1),
    share=st.floats(0, 1),
)
def test_the_decoupled_value_decays_as_the_coupled_one(
    weight_decay: float, peak: float, share: float
) -> None:
    lr = peak * share
    converted = shrinkage_per_step(weight_decay, "lr_coupled", peak)
    assert converted * lr / peak == pytest.approx(lr * weight_decay, abs=1e-12)


def test_one_percent_is_the_limit() -> None:
    check_shrinkage(0.1 * 0.1, 0.1, "lr_coupled", allow=False)
    with pytest.raises(UserError, match=r"0\.0101 at every step"):
        check_shrinkage(0.0101, 0.0101, "decoupled", allow=False)
    check_shrinkage(0.5, 0.5, "decoupled", allow=True)
