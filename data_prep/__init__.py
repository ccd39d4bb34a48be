# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Source code in, training shards out: the ``convert_dataset`` command.

Documents flow one way: read -> filter -> remove duplicates -> shuffle -> tokenize -> pack -> MDS
shards. `recipe` says what is asked for, `pipeline` is the order of the stages, `stages` holds one
file a stage, `engines` runs them. Nothing is imported here, so that ``--help`` costs nothing.
"""
