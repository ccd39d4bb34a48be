# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The trusted side of a Python program: runs the benchmark's tests on answers from elsewhere.

Runs inside a sandbox of its own, on the standard library (and numpy, where tests need it), in one
process for all programs. A test sees exact builtin types that `channel.decode` made here; nothing
of the candidate runs in this process, so nothing that a candidate patches, walks or prints can
reach a verdict. What a function does to its arguments in place is not seen here; no benchmark asks
for it.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import signal
import socket
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from foundry_plugins.eval.sandbox import channel

_MESSAGE_CHARS = 500
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (MemoryError, "memory"),
    (SyntaxError, "syntax"),
    (NameError, "name"),
    (ImportError, "name"),
    (AttributeError, "name"),
    (TypeError, "type"),
)
GONE = "gone"  # the candidate's process ended; how is seen elsewhere


class EndedError(BaseException):
    """The candidate cannot be asked any more. No ``except Exception`` of a test hides it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Candidate:
    """The other side.

    Args:
        sock: Where it answers.
        output_bytes: Of one answer.
    """

    def __init__(self, sock: socket.socket, output_bytes: int) -> None:
        self._sock, self._output_bytes = sock, output_bytes
        self._asked = False
        self.classes: dict[str, type] = {}
        self.ended: EndedError | None = None
        self.raised: BaseException | None = None  # the last exception that came from there

    def greet(self) -> None:
        """Waits until the candidate's module has run, if nothing was asked of it."""
        if not self._asked:
            self._ask(None, None)

    def stand_in(self, name: str) -> Callable[..., Any]:
        """A function that asks the candidate's of that name."""

        def ask(*arguments: Any, **keywords: Any) -> Any:
            return self._ask(name, channel.encode((arguments, keywords), self.classes))

        ask.__name__ = ask.__qualname__ = name
        return ask

    def _ask(self, name: str | None, arguments: Any) -> Any:
        self._asked = True
        if self.ended is not None:
            raise self.ended
        # One that is gone may have said why before.
        with contextlib.suppress(ConnectionError):
            channel.send(self._sock, {"name": name, "arguments": arguments})
        return self._receive()

    def _receive(self) -> Any:
        try:
            answer = channel.receive(self._sock, self._output_bytes)
            if type(answer) is not dict:
                raise channel.NotPlainError("no answer")
            if "value" in answer:
                return channel.decode(answer["value"])
        except EOFError:
            raise self.end(GONE, "") from None
        except (channel.NotPlainError, NameError) as error:  # it has no classes to name
            raise self.end("output", str(error)) from None
        if "raise" in answer:
            self.raised = _exception(answer)
            raise self.raised
        if "end" in answer:
            raise self.end("exit", str(answer["end"]))
        if "not_plain" in answer:
            raise self.end("output", str(answer["not_plain"]))
        return None

    def end(self, kind: str, message: str) -> EndedError:
        """Remembers why nothing more can be asked."""
        self.ended = EndedError(kind, message)
        return self.ended


def _exception(answer: Mapping[str, Any]) -> Exception:
    kind = getattr(builtins, str(answer["raise"]), None)
    message = str(answer.get("message"))
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return Exception(message)
    try:
        return kind(message)
    except TypeError:  # UnicodeDecodeError and its like want more
        return ValueError(message) if issubclass(kind, ValueError) else Exception(message)


def judge(sock: socket.socket, request: Mapping[str, Any]) -> dict[str, str]:
    """Runs the tests: a kind of verdict, or `GONE`, and a message."""
    candidate = Candidate(sock, request["output_bytes"])

    def late(signum: int, frame: object) -> None:
        raise candidate.end("timeout", "its tests took too long")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    try:
        return _judge(candidate, request)
    except BaseException as error:  # too late, in the middle of telling another failure
        return _failed(error, candidate)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _judge(candidate: Candidate, request: Mapping[str, Any]) -> dict[str, str]:
    module = types.ModuleType("judge")
    sys.modules["judge"] = module
    names = module.__dict__
    try:
        exec(_compiled(request["trusted"]), names)
        test = _compiled(request["test"])
    except Exception as error:
        return _verdict("sandbox", f"the benchmark's own code: {_describe(error)}")
    found = (value for value in names.values() if isinstance(value, type))
    candidate.classes = {value.__name__: value for value in found if value.__module__ == "judge"}
    names.update({name: candidate.stand_in(name) for name in request["names"]})
    try:
        exec(test, names)
        candidate.greet()
    except BaseException as error:
        return _failed(error, candidate)
    if candidate.ended is not None:
        return _failed(candidate.ended, candidate)
    return _verdict("passed", "")


@functools.lru_cache(maxsize=1024)
def _compiled(text: str) -> types.CodeType:
    """Code of a benchmark, which is the same for all samples of a problem."""
    return compile(text, "benchmark.py", "exec", dont_inherit=True)


def _failed(error: BaseException, candidate: Candidate) -> dict[str, str]:
    if candidate.ended is not None:
        return _verdict(candidate.ended.kind, str(candidate.ended))
    if isinstance(error, channel.NotPlainError):
        return _verdict("sandbox", f"a test's argument cannot be sent: {error}")
    if error is candidate.raised:
        return _verdict(_kind(error), str(error))
    kind = "assertion" if isinstance(error, AssertionError) else _kind(error)
    return _verdict(kind, _describe(error))


def _kind(error: BaseException) -> str:
    return next((name for kind, name in _KINDS if isinstance(error, kind)), "exception")


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _verdict(kind: str, message: str) -> dict[str, str]:
    return {"kind": kind, "message": message[:_MESSAGE_CHARS]}
