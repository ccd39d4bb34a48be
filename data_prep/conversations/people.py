# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a conversation: bots are left out, people become ``username_0`` and so on.

Which accounts are bots is told by their names (StarCoder, arXiv 2305.06161, appendix A). A
participant's name is replaced wherever it is mentioned, people who are only mentioned keep theirs
(StarCoder2, arXiv 2402.19173, section 3.2, "Redacting usernames"). A name counts as mentioned where
it stands as a word of its own: as it is written, or in any case after ``@``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_BOTS = frozenset(
    {
        "apache-hbase",
        "autorestci",
        "claassistant",
        "claassistantio",
        "cmsbuild",
        "codecov-commenter",
        "codecov-io",
        "coveralls",
        "danger-public",
        "dnfclas",
        "karma-pr-reporter",
        "msftclas",
        "probot-stale",
        "pydocteur",
        "sparkqa",
    }
)
_BOT_PARTS = ("[bot]", "botmanager", "bors-", "jenkins", "k8s-", "-test-", "travis")
_BOT_ENDINGS = (
    "-automaton",
    "-automation",
    "-benchmark",
    "-build",
    "-ci",
    "-cloud",
    "-deployer",
    "-linter",
    "-service-account",
    "-teamcity",
    "-test",
    "-testing",
    "bot",
)
# A word, and an @ that makes it a mention; what stands in an address does not.
_WORD = re.compile(r"((?<![\w-])@)?([\w-]+)")


@functools.lru_cache(maxsize=65536)
def is_bot(name: str) -> bool:
    """Whether an account's name is that of a bot.

    >>> is_bot("dependabot[bot]"), is_bot("codecov-io"), is_bot("torvalds")
    (True, True, False)
    """
    name = name.lower()
    return name in _BOTS or name.endswith(_BOT_ENDINGS) or any(part in name for part in _BOT_PARTS)


def calls_bot(text: str, bot: str) -> bool:
    """Whether a comment was written for a bot to act on: it names it, or is a ``/command``."""
    return text.startswith("/") or bot.removesuffix("[bot]").lower() in text.lower()


class Participants:
    """People by the order in which they appear.

    >>> people = Participants(["ann", "bob", "ann"])
    >>> people["bob"], people.anonymous("@Ann, ask bob or carol about ann_lib")
    ('username_1', 'username_0, ask username_1 or carol about ann_lib')
    """

    def __init__(self, names: Iterable[str]) -> None:
        found = list(dict.fromkeys(names))
        self._names = {name: f"username_{n}" for n, name in enumerate(found)}
        self._lower = {name.lower(): label for name, label in reversed(self._names.items())}

    def __len__(self) -> int:
        """How many they are."""
        return len(self._names)

    def __getitem__(self, name: str) -> str:
        """What a participant is called."""
        return self._names[name]

    def anonymous(self, text: str) -> str:
        """A text in which participants are called as they are here."""
        return _WORD.sub(self._label, text)

    def _label(self, found: re.Match[str]) -> str:
        mention, name = found.groups()
        label = self._lower.get(name.lower()) if mention else self._names.get(name)
        return label or found[0]
