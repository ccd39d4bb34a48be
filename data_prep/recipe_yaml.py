# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The YAML side of a recipe: file and ``key=value`` overrides to resolved plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError, did_you_mean, require

_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")


def read(path: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The resolved content without ``variables``, and which key takes its value from which.

    Raises:
        UserError: if the file is missing, is not YAML, or an override or interpolation does not
            fit it.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    config = _load_yaml(path)
    known = set(config.get("variables") or {})
    for override in overrides:
        _apply(config, override, known, path)
    taken_from = dict(_references(OmegaConf.to_container(config, resolve=False)))
    try:
        content = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: `{getattr(error, 'full_key', '')}`: {reason}.") from error
    assert isinstance(content, dict)
    content.pop("variables", None)
    return {str(key): value for key, value in content.items()}, taken_from


def _load_yaml(path: Path) -> Any:
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"There is no recipe {path}; give the path of a YAML file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} cannot be read as a text file: {error}.") from error
    try:
        plain = yaml.safe_load(text)
        # A second reading, because the host reads numbers such as 1e-3 by OmegaConf's rules.
        config = OmegaConf.create(text) if isinstance(plain, Mapping) else None
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"The recipe {path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"The recipe {path} is not valid YAML: {where}{reason}.") from error
    if config is None:
        raise UserError(f"The recipe {path} must hold `key: value` sections, got {text[:40]!r}.")
    variables = plain.get("variables")
    require(
        variables is None or isinstance(variables, Mapping),
        f"`variables` in {path} must be a section of `name: value` lines, got {variables!r}.",
    )
    return config


def _apply(config: Any, override: str, variables: set[str], path: Path) -> None:
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"The override {override!r} must read key=value, e.g. seed=18.")
    section, _, name = key.partition(".")
    if section == "variables" and name not in variables:
        raise UserError(
            f"`{key}` is not a variable of {path}{did_you_mean(name, variables)}; "
            f"it has: {', '.join(sorted(variables)) or 'none'}."
        )
    try:
        # merge=False: a section given on the command line replaces the one in the file.
        OmegaConf.update(config, key, yaml.safe_load(text), merge=False)
    except (OmegaConfBaseException, yaml.YAMLError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"The override {override!r} cannot be applied: {reason}.") from error


def _references(node: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, dotted key it refers to) of every value that is one interpolation."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _references(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(node, str) and (match := _INTERPOLATION.fullmatch(node)):
        yield prefix, match.group(1)
