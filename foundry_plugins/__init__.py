# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Components for training code models with LLM Foundry, found through its registries.

Nothing is imported here: every component is named in a Foundry YAML and loaded by its entry
point, so that ``--help`` and ``import foundry_plugins`` cost nothing.
"""

__version__ = "0.1.0"
