# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Personal data and credentials, found and replaced before anything is trained on.

`documents.redact` is the door, `settings.Redaction` the section of a recipe. One file a detector,
named as its key in that section, with one function ``find(data, language, settings)`` that yields
(start, end) in bytes: `keys`, `passwords`, `emails`, `ip_addresses`, `names`. What they share:
`assignments` (values and the names they are given to), `randomness` and `placeholders` (is it a
secret at all), `replacements`, `spans`.

After the redaction of SantaCoder and StarCoder (Ben Allal et al. 2023, arXiv 2301.03988, section
3.2; Li et al. 2023, arXiv 2305.06161, section 4). What was found is counted by kind; no report,
error or representation ever holds it.
"""
