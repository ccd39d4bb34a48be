# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``checkpoint_repair``: a run that was killed while it saved starts again by itself.

Composer writes a checkpoint under its final name, removes the link ``latest`` and makes it anew;
``autoresume`` loads what ``latest`` names. A kill in between leaves a checkpoint later than that
one, at which Composer refuses to train, at every restart; or no ``latest``, so that with
``save_overwrite`` the run begins at batch 0 over its own checkpoints. Before anything is loaded,

* where ``latest`` names a whole checkpoint, later ones go into ``SAVE_FOLDER/set_aside``;
* where it does not, it is made to name the newest whole checkpoint, and later ones are set aside;
* where there is just one checkpoint, torn, and no ``latest``, the run was killed in its first save:
  that one is set aside, and the run begins as it did the first time;
* where there are others, none of them whole, the run ends with an error.

Nothing is ever deleted, and the log says what was done. A kill in the middle is mended by the next
start. One process decides, and the first of each machine moves what lies there. When the shards of
a checkpoint are spread over machines, none sees whether it is whole: then ``latest`` is trusted,
and if it is lost the run ends with an error that says how to link by hand. So it is with compressed
checkpoints.

Only a run with ``autoresume: true`` is looked after. Any other that is given a used folder has not
said that it goes on with what is there, so nothing is touched, and Composer refuses as before. A
callback cannot ask the trainer which it is, so the YAML is read.

A save folder on an object store needs nothing at the start: here it is a new temporary folder each
time, and a checkpoint's upload is whole or is not there. But a kill after it and before that of the
link leaves a name at which Composer refuses to upload once the run gets there again;
``save_overwrite: true`` is safe there, since the link is never missing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from composer.callbacks import CheckpointSaver
from composer.core import State
from composer.loggers import Logger
from composer.utils import dist, format_name_with_dist
from llmfoundry.interfaces import CallbackWithConfig

from foundry_plugins.callbacks.checkpoint_files import (
    Content,
    Place,
    Saved,
    Time,
    content,
    is_later,
    link,
    saved_in,
    set_aside,
    time_of_name,
)
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.log import logger

_SECTION = "callbacks.checkpoint_repair"

log = logger(__name__)


class CheckpointRepair(CallbackWithConfig):
    """Puts a save folder in order, for LLM Foundry's ``callbacks_with_config`` registry.

    ```yaml
    autoresume: true
    callbacks:
      checkpoint_repair: {}
    ```

    Args:
        train_config: The whole training YAML, which Foundry hands over.
    """

    def __init__(self, train_config: Any, **unknown: Any) -> None:
        require(
            not unknown,
            f"`{_SECTION}` takes no settings, got {', '.join(unknown)}; write "
            "`checkpoint_repair: {}`.",
        )
        # `foundry-plugins check` has an object in place of the mapping.
        config = train_config if isinstance(train_config, Mapping) else vars(train_config)
        self.acts = bool(config.get("autoresume"))

    def before_load(self, state: State, logger: Logger) -> None:
        """Comes before autoresume looks for ``latest``, and after models have been sharded."""
        savers = [c for c in state.callbacks if isinstance(c, CheckpointSaver)]
        # Autoresume asks the first one.
        if not self.acts or not savers or savers[0].remote_uploader is not None:
            return
        outcome = [_decide(savers, state) if dist.get_global_rank() == 0 else None]
        dist.broadcast_object_list(outcome)
        decision = outcome[0]
        assert decision is not None
        problem = decision.problem
        if problem is None and decision.limit is not None and dist.get_local_rank() == 0:
            problem = _clear(decision.places, decision.limit)
        # All ranks wait for all machines here, and end together.
        for found in dist.all_gather_object(problem):
            if found is not None:
                raise UserError(found)


class _Decision(NamedTuple):
    """What one process tells the others."""

    places: list[Place]
    limit: Time | None = None  # what is later goes; None: nothing does
    problem: str | None = None


