# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A step is a command, what it reads and what it writes; done steps are not run again.

A step's key is a hash of its command and of the contents it reads. ``.steps/NAME.json`` holds the
key of the last completed run, so that a step is skipped exactly when nothing it depends on has
changed, and what it left behind is set aside when something has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from foundry_plugins import __version__
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import OUTPUT_MARKER, remove, write_json

# Marks every process of a run, so that those a kill left behind can be found and ended.
_MARK = "FOUNDRY_PLUGINS_QUICKSTART"


@dataclasses.dataclass(frozen=True)
class Step:
    """One command of the job.

    Attributes:
        name: Short, also the stamp's file name.
        title: What it does, for the terminal.
        command: Program (of this environment) and arguments.
        reads: Files whose contents decide the result.
        writes: Files or folders that must be there when it is done.
        finished: True if the work is complete although the stamp is missing (a kill in between).
        always: The command has its own ledger and decides itself what to skip.
        display: Further arguments that change what is shown, not what is made.
    """

    name: str
    title: str
    command: Sequence[str]
    reads: Sequence[Path]
    writes: Sequence[Path]
    finished: Callable[[], bool] = lambda: False
    always: bool = False
    display: Sequence[str] = ()

    def key(self) -> str:
        """Hash of the command and of everything it reads."""
        digest = hashlib.sha256(json.dumps([__version__, *self.command]).encode())
        for path in self.reads:
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def run(step: Step, root: Path) -> bool:
    """Runs a step unless it is done.

    Returns:
        Whether the command ran.

    Raises:
        UserError: if the command fails.
    """
    stamp = root / ".steps" / f"{step.name}.json"
    key, before = step.key(), _read(stamp)
    if not step.always and before.get("key") == key and all(map(Path.exists, step.writes)):
        _say(step, f"done before in {before['seconds']:.0f} s, skipped")
        return False
    started = stamp.with_suffix(".started")
    if not step.always:
        _clear(step, made_with=_read(started).get("key") or before.get("key"), key=key)
    resumed = started.exists() and not step.always
    write_json(started, {"key": key})
    begin = time.monotonic()
    if not step.finished():
        _say(step, ("continuing: " if resumed else "") + " ".join(step.command))
        _call(step, root)
    write_json(stamp, {"key": key, "seconds": time.monotonic() - begin})
    remove(started)
    return True


def _clear(step: Step, made_with: object, key: str) -> None:
    """Sets aside what was made from other inputs: it must not be continued, nor be lost."""
    found = [path for path in step.writes if path.exists()]
    if not found or made_with == key:
        return
    if made_with is None:
        raise UserError(
            f"{found[0]} is there but was not made by this command; remove it, or name another "
            "folder with OUT=."
        )
    suffix = f".before-{str(made_with)[:8]}"
    _say(step, f"its inputs changed: starting over; what was there now ends in {suffix}")
    for path in found:
        aside = path.with_name(path.name + suffix)
        remove(aside)
        path.rename(aside)


def _call(step: Step, root: Path) -> None:
    binaries = Path(sys.executable).parent
    environment = os.environ | {
        _MARK: str(root.resolve()),
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}",
        # Nothing is fetched, and nothing tries to.
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore",
        # On a machine that does other work too, threads that spin while they wait halve the speed.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    }
    status = subprocess.run([*step.command, *step.display], env=environment, check=False).returncode
    if status != 0:
        raise UserError(
            f"The step `{step.name}` failed with status {status}; its message stands above. "
            "Run the same command again to continue from here."
        )


@contextlib.contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Holds the output folder for this process and ends what a killed run left running in it.

    Raises:
        UserError: if another run is at work there.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / OUTPUT_MARKER).touch()
    except OSError as error:
        raise UserError(
            f"The output folder {root} cannot be written: {error.strerror}; name another with OUT=."
        ) from error
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"Another run is at work in {root}; wait for it, or name another folder with OUT=."
            ) from error
        _end_orphans(root)
        yield


def _end_orphans(root: Path) -> None:
    mark = f"{_MARK}={root.resolve()}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in environ.read_bytes().split(b"\0"):
                print(f"Ending process {environ.parent.name}, left over from an earlier run.")
                os.kill(int(environ.parent.name), signal.SIGKILL)


def _read(path: Path) -> dict[str, object]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _say(step: Step, text: str) -> None:
    print(f"\n=== {step.title}\n    {text}", flush=True)
