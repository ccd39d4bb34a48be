# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Values that stand where a secret belongs and are none.

Templates (``${TOKEN}``, ``<your key>``, ``%s``), fillers (``xxxx``, ``****``), words that say so
(``changeme``, ``AKIA...EXAMPLE``), and code or references instead of a literal. detect-secrets and
BigCode's pipeline filter templated and sequential values in the same spirit.
"""

from __future__ import annotations

import re

_TEMPLATE = re.compile(
    r"""
    [<\[({] .* [>\])}] $                        # <...>, [...], {...}, (...)
    | .* (?: \$[{(] | \{\{ | \#\{ | <% | %\(\w+\) | <[a-z_ -]+> | %[sdv] (?: [\s:/@.,;_-] | $ ) )
    | .* \{\w*\} | \#\w+\# $ | \$\w+ $ | \$env:\w+ $          # a{}, #VAR#, $VAR
    | %\w+% $ | @[\w.]+@ $ | __\w+__ $           # %VAR%, @VAR@, __VAR__
    """,
    re.VERBOSE,
)
# A value with one of these in it was written for the reader.
_SAYS_SO = re.compile(
    r"""
    change[-_ ]?(?:me|it|this) | placeholder | redacted | example | sample | dummy | fake
    | \byour[-_. ]? | ^your | [-_.]here\b | insert[-_ ] | replace[-_ ]?(?:me|with|this)?\b
    | todo | fixme | xxxx | \.\.\. | (?:not[-_ ]a[-_ ]?|no[-_ ]?)(?:real|secret|key) | lorem
    | deadbeef
    | (?:my|some|the|test|mock|default)[-_]?(?:super[-_]?)?(?:secret|token|key|password|api)
    | (?:secret|token|key|password)[-_](?:here|value|goes|name|test|id)
    | 0123456789 | 123456789 | abcdef
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_template(value: str) -> bool:
    """Whether something else is put there when the program runs.

    >>> [is_template(v) for v in ("${DB_PASS}", "{{ secret }}", "<key>", "%s", "$1", "@pw@")]
    [True, True, True, True, True, True]
    >>> is_template("s3cr3t"), is_template("pa$$w0rd!")
    (False, False)
    """
    return _TEMPLATE.match(value) is not None


def is_filler(value: str) -> bool:
    """Whether it is drawn with one or two characters, or spelled out as no secret.

    >>> is_filler("xxxxxxxx"), is_filler("********"), is_filler("AKIAIOSFODNN7EXAMPLE")
    (True, True, True)
    >>> is_filler("hunter2")
    False
    """
    if len(set(value)) <= 2 or _SAYS_SO.search(value):
        return True
    return max(map(value.count, set(value))) > 0.6 * len(value)


def is_placeholder(value: str) -> bool:
    """Either of the two."""
    return is_template(value) or is_filler(value)
