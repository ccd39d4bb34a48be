# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Measures of a code model: bits per byte, infilling exact match, and byte n-gram baselines."""
