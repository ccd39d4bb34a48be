# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The history of git repositories: commits in a diff format.

Repositories are local, bare or with a work tree, shallow or whole; a history is read in units of
`UNIT_COMMITS` commits, so that several workers share a large one. `data_prep.commits.repository`
says which commits and in which order, `data_prep.commits.reading` what is shown of one, and
`data_prep.commits.rendering` what a document is. A merge is the difference to its first parent;
filters drop what nobody wants to train on: ``merge_commits``, ``bot_commits``, ``revert_commits``,
``commit_messages``, ``commit_size``, ``rename_commits``, ``binary_commits``.

Licences are what the files at the top of the repository said at the commit, or say now where they
said nothing yet; the name is that of the remote ``origin``, or of the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from data_prep.commits import changes, contents
from data_prep.commits.program import GitError, program
from data_prep.commits.reading import Limits, Reader, TextCommit, shown_path
from data_prep.commits.rendering import Message, commit_path, rendered, sentinels_of, weights
from data_prep.commits.repository import Branches, Repository, repositories
from data_prep.document import BadRow, Document, Dropped
from data_prep.sources import Unit
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.stateless_hash import hash64

UNIT_COMMITS = 256
# What the text of a commit is about, for dividing the work.
_COMMIT_BYTES = 20_000
# Of the ids that a sample has room for: those of SHA-1.
_ID_BYTES = 20


def units(
    *,
    paths: tuple[str, ...],
    format: str | dict[str, float] = "commit",
    message: Message = "whole",
    branches: Branches = "head",
    merges: bool = True,
    max_files: int = 20,
    limit_bytes: int = 1_000_000,
    encodings: bool = False,
    licenses: bool = True,
    seed: int = 17,
) -> Iterator[Unit]:
    """Lists the commits of every repository in ranges of `UNIT_COMMITS`.

    Args:
        paths: Repositories or globs of them; what a glob matches beside repositories is passed
            over.
        format: A format of `foundry_plugins.contract.diffs`, or weights by name.
        message: ``whole``, or ``subject`` for its first line only.
        branches: ``head`` for what the branch that is checked out has, or ``all`` for all branches
            and tags.
        merges: Show merges as well; false passes over them before their files are read, which in
            many histories is half of the work.
        max_files: Most files of a commit; 1 leaves out what no format for one file could show
            whole, with more such a format gives a document a file.
        limit_bytes: Largest file, before and after; larger ones are not shown.
        encodings: Guess the encoding of files that neither are in UTF-8 nor have a byte-order mark.
        licenses: Look for licences at the top of the repository.
        seed: Decides formats and what they draw.

    Raises:
        UserError: if there is no git, no such repository or no such format.
    """
    weights("format", format)
    for key, value in (("max_files", max_files), ("limit_bytes", limit_bytes)):
        require(value >= 1, f"`{key}` must be at least 1, got {value}.")
    program()
    for path in repositories(paths):
        try:
            repository = Repository(path)
            number = len(repository.commits(branches))
            parts = range(-(-number // UNIT_COMMITS))
            for part in parts:
                size = min(UNIT_COMMITS, number - part * UNIT_COMMITS) * _COMMIT_BYTES
                stamp = _stamp(repository, branches, part, licenses)
                yield Unit(path, size, stamp, part)
        except GitError:
            # Counted as one bad row when it is read: one of many repositories ends no run.
            yield Unit(path, 0, 0)


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    format: str | dict[str, float] = "commit",
    message: Message = "whole",
    branches: Branches = "head",
    merges: bool = True,
    max_files: int = 20,
    limit_bytes: int = 1_000_000,
    encodings: bool = False,
    licenses: bool = True,
    seed: int = 17,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one range of commits.

    Reasons to drop a commit: ``merge``, ``many_files``, ``shallow`` (its parents are not there),
    ``no_text_change``, ``renames_only``, ``binary``, ``not_utf8``, ``large_files``, ``not_source``,
    ``not_a_file``, those of the format, and ``sha256_ids`` for all of a repository with such ids.
    """
    where = shown_path(os.fsencode(unit.path))
    try:
        repository = Repository(unit.path)
        if repository.known_commits(branches).width != _ID_BYTES:
            yield Dropped(where, "sha256_ids")
            return
        names = _names(repository, branches, unit, licenses)
    except GitError as error:
        yield BadRow(where, 0, "broken_repository", str(error))
        return
    limits = Limits(max_files, limit_bytes, encodings, merges)
    first = unit.part * UNIT_COMMITS
    for number, (commit_id, found, stated) in enumerate(
        _commits(repository, names, licenses, limits), first
    ):
        if isinstance(found, GitError):
            yield BadRow(where, number, "broken_commit", f"{commit_id}: {found}")
        elif isinstance(found, str):
            yield Dropped(commit_path(commit_id), found)
        else:
            yield from rendered(
                found.commit,
                format=format,
                message=message,
                seed=seed,
                languages=found.languages,
                contents=found.contents,
                facts=found.facts,
                source=name,
                licenses=stated,
            )


def sentinels(*, format: str | dict[str, float], **_: object) -> tuple[str, ...]:
    """The special tokens that the documents hold."""
    return sentinels_of(format)


def _commits(
    repository: Repository, names: list[str], licenses: bool, limits: Limits
) -> Iterator[tuple[str, TextCommit | str | GitError, tuple[str, ...]]]:
    """Id, what there is to show or why not, and licences of every commit."""
    remaining = iter(names)
    waiting = next(remaining, None)
    while waiting is not None:
        with (
            contents.opened(repository.git_dir) as objects,
            changes.compared(repository.git_dir, limits.max_files) as differences,
        ):
            reader = Reader(repository, objects, differences, limits)
            while waiting is not None:
                commit_id, waiting = waiting, next(remaining, None)
                stated: tuple[str, ...] = ()
                found: TextCommit | str | GitError
                try:
                    found = reader.read(commit_id)
                    if licenses and isinstance(found, TextCommit):
                        stated = objects.licenses(found.tree) or repository.licenses
                except GitError as error:
                    found = error
                yield commit_id, found, stated
                if isinstance(found, GitError):
                    # The processes may have ended; new ones take the next commit.
                    break


def _names(repository: Repository, branches: Branches, unit: Unit, licenses: bool) -> list[str]:
    """The ids of a unit.

    Raises:
        UserError: if they are not those that were listed.
    """
    first = unit.part * UNIT_COMMITS
    if _stamp(repository, branches, unit.part, licenses) != unit.stamp:
        # This process may have listed the repository before it grew.
        repository.commits(branches)
        if _stamp(repository, branches, unit.part, licenses) != unit.stamp:
            raise UserError(
                f"The history of {repository.path} has changed while it was read; run again."
            )
    return repository.known_commits(branches).names(first, first + UNIT_COMMITS)


def _stamp(repository: Repository, branches: Branches, part: int, licenses: bool) -> int:
    """Another one if any commit is, or what every document of the repository says."""
    first = part * UNIT_COMMITS
    ids = repository.known_commits(branches).range(first, first + UNIT_COMMITS)
    said = repository.licenses if licenses else ()
    return hash64(ids, repository.name, len(said), *said)
