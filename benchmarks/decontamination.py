# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Decontamination measured: recall by way of copying, false finds in ordinary code, speed.

Peers are the two published ways, on the same copies: a document is hit if it holds a problem's
docstring or solution, lower-cased (The Stack, StarCoder) or also without white space (StarCoder2).

    python -m benchmarks.decontamination HumanEval.jsonl.gz mbpp.jsonl.gz --code FOLDER ...

takes files of HumanEval's and MBPP's fields, and folders of code beside this environment's own.
"""

from __future__ import annotations

import argparse
import collections
import re
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.planted_problems import KINDS, planted, source
from data_prep.decontaminate import problems
from data_prep.decontaminate.index import Index, normalized
from data_prep.decontaminate.settings import Decontamination

_SHORTEST = Decontamination.shortest_solution_chars
_ENDINGS = frozenset(
    (".py", ".js", ".ts", ".mjs", ".md", ".c", ".h", ".hpp", ".cc", ".cpp", ".go", ".rs", ".java")
)


def main() -> None:
    """Measures and writes ``results/decontamination.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmarks", nargs="+", type=Path)
    parser.add_argument("--code", nargs="*", type=Path, default=[])
    arguments = parser.parse_args()
    files = {path.name.partition(".")[0].lower(): path for path in arguments.benchmarks}
    settings = Decontamination(benchmarks={name: (str(path),) for name, path in files.items()})
    index, cost = measure.cost_of(lambda: Index.build(settings))
    host = Path(sysconfig.get_paths()["stdlib"], "tarfile.py").read_text(encoding="utf-8")
    results: dict[str, Any] = {
        "indexed": {name: vars(counts) for name, counts in index.counts.items()},
        "build_cpu_seconds": round(cost.cpu_seconds, 2),
        "index_mb": round(sum(array.nbytes for array in index.arrays) / 1e6, 2),
        "recall": {},
    }
    for name, path in files.items():
        records = list(problems.records([str(path)]))
        results["recall"][name] = recall(records, host, index)
    roots = [Path(sysconfig.get_paths()[key]) for key in ("stdlib", "purelib")]
    results["ordinary_code"] = ordinary(index, [*roots, *arguments.code])
    print(measure.write("decontamination", results, "numba", "numpy"))


def recall(records: list[dict[str, str]], host: str, index: Index) -> dict[str, dict[str, float]]:
    """Share of copies found, by way of copying and by method."""
    finders: dict[str, Callable[[str], bool]] = {
        "ours": lambda text: index.hit(text) is not None,
        "lower_case": _substring(records, str.lower),
        "without_white_space": _substring(records, lambda s: re.sub(r"\s", "", s.lower())),
    }
    assert not any(find(host) for find in finders.values())
    found: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in KINDS}
    for copy in planted(records, host[:20_000]):
        for method, find in finders.items():
            found[copy.kind][method] += find(copy.text)
    shares = {
        kind: {method: round(counts[method] / len(records), 4) for method in finders}
        for kind, counts in found.items()
    }
    solutions = [normalized(source(record, n).solution) for n, record in enumerate(records)]
    shares["solutions_long_enough"] = {
        "share": round(sum(len(text) >= _SHORTEST for text in solutions) / len(records), 4)
    }
    return shares


def _substring(
    records: list[dict[str, str]], normalize: Callable[[str], str]
) -> Callable[[str], bool]:
    """The published search: any docstring or solution as it is, after ``normalize``."""
    parts = [source(record, number) for number, record in enumerate(records)]
    wanted = {normalize(text.strip()) for one in parts for text in (one.request, one.solution)}
    # As short as what we look for, so that ``return a + b`` is nobody's find.
    wanted = {text for text in wanted if len(re.sub(r"[^a-z0-9]", "", text)) >= _SHORTEST}

    def find(text: str) -> bool:
        text = normalize(text)
        return any(part in text for part in wanted)

    return find


def ordinary(index: Index, roots: list[Path]) -> dict[str, Any]:
    """Finds in distinct files of code that no benchmark was made from, and MB/s over them."""
    seen: set[int] = set()
    num_bytes, cpu = 0, 0.0
    finds = []
    for path in _code(roots):
        data = path.read_bytes()
        if hash(data) in seen:
            continue
        seen.add(hash(data))
        num_bytes += len(data)
        start = time.process_time()
        hit = index.hit(data)
        cpu += time.process_time() - start
        if hit is not None:
            text = data[hit.start : hit.end].decode("utf-8", "replace")
            finds.append([path.name, hit.benchmark, hit.problem, hit.kind, text])
    return {
        "files": len(seen),
        "mb": round(num_bytes / 1e6, 1),
        "finds": finds,
        "finds_per_10000_files": round(1e4 * len(finds) / max(len(seen), 1), 3),
        "mb_per_cpu_second": round(num_bytes / 1e6 / cpu, 1),
    }


def _code(roots: list[Path]) -> Iterator[Path]:
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix in _ENDINGS and path.is_file():
                yield path


if __name__ == "__main__":
    main()
