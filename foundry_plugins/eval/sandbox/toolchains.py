# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which languages can be run here."""

from __future__ import annotations

from collections.abc import Iterable

from foundry_plugins.eval.sandbox import languages


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
