# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of decoding that papers report figures with, by name.

bigcode_*    the BigCode harness, with which SantaCoder, StarCoder and Refact were measured
codex_*      Chen et al. 2021 (arXiv 2107.03374, section 3.2): its best temperature for k
multipl_e_*  Cassano et al. 2023 (arXiv 2208.08227, section 4)
thesis_*     the Edinburgh thesis on Pythonic models, with 200 samples; a setting for k = 1, 10
             and 100 each. Its contrastive search draws, which the search of its source
             (Su et al. 2022, arXiv 2202.06417) does not: at a temperature of its plain sampling
             and with 4 candidates, both of which the thesis leaves open.
"""

from __future__ import annotations

from foundry_plugins.contract.errors import did_you_mean, require

_THESIS_TEMPERATURES = {1: 0.2, 10: 0.6, 100: 0.8}
_THESIS_TOP_K = {1: (0.3, 25), 10: (0.6, 35), 100: (0.7, 50)}
_THESIS_TOP_P = {1: (0.2, 0.96), 10: (0.7, 0.95), 100: (0.8, 0.93)}
_THESIS_ALPHA = {1: 0.1, 10: 0.2, 100: 0.4}

DECODINGS: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0.0},
    "bigcode_pass_at_1": {"temperature": 0.2, "top_p": 0.95},
    "codex_pass_at_1": {"temperature": 0.2, "top_p": 0.95},
    "codex_pass_at_100": {"temperature": 0.8, "top_p": 0.95},
    "multipl_e_pass_at_1": {"temperature": 0.2, "top_p": 0.95},
    "multipl_e_pass_at_10_100": {"temperature": 0.8, "top_p": 0.95},
}
for _k in (1, 10, 100):
    _t, _number = _THESIS_TOP_K[_k]
    DECODINGS[f"thesis_temperature_pass_at_{_k}"] = {"temperature": _THESIS_TEMPERATURES[_k]}
    DECODINGS[f"thesis_top_k_pass_at_{_k}"] = {"temperature": _t, "top_k": _number}
    _t, _share = _THESIS_TOP_P[_k]
    DECODINGS[f"thesis_top_p_pass_at_{_k}"] = {"temperature": _t, "top_p": _share}
    DECODINGS[f"thesis_contrastive_pass_at_{_k}"] = {
        "temperature": _THESIS_TEMPERATURES[_k],
        "contrastive_alpha": _THESIS_ALPHA[_k],
    }


def find(name: str | None) -> dict[str, float]:
    """A setting's keys; none without a name.

    Raises:
        UserError: for a name that there is not.
    """
    require(
        name is None or name in DECODINGS,
        f"`icl_tasks[].decoding` must be one of {', '.join(DECODINGS)}, got {name!r}"
        f"{did_you_mean(str(name), DECODINGS)}.",
    )
    return {} if name is None else dict(DECODINGS[name])
