# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From packed shards to batches: fill-in-the-middle, collation, the registered dataloader."""
