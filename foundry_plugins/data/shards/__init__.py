# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of shards that the loader reads, one file each; any may be a stream beside any."""
