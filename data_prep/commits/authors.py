# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which commits are made by programs, told by their author.

Accounts are told by their names as those of conversations are (StarCoder, arXiv 2305.06161,
appendix A; `data_prep.conversations.people`). An author is an account where the address is one that
GitHub or GitLab hands out, or the name is one word with a hyphen or a bracket. Other names are
those of people, unless a word says that it is a program: Talbot is a surname, Travis a first name.
"""

from __future__ import annotations

import re

from data_prep.conversations.people import is_bot

BOT, PERSON = "bot", "person"
_ACCOUNT = re.compile(r"(?:\d+[+-])?([^@]+)@users\.noreply\.(?:github|gitlab)\.com", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
# As a word of a name or of an address.
_PROGRAM = frozenset({"automation", "autoroll", "autoroller", "bot", "jenkins", "robot"})
_NAMES = frozenset({"github actions", "gitlab ci", "travis ci", "semantic release", "weblate"})


def author_kind(name: str, email: str) -> str:
    """``bot`` or ``person``.

    >>> author_kind("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com")
    'bot'
    >>> author_kind("Renovate Bot", "bot@renovateapp.com"), author_kind("Travis CI", "ci@acme.org")
    ('bot', 'bot')
    >>> author_kind("Ann Talbot", "atalbot@acme.org"), author_kind("Travis Lee", "t@acme.org")
    ('person', 'person')
    """
    account = _ACCOUNT.fullmatch(email)
    accounts = [account[1]] if account else []
    name = name.strip()
    words = _WORD.findall(name.lower())
    if len(name.split()) == 1 and ("-" in name or "[" in name):
        accounts.append(name)
    address = _WORD.findall(email.partition("@")[0].lower())
    if any(map(is_bot, accounts)) or " ".join(words) in _NAMES:
        return BOT
    return BOT if _PROGRAM & {*words, *address} else PERSON
