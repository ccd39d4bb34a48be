# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One sandbox with its warm process, seen from outside."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.log import logger
from foundry_plugins.eval.sandbox import channel
from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, UNSAFE, Isolation

_START_SECONDS = 120.0  # a busy machine's
_GRACE_SECONDS = 10.0  # beyond a program's own limit, until its sandbox is given up
_LEAVE_SECONDS = 1.0
_HERE = Path(__file__).resolve().parent
# What the tests of HumanEval+ and some candidates import.
_PACKAGE = "numpy"
_CODE, _PACKAGES = "/opt/code", "/opt/packages"
_RUN = """import sys
sys.path += sys.argv[3:]
from foundry_plugins.eval.sandbox import zygote
zygote.main()
"""
_log = logger(__name__)


class DeadError(Exception):
    """The sandbox ended."""


class LateError(Exception):
    """The sandbox does not answer."""


class Box:
    """A sandbox that is started now.

    Args:
        isolation: How it is kept apart.
        scratch_bytes: Size of its folder for files.
        visible: What can be read in it beside Python: paths inside to paths outside.

    Raises:
        UserError: if it does not start.
    """

    def __init__(
        self, isolation: Isolation, scratch_bytes: int, visible: Mapping[str, Path] | None = None
    ) -> None:
        self._control, theirs = socket.socketpair()
        unsafe = isolation.name == UNSAFE
        self._folder = tempfile.mkdtemp(prefix="unsafe-") if unsafe else None
        self.scratch = self._folder or "/tmp"
        paths = _outside() if unsafe else [_CODE, _PACKAGES]
        python = ["-P", "-s", "-S", "-c", _RUN, str(theirs.fileno()), self.scratch, *paths]
        command = isolation.command(
            [os.path.realpath(sys.executable), *python],
            visible={**_python(), **(visible or {})},
            scratch_bytes=scratch_bytes,
        )
        with theirs, tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                env={**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self.scratch if unsafe else "/",
                start_new_session=True,
            )
            theirs.close()
            try:
                hello = self.reply(_START_SECONDS)
            except (DeadError, LateError) as error:
                self.close()
                errors.seek(0)
                text = errors.read().decode(errors="replace").strip()[-500:]
                raise UserError(f"The sandbox ({isolation.name}) does not start: {text}") from error
        if not hello["filtered"]:
            _log.warning("No filter of system calls on this machine; the sandbox has namespaces.")

    def ask(self, request: Mapping[str, Any], sock: socket.socket | None = None) -> None:
        """Sends a request, and an end of a channel with it.

        Raises:
            DeadError: if nobody is there.
        """
        try:
            socket.send_fds(self._control, [b"!"], [sock.fileno()] if sock else [])
            channel.send(self._control, request)
        except OSError as error:
            raise DeadError from error

    def ready(self, seconds: float) -> bool:
        """Whether a reply comes within some seconds."""
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def reply(self, seconds: float) -> Any:
        """Waits for the reply to a request, some seconds longer than its program may take.

        Raises:
            DeadError: if the sandbox ended.
            LateError: if there is no reply in time.
        """
        self._control.settimeout(seconds + _GRACE_SECONDS)
        try:
            return channel.receive(self._control)
        except TimeoutError as error:
            raise LateError from error
        except (OSError, EOFError, channel.NotPlainError) as error:
            raise DeadError from error

    def stop(self) -> None:
        """Has what runs in it end, and whoever waits for a reply raise `DeadError`.

        Other threads may ask for it at any time; the one that uses the sandbox is to close it.
        """
        with contextlib.suppress(OSError):  # it is closed
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it and everything in it."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LEAVE_SECONDS)  # its time is counted where it ends by itself
        end(self._process)
        if self._folder:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a command that was started in a session of its own, and what keeps it apart."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _python() -> dict[str, Path]:
    """The interpreter, this package and numpy, by their paths inside."""
    found = {
        os.path.realpath(sys.base_prefix): Path(os.path.realpath(sys.base_prefix)),
        os.path.realpath(sys.executable): Path(os.path.realpath(sys.executable)),
        f"{_CODE}/foundry_plugins/eval/sandbox": _HERE,
    }
    package = _package()
    if package is not None:
        for path in (package, package.with_name(f"{_PACKAGE}.libs")):
            found[f"{_PACKAGES}/{path.name}"] = path
    return found


def _outside() -> list[str]:
    """Paths to import from where nothing is kept apart."""
    package = _package()
    return [str(_HERE.parents[2]), *([str(package.parent)] if package else [])]


def _package() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None
