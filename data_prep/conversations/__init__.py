# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Issues and pull requests of GitHub as texts, the way StarCoder2 has them.

Lozhkov et al. 2024, arXiv 2402.19173, sections 2.2, 2.3, 3.2, 5.2 and 5.3; what it takes over from
StarCoder is in Li et al. 2023, arXiv 2305.06161, appendix A. Conversations come as lists of events
of GH Archive (https://www.gharchive.org), gathered by conversation; `data_prep.sources` has the
schemas of the rows.
"""
