# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""One issue: its events to a text, or to the reason why it is not used.

StarCoder2, arXiv 2402.19173, section 2.2 (rules and figures) and 5.3 (format)::

    <issue_start>Title: title\nusername_0: comment_0<issue_comment>username_1: comment_1 ...
    <issue_closed><issue_comment>username_n: comment_n

In this order: what mail programs added is taken off, long comments lose their middle, bots'
comments and the comments that called them are removed, short conversations and monologues are
dropped, and names are replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from data_prep.conversations.mail import without_mail
from data_prep.conversations.people import Participants, calls_bot, is_bot
from data_prep.marked_text import MarkedText
from foundry_plugins.contract.sentinels import ISSUE

START, COMMENT, CLOSED = ISSUE
TRUNCATED = "[Truncated]"


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        action: ``opened``, ``created`` (a comment), ``closed`` or ``reopened``.
        author: Account.
        text: What was written, if anything.
        time: When, in ISO 8601.
    """

    action: str
    author: str
    text: str = ""
    time: str = ""


@dataclasses.dataclass(frozen=True)
class Rules:
    """The figures of section 2.2.

    Attributes:
        min_characters: Least text of all comments together.
        max_lines: Comments with more lines lose those in the middle.
        last_lines: How many of these lines are the last ones.
        single_user_max_characters: Most text of a conversation that one person has alone.
        single_user_max_events: Most events of one.
    """

    min_characters: int = 200
    max_lines: int = 100
    last_lines: int = 20
    single_user_max_characters: int = 7000
    single_user_max_events: int = 10


def render(title: str, events: Sequence[Event], rules: Rules) -> MarkedText | str:
    """An issue's text, or why it is dropped: ``only_bots``, ``short_issue`` or ``single_user``."""
    events = [
        dataclasses.replace(event, text=shortened(without_mail(event.text), rules))
        for event in events
    ]
    events = without_bots(events)
    if not events:
        return "only_bots"
    people = Participants(event.author for event in events)
    size = sum(len(event.text) for event in events)
    if size < rules.min_characters:
        return "short_issue"
    is_long = size > rules.single_user_max_characters
    if len(people) == 1 and (is_long or len(events) > rules.single_user_max_events):
        return "single_user"
    return _written(title, events, people)


def _written(title: str, events: Sequence[Event], people: Participants) -> MarkedText:
    marked = MarkedText().mark(START).write(f"Title: {people.anonymous(title.strip())}\n")
    is_first = True
    for event in events:
        # A closed issue's event repeats the opening text, which has been said.
        if event.action == "closed":
            marked.mark(CLOSED)
        elif event.text:
            if not is_first:
                marked.mark(COMMENT)
            marked.write(f"{people[event.author]}: {people.anonymous(event.text)}")
            is_first = False
    return marked


def shortened(text: str, rules: Rules) -> str:
    """A text without its middle, if it has too many lines."""
    lines = text.split("\n")
    if len(lines) <= rules.max_lines:
        return text
    first = lines[: rules.max_lines - rules.last_lines]
    return "\n".join([*first, TRUNCATED, *lines[len(lines) - rules.last_lines :]])


def without_bots(events: Sequence[Event]) -> list[Event]:
    """People's events, without comments that a bot was called by."""
    kept: list[Event] = []
    was_kept = False
    for event in events:
        if not is_bot(event.author):
            kept.append(event)
            was_kept = True
            continue
        # The comment just before, which is never the opening one.
        if was_kept and kept[-1].action == "created" and calls_bot(kept[-1].text, event.author):
            kept.pop()
        was_kept = False
    return kept
