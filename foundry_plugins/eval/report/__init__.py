# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is done with results once they are written: judged, shared, counted, drawn, browsed."""
