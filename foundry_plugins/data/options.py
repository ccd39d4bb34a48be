# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The YAML sections ``fim:`` and ``diff:``, read and refused key by key."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)
from foundry_plugins.data.fim_settings import FIMSettings
from foundry_plugins.data.shards.sample import FULL, TARGET_ONLY, DiffOptions

_SETTINGS = frozenset(field.name for field in dataclasses.fields(FIMSettings))


@dataclasses.dataclass(frozen=True)
class FIMOptions:
    """The YAML section ``fim:``.

    Attributes:
        settings: How often and how to cut.
        sentinels: The family of models whose sentinel names are used.
        seed: Another seed gives other cuts.
        reseed_each_epoch: False gives the same cuts in every epoch, for validation.
    """

    settings: FIMSettings
    sentinels: str = "starcoder"
    seed: int = 0
    reseed_each_epoch: bool = True


_OWN = frozenset(field.name for field in dataclasses.fields(FIMOptions)) - {"settings"}


def fim_options(name: str, section: Mapping[str, Any] | None) -> FIMOptions | None:
    """The options of one stream; None where nothing is transformed.

    Args:
        name: Dotted path of the section, for messages.
        section: Its keys, those of the whole data set filled in.

    Raises:
        UserError: naming the key.
    """
    section = mapping(name, section)
    if not section:
        return None
    reject_unknown_keys(name, section, _SETTINGS | _OWN)
    own = {key: value for key, value in section.items() if key in _OWN}
    _require_type(name, own, "seed", int)
    _require_type(name, own, "reseed_each_epoch", bool)
    _require_type(name, own, "sentinels", str)
    seed = own.get("seed", 0)
    require(abs(seed) < 1 << 63, f"`{name}.seed` must be below 2**63, got {seed}.")
    try:
        settings = FIMSettings(**{k: v for k, v in section.items() if k in _SETTINGS})
    except UserError as error:
        # It knows the keys, but not where they stand.
        raise UserError(str(error).replace("`fim.", f"`{name}.")) from error
    return FIMOptions(settings=settings, **own) if settings.rate > 0 else None


def diff_options(name: str, section: Mapping[str, Any] | None) -> DiffOptions:
    """The options of ``diff:``.

    Raises:
        UserError: naming the key.
    """
    section = mapping(name, section)
    keys = [field.name for field in dataclasses.fields(DiffOptions)]
    reject_unknown_keys(name, section, keys)
    options = DiffOptions(**section)
    _require_type(name, section, "fim", bool)
    if options.loss not in (FULL, TARGET_ONLY):
        raise UserError(
            f"`{name}.loss` must be {FULL} or {TARGET_ONLY}, got {options.loss!r}"
            f"{did_you_mean(str(options.loss), (FULL, TARGET_ONLY))}."
        )
    require(
        not (options.fim and options.loss == TARGET_ONLY),
        f"`{name}.fim` mixes the input and the target of a diff, so `{name}.loss` cannot be "
        f"{TARGET_ONLY} with it; set one of them to its default (fim false, loss full).",
    )
    return options


def mapping(name: str, section: object) -> Mapping[str, Any]:
    """A section of a YAML; an empty one where nothing is given.

    Raises:
        UserError: for anything else than keys with values.
    """
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise UserError(f"`{name}` must be keys with values, got {section!r}.")
    return section


def _require_type(name: str, section: Mapping[str, Any], key: str, kind: type) -> None:
    value = section.get(key, kind())
    # In Python true and false are integers too.
    good = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    what = {bool: "true or false", int: "a whole number", str: "a name"}[kind]
    require(good, f"`{name}.{key}` must be {what}, got {value!r}.")
