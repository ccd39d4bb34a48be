# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is worth training on: one file a filter or an edit, found by its name.

A filter is a module with one function ``keep(document, *, <settings>) -> str | None``: the reason
to drop the document, or None. An edit is one with ``edit(document, *, <settings>) -> Document |
str``: the document with its text changed, the very same object where there is nothing to change,
or a reason to drop it. Keyword-only parameters are the keys of its entry in a recipe, their
defaults the constants of the paper that the docstring names. The docstring shows one document that
is kept and one that is dropped or edited; a test runs them.

Counts that several filters need come from ``document.statistics``. Documents with ``markers``
(issues, notebooks as sequences of cells) are edited piece by piece between them, or not at all;
each edit says which.
"""
