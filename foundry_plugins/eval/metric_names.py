# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the names of a task's metrics are names of metrics.

Composer takes ``metric_names`` as patterns and passes over those that match nothing: a misspelt one
would cost the whole evaluation and give no figure. Foundry does not hand them to the data set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from foundry_plugins.contract.errors import UserError, did_you_mean

METRICS = (
    *("CodePassAt1Accuracy", "CodePassAt10Accuracy", "CodePassAt100Accuracy"),
    "InfillExactMatchAccuracy",
)


def check(label: str, names: Sequence[str] | None, metrics: Iterable[str]) -> None:
    """Compares a task's names with those of a model's metrics, as Composer does.

    Args:
        label: Of the task.
        names: As the YAML has them; None for all of the model's.
        metrics: Of the model.

    Raises:
        UserError: for a name that matches none.
    """
    metrics = list(metrics)
    for name in names or ():
        if not any(_matches(str(name), metric) for metric in metrics):
            raise UserError(
                f"`icl_tasks[].metric_names` of {label} must be names of metrics, got {name!r}"
                f"{did_you_mean(str(name), METRICS)}; models `code_hf_causal_lm` and "
                f"`code_mpt_causal_lm` have {', '.join(METRICS)} for `code_evaluation`."
            )


def _matches(name: str, metric: str) -> bool:
    try:
        return re.match(f".*{name}.*", metric, re.IGNORECASE) is not None
    except re.error:
        return False
