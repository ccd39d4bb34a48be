# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pull requests: rows to text with markers, and which requests and files are used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.conversations.pull_request_files import base_pieces, diff_hunks, usable
from data_prep.document import BadRow, Document
from data_prep.sources import github_pull_requests
from foundry_plugins.contract.diffs import pr

TITLE = "Count lines that have no end"
BODY = "The last line of a file was not counted, bob."


def happened(kind: str, actor: str, minute: int, **payload: Any) -> dict[str, Any]:
    return {
        "id": str(minute),
        "type": kind,
        "actor": {"login": actor},
        "payload": payload,
        "created_at": f"2020-01-01T00:{minute:02}:00Z",
    }


def request(action: str, actor: str, minute: int, **more: Any) -> dict[str, Any]:
    content = {
        "title": TITLE,
        "body": BODY,
        "user": {"login": "ann"},
        "base": {"sha": "base"},
        "head": {"sha": "one"},
        "merged": False,
    }
    return happened(
        "PullRequestEvent", actor, minute, action=action, pull_request={**content, **more}
    )


def comment(actor: str, minute: int, body: str) -> dict[str, Any]:
    said = {"id": 100 + minute, "body": body, "user": {"login": actor}}
    return happened("IssueCommentEvent", actor, minute, action="created", comment=said)


EVENTS = [
    request("opened", "ann", 0),
    comment("bob", 1, "I think that this needs a test, ann."),
    comment("bob", 2, "too short"),
    comment("codecov-io", 3, "Coverage is as it was before this."),
    happened(
        "PullRequestReviewEvent",
        "bob",
        4,
        action="created",
        review={"id": 7, "body": "Nearly.", "state": "CHANGES_REQUESTED", "user": {"login": "bob"}},
        pull_request={"head": {"sha": "one"}},
    ),
    happened(
        "PullRequestReviewCommentEvent",
        "bob",
        5,
        action="created",
        comment={
            "id": 8,
            "pull_request_review_id": 7,
            "in_reply_to_id": None,
            "path": "count.py",
            "line": 2,
            "diff_hunk": "@@ -1,2 +1,2 @@\n a\n+b",
            "body": "Why?",
            "user": {"login": "bob"},
        },
        pull_request={"head": {"sha": "one"}},
    ),
    happened(
        "PullRequestReviewEvent",
        "bob",
        6,
        action="created",
        review={"id": 9, "body": None, "state": "approved", "user": {"login": "bob"}},
        pull_request={"head": {"sha": "two"}},
    ),
    request("closed", "bob", 7, merged=True, head={"sha": "two"}),
]
COMMITS = {
    "base": {"count.py": "a\nb\nc\n", "gone.py": "x"},
    "one": {"count.py": "a\nB\nc\n", "new.py": "n\n"},
    "two": {"count.py": "a\nB\nc\nd\n", "new.py": "n\n"},
}
EXPECTED = (
    "<pr>Title: Count lines that have no end\n"
    "username_0: The last line of a file was not counted, username_1."
    "<pr_status>opened<repo_name>ann/tool"
    "<pr_base><pr_file>count.py<pr_base_code>a\nb\nc\n"
    "<pr_diff><pr_file>count.py<pr_diff_hunk>@@ -1,3 +1,3 @@\n a\n-b\n+B\n c"
    "<pr_file>gone.py<pr_diff_hunk>@@ -1,1 +0,0 @@\n-x\n\\ No newline at end of file"
    "<pr_file>new.py<pr_diff_hunk>@@ -0,0 +1,1 @@\n+n"
    "<pr_comment>username_1: I think that this needs a test, username_0.<pr_event_id>101"
    "<pr_review>username_1: Nearly.\n<pr_event_id>7<pr_review_state>changes_required"
    "<pr_review_comment><pr_event_id>8<pr_in_reply_to_review_id>7<pr_file>count.py"
    "<pr_diff_hunk_comment_line>2<pr_diff_hunk>@@ -1,2 +1,2 @@\n a\n+b<pr_comment>username_1: Why?"
    "<pr_diff><pr_file>count.py<pr_diff_hunk>@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n+d"
    "<pr_file>gone.py<pr_diff_hunk>@@ -1,1 +0,0 @@\n-x\n\\ No newline at end of file"
    "<pr_file>new.py<pr_diff_hunk>@@ -0,0 +1,1 @@\n+n"
    "<pr_review>username_1: \n<pr_event_id>9<pr_review_state>approved"
    "<pr>username_1<pr_status>closed<pr_is_merged>True"
)


