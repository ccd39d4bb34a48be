# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Trying again: exponential backoff, spread by a hash.

The n-th pause is ``min(0.25 * 2**n, 30)`` seconds times a factor in [0.5, 1) that a hash of the url
and n decides, so that many clients of a store that comes back do not all return at the same
instant, and a rerun waits the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from data_prep.stores import Store
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.stateless_hash import uniform

Result = TypeVar("Result")

# A store that restarts or throttles is back within minutes; one that never answered is misnamed.
PATIENCE_SECONDS = 300.0
FIRST_CONTACT_SECONDS = 6.0

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger(__name__)


def pause_seconds(url: str, attempt: int) -> float:
    """How long to wait after the ``attempt``-th try (counted from 0) failed."""
    longest = min(_FIRST_PAUSE_SECONDS * 2.0**attempt, _LONGEST_PAUSE_SECONDS)
    return longest * (0.5 + 0.5 * uniform("pause", url, attempt))


def patiently(
    store: Store,
    url: str,
    doing: str,
    action: Callable[[], Result],
    patience_seconds: float | None = None,
    advice: str = "check the store and the network, then run the same command again",
) -> Result:
    """Calls ``action`` until it succeeds, fails for good, or has failed for too long.

    Args:
        store: Tells errors apart.
        url: What is worked on, for messages.
        doing: ``read``, ``write`` or ``list``.
        action: What to do; harmless to repeat.
        patience_seconds: No try starts later than this after the first failure;
            `PATIENCE_SECONDS` if not given.
        advice: What to do if it has failed for too long.

    Raises:
        UserError: naming the url and what to do.
    """
    patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    start = time.monotonic()
    # A long transfer that fails deserves another try, however long it took.
    first_failure = None
    attempt = 0
    while True:
        try:
            return action()
        except store.errors as error:
            sentence = store.explain(error, url, doing)
            if sentence is not None:
                raise UserError(sentence) from error
            pause = pause_seconds(url, attempt)
            attempt += 1
            now = time.monotonic()
            first_failure = first_failure or now
            if now - first_failure + pause > patience:
                tries = "one try" if attempt == 1 else f"{attempt} tries"
                raise UserError(
                    f"Could not {doing} {url}: gave up after {tries} in {now - start:.0f} s, the "
                    f"last error was: {_short(error)}; {advice}."
                ) from error
            _log.warning("Trying to %s %s again in %.1f s: %s", doing, url, pause, _short(error))
            time.sleep(pause)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".") if len(text) <= 200 else f"{text[:200]}..."
