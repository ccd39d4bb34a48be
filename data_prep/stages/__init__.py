# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The stages of a conversion: one file a stage.

Each has ``plan(...)``, which lists its tasks, and the function that a task runs in a worker. A
stage is a map over parts, or a key and a reduce: ``read`` (map), ``deduplicate`` (reduce by text),
``scatter`` and ``gather`` (group by part, then sort), ``vocabulary`` (reduce to one), ``shards``
(map), ``publish``. `data_prep.pipeline` says in which order; `data_prep.ledger` which tasks are
left to do.
"""
