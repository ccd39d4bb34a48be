# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Hunks of a unified diff, as git writes them, and back.

::

    @@ -2,2 +2,2 @@
     an unchanged line
    -a line before
    +a line after
    \ No newline at end of file

Lines are counted from 1; an empty range is named by the line before it. A hunk is read by the
counts in its header, so that lines of a file that look like a header stay lines of the file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence

from foundry_plugins.contract.diffs.line_diff import Block, blocks, changes
from foundry_plugins.contract.diffs.lines import split_lines

NO_NEWLINE = "\\ No newline at end of file"
CONTEXT = 3

# git leaves out a count of 1, and may name a function behind the header.
_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: .*)?", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Hunk:
    """A parsed hunk: lines with their ends, and their first lines counted from 0."""

    start: int
    old: tuple[str, ...]
    new_start: int
    new: tuple[str, ...]


def hunks(old: str, new: str, context: Callable[[int], tuple[int, int]]) -> list[str]:
    r"""The hunks between two texts, each without a line end behind it.

    Args:
        old: Text before.
        new: Text after.
        context: The unchanged lines to show before and after the n-th run of changed ones; hunks
            that touch are one.

    >>> print(hunks("a\nb\nc\nd\n", "a\nb\nx\nd\n", lambda n: (1, 0))[0])
    @@ -2,2 +2,2 @@
     b
    -c
    +x
    """
    before, after = split_lines(old), split_lines(new)
    edits = changes(before, after)
    spans: list[tuple[int, int]] = []
    for n, (first, end, _, _) in enumerate(edits):
        above, under = context(n)
        spans.append((max(first - above, 0), min(end + under, len(before))))
    return [_write(before, after, block) for block in blocks(edits, spans)]


def unified(old: str, new: str, context: int = CONTEXT) -> str:
    """All hunks between two texts, empty if they are equal."""
    return "\n".join(hunks(old, new, lambda n: (context, context)))


def parse(diff: str) -> list[Hunk]:
    """The hunks of a diff without file headers.

    Raises:
        ValueError: naming the first line that is none of a hunk's.
    """
    if not diff:
        return []
    lines = diff.split("\n")
    if not lines[-1]:
        lines.pop()
    found: list[Hunk] = []
    position = 0
    while position < len(lines):
        position = _read(lines, position, found)
    return found


def patch(old: str, found: Sequence[Hunk], path: str) -> str:
    """The text after.

    Raises:
        ValueError: if a hunk is not where it says, or its lines are not the file's.
    """
    lines, result, position = split_lines(old), list[str](), 0
    for hunk in found:
        end = hunk.start + len(hunk.old)
        if hunk.start < position or end > len(lines):
            raise ValueError(f"The hunk of {path!r} at line {hunk.start + 1} is out of place.")
        if tuple(lines[hunk.start : end]) != hunk.old:
            raise ValueError(f"The hunk of {path!r} at line {hunk.start + 1} shows other lines.")
        result += lines[position : hunk.start]
        if len(result) != hunk.new_start:
            raise ValueError(
                f"The hunk of {path!r} at line {hunk.start + 1} begins at line {len(result) + 1} "
                f"of the file after, its header says {hunk.new_start + 1}."
            )
        result += hunk.new
        position = end
    result += lines[position:]
    if any(not line.endswith("\n") for line in result[:-1]):
        raise ValueError(f"A hunk of {path!r} ends a line without a line end before the last.")
    return "".join(result)


def _read(lines: Sequence[str], position: int, found: list[Hunk]) -> int:
    """Adds the hunk that begins at ``position`` to ``found``; returns where the next begins."""
    header = _HEADER.fullmatch(lines[position])
    if header is None:
        raise ValueError(
            f"Line {position + 1} of a diff must be a hunk's header, got {lines[position][:40]!r}."
        )
    start, num_old, new_start, num_new = (1 if n is None else int(n) for n in header.groups())
    old, new = list[str](), list[str]()
    position += 1
    sign = ""
    while position < len(lines):
        if lines[position] == NO_NEWLINE and sign:
            for sign_of, side in ((" -", old), (" +", new)):
                if sign in sign_of:
                    side[-1] = side[-1].removesuffix("\n")
        elif len(old) == num_old and len(new) == num_new:
            break
        else:
            sign = _read_line(lines[position], position, old, new)
        position += 1
    if (len(old), len(new)) != (num_old, num_new):
        raise ValueError(
            f"A hunk has {len(old)} lines before and {len(new)} after, its header says {num_old} "
            f"and {num_new}."
        )
    # The line before an empty range is the number of lines before it.
    found.append(Hunk(start - (num_old > 0), tuple(old), new_start - (num_new > 0), tuple(new)))
    return position


def _read_line(line: str, position: int, old: list[str], new: list[str]) -> str:
    sign = line[:1]
    if sign not in (" ", "-", "+"):
        raise ValueError(
            f"Line {position + 1} of a diff must begin with a space, - or +, got {line[:40]!r}."
        )
    if sign != "+":
        old.append(line[1:] + "\n")
    if sign != "-":
        new.append(line[1:] + "\n")
    return sign


def _write(before: Sequence[str], after: Sequence[str], block: Block) -> str:
    old = _range(block.first, block.end)
    new = _range(block.new_first, block.new_end)
    lines = [f"@@ -{old} +{new} @@"]

    def show(sign: str, shown: Sequence[str]) -> None:
        for line in shown:
            lines.append(sign + line.removesuffix("\n"))
            if not line.endswith("\n"):
                lines.append(NO_NEWLINE)

    position = block.first
    for first, end, new_first, new_end in block.edits:
        show(" ", before[position:first])
        show("-", before[first:end])
        show("+", after[new_first:new_end])
        position = end
    show(" ", before[position : block.end])
    return "\n".join(lines)


def _range(first: int, end: int) -> str:
    return f"{first + (end > first)},{end - first}"
