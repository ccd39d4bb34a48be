# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Is this in the data, and where: "Am I in The Stack" (Kocetkov et al. 2022, arXiv 2211.15533).

A question is a file, a SWHID or another digest, a repository, an owner, or a piece of text. A file
is compared by three digests: git's blob id with the file as it was read, SHA-256 with the text as
it is trained on, and a digest without white space. So a file is found that was redacted since, or
reindented before.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data_prep.dedup import exact
from data_prep.document import blob_id
from data_prep.provenance import attribution, lookup_index, passages, removed
from data_prep.provenance.dataset import Dataset, samples_of
from data_prep.provenance.lookup_index import NORMALIZED, ORIGIN, OWNER, REPOSITORY, SHA256
from foundry_plugins.contract.errors import UserError, require

FILE, SWHID, HASH, TEXT = "file", "swhid", "sha256", "text"
REPOSITORY_NAME, OWNER_NAME = "repository", "owner"
KINDS = (FILE, SWHID, HASH, REPOSITORY_NAME, OWNER_NAME, TEXT)
_SHOWN = {SWHID: "content", HASH: "text"}
# How a document agrees with what was asked for, the closest first.
SAME_FILE = "same file"
EDITED = "same file, its text edited since"
SAME_TEXT = "same text"
SAME_BUT_SPACE = "same text but for white space"
HOLDS_TEXT = "holds the text"

_OWNER_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_PATTERNS = {
    SWHID: re.compile(r"(?:swh:1:(?:cnt|rev):)?([0-9a-f]{40})"),
    HASH: re.compile(r"([0-9a-f]{64})"),
    REPOSITORY_NAME: re.compile(rf"({_OWNER_NAME}/[A-Za-z0-9_.-]{{1,100}})"),
    OWNER_NAME: re.compile(rf"(?:user:)?({_OWNER_NAME})"),
}
_KEY_KINDS = {
    SWHID: ORIGIN,
    HASH: SHA256,
    REPOSITORY_NAME: REPOSITORY,
    OWNER_NAME: OWNER,
}


def kind_of(query: str) -> str:
    """What a question is taken for: a file if there is one of that name, else by its form."""
    try:
        if Path(query).expanduser().is_file():
            return FILE
    except OSError:
        pass  # a text too long for a name
    for kind, pattern in _PATTERNS.items():
        if pattern.fullmatch(query.strip()):
            return kind
    return TEXT


def lookup(
    data_dir: Path | str, query: str, *, kind: str | None = None, limit: int = 20
) -> dict[str, Any]:
    """Answers one question; see `Lookup` for many.

    Args:
        data_dir: The output folder of a conversion.
        query: A file's path, ``swh:1:cnt:...``, 40 or 64 hex digits, ``owner/name``, an owner's
            name, or a text.
        kind: One of `KINDS` where the form of the query does not say what it is.
        limit: Most documents to describe.

    Returns:
        ``query``, ``kind``, ``guessed`` (whether the kind is), ``num_documents`` found,
        ``documents``: rows of the map with ``match`` and, for a piece of text, ``bytes``, ``lines``
        and ``samples``; ``removed``: those taken out since; ``nearest``: what `attribution` finds,
        for a file or text that is not there.

    Raises:
        UserError: if there is no dataset.
    """
    return Lookup(data_dir).find(query, kind=kind, limit=limit)


