# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a repository's objects hold, asked of one process for as many as are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from data_prep.commits.objects import parse_tree
from data_prep.commits.program import GitError, Process, running
from data_prep.licenses import project

_LARGEST_LICENSE = 1_000_000


class TooLarge(Exception):
    """An object is larger than asked for."""


@contextlib.contextmanager
def opened(git_dir: str) -> Iterator[Contents]:
    """The contents of a repository."""
    with running(git_dir, "cat-file", "--batch") as process:
        yield Contents(process)


class Contents:
    """What objects hold, by id."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._licenses: dict[tuple[tuple[bytes, str], ...], tuple[str, ...]] = {}

    def read(self, name: str, limit_bytes: int | None = None) -> bytes:
        """An object's content.

        Args:
            name: Its id.
            limit_bytes: Of a larger object nothing is kept.

        Raises:
            TooLarge: if it is larger.
            GitError: if it is missing or broken.
        """
        self._process.ask(f"{name}\n".encode())
        fields = self._process.line().split()
        if len(fields) != 3:
            raise GitError(f"{name} is missing")
        size = int(fields[2])
        if limit_bytes is not None and size > limit_bytes:
            self._process.skip(size + 1)
            raise TooLarge(name)
        data = self._process.read(size + 1)
        return data[:-1]

    def licenses(self, tree: str) -> tuple[str, ...]:
        """What the files at the top of a tree say; see `data_prep.licenses.project`."""
        try:
            entries = parse_tree(self.read(tree), len(tree) // 2)
        except ValueError as error:
            raise GitError(f"the tree {tree} is broken") from error
        files = {
            name.decode("utf-8", "replace"): identifier
            for mode, name, identifier in entries
            if mode.startswith("100")
        }
        # Neighbouring commits have the same ones.
        key = tuple(
            (name.encode(), found) for name, found in files.items() if project.says_license(name)
        )
        if key not in self._licenses:
            names = sorted(name.decode() for name, _ in key)
            self._licenses[key] = project.stated_licenses(
                names, lambda name: self._text(files[name])
            )
        return self._licenses[key]

    def _text(self, name: str) -> bytes:
        try:
            return self.read(name, _LARGEST_LICENSE)
        except TooLarge:
            return b""
