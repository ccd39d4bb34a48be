# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a repository holds: its commits, its name, its licences.

Commits are those that `HEAD` reaches, or where it names nothing all branches (a mirror may lack the
branch that was the default); or those of all branches and tags. They come in topological order, the
oldest first, so that more commits leave the first ones where they were.
"""

from __future__ import annotations

import dataclasses
import functools
import glob
import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from data_prep.commits import contents
from data_prep.commits.objects import parse_commit
from data_prep.commits.program import GitError, output
from data_prep.licenses import project
from data_prep.store import is_remote
from foundry_plugins.contract.errors import UserError

Branches = Literal["head", "all"]
_BARE = ("HEAD", "objects", "refs")
# Lists that a process keeps: neighbouring units are of one repository.
_KEPT = 2


def repositories(paths: Sequence[str]) -> list[str]:
    """The repositories that a recipe names, path by path, each once.

    Args:
        paths: Folders, bare repositories or globs of either; what a glob matches beside
            repositories is passed over.

    Raises:
        UserError: if a path is none, or a glob matches none.
    """
    if not paths:
        raise UserError("`paths` is empty; give a git repository, or a glob such as repos/*.")
    found: dict[str, None] = {}
    for path in paths:
        if is_remote(path):
            raise UserError(
                f"`paths`: {path} is in an object store, and git reads local files only; copy the "
                "repository to this machine."
            )
        expanded = os.path.expanduser(path)
        if git_dir(expanded) is not None:
            found[expanded] = None
            continue
        inside = sorted(filter(git_dir, glob.glob(expanded, recursive=True)))
        if not inside:
            if os.path.exists(expanded):
                fault = "is no git repository"
            elif glob.has_magic(expanded):
                fault = "matches no git repository"
            else:
                fault = "does not exist"
            raise UserError(
                f"`paths`: {path} {fault}; give the folder that holds .git, a bare repository, or "
                "a glob of them such as repos/*."
            )
        found.update(dict.fromkeys(inside))
    return list(found)


def git_dir(path: str) -> str | None:
    """Where git's own files of a repository are; None for what is no repository."""
    inside = os.path.join(path, project.GIT)
    if os.path.exists(inside):
        return inside
    return path if all(os.path.exists(os.path.join(path, name)) for name in _BARE) else None


@dataclasses.dataclass(frozen=True)
class Ids:
    """Ids of commits: a million are 20 MB.

    Attributes:
        data: One after the other.
        width: Bytes of one: 20 where they are SHA-1, 32 where they are SHA-256.
    """

    data: bytes
    width: int

    def __len__(self) -> int:
        """How many they are."""
        return len(self.data) // self.width

    def range(self, first: int, end: int) -> bytes:
        """Some of the ids, as they are in `data`."""
        return self.data[first * self.width : end * self.width]

    def names(self, first: int, end: int) -> list[str]:
        """Some of the ids in hex."""
        text = self.range(first, end).hex()
        return [text[n : n + 2 * self.width] for n in range(0, len(text), 2 * self.width)]


_listed: OrderedDict[tuple[str, str], Ids] = OrderedDict()


class Repository:
    """One repository.

    Attributes:
        path: As the recipe has it.
        git_dir: Where git's files are.
    """

    def __init__(self, path: str) -> None:
        found = git_dir(path)
        if found is None:
            raise GitError(f"{path} is no git repository any more")
        self.path = path
        self.git_dir = found

    @functools.cached_property
    def name(self) -> str:
        """``owner/name`` of the remote ``origin``, or else the folder's own name."""
        try:
            url = output(self.git_dir, "config", "--get", "remote.origin.url").decode().strip()
        except (GitError, UnicodeDecodeError):
            url = ""
        own = os.path.basename(os.path.abspath(self.path)).removesuffix(project.GIT)
        return project.repository_name(url) or os.fsencode(own).decode("utf-8", "backslashreplace")

    @functools.cached_property
    def shallow(self) -> frozenset[str]:
        """Commits whose parents a shallow clone lacks: what they changed is not known."""
        common = output(self.git_dir, "rev-parse", "--git-common-dir").decode(errors="replace")
        try:
            with open(os.path.join(self.git_dir, common.strip(), "shallow")) as handle:
                return frozenset(handle.read().split())
        except OSError:
            return frozenset()

    def commits(self, branches: Branches) -> Ids:
        """Ids of all commits as they are now, the oldest first.

        Raises:
            GitError: if the repository is broken.
        """
        everything = ["--branches", "--tags", "--remotes"]
        head = ["HEAD"] if self._resolves("HEAD") else []
        wanted = [*everything, *head] if branches == "all" or not head else head
        listed = output(self.git_dir, "rev-list", "--topo-order", "--reverse", *wanted, "--")
        width = listed.find(b"\n") // 2
        # White space between the digits is passed over.
        found = Ids(bytes.fromhex(listed.decode("ascii")), max(width, 1))
        _listed[self.git_dir, branches] = found
        while len(_listed) > _KEPT:
            _listed.popitem(last=False)
        return found

    def known_commits(self, branches: Branches) -> Ids:
        """The ids as this process has listed them last."""
        found = _listed.get((self.git_dir, branches))
        return self.commits(branches) if found is None else found

    @functools.cached_property
    def licenses(self) -> tuple[str, ...]:
        """What the newest commit says, by the files at its top."""
        for reference in ("HEAD", "--branches"):
            try:
                found = output(self.git_dir, "rev-list", "--max-count=1", reference, "--")
            except GitError:
                continue
            if found:
                with contents.opened(self.git_dir) as objects:
                    newest = parse_commit(objects.read(found.decode().strip()))
                    return objects.licenses(newest.tree)
        return ()

    def _resolves(self, reference: str) -> bool:
        try:
            output(self.git_dir, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        except GitError:
            return False
        return True
