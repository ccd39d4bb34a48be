# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""API keys, tokens and private keys.

Found by shape (`key_formats`, which wraps detect-secrets 1.5.0), by the name that random text is
given to (``client_secret = "..."``, ``Authorization: Bearer ...``), by the armour of a private key,
and, for an AWS secret key, by the key id beside it. What was found by shape or name must then look
drawn at random (`randomness`) and not written for the reader (`placeholders`).

BigCode's pipeline scans file by file with all of detect-secrets, random strings of any name
included, and filters gibberish and hashes afterwards (arXiv 2305.06161, section 4). Here a random
string needs a name, a shape or a place: hashes, identifiers and embedded data have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_prep.redact.assignments import Assignment, Assignments
from data_prep.redact.key_formats import matches
from data_prep.redact.placeholders import is_filler, is_template
from data_prep.redact.randomness import entropy, is_hex, is_random
from data_prep.redact.scan import compile_scan
from data_prep.redact.settings import Redaction
from data_prep.redact.words import words

_SHORTEST, _LONGEST = 16, 300
# Apart, each begins with letters that RE2 looks for first, at several GB/s.
_ARMOURS = (r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----", r"PuTTY-User-Key-File-[0-9]:")
# Lines of base64, of a file or of one string; then the next of several strings.
_LINES = re.compile(rb"[A-Za-z0-9+/=]{16,}(?:(?:\r?\n[ \t*#/]*|(?:\\r)?\\n)[A-Za-z0-9+/=]{4,})*")
_BETWEEN_LINES = re.compile(rb"(?:\\[nrt]|[\s\"'`+,;&.\\*#()])*")
# Proc-Type: 4,ENCRYPTED and the like, which come before.
_HEADERS = re.compile(rb"(?:(?:\s|\\n){0,9}[A-Z][A-Za-z-]{1,30}: ?[^\n\\]{0,200}(?:\n|\\n)){0,9}")
_MOST_LINES = 400
# Words before the last one that make it no secret, or no key at all (mon-key, hot-key).
_NO_KEY = words(
    "public pub publishable site csrf xsrf primary foreign cache sort hash partition object lookup "
    "map dict index group unique storage locale translation page next continuation cursor host "
    "idempotency fingerprint sha sha1 sha256 md5 checksum digest commit etag integrity resource "
    "document file image blob row entity event shortcut hot anchor selector cancellation ssh "
    "widget global type class field registry get update delete create find mon tur whis don joc "
    "hoc o"
)
# An idempotency token, not a credential.
_NO_TOKEN = words("client request change action zone sync resume upload download operation")
# What makes a UUID a key.
_KEY_OF = words("api auth access app private secret service bot refresh consumer master admin")
_NAMES = r"secret|token|key|credentials?|creds|auth|bearer|basic|appid|salt|webhook|pat"
_ASSIGNMENTS = Assignments(_NAMES, _SHORTEST, _LONGEST)
_LAST_NAME = re.compile(rf"(.*?)(?:{_NAMES})s?$")
# Of these the hex form is a fingerprint.
_NO_HEX_KEY = words("gpg pgp release signer maintainer trusted")
# Authorization: Bearer x
_SCHEMES = words("bearer basic token apikey")
_WEAK_NAMES = words("key auth pat salt webhook appid")
_HASH_NEAR = re.compile(rb"(?i)sha-?\d|md5|hash|checksum|digest|commit|integrity|revision")
# Addresses, escapes, patterns; how public keys begin in DER and SSH.
_NO_VALUE = re.compile(
    r"://|\\|\(\?|\[\^|\]\[|^(?:MFkwEwYHKoZIzj|MHYwEAYHKoZIzj|MII[BC]IjANBgkq|MIG[efJ]MA0GCSq|MCowBQYDK2|AAAA[BCE]3N|AAAAE2V)"
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_DOTTED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$][\w$]*)+$")
_SECRET_BESIDE = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")
# A long run of base64 and a slash before a shape.
_ENCODED = re.compile(rb"[A-Za-z0-9+/]{60,}/\Z")
_BESIDE = 250


