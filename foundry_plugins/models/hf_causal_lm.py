# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered model ``code_hf_causal_lm``: any causal model of transformers, for evaluation."""

from __future__ import annotations

from llmfoundry.models.hf.hf_causal_lm import ComposerHFCausalLM

from foundry_plugins.models.generates_code import ANSWER_METRICS, GeneratesCode


class ComposerCodeHFCausalLM(GeneratesCode, ComposerHFCausalLM):
    """Foundry's ``hf_causal_lm``, with all of its keys, for ``code_evaluation``.

    Example:
        ```yaml
        model:
          name: code_hf_causal_lm
          pretrained_model_name_or_path: runs/quickstart/hf
          pretrained: false
        ```
    """

    default_eval_metrics = (*ComposerHFCausalLM.default_eval_metrics, *ANSWER_METRICS)
