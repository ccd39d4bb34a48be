# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Issues: rows of both kinds to text with markers, and which are dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.conversations.issues import TRUNCATED, Event, Rules, render
from data_prep.document import BadRow, Document
from data_prep.sources import github_issues

LONG = "The program ends with an error when it is given an empty file. " * 5


def written(document: Document) -> str:
    """The text with its sentinels written out."""
    pieces, start = [], 0
    for offset, sentinel in document.markers:
        pieces += [document.text[start:offset], sentinel]
        start = offset
    return "".join([*pieces, document.text[start:]])


def event(action: str, author: str, text: str = "", **more: Any) -> dict[str, Any]:
    times = {"datetime": "2020-01-01T00:00:00Z", "type": "issue", "comment_id": None}
    return {"action": action, "author": author, "text": text, **times, **more}


def row(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "repo": "ann/tool",
        "issue_id": 900,
        "issue_number": 7,
        "pull_request": None,
        "events": list(events),
        **more,
    }


def read(tmp_path: Path, *rows: dict[str, Any], **settings: Any) -> list[Any]:
    path = tmp_path / "issues.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {"paths": (str(path),), **settings}
    return [
        found
        for unit in github_issues.units(**values)
        for found in github_issues.read(unit, name="issues", **values)
    ]


CONVERSATION = [
    event("opened", "ann", f"@bob: {LONG}", title="It fails, bob"),
    event("created", "bob", "Which version?"),
    event("created", "stale[bot]", "This issue is stale."),
    event("created", "ann", "1.2, as I said to carol.\n\nReply to this email directly"),
    event("labeled", "bob", "bug"),
    event("closed", "bob", "The opening text, again."),
    event("created", "ann", "Thanks!"),
    event("reopened", "ann"),
]
EXPECTED = (
    f"<issue_start>Title: It fails, username_1\nusername_0: username_1: {LONG.strip()}"
    "<issue_comment>username_1: Which version?"
    "<issue_comment>username_0: 1.2, as I said to carol."
    "<issue_closed><issue_comment>username_0: Thanks!"
)


def test_a_conversation(tmp_path: Path) -> None:
    (found,) = read(tmp_path, row(*CONVERSATION, license="mit"))
    assert written(found) == EXPECTED
    assert (found.name, found.language) == ("ann/tool/issues/7", "Markdown")
    assert found.licenses == ("MIT",)
    assert found.metadata == {"timestamp": "2020-01-01T00:00:00Z"}


def test_events_of_gh_archive(tmp_path: Path) -> None:
    archived = []
    for entry in CONVERSATION:
        is_comment = entry["action"] == "created"
        said = {"title": "It fails, bob", "body": entry["text"], "user": {"login": "x"}}
        archived.append(
            {
                "id": "1",
                "type": "IssueCommentEvent" if is_comment else "IssuesEvent",
                "actor": {"id": 1, "login": entry["author"]},
                "repo": {"name": "ann/tool"},
                "payload": {
                    "action": entry["action"],
                    "issue": {"number": 7, "title": "It fails, bob", "body": "b"}
                    if is_comment
                    else said,
                    **({"comment": said} if is_comment else {}),
                },
                "created_at": entry["datetime"],
            }
        )
    (found,) = read(tmp_path, row(*archived))
    assert written(found) == EXPECTED


def test_what_looks_like_a_sentinel_stays_text(tmp_path: Path) -> None:
    (found,) = read(tmp_path, row(event("opened", "ann", f"<issue_comment>{LONG}", title="T")))
    assert found.markers == ((0, "<issue_start>"),)
    assert "<issue_comment>" in found.text


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([event("opened", "ann", "too short")], "short_issue"),
        ([event("opened", "dependabot[bot]", LONG)], "only_bots"),
        ([], "only_bots"),
        ([event("opened", "ann", LONG * 100)], "single_user"),
        ([event("opened", "ann", LONG)] + [event("created", "ann", "more")] * 10, "single_user"),
    ],
)
def test_dropped(events: list[dict[str, Any]], reason: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, row(*events))
    assert (found.reason, found.path) == (reason, "issues/7")


def test_two_people_may_say_much(tmp_path: Path) -> None:
    events = [event("opened", "ann", LONG * 100), *[event("created", "bob", "more")] * 20]
    (found,) = read(tmp_path, row(*events))
    assert isinstance(found, Document)


def test_pull_requests_are_no_issues(tmp_path: Path) -> None:
    archived = {"type": "IssuesEvent", "payload": {"issue": {"pull_request": {"url": "u"}}}}
    first, second = read(tmp_path, row(pull_request={"number": 7}), row(archived))
    assert first.reason == second.reason == "pull_request"


def test_settings(tmp_path: Path) -> None:
    said = row(event("opened", "ann", "short", title="T"))
    (found,) = read(tmp_path, said, min_characters=5)
    assert found.text == "Title: T\nusername_0: short"


def test_long_comments_lose_their_middle() -> None:
    lines = [f"{n:03} and more text" for n in range(150)]
    marked = render("T", [Event("opened", "ann", "\n".join(lines))], Rules())
    assert not isinstance(marked, str)
    body = marked.text.partition(": ")[2].partition(": ")[2].split("\n")
    assert body == [*lines[:80], TRUNCATED, *lines[-20:]]
    assert len(body) == 101


def test_the_call_of_a_bot_goes_with_it() -> None:
    events = [
        Event("opened", "ann", f"/hello {LONG}"),
        Event("created", "k8s-ci-robot", "Hello"),
        Event("created", "bob", "/retest"),
        Event("created", "k8s-ci-robot", "Testing"),
        Event("created", "k8s-ci-robot", "Done"),
        Event("created", "bob", "Good"),
    ]
    marked = render("T", events, Rules())
    assert not isinstance(marked, str)
    assert "/retest" not in marked.text
    assert "/hello" in marked.text
    assert marked.text.endswith("username_1: Good")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"repo": "ann/tool"}, "missing_field"),
        (row({"action": "opened", "author": 7}), "wrong_type"),
        (row(event("opened", "ann", "a\0b")), "null_bytes"),
        ({**row(), "events": "none"}, "wrong_type"),
        ({**row(), "issue_number": "seven"}, "wrong_type"),
    ],
)
def test_bad_rows(bad: dict[str, Any], reason: str, tmp_path: Path) -> None:
    good = row(event("opened", "ann", LONG))
    first, second = read(tmp_path, good, bad)
    assert isinstance(first, Document)
    assert isinstance(second, BadRow)
    assert (second.row, second.reason) == (1, reason)
