# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that a user can mend, shown as one sentence instead of a traceback.

A `UserError` names the key or file, what was got, what is allowed and what to do. The commands of
this project catch it and exit with status 1. Under a host's launcher nobody catches it, so the
first `UserError` made in a process wraps ``sys.excepthook``: the sentence becomes the last line
that the process prints, whatever traceback printer the host installed. All other exceptions still
go to that printer.
"""

from __future__ import annotations

import difflib
import errno
import os
import sys
from collections.abc import Callable, Iterable
from types import TracebackType

_NO_SPACE = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "disk quota exceeded",
    errno.EFBIG: "file too large",
}


class UserError(ValueError):
    """A mistake in a YAML, a path or a machine's resources; the message is one full sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        _show_as_sentence()


def _show_as_sentence() -> None:
    previous = sys.excepthook
    if getattr(previous, "_shows_user_errors", False):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, UserError):
            sys.stdout.flush()
            print(f"Error: {error}", file=sys.stderr, flush=True)
        else:
            previous(kind, error, trace)

    hook._shows_user_errors = True  # type: ignore[attr-defined]
    sys.excepthook = hook


def did_you_mean(got: str, allowed: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` for a near miss, else an empty string."""
    near = difflib.get_close_matches(got, list(allowed), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def reject_unknown_keys(section: str, got: Iterable[str], allowed: Iterable[str]) -> None:
    """Raises if a YAML section holds a key that nothing reads.

    Args:
        section: Dotted path of the section as the user wrote it, e.g. ``train_loader.dataset``.
        got: The keys found.
        allowed: The keys that are read.

    Raises:
        UserError: naming the first unknown key, the nearest allowed one and all of them.
    """
    allowed = sorted(allowed)
    for key in got:
        if key not in allowed:
            raise UserError(
                f"`{section}.{key}` is not a known key{did_you_mean(key, allowed)}; "
                f"`{section}` takes: {', '.join(allowed)}."
            )


def require(condition: bool, message: str) -> None:
    """Raises `UserError` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise UserError(message)


def disk_full(error: OSError, path: object) -> UserError | None:
    """The sentence for a write that the disk refused, or None if ``error`` is something else."""
    if error.errno not in _NO_SPACE:
        return None
    return UserError(
        f"Cannot write {path}: {_NO_SPACE[error.errno]}; free some space or choose another folder, "
        "then run the same command again (finished parts are kept)."
    )


def run_command(command: Callable[[], object]) -> None:
    """Runs a command line; a user's mistake ends with one sentence and status 1.

    Tables that go to a file or a pipe are given room, since nobody can widen the window there.
    """
    if not sys.stdout.isatty():
        os.environ.setdefault("COLUMNS", "240")
    try:
        command()
    except UserError as error:
        sys.exit(f"Error: {error}")
    except OSError as error:
        full = disk_full(error, error.filename)
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(f"Error: {full or f'{where}{error.strerror or error}.'}")
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command continues where this one stopped.")
