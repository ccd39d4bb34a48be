# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.document import Document
from data_prep.document_file import dump_line, read_file, writing
from data_prep.licenses.opt_out import OptOut
from data_prep.provenance import data_card, removal, removed, stats
from data_prep.provenance.attribution import attribute
from data_prep.provenance.dataset import Dataset
from data_prep.provenance.lookup import lookup
from data_prep.provenance.removal import remove
from data_prep.provenance.removed import require_covered
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sample import PADDING, REMOVED, DatasetMetadata

Samples = Callable[[Path], list[tuple[int, np.ndarray, np.ndarray]]]
PAD = 1


@pytest.fixture
def opted_out(tmp_path: Path) -> Callable[..., OptOut]:
    def of(*lines: str) -> OptOut:
        path = tmp_path / "opt_out.txt"
        path.write_text("\n".join(lines))
        return OptOut.read([str(path)])

    return of


def texts(root: Path) -> list[dict[str, Any]]:
    return [r for p in sorted((root / "documents").iterdir()) for r in read_file(p)]


def tree(root: Path) -> dict[str, bytes]:
    """Every file, hidden ones too, but the lock."""
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and p.name != "lock")
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def rebuilt(samples: list[tuple[int, np.ndarray, np.ndarray]]) -> Iterator[tuple[bytes, str]]:
    """Origin and tokens of every fragment that is neither padding nor removed."""
    for _, tokens, fragments in samples:
        start = 0
        for fragment in fragments:
            end = int(fragment["end"])
            if fragment["flags"] & (PADDING | REMOVED):
                assert (tokens[start:end] == PAD).all()
                assert not fragment["num_bytes"]
                assert not fragment["origin"].any()
                assert fragment["target"] == end
            else:
                yield fragment["origin"].tobytes(), tokens[start:end].tobytes().hex()
            start = end


def test_what_is_named_goes_and_nothing_else(
    data: Path, written: Path, samples: Samples, opted_out: Any
) -> None:
    gone = {r["origin"] for r in texts(data) if r.get("repository", "").startswith("alice/")}
    summary = remove(data, opted_out("alice"))
    assert summary["documents"] == len(gone) > 3
    assert summary["by_reason"] == {"opted_out": len(gone)}
    assert [r for r in texts(written) if r["origin"] not in gone] == texts(data)
    for split in ("train", "validation"):
        before, after = samples(written / split), samples(data / split)
        assert [number for number, _, _ in after] == [number for number, _, _ in before]
        stays = [f for f in rebuilt(before) if f[0].hex() not in gone]
        assert list(rebuilt(after)) == stays
        for (_, tokens, old), (_, now, new) in zip(before, after, strict=True):
            assert old["end"].tolist() == new["end"].tolist()
            if not (new["flags"] & REMOVED).any():
                assert tokens.tobytes() == now.tobytes()
                assert old.tobytes() == new.tobytes()
        count = summary["by_split"][split]["documents"]
        blanked = sum(bool((f["flags"] & REMOVED).any()) for _, _, f in after)
        assert (count > 0) == (blanked > 0)


def test_counts_follow(data: Path, samples: Samples, opted_out: Any) -> None:
    old = {split: DatasetMetadata.read(data / split) for split in ("train", "validation")}
    summary = remove(data, opted_out("alice"))
    report = json.loads((data / "report.json").read_text())
    for split, before in old.items():
        after = DatasetMetadata.read(data / split)
        assert before is not None
        assert after is not None
        for name in ("documents", "tokens", "bytes"):
            lost = getattr(before, f"num_{name}") - getattr(after, f"num_{name}")
            assert lost == summary["by_split"][split][name]
            assert report["splits"][split][name] == getattr(after, f"num_{name}")
        assert after.num_samples == before.num_samples
        found = samples(data / split)
        assert after.num_tokens == sum(int((tokens != PAD).sum()) for _, tokens, _ in found)
        assert after.num_bytes == sum(int(f["num_bytes"].sum()) for _, _, f in found)
        assert (data / split / "metadata.json").read_text() == after.to_json()
    assert report["languages"]["Python"]["documents"] == len(texts(data))
    assert report["removed"]["documents"] == summary["documents"]


def test_only_affected_shards_are_written(data: Path, opted_out: Any) -> None:
    dataset = Dataset.open(data)
    row = next(r for r in dataset.describe("train-00001", range(99)) if r["num_bytes"] < 3000)
    link = data.parent / "link"
    shards = {p.relative_to(data).as_posix(): p.stat().st_ino for p in data.rglob("*.mds.zstd")}
    summary = remove(data, opted_out(row["swhid"]))
    changed = set(summary["shards"])
    assert 1 <= len(changed) <= 2
    assert all(name.startswith("train/00001/") for name in changed)
    for name, inode in shards.items():
        if not name.startswith(".work"):
            assert ((data / name).stat().st_ino != inode) == (name in changed)
    assert not link.exists()


