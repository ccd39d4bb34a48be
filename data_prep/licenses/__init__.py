# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which documents may be used.

`policy` decides by licence, `opt_out` by who asked to be left out. `detect` and `declared` tell the
licence of a text and of a package file, `project` that of the folder around a file; `spdx` reads
licence expressions. ``permissive.txt`` is the list of permissive licences.
"""
