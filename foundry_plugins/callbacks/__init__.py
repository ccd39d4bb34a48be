# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Callbacks, one a file; each is a function of the timestamp and keeps nothing in checkpoints."""
