# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Languages beside Python, by the names that MultiPL-E gives them."""

from __future__ import annotations

import importlib

from foundry_plugins.contract.errors import did_you_mean, require
from foundry_plugins.eval.sandbox.languages.language import Language

# name: file
_FILES = {
    "cpp": "cpp",
    "go": "golang",
    "java": "java",
    "js": "interpreted",
    "lua": "interpreted",
    "php": "interpreted",
    "pl": "interpreted",
    "r": "interpreted",
    "rb": "interpreted",
    "rs": "rust",
    "sh": "interpreted",
    "ts": "typescript",
}
NAMES = tuple(_FILES)


def find(name: str) -> Language:
    """A language by its name.

    Raises:
        UserError: for a name that there is not.
    """
    require(
        name in _FILES,
        f"The language must be one of py, {', '.join(NAMES)}, got {name!r}"
        f"{did_you_mean(name, NAMES)}.",
    )
    return importlib.import_module(f"{__name__}.{_FILES[name]}").language(name)
