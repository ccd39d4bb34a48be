# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pull requests: events of GH Archive as steps, and which requests are used.

StarCoder2, arXiv 2402.19173, section 2.3 ("PR filters", "Title and description filtering",
"Truncating inputs", "Processing comments"). Licences and opt-outs are for other stages.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data_prep.conversations.mail import without_mail
from data_prep.conversations.people import is_bot
from data_prep.rows import fields

MIN_TITLE, MAX_TITLE = 10, 500
MIN_DESCRIPTION, MAX_DESCRIPTION = 20, 1000
FIRST_LINES, LAST_LINES = 60, 20
MIN_COMMENT = 20
MAX_REVIEWED_HUNK = 10_000
_TITLE_WORDS = ("depend", "release")
_DESCRIPTION_WORD = "Qwiet"

REQUEST, COMMENT, REVIEW, REVIEW_COMMENT = "request", "comment", "review", "review_comment"
# GitHub's review states -> the paper's.
_STATES = {
    "approved": "approved",
    "changes_requested": "changes_required",
    "commented": "commented",
    "dismissed": "rejected",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One event.

    Attributes:
        kind: `REQUEST` (opened, edited, reopened, closed), `COMMENT`, `REVIEW` or
            `REVIEW_COMMENT` (on a line of the code).
        author: Account.
        action: What happened to the request.
        text: Description, comment or review.
        title: Of the request.
        merged: Whether it is merged by now.
        base: Commit that it starts from.
        head: Commit that it has come to, if the event says.
        number: GitHub's id of the comment or review.
        review: Id of the review that a comment is of.
        reply: Id of the comment that a comment answers.
        path: File of a comment on code.
        line: Line of one.
        hunk: The code around it.
        state: Of a review.
        time: When, in ISO 8601.
    """

    kind: str
    author: str
    action: str = ""
    text: str = ""
    title: str = ""
    merged: bool = False
    base: str = ""
    head: str = ""
    number: int | None = None
    review: int | None = None
    reply: int | None = None
    path: str = ""
    line: int | None = None
    hunk: str = ""
    state: str = ""
    time: str = ""


def steps(events: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps in order of time; events of other types say nothing.

    Raises:
        BadField: if a field has another type than GH Archive's.
    """
    found = [
        step
        for event in events
        if (make := _MAKERS.get(fields.string(event, "type"))) is not None
        and (step := make(event, fields.table(event, "payload"))) is not None
    ]
    return sorted(found, key=lambda step: step.time)


def cleaned(found: Sequence[Step]) -> list[Step]:
    """Without bots' steps, texts of mail programs and comments that say too little."""
    kept = []
    for step in found:
        if is_bot(step.author):
            continue
        text = without_mail(step.text)
        if step.kind == REQUEST:
            text = _shortened(text)
        elif step.kind == COMMENT and len(text) < MIN_COMMENT:
            continue
        hunk = step.hunk if len(step.hunk) <= MAX_REVIEWED_HUNK else ""
        title = step.title.strip()[:MAX_TITLE]
        kept.append(dataclasses.replace(step, text=text, title=title, hunk=hunk))
    return kept


def why_not(found: Sequence[Step]) -> str | None:
    """Why a request with these steps, bots' included, is not used."""
    requests = [step for step in found if step.kind == REQUEST]
    opened = next((step for step in requests if step.action == "opened"), None)
    if opened is None:
        return "not_opened"
    if is_bot(opened.author):
        return "bot"
    others = [step for step in found if step.kind != REQUEST]
    if others and all(is_bot(step.author) for step in others):
        return "only_bots"
    if len({step.base for step in requests if step.base}) > 1:
        return "base_changed"
    is_approved = any(step.state == "approved" for step in others)
    if not is_approved and not any(step.merged for step in requests):
        return "not_approved_or_merged"
    return _why_not_said(opened.title.strip(), without_mail(opened.text))


def _why_not_said(title: str, description: str) -> str | None:
    if len(title) < MIN_TITLE:
        return "short_title"
    if any(word in title.lower() for word in _TITLE_WORDS):
        return "dependency_or_release"
    if len(description) < MIN_DESCRIPTION:
        return "short_description"
    return "scanner_report" if _DESCRIPTION_WORD in description else None


def _shortened(description: str) -> str:
    lines = description.split("\n")
    if len(lines) > FIRST_LINES + LAST_LINES:
        lines = [*lines[:FIRST_LINES], *lines[-LAST_LINES:]]
    return "\n".join(lines)[:MAX_DESCRIPTION]


def _login(*owners: fields.Values) -> str:
    """The account of the first that has one."""
    for owner in owners:
        for key in ("user", "actor"):
            account = owner.get(key)
            name = account if isinstance(account, str) else fields.table(owner, key).get("login")
            if isinstance(name, str) and name:
                return name
    return ""


def _commit(request: fields.Values, end: str) -> str:
    return fields.string(fields.table(request, end), "sha")


def _request(event: fields.Values, payload: dict[str, Any]) -> Step | None:
    request = fields.table(payload, "pull_request")
    action = fields.string(payload, "action")
    if action not in ("opened", "edited", "reopened", "closed"):
        return None
    # Who opened it is in the request, who closed it in the event.
    author = _login(request, event) if action == "opened" else _login(event, request)
    return Step(
        REQUEST,
        author,
        action=action,
        text=fields.string(request, "body"),
        title=fields.string(request, "title"),
        merged=bool(fields.truth(request, "merged")),
        base=_commit(request, "base"),
        head=_commit(request, "head"),
        time=fields.time(event, "created_at") or "",
    )


def _comment(event: fields.Values, payload: dict[str, Any]) -> Step | None:
    comment = fields.table(payload, "comment")
    if fields.string(payload, "action", "created") != "created":
        return None
    return Step(
        COMMENT,
        _login(comment, event),
        text=fields.string(comment, "body"),
        number=fields.whole(comment, "id"),
        time=fields.time(event, "created_at") or "",
    )


def _review(event: fields.Values, payload: dict[str, Any]) -> Step:
    review = fields.table(payload, "review")
    return Step(
        REVIEW,
        _login(review, event),
        text=fields.string(review, "body"),
        head=_commit(fields.table(payload, "pull_request"), "head"),
        number=fields.whole(review, "id"),
        state=_STATES.get(fields.string(review, "state").lower(), "commented"),
        time=fields.time(event, "created_at") or "",
    )


def _review_comment(event: fields.Values, payload: dict[str, Any]) -> Step | None:
    comment = fields.table(payload, "comment")
    if fields.string(payload, "action", "created") != "created":
        return None
    lines = (fields.whole(comment, key) for key in ("line", "original_line", "position"))
    return Step(
        REVIEW_COMMENT,
        _login(comment, event),
        text=fields.string(comment, "body"),
        head=_commit(fields.table(payload, "pull_request"), "head"),
        number=fields.whole(comment, "id"),
        review=fields.whole(comment, "pull_request_review_id"),
        reply=fields.whole(comment, "in_reply_to_id"),
        path=fields.string(comment, "path"),
        line=next((line for line in lines if line is not None), None),
        hunk=fields.string(comment, "diff_hunk"),
        time=fields.time(event, "created_at") or "",
    )


_MAKERS: dict[str, Callable[[fields.Values, dict[str, Any]], Step | None]] = {
    "PullRequestEvent": _request,
    "IssueCommentEvent": _comment,
    "PullRequestReviewEvent": _review,
    "PullRequestReviewCommentEvent": _review_comment,
}
