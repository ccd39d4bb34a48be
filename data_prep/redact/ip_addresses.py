# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""IP addresses, versions 4 and 6.

Kept, as in SantaCoder's and StarCoder's pipeline (arXiv 2305.06161, section 4): private addresses
and well-known DNS servers. Kept as well: loopback, link-local, multicast, netmasks, networks for
documentation (all that the IANA registries do not call globally reachable), and look-alikes: four
numbers in the place of a version or a section, four single digits such as 1.2.3.4 (the pipeline
above drops those too, unless "dns" or "server" is near), numbers ending in ``.0.0``.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Iterator

from data_prep.redact.scan import compile_scan
from data_prep.redact.settings import Redaction

_V4 = r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
# Global unicast is 2000::/3, so the first group is written in full.
_V6 = r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]+"
_CONTEXT = 60
_LINE_BEFORE = re.compile(rb"[^\n]*\Z")
_VERSION_BEFORE = re.compile(
    rb"""
    (?: version s? | (?<![a-z]) (?: ver | vers | rev | release | tag | oid\w* | sdk | firmware
        | driver | build | sect(?:ion)?s? | sec | chapter | figure | table | appendix | clause
        | paragraph | step | rfc\s?\d+ | iso\s?[\d-]+ | v )
        | spec )
    _* [^\w\n]{0,12}
    (?: (?:is|to|from|of|no|number|at|and|or|name|const\w*|[=<>~!^]+) [^\w\n]{1,4} )?
    (?: [\d.]+ \s? [-,] \s? )* \Z
    | (?: (?<!=)==(?!=) | >= | <= | ~= | ~> | \^ | \w\s?<=? | \xc2\xa7 ) \s? ["']? (?<!==["']) \Z
    | ^ \#\#+ \s* \[? v? \Z                                # a heading of a change log
    | (?: ^ | [\s"'(;,] ) [A-Za-z][A-Za-z+_]* /v? \Z       # Chrome/4.0.249.0
    | \d\.\d+ \s? \( \Z                                    # 2.7.4 (2.7.0.40)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Arcs of object identifiers: X.500, PKCS and the like.
_OBJECT_IDENTIFIERS = (
    b"2.5.29.",
    b"2.5.4.",
    b"2.16.",
    b"1.3.6.",
    b"1.3.14.",
    b"1.3.101.",
    b"1.2.840.",
)
_COMMENT_BEFORE = re.compile(rb"(?://|#|\*|;|--|%)\s*(?:\(|\[)?\Z")
_SECTION_MAX = 40
_FILE_AFTER = re.compile(rb"\.(?!(?:nip|xip|sslip)\.io)[A-Za-z]|-[A-Za-z]|\.\d|\w")
_RANGE_BEFORE = re.compile(rb"\d\s?-\Z")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    """What a recipe names: single addresses and networks. Without equality: a key of caches."""

    addresses: frozenset[_Address]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def find(data: bytes, language: str, settings: Redaction) -> Iterator[tuple[int, int]]:
    r"""Yields (start, end) in bytes of every address that does not stay.

    >>> text = b"ssh 52.95.110.1; ping 10.0.0.1 8.8.8.8; version = '13.20.4.1'; [2a00:1450::5e]:80"
    >>> [text[start:end] for start, end in find(text, "Shell", Redaction())]
    [b'52.95.110.1', b'2a00:1450::5e']
    """
    kept = _kept(settings.keep_ip_addresses)
    for match in compile_scan(f"{_V4}|{_V6}").finditer(data):
        start, end = match.span()
        if b"." in data[start:end]:
            if _is_host4(data[start:end], kept) and _stands_alone(data, start, end):
                yield start, end
            continue
        while data[end - 1 : end] == b":" and data[end - 2 : end] != b"::":
            end -= 1
        if _is_host6(data, start, end, kept):
            yield start, end


@functools.lru_cache(maxsize=1 << 16)
def _is_host4(text: bytes, kept: _Kept) -> bool:
    octets = text.split(b".")
    numbers = [int(octet) for octet in octets]
    if max(numbers) > 255 or any(len(octet) > 1 and octet[:1] == b"0" for octet in octets):
        return False
    if max(numbers) < 10 or numbers[2:] == [0, 0] or text.startswith(_OBJECT_IDENTIFIERS):
        return False
    return _is_public(ipaddress.IPv4Address(bytes(numbers)), kept)


def _is_host6(data: bytes, start: int, end: int, kept: _Kept) -> bool:
    text = data[start:end]
    if text.count(b":") < 2 or re.match(rb"\w", data[end : end + 1]):
        return False
    before = data[start - 1 : start]
    escape = data[start - 2 : start - 1] == b"\\" and before in (b"n", b"t", b"r")
    if (before.isalnum() and not escape) or before in (b"_", b":", b"."):
        return False
    # x[2000::2] is a slice.
    if sum(map(bool, text.split(b":"))) < 3 and not re.search(rb"[A-Fa-f]", text):
        return False
    try:
        return _is_public(ipaddress.IPv6Address(text.decode()), kept)
    except ValueError:
        return False


def _is_public(address: _Address, kept: _Kept) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return address not in kept.addresses and not any(
        address in network for network in kept.networks if network.version == address.version
    )


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Whether four numbers are an address by what stands around them."""
    if _FILE_AFTER.match(data, end):
        return False
    line = _LINE_BEFORE.search(data, max(0, start - _CONTEXT), start)
    before = line.group() if line else b""
    last = before[-1:]
    if (last.isalnum() or last == b"_") and not re.search(rb"\\[ntr]\Z", before):
        return False
    if last == b"." or (last == b"-" and not _RANGE_BEFORE.search(before)):
        return False
    if _COMMENT_BEFORE.search(before) and max(map(int, data[start:end].split(b"."))) < _SECTION_MAX:
        return False  # // 4.2.6.10 of a standard
    return _VERSION_BEFORE.search(before) is None


@functools.lru_cache(maxsize=8)
def _kept(texts: tuple[str, ...]) -> _Kept:
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    return _Kept(
        frozenset(network[0] for network in networks if network.num_addresses == 1),
        tuple(network for network in networks if network.num_addresses > 1),
    )
