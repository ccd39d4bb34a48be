# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as they lie in a save folder: which there are, whether they are whole, moved, linked.

When a checkpoint was saved is read off its name, by the format string that Composer wrote it with.
Whether it is whole is told without reading its tensors:

* one file: it is a zip archive, whose directory comes last, and each record begins where the
  directory says;
* a folder of shards: its index, which is written last, names every shard, and each is as long as
  the index says.

Everything is done by single renames, so a kill at any instant leaves each checkpoint either where
it was or where it goes.
"""

from __future__ import annotations

import enum
import itertools
import os
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from composer.utils import is_tar
from composer.utils.compression import is_compressed_pt

from foundry_plugins.host import shard_sizes

SET_ASIDE = "set_aside"
# From the coarsest on: in one run each grows with the others, those of an epoch within it.
_UNITS = (
    *("epoch", "batch", "sample", "token"),
    *("batch_in_epoch", "sample_in_epoch", "token_in_epoch"),
)
_RECORD = b"PK\x03\x04"  # a zip record's first bytes

Time = dict[str, int]  # unit -> count, in the order of _UNITS


class Content(enum.Enum):
    """What can be said of a checkpoint."""

    WHOLE = "whole"
    TORN = "torn"
    UNSEEN = "unseen"  # compressed, or its shards may lie on other machines


class Place(NamedTuple):
    """Where a run saves.

    Attributes:
        folder: Of the checkpoints.
        name: Format string of their names, all but times filled in.
        latest: The link to the newest one.
        machines: How many the run is on.
    """

    folder: Path
    name: str
    latest: Path
    machines: int = 1


class Saved(NamedTuple):
    """A checkpoint in a folder."""

    path: Path
    time: Time


def time_of_name(name: str, format_string: str) -> Time | None:
    """When a checkpoint of this name was saved, or None if it is not named so.

    A field that is no count, such as one of seconds, matches anything.
    """
    pattern, seen = "", set[str]()
    # Text and fields in turn.
    for position, part in enumerate(re.split(r"\{(\w+)[^}]*\}", format_string)):
        if position % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        elif part in _UNITS:
            pattern += rf"(?P<{part}>\d+)"
            seen.add(part)
        else:
            pattern += ".+"
    match = re.fullmatch(pattern, name)
    return match and {unit: int(match[unit]) for unit in _UNITS if unit in seen}


def is_later(time: Time, limit: Time) -> bool:
    """Whether ``time`` comes after ``limit``, by the units that both know."""
    units = [unit for unit in _UNITS if unit in time and unit in limit]
    return [time[unit] for unit in units] > [limit[unit] for unit in units]


def saved_in(place: Place) -> list[Saved]:
    """The checkpoints of a folder, whole or not, oldest first."""
    if not place.folder.is_dir():
        return []
    found = [(path, time_of_name(path.name, place.name)) for path in place.folder.iterdir()]
    saved = [Saved(path, t) for path, t in found if t is not None and path != place.latest]
    return sorted(saved, key=lambda one: ([*one.time.values()], one.path.name))


def content(path: Path, machines: int) -> Content:
    """Whether a checkpoint that exists is whole.

    Args:
        path: One file, or a folder of shards.
        machines: How many machines the shards may be spread over.
    """
    if path.is_dir():
        return _content_of_shards(path, machines)
    if is_tar(str(path)) or is_compressed_pt(str(path)):
        return Content.UNSEEN
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            for record in archive.infolist():
                file.seek(record.header_offset)
                end = record.header_offset + record.compress_size
                if file.read(len(_RECORD)) != _RECORD or end > archive.start_dir:
                    return Content.TORN
    except zipfile.BadZipFile:
        return Content.TORN
    return Content.WHOLE


def _content_of_shards(folder: Path, machines: int) -> Content:
    sizes = shard_sizes(folder)
    if sizes is None:
        return Content.TORN
    shards = {folder / name: size for name, size in sizes.items()}
    if all(path.is_file() and path.stat().st_size >= size for path, size in shards.items()):
        return Content.WHOLE
    return Content.UNSEEN if machines > 1 else Content.TORN


def set_aside(path: Path) -> Path | None:
    """Moves a checkpoint into ``set_aside/`` beside it; a name that is taken there gets a number.

    Returns:
        Where it is now; None if it is no longer there, since another machine that shares the
        folder has moved it.
    """
    folder = path.parent / SET_ASIDE
    folder.mkdir(exist_ok=True)
    names = itertools.chain([path.name], (f"{path.name}.{n}" for n in itertools.count(1)))
    free = next(folder / name for name in names if not os.path.lexists(folder / name))
    try:
        path.rename(free)
    except FileNotFoundError:
        return None
    return free


def link(latest: Path, path: Path) -> None:
    """Makes ``latest`` name ``path``, at one instant; a file of that name is set aside."""
    if latest.exists() and not latest.is_symlink():
        set_aside(latest)
    new = latest.with_name(f".{latest.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(os.path.relpath(path, latest.parent))
    new.replace(latest)
