# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A YAML section checked against the parameters of what it configures.

A filter, a source or a section's dataclass says by its signature which keys exist, of which type
and with which default; there is no second list to keep in step.
"""

from __future__ import annotations

import dataclasses
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
            # A dataclass fills in its own, which may be made by a factory.
            if not inspect.isclass(target):
                values[name] = checked(f"{section}.{name}", parameter.default, hints[name])
    return values


def checked(key: str, value: object, hint: Any) -> Any:
    """``value`` as the hinted type, else raises.

    A whole number passes for a number, one text for a list of texts, a section for a dataclass.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        choices = [choice for choice in arguments if choice is not type(None)]
        # Told apart by kind, so that a section's own keys are checked and named.
        is_section = isinstance(value, Mapping)
        fitting = [c for c in choices if (typing.get_origin(c) is dict) == is_section]
        return checked(key, value, (fitting if len(choices) > 1 and fitting else choices)[0])
    if origin is tuple:
        value = [value] if isinstance(value, str) and arguments[0] is str else value
        if isinstance(value, list | tuple):
            entries = enumerate(value)
            return tuple(checked(f"{key}[{n}]", entry, arguments[0]) for n, entry in entries)
    elif origin is dict:
        if isinstance(value, Mapping):
            entries = value.items()
            return {str(k): checked(f"{key}.{k}", entry, arguments[1]) for k, entry in entries}
    elif origin is typing.Literal:
        if value in arguments:
            return value
    elif dataclasses.is_dataclass(hint):
        return hint(**settings(key, hint, value))  # type: ignore[operator]
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
    if typing.get_origin(hint) is dict:
        return f"a section of `name: value` lines, each value {_describe(typing.get_args(hint)[1])}"
    if typing.get_origin(hint) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(hint)))}"
    if dataclasses.is_dataclass(hint):
        return "a section of `key: value` lines"
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(
            "null" if choice is type(None) else _describe(choice)
            for choice in typing.get_args(hint)
        )
    return _NAMES.get(hint, str(hint))
