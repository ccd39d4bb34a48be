# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The ledger of ``spike_guard``: a JSON line for each batch, beside the checkpoints.

It is no part of a checkpoint, because it must survive going back to one, and because a sharded
checkpoint that lacks a callback's state cannot be loaded with that callback. Lines:

    {"kind": "seen", "batch": 7, "loss": 2.5, "norm": 0.4}       taken into the window
    {"kind": "spike", "batch": 8, "action": "skip", "reason": "loss", "z": 12.1, "samples": ..., ..}
    {"kind": "skipped", "batch": 9}                              on behalf of an earlier rollback

A line that a kill cut off is left out. About 60 bytes a batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import write_text

SEEN, SPIKE, SKIPPED = "seen", "spike", "skipped"
ROLLBACK = "rollback"
Record = dict[str, Any]


def take_up(path: Path, batch: int) -> list[Record]:
    """What is known at the start of ``batch``; what a later time wrote is taken out of the file.

    Rollbacks stay, since they are what a return to an earlier checkpoint is for.

    Raises:
        UserError: if the file is none of ours.
    """
    records = list(_read(path)) if path.exists() else []
    kept = [r for r in records if r["batch"] < batch or is_rollback(r)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(map(_line, kept)))
    return kept


def append(path: Path, record: Record) -> None:
    """Writes a line at the end."""
    with path.open("a", encoding="utf-8") as file:
        file.write(_line(record))


def is_rollback(record: Record) -> bool:
    """Whether the run was to go back because of it."""
    return record["kind"] == SPIKE and record["action"] == ROLLBACK


def _line(record: Record) -> str:
    # JSON knows no infinity and no NaN.
    words = {
        k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()
    }
    return json.dumps(words, sort_keys=True) + "\n"


def _read(path: Path) -> Iterator[Record]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return  # cut off
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{path}, line {number}, is not JSON; it should be the ledger of "
                "`callbacks.spike_guard`: move the file away, or name another as `ledger`."
            ) from error
        yield record
