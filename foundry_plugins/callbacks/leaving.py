# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How all processes of a run end with one status that the launcher hands on.

Composer's launcher ends the other processes as soon as one of its node has ended and reports the
status of the first by rank that is not 0. So a node's first rank goes first, and the others wait
until it is gone.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NoReturn

from composer.utils import dist

_WAIT_SECONDS = 30


def leave(status: int, message: str) -> NoReturn:
    """Ends this process; every rank calls it.

    Args:
        status: Of the process.
        message: What the first rank of each node prints.
    """
    first = dist.get_global_rank() - dist.get_local_rank()
    leader = dist.all_gather_object(os.getpid())[first]
    if dist.get_local_rank() == 0:
        print(message, flush=True)
    else:
        end = time.monotonic() + _WAIT_SECONDS
        while Path(f"/proc/{leader}").exists() and time.monotonic() < end:
            time.sleep(0.1)
    raise SystemExit(status)
