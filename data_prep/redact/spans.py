# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where something was found: offsets and a kind, never the text itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

# Which kind an overlap is given to, first to last.
KINDS = ("keys", "passwords", "emails", "ip_addresses", "names")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of a text in UTF-8.

    Attributes:
        start: Its first byte.
        end: The byte after its last.
        kind: One of `KINDS`.
    """

    start: int
    end: int
    kind: str


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Spans without overlaps, ascending.

    Overlapping ones become one that covers them all, so that no rest of a secret stays; it is of
    the kind that comes first in `KINDS`.

    >>> resolve([Span(4, 9, "emails"), Span(0, 6, "passwords"), Span(9, 12, "names")])
    [Span(start=0, end=9, kind='passwords'), Span(start=9, end=12, kind='names')]
    """
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start < found[-1].end:
            last = found.pop()
            kind = min(last.kind, span.kind, key=KINDS.index)
            span = Span(last.start, max(last.end, span.end), kind)
        found.append(span)
    return found
