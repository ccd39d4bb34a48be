# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How commands show what they found."""

from __future__ import annotations

from collections.abc import Iterable


def table(*columns: str, rows: Iterable[tuple[str, ...]], title: str) -> None:
    """Prints a table with its title."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(*columns, title=title)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
