# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Data, a pool of processes, and a folder of results: each run is made once."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from benchmarks.dynamics import training
from benchmarks.dynamics.training import BATCH, EVAL_BATCH, EVAL_BATCHES, LENGTH, VOCABULARY
from foundry_plugins import yaml_files
from foundry_plugins.contract.files import write_json

PYTHON, HEADERS = "python", "headers"
_RESULT = "result.json"

Settings = dict[str, Any]


class Lab:
    """Where runs are made and kept.

    Args:
        work: Folder of data, checkpoints and results.
        seeds: How many runs of a kind; their seeds count from 1, and 0 is for choosing.
        batches: Of the longest runs.
        workers: Processes at a time.
    """

    def __init__(self, work: Path, seeds: int, batches: int, workers: int) -> None:
        self.work = work.resolve()
        self.seeds = range(1, seeds + 1)
        self.batches = batches
        self._known: dict[Path, Settings] = {}
        # Not forked: torch has threads.
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, spawn, _end_with_parent)

    def __enter__(self) -> Lab:
        self._make_data()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def train(self, runs: Mapping[Any, Settings]) -> dict[Any, Settings]:
        """The results of runs, those of earlier calls included.

        Args:
            runs: Settings of `training.train` by any key; equal settings are one run.
        """
        folders = {key: self.folder(settings) for key, settings in runs.items()}
        missing = {folders[key]: settings for key, settings in runs.items()}
        missing = {f: s for f, s in missing.items() if not (f / _RESULT).is_file()}
        futures = [self._pool.submit(_run, s, f) for f, s in missing.items()]
        for done, future in enumerate(as_completed(futures), start=1):
            took = future.result()
            print(f"  {done} of {len(futures)} runs, {took:.0f} CPU s", flush=True)
        found = {key: json.loads((f / _RESULT).read_text()) for key, f in folders.items()}
        self._known |= {folders[key]: result for key, result in found.items()}
        return found

    def cost(self) -> dict[str, float]:
        """How many runs were used so far, and the CPU time that making them took."""
        seconds = sum(result["cpu_seconds"] for result in self._known.values())
        return {"runs": len(self._known), "cpu_minutes": round(seconds / 60, 1)}

    def parameters(self) -> int:
        """Of the model."""
        return next(iter(self._known.values()))["parameters"]

    def folder(self, settings: Settings) -> Path:
        """Where a run with these settings lies."""
        text = json.dumps([LENGTH, VOCABULARY, settings], sort_keys=True)
        return self.work / "runs" / hashlib.sha256(text.encode()).hexdigest()[:16]

    def checkpoint(self, settings: Settings, batch: int) -> str:
        """The checkpoint after a batch of a run that keeps it (``save_every``)."""
        return str(self.folder(settings) / f"ba{batch}.pt")

    def data(self, name: str) -> str:
        """Folder of a data set."""
        return str(self.work / name)

    def _make_data(self) -> None:
        self._check_sizes()
        recipe: Any = OmegaConf.load(yaml_files.find("quickstart/data.yaml"))
        recipe.shards.sequence_length = LENGTH
        recipe.tokenizer.vocab_size = VOCABULARY
        # Processes that unpack one shard at the same time take it from each other.
        recipe.shards.compression = None
        recipe.workers = 1
        self._convert(PYTHON, recipe)
        # C++ is another language, and on every machine that can run this.
        headers = Path(sysconfig.get_paths()["purelib"]) / "torch/include/torch"
        recipe.sources.code.path = str(headers)
        recipe.tokenizer = {"kind": "pretrained", "path": f"{self.data(PYTHON)}/tokenizer"}
        self._convert(HEADERS, recipe)

    def _check_sizes(self) -> None:
        path = self.work / "sizes.json"
        sizes = [LENGTH, VOCABULARY, BATCH, EVAL_BATCH, EVAL_BATCHES, training.model_section(0.0)]
        if path.is_file() and json.loads(path.read_text()) != sizes:
            raise SystemExit(f"The runs in {self.work} have other sizes; name another --work.")
        self.work.mkdir(parents=True, exist_ok=True)
        write_json(path, sizes)

    def _convert(self, name: str, recipe: Any) -> None:
        recipe.output = self.data(name)
        path = self.work / f"{name}.yaml"
        OmegaConf.save(recipe, path)
        command = [str(Path(sys.executable).parent / "convert_dataset"), "run", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"The data set {name} could not be made:\n{done.stdout}{done.stderr}")


def _end_with_parent() -> None:
    """Lets a process of the pool end when the driver is killed, instead of waiting for ever."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run(settings: Settings, folder: Path) -> float:
    start = time.process_time()
    result = training.train(settings, folder)
    took = time.process_time() - start
    write_json(folder / _RESULT, {"cpu_seconds": took, "settings": settings, **result})
    return took
