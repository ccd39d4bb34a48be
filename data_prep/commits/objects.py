# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Git's objects taken apart: commits and trees."""

from __future__ import annotations

import codecs
import dataclasses
import datetime
import re

_PERSON = re.compile(rb"(?P<name>.*?)\s*<(?P<email>[^>]*)>(?:\s+(?P<seconds>-?\d+))?")


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """Who wrote or made a commit.

    Attributes:
        name: As it is given.
        email: Likewise.
        time: In ISO 8601 (UTC), or None where there is none that makes sense.
    """

    name: str
    email: str
    time: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class CommitObject:
    """What a commit says.

    Attributes:
        tree: Id of its files' tree.
        parents: Ids, the branch that was merged into first.
        author: Who wrote it.
        committer: Who made it.
        message: Without white space around it.
    """

    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


def parse_commit(data: bytes) -> CommitObject:
    """A commit from its object.

    The message is in the encoding that the commit names, in UTF-8 if it names none (git's
    ``i18n.commitEncoding``), or else in ISO 8859-1, in which any bytes are text.
    """
    head, _, message = data.partition(b"\n\n")
    # Longer values (signatures) go on in lines that begin with a space.
    lines = [line.partition(b" ") for line in head.split(b"\n") if line[:1] != b" "]
    fields = [(name, value) for name, _, value in lines]
    first = dict(reversed(fields))
    encoding = first.get(b"encoding", b"").decode("ascii", "replace")
    return CommitObject(
        tree=first.get(b"tree", b"").decode("ascii", "replace"),
        parents=tuple(v.decode("ascii", "replace") for name, v in fields if name == b"parent"),
        author=_person(first.get(b"author", b""), encoding),
        committer=_person(first.get(b"committer", b""), encoding),
        message=decode(message, encoding).strip(),
    )


def parse_tree(data: bytes, id_bytes: int = 20) -> list[tuple[str, bytes, str]]:
    """The entries of a tree: mode, name and id.

    Raises:
        ValueError: if it is cut off.
    """
    entries: list[tuple[str, bytes, str]] = []
    position = 0
    while position < len(data):
        end = data.index(b"\0", position)
        mode, _, name = data[position:end].partition(b" ")
        position = end + 1 + id_bytes
        entries.append((mode.decode(), name, data[end + 1 : position].hex()))
    return entries


def decode(data: bytes, encoding: str = "") -> str:
    r"""The text of a commit's field, which every encoding yields.

    >>> decode("é".encode()), decode(b"\xe9"), decode(b"\xca", "KOI8-R"), decode(b"a\0b", "rot13")
    ('é', 'é', 'й', 'a')
    """
    # As git does; no encoding of units of two bytes can be in a commit.
    data = data.partition(b"\0")[0]
    for name in (encoding, "utf-8"):
        try:
            text = data.decode(codecs.lookup(name).name)
        except (LookupError, ValueError):
            continue
        # Halves of pairs, which some encodings let through, are no characters.
        return text.encode("utf-8", "replace").decode()
    return data.decode("iso-8859-1")


def _person(value: bytes, encoding: str) -> Person:
    match = _PERSON.match(value)
    if match is None:
        return Person(decode(value, encoding), "", None)
    return Person(
        decode(match["name"], encoding), decode(match["email"], encoding), _time(match["seconds"])
    )


def _time(seconds: bytes | None) -> str | None:
    if seconds is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
