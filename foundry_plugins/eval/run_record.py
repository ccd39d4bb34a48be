# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is written about a run beside its samples: versions and machine before, pass@k after."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from foundry_plugins import __version__
from foundry_plugins.contract.files import write_json
from foundry_plugins.eval.pass_at_k import interval, mean_pass_at_k
from foundry_plugins.eval.samples import SAMPLES, VERDICTS, Results

REPORT = "report.json"
_PACKAGES = ("transformers", "llm-foundry", "mosaicml")
_KS = (1, 10, 100)


def versions(toolchains: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """Versions and hardware.

    Args:
        toolchains: Of each language, as far as it is known.
        more: Whatever else a reader should know of the run.
    """
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor()
    return {
        "packages": {
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
            **{"foundry-plugins": __version__, "torch": torch.__version__},
        },
        "python": platform.python_version(),
        "toolchains": dict(toolchains),
        "hardware": {"device": device or platform.machine(), "system": platform.platform()},
        **more,
    }


def write_report(results: Results, tasks: int) -> dict[str, Any]:
    """Writes ``report.json`` of a folder: pass@k with 95 % intervals, and how samples ended.

    Args:
        results: The folder.
        tasks: Of the benchmark; pass@k is told only where all of them have k verdicts.
    """
    verdicts = results.read(VERDICTS)
    samples, passed = Counter[str](), Counter[str]()
    for (task_id, _), verdict in verdicts.items():
        samples[task_id] += 1
        passed[task_id] += verdict["passed"]
    counts = [(number, passed[task_id]) for task_id, number in samples.items()]
    whole = counts if len(counts) == tasks else []
    report = {
        "tasks": tasks,
        "samples": len(results.read(SAMPLES)),
        "verdicts": len(verdicts),
        "kinds": dict(Counter(verdict["kind"] for verdict in verdicts.values())),
        "pass_at_k": {
            str(k): {"value": value, "interval": interval(whole, k)}
            for k in _KS
            if (value := mean_pass_at_k(whole, k)) is not None
        },
    }
    write_json(Path(results.folder, REPORT), report)
    return report
