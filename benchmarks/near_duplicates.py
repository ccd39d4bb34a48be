# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Near-duplicates: speed, recall by kind and precision beside rensa and datasketch.

The corpus is the Python standard library, every file with one planted copy of each kind
(`data_prep.dedup.planted`). All tools do the same work from text to pairs, one after the other in
one thread of one process: tokens and 5-grams (the peers' in Python, as their users write it),
signatures, buckets, pairs; ours also verifies. Peers run at the published 25 bands of 10 rows. Each
is warmed up on a few files first.

    python -m benchmarks.near_duplicates [--every 2]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measure
from data_prep.dedup import near, planted
from data_prep.dedup.settings import NearDuplicates

Pairs = set[tuple[int, int]]
_TOKEN = re.compile(r"[A-Za-z0-9_]+")
_BANDS, _ROWS = 25, 10
_SMALLEST, _LARGEST = 2_000, 100_000
_START = """
import time; start = time.perf_counter()
from data_prep.dedup import near, planted
from data_prep.dedup.settings import NearDuplicates
settings = NearDuplicates()
records = near.records_of([b"a b c d e f g h i j k", b"a b c d e f g h i j l"], settings)
near.find_pairs(records, settings)
print(time.perf_counter() - start)
"""


def corpus(every: int) -> list[str]:
    """Every n-th distinct file of the standard library of a usual size."""
    library = Path(sysconfig.get_paths()["stdlib"])
    texts: dict[str, None] = {}
    for path in sorted(library.rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if _SMALLEST <= len(text) <= _LARGEST:
            texts[text] = None
    return list(texts)[::every]


def five_grams(text: str) -> set[str]:
    """The shingles that the peers are given."""
    tokens = _TOKEN.findall(text)
    return {" ".join(tokens[start : start + 5]) for start in range(len(tokens) - 4)}


def ours(settings: NearDuplicates) -> Callable[[Sequence[str]], Pairs]:
    """This package."""

    def find(texts: Sequence[str]) -> Pairs:
        records = near.records_of((text.encode() for text in texts), settings)
        return set(map(tuple, near.find_pairs(records, settings).tolist()))

    return find


def rensa_pairs(texts: Sequence[str]) -> Pairs:
    """Rensa's full-set MinHash and its index."""
    import rensa

    size = _BANDS * _ROWS
    sketches = rensa.RMinHash.from_token_sets([list(five_grams(t)) for t in texts], size, 42)
    index = rensa.RMinHashLSH(threshold=0.7, num_perm=size, num_bands=_BANDS)
    index.insert_many(sketches)
    return _pairs(index.query_all(sketches))


def rensa_rho_flags(texts: Sequence[str]) -> Pairs:
    """Rensa's fastest path: sampled token positions, and only which documents are duplicates."""
    import rensa

    size = _BANDS * _ROWS
    sets = [list(five_grams(text)) for text in texts]
    matrix = rensa.RMinHash.digest_matrix_from_token_sets_rho(sets, size, 42)
    index = rensa.RMinHashLSH(threshold=0.7, num_perm=size, num_bands=_BANDS)
    index.query_duplicate_flags_matrix_one_shot(matrix)
    return set()


def datasketch_pairs(texts: Sequence[str]) -> Pairs:
    """Datasketch's MinHash and MinHashLSH."""
    import datasketch

    size = _BANDS * _ROWS
    index = datasketch.MinHashLSH(num_perm=size, params=(_BANDS, _ROWS))
    sketches = []
    for number, text in enumerate(texts):
        sketch = datasketch.MinHash(num_perm=size)
        sketch.update_batch([gram.encode() for gram in five_grams(text)])
        index.insert(number, sketch)
        sketches.append(sketch)
    return _pairs(index.query(sketch) for sketch in sketches)


TOOLS: dict[str, Callable[[Sequence[str]], Pairs]] = {
    "ours, verified (50x5)": ours(NearDuplicates()),
    "ours, starcoder (25x10)": ours(NearDuplicates("starcoder")),
    "ours, starcoder, verified": ours(NearDuplicates("starcoder", verify=True)),
    "rensa (25x10)": rensa_pairs,
    "rensa rho, flags only (25x10)": rensa_rho_flags,
    "datasketch (25x10)": datasketch_pairs,
}


def run(
    find: Callable[[Sequence[str]], Pairs], texts: Sequence[str], planted_as: list[tuple[str, int]]
) -> dict[str, Any]:
    """One tool: speed, recall and precision."""
    find(texts[:20])
    found, cost = measure.cost_of(lambda: find(texts))
    data = [text.encode() for text in texts]
    result: dict[str, Any] = cost.rates(sum(map(len, data)))
    if found:
        score = planted.score(data, planted_as, found)
        keys = ("recall", "recall_by_similarity", "pairs", "precision")
        result |= {key: score[key] for key in keys}
    return result


def start_seconds() -> float:
    """Import, and kernels loaded from the disk, in a fresh process."""
    command = [sys.executable, "-c", _START]
    subprocess.run(command, check=True, capture_output=True)
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _pairs(neighbours: Iterable[Iterable[Any]]) -> Pairs:
    return {
        (min(number, other), max(number, other))
        for number, others in enumerate(neighbours)
        for other in others
        if other != number
    }


def main() -> None:
    """Runs all tools, prints a table, writes ``results/near_duplicates.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=2, help="take every n-th file")
    originals = corpus(parser.parse_args().every)
    copies = planted.plant(originals)
    texts = [*originals, *(copy for _, _, copy in copies)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(originals)} files, {len(copies)} copies, {megabytes:.0f} MB")
    # Compares wall time with CPU time only if no tool starts threads.
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    tools: dict[str, dict[str, Any]] = {}
    print(f"{'':31}{'MB/CPU s':>9} {' '.join(f'{kind:>14}' for kind in planted.KINDS)}  J>=.7/.5")
    for name, find in TOOLS.items():
        result = tools[name] = run(find, texts, [(kind, number) for kind, number, _ in copies])
        row = [f"{found['recall']:14.3f}" for found in result.get("recall", {}).values()]
        precision = "/".join(f"{share:.3f}" for share in result.get("precision", {}).values())
        print(f"{name:31}{result['mb_per_cpu_second']:9.1f} {' '.join(row)}  {precision}")
    rates = {name: result["mb_per_cpu_second"] for name, result in tools.items()}
    results = {
        "corpus": {"files": len(originals), "copies": len(copies), "megabytes": megabytes},
        "start_seconds": start_seconds(),
        "times_rensa": rates["ours, verified (50x5)"] / rates["rensa (25x10)"],
        "tools": tools,
    }
    print(f"start {results['start_seconds']:.2f} s, {results['times_rensa']:.1f} times rensa")
    print(measure.write("near_duplicates", results, "numba", "numpy", "rensa", "datasketch"))


if __name__ == "__main__":
    main()
