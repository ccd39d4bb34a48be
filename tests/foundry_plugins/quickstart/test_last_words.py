# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the quickstart says at its end of the functions that its model wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundry_plugins.eval.report.write import write
from foundry_plugins.quickstart.job import functions_passed
from tests.foundry_plugins.eval.report.written_results import write_folder


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["name", "assertion"], "None of 2 functions it wrote passed the tests, as expected"),
        (["name", "passed"], "1 of 2 functions it wrote passed"),
        ([None, None], "were not run: there is no sandbox here"),
    ],
)
def test_it_is_honest(kinds: list[str | None], words: str, tmp_path: Path) -> None:
    answers = {"a": [("    return", kind) for kind in kinds]}
    write_folder(tmp_path / "evaluation/own_problems", answers)
    gaps = {"judged": "exact_match", "benchmark": "infilling_problems"}
    write_folder(tmp_path / "evaluation/lines", {"b": [("x", "exact_match")]}, **gaps)
    write([tmp_path / "evaluation"], tmp_path / "report")
    assert words in functions_passed(tmp_path)
