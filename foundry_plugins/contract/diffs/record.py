# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the diff formats read and write: a commit, and pieces of text between special tokens.

A file that a commit leaves without text counts as deleted, because most formats could not say
which of the two is meant; emptying a file and keeping it is therefore refused, and so is renaming.
`plain` makes of any commit one that every format for its number of files takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from foundry_plugins.contract.sentinels import SENTINELS

NO_CHANGE = "no_change"
SEVERAL_FILES = "several_files"
SAME_PATH = "same_path"
RENAMED = "renamed"
UNCHANGED = "unchanged"
EMPTIED = "emptied"
NEWLINE_IN_PATH = "newline_in_path"

_SENTENCES = {
    NO_CHANGE: "it changes no file",
    SEVERAL_FILES: "it changes several files and the format takes one",
    SAME_PATH: "it changes one path twice",
    RENAMED: "it renames a file",
    UNCHANGED: "it names a file whose text stays the same",
    EMPTIED: "it keeps a file without any text",
    NEWLINE_IN_PATH: "a path holds a line end",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Sentinel:
    """A special token, which no text can be mistaken for."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in SENTINELS:
            raise ValueError(f"{self.name!r} is not one of this project's special tokens.")


Piece = str | Sentinel


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What a commit does to one file.

    Attributes:
        old_path: None if the file is added.
        new_path: None if the file is deleted.
        old: Text before, empty if added.
        new: Text after, empty if deleted.
    """

    old_path: str | None
    new_path: str | None
    old: str
    new: str

    def __post_init__(self) -> None:
        sides = ((self.old_path, self.old), (self.new_path, self.new))
        if not any(path for path, _ in sides) or any(text and not path for path, text in sides):
            raise ValueError(f"A change needs a path on each side that has a text, got {self!r}.")

    @property
    def path(self) -> str:
        """Where the file is after the commit, or was before if it is deleted."""
        return self.new_path or self.old_path or ""

    def refusal(self) -> str | None:
        """Why no format can say this, if so."""
        if self.old_path and self.new_path:
            if self.old_path != self.new_path:
                return RENAMED
            if self.old == self.new:
                return UNCHANGED
            return None if self.new else EMPTIED
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Commit:
    """A commit as the formats take it."""

    message: str
    changes: tuple[Change, ...]
    repository: str = ""
    commit_id: str = ""

    @property
    def old_files(self) -> dict[str, str]:
        """Path -> text before, of the files that were there."""
        return {change.old_path: change.old for change in self.changes if change.old_path}

    @property
    def new_files(self) -> dict[str, str | None]:
        """Path -> text after, None where the file is gone: what applying a rendering gives."""
        gone: dict[str, str | None] = dict.fromkeys(self.old_files)
        return gone | {change.new_path: change.new for change in self.changes if change.new_path}


@dataclasses.dataclass(frozen=True, slots=True)
class Rendered:
    """A commit in a format.

    Attributes:
        pieces: Texts and special tokens in turn, none empty; the end of text is not among them.
        target: Index one past the last special token of the input, which is the first piece of
            what a model is to write (or the number of pieces, where that is nothing).
        is_change: False if the files shown are those after the commit, so that nothing is left to
            be done.
    """

    pieces: tuple[Piece, ...]
    target: int
    is_change: bool = True

    @property
    def text(self) -> str:
        """The text without the special tokens."""
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    @property
    def markers(self) -> tuple[tuple[int, str], ...]:
        """The special tokens by the offset in `text` before which they stand."""
        found: list[tuple[int, str]] = []
        offset = 0
        for piece in self.pieces:
            if isinstance(piece, Sentinel):
                found.append((offset, piece.name))
            else:
                offset += len(piece)
        return tuple(found)

    @property
    def target_marker(self) -> int:
        """Index in `markers` of the one behind which the target begins."""
        return sum(isinstance(piece, Sentinel) for piece in self.pieces[: self.target]) - 1


def refusal(commit: Commit, *, several: bool) -> str | None:
    """Why a format cannot take a commit, in one word, or None.

    Args:
        commit: Any commit.
        several: Whether the format takes more than one file.
    """
    if not commit.changes:
        return NO_CHANGE
    if len(commit.changes) > 1 and not several:
        return SEVERAL_FILES
    if len({change.path for change in commit.changes}) < len(commit.changes):
        return SAME_PATH
    return next((reason for change in commit.changes if (reason := change.refusal())), None)


def require_accepted(name: str, reason: str | None) -> None:
    """Raises unless ``reason`` is None.

    Raises:
        ValueError: saying what the format ``name`` cannot do.
    """
    if reason is not None:
        raise ValueError(f"The format {name!r} cannot render this commit: {_SENTENCES[reason]}.")


def plain(commit: Commit) -> Commit:
    """A commit without what no format can say.

    A renamed file becomes one that is changed where it is now; files whose text stays the same,
    and those that are kept without text, are left out.
    """
    changes: list[Change] = []
    for change in commit.changes:
        if change.refusal() == RENAMED:
            change = dataclasses.replace(change, old_path=change.new_path)
        if change.refusal() is None:
            changes.append(change)
    return dataclasses.replace(commit, changes=tuple(changes))


def changed(
    old_files: Mapping[str, str], texts: Iterable[tuple[str, str]]
) -> dict[str, str | None]:
    """Texts after a commit by path, None for those that are deleted."""
    return {path: None if not text and path in old_files else text for path, text in texts}
