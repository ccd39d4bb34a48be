# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe: one YAML file that decides everything a conversion does.

Read with OmegaConf as the host's training YAMLs are: a ``variables:`` section, ``${...}``
interpolation, ``key=value`` overrides on the command line. Unlike there, a key that nothing reads
is an error. Sections are dataclasses; their attribute docstrings document the keys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from data_prep.decontaminate.settings import Decontamination
from data_prep.engines.spark_session import Spark
from data_prep.licenses.policy import Licenses
from data_prep.provenance.settings import Provenance
from data_prep.recipe_sections import Dedup, Limits, Sample, Shards, Split
from data_prep.redact.settings import Redaction
from data_prep.settings import checked, find_module, settings
from data_prep.store import is_remote
from data_prep.tokenizers.settings import Tokenizer
from foundry_plugins.contract.errors import UserError, did_you_mean, require

# Keys that say where and how fast, not what: they change no byte of the output.
UNHASHED = ("output", "upload", "workers", "engine", "spark")
_SECTIONS: dict[str, Any] = {
    "licenses": Licenses,
    "dedup": Dedup,
    "decontamination": Decontamination | None,
    "redaction": Redaction | None,
    "sample": Sample,
    "split": Split,
    "tokenizer": Tokenizer,
    "shards": Shards,
    "provenance": Provenance,
    "limits": Limits,
    "spark": Spark,
}


@dataclasses.dataclass(frozen=True)
class Step:
    """A source or a filter: the file that implements it, and its settings.

    Attributes:
        weight: Of a source: its share beside other weighted sources; null takes all of it.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    weight: float | None = None


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A whole recipe, checked and with defaults filled in."""

    sources: list[Step]
    # Files of repositories, users and contents to leave out; see data_prep.licenses.opt_out.
    opt_out: tuple[str, ...]
    licenses: Licenses
    filters: list[Step]
    dedup: Dedup
    decontamination: Decontamination | None
    redaction: Redaction | None
    sample: Sample
    split: Split
    tokenizer: Tokenizer
    shards: Shards
    provenance: Provenance
    limits: Limits
    # Whether documents that are dropped are written out, with the reason.
    keep_dropped: bool
    seed: int
    # local: processes of this machine. spark: tasks of a Spark application.
    engine: str
    spark: Spark
    workers: int | None
    output: Path
    # A folder in an object store that the finished output is copied to, e.g. s3://bucket/name.
    upload: str | None
    # Dotted key -> the variable it takes its value from, so that messages name what to set.
    taken_from: dict[str, str]

    def key(self, dotted: str) -> str:
        """What a user sets to change ``dotted``: its variable if it has one."""
        return self.taken_from.get(dotted, dotted)

    def plan(self) -> dict[str, Any]:
        """The recipe as plain data: what a user reads before it runs."""
        return {
            "sources": {
                s.name: {"kind": s.kind, "weight": s.weight, **s.settings} for s in self.sources
            },
            "opt_out": self.opt_out,
            "filters": [{f.kind: f.settings} for f in self.filters],
            **{name: self.section(name) for name in _SECTIONS},
            "keep_dropped": self.keep_dropped,
            "seed": self.seed,
            "engine": self.engine,
            "workers": self.workers,
            "output": str(self.output),
            "upload": self.upload,
        }

    def section(self, name: str) -> dict[str, Any] | None:
        """One section as plain data; None where it is left out."""
        value = getattr(self, name)
        return None if value is None else dataclasses.asdict(value)

    @property
    def weights(self) -> dict[str, float | None]:
        """The sources' weights."""
        return {step.name: step.weight for step in self.sources}

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of all that decides the output."""
        content = {k: v for k, v in self.plan().items() if k not in UNHASHED}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def num_workers(self) -> int:
        """Processes to use: ``workers``, or as many as there are cores."""
        return self.workers or num_cores()


def num_cores() -> int:
    """As many processes as this one may run at once."""
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1


def load(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe file.

    Args:
        path: The YAML file.
        overrides: ``dotted.key=value`` strings, applied before interpolation.

    Raises:
        UserError: if it cannot be read, holds an unknown key or a value of a wrong type.
    """
    from data_prep.recipe_yaml import read

    content, taken_from = read(Path(path), overrides)
    return build(content, taken_from)


