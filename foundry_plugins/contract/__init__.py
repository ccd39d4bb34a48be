# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What ``data_prep`` writes and ``foundry_plugins`` reads: the leaf that both import.

Standard library and numpy only, so that either side can be used, tested and run on a cluster
without the other's dependencies.
"""
