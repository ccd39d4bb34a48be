# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe's section ``decontamination``."""

from __future__ import annotations

import dataclasses
from typing import Literal

from foundry_plugins.contract.errors import require

# Characters of the n-grams that are looked up; see `data_prep.decontaminate.index`. Numba's cache
# knows a kernel by its own file: touch kernels.py when this changes.
GRAM_CHARS = 24


@dataclasses.dataclass(frozen=True)
class Decontamination:
    """Which benchmarks are looked for, and what counts as found.

    Lengths are in letters and digits, because nothing else is compared. English words have 4.5 on
    average, so 50 are GPT-3's 13-gram less two words.

    Attributes:
        benchmarks: Name -> jsonl file, folder or glob (plain, ``.gz`` or ``.zst``), or a list of
            them.
        fields: The fields of a record that hold what must not be seen. Empty for the known ones:
            `data_prep.decontaminate.problems.PROMPTS` and ``SOLUTIONS``, or, in records with none
            of those, every text.
        action: ``drop`` the document, or ``cut`` the lines that were found.
        prompt_chars: So long a run of a prompt is a find; of a shorter prompt all of it is needed.
        solution_chars: The same for solutions.
        shortest_prompt_chars: Prompts below this are not looked for: they are too generic.
        shortest_solution_chars: The same for solutions, e.g. ``return a + b``.
        boilerplate_problems: A run that more problems of a benchmark share is not looked for (its
            imports, its instructions). GPT-3's limit (Brown et al. 2020, arXiv 2005.14165,
            appendix C).
    """

    benchmarks: dict[str, tuple[str, ...]]
    fields: tuple[str, ...] = ()
    action: Literal["drop", "cut"] = "drop"
    prompt_chars: int = 50
    solution_chars: int = 60
    shortest_prompt_chars: int = 30
    shortest_solution_chars: int = 30
    boilerplate_problems: int = 10

    def __post_init__(self) -> None:
        require(
            bool(self.benchmarks) and all(self.benchmarks.values()),
            "`decontamination.benchmarks` must name at least one benchmark with its files, e.g. "
            "`humaneval: path/HumanEval.jsonl.gz`; remove the section `decontamination` to look "
            "for none.",
        )
        for kind in ("prompt", "solution"):
            shortest, run = getattr(self, f"shortest_{kind}_chars"), getattr(self, f"{kind}_chars")
            require(
                GRAM_CHARS <= shortest <= run,
                f"`decontamination.shortest_{kind}_chars` must be at least {GRAM_CHARS} and at "
                f"most `{kind}_chars`, got {shortest} and {run}.",
            )
        require(
            self.boilerplate_problems >= 1,
            "`decontamination.boilerplate_problems` must be at least 1, got "
            f"{self.boilerplate_problems}.",
        )
