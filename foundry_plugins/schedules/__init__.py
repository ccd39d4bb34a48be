# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Learning-rate schedules: pure shapes of progress, and the registered class that reads time."""
