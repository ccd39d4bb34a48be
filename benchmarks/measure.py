# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What every benchmark shares: the corpus, the clock, and the file that the README quotes.

A figure is a ratio against a named peer on the same machine in the same run. CPU seconds are those
of the process and its children: other work on the machine moves them less than wall time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a call or a command took.

    Attributes:
        wall_seconds: By the clock.
        cpu_seconds: User and system, children included.
        peak_bytes: Largest resident set of the process or of any one child.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    def rates(self, num_bytes: int) -> dict[str, float]:
        """The cost as plain figures, with MB/s of text."""
        return {
            "wall_seconds": round(self.wall_seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_mb": round(self.peak_bytes / 1e6, 1),
            "mb_per_second": round(num_bytes / 1e6 / self.wall_seconds, 2),
            "mb_per_cpu_second": round(num_bytes / 1e6 / max(self.cpu_seconds, 1e-9), 2),
        }


def alternate(steps: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """The least seconds by the clock of each, one after another until ``seconds`` a step are up.

    The least, because what else runs on a machine only ever adds time.
    """
    best = dict.fromkeys(steps, float("inf"))
    until = time.perf_counter() + seconds * len(steps)
    rounds = 0
    while rounds < 3 or time.perf_counter() < until:
        for name, run in steps.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
        rounds += 1
    return best


def cost_of(function: Callable[[], Any], repeats: int = 1) -> tuple[Any, Cost]:
    """The result of a call in this process and its smallest cost over some repeats."""
    best: Cost | None = None
    result: Any = None
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        found = Cost(
            time.perf_counter() - wall,
            time.process_time() - cpu,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )
        best = found if best is None or found.cpu_seconds < best.cpu_seconds else best
    assert best is not None
    return result, best


# Runs a command as its only child, so that the child's figures are the command's.
_CHILD = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[2:], check=False).returncode
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as handle:
    json.dump([wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024], handle)
sys.exit(code)
"""


def cost_of_command(command: Sequence[str], scratch: Path, **options: Any) -> tuple[str, Cost]:
    """The output of a command that must succeed, and its cost, those of its children included."""
    answer = scratch / "cost.json"
    argv = [sys.executable, "-c", _CHILD, str(answer), *command]
    # Compiled once for an installation, as installers do it, not at every start.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    options = {"env": env, **options}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout, Cost(*json.loads(answer.read_text()))


def corpus(num_bytes: int) -> Iterator[tuple[str, str]]:
    """(path, text) of Python files of this environment, in the order of a hash of their paths.

    The standard library and the installed packages: real code that is on every machine that has
    this package, of about 200 MB. Which versions they are is in the results.
    """
    paths = sysconfig.get_paths()
    roots = (Path(paths["stdlib"]), Path(paths["purelib"]))
    files = {path.relative_to(root): path for root in roots for path in root.rglob("*.py")}
    left = num_bytes
    for name in sorted(files, key=lambda p: hashlib.sha256(str(p).encode()).digest()):
        try:
            text = files[name].read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        if not text or "\0" in text:
            continue
        if left <= 0:
            return
        left -= len(text.encode())
        yield str(name), text


def environment(*packages: str) -> dict[str, Any]:
    """The machine and the versions of what took part."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in packages},
    }


def write(name: str, results: dict[str, Any], *packages: str) -> Path:
    """Writes ``results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {"environment": environment("foundry-plugins", *packages), **results}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
