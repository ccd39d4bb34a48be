# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of a language beside Python, and reads from how it ended what went wrong."""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
from typing import Any

from foundry_plugins.eval.sandbox.box import Box
from foundry_plugins.eval.sandbox.languages.language import (
    PROOF,
    Command,
    CompileError,
    Language,
)
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import PASSED, Program, Verdict
from foundry_plugins.eval.sandbox.python_programs import how_it_ended

_OPEN_FILES = 256
_MESSAGE_CHARS = 500
_NEARLY = 0.8


def run(program: Program, language: Language, box: Box, limits: Limits) -> Verdict:
    """Runs a program in a sandbox.

    Raises:
        DeadError: if the sandbox ended.
    """
    word = secrets.token_hex(16)
    try:
        job = language.job(program, word, box.scratch, limits)
    except CompileError as error:
        return Verdict("compile", str(error)[:_MESSAGE_CHARS])
    files = {name: content.hex() for name, content in job.files.items()}
    commands = [_request(command) for command in job.commands]
    box.ask({"do": "commands", "files": files, "commands": commands, "proof": PROOF})
    reply = box.reply(sum(command.limits.wall_seconds for command in job.commands))
    ended = reply["commands"]
    last, command = ended[-1], job.commands[len(ended) - 1]
    kind, message = _judgement(last, command, language, passed=reply["left"] == word)
    wall = sum(one["wall_seconds"] for one in ended)
    cpu = sum(one["cpu_seconds"] for one in ended)
    return Verdict(kind, message[:_MESSAGE_CHARS], round(wall, 4), round(cpu, 4))


def _request(command: Command) -> dict[str, Any]:
    limits = dataclasses.asdict(command.limits)
    limits["address_bytes"] = limits["memory_bytes"] if command.bounded_address else 0
    limits["open_files"] = _OPEN_FILES
    return {
        "argv": command.argv,
        "limits": limits,
        "environment": dict(command.environment),
        "error_bytes": min(command.limits.output_bytes, 1 << 16),
    }


def _judgement(
    ended: Any, command: Command, language: Language, *, passed: bool
) -> tuple[str, str]:
    errors = ended["errors"].strip()
    status = ended["status"]
    if ended["why"] is None and status == 0:
        if passed:
            return PASSED, ""
        return "exit", "ended with status 0 before its tests did"
    if command.compiles:
        return "compile", errors or how_it_ended(ended, command.limits)[1]
    kind, message = how_it_ended(ended, command.limits)
    if kind == "exit" and ended["cpu_seconds"] > _NEARLY * command.limits.cpu_seconds:
        return "timeout", message  # of a child, whose end it did not survive
    signalled = os.WIFSIGNALED(status)
    # Only an abort says more about itself than its signal.
    if kind in ("exit", "killed") and (not signalled or os.WTERMSIG(status) == signal.SIGABRT):
        told = next((name for sign, name in language.signs if sign in errors), None)
        return told or ("killed" if signalled else "exception"), errors or message
    return kind, message