def row(events: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    commits = [
        {"sha": sha, "files": [{"path": p, "content": c} for p, c in files.items()]}
        for sha, files in COMMITS.items()
    ]
    return {"repo": "ann/tool", "number": 7, "events": events, "commits": commits, **more}


def read(tmp_path: Path, *rows: dict[str, Any], **settings: Any) -> list[Any]:
    path = tmp_path / "requests.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {"paths": (str(path),), **settings}
    return [
        found
        for unit in github_pull_requests.units(**values)
        for found in github_pull_requests.read(unit, name="requests", **values)
    ]


def written(document: Document) -> str:
    pieces, start = [], 0
    for offset, sentinel in document.markers:
        pieces += [document.text[start:offset], sentinel]
        start = offset
    return "".join([*pieces, document.text[start:]])


def test_a_request(tmp_path: Path) -> None:
    # In whatever order the events were gathered.
    (found,) = read(tmp_path, row(EVENTS[::-1], license=["MIT"]))
    assert written(found) == EXPECTED
    assert (found.name, found.language) == ("ann/tool/pull/7", "Diff")
    assert found.licenses == ("MIT",)


def test_closed_and_reopened(tmp_path: Path) -> None:
    head = {"sha": "two"}
    more = [request("closed", "ann", 8, head=head), request("reopened", "ann", 9, head=head)]
    (found,) = read(tmp_path, row([*EVENTS, *more]))
    assert written(found) == EXPECTED + (
        "<pr>username_0<pr_status>closed<pr_is_merged>False"
        f"<pr>Title: {TITLE}\nusername_0: {BODY.replace('bob', 'username_1')}<pr_status>reopened"
    )


def changed(index: int, **request_fields: Any) -> list[dict[str, Any]]:
    """The events with other fields in one of the request's."""
    events = json.loads(json.dumps(EVENTS))
    events[index]["payload"]["pull_request"].update(request_fields)
    return events


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (EVENTS[1:], "not_opened"),
        (changed(0, user={"login": "dependabot[bot]"}), "bot"),
        ([EVENTS[0], EVENTS[3], EVENTS[7]], "only_bots"),
        (changed(7, base={"sha": "elsewhere"}), "base_changed"),
        (EVENTS[:6], "not_approved_or_merged"),
        (changed(0, title="Count"), "short_title"),
        (changed(0, title="Bump dependency of the counter"), "dependency_or_release"),
        (changed(0, title="Release version 1.2.3"), "dependency_or_release"),
        (changed(0, body=None), "short_description"),
        (changed(0, body="This was found by Qwiet, a scanner."), "scanner_report"),
        (changed(0, head={"sha": "unknown"}), "no_diff"),
        (changed(0, head={"sha": "base"}), "no_diff"),
    ],
)
def test_dropped(events: list[dict[str, Any]], reason: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, row(events))
    assert (found.reason, found.path) == (reason, "pull/7")


def test_an_approval_is_enough(tmp_path: Path) -> None:
    (found,) = read(tmp_path, row(EVENTS[:7]))
    assert isinstance(found, Document)


def test_too_long(tmp_path: Path) -> None:
    (found,) = read(tmp_path, row(EVENTS), max_characters=300)
    assert found.reason == "long_pull_request"


def test_long_fields_are_cut(tmp_path: Path) -> None:
    lines = [f"{n} is a line of the description" for n in range(90)]
    events = changed(0, title="T" * 600, body="\n".join(lines))
    events[5]["payload"]["comment"]["diff_hunk"] = "+" * 10_001
    (found,) = read(tmp_path, row(events))
    opening = found.text.partition("opened")[0]
    assert opening.startswith("Title: " + "T" * 500 + "\n")
    assert len(opening.partition("username_0: ")[2]) == 1000
    assert "+" * 100 not in found.text