def find(data: bytes, language: str, settings: Redaction) -> Iterator[tuple[int, int]]:
    r"""Yields (start, end) in bytes of every key.

    >>> text = b'API_KEY = "9uKEmFfXzOWo69EeNQnWrqfMU"\nid = "9uKEmFfXzOWo69EeNQnWrqfMU"\n'
    >>> list(find(text, "Python", Redaction()))
    [(11, 36)]
    """
    yield from _armoured(data)
    for start, end in matches(data):
        if _alone(data, start, end) and _is_shaped_key(data[start:end].decode("latin-1")):
            yield start, end
            if data[start : start + 4] in (b"AKIA", b"ASIA"):
                yield from _beside_key_id(data, start, end)
    for found in _ASSIGNMENTS.find(data, language):
        if _is_named_key(found, language):
            yield found.start, found.end


def _armoured(data: bytes) -> Iterator[tuple[int, int]]:
    """The lines after the armour of a private key, also where each is a string of its own."""
    found = (match for armour in _ARMOURS for match in compile_scan(armour).finditer(data))
    for match in found:
        headers = _HEADERS.match(data, match.end())
        place = headers.end() if headers else match.end()
        for _ in range(_MOST_LINES):
            between = _BETWEEN_LINES.match(data, place)
            lines = _LINES.match(data, between.end() if between else place)
            if lines is None:
                break
            yield lines.span()
            place = lines.end()


def _alone(data: bytes, start: int, end: int) -> bool:
    """Whether a shape is not a piece of a longer run of letters, such as encoded data."""
    before, after = data[start - 1 : start], data[end : end + 1]
    if before.isalnum():
        # https://api.telegram.org/bot123456:AA..., "\nAKIA..."
        return data[start - 3 : start] == b"bot" or data[start - 2 : start] in (b"\\n", b"\\t")
    return not (
        before == b"+"
        or after.isalnum()
        or after in (b"+", b"/")
        or _ENCODED.search(data, max(0, start - 80), start)
    )


def _is_shaped_key(value: str) -> bool:
    """Whether what has a vendor's shape has a random part."""
    if is_filler(value) or entropy(value) < 2.8:
        return False
    # A shape without a random part is a name: hf_TokenClassificationOutputAndSoOn. Some shapes
    # have letters in front that belong to no random part and are set off by nothing.
    pieces = [value, value[2:], value[4:], *re.split(r"[^A-Za-z0-9]+", value)]
    return any(map(is_random, pieces)) or value.startswith(("AKIA", "ASIA"))


def _is_named_key(found: Assignment, language: str) -> bool:
    """Whether a literal under a name like ``api_key`` is one."""
    value, words = found.value, found.words
    if found.separator == " " and not found.quoted and "".join(words) in _SCHEMES:
        return _is_drawn(value)
    if not found.is_literal_in(language):
        return False
    last = _LAST_NAME.match(words[-1]) if words else None
    before = (last.group(1) if last else "") or (words[-2] if len(words) > 1 else "")
    if before in _NO_KEY or "public" in words or "pub" in words:
        return False
    if words[-1].endswith("token") and before in _NO_TOKEN:
        return False
    if _UUID.match(value):
        return before in _KEY_OF or words[-1].endswith("secret")
    weak = len(words) < 2 and not before and _WEAK_NAMES.issuperset(words)
    if weak and (len(value) < 20 or not any(map(str.isdigit, value))):
        return False
    if is_hex(value) and (weak or _NO_HEX_KEY.intersection(words)):
        return False
    if is_hex(value) and _HASH_NEAR.search(found.before):
        return False
    return _is_drawn(value)


def _is_drawn(value: str) -> bool:
    """Whether a value is random text, not a template, a reference or a public key."""
    if is_template(value) or is_filler(value) or _NO_VALUE.search(value):
        return False
    # settings.API_KEY: a reference. A dotted key has a random part.
    reference = _DOTTED.match(value) and not any(map(is_random, re.split(r"[.:]+", value)))
    return not reference and is_random(value)


def _beside_key_id(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The secret key of AWS, which has no shape of its own, near the id of the key."""
    for found in _SECRET_BESIDE.finditer(data, max(0, start - _BESIDE), end + _BESIDE):
        value = found.group().decode()
        if not is_hex(value) and not is_filler(value) and is_random(value):
            yield found.span()
