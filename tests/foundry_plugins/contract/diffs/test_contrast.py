# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``contrast``: text, draws and mistakes."""

from __future__ import annotations

import math

import pytest

from foundry_plugins.contract.diffs import Change, Commit, Sentinel
from foundry_plugins.contract.diffs import contrast as diff
from tests.foundry_plugins.contract.diffs.commits import check, is_near, pieces

LINES = [f"{n}\n" for n in range(40)]
OLD = "".join(LINES)
COMMIT = Commit("Fix", (Change("a.py", "a.py", OLD, OLD.replace("20\n", "new\n")),))
TRIALS = 2000


def of(markup: str) -> tuple[str | Sentinel, ...]:
    """With ``§`` for the escape token."""
    return pieces(markup.replace("§", "<empty_output>"), "<empty_output>")


def test_golden() -> None:
    """Whole, two marks; two lines of context before the change and one behind it."""
    file = (
        "§FILE a.py\n§LINE0000\n"
        + "".join(LINES[:15])
        + "§LINE0015\n"
        + "".join(LINES[15:30])
        + "§LINE0030\n"
        + "".join(LINES[30:])
        + "§/FILE\n§USER Fix\n"
    )
    golden = of(file + "§CHUNK\n18\n19\n20\n21\n§LINE0018 a.py\n18\n19\nnew\n21\n")
    found = [diff.render(COMMIT, key) for key in range(400)]
    (rendered, *_) = [one for one in found if one.pieces == golden]
    # The loss is on the message and what follows.
    assert rendered.pieces[rendered.target] == "USER Fix\n"


def test_a_run_begins_with_its_line() -> None:
    old = "".join(f"{n}\n" for n in range(400))
    new = old.replace("\n100\n", "\nnew\n").replace("\n300\n", "\nnew\n")
    commit = Commit("m", (Change("a", "a", old, new),))
    for key in range(20):
        rendered = check(diff, commit, key)
        for piece in rendered.pieces[: rendered.target]:
            if isinstance(piece, str) and piece.startswith("LINE"):
                mark, *shown = piece.split("\n")[:-1]
                start = int(mark.removeprefix("LINE"))
                assert shown == [str(n) for n in range(start, start + len(shown))]
                assert 1 <= len(shown) <= 15


def test_no_line_is_shown_twice() -> None:
    old = "".join(f"{n}\n" for n in range(400))
    new = "".join(f"{n}x\n" if n % 12 == 0 else f"{n}\n" for n in range(400))
    commit = Commit("m", (Change("a", "a", old, new),))
    for key in range(50):
        rendered = check(diff, commit, key)
        shown = [
            int(line.removesuffix("x"))
            for piece in rendered.pieces[: rendered.target]
            if isinstance(piece, str) and piece.startswith("LINE")
            for line in piece.split("\n")[1:-1]
        ]
        assert shown == sorted(set(shown))


def test_added_and_deleted_files() -> None:
    added = Commit("Add", (Change(None, "n.py", "", "1\n"),))
    golden = of("§USER Add\n§CHUNK\n§LINE0000 n.py\n1\n")
    assert golden in [diff.render(added, key).pieces for key in range(3)]
    deleted = Commit("Drop", (Change("n.py", None, "1\n", ""),))
    assert diff.render(deleted, 0).pieces == of(
        "§FILE n.py\n§LINE0000\n1\n§/FILE\n§USER Drop\n§CHUNK\n1\n§LINE0000 n.py\n"
    )


def test_no_change_shows_the_files_after_and_no_chunk() -> None:
    found = [diff.render(COMMIT, "rate", key) for key in range(TRIALS)]
    still = [one for one in found if not one.is_change]
    assert is_near(len(still), TRIALS, 0.05)
    for one in still:
        text = "".join(piece for piece in one.pieces if isinstance(piece, str))
        assert "new\n" in text
        assert "\n20\n" not in text
        assert "CHUNK" not in text
        assert one.pieces[-1] == "USER Fix\n"
    # A file that is gone cannot be shown.
    deleted = Commit("Drop", (Change("n.py", None, "1\n", ""),))
    assert all(diff.render(deleted, key).is_change for key in range(200))


