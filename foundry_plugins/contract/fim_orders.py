# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The orders in which fill-in-the-middle writes prefix ``p``, middle ``m`` and suffix ``s``.

Bavarian et al. 2022 (arXiv 2207.14255, section 3). Training writes a whole order and the end token,
a prompt writes it up to ``m``.

``psm``    ``PRE p SUF s MID m``
``spm1``   ``SUF s PRE p MID m``   (Refact)
``spm2``   ``PRE SUF s MID p m``   (the paper's own, StarCoder; equals ``psm`` for an empty prefix)
"""

from __future__ import annotations

NONE, PSM, SPM1, SPM2 = "none", "psm", "spm1", "spm2"
SPM_VARIANTS = (SPM1, SPM2)

PREFIX, MIDDLE, SUFFIX = "p", "m", "s"
PREFIX_SENTINEL, MIDDLE_SENTINEL, SUFFIX_SENTINEL = "PRE", "MID", "SUF"
END = "END"
SENTINELS = (PREFIX_SENTINEL, MIDDLE_SENTINEL, SUFFIX_SENTINEL)

ORDERS: dict[str, tuple[str, ...]] = {
    PSM: (PREFIX_SENTINEL, PREFIX, SUFFIX_SENTINEL, SUFFIX, MIDDLE_SENTINEL, MIDDLE),
    SPM1: (SUFFIX_SENTINEL, SUFFIX, PREFIX_SENTINEL, PREFIX, MIDDLE_SENTINEL, MIDDLE),
    SPM2: (PREFIX_SENTINEL, SUFFIX_SENTINEL, SUFFIX, MIDDLE_SENTINEL, PREFIX, MIDDLE),
}
