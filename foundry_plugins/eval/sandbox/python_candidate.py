# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The untrusted side of a Python program: answers what is asked of its functions.

Runs inside the sandbox, in a process of its own, on the standard library alone. The code of the
candidate can do to this process what it likes: all that leaves it is frames of plain data.
"""

from __future__ import annotations

import builtins
import errno
import socket
import sys
import types
from typing import Any

from foundry_plugins.eval.sandbox import channel

_MESSAGE_CHARS = 500
_TOO_MUCH = (errno.EFBIG, errno.ENOSPC)
Code = types.CodeType | dict[str, Any]


def compiled(source: str) -> Code:
    """Code of the candidate, or how it failed. Nothing of it is run.

    Raises:
        MemoryError: if that takes more than there is.
    """
    try:
        return compile(source, "candidate.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # null bytes and lone surrogates are ValueErrors
        return {"raise": "SyntaxError", "message": _text(error)}
    except RecursionError as error:
        return failure(error)
    except SystemError as error:  # a tokenizer without memory gives up without an exception
        raise MemoryError from error


def serve(sock: socket.socket, source: str, code: Code | None, output_bytes: int) -> None:
    """Runs the module, and then calls its functions until the other side is gone.

    A failure of the module is the answer to whatever is asked first.

    Args:
        sock: Where it is asked.
        source: Of the module.
        code: What `compiled` made of it elsewhere; None if that is left to this process.
        output_bytes: Of one answer.
    """
    if code is None:
        try:
            code = compiled(source)
        except MemoryError as error:
            code = failure(error)
    if isinstance(code, dict):
        channel.send(sock, code)
        return
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        channel.send(sock, failure(error))
        return
    while True:
        request = channel.receive(sock)
        answer = _answer(module, request)
        try:
            channel.send(sock, answer, output_bytes)
        except channel.NotPlainError as error:
            channel.send(sock, {"not_plain": f"the answer is too long: {error}"})


def _answer(module: types.ModuleType, request: Any) -> Any:
    names = module.__dict__
    if request["name"] is None:
        return {"value": None}
    classes = {name: value for name, value in names.items() if isinstance(value, type)}
    try:
        function = names.get(request["name"])
        if function is None:
            raise NameError(f"name {request['name']!r} is not defined")
        arguments, keywords = channel.decode(request["arguments"], classes)
        value = function(*arguments, **keywords)
    except BaseException as error:
        return failure(error)
    try:
        return {"value": channel.encode(value)}
    except channel.NotPlainError as error:
        return {"not_plain": _text(error)}
    except BaseException as error:  # of an iterator
        return failure(error)


def failure(error: BaseException) -> dict[str, Any]:
    """An exception as the nearest builtin one, since tests may expect it."""
    if not isinstance(error, Exception):
        return {"end": type(error).__name__}
    if isinstance(error, OSError) and error.errno in _TOO_MUCH:
        return {"not_plain": _text(error)}
    kinds = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
    name = next(name for name in kinds if hasattr(builtins, name))
    return {"raise": name, "message": f"{type(error).__name__}: {_text(error)}"}


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE_CHARS]
    except BaseException:  # the candidate's own __str__
        return ""