def test_draws_of_context() -> None:
    """Poisson with mean 2, and at least one line behind."""
    above: list[int] = []
    under: list[int] = []
    for key in range(TRIALS):
        rendered = diff.render(COMMIT, "context", key)
        if rendered.is_change:
            old = str(rendered.pieces[-3]).split("\n")[1:-1]
            above.append(20 - int(old[0]))
            under.append(int(old[-1]) - 20)
    for number in range(5):
        rate = math.exp(-2) * 2**number / math.factorial(number)
        assert is_near(above.count(number), len(above), rate)
        if number > 1:
            assert is_near(under.count(number), len(under), rate)
    assert 0 not in under
    assert is_near(under.count(1), len(under), 3 * math.exp(-2))


def test_no_chunk_replaces_nothing() -> None:
    end = Commit("m", (Change("a", "a", "1\n2\n", "1\n2\n3\n"),))
    for key in range(50):
        rendered = check(diff, end, key)
        assert not rendered.is_change or rendered.pieces[-3] != "CHUNK\n"


def test_near_changes_are_one_chunk() -> None:
    def chunks(gap: int, key: int) -> int:
        old = [f"{n}\n" for n in range(200)]
        new = [*old[:50], "x\n", *old[51 : 51 + gap], "y\n", *old[52 + gap :]]
        commit = Commit("m", (Change("a", "a", "".join(old), "".join(new)),))
        return sum(str(piece).startswith("CHUNK") for piece in diff.render(commit, key).pieces)

    assert {chunks(2, key) for key in range(50)} <= {0, 1}
    assert {chunks(60, key) for key in range(50)} <= {0, 2}


def test_files_and_chunks_are_shuffled() -> None:
    old = "".join(f"{n}\n" for n in range(100))
    new = old.replace("\n10\n", "\nx\n").replace("\n90\n", "\ny\n")
    commit = Commit("m", tuple(Change(path, path, old, new) for path in ("a", "b")))
    files: set[str] = set()
    orders: set[tuple[str, ...]] = set()
    for key in range(200):
        rendered = check(diff, commit, key)
        texts = [piece for piece in rendered.pieces if isinstance(piece, str)]
        files.add(next(text for text in texts if text.startswith("FILE")))
        places = [text.split("\n")[0] for text in texts if text.startswith("LINE")]
        orders.add(tuple(place[-1] + place[4:8] for place in places if place[-2] == " "))
    assert files == {"FILE a\n", "FILE b\n"}
    paths = {tuple(place[0] for place in order) for order in orders}
    assert {("a", "b", "a", "b"), ("b", "b", "a", "a"), ("b", "a", "a", "b")} <= paths


def test_a_path_of_two_lines_is_refused() -> None:
    commit = Commit("m", (Change(None, "a\nb", "", "1"),))
    assert diff.refusal(commit) == "newline_in_path"
    with pytest.raises(ValueError, match="a path holds a line end"):
        diff.render(commit, 0)


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("FILE", "must be <empty_output>, got the text 'FILE'"),
        ("§FILE a\n§CHUNK\n", "must go on with LINE or end with /FILE, got 'CHUNK"),
        ("§FILE a\n§LINE0000\n0\n", "must be <empty_output>, got the end"),
        ("§CHUNK\n", "must be followed by USER, got 'CHUNK"),
        ("§USER m\n§LINE0000 a\n", "followed by CHUNK alone, got 'LINE0000 a"),
        ("§USER m\n§CHUNK\n0\n§1\n", "followed by LINE and a path, got '1"),
        ("§USER m\n§CHUNK\n0\n§LINE0001 a\n", "'a' at LINE0001 shows other lines"),
        ("§USER m\n§CHUNK\n0§LINE0000 a\n", "'a' at LINE0000 shows other lines"),
        ("§USER m\n§CHUNK\n§LINE0099 a\n", "'a' at LINE0099 is out of place"),
        ("§USER m\n§CHUNK\n0\n1\n§LINE0000 a\n§CHUNK\n1\n§LINE0001 a\n", "LINE0001 is out of"),
    ],
)
def test_malformed(markup: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        diff.apply(of(markup), {"a": OLD})
