# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Email addresses.

An @ between a local part and a domain whose last label is a top-level domain. Not addresses:
logins in URLs (``https://user:password@host``, which is for `passwords`), matrix products
(``a@b.to(device)``), templates (``$user@host.com``), package versions (``lodash@4.17.21``).

Domains that RFC 2606 and RFC 6761 reserve (``example.com``, ``*.test``, ...) can belong to nobody
and stay; so does what ``keep_emails`` names.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterator

from data_prep.redact.scan import compile_scan
from data_prep.redact.settings import Redaction
from data_prep.redact.top_level_domains import CLASSIC, COUNTRIES, GENERIC

# Latin letters outside ASCII, in UTF-8: jürgen@..., but not the Chinese text before an address.
_LATIN = r"[\xc3-\xc9][\x80-\xbf]"
_LABEL = rf"(?:[A-Za-z0-9]|{_LATIN})(?:[A-Za-z0-9_-]|{_LATIN})*"
# Beginning with one character, it is found at the speed of memchr.
_SCAN = rf"@(?:{_LABEL}\.)+[A-Za-z]{{2,}}(?:-[A-Za-z0-9-]+)?"
_LONGEST_LOCAL = 64
_SPACE = (b"", b" ", b"\n", b"\t")
_LOCAL = re.compile(
    rb"(?:(?:(?<![A-Za-z0-9'])[A-Za-z]{1,2}')?(?:[A-Za-z0-9_+.%-]|[\xc3-\xc9][\x80-\xbf])+)\Z"
)
# An escape, or part of one, that runs into the local part: \njane@..., \u003cjane@..., %3Cjane@...
_ESCAPE = re.compile(rb"(?:u[0-9a-f]{4}|x[0-9a-f]{2}|[ntrbfv0])", re.IGNORECASE)
_PERCENT = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
_CLOSING_QUOTE = re.compile(rb"@[A-Za-z0-9.-]{1,255}'")
_URL_LOGIN = re.compile(rb"://[^\s/?#\"'<>]*\Z")
_RESERVED = re.compile(
    r"(?:.*[@.])?(?:example(?:\.(?:com|net|org|edu))?|test|invalid|localhost|local|localdomain)$"
)
# Words that stand before an @ in a language's own syntax.
_SYNTAX = frozenset([b"this", b"super", b"return", b"break", b"continue"])


def find(data: bytes, language: str, settings: Redaction) -> Iterator[tuple[int, int]]:
    r"""Yields (start, end) in bytes of every address that does not stay.

    >>> text = b"Mail jane.roe@mail.studio, not you@example.com; y = w@x.T + git@github.com:a/b"
    >>> [text[start:end] for start, end in find(text, "Python", Redaction())]
    [b'jane.roe@mail.studio']
    """
    keep = _keep_pattern(settings.keep_emails)
    for match in compile_scan(_SCAN).finditer(data):
        at = match.start()
        if data[at - 1 : at] in _SPACE:
            continue  # a decorator, an annotation
        start = _local_start(data, at)
        end = _domain_end(data, at, match.end())
        if start is None or end is None or not _plausible(data, start, at, end):
            continue
        address = data[start:end].decode("utf-8", "replace").lower()
        if not (_RESERVED.match(address) or keep.match(address)):
            yield start, end


def _local_start(data: bytes, at: int) -> int | None:
    """Where the local part begins; None if what stands there is none."""
    floor = max(0, at - _LONGEST_LOCAL)
    match = _LOCAL.search(data, floor, at)
    if match is None:
        return None
    start = match.start()
    quote = data.rfind(b"'", start, at)
    if quote >= 0 and _CLOSING_QUOTE.match(data, at):
        start = quote + 1  # b'jane@...', no O'Neill
    if data[start - 1 : start] == b"\\" and (escape := _ESCAPE.match(data, start, at)):
        start = escape.end()
    if percent := _PERCENT.match(data, start, at):
        start = percent.end()
    while start < at and data[start : start + 1] in (b".", b"-", b"%", b"_"):
        start += 1
    return start if start < at and data[at - 1 : at] != b"." else None


def _domain_end(data: bytes, at: int, end: int) -> int | None:
    """Where the domain ends: after the last label that is a top-level domain."""
    while True:
        domain = data[at + 1 : end]
        first, dot, last = domain.rpartition(b".")
        if not dot:
            return None
        label = last.decode("latin-1")
        # 163.com is a mail service, 1.0.2.zip a package.
        named = b"." not in first or not first.replace(b".", b"").isdigit()
        if named and _is_top_level(label):
            return end
        # name@host.org.The next sentence
        end = at + 1 + len(first)


def _is_top_level(label: str) -> bool:
    lowered = label.lower()
    if lowered.startswith("xn--"):
        return True
    # Md, mT: an attribute. Org, ORG, org: as people write.
    if label not in (lowered, label.upper(), label.title()):
        return False
    return lowered in COUNTRIES or lowered in GENERIC


def _plausible(data: bytes, start: int, at: int, end: int) -> bool:
    """Whether it is an address, by what stands around it."""
    before, after = data[start - 1 : start], data[end : end + 1]
    local = data[start:at]
    if before in (b"$", b"}", b"{", b"@", b"%") or local in _SYNTAX or b"%" in local:
        return False
    if before == b":" and local in (b"password", b"pass", b"passwd", b"pwd"):
        return False  # user:password@host.com
    if before == b")" and local in (b"s", b"d"):  # %(user)s@host.com
        return False
    if after == b"@" or (after == b"-" and data[end + 1 : end + 2].isalnum()):
        return False
    if before in (b":", b"/") or b"://" in data[max(0, start - 200) : start]:
        mailto = data[max(0, start - 9) : start].lower()
        if not mailto.endswith((b"mailto:", b"mailto://")) and _URL_LOGIN.search(
            data, max(0, start - 200), start
        ):
            return False
    if before in (b'"', b"'", b"<", b"`", b":") or after in (b'"', b"'", b">"):
        return True
    # Without quotes a call or an index makes it code, and so does a last label that is a word of
    # code where the rest is as short as names of matrices are.
    last = data[start:end].rpartition(b".")[2].decode().lower()
    if after in (b"(", b"["):
        return last in CLASSIC and after == b"("
    return last in COUNTRIES or last in CLASSIC or len(local) > 2


@functools.lru_cache(maxsize=8)
def _keep_pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = [fnmatch.translate(pattern.lower()) for pattern in patterns]
    return re.compile("|".join(alternatives) or r"(?!)")
