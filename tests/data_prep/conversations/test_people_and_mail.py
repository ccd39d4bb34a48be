# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Bots, names and what mail programs add."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.conversations.mail import without_mail
from data_prep.conversations.people import Participants, calls_bot, is_bot


@pytest.mark.parametrize(
    "name",
    [
        "dependabot[bot]",
        "Coveralls",
        "k8s-ci-robot",
        "greenkeeperio-bot",
        "my-org-ci",
        "JenkinsRunner",
        "x-test-y",
        "ACME-Service-Account",
    ],
)
def test_bots(name: str) -> None:
    assert is_bot(name)


@pytest.mark.parametrize("name", ["torvalds", "ann", "ci-lover", "testing123", "botanist", ""])
def test_people(name: str) -> None:
    assert not is_bot(name)


def test_calls_of_bots() -> None:
    assert calls_bot("/retest", "k8s-ci-robot")
    assert calls_bot("@Dependabot rebase", "dependabot[bot]")
    assert not calls_bot("I disagree", "dependabot[bot]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann wrote it", "username_0 wrote it"),
        ("@ann and @ANN", "username_0 and username_0"),
        # Another case without @ is another word; so are longer words.
        ("Ann, hannah, ann-marie, ann_x, annual", "Ann, hannah, ann-marie, ann_x, annual"),
        ("(ann): ann.", "(username_0): username_0."),
        ("@ann-lee, not ann", "username_1, not username_0"),
        ("https://github.com/ann/tool", "https://github.com/username_0/tool"),
        ("@carol was never here", "@carol was never here"),
        ("x@ann.example", "x@username_0.example"),
    ],
)
def test_names(text: str, expected: str) -> None:
    assert Participants(["ann", "ann-lee", "ann"]).anonymous(text) == expected


def test_nobody() -> None:
    assert Participants([]).anonymous("ann") == "ann"
    assert Participants([""]).anonymous("ann") == "ann"


@settings(max_examples=40)
@given(
    names=st.lists(st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,8}", fullmatch=True), max_size=5),
    words=st.lists(st.text(" .,:@", max_size=3), min_size=1, max_size=8),
)
def test_no_name_is_left_as_a_word(names: list[str], words: list[str]) -> None:
    text = "".join(f"{word} {name} " for word, name in zip(words, names, strict=False))
    people = Participants(names)
    found = people.anonymous(text).replace("@", " ").split()
    labels = {people[name] for name in names}
    assert not (set(names) - labels) & set(found)


REPLY = """\
Yes, that fixed it.

On Mon, Mar 2, 2015 at 3:07 PM, Bob <notifications@github.com> wrote:

> Does the new version help?
>
> —
> Reply to this email directly or view it on GitHub
> https://github.com/ann/tool/issues/1
"""
WRAPPED = """\
Thanks!

On Mon, Mar 2, 2015 at 3:07 PM, A Very Long Name Indeed <
notifications@github.com> wrote:

> Does it help?
"""
OUTLOOK = """\
See attached.

________________________________
From: Bob <notifications@github.com>
Sent: Monday, March 2, 2015 3:07 PM
To: ann/tool
Subject: Re: [tool] It fails (#1)

Does the new version help?

—
Reply to this email directly, view it on GitHub<https://github.com/ann/tool/issues/1>, or \
unsubscribe.
"""
AROUND = """\
On 02/03/2015 03:07 PM, Bob wrote:
> Does it help?
It does.
Signed-off-by: Ann <ann@example.com>
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REPLY, "Yes, that fixed it."),
        (REPLY.replace("\n", "\r\n"), "Yes, that fixed it."),
        (WRAPPED, "Thanks!"),
        (OUTLOOK, "See attached."),
        (AROUND.replace("02/03/2015 03:07 PM", "1 Mar 2015 at 03:07"), "It does."),
        ("> quoted on purpose\n\nI agree.", "> quoted on purpose\n\nI agree."),
        ("a\n____________________\nb", "a\nb"),
        ("On the other hand, I wrote: this", "On the other hand, I wrote: this"),
        ("  \n ", ""),
    ],
)
def test_mail(text: str, expected: str) -> None:
    assert without_mail(text) == expected


@given(st.text())
def test_other_text_only_loses_white_space_around_it(text: str) -> None:
    text = text.replace("\r", "").replace("_", "-")
    if "Reply" not in text and "On" not in text and "Signed" not in text:
        assert without_mail(text) == text.strip()
