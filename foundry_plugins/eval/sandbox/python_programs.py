# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Judges a Python program: tests in one sandbox, the candidate in another, a pipe between them."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import Any

from foundry_plugins.eval.sandbox.box import Box
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import PythonProgram, Verdict

_GONE = "gone"
_DYING_SECONDS = 0.5
_OPEN_FILES = 64
_JUDGE_SECONDS = 1.0  # longer than the candidate, so that it is the candidate that is late


def run(program: PythonProgram, candidate: Box, judge: Box, limits: Limits) -> Verdict:
    """Runs a program in two sandboxes.

    Raises:
        DeadError: if one of them ended.
    """
    theirs, ours = socket.socketpair()
    start = time.monotonic()
    with theirs, ours:
        source = {"do": "candidate", "source": program.candidate}
        bounds = {"limits": process_limits(limits), "output_bytes": limits.output_bytes}
        candidate.ask({**source, **bounds}, theirs)
        seconds = limits.wall_seconds + _JUDGE_SECONDS
        test = {"trusted": program.trusted, "test": program.test, "names": program.names}
        bounds = {"memory_bytes": limits.memory_bytes, "output_bytes": limits.output_bytes}
        judge.ask({"do": "judge", "seconds": seconds, **test, **bounds}, ours)
    judged = judge.reply(seconds)
    kind, message = judged["kind"], judged["message"]
    if kind == _GONE:
        # Its own end tells more than ours: the kernel keeps the last signal, not the first.
        candidate.ready(_DYING_SECONDS)
    candidate.ask({"do": "stop"})
    ended = candidate.reply(limits.wall_seconds)
    if kind == _GONE:
        kind, message = how_it_ended(ended, limits)
    wall = time.monotonic() - start
    return Verdict(kind, message, round(wall, 4), round(ended["cpu_seconds"], 4))


def process_limits(limits: Limits) -> dict[str, Any]:
    """Those of a process, as `confine` takes them."""
    return {
        "cpu_seconds": limits.cpu_seconds,
        "wall_seconds": limits.wall_seconds,
        "memory_bytes": limits.memory_bytes,
        "address_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "file_bytes": limits.file_bytes,
        "open_files": _OPEN_FILES,
    }


def how_it_ended(ended: Any, limits: Limits) -> tuple[str, str]:
    """Kind and message for a process that ended before its time."""
    if ended["why"] == "wall":
        return "timeout", f"more than {limits.wall_seconds} s by the clock"
    if ended["why"] == "memory":
        return "memory", f"more than {limits.memory_bytes} bytes"
    if ended["why"] == "cpu":
        return "timeout", f"more than {limits.cpu_seconds} s of CPU time, its children's with it"
    status = ended["status"]
    if not os.WIFSIGNALED(status):
        return "exit", f"ended with status {os.waitstatus_to_exitcode(status)} before its tests"
    signum = os.WTERMSIG(status)
    if signum == signal.SIGXCPU or (
        signum == signal.SIGKILL and ended["cpu_seconds"] > limits.cpu_seconds
    ):
        return "timeout", f"more than {limits.cpu_seconds} s of CPU time"
    if signum == signal.SIGXFSZ:
        return "output", f"a file of more than {limits.file_bytes} bytes"
    if ended["why"] == "stopped":
        return "exit", "closed its channel before its tests ended"
    return "killed", f"killed by signal {signum}"
