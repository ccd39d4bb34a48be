# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``nme_bef_msg_dff``: text and mistakes."""

from __future__ import annotations

import pytest

from foundry_plugins.contract.diffs import Change, Commit, Sentinel
from foundry_plugins.contract.diffs import nme_bef_msg_dff as diff
from tests.foundry_plugins.contract.diffs.commits import pieces


def of(markup: str) -> tuple[str | Sentinel, ...]:
    return pieces(markup, *diff.SENTINELS)


GOLDEN = """\
<NME> a.py
<BEF> x = 1
print(x)

<MSG> Use y
<DFF> @@ -1,2 +1,2 @@
-x = 1
-print(x)
+y = 1
+print(y)
\\ No newline at end of file"""


def test_golden() -> None:
    change = Change("a.py", "a.py", "x = 1\nprint(x)\n", "y = 1\nprint(y)")
    rendered = diff.render(Commit("Use y", (change,)), 0)
    assert rendered.pieces == of(GOLDEN)
    assert rendered.pieces[rendered.target - 1] == Sentinel("<DFF>")
    assert rendered == diff.render(Commit("Use y", (change,)), 1)


def test_added_and_deleted_files() -> None:
    """The published example of a new file, byte for byte."""
    added = Commit("hello world example", (Change(None, "h.py", "", 'print("Hello World!")\n'),))
    assert diff.render(added, 0).pieces == of(
        "<NME> h.py\n<BEF> ADDFILE\n<MSG> hello world example\n"
        '<DFF> @@ -0,0 +1,1 @@\n+print("Hello World!")'
    )
    deleted = Commit("Drop", (Change("h.py", None, "1\n", ""),))
    assert diff.render(deleted, 0).pieces[-1] == " @@ -1,1 +0,0 @@\n-1"
    # A file with that very text is not taken for an added one.
    literal = Commit("m", (Change("a", "a", "ADDFILE", "b"),))
    assert diff.apply(diff.render(literal, 0).pieces, {"a": "ADDFILE"}) == {"a": "b"}


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("<NME> a\n<BEF> 2\n<MSG> m\n<DFF> ", "The text after <BEF> is not that of 'a'"),
        ("<NME> b\n<BEF> 1\n\n<MSG> m\n<DFF> ", "The text after <BEF> is not that of 'b'"),
        ("<NME> a\n<BEF> 1\n\n<MSG> m\n<DFF>@@", "<DFF> must begin with a space, got '@@'"),
        ("<NME>a\n<BEF> 1\n\n<MSG> m\n<DFF> ", "<NME> must begin with a space and end"),
        ("<NME> a\n<BEF> 1\n\n<MSG> m<DFF> ", "<MSG> must begin with a space and end"),
        ("<NME> a\n<BEF> 1\n\n<DFF> ", "must be <MSG>, got <DFF>"),
        ("<NME> a\n<BEF> 1\n\n<MSG> m\n<DFF> x", "must be a hunk's header, got 'x'"),
        ("<NME> a\n<BEF> 1\n\n<MSG> m\n<DFF> @@ -1,1 +1,1 @@\n-2\n+3", "shows other lines"),
        ("<NME> a\n<BEF> 1\n\n<MSG> m\n<DFF> <NME>", "must be the end, got <NME>"),
    ],
)
def test_malformed(markup: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        diff.apply(of(markup), {"a": "1\n"})
