# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Optimizers: the plain maths of a step, and the classes that Foundry finds by name."""