class Lookup:
    """A dataset held open for questions; it reads what they need and no more."""

    def __init__(self, data_dir: Path | str) -> None:
        self.dataset = Dataset.open(data_dir)
        self._index = self.dataset.lookup_index()
        self._removed = removed.read(self.dataset.folder / removed.FILE)

    def find(self, query: str, *, kind: str | None = None, limit: int = 20) -> dict[str, Any]:
        """See `lookup`."""
        require(
            kind is None or kind in KINDS,
            f"A query must be one of {', '.join(KINDS)}, got {kind!r}.",
        )
        require(query.strip() != "", "The query is empty; give a file, an identifier or a text.")
        guessed = kind is None
        kind = kind or kind_of(query)
        result: dict[str, Any] = {"query": query, "kind": kind, "guessed": guessed}
        result |= {"nearest": None, "complete": True}
        if kind == FILE:
            result |= self._by_content(Path(query).expanduser().read_bytes(), limit)
        elif kind == TEXT:
            result |= self._by_content(os.fsencode(query), limit, passage=True)
        else:
            result |= self._by_name(kind, query.strip(), limit)
        return result

    def _by_content(self, data: bytes, limit: int, *, passage: bool = False) -> dict[str, Any]:
        """A file or a text: by its digests, then as a passage, then by what is nearest."""
        origin, digest = blob_id(data), hashlib.sha256(data).digest()
        wanted = {
            ORIGIN: bytes.fromhex(origin),
            SHA256: digest,
            NORMALIZED: exact.normalized_digest(data),
        }
        found: dict[tuple[str, int], dict[str, Any]] = {}
        complete = True
        for kind, value in wanted.items():
            places = self._index.find(kind, lookup_index.digest_key(value))
            complete &= len(places) <= limit
            for row in self._rows(places, limit):
                if row[lookup_index.DIGESTS[kind]] == value.hex():
                    match = _agreement(row, origin, digest.hex())
                    found.setdefault((row["part"], row["document"]), {**row, "match": match})
        answer: dict[str, Any] = {"removed": self._taken_out(SWHID, origin)}
        if found:
            return {**answer, **_answer(list(found.values())), "complete": complete}
        text = data.decode("utf-8", "replace")
        answer |= self._by_passage(text, limit) if passage else _answer([])
        if not answer["documents"] and self._has_fingerprints():
            answer["nearest"] = attribution.attribute(self.dataset.root, text)
        return answer

    def _by_passage(self, text: str, limit: int) -> dict[str, Any]:
        documents, complete = [], True
        for part, number, span in passages.find(self.dataset, text):
            if len(documents) == limit:
                complete = False
                break
            (row,) = self.dataset.describe(part, [number])
            place = {"bytes": span, "samples": samples_of(row, *span), "match": HOLDS_TEXT}
            documents.append({**row, **place})
        return {**_answer(documents), "complete": complete}

    def _by_name(self, kind: str, query: str, limit: int) -> dict[str, Any]:
        """A digest, a repository or an owner."""
        match = _PATTERNS[kind].fullmatch(query)
        if match is None:
            raise UserError(f"{query!r} is not of the form of a query of kind {kind!r}.")
        value = match.group(1)
        number = _KEY_KINDS[kind]
        if number in lookup_index.DIGESTS:
            key = lookup_index.digest_key(bytes.fromhex(value))
        else:
            key = lookup_index.name_key(number, value)
        places = self._index.find(number, key)
        rows = [
            {**row, "match": f"same {kind}"}
            for row in self._rows(places, limit)
            if _has(row, kind, value)
        ]
        answer = {**_answer(rows), "removed": self._taken_out(kind, value)}
        return answer | ({"num_documents": len(places)} if rows else {})

    def _rows(self, places: Iterable[tuple[str, int]], limit: int) -> list[dict[str, Any]]:
        """Rows of the map of the first places."""
        by_part: dict[str, list[int]] = {}
        for part, number in itertools.islice(places, limit):
            by_part.setdefault(part, []).append(number)
        return [
            row for part, numbers in by_part.items() for row in self.dataset.describe(part, numbers)
        ]

    def _taken_out(self, kind: str, value: str) -> list[dict[str, Any]]:
        rows = [{**row, "origin": row["origin"].hex()} for row in self._removed]
        return [row for row in rows if _has(row, kind, value)]

    def _has_fingerprints(self) -> bool:
        return self.dataset.fingerprints(self.dataset.parts[0]).is_file()


def _answer(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"num_documents": len(documents), "documents": documents}


def _agreement(row: dict[str, Any], origin: str, sha256: str) -> str:
    if row["origin"] == origin:
        return SAME_FILE if row["sha256"] == sha256 else EDITED
    return SAME_TEXT if row["sha256"] == sha256 else SAME_BUT_SPACE


def _has(row: dict[str, Any], kind: str, value: str) -> bool:
    names = [name.lower() for name in row["repositories"]]
    if kind == REPOSITORY_NAME:
        return value.lower() in names
    if kind == OWNER_NAME:
        return value.lower() in {name.split("/")[0] for name in names}
    return row.get("sha256" if kind == HASH else "origin") == value


def _documents(count: int) -> str:
    return "1 document" if count == 1 else f"{count:,} documents"


def show(result: dict[str, Any]) -> None:
    """Prints the answer as a sentence and a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    count, kind = result["num_documents"], _SHOWN.get(result["kind"], result["kind"])
    if result["removed"]:
        reasons = ", ".join(sorted({row["reason"] for row in result["removed"]}))
        console.print(f"Taken out of the data: {_documents(len(result['removed']))} ({reasons}).")
    if not count:
        console.print(f"This {kind} is not in the data.")
        if result["guessed"] and result["kind"] in (REPOSITORY_NAME, OWNER_NAME):
            console.print(
                f"{result['query']!r} was taken for a name, as there is no such file; "
                f"`--kind {TEXT}` looks for it in the texts."
            )
        if result["nearest"] is not None:
            attribution.show(result["nearest"])
        return
    at_least = "" if result["complete"] else "at least "
    console.print(f"This {kind} is in the data: {at_least}{_documents(count)}.")
    table = Table("file", "match", "split", "samples", "licence", "SWHID")
    for column in table.columns:
        column.overflow = "fold"
    for row in result["documents"]:
        samples = row.get("samples") or [row["first_sample_id"], row["last_sample_id"]]
        shown = f"{samples[0]}-{samples[-1]}" if samples[0] != samples[-1] else str(samples[0])
        licence = ", ".join(row["licenses"]) or "unknown"
        table.add_row(row["name"], row["match"], row["split"], shown, licence, row["swhid"])
    console.print(table)
