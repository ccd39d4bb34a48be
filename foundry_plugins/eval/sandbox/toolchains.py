# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which languages can be run here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from foundry_plugins.eval.sandbox import languages

# Tools do not agree on how to be asked.
_QUESTIONS = ("--version", "-v", "version")
_SECONDS = 20.0


def missing(names: Iterable[str]) -> dict[str, str]:
    """Languages that cannot be run here, each with how to install what it lacks.

    Args:
        names: ``py`` or other languages' short names.

    Raises:
        UserError: for a name that is no language.
    """
    found = {}
    for name in dict.fromkeys(names):
        if name == "py":
            continue  # it runs this
        language = languages.find(name)
        lacking = language.missing()
        if lacking:
            found[name] = f"needs {' and '.join(lacking)}: {language.install}"
    return found


def versions(names: Iterable[str]) -> dict[str, str]:
    """What the tools of languages that can be run here say of their versions, by tool.

    Args:
        names: As for `missing`.
    """
    names = list(names)
    here = [name for name in names if name != "py" and name not in missing(names)]
    found = [languages.find(name) for name in here]
    tools = {tool: language.where(tool) for language in found for tool in language.tools}
    return {tool: _version(path) for tool, path in tools.items() if path is not None}


def _version(tool: str) -> str:
    for question in _QUESTIONS:
        try:
            said = subprocess.run(
                [tool, question],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        lines = (said.stdout or said.stderr).strip().splitlines()
        if said.returncode == 0 and lines:
            return lines[0]
    return "unknown"
