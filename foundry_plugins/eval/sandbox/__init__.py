# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs programs that nobody has read, and says whether they pass their tests."""
