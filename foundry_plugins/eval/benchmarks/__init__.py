# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks by name, each under the rules that it is known by."""

from __future__ import annotations

import importlib

from foundry_plugins.contract.errors import did_you_mean, require
from foundry_plugins.eval.benchmarks.task import Benchmark

# name: (file, rules, the first being the default)
_BENCHMARKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "humaneval": ("humaneval", ("bigcode", "openai", "thesis")),
    "humaneval_plus": ("humaneval", ("bigcode", "openai", "thesis")),
    "mbpp": ("mbpp", ("bigcode",)),
    "multipl_e": ("multipl_e", ("bigcode", "unstripped")),
    "humaneval_infilling": ("humaneval_infilling", ("paper", "first_line")),
    "santacoder_fim": ("santacoder_fim", ("paper", "bigcode")),
    "infilling_problems": ("infilling_problems", ("first_line", "whole")),
    "code_explanation": ("code_explanation", ("thesis",)),
}
NAMES = tuple(_BENCHMARKS)
# Rules under which the prompt is as the benchmark's file has it, where there are others.
_PLAIN = {"humaneval": "openai", "humaneval_plus": "openai", "multipl_e": "unstripped"}


def find_plain(name: str, rules: str | None = None) -> Benchmark:
    """The same for answers of others, by default put behind the prompt as it is."""
    return find(name, rules or _PLAIN.get(name))


def is_plain(name: str, rules: str) -> bool:
    """Whether the prompt is as the benchmark's file has it, and not stripped of white space."""
    return name not in _PLAIN or rules != "bigcode"


def find(name: str, rules: str | None = None) -> Benchmark:
    """A benchmark by its name.

    Args:
        name: One of `NAMES`.
        rules: Whose; None for the default.

    Raises:
        UserError: for a name or rules that there are not.
    """
    require(
        name in _BENCHMARKS,
        f"`benchmark` must be one of {', '.join(NAMES)}, got {name!r}{did_you_mean(name, NAMES)}.",
    )
    file, allowed = _BENCHMARKS[name]
    rules = rules or allowed[0]
    require(
        rules in allowed,
        f"`rules` of {name} must be one of {', '.join(allowed)}, got {rules!r}.",
    )
    return importlib.import_module(f"{__name__}.{file}").benchmark(name, rules)
