# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Issues of GitHub, one row a conversation, as StarCoder2 has them.

`data_prep.conversations.issues` has the rules and the format. Rows, in lines of JSON or parquet::

    repo            "owner/name"
    issue_number    whole number (or issue_id)
    title           text; else the first title among the events
    pull_request    anything but null: not an issue, dropped
    license         SPDX identifier, or a list of them; may be missing
    events          list, in order, of either kind:
                    {"action": "opened" | "created" | "closed" | "reopened", "author", "title",
                     "text" (or "description", "comment", "body"), "datetime"}
                    or GH Archive's IssuesEvent and IssueCommentEvent as they are
                    {"type", "actor": {"login"}, "payload": {"action", "issue", "comment"},
                     "created_at"}

The first kind is that of the data set ``bigcode/the-stack-github-issues`` (Li et al. 2023, arXiv
2305.06161, section 3.3). GH Archive's files have one event a line: gather them by issue first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data_prep.conversations.issues import Event, Rules, render
from data_prep.document import BadRow, Document, Dropped
from data_prep.rows import LIMIT_BYTES, BadField, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.sources import Unit
from foundry_plugins.contract.errors import require

LANGUAGE = "Markdown"
COLUMNS = (
    "repo",
    "issue_number",
    "issue_id",
    "title",
    "pull_request",
    "license",
    "events",
)
_ACTIONS = ("opened", "created", "closed", "reopened")
_TEXTS = ("text", "comment", "description", "body")


def units(
    *,
    paths: tuple[str, ...],
    min_characters: int = 200,
    max_lines: int = 100,
    single_user_max_characters: int = 7000,
    single_user_max_events: int = 10,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Unit]:
    """Lists the files, ranges or row groups.

    Args:
        paths: Files, folders or globs.
        min_characters: Least text of all comments together.
        max_lines: Comments with more lines lose those before their last 20.
        single_user_max_characters: Most text of one person's conversation with themselves.
        single_user_max_events: Most events of one.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files or columns.
    """
    least = Rules().last_lines
    require(max_lines >= least, f"`max_lines` must be at least {least}, got {max_lines}.")
    yield from files.units(paths, needed=("events",))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    min_characters: int = 200,
    max_lines: int = 100,
    single_user_max_characters: int = 7000,
    single_user_max_events: int = 10,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one unit.

    Reasons to drop a row: ``pull_request``, and those of `data_prep.conversations.issues.render`.
    """
    rules = Rules(
        min_characters=min_characters,
        max_lines=max_lines,
        single_user_max_characters=single_user_max_characters,
        single_user_max_events=single_user_max_events,
    )
    rows = files.read(unit, columns=COLUMNS, limit_bytes=limit_bytes)
    yield from documents(rows, lambda row: _of_row(row, name, paths, rules))


def _of_row(row: Row, source: str, paths: tuple[str, ...], rules: Rules) -> Document | Dropped:
    values = row.values
    number = fields.whole(values, "issue_number")
    number = fields.whole(values, "issue_id") if number is None else number
    path = files.row_name(row, paths) if number is None else f"issues/{number}"
    if "events" not in values:
        raise BadField("missing_field", "there is no events")
    stated = fields.tables(values, "events")
    if values.get("pull_request") is not None or any(map(_is_of_pull_request, stated)):
        return Dropped(path, "pull_request", LANGUAGE)
    events = [event for entry in stated if (event := _event(entry)) is not None]
    title = fields.string(values, "title") or _title(stated)
    marked = render(title, events, rules)
    if isinstance(marked, str):
        return Dropped(path, marked, LANGUAGE)
    return document(
        marked.text,
        path=path,
        language=LANGUAGE,
        source=source,
        repository=fields.string(values, "repo"),
        licenses=canonical_licenses(fields.strings(values, "license")),
        markers=marked.markers,
        metadata=fields.said(timestamp=events[0].time),
    )


def _event(entry: dict[str, Any]) -> Event | None:
    """One event of either kind; None for what is not shown (labels, edits, ...)."""
    payload = fields.table(entry, "payload")
    if payload:
        return _archived(entry, payload)
    action = fields.string(entry, "action")
    if action not in _ACTIONS:
        return None
    texts = (fields.string(entry, key) for key in _TEXTS)
    return Event(
        action,
        fields.string(entry, "author"),
        _clean(next((text for text in texts if text), "")),
        fields.time(entry, "datetime") or "",
    )


def _archived(entry: dict[str, Any], payload: dict[str, Any]) -> Event | None:
    action = fields.string(payload, "action")
    is_comment = fields.string(entry, "type") == "IssueCommentEvent"
    if action not in (("created",) if is_comment else ("opened", "closed", "reopened")):
        return None
    said = fields.table(payload, "comment" if is_comment else "issue")
    text = "" if action == "reopened" else fields.string(said, "body")
    return Event(
        action,
        fields.string(fields.table(entry, "actor"), "login"),
        _clean(text),
        fields.time(entry, "created_at") or "",
    )


def _clean(text: str) -> str:
    return fields.text({"text": text}, "text")


def _title(entries: list[dict[str, Any]]) -> str:
    for entry in entries:
        issue = fields.table(fields.table(entry, "payload"), "issue")
        if title := fields.string(entry, "title") or fields.string(issue, "title"):
            return title
    return ""


def _is_of_pull_request(entry: dict[str, Any]) -> bool:
    issue = fields.table(fields.table(entry, "payload"), "issue")
    return issue.get("pull_request") is not None