def build(content: Mapping[str, Any], taken_from: Mapping[str, str] | None = None) -> Recipe:
    """A recipe from resolved YAML content (without ``variables``)."""
    allowed = [field.name for field in dataclasses.fields(Recipe) if field.name != "taken_from"]
    for key in content:
        require(
            key in allowed,
            f"`{key}` is not a known key{did_you_mean(str(key), allowed)}; "
            f"a recipe takes: variables, {', '.join(allowed)}.",
        )
    for key in ("sources", "tokenizer", "shards", "output"):
        require(key in content, f"The recipe has no `{key}`; add it (it has no default).")
    seed = checked("seed", content.get("seed", 17), int)
    workers = checked("workers", content.get("workers"), int | None)
    require(workers is None or workers >= 1, f"`workers` must be at least 1, got {workers}.")
    return Recipe(
        sources=_sources(content["sources"]),
        filters=_filters(content.get("filters")),
        **{name: _section(name, kind, content.get(name)) for name, kind in _SECTIONS.items()},
        opt_out=checked("opt_out", content.get("opt_out", ()), tuple[str, ...]),
        keep_dropped=checked("keep_dropped", content.get("keep_dropped", False), bool),
        seed=seed,
        engine=checked("engine", content.get("engine", "local"), Literal["local", "spark"]),
        workers=workers,
        output=_output(checked("output", content["output"], str)),
        upload=_upload(checked("upload", content.get("upload"), str | None)),
        taken_from=dict(taken_from or {}),
    )


def _sources(section: object) -> list[Step]:
    if not isinstance(section, Mapping) or not section:
        raise UserError("`sources` must hold one section a source, e.g. `code: {kind: directory}`.")
    steps = []
    for name, values in section.items():
        key = f"sources.{name}"
        if not isinstance(values, Mapping) or "kind" not in values:
            raise UserError(f"`{key}.kind` is missing; give the kind of source, e.g. directory.")
        rest = {k: v for k, v in values.items() if k not in ("kind", "weight")}
        module = find_module(f"{key}.kind", "data_prep.sources", str(values["kind"]))
        weight = checked(f"{key}.weight", values.get("weight"), float | None)
        require(weight is None or weight > 0, f"`{key}.weight` must be above 0, got {weight}.")
        found = settings(key, module.units, rest)
        steps.append(Step(str(name), str(values["kind"]), found, weight))
    return steps


def _output(value: str) -> Path:
    require(
        not is_remote(value),
        f"`output` must be a folder of this machine or one that all share, because work is done in "
        f"it; got {value!r}. Set `upload: {value}` to have the result copied there.",
    )
    return Path(value).expanduser()


def _upload(value: str | None) -> str | None:
    require(
        value is None or is_remote(value),
        f"`upload` must be null or a url such as s3://bucket/name, got {value!r}; `output` is the "
        "local folder.",
    )
    return value


def _section(name: str, kind: Any, content: object) -> Any:
    """A section that may be left out is null then; any other has defaults."""
    return checked(name, {} if content is None and inspect.isclass(kind) else content, kind)


def _filters(section: object) -> list[Step]:
    section = [] if section is None else section
    if not isinstance(section, list):
        raise UserError("`filters` must be a list, each entry `- name: {settings}`.")
    steps = []
    for position, entry in enumerate(section):
        key = f"filters.{position}"
        entry = {entry: None} if isinstance(entry, str) else entry
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise UserError(f"`{key}` must be one filter, `- name: {{settings}}`, got {entry!r}.")
        ((name, values),) = entry.items()
        module = find_module(key, "data_prep.filters", str(name))
        function = module.edit if hasattr(module, "edit") else module.keep
        steps.append(Step(str(name), str(name), settings(f"{key}.{name}", function, values)))
    return steps