def test_published_files_are_not_edited_in_place(data: Path, opted_out: Any) -> None:
    """They are hard links; whoever holds another link sees the old content."""
    held = {}
    for number, path in enumerate(sorted((data / "train").rglob("*.zstd"))):
        os.link(path, data.parent / f"{number}")
        held[data.parent / f"{number}"] = path.read_bytes()
    remove(data, opted_out("alice"))
    assert all(path.read_bytes() == content for path, content in held.items())
    assert [p.name for p in (data / ".work").iterdir() if p.name != "lock"] == ["ledger"]
    assert not list((data / ".work/ledger").iterdir())


def test_it_is_found_no_more_and_said_to_have_been_there(data: Path, opted_out: Any) -> None:
    record = next(r for r in texts(data) if r.get("repository") == "alice/json")
    assert lookup(data, "alice")["num_documents"] > 1
    remove(data, opted_out("alice/json"))
    result = lookup(data, "alice/json")
    assert result["num_documents"] == 0
    assert {row["reason"] for row in result["removed"]} == {"opted_out"}
    assert lookup(data, f"swh:1:cnt:{record['origin']}")["num_documents"] == 0
    assert lookup(data, f"swh:1:cnt:{record['origin']}")["removed"]
    matches = attribute(data, record["text"])["matches"]
    assert record["origin"] not in {match["origin"] for match in matches}
    for path in data.rglob("*"):
        if path.is_file() and path.suffix in (".zst", ".arrow", ".parquet"):
            assert record["path"].encode() not in path.read_bytes()
    assert lookup(data, "alice")["num_documents"] > 0


@pytest.mark.parametrize("compression", [None, "zstd:7"])
def test_other_compressions(
    build: Any, corpus: Any, samples: Samples, tmp_path: Path, opted_out: Any, compression: Any
) -> None:
    root = build(tmp_path / "data", corpus, compression=compression)
    before = list(rebuilt(samples(root / "train")))
    remove(root, opted_out("bob"))
    after = list(rebuilt(samples(root / "train")))
    assert 0 < len(after) < len(before)
    assert [f for f in before if f in set(after)] == after


def test_a_dry_run_changes_nothing(data: Path, opted_out: Any) -> None:
    before = tree(data)
    summary = remove(data, opted_out("alice"), dry_run=True)
    assert summary["documents"] > 0
    assert summary["dry_run"]
    assert tree(data) == before
    assert remove(data, opted_out("alice"))["documents"] == summary["documents"]


