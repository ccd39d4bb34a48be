# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Trained checkpoints to files that others serve, refused unless they compute the same.

    checkpoint  ->  architecture  ->  hf, gguf  ->  parity_hf, parity_gguf
                                                    (against `reference`, the trained class)

Every export is written aside, loaded by the program that will serve it (transformers in a process
that cannot import this package; llama.cpp), compared with the trained model, and only then renamed.
"""
