# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs programs in a process of its own, which has limits that a failing sandbox cannot pass.

The hard limits are inherited by everything in the sandbox, and the whole session is killed when
the time is over: a sandbox that does nothing would still not take the machine down.

    python run_limited.py < {"isolation", "limits", "programs"} > {"verdicts", ...}
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program, PythonProgram
from foundry_plugins.eval.sandbox.runner import Runner

GIGABYTE = 1 << 30
SECONDS = 280.0
OUTER = {
    resource.RLIMIT_NPROC: 600,
    resource.RLIMIT_DATA: 4 * GIGABYTE,  # run times of languages reserve more addresses
    resource.RLIMIT_FSIZE: GIGABYTE,
    resource.RLIMIT_CPU: 120,
}


def run(
    programs: list[PythonProgram | Program], limits: Limits, isolation: str, workers: int = 2
) -> list[dict[str, Any]]:
    """Verdicts, in the order of the programs."""
    request = {
        "isolation": isolation,
        "workers": workers,
        "limits": dataclasses.asdict(limits),
        "programs": [[type(p).__name__, dataclasses.asdict(p)] for p in programs],
    }
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[4],
    )
    try:
        output, _ = process.communicate(json.dumps(request), timeout=SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    return json.loads(output)


def main() -> None:
    for which, value in OUTER.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    request = json.load(sys.stdin)
    kinds = {"PythonProgram": PythonProgram, "Program": Program}
    programs = []
    for kind, fields in request["programs"]:
        if "names" in fields:
            fields["names"] = tuple(fields["names"])
        programs.append(kinds[kind](**fields))
    limits = Limits(**request["limits"])
    with Runner(limits, request["workers"], request["isolation"]) as runner:
        verdicts = dict(runner.run(programs))
    found = [dataclasses.asdict(verdicts[number]) for number in range(len(programs))]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
