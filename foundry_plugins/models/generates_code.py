# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a model of Composer needs to be evaluated by ``code_evaluation``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Foundry's names of the metrics that read answers.
ANSWER_METRICS = ("pass_at_1", "pass_at_10", "pass_at_100", "infill_exact_match")


class GeneratesCode:
    """Has batches of ``code_evaluation`` answered, and leaves all others to the class behind it.

    To be put before a ``HuggingFaceModel`` of Composer. Its own generation would pad prompts to the
    context's length, read each prompt once a sample, and go on until the last row is done.
    """

    model: Any

    def eval_forward(self, batch: Mapping[str, Any], outputs: Any | None = None) -> Any:
        """Answers, or what the model gives for other batches."""
        if "work" in batch:
            return batch["work"].answer(self.model)
        return super().eval_forward(batch, outputs)  # type: ignore[misc]
