# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of ``foundry-plugins``, a file a group; nothing heavy at the top of any."""
