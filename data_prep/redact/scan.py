# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Patterns for whole documents: compiled by RE2, over bytes.

RE2 (https://github.com/google/re2) runs a pattern as an automaton, in one pass whatever the
pattern and the text, so that no document can make it slow. It has no look-around; what needs that
is asked of the few matches, with `re`.
"""

from __future__ import annotations

import functools
import re
from typing import cast


@functools.cache
def compile_scan(pattern: str, ignore_case: bool = False) -> re.Pattern[bytes]:
    r"""A compiled pattern with the methods of `re`.

    >>> [match.span() for match in compile_scan(r"\d+").finditer(b"a1 b23")]
    [(1, 2), (4, 6)]
    """
    import re2

    options = re2.Options()
    # Bytes are bytes: no pattern here names a character outside ASCII but by its UTF-8.
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = not ignore_case
    options.log_errors = False
    return cast("re.Pattern[bytes]", re2.compile(pattern.encode(), options))