def _decide(savers: list[CheckpointSaver], state: State) -> _Decision:
    places = [
        _place(saver, state)
        for saver in savers
        if saver.remote_uploader is None and saver.latest_filename is not None
    ]
    # Without a name for the link Composer refuses to resume.
    if savers[0].latest_filename is None:
        return _Decision(places)
    try:
        return _Decision(places, limit=_settle(places[0]))
    except UserError as error:
        return _Decision(places, problem=str(error))
    except OSError as error:
        return _Decision(places, problem=_cannot(places[0].folder, error))


def _place(saver: CheckpointSaver, state: State) -> Place:
    def filled(text: str) -> str:
        return format_name_with_dist(text, state.run_name)

    assert saver.latest_filename is not None
    name = Path(saver.filename.filename)
    if state.fsdp_sharded_state_dict_enabled:
        assert state.fsdp_config is not None
        name = name.parent / state.fsdp_config.sharded_ckpt_prefix_dir
    root = Path(filled(saver.folder))
    return Place(
        folder=root / filled(str(name.parent)),
        name=filled(name.name),
        latest=root / filled(saver.latest_filename.filename),
        machines=dist.get_world_size() // dist.get_local_world_size(),
    )


def _settle(place: Place) -> Time | None:
    """Makes ``latest`` name a checkpoint that can be loaded.

    Returns:
        When that one was saved; None if there is none and nothing to move.

    Raises:
        UserError: if no checkpoint is whole, or it cannot be seen.
    """
    saved = saved_in(place)
    if place.latest.exists():
        found = content(place.latest.resolve(), place.machines)
        if found is not Content.TORN:
            return _time_of_latest(place, found) if saved else None
    elif not saved:
        return None
    if len(saved) == 1 and not os.path.lexists(place.latest) and _is_torn(saved[0], place):
        log.warning(
            "checkpoint_repair: %s, the only checkpoint, is not whole: the run was killed in its "
            "first save, and begins anew.",
            saved[0].path,
        )
        return dict.fromkeys(saved[0].time, -1)
    whole = next((one for one in reversed(saved) if not _is_torn(one, place)), None)
    if whole is None:
        raise UserError(
            f"No checkpoint in {place.folder} is whole, and {place.latest} names none that is: put "
            "a copy of one there and start again, or move the folder away to begin at batch 0."
        )
    link(place.latest, whole.path)
    log.warning("checkpoint_repair: %s named nothing whole; linked %s.", place.latest, whole.path)
    return whole.time


def _is_torn(one: Saved, place: Place) -> bool:
    found = content(one.path, place.machines)
    if found is Content.UNSEEN:
        raise UserError(
            f"{place.latest} names no whole checkpoint, and whether {one.path} is one cannot be "
            "told, since it is compressed or its shards lie on several machines; if it is, run "
            f"`ln -sfn {os.path.relpath(one.path, place.latest.parent)} {place.latest}`, else link "
            "an earlier one or move the folder away to begin at batch 0."
        )
    return found is Content.TORN


def _time_of_latest(place: Place, found: Content) -> Time | None:
    name = os.readlink(place.latest) if place.latest.is_symlink() else place.latest
    time = time_of_name(Path(name).name, place.name)
    if time is None and found is Content.WHOLE:
        # A download, or a link to a name of the user's.
        from foundry_plugins.averaging.checkpoints import open_checkpoints

        (one,) = open_checkpoints([place.latest])
        time = {"batch": one.batch}
    return time


def _clear(places: list[Place], limit: Time) -> str | None:
    """Sets aside what is later than ``limit``; returns what went wrong.

    The ``latest`` of a second saver may then name nothing: only its next save looks at it.
    """
    for place in places:
        try:
            for one in saved_in(place):
                moved = set_aside(one.path) if is_later(one.time, limit) else None
                if moved is not None:
                    log.warning(
                        "checkpoint_repair: moved %s to %s: it is later than the checkpoint that "
                        "the run goes on from.",
                        one.path,
                        moved,
                    )
        except OSError as error:
            return _cannot(place.folder, error)
    return None


def _cannot(folder: Path, error: OSError) -> str:
    return f"`{_SECTION}` cannot put {folder} in order: {error}; mend that and start again."
