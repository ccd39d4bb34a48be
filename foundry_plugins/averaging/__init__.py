# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Means of checkpoints: weights by method, readers and writers by kind of checkpoint."""
