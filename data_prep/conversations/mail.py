# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a mail program adds to a comment that was sent as a reply to a notification of GitHub.

After StarCoder (arXiv 2305.06161, appendix A), which removes the header of the quoted mail, the
quotation, and the footer "Reply to this email directly ... view it on GitHub"; also lines of
underscores and of signing off. Lines that begin with ``>`` are removed only from comments that were
sent by mail: elsewhere people quote on purpose.
"""

from __future__ import annotations

import re

_ADDRESS = "notifications@github.com"
_FOOTER = "Reply to this email directly"
_DATE = r"(?<!\d)\d{1,4}/\d{1,2}/\d{1,4} \d{1,2}:\d{2} [AP]M"
_WROTE = re.compile(rf"^On\b.{{6,200}}\bwrote:\s*$|{_DATE}.{{0,200}}\bwrote")
_SIGNED_OFF = re.compile(r"^Signed-off-by: [^<]{1,200}<[^>]{1,200}>\s*$")
_RULE = re.compile(r"^\s*_{20,}\s*$")


def without_mail(text: str) -> str:
    """A comment's own words, without white space around them."""
    lines = [
        line
        for line in text.replace("\r\n", "\n").strip().split("\n")
        if not _RULE.match(line) and not _SIGNED_OFF.match(line)
    ]
    headers = [n for n, line in enumerate(lines) if _ADDRESS in line or _WROTE.search(line)]
    footers = [n for n, line in enumerate(lines) if _FOOTER in line]
    if headers or footers:
        lines = _without_quotation(lines, headers, footers)
    return "\n".join(lines).strip()


def _without_quotation(lines: list[str], headers: list[int], footers: list[int]) -> list[str]:
    if footers:
        end = footers[-1]
        # A mail with its own header instead of "... wrote:".
        headers = headers or [n for n in range(end) if lines[n].lstrip("> ").startswith("From:")]
        # The link wraps to the next line.
        if lines[end].rstrip().endswith(("GitHub", ":", ",")) and end + 1 < len(lines):
            end += "view it on GitHub" in lines[end + 1] or "://" in lines[end + 1]
    else:
        end = headers[-1]
    start = headers[0] if headers else footers[0]
    # "On ... , somebody <" may wrap to the line with the address.
    if start and _ADDRESS in lines[start] and lines[start - 1].lstrip("> ").startswith("On "):
        start -= 1
    own = lines[:start] + lines[end + 1 :]
    return [line for line in own if not line.startswith(">")]
