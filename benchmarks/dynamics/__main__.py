# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the comparisons and writes ``results/dynamics.json`` and a plot for each.

    python -m benchmarks.dynamics [--only NAME] [--seeds N] [--batches N]

Every run that has ended is kept in ``--work``, so the same command goes on after a kill. Losses do
not depend on what else the machine does. All of it takes about 45 CPU minutes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks import measure
from benchmarks.dynamics import comparisons, report
from benchmarks.dynamics.lab import Lab


def main() -> None:
    """Reads the command line and runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=comparisons.ALL, help="one comparison")
    parser.add_argument("--seeds", type=int, default=3, help="runs of a kind, 2 to 10")
    parser.add_argument("--batches", type=int, default=240, help="of the longest runs")
    parser.add_argument("--work", type=Path, default=Path("runs/dynamics"))
    parser.add_argument("--results", type=Path, default=measure.RESULTS)
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    options = parser.parse_args()
    if not 2 <= options.seeds <= 10 or options.batches < 20 or options.batches % 20:
        parser.error("--seeds must be from 2 to 10, and --batches a multiple of 20")
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes of the pool
    names = [options.only] if options.only else list(comparisons.ALL)
    with Lab(options.work, options.seeds, options.batches, options.workers) as lab:
        for name in names:
            found = comparisons.ALL[name](lab)
            report.write(options.results, name, found, lab)
            print(report.table(name, found), flush=True)


if __name__ == "__main__":
    main()
