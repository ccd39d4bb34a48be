# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Names of persons, where code credits them.

``pattern`` looks at the lines that are there to name someone: ``@author``, ``Author:``,
``__author__ =``, ``Copyright (c) 2014``, ``Signed-off-by:``, ``Created by ... on``. Two to four
capitalised words, none of which is an organisation's, are a name. Running text is left alone: no
pattern tells names there, which is what StarCoder trained a model for (arXiv 2305.06161, section
4); ``module:function`` puts such a model, or any other recognizer, in this one's place.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterable, Iterator

from data_prep.redact.scan import compile_scan
from data_prep.redact.settings import NAMES_BY_PATTERN, Redaction
from data_prep.redact.words import words
from foundry_plugins.contract.errors import UserError

Recognizer = Callable[[str], Iterable[tuple[int, int]]]

_YEARS = r"(?:\d{4}(?:[ ]?[-,/][ ]?(?:\d{4}|present|now))*,?[ \t]+)"
_MARK = r"(?:\(c\)|\xc2\xa9|&copy;)"
_VERBS = (
    "written|created|developed|maintained|coded|implemented|ported|modified|contributed|designed"
)
_SCAN = (
    r"(?:@authors?[ \t:]+|[\\@]copyright[ \t:]+|__(?:author|maintainer|credits)__[ \t]*[:=][ \t]*"
    r"|\b(?:authors?|maintainers?|contributors?|programmer)\b[\"']?[ \t]*[:=][ \t]*"
    rf"|module_author\([ \t]*|\b(?:re)?(?:{_VERBS})[ \t]+by[ \t:]+|\b[a-z]+(?:-[a-z]+)*-by:[ \t]*"
    rf"|\bcopyright[ \t]+(?:{_MARK}[ \t,]*)?{_YEARS}*|{_MARK}[ \t]*{_YEARS}+)"
    r"(?:by[ \t:]+)?[\"'\[(]*(?:<a href=[^>\n]*>)?"
)
_CAPITAL = rb"(?:[A-Z]|\xc3[\x80-\x9e])"
_LETTER = rb"(?:[A-Za-z'-]|[\xc3-\xc9][\x80-\xbf])"
_LOWER = rb"(?:[a-z']|[\xc3-\xc9][\x80-\xbf])"
_WORD = rb"(?:" + _CAPITAL + _LOWER + _LETTER + rb"*|[A-Z]\.)"
_PARTICLE = rb"(?:van|von|de|der|den|da|di|del|la|le|bin|al|ten|ter|zu)"
_NAME = re.compile(
    _WORD + rb"(?:[ ](?:" + _PARTICLE + rb"[ ]){0,2}" + _WORD + rb"){1,3}(?![A-Za-z])"
)
# A word of these in the name or right after it makes it an organisation, a role or a sentence.
_NO_PERSON = words(
    "inc llc ltd limited corp corporation company co gmbh ag sa bv pty plc foundation project "
    "author authors contributor contributors maintainer maintainers developer developers "
    "committers members team group community university institute college school laboratory "
    "laboratories lab labs research center centre society association consortium alliance "
    "department agency council committee union software systems technology technologies solutions "
    "services network networks security computing computer computers media studio studios games "
    "platforms platform ai google microsoft apple facebook meta amazon oracle intel nvidia mozilla "
    "apache linux python android huggingface the this all rights reserved license notice version "
    "copyright see file your name original unknown core open source free home page national "
    "international federal state states united regents california public domain permission created "
    "date with from for holders holder detector library framework engine tool tools suite"
)
_AFTER = re.compile(rb"[ ,]*([A-Za-z][\w.]*)?")
_YEAR_AFTER = re.compile(rb"[\s,]*(?:\d{4}|<|\(|\]\()")
_BARE_COPYRIGHT = re.compile(rb"copyright[ \t]+(?:by[ \t]+)?[\"'\[(]*\Z", re.IGNORECASE)
_NEXT = re.compile(rb",[ ]?(?:and[ ])?|[ ](?:and|&)[ ]")
_MOST_PERSONS = 5


def find(data: bytes, language: str, settings: Redaction) -> Iterator[tuple[int, int]]:
    r"""Yields (start, end) in bytes of every name.

    >>> text = b"# Copyright 2014 Google Inc.\n# Author: Jane van Dyke <x>\n@author Ada M. Quill\n"
    >>> found = find(text, "Python", Redaction(names="pattern"))
    >>> [text[start:end] for start, end in found]
    [b'Jane van Dyke', b'Ada M. Quill']
    """
    if settings.names != NAMES_BY_PATTERN:
        yield from _recognized(data, settings.names)
        return
    for match in compile_scan(_SCAN, ignore_case=True).finditer(data):
        # COPYRIGHT HOLDERS AND ... of a licence names nobody; Copyright Jane Roe 2013 does.
        bare = _BARE_COPYRIGHT.match(data, match.start(), match.end()) is not None
        place: int | None = match.end()
        # Several persons in a row: Jane Roe, Jim Roe and Joe Roe.
        for _ in range(_MOST_PERSONS):
            found = _NAME.match(data, place) if place is not None else None
            if (
                found is None
                or not _is_person(data, found)
                or (bare and not _YEAR_AFTER.match(data, found.end()))
            ):
                break
            yield found.span()
            following = _NEXT.match(data, found.end())
            place = following.end() if following else None


def _is_person(data: bytes, found: re.Match[bytes]) -> bool:
    after = _AFTER.match(data, found.end())
    words = [*found.group().split(), (after.group(1) if after else None) or b""]
    return not any(word.rstrip(b".").lower().decode("utf-8") in _NO_PERSON for word in words)


def _recognized(data: bytes, name: str) -> Iterator[tuple[int, int]]:
    text = data.decode("utf-8", "surrogatepass")
    recognizer = _recognizer(name)
    try:
        spans = sorted((int(start), int(end)) for start, end in recognizer(text))
    except Exception as error:
        # Whatever it raised may quote the text, which must not reach a log.
        raise UserError(
            f"`redaction.names`: {name} failed with {type(error).__name__}; it must return "
            "(start, end) pairs for a text. Its message is withheld, as it may quote the text."
        ) from None
    position, offset = 0, 0
    for start, end in spans:
        if not position <= start < end <= len(text):
            continue  # outside the text, empty or overlapping the one before
        begin = offset + len(text[position:start].encode("utf-8", "surrogatepass"))
        position, offset = end, begin + len(text[start:end].encode("utf-8", "surrogatepass"))
        yield begin, offset


@functools.lru_cache(maxsize=4)
def _recognizer(name: str) -> Recognizer:
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except AttributeError as error:
        raise UserError(
            f"`redaction.names`: the module {module} has no {function!r}; give module:function."
        ) from error
    return found