def test_bad_rows(tmp_path: Path) -> None:
    other = row(EVENTS)
    del other["number"]
    wrong = row([{"type": "PullRequestEvent", "payload": 7}])
    zero = row(EVENTS)
    zero["commits"][1]["files"][0]["content"] = "a\0b"
    found = read(tmp_path, row(EVENTS), other, wrong, zero)
    assert isinstance(found[0], Document)
    reasons = [(item.row, item.reason) for item in found[1:] if isinstance(item, BadRow)]
    assert reasons == [(1, "missing_field"), (2, "wrong_type"), (3, "null_bytes")]


def test_sampling_by_repository(tmp_path: Path) -> None:
    def kept(requests: int, count: int = 400) -> float:
        rows = [{**row(EVENTS), "number": n, "requests": requests} for n in range(count)]
        return sum(isinstance(item, Document) for item in read(tmp_path, *rows)) / count

    # Four standard deviations of the mean of 400 draws.
    assert abs(kept(1) - 0.8) < 0.08
    assert abs(kept(500) - 0.45) < 0.1
    assert abs(kept(2000) - 0.05) < 0.045


def test_which_files_are_shown() -> None:
    line = "value = compute(argument, another)\n"
    base = {
        "good.py": line * 50,
        "long_line.py": "x" * 1001,
        "wide.py": ("y" * 150 + "\n") * 5,
        "symbols.py": "(){}[];\n" * 50,
        "dump.py": "data = " + "0x1f, " * 50 + "\n",
        "many.py": "\n" * 100_001,
        "README.md": "你好世界" * 20,
        "docs/README.md": "Hello wörld, this is English.\n" * 5,
    }
    assert usable(base, [{**base, "new.py": "n = 1"}]) == {"good.py", "docs/README.md", "new.py"}
    # What a head makes of it counts as well.
    assert usable({"a.py": line}, [{"a.py": "z" * 1001}]) == set()


def test_data_files_are_rare() -> None:
    base = {
        "code.py": "value = 1\n" * 50,
        "data/package-lock.json": '{"name": "tool"}',
        "big.yaml": "a: b\n" * 500,
    }
    small = {"code.py": "value = 1\n" * 500, "settings.yaml": "a: b\n"}
    kept = [usable(base, [base], n) for n in range(300)]
    shares = [sum(path in paths for paths in kept) / 300 for path in base]
    assert shares[0] == 1
    assert all(0.02 < share < 0.2 for share in shares[1:])
    assert usable(small, [small], 1) == set(small)


def test_how_much_of_the_base_is_shown() -> None:
    lines = [f"line {n}" for n in range(1000)]
    after = [*lines]
    after[100] = after[900] = "changed"
    base, head = {"a.py": "\n".join(lines)}, {"a.py": "\n".join(after)}
    shown = [base_pieces("a.py", base, [base, head], n) for n in range(300)]
    whole = sum(pieces == [base["a.py"]] for pieces in shown) / 300
    assert abs(whole - pr.WHOLE_RATE) < 0.1
    parts = [pieces for pieces in shown if pieces != [base["a.py"]]]
    assert {len(pieces) for pieces in parts} == {2}
    sizes = {len(piece.splitlines()) for pieces in parts for piece in pieces}
    assert min(sizes) >= 1
    assert max(sizes) <= 1 + 2 * pr.MAX_BASE_MARGIN
    assert len(sizes) > 20
    assert base_pieces("new.py", {}, [{"new.py": "n"}]) == []
    assert base_pieces("same.py", {"same.py": "s"}, [{"same.py": "s"}]) == []


def test_lines_around_a_change() -> None:
    before = {"a.py": "\n".join(map(str, range(100)))}
    after = {"a.py": before["a.py"].replace("\n50\n", "\nfifty\n")}
    above, under = set(), set()
    for n in range(200):
        (hunk,) = diff_hunks("a.py", before, after, n)
        lines = hunk.split("\n")[1:]
        place = lines.index("-50")
        above.add(place)
        under.add(len(lines) - place - 2)
    assert above == under == set(range(3, 11))
    assert diff_hunks("a.py", before, before, 1) == []
