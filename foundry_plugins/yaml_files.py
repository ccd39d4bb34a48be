# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The YAMLs that come with the package: found in a checkout and in an installed wheel alike."""

from __future__ import annotations

import shutil
from pathlib import Path

from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.contract.files import atomic_path


def folder() -> Path:
    """``yamls/`` of the checkout, or its copy inside the wheel."""
    package = Path(__file__).resolve().parent
    inside, beside = package / "yamls", package.parent / "yamls"
    return inside if inside.is_dir() else beside


def names() -> list[str]:
    """Paths below `folder`, sorted, such as ``quickstart/train.yaml``."""
    root = folder()
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.yaml"))


def find(name: str) -> Path:
    """The file of a name.

    Raises:
        UserError: naming the nearest one if there is none.
    """
    if name not in names():
        raise UserError(
            f"There is no YAML {name!r}{did_you_mean(name, names())}; "
            "`foundry-plugins yamls` lists them."
        )
    return folder() / name


def summary(name: str) -> str:
    """The first comment line of a YAML."""
    for line in find(name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and line.strip("# "):
            return line.strip("# ")
    return ""


def copy(name: str, destination: Path) -> Path:
    """Copies one YAML to a file or into a folder; never overwrites.

    Raises:
        UserError: if the destination file exists or the name is unknown.
    """
    source = find(name)
    target = destination / source.name if destination.is_dir() else destination
    require(not target.exists(), f"{target} exists already; choose another name or remove it.")
    with atomic_path(target) as partial:
        shutil.copyfile(source, partial)
    return target
