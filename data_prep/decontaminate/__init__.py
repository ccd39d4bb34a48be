# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Removal of what evaluations ask: documents that hold benchmark problems or their solutions.

`settings` is the recipe's section, `problems` reads benchmarks, `index` finds them in a text,
`apply` drops or cuts a document. `kernels` holds the compiled loops.
"""
