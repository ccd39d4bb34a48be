# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Causal language models for code: attention kernels, blocks and the registered model."""
