# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Lists of those who asked to be left out: repositories, users, contents.

One entry a line, ``#`` starts a comment:

``owner/name``            a repository
``owner``, ``user:owner`` a user or organisation with all its repositories
``swh:1:cnt:HASH``        a content, wherever it is (git's blob id, as Software Heritage names it)
``swh:1:rev:HASH``        a commit

Names are compared as GitHub does, without case. "Am I in The Stack" (Kocetkov et al. 2022, arXiv
2211.15533, section 5) takes requests by user and repository.

An entry is kept as 8 bytes of a hash in a sorted array: a million lines are 8 MB, shared by forked
workers. A billion documents against a million entries meet a false one with probability 5e-5.
"""

from __future__ import annotations

import array
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np

from data_prep.document import Document
from foundry_plugins.contract.errors import UserError

REASON = "opted_out"
# Metadata: all repositories that have a document, where its source names several.
REPOSITORIES = "repositories"
# Metadata: ids of all contents that a document is made of, where it is no content itself.
CONTENTS = "contents"
_OWNER = r"[a-z0-9_][a-z0-9_.-]*"
_ENTRY = re.compile(
    rf"(?P<repository>{_OWNER}/[a-z0-9_.-]+)|(?:user:)?(?P<user>{_OWNER})"
    r"|swh:1:cnt:(?P<content>[0-9a-f]{40})|swh:1:rev:(?P<commit>[0-9a-f]{40})"
)


@dataclasses.dataclass(frozen=True)
class OptOut:
    """All entries of some lists.

    Attributes:
        keys: Sorted unsigned 64-bit hashes of the entries, without repeats.
    """

    keys: np.ndarray

    @classmethod
    def read(cls, paths: Sequence[str]) -> OptOut:
        """Reads lists: files, folders or globs, local or in an object store.

        Raises:
            UserError: if one is missing, or holds a line that is no entry.
        """
        from data_prep import store

        keys = array.array("Q")
        for path in paths:
            for found in store.find(path):
                with store.open_read(found.url) as handle:
                    keys.extend(_entries(handle, found.url))
        return cls(np.unique(np.asarray(keys, dtype=np.uint64)))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the entries: equal for equal sets, in whatever order and case."""
        return hashlib.sha256(self.keys.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.keys)

    def reason(self, document: Document) -> str | None:
        """``opted_out`` if an entry names the document, its repository or its owner; or None."""
        if not len(self.keys):
            return None
        names = {document.repository, *document.metadata.get(REPOSITORIES, ())} - {""}
        # One of the two; the map of a finished data set does not say which.
        wanted = [_key(kind, document.origin) for kind in ("content", "commit")]
        wanted += [_key("content", content) for content in document.metadata.get(CONTENTS, ())]
        for name in names:
            repository = name.lower()
            wanted.append(_key("repository", repository))
            owner, slash, _ = repository.partition("/")
            if slash:
                wanted.append(_key("user", owner))
        return REASON if self._holds(wanted) else None

    def _holds(self, keys: Iterable[int]) -> bool:
        wanted = np.array(list(keys), dtype=np.uint64)
        places = np.searchsorted(self.keys, wanted)
        places[places == len(self.keys)] = 0
        return bool((self.keys[places] == wanted).any())


def _entries(handle: BinaryIO, url: str) -> Iterable[int]:
    for number, line in enumerate(handle, start=1):
        entry = line.partition(b"#")[0].strip().decode("utf-8", "replace").lower()
        if not entry:
            continue
        match = _ENTRY.fullmatch(entry)
        if match is None or match.lastgroup is None:
            raise UserError(
                f"{url}, line {number}: {entry[:80]!r} is no opt-out; a line holds owner/name (a "
                "repository), owner or user:owner (a user), swh:1:cnt:HASH (a content), "
                "swh:1:rev:HASH (a commit) or a comment after #."
            )
        yield _key(match.lastgroup, match.group(match.lastgroup))


def _key(kind: str, name: str) -> int:
    hashed = hashlib.blake2b(name.encode(), digest_size=8, person=kind.encode())
    return int.from_bytes(hashed.digest(), "little")