def test_a_second_time_there_is_nothing_to_do(
    data: Path, opted_out: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    remove(data, opted_out("alice"))
    before = tree(data)
    summary = remove(data, opted_out("alice", "nobody/nothing"))
    assert summary["documents"] == 0
    assert tree(data) == before
    removal.show(summary)
    assert "nothing was changed" in capsys.readouterr().out


def test_one_list_after_another_is_both_at_once(
    data: Path, written: Path, tmp_path: Path, opted_out: Any
) -> None:
    remove(data, opted_out("alice"))
    remove(data, opted_out("bob/json"))
    other = shutil.copytree(written, tmp_path / "other")
    remove(other, opted_out("alice", "bob/json"))
    (other / ".work/lock").unlink()
    assert tree(data) == tree(other)


def test_everything_can_be_taken_out(data: Path, samples: Samples, opted_out: Any) -> None:
    swhids = [f"swh:1:cnt:{r['origin']}" for r in texts(data)]
    remove(data, opted_out(*swhids))
    assert texts(data) == []
    assert list(rebuilt(samples(data / "train"))) == []
    assert lookup(data, "alice")["num_documents"] == 0
    assert attribute(data, "one two three four five six")["matches"] == []
    assert stats.stats(data)["splits"]["train"]["tokens"] == 0
    data_card.report(data)


def test_what_the_recipe_dropped_goes_too(data: Path, opted_out: Any) -> None:
    with writing(data / "dropped/read-00000.dropped.jsonl.zst") as writer:
        for repository in ("alice/x", "dave/y"):
            document = Document.of("x = 1", repository=repository)
            writer.write(dump_line({**document.to_dict(), "reason": "near_empty"}))
    assert remove(data, opted_out("alice"), dry_run=True)["dropped"] == 1
    assert remove(data, opted_out("alice"))["dropped"] == 1
    (path,) = (data / "dropped").iterdir()
    assert [r["repository"] for r in read_file(path)] == ["dave/y"]


def test_decompressed_copies_of_readers_go_with_their_shards(data: Path, opted_out: Any) -> None:
    for path in sorted((data / "train").rglob("*.mds.zstd")):
        path.with_suffix("").write_bytes(b"a reader's copy")
    changed = remove(data, opted_out("bob"))["shards"]
    for path in (data / "train").rglob("*.mds.zstd"):
        name = path.relative_to(data).as_posix()
        assert path.with_suffix("").exists() == (name not in changed)


def test_cards_and_counts_are_renewed(data: Path, opted_out: Any) -> None:
    stats.stats(data)
    data_card.report(data)
    remove(data, opted_out("alice"))
    content = json.loads((data / "stats.json").read_text())
    assert content["splits"]["train"]["removed_tokens"] > 0
    assert content["splits"]["train"]["padding_share"] < 0.01
    card = (data / "data_card/data_card.md").read_text()
    assert "The tokenizer was trained before those were taken out." in card


def test_a_run_does_not_bring_it_back(data: Path, opted_out: Any) -> None:
    require_covered(data, None)
    require_covered(data / "not_there", None)
    remove(data, opted_out("alice"))
    with pytest.raises(UserError, match="would bring back 14 of 14 documents"):
        require_covered(data, None)
    with pytest.raises(UserError, match="add the list that named them to `opt_out`"):
        require_covered(data, opted_out("alice/json"))
    require_covered(data, opted_out("bob", "ALICE"))


def test_shards_that_do_not_fit_the_map_are_refused(data: Path, opted_out: Any) -> None:
    index = data / "train/index.json"
    content = json.loads(index.read_text())
    shards = content["shards"]
    content["shards"] = [e for e in shards if e["raw_data"]["basename"].startswith("00001/")]
    index.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"has no sample 0, which the map .* names; run"):
        remove(data, opted_out("python"))
    content["shards"] = [{**e, "samples": e["samples"] + 1} for e in shards]
    index.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"does not hold sample .*, which the map"):
        remove(data, opted_out("python"))


def test_what_is_no_dataset_is_left_alone(tmp_path: Path, opted_out: Any) -> None:
    with pytest.raises(UserError, match="holds no map"):
        remove(tmp_path, opted_out("alice"))
    assert [p.name for p in tmp_path.iterdir()] == ["opt_out.txt"]


class Killer:
    """Ends the process at the n-th change of the file system, before or after it."""

    def __init__(self, number: int, after: bool) -> None:
        self.left = number
        self.after = after
        for module, name in ((os, "replace"), (os, "rename"), (os, "unlink"), (shutil, "rmtree")):
            setattr(module, name, self.around(getattr(module, name)))

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            last = self.left == 0
            if last and not self.after:
                os._exit(9)
            try:
                return function(*args, **kwargs)
            finally:
                if last:
                    os._exit(9)

        return call


def killed(number: int, after: bool, work: Callable[[], object]) -> bool:
    """Whether the work, in a process of its own, was killed."""
    child = os.fork()
    if child == 0:
        Killer(number, after)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_it_ends_as_if_it_had_not_been(
    build: Any, corpus: Any, tmp_path: Path, opted_out: Any, after: bool
) -> None:
    small = {
        part: [d for d in documents if len(d.text) < 4000] for part, documents in corpus.items()
    }
    data = build(tmp_path / "data", small)
    (data / ".work/ledger/read").mkdir(parents=True)
    expected = Path(shutil.copytree(data, tmp_path / "expected"))
    assert remove(expected, opted_out("alice"))["documents"] > 1
    # Each half tries every eighth change of the file system.
    number = 4 * after - 3
    while True:
        number += 8
        trial = Path(shutil.copytree(data, tmp_path / "trial"))
        was_killed = killed(number, after, lambda root=trial: remove(root, opted_out("alice")))
        if (trial / removed.PENDING).exists():
            with pytest.raises(UserError, match="would bring back"):
                require_covered(trial, opted_out("bob"))
            # Whatever the next list is, the first is finished.
            assert remove(trial, opted_out("nobody"))["finished"] > 1
        remove(trial, opted_out("alice"))
        assert tree(trial) == tree(expected), number
        shutil.rmtree(trial)
        if not was_killed:
            break
    assert number > 40


def test_a_run_makes_an_interrupted_removal_good(data: Path, opted_out: Any) -> None:
    assert killed(12, True, lambda: remove(data, opted_out("alice")))
    assert (data / removed.PENDING).exists()
    require_covered(data, opted_out("alice"))
    assert not (data / removed.PENDING).exists()
