# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Generation for evaluation: many seeded samples of each prompt, from one pass over the prompt."""
