# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pull requests of GitHub, one row a request, as StarCoder2 has them.

`data_prep.conversations.pull_requests` has the rules, `pull_request_files` says which code is shown
and `pull_request_text` has the format. Rows, in lines of JSON or parquet::

    repo       "owner/name"
    number     whole number
    license    SPDX identifier, or a list of them; may be missing
    events     list of GH Archive's PullRequestEvent, IssueCommentEvent, PullRequestReviewEvent and
               PullRequestReviewCommentEvent as they are
    commits    list of {"sha", "files": [{"path", "content"}]}: of the base and of each head commit
               the files that the request touches; a file that a commit lacks is not in its list
    requests   how many requests of the repository there are; may be missing

With ``requests``, rows are sampled by repository: one request alone stays with probability .8,
falling in a straight line to .1 for each of 1,000, beyond which about 100 of a repository stay
(section 2.3, "Subsampling PRs"). All draws are a hash of ``seed``, the repository and the number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from data_prep.conversations.pull_request_files import Files
from data_prep.conversations.pull_request_text import PullRequestText
from data_prep.conversations.pull_requests import cleaned, steps, why_not
from data_prep.document import BadRow, Document, Dropped
from data_prep.rows import LIMIT_BYTES, BadField, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.sources import Unit
from foundry_plugins.contract.stateless_hash import uniform

LANGUAGE = "Diff"
COLUMNS = ("repo", "number", "license", "events", "commits", "requests")


def units(
    *,
    paths: tuple[str, ...],
    max_characters: int = 100_000,
    seed: int = 17,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Unit]:
    """Lists the files, ranges or row groups.

    Args:
        paths: Files, folders or globs.
        max_characters: Longest text (section 2.3, "Max sequence length").
        seed: Decides which requests and how many lines of code are taken.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files or columns.
    """
    yield from files.units(paths, needed=("repo", "number", "events", "commits"))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    max_characters: int = 100_000,
    seed: int = 17,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one unit.

    Reasons to drop a row: those of `data_prep.conversations.pull_requests.why_not`,
    ``not_sampled``, ``no_diff``, ``long_pull_request``.
    """
    rows = files.read(unit, columns=COLUMNS, limit_bytes=limit_bytes)
    yield from documents(rows, lambda row: _of_row(row, name, max_characters, seed))


def _of_row(row: Row, source: str, max_characters: int, seed: int) -> Document | Dropped:
    values = row.values
    repository = fields.text(values, "repo")
    number = fields.whole(values, "number")
    if number is None:
        raise BadField("missing_field", "there is no number")
    keys = (seed, repository, number)
    path = f"pull/{number}"
    found = steps(fields.tables(values, "events"))
    reason = why_not(found)
    if reason is None and uniform(*keys, "sample") >= _rate(fields.whole(values, "requests")):
        reason = "not_sampled"
    if reason is not None:
        return Dropped(path, reason, LANGUAGE)
    marked = PullRequestText(repository, _commits(values), *keys).write(cleaned(found))
    if marked is None:
        return Dropped(path, "no_diff", LANGUAGE)
    if len(marked) > max_characters:
        return Dropped(path, "long_pull_request", LANGUAGE)
    return document(
        fields.text({"text": marked.text}, "text"),
        path=path,
        language=LANGUAGE,
        source=source,
        repository=repository,
        licenses=canonical_licenses(fields.strings(values, "license")),
        markers=marked.markers,
        metadata=fields.said(timestamp=found[0].time),
    )


def _rate(requests: int | None) -> float:
    if requests is None:
        return 1.0
    if requests > 1000:
        return 100 / requests
    return 0.8 - 0.7 * (max(requests, 1) - 1) / 999


def _commits(values: Mapping[str, object]) -> dict[str, Files]:
    return {
        fields.string(commit, "sha"): {
            fields.string(file, "path"): fields.string(file, "content")
            for file in fields.tables(commit, "files")
        }
        for commit in fields.tables(values, "commits")
    }
