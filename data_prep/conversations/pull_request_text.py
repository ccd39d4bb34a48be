# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""A pull request as text, StarCoder2's format (arXiv 2402.19173, section 5.2).

::

    <pr>Title: title\nusername_0: description<pr_status>opened<repo_name>repository
    <pr_base><pr_file>path<pr_base_code>lines ... <pr_diff><pr_file>path<pr_diff_hunk>hunk ...

then, in order of time, comments, reviews and comments on code, the request's changes of state, and
for every new head commit the hunks between it and the base. Line ends stand only where the paper
writes them, as ``\n``. Where it is silent: each separate run of lines of a base file has a
``<pr_base_code>`` of its own, and every list of hunks begins with ``<pr_diff>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_prep.conversations.people import Participants
from data_prep.conversations.pull_request_files import Files, base_pieces, diff_hunks, usable
from data_prep.conversations.pull_requests import COMMENT, REQUEST, REVIEW, Step
from data_prep.marked_text import MarkedText
from foundry_plugins.contract.stateless_hash import Key


class PullRequestText:
    """Writes one pull request.

    Args:
        repository: ``owner/name``.
        commits: Commit id -> its files, of those that the request touches.
        keys: Name the request; draws are a hash of them.
    """

    def __init__(self, repository: str, commits: Mapping[str, Files], *keys: Key) -> None:
        self._repository = repository
        self._commits = commits
        self._keys = keys
        self._marked = MarkedText()
        self._people = Participants([])
        self._base: Files = {}
        self._paths: list[str] = []

    def write(self, steps: Sequence[Step]) -> MarkedText | None:
        """The text of cleaned steps, or None if nothing is known of the first changes."""
        opened = next(step for step in steps if step.action == "opened")
        head = self._commits.get(opened.head)
        self._base = self._commits.get(opened.base, {})
        if head is None:
            return None
        self._people = Participants([opened.author, *(step.author for step in steps)])
        heads = [self._commits[sha] for sha in self._heads(steps)]
        self._paths = sorted(usable(self._base, heads, *self._keys))
        self._state(opened)
        self._marked.mark("<repo_name>").write(self._repository)
        self._code(heads)
        if not self._changes(head):
            return None
        shown = opened.head
        for step in steps:
            if step is opened:
                continue
            if step.head in self._commits and step.head != shown:
                shown = step.head
                self._changes(self._commits[shown])
            self._step(step)
        return self._marked

    def _heads(self, steps: Sequence[Step]) -> list[str]:
        return list(dict.fromkeys(step.head for step in steps if step.head in self._commits))

    def _code(self, heads: Sequence[Files]) -> None:
        self._marked.mark("<pr_base>")
        for path in self._paths:
            # What any head lacks or adds is shown by its hunks alone.
            if path in self._base and all(path in files for files in heads):
                pieces = base_pieces(path, self._base, heads, *self._keys)
                if pieces:
                    self._marked.mark("<pr_file>").write(path)
                for piece in pieces:
                    self._marked.mark("<pr_base_code>").write(piece)

    def _changes(self, head: Files) -> bool:
        """Writes the hunks between base and head; whether there are any."""
        found = {
            path: hunks
            for path in self._paths
            if (hunks := diff_hunks(path, self._base, head, *self._keys))
        }
        if found:
            self._marked.mark("<pr_diff>")
        for path, hunks in found.items():
            self._marked.mark("<pr_file>").write(path)
            for hunk in hunks:
                self._marked.mark("<pr_diff_hunk>").write(hunk)
        return bool(found)

    def _step(self, step: Step) -> None:
        if step.kind == REQUEST:
            self._state(step)
        elif step.kind == COMMENT:
            self._marked.mark("<pr_comment>").write(self._said(step))
            self._marked.mark("<pr_event_id>").write(_shown(step.number))
        elif step.kind == REVIEW:
            self._marked.mark("<pr_review>").write(f"{self._said(step)}\n")
            self._marked.mark("<pr_event_id>").write(_shown(step.number))
            self._marked.mark("<pr_review_state>").write(step.state)
        else:
            self._comment_on_code(step)

    def _state(self, step: Step) -> None:
        if step.action == "closed":
            self._marked.mark("<pr>").write(self._people[step.author])
            self._marked.mark("<pr_status>").write(step.action)
            self._marked.mark("<pr_is_merged>").write(str(step.merged))
            return
        title = self._people.anonymous(step.title)
        self._marked.mark("<pr>").write(f"Title: {title}\n{self._said(step)}")
        self._marked.mark("<pr_status>").write(step.action)

    def _comment_on_code(self, step: Step) -> None:
        marked = self._marked.mark("<pr_review_comment>")
        marked.mark("<pr_event_id>").write(_shown(step.number))
        if step.review is not None:
            marked.mark("<pr_in_reply_to_review_id>").write(str(step.review))
        if step.reply is not None:
            marked.mark("<pr_in_reply_to_comment_id>").write(str(step.reply))
        marked.mark("<pr_file>").write(step.path)
        if step.line is not None:
            marked.mark("<pr_diff_hunk_comment_line>").write(str(step.line))
        if step.hunk:
            marked.mark("<pr_diff_hunk>").write(step.hunk)
        marked.mark("<pr_comment>").write(self._said(step))

    def _said(self, step: Step) -> str:
        return f"{self._people[step.author]}: {self._people.anonymous(step.text)}"


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)
