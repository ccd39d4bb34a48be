# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is worth training on: one file a filter, found by its name.

A filter is a module with one function ``keep(document, *, <settings>) -> str | None``: the reason
to drop the document, or None. Its keyword-only parameters are the keys of its entry in a recipe,
their defaults the constants of the paper that the docstring names. The docstring shows one
document that is kept and one that is dropped; a test runs them.
"""
