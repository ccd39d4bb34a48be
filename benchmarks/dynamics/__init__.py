# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Small real training runs that show what each mechanism of training does, or does not do.

A model of a million parameters learns CPython's standard library on a CPU, through Composer's
Trainer and the registered components. Each claim of a source is a comparison of runs that differ in
one thing and share their seed, which decides weights, order of data and masks; the verdict is
computed from the differences and their spread. What holds here need not hold for a large model.
"""
