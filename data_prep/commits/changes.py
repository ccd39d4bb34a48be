# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which files a commit changes, asked of one process for as many commits as are wanted.

Of a merge it is what the merged branch brought: the difference to the first parent. Renames are
found as git finds them (at least half of the lines are the same).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from data_prep.commits.program import Process, running

_FILE = "100"
_NOTHING = "000000"


@dataclasses.dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a commit, as git lists it.

    Attributes:
        old_mode: ``100644``, ``120000`` for a symbolic link, ``160000`` for a submodule,
            ``000000`` for what was not there; likewise ``new_mode``.
        old_id: Of the content; likewise ``new_id``.
        old_path: Bytes, as git has it; likewise ``new_path``.
    """

    old_mode: str
    new_mode: str
    old_id: str
    new_id: str
    old_path: bytes
    new_path: bytes

    @property
    def is_added(self) -> bool:
        """Whether it was not there before."""
        return self.old_mode == _NOTHING

    @property
    def is_deleted(self) -> bool:
        """Whether it is not there any more."""
        return self.new_mode == _NOTHING

    @property
    def is_renamed(self) -> bool:
        """Whether it has moved."""
        return self.old_path != self.new_path

    @property
    def is_file(self) -> bool:
        """Whether it is a file wherever it is anything: no link, no submodule."""
        return all(
            mode.startswith(_FILE) for mode in (self.old_mode, self.new_mode) if mode != _NOTHING
        )


@contextlib.contextmanager
def compared(git_dir: str, max_files: int) -> Iterator[Changes]:
    """The changes of a repository's commits.

    Args:
        git_dir: Where git's files are.
        max_files: Most files of a commit that is wanted. In one with more added or deleted files,
            which is too large even if all of them are renames, only equal contents are compared.
    """
    renames = ("-M50%", f"-l{max_files}")
    with running(
        git_dir,
        *("diff-tree", "--stdin", "-r", "--root", "--raw", "-z", *renames),
        *("--no-commit-id", "--no-abbrev", "--no-ext-diff", "--no-textconv"),
        "--ignore-submodules=none",
    ) as process:
        yield Changes(process)


class Changes:
    """The files of commits, by id."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def of(self, commit: str, parent: str | None) -> list[FileChange]:
        """The files that differ from the parent; all files where there is none.

        Raises:
            GitError: if an object is missing or broken.
        """
        # What is no id is printed as it is, and so tells where the answer ends.
        end = f"end of {commit}\n".encode()
        self._process.ask(f"{commit} {parent or ''}".strip().encode() + b"\n" + end)
        return _parse(self._process.read_until(end))


def _parse(data: bytes) -> list[FileChange]:
    fields = data.split(b"\0")
    found: list[FileChange] = []
    position = 0
    while position < len(fields) - 1:
        old_mode, new_mode, old_id, new_id, status = fields[position].decode("ascii").split()
        # Two paths where a file was renamed.
        count = 2 if status[0] in "RC" else 1
        paths = fields[position + 1 : position + 1 + count]
        modes = (old_mode.lstrip(":"), new_mode)
        found.append(FileChange(*modes, old_id, new_id, paths[0], paths[-1]))
        position += 1 + count
    return found
