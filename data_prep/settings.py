# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A YAML section checked against the parameters of what it configures.

A filter, a source or a section's dataclass says by its signature which keys exist, of which type
and with which default; there is no second list to keep in step.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)

_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def settings(section: str, target: Callable[..., object], got: object) -> dict[str, Any]:
    """The keyword arguments that a section gives, defaults filled in.

    Args:
        section: Dotted path of the section, for messages.
        target: A function (its keyword-only parameters count) or a dataclass (all of them do).
        got: The section as read from YAML; None (an empty section) stands for no keys.

    Raises:
        UserError: on an unknown or missing key or a value of another type.
    """
    got = {} if got is None else got
    if not isinstance(got, Mapping):
        raise UserError(f"`{section}` must be a section of `key: value` lines, got {got!r}.")
    hints = typing.get_type_hints(target)
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(target).parameters.items()
        if inspect.isclass(target) or parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    _reject_unknown(section, got, parameters)
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in got:
            values[name] = checked(f"{section}.{name}", got[name], hints[name])
        else:
            require(
                parameter.default is not inspect.Parameter.empty,
                f"`{section}.{name}` is missing; give {_describe(hints[name])}.",
            )
            values[name] = checked(f"{section}.{name}", parameter.default, hints[name])
    return values


def checked(key: str, value: object, hint: Any) -> Any:
    """``value`` if it is of the hinted type (a whole number passes for a number), else raises."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        if value is None:
            return None
        hint = next(choice for choice in typing.get_args(hint) if choice is not type(None))
    if typing.get_origin(hint) is tuple:
        if isinstance(value, list | tuple):
            item = typing.get_args(hint)[0]
            return tuple(checked(f"{key}[{n}]", entry, item) for n, entry in enumerate(value))
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise UserError(f"`{key}` must be {_describe(hint)}, got {value!r}.")


def find_module(section: str, package: str, name: str) -> types.ModuleType:
    """The file ``name.py`` of a package whose files are found by their names.

    Raises:
        UserError: naming what there is.
    """
    folder = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    if name not in names:
        raise UserError(
            f"`{section}`: there is no {name!r}{did_you_mean(name, names)}; "
            f"there is: {', '.join(names)}."
        )
    return importlib.import_module(f"{package}.{name}")


def _reject_unknown(section: str, got: Mapping[Any, Any], allowed: Mapping[str, object]) -> None:
    names = [str(key) for key in got]
    if not allowed:
        require(not names, f"`{section}` takes no keys, got `{', '.join(names)}`.")
    reject_unknown_keys(section, names, allowed)


def _describe(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        return f"a list, each entry {_describe(typing.get_args(hint)[0])}"
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(
            "null" if choice is type(None) else _describe(choice)
            for choice in typing.get_args(hint)
        )
    return _NAMES.get(hint, str(hint))
