# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Snippets of code with planted secrets, for measuring redaction.

Written from vendors' own descriptions of their credentials and from how such values stand in real
projects, not from the detectors. Every value is drawn from a seed and opens nothing. Labels name
the sort of secret, so that a report can say which sorts are missed. ``bare`` ones stand where
nothing but their randomness gives them away.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable, Iterator

from benchmarks.planted_contexts import (
    ASSIGNMENTS,
    BARE_CONTEXTS,
    EMAIL_CONTEXTS,
    IPV4_CONTEXTS,
    IPV6_CONTEXTS,
    NAME_CONTEXTS,
    NAMED_CONTEXTS,
    PASSWORD_CONTEXTS,
    SHAPED_CONTEXTS,
)
from benchmarks.planted_values import (
    ALNUM,
    FIRST_NAMES,
    HEX,
    LAST_NAMES,
    NAMED,
    PASSWORD_NAMES,
    SHAPED,
    email,
    ipv4,
    ipv6,
    of,
    password,
)


@dataclasses.dataclass(frozen=True)
class Planted:
    """A snippet and where its secrets are: (start, end, kind, label) in characters."""

    text: str
    language: str
    spans: tuple[tuple[int, int, str, str], ...] = ()


def mark(kind: str, label: str, value: str) -> str:
    """A value between marks that `planted` takes out."""
    return f"\ue000{kind}\ue001{label}\ue001{value}\ue002"


def planted(marked: str, language: str) -> Planted:
    """The snippet of a text whose secrets are between marks."""
    text, spans, length = [], [], 0
    for piece in re.split("(\ue000[^\ue002]*\ue002)", marked):
        if piece.startswith("\ue000"):
            kind, label, value = piece[1:-1].split("\ue001")
            spans.append((length, length + len(value), kind, label))
            piece = value
        text.append(piece)
        length += len(piece)
    return Planted("".join(text), language, tuple(spans))


def names_of(text: str) -> dict[str, str]:
    """A name in the cases of programming, by the letters that the contexts use."""
    parts = text.split()
    pascal = "".join(part.title() for part in parts)
    return {
        "s": "_".join(parts),
        "U": "_".join(parts).upper(),
        "k": "-".join(parts),
        "P": pascal,
        "c": pascal[0].lower() + pascal[1:],
    }


def _place(r: random.Random, contexts: dict[str, tuple[str, ...]], **fields: str) -> Planted:
    language = r.choice(sorted(contexts))
    return planted(r.choice(contexts[language]).format(**fields), language)


# Lines around a snippet, so that it does not always stand at the start and the end of a text.
_BEFORE = (
    "",
    "import os\n\n",
    "// see http://docs.service.io/guide\n",
    "# TODO: tidy 2024-01-02 10:11\n",
    "x = foo(1, 2);\n\n",
    "/* helper */\n",
    "  timeout: 30\n",
    "<!-- a -->\n",
    'name = "it\'s"\n',
)
_AFTER = ("", "\n", "\nreturn 0;\n", "\n# end\n", "\n\nprint(result)\n", "\n}\n")


def framed(r: random.Random, snippet: Planted) -> Planted:
    """The snippet among other lines."""
    before = r.choice(_BEFORE)
    spans = [(start + len(before), end + len(before), *rest) for start, end, *rest in snippet.spans]
    return Planted(before + snippet.text + r.choice(_AFTER), snippet.language, tuple(spans))


def positives(seed: int, count: int) -> Iterator[Planted]:
    """``count`` snippets, the kinds in fixed shares: 45 % keys, 20 % passwords, 15 % emails, ..."""
    r = random.Random(seed)
    kinds = r.choices(
        ["shaped", "named", "bare", "password", "email", "ipv4", "ipv6", "name"],
        [23, 20, 2, 20, 15, 10, 6, 4],
        k=count,
    )
    for kind in kinds:
        yield framed(r, _MAKERS[kind](r))


def _shaped(r: random.Random) -> Planted:
    label = r.choice(sorted(SHAPED))
    value = mark("keys", label, SHAPED[label](r))
    if label == "private_key":
        lines = value.replace("\n", "\\n") if r.random() < 0.3 else value
        return planted(
            r.choice(['key = """{v}\n"""', "{v}\n", "private_key: '{v}'"]).format(v=lines), "Python"
        )
    if r.random() < 0.5:
        return _place(r, SHAPED_CONTEXTS, v=value)
    name = r.choice(
        ["api key", "token", "credentials", "key", "auth", "value", f"{label.split('_')[0]} key"]
    )
    return _place(r, ASSIGNMENTS, v=value, **names_of(name))


def _named(r: random.Random) -> Planted:
    label = r.choice(sorted(NAMED))
    make, names = NAMED[label]
    if label.startswith("generic") and r.random() < 0.35:
        return _place(r, NAMED_CONTEXTS, v=mark("keys", label, make(r)))
    return _place(r, ASSIGNMENTS, v=mark("keys", label, make(r)), **names_of(r.choice(names)))


def _bare(r: random.Random) -> Planted:
    return _place(r, BARE_CONTEXTS, v=mark("keys", "bare", of(r, r.choice([ALNUM, HEX]), 32, 40)))


def _password(r: random.Random) -> Planted:
    value = password(r)
    if r.random() < 0.35:
        # In a URL or a shell word, what would end it is written in another way.
        value = re.sub(r"[@:/?#!$&*;%^+]", "x", value)
        return _place(r, PASSWORD_CONTEXTS, v=mark("passwords", "context", value))
    name = names_of(r.choice(PASSWORD_NAMES))
    return _place(
        r, ASSIGNMENTS, v=mark("passwords", "assignment", re.sub(r"[#$&*;%!]", "x", value)), **name
    )


def _email(r: random.Random) -> Planted:
    language = r.choice(sorted(EMAIL_CONTEXTS))
    template = r.choice(EMAIL_CONTEXTS[language])
    values = [email(r), email(r)]
    if "'{" in template:
        values = [value.replace("'", "") for value in values]
    name = f"{r.choice(FIRST_NAMES)} {r.choice(LAST_NAMES)}".title()
    if any(word in template for word in ("uthor", "AUTHOR", "Copyright", "Signed", "Written")):
        name = mark("names", "beside_email", name)
    first, second = (mark("emails", "email", value) for value in values)
    return planted(template.format(v=first, w=second, n=name), language)


def _ipv4(r: random.Random) -> Planted:
    return _place(
        r,
        IPV4_CONTEXTS,
        v=mark("ip_addresses", "ipv4", ipv4(r)),
        w=mark("ip_addresses", "ipv4", ipv4(r)),
    )


def _ipv6(r: random.Random) -> Planted:
    return _place(r, IPV6_CONTEXTS, v=mark("ip_addresses", "ipv6", ipv6(r)))


def _name(r: random.Random) -> Planted:
    name = f"{r.choice(FIRST_NAMES)} {r.choice(['', 'J. ', 'van '])}{r.choice(LAST_NAMES)}"
    name = " ".join(w if w == "van" else w.title() for w in name.split())
    return _place(r, NAME_CONTEXTS, v=mark("names", "name", name))


_MAKERS: dict[str, Callable[[random.Random], Planted]] = {
    "shaped": _shaped,
    "named": _named,
    "bare": _bare,
    "password": _password,
    "email": _email,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "name": _name,
}
