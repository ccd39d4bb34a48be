# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Who runs the stages: one file an engine. An engine runs functions and knows no stage."""
