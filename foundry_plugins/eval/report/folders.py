# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Results folders (see `samples`), read whole."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.eval.samples import (
    SAMPLES,
    SETTINGS,
    TASKS,
    VERDICTS,
    VERSIONS,
    Key,
    Results,
    lines,
)

# An evaluation during training.
_BATCH = re.compile(r"ba\d+")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One model's answers to one benchmark's problems.

    Attributes:
        folder: Where they are.
        settings: What decided them.
        versions: What they were made with.
        tasks: Texts of the problems by ``task_id``, in the benchmark's order.
        samples: By task and number.
        verdicts: Likewise; of some samples there may be none yet.
        title: Of the benchmark's file, among others that are looked at with it.
        name: Of the evaluation, different from those of the same benchmark's others.
    """

    folder: Path
    settings: Mapping[str, Any]
    versions: Mapping[str, Any]
    tasks: Mapping[str, Mapping[str, Any]]
    samples: Mapping[Key, Mapping[str, Any]]
    verdicts: Mapping[Key, Mapping[str, Any]]
    title: str = ""
    name: str = ""

    @property
    def asked(self) -> tuple[str, str, str]:
        """Benchmark, rules and file: figures can be compared where these are equal."""
        keys = ("benchmark", "rules", "file_sha256")
        first, rules, file = (str(self.settings.get(key) or "") for key in keys)
        return first, rules, file

    @property
    def file(self) -> str:
        """A name of the benchmark's file: the task's label, which the folder is called by."""
        told = self.versions.get("dataset")
        batch = _BATCH.fullmatch(self.folder.name) is not None
        return str(told or (self.folder.parent if batch else self.folder).name)

    @property
    def model(self) -> str:
        """Its name, or its folder's."""
        return str(self.settings.get("model") or self.folder.name)

    @property
    def languages(self) -> list[str]:
        """Of the problems, each once."""
        return list(dict.fromkeys(task["language"] for task in self.tasks.values()))

    def by_task(self) -> dict[str, list[Mapping[str, Any]]]:
        """Samples of each problem in the order of their numbers."""
        found: dict[str, list[Mapping[str, Any]]] = {task_id: [] for task_id in self.tasks}
        for (task_id, _), sample in sorted(self.samples.items()):
            if task_id in found:
                found[task_id].append(sample)
        return found


def find(parents: Sequence[Path]) -> tuple[list[Evaluation], list[Path]]:
    """All evaluations in some folders or below them, and folders where none has begun.

    Raises:
        UserError: if a folder is not there, none holds results, or a file is damaged.
    """
    paths: set[Path] = set()
    for parent in parents:
        require(
            parent.is_dir(),
            f"The folder {parent} does not exist; name one that an evaluation "
            "wrote to, or one above it.",
        )
        paths |= {path.parent for path in parent.rglob(SETTINGS) if "benchmark" in _json(path)}
    begun = [folder for folder in sorted(paths) if (folder / TASKS).exists()]
    require(
        bool(begun),
        f"There are no results in {', '.join(map(str, parents))}: a folder of them holds "
        f"{SETTINGS} and {TASKS}, which the callback `code_evaluation_results` writes.",
    )
    return named([read(folder) for folder in begun]), sorted(paths - set(begun))


def read(folder: Path) -> Evaluation:
    """One folder of results.

    Raises:
        UserError: if a file is missing or damaged.
    """
    for name in (SETTINGS, TASKS):
        require(
            (folder / name).is_file(),
            f"{folder} holds no {name}; name a folder of results, which the callback "
            "`code_evaluation_results` writes.",
        )
    settings = _json(folder / SETTINGS)
    results = Results(folder, settings)
    versions = folder / VERSIONS
    return Evaluation(
        folder,
        settings,
        _json(versions) if versions.exists() else {},
        {task["task_id"]: task for task in lines(folder / TASKS)},
        results.read(SAMPLES),
        results.read(VERDICTS),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}).") from error
    return found if isinstance(found, dict) else {}


def named(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """With titles and names.

    A title is the benchmark's, with its file's where that says more. A name is the model's; where
    that is not enough, with its decoding; else with its folder.
    """
    titles: dict[tuple[str, str, str], str] = {}
    for one in evaluations:
        benchmark, _, sha256 = one.asked
        title = benchmark if one.file.lower() == benchmark else f"{benchmark} ({one.file})"
        if one.asked not in titles:
            titles[one.asked] = f"{title} {sha256[:8]}" if title in titles.values() else title
    found = [dataclasses.replace(one, title=titles[one.asked]) for one in evaluations]
    for way in (_by_model, _by_decoding, _by_folder):
        counts = collections.Counter((one.asked, *one.languages, one.name) for one in found)
        found = [
            one
            if one.name and counts[one.asked, *one.languages, one.name] == 1
            else dataclasses.replace(one, name=way(one))
            for one in found
        ]
    return found


def _by_model(one: Evaluation) -> str:
    return one.model


def _by_decoding(one: Evaluation) -> str:
    return f"{one.model}, {decoding(one.settings)}"


def _by_folder(one: Evaluation) -> str:
    return f"{_by_decoding(one)}, {one.folder}"


def decoding(settings: Mapping[str, Any]) -> str:
    """How answers were drawn, in a few words: what differs from drawing from all there is."""
    drawn = dict(settings.get("decoding") or {})
    if not drawn:
        return "decoding not told"
    warm, contrastive = drawn.get("temperature"), drawn.get("contrastive_alpha")
    if contrastive:
        # The one that draws is this project's own; see `generation.sampling`.
        name = "stochastic contrastive search" if warm else "contrastive search"
    else:
        name = "sampling" if warm else "greedy"
        drawn.pop("contrastive_k", None)
    if drawn.get("top_p") == 1:
        del drawn["top_p"]
    return ", ".join([name, *(f"{key} {value}" for key, value in drawn.items() if value)])
