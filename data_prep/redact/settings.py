# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The section of a recipe that says what is redacted."""

from __future__ import annotations

import dataclasses
import importlib.util
import ipaddress
import re
from typing import Literal

from foundry_plugins.contract.errors import UserError, require

NO_NAMES, NAMES_BY_PATTERN = "none", "pattern"

# Public resolvers stand in configuration everywhere: the list of SantaCoder's and StarCoder's
# pipeline (bigcode-project/bigcode-dataset, ``pii``) and the same services' IPv6 addresses.
DNS_SERVERS = (
    "8.8.8.8",
    "8.8.4.4",
    "1.1.1.1",
    "1.0.0.1",
    "76.76.19.19",
    "76.223.122.150",
    "9.9.9.9",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "8.26.56.26",
    "8.20.247.20",
    "94.140.14.14",
    "94.140.15.15",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2620:fe::fe",
    "2620:fe::9",
    "2620:119:35::35",
    "2620:119:53::53",
)
# Logins of services and names of SSH algorithms have the form of an address and are nobody's.
SERVICE_ADDRESSES = (
    "git@*",
    "hg@*",
    "noreply@*",
    "no-reply@*",
    "donotreply@*",
    "*@openssh.com",
    "*@libssh.org",
)


@dataclasses.dataclass(frozen=True)
class Redaction:
    """Personal data and credentials to replace.

    Attributes:
        emails: Addresses, but for those at domains that are reserved for examples (RFC 2606).
        ip_addresses: Public IPv4 and IPv6 addresses, not those of private, local, reserved and
            documentation networks.
        keys: API keys, tokens and private keys.
        passwords: In assignments, addresses, connection strings and commands.
        names: ``none``, ``pattern`` (persons in author, copyright and sign-off lines) or
            ``module:function``, a recognizer of yours: it is given a text and returns (start, end)
            in characters for each name. It must be importable by every worker.
        replacement: ``placeholder`` puts StarCoder's ``<EMAIL>``, ``<IP_ADDRESS>``, ``<KEY>``,
            ``<PASSWORD>``, ``<NAME>``. ``synthetic`` puts random valid values, equal ones for
            equal originals in the whole run; they follow from the recipe's seed, so whoever knows
            the seed and guesses an original can confirm it.
        keep_emails: Shell patterns of addresses that stay.
        keep_ip_addresses: Addresses and networks (``192.0.2.0/24``) that stay.
        keep_values: Any other values that stay, literally: published test keys, a project's list
            address.
    """

    emails: bool = True
    ip_addresses: bool = True
    keys: bool = True
    passwords: bool = True
    names: str = NO_NAMES
    replacement: Literal["placeholder", "synthetic"] = "placeholder"
    keep_emails: tuple[str, ...] = SERVICE_ADDRESSES
    keep_ip_addresses: tuple[str, ...] = DNS_SERVERS
    keep_values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(
            self.names in (NO_NAMES, NAMES_BY_PATTERN)
            or re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", self.names) is not None,
            f"`redaction.names` must be none, pattern or module:function, got {self.names!r}.",
        )
        module, colon, _ = self.names.partition(":")
        require(
            not colon or _is_installed(module),
            f"`redaction.names`: there is no module {module!r}; install it where this runs, or "
            "give none or pattern.",
        )
        for number, network in enumerate(self.keep_ip_addresses):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as error:
                raise UserError(
                    f"`redaction.keep_ip_addresses[{number}]` must be an IP address or a network "
                    f"such as 192.0.2.0/24, got {network!r}."
                ) from error


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
