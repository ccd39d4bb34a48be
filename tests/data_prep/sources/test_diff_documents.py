# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents in a diff format on their way through what documents go through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_prep.decontaminate.apply import decontaminate
from data_prep.decontaminate.index import Index
from data_prep.decontaminate.settings import Decontamination
from data_prep.document import BadRow, Document, Dropped, blob_id
from data_prep.licenses.opt_out import OptOut
from data_prep.redact.documents import redact
from data_prep.redact.settings import Redaction
from data_prep.settings import checked
from foundry_plugins.contract import diffs
from foundry_plugins.contract.errors import UserError

COMMIT = "c" * 40
ROW = {
    "commit": COMMIT,
    "old_file": "src/a.py",
    "new_file": "src/a.py",
    "old_contents": "x = 1\nowner = 'jane@mail.studio'\n",
    "new_contents": "x = 2\nowner = 'jane@mail.studio'\n",
    "subject": "Set x to two",
    "message": "Set x to two\n\nIt was one.\n",
    "lang": "python",
    "license": "mit",
    "repos": "ann/tool,bob/copy",
}


@pytest.fixture
def diff(read_source: Any, write_lines: Any) -> Document:
    (found,) = read_source("commitpack", paths=[write_lines("a.jsonl", ROW)], format="contrast")
    return found


def test_records_come_back(diff: Document) -> None:
    assert (diff.format, diff.origin, diff.path) == (
        "contrast",
        COMMIT,
        f"commit/{COMMIT}/src/a.py",
    )
    assert diff.markers[diff.target][1] == "<empty_output>"
    record = diff.to_dict()
    assert Document.from_dict(record) == diff
    # Plain text has neither in its record.
    assert not {"format", "target"} & set(Document.of("x = 1\n").to_dict())
    assert Document.from_dict(Document.of("x = 1\n").to_dict()).format == "text"


def test_redaction_goes_piece_by_piece(diff: Document) -> None:
    found, counts = redact(diff, Redaction(), seed=17)
    assert counts["emails"] >= 1
    assert "jane" not in found.text
    assert (found.target, len(found.markers)) == (diff.target, len(diff.markers))
    start, before = found.markers[found.target][0], diff.markers[diff.target][0]
    assert found.text[start:].startswith("USER Set x to two")
    assert diff.text[before:].startswith("USER Set x to two")


def test_a_contaminated_diff_is_dropped_whole(diff: Document, write_lines: Any) -> None:
    problem = {
        "task_id": "1",
        "prompt": f"{'find the shelf of the room ' * 9}",
        "canonical_solution": "",
    }
    path = write_lines("problems.jsonl", problem)
    index = Index.build(Decontamination(benchmarks={"own": (str(path),)}))
    text = Document.of(f"# one\n# {problem['prompt']}\n# two\n")
    cut, hits = decontaminate(text, index, "cut")
    assert isinstance(cut, Document)
    assert hits
    bad = diff.replace(text=text.text, markers=((0, "<empty_output>"),), target=0)
    assert decontaminate(bad, index, "cut")[0] == "contaminated"


def test_opt_outs(diff: Document, tmp_path: Path) -> None:
    def reason(entry: str) -> str | None:
        (tmp_path / "list").write_text(f"{entry}\n")
        return OptOut.read([str(tmp_path / "list")]).reason(diff)

    old, new = (blob_id(ROW[key].encode()) for key in ("old_contents", "new_contents"))
    for entry in ("ann/tool", "bob", f"swh:1:rev:{COMMIT}", f"swh:1:cnt:{old}", f"swh:1:cnt:{new}"):
        assert reason(entry) == "opted_out"
    assert reason(f"swh:1:rev:{'d' * 40}") is None
    assert reason(f"swh:1:cnt:{'d' * 40}") is None


def test_commitpack_in_a_format(read_source: Any, write_lines: Any) -> None:
    rows = [
        ROW,
        {**ROW, "commit": "d" * 40, "old_contents": None, "old_file": ""},
        {**ROW, "commit": "e" * 40, "new_contents": ""},
        {**ROW, "new_contents": ROW["old_contents"]},
        {**ROW, "commit": "c1"},
        {**ROW, "commit": "f" * 40, "lang": "", "new_file": "a.zzz"},
        {**ROW, "message": "a\ud800b"},
    ]
    path = write_lines("a.jsonl", *rows)
    for shape in diffs.FORMATS.values():
        changed, added, deleted, same, odd, unknown, broken = read_source(
            "commitpack", paths=[path], format=shape.NAME, message="subject"
        )
        assert "It was one" not in changed.text
        assert changed.licenses == ("MIT",)
        assert changed.metadata["repositories"] == ["ann/tool", "bob/copy"]
        assert changed.metadata["message"] == "Set x to two\n\nIt was one."
        assert (changed.metadata["span_lines"], changed.metadata["num_files"]) == (1, 1)
        assert (added.format, deleted.format) == (shape.NAME, shape.NAME)
        assert isinstance(same, Dropped)
        assert same.reason == "no_text_change"
        assert isinstance(odd, BadRow)
        assert isinstance(unknown, Dropped)
        assert isinstance(broken, BadRow)


def test_a_setting_may_be_text_or_a_section() -> None:
    hint = str | dict[str, float]
    assert checked("format", "commit", hint) == "commit"
    assert checked("format", {"commit": 1}, hint) == {"commit": 1.0}
    assert checked("format", None, hint | None) is None
    with pytest.raises(UserError, match=r"`format\.commit` must be a number, got 'x'"):
        checked("format", {"commit": "x"}, hint)
    with pytest.raises(UserError, match="`format` must be text, got 3"):
        checked("format", 3, hint)
