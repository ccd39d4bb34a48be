# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A commit of a repository as text: what the diff formats take, and what they leave out.

Files are shown if they are text in a known language before and after. Left out, and counted, are
links and submodules, binary files, files in no known encoding or language, and files larger than
asked for; files that were only moved, or have another mode, have no text that changes.
"""

from __future__ import annotations

import collections
import dataclasses

from data_prep.commits.authors import author_kind
from data_prep.commits.changes import Changes, FileChange
from data_prep.commits.contents import Contents, TooLarge
from data_prep.commits.objects import CommitObject, parse_commit
from data_prep.commits.repository import Repository
from data_prep.encoding import BINARY, decode_bytes
from data_prep.languages import language_of
from foundry_plugins.contract.diffs import Change, Commit

TOO_LARGE, NOT_SOURCE, NOT_A_FILE, RENAMED = "large", "not_source", "not_a_file", "renamed"
MANY_FILES, SHALLOW, NO_TEXT_CHANGE = "many_files", "shallow", "no_text_change"
MERGE = "merge"
# Prose without markup is no source, as in `data_prep.sources.directory`.
_NOT_SOURCE = (None, "Text")
# Why a commit without any file to show is dropped: what most of its files are.
_REASONS = {
    BINARY: "binary",
    TOO_LARGE: "large_files",
    NOT_SOURCE: "not_source",
    NOT_A_FILE: "not_a_file",
    RENAMED: "renames_only",
}


@dataclasses.dataclass(frozen=True)
class TextCommit:
    """A commit that can be shown.

    Attributes:
        commit: As the formats take it.
        languages: Of its files, by path.
        contents: Ids of the files' contents before and after, by path.
        facts: What filters ask for; see `data_prep.commits.rendering`.
        tree: Id of all its files.
    """

    commit: Commit
    languages: dict[str, str]
    contents: dict[str, tuple[str, ...]]
    facts: dict[str, object]
    tree: str


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What is shown.

    Attributes:
        max_files: Most files of a commit.
        limit_bytes: Largest file, before and after.
        encodings: Guess the encoding of files that are not in UTF-8.
        merges: Whether merges are.
    """

    max_files: int
    limit_bytes: int
    encodings: bool
    merges: bool = True


class Reader:
    """Commits of one repository, by id."""

    def __init__(
        self, repository: Repository, contents: Contents, changes: Changes, limits: Limits
    ) -> None:
        self._repository = repository
        self._contents = contents
        self._changes = changes
        self._limits = limits

    def read(self, name: str) -> TextCommit | str:
        """A commit, or in one word why it cannot be shown.

        Raises:
            GitError: if an object is missing or broken.
        """
        found = parse_commit(self._contents.read(name))
        if name in self._repository.shallow:
            return SHALLOW
        if len(found.parents) > 1 and not self._limits.merges:
            return MERGE
        files = self._changes.of(name, found.parents[0] if found.parents else None)
        if len(files) > self._limits.max_files:
            return MANY_FILES
        left_out: collections.Counter[str] = collections.Counter()
        shown: dict[str, tuple[FileChange, Change, str]] = {}
        for file in files:
            try:
                change, language = self._change(file)
            except _LeftOut as left:
                left_out[left.reason] += 1
            else:
                shown[change.path] = (file, change, language)
        if not shown:
            most = max(left_out, key=lambda reason: left_out[reason], default="")
            return _REASONS.get(most, most or NO_TEXT_CHANGE)
        return TextCommit(
            commit=Commit(
                message=found.message,
                changes=tuple(change for _, change, _ in shown.values()),
                repository=self._repository.name,
                commit_id=name,
            ),
            languages={path: language for path, (_, _, language) in shown.items()},
            contents={path: _contents(file) for path, (file, _, _) in shown.items()},
            facts=_facts(name, found, files, left_out),
            tree=found.tree,
        )

    def _change(self, file: FileChange) -> tuple[Change, str]:
        """A file's texts and language; raises `_LeftOut`."""
        if not file.is_file:
            raise _LeftOut(NOT_A_FILE)
        if file.old_id == file.new_id:
            raise _LeftOut(RENAMED if file.is_renamed else NO_TEXT_CHANGE)
        # Both sides are guessed to be in the encoding of the first that is not in UTF-8.
        new, encoding = ("", "") if file.is_deleted else self._text(file.new_id, "")
        old, _ = ("", "") if file.is_added else self._text(file.old_id, encoding)
        # A rename that also changes the text is a change of the file as it is called now, because
        # no format says where files come from.
        path = shown_path(file.new_path)
        language = language_of(path, (new or old).encode())
        if language in _NOT_SOURCE or language is None:
            raise _LeftOut(NOT_SOURCE)
        if old == new:
            raise _LeftOut(NO_TEXT_CHANGE)
        before, after = None if file.is_added else path, None if file.is_deleted else path
        change = Change(before, after, old, new)
        if (reason := change.refusal()) is not None:
            raise _LeftOut(reason)
        return change, language

    def _text(self, name: str, declared: str) -> tuple[str, str]:
        """A content and its encoding, empty for UTF-8; raises `_LeftOut`."""
        try:
            data = self._contents.read(name, self._limits.limit_bytes)
        except TooLarge as error:
            raise _LeftOut(TOO_LARGE) from error
        found = decode_bytes(data, declared or None, self._limits.encodings)
        if isinstance(found, str):
            raise _LeftOut(found)
        text, encoding = found
        return text, "" if encoding == "utf-8" else encoding


class _LeftOut(Exception):
    """A file is not shown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _facts(
    name: str, found: CommitObject, files: list[FileChange], left_out: collections.Counter[str]
) -> dict[str, object]:
    kind = author_kind(found.author.name, found.author.email)
    facts: dict[str, object] = {
        "commit": name,
        "message": found.message,
        "parents": len(found.parents),
        "author_kind": kind,
        "num_files": len(files),
        "num_renamed": sum(file.is_renamed for file in files),
        "num_binary": left_out[BINARY],
        "num_left_out": left_out.total(),
    }
    return facts | ({"timestamp": found.committer.time} if found.committer.time else {})


def _contents(file: FileChange) -> tuple[str, ...]:
    sides = ((file.old_id, file.is_added), (file.new_id, file.is_deleted))
    return tuple(name for name, is_nothing in sides if not is_nothing)


def shown_path(path: bytes) -> str:
    r"""A path as text: names that are not UTF-8 exist, and are shown with \x escapes."""
    return path.decode("utf-8", "backslashreplace")
