# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Wildcards in urls, one folder at a time: only folders that can hold a match are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from data_prep.stores import Found, Store
from foundry_plugins.contract.errors import UserError

_WILDCARD = re.compile(r"[*?\[]")


def is_pattern(url: str) -> bool:
    """Whether a url has wildcards."""
    return _WILDCARD.search(url) is not None


def expand(store: Store, pattern: str) -> Iterator[Found]:
    """The files that match, and those below folders that match; no file twice."""
    start = _WILDCARD.search(pattern)
    assert start is not None
    cut = pattern.rfind("/", 0, start.start()) + 1
    yield from _expand(store, pattern[:cut], pattern[cut:].rstrip("/").split("/"))


def _expand(store: Store, folder: str, names: Sequence[str]) -> Iterator[Found]:
    first, rest = names[0], names[1:]
    if first == "**":
        regex = _regex(names)
        yield from (f for f in store.below(folder) if regex.fullmatch(f.url[len(folder) :]))
        return
    if not is_pattern(first):
        # A name between wildcards.
        yield from _named(store, folder, first, rest)
        return
    literal = _WILDCARD.split(first)[0]
    regex = _regex([first])
    listing = store.entries(folder, literal)
    if not rest:
        yield from (f for f in listing.files if regex.fullmatch(f.url[len(folder) :]))
    for child in listing.folders:
        if regex.fullmatch(child[len(folder) : -1]):
            yield from _expand(store, child, rest) if rest else store.below(child)


def _named(store: Store, folder: str, name: str, rest: Sequence[str]) -> Iterator[Found]:
    if rest:
        yield from _expand(store, f"{folder}{name}/", rest)
        return
    found = store.info(folder + name)
    yield from [found] if found is not None else store.below(f"{folder}{name}/")


def _regex(names: Sequence[str]) -> re.Pattern[str]:
    """Of a path below the folder, for names of which some may be ``**``."""
    parts = [
        # Any number of folders; at the end, anything below.
        (r".*" if last else r"(?:[^/]+/)*")
        if name == "**"
        else _name_regex(name) + ("" if last else "/")
        for name, last in zip(names, [False] * (len(names) - 1) + [True], strict=True)
    ]
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise UserError(f"{'/'.join(names)} is no pattern: {error.msg}; mend its [...].") from error


def _name_regex(name: str) -> str:
    """Of one name: like a shell, wildcards match no dot at the start."""
    regex = "" if name.startswith(".") else r"(?!\.)"
    position = 0
    while position < len(name):
        character = name[position]
        end = name.find("]", position + 2) if character == "[" else -1
        if end > 0:
            chosen = name[position + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            regex += f"[^/{chosen[1:]}]" if chosen[0] in "!^" else f"[{chosen}]"
            position = end
        else:
            regex += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        position += 1
    return regex
