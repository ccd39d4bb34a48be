# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What languages make before their first program, kept between runs in the user's cache folder.

A precompiled header takes g++ five seconds and 150 MB. It holds for one version of the tools and of
this package's code, which its folder's name tells; folders of others go when nobody has asked for
them for a month. What was kept is read and compared before it is used, for a compiler that misses
half of it would refuse every program: file systems lose files, and some delete old ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
import uuid
from pathlib import Path

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import remove, write_json
from foundry_plugins.contract.log import logger
from foundry_plugins.eval.sandbox.languages.language import Language

_MANIFEST = "manifest.json"
_UNUSED_SECONDS = 30 * 24 * 3600
_log = logger(__name__)
_CODE = Path(__file__).with_name("languages")


def folder(language: Language) -> Path | None:
    """What `Language.make` made, now or for an earlier run; None where nothing can be kept.

    Several processes may ask at once: each makes its own, and the first one's is everybody's.

    Raises:
        UserError: if it cannot be made.
    """
    root = _root()
    if root is None:
        return None
    path = root / f"{language.name}-{_key(language)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            if _is_whole(path):
                os.utime(path)
                return path
            _log.warning("%s is damaged and made anew.", path)
            damaged = path.rename(root / f".{path.name}-{uuid.uuid4().hex}")
            remove(damaged)
        mine = Path(tempfile.mkdtemp(prefix=f".{language.name}-", dir=root))
    except OSError:  # no home, or one that cannot be written
        return None
    try:
        fill(language, mine)
        write_json(mine / _MANIFEST, _manifest(mine))
        with contextlib.suppress(OSError):  # another process was first
            mine.rename(path)
    except (OSError, UserError):  # a full disk; in a temporary folder it fails again if it must
        return None
    finally:
        remove(mine)
    _forget(root, language.name)
    return path


def _root() -> Path | None:
    """In the user's cache folder; relative paths are none (XDG Base Directory Specification)."""
    for cache in (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")):
        if os.path.isabs(cache):
            return Path(cache, "foundry_plugins", "languages")
    return None


def _manifest(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _MANIFEST:
            with path.open("rb") as file:
                name = str(path.relative_to(folder))
                found[name] = hashlib.file_digest(file, "blake2b").hexdigest()
    return found


def _is_whole(folder: Path) -> bool:
    try:
        return json.loads((folder / _MANIFEST).read_text()) == _manifest(folder)
    except (OSError, ValueError):
        return False


def fill(language: Language, folder: Path) -> None:
    """Has a language make what it needs, readable for the other user who reads it in a sandbox."""
    language.make(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _key(language: Language) -> str:
    """Of the tools that are installed and of the code that uses them."""
    found = hashlib.sha256()
    for tool in language.tools:
        path = os.path.realpath(language.where(tool) or tool)
        status = os.stat(path)
        found.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    for path in sorted(_CODE.iterdir()):
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _forget(root: Path, name: str) -> None:
    """Removes what other versions made and nobody asks for, and what killed processes left."""
    for path in (*root.glob(f"{name}-*"), *root.glob(f".{name}-*")):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _UNUSED_SECONDS:
                remove(path)
