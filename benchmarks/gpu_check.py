# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Tests and measures the attention kernels on the GPU that is here, with torch alone.

    python -m benchmarks.gpu_check [--lengths 2048 4096 8192]

First the tests marked ``gpu``. Then, for the shapes of Refact-1.6B and replit-code-v1-3b: forward
and backward of attention, a training step, and decoding, beside LLM Foundry's ``torch`` attention
where llmfoundry can be imported, causal SDPA without ALiBi, and flash-attn where it is installed.
Prints a table and writes ``results/gpu.json``. Without a CUDA device every row says so, nothing is
written, and the status is 0. The status is 1 if a test fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_measure as measured
from benchmarks.gpu_model import CAUSAL, SHAPES, attentions
from benchmarks.measure import RESULTS

_ROOT = Path(__file__).resolve().parent.parent
_CONTEXT = 2048  # tokens that decoding continues
_MISSING = "unmeasured: no CUDA device"


def main() -> None:
    """Tests, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[2048, 4096, 8192])
    lengths = parser.parse_args().lengths
    if not torch.cuda.is_available():
        _print([(what, _MISSING) for what in ("tests marked gpu", *_all_rows(lengths))])
        return
    failed = run_tests()
    device = torch.device("cuda")
    results: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "tests_passed": not failed,
    }
    results |= measure(lengths, device)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "gpu.json"
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    _print(table(results))
    print(f"Written to {path}")
    sys.exit(1 if failed else 0)


def run_tests() -> bool:
    """Whether a test marked ``gpu`` failed, or none was found."""
    # Only these: others import more than torch when they are collected.
    files = sorted(
        str(path)
        for path in (_ROOT / "tests").rglob("test_*.py")
        if "pytest.mark.gpu" in path.read_text(encoding="utf-8")
    )
    command = [sys.executable, "-m", "pytest", "-m", "gpu", *files]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode != 0


def measure(lengths: Sequence[int], device: torch.device) -> dict[str, Any]:
    """All figures, by part, shape, length and kernel."""
    speed = measured.bandwidth(device)
    found: dict[str, Any] = {"measured_gb_per_second": round(speed / 1e9, 1)}
    parts = {"attention": measured.attention, "training step": measured.training_step}
    for part, function in parts.items():
        found[part] = {}
        for name, shape in SHAPES.items():
            for length in lengths:
                rows = {}
                for kernel, attend in attentions(shape, length, device).items():
                    rows[kernel] = function(shape, attend, length, device)
                    print(part, name, length, kernel, rows[kernel], flush=True)
                    measured.forget(device)
                found[part][f"{name}, T={length}"] = rows
    found["decoding"] = {}
    for name, shape in SHAPES.items():
        found["decoding"][name] = measured.decoding(shape, _CONTEXT, device, speed)
        measured.forget(device)
    return found


def table(results: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured and its figures, with the time of attention over that of causal SDPA."""
    lines = []
    for part in ("attention", "training step"):
        for where, rows in results[part].items():
            plain = rows[CAUSAL].get("ms")
            for kernel, row in rows.items():
                shown = dict(row)
                if plain and row.get("ms"):
                    shown["times_causal"] = round(row["ms"] / plain, 3)
                lines.append((f"{part}, {where}, {kernel}", _figures(shown)))
    for where, row in results["decoding"].items():
        lines.append((f"decoding, {where}", _figures(row)))
    return lines


def _all_rows(lengths: Sequence[int]) -> list[str]:
    rows = [
        f"{part}, {name}, T={length}"
        for part in ("attention", "training step")
        for name in SHAPES
        for length in lengths
    ]
    return [*rows, *(f"decoding, {name}" for name in SHAPES)]


def _figures(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in row.items() if value not in (None, ""))


def _print(lines: Sequence[tuple[str, str]]) -> None:
    width = max(len(what) for what, _ in lines)
    for what, figures in lines:
        print(f"{what:{width}}  {figures}")


if __name__ == "__main__":
    main()
