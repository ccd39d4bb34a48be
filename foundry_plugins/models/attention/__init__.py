# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi and multi-query attention: the maths (torch only), one file a kernel, and the layer."""
