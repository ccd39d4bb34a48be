# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commits as documents: read from git repositories, rendered in a diff format.

``program`` runs git, ``repository`` says what a repository holds, ``contents`` and ``changes`` ask
git for objects and differences, ``objects`` takes objects apart, ``reading`` makes texts of a
commit, and ``rendering`` makes documents of it, for every source of commits.
"""
