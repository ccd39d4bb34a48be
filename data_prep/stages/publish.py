# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 9: finished parts to where readers look for them.

Files are hard links into the work folder (copies where the file system has none), so publishing
costs neither time nor space, and a folder that is lost comes back without being computed again. A
folder is replaced as a whole; ``index.json``, which makes it a dataset, is in it or the folder is
not there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from data_prep import mds
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.provenance.lookup_index import KEYS_SUFFIX
from data_prep.recipe import Recipe
from data_prep.split import SPLITS
from data_prep.stages import look_up, read, shards, shuffle, survivors, vocabulary
from data_prep.stages.read import BAD_ROWS, DROPPED
from foundry_plugins.contract import sample
from foundry_plugins.contract.files import atomic_path, write_json, write_text
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD

STAGE = "publish"
INDEX_FILE = "index.json"
SET_ASIDE = {"bad_rows": BAD_ROWS, "dropped": DROPPED}
Outcomes = Sequence[Outcome]


def plan(
    recipe: Recipe,
    work: Path,
    parts: Outcomes,
    cleaned: Outcomes,
    gathered: Sequence[Outcome],
    learned: Outcome,
    packed: Sequence[Outcome],
    looked_up: Outcome,
) -> list[Task]:
    """One task a folder.

    ``tokenizer``, ``documents``, ``provenance``, each split; ``dropped`` if the recipe asks for
    it; ``bad_rows`` if there are any.
    """
    learned_folder = work / vocabulary.STAGE / vocabulary.PART
    tokenizer_files = {path.name: path for path in sorted(learned_folder.iterdir())}
    documents = {o.files[0]: work / shuffle.STAGE / o.files[0] for o in gathered}
    tasks = [
        _task("tokenizer", tokenizer_files, learned.digest),
        _task("documents", documents, digest([o.digest for o in gathered])),
    ]
    stages = {read.STAGE: parts, survivors.STAGE: cleaned}
    for folder, ending in SET_ASIDE.items():
        tasks += _set_aside(work, folder, ending, stages)
    tasks.append(_provenance(work, packed, looked_up))
    for side in SPLITS:
        written = {o.files[0]: o for o in packed if o.files[0].startswith(side)}
        metadata = _metadata(recipe, side, gathered, learned, list(written.values()))
        files, index = {}, {}
        for name, outcome in written.items():
            number = name.rpartition("-")[2]
            index[number] = outcome.figures["index"]
            for path in sorted((work / shards.STAGE / name).iterdir()):
                files[f"{number}/{path.name}"] = path
        inputs = digest(
            code_of(__name__, mds), [o.digest for o in written.values()], metadata.to_json()
        )
        tasks.append(_task(side, files, inputs, metadata, mds.merged_index(index)))
    return tasks


def _set_aside(work: Path, folder: str, ending: str, stages: dict[str, Outcomes]) -> list[Task]:
    """What the first stages left beside the documents, if there is any."""
    files: dict[str, Path] = {}
    digests: list[str] = []
    for stage, outcomes in stages.items():
        for outcome in outcomes:
            for name, content in outcome.figures["set_aside"].items():
                if name.endswith(ending):
                    files[f"{stage}-{name}"] = work / stage / name
                    digests.append(content)
    return [_task(folder, files, digest(digests))] if files else []


def _provenance(work: Path, packed: Outcomes, looked_up: Outcome) -> Task:
    """The maps and indexes of `data_prep.provenance`; the parts' keys are in the look-up index."""
    files = {look_up_file: work / look_up.STAGE / look_up_file for look_up_file in looked_up.files}
    for outcome in packed:
        for name in outcome.files[1:]:
            if not name.endswith(KEYS_SUFFIX):
                files[name] = work / shards.STAGE / name
    return _task(
        "provenance", files, digest(looked_up.digest, [o.figures["provenance"] for o in packed])
    )


def publish(
    folder: Path,
    part: str,
    *,
    files: dict[str, Path],
    metadata: sample.DatasetMetadata | None,
    index: dict[str, object] | None,
) -> Outcome:
    """Builds one folder aside, then puts it in its place."""
    target = folder.parent.parent / part
    names = list(files)
    with atomic_path(target) as partial:
        for name, path in files.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            _link(path, partial / name)
        if metadata is not None:
            write_text(partial / sample.METADATA_FILE, metadata.to_json())
            content = {**(index or {}), sample.METADATA_KEY: metadata.to_dict()}
            write_json(partial / INDEX_FILE, content)
            names += [sample.METADATA_FILE, INDEX_FILE]
    # Named one by one: a reader may keep decompressed shards beside them.
    return Outcome(tuple(f"../../{part}/{name}" for name in names), "", {})


def _task(
    part: str,
    files: dict[str, Path],
    inputs: str,
    metadata: sample.DatasetMetadata | None = None,
    index: dict[str, object] | None = None,
) -> Task:
    weight = sum(path.stat().st_size for path in files.values())
    arguments = {"files": files, "metadata": metadata, "index": index}
    return Task(STAGE, part, inputs, weight, publish, arguments)


def _metadata(
    recipe: Recipe,
    side: str,
    gathered: Sequence[Outcome],
    learned: Outcome,
    packed: Sequence[Outcome],
) -> sample.DatasetMetadata:
    figures = learned.figures
    documents = [o for o in gathered if o.files[0].startswith(side)]
    return sample.DatasetMetadata(
        split=side,
        sequence_length=recipe.shards.sequence_length,
        token_dtype=sample.token_dtype(figures["vocab_size"]),
        vocab_size=figures["vocab_size"],
        eos_token_id=figures["sentinels"][END_OF_TEXT],
        pad_token_id=figures["sentinels"][PAD],
        sentinels=figures["sentinels"],
        tokenizer_fingerprint=figures["fingerprint"],
        languages=shards.languages_of(gathered),
        sources=[step.name for step in recipe.sources],
        formats=shards.formats_of(gathered),
        recipe_hash=recipe.hash,
        num_samples=sum(o.figures["samples"] for o in packed),
        num_documents=sum(o.figures["documents"] for o in packed),
        num_tokens=sum(o.figures["tokens"] for o in packed),
        num_bytes=sum(o.figures["bytes"] for o in documents),
    )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # A file system without links; a full disk fails in the copy as well.
        shutil.copyfile(source, target)
