# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Literals and the names they are given to, in any language.

``password = "x"``, ``"password": "x"``, ``setPassword("x")``, ``define('PASSWORD', 'x')``,
``ENV PASSWORD x``, ``--password x``, ``<password>x</password>``, ``...;Password=x;`` and the rest:
one grammar, for keys and passwords. It is a single pattern for RE2, whose scan is linear and runs
at some 700 MB/s; what it matches is taken apart here and judged by the detectors.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from data_prep.redact.scan import compile_scan
from data_prep.redact.words import words

# Languages in which an unquoted value is a literal; elsewhere it is a name or an expression.
CONFIGURATION = frozenset(["Java Properties"]) | words(
    "Batchfile Dockerfile Dotenv INI Markdown Nginx PowerShell Properties RMarkdown Shell "
    "ShellSession Text XML YAML reStructuredText"
)
# Languages whose files are as likely tables of words, e.g. translations, as settings.
TABLES = frozenset(["Java Properties"]) | words("JSON JSON5 YAML XML Properties HTML PHP")
_LEFT_CONTEXT = 300

_SUFFIXES = words("value str string text plain prod dev test staging local base")
_SUFFIX = rf"[_-]?(?:{'|'.join(sorted(_SUFFIXES, reverse=True))}|\d{{1,2}})?"
_CLOSE = r"""(?:\[\w*\])?(?P<close>\\?["'`]?\]?)"""
# password: str = "x", var password string = "x"
_TYPE = r"(?:[ \t]?:[ \t]?&?[a-z][\w.\[\]<>|?]{0,20}[ \t]?|[ ](?:string|str|text)[ \t]?)?"
_SEPARATOR = (
    r"(?P<separator>[ \t]*(?::=|=>|={1,3}|!={1,2}|->|<-|::?|,(?:[ \t]*default[ ]?=)?|\|\||\?\?)"
    r"""|[({>]|["']?[ \t]+value[ ]?=|[ \t]+)"""
)
_CAST = r"(?:@|\(|b|u|r|l|f|br|rb)?"


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Assignment:
    """A literal under a name.

    Attributes:
        start: The literal's first byte.
        end: The byte after its last.
        name: The whole name as it is written, e.g. ``spring.datasource.dbPassword``.
        before: What stands on the line before the name.
        separator: What stands between name and value: ``=``, ``:``, ``,``, ``(``, ...; a space
            where it is nothing else.
        quoted: Whether quotes enclose the literal.
        followed: What comes after it, two bytes.
        name_quoted: Whether a quote ends the name: a key of a table, a word of an index.
        value: The literal. The class has no representation, so that none shows it.
    """

    start: int
    end: int
    name: str
    before: bytes
    separator: str
    quoted: bool
    followed: bytes
    name_quoted: bool
    value: str

    @property
    def words(self) -> list[str]:
        """The words of the name without such as value or prod at its end, lower case.

        E.g. ``["spring", "datasource", "db", "password"]``.
        """
        words = [word.lower() for word in _WORDS.findall(self.name)]
        while len(words) > 1 and (words[-1] in _SUFFIXES or words[-1].isdigit()):
            words.pop()
        return words

    @property
    def sets(self) -> bool:
        """Whether a call gives the value: ``setPassword("x")``, ``set("password", "x")``."""
        if self.separator.startswith(","):
            return _CALL.search(self.before) is not None
        method = self.name.rpartition(".")[2].lower()
        return method.startswith(("set", "with")) or _BARE_NAME.fullmatch(method) is not None

    @property
    def in_string(self) -> bool:
        """Whether the name stands within quotes: part of an address or a command."""
        return not self.name_quoted and any(
            self.before.count(quote) % 2 for quote in (b'"', b"'", b"`")
        )

    def is_literal_in(self, language: str) -> bool:
        """Whether what stands between name and value makes it a literal in a language."""
        if self.separator == " ":
            return self.introduced and (self.quoted or language in CONFIGURATION)
        if self.separator[0] in "(,":
            return self.quoted and self.sets
        if self.quoted:
            return True
        if self.separator in ("{", "||", "??", "->", "<-", "!=", "!==", "::"):
            return False
        if self.separator == ">":
            return self.before.endswith(b"<") and self.followed == b"</"
        if self.followed[:1] in (b"(", b"[") or self.value[:1] in tuple("!&*@"):
            return False  # a call, an index; a tag, an anchor or an alias of YAML
        return language in CONFIGURATION or self.in_string or self.in_comment

    @property
    def introduced(self) -> bool:
        """Whether a space assigns: ``#define X "v"``, ``ENV X v``, ``--x v``, ``login u X v``."""
        return self.name.startswith("--") or _INTRODUCED.search(self.before) is not None

    @property
    def in_comment(self) -> bool:
        """Whether the line starts as comments do."""
        return _COMMENT.match(self.before) is not None


_COMMENT = re.compile(rb"\s*(?:#(?!define)|//|--|\*|;|REM |/\*|<!--|%)")
_BARE_NAME = re.compile(r"password|passwd|pwd|passphrase|secret|token|(?:api|secret)_?key|auth")
_INTRODUCED = re.compile(
    rb"(?:#\s*define|^\s*(?:ENV|ARG|setx?|export)|\blogin[ \t]+\S+)[ \t]+\Z", re.IGNORECASE
)
# A call begins right before: set("password", ...), but not in ("password", ...).
_CALL = re.compile(rb"\w\(\s*\\?[\"'`]\Z")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NAME_LEFT = re.compile(rb"[\w.$-]*\Z")
_PLAIN_END = re.compile(rb"[&;,#()\[\]{}\\|]")
_NEXT_PARAMETER = re.compile(rb"&(?:amp;)?[\w.-]+=")


class Assignments:
    """A scan for literals under some names.

    Args:
        names: Pattern of the end of a name; case does not count.
        shortest: Of a value, in bytes.
        longest: Of a value. A limit keeps the scan linear where values hold names in turn.
    """

    def __init__(self, names: str, shortest: int, longest: int) -> None:
        least = f"{{{shortest},{longest}}}"
        quoted = "|".join(
            rf"""\\?{quote}(?P<{name}>[^{quote}\s]{least}){quote}"""
            for name, quote in (("double", '"'), ("single", "'"), ("back", "`"))
        )
        # In code a word is all that can stand without quotes; brackets and commas end it.
        plain = {
            True: rf"""[^\s"'`<>=][^\s"'`<>]{least}""",
            False: rf"[\w+/.~%!?@$^*-]{least}={{0,2}}",
        }
        self._grammars = {}
        for configuration, unquoted in plain.items():
            grammar = (
                rf"(?P<name>(?:{names}){_SUFFIX}){_CLOSE}{_TYPE}{_SEPARATOR}"
                rf"""(?:\s*{_CAST}(?:{quoted})|[ \t]*(?P<plain>{unquoted}))"""
            )
            # Without groups RE2 stays with its fastest automaton.
            scan = compile_scan(re.sub(r"\?P<\w+>", "?:", grammar), ignore_case=True)
            self._grammars[configuration] = scan, re.compile(grammar.encode(), re.IGNORECASE)

    def find(self, data: bytes, language: str) -> Iterator[Assignment]:
        """All of them, in order; one of a plausible form may hold anything."""
        scan, grammar = self._grammars[language in CONFIGURATION]
        place = 0
        while found := scan.search(data, place):
            match = grammar.match(data, found.start(), found.end())
            if match is None:
                place = found.end()
                continue
            # The value may hold the next name: token = options.token || "..."
            place = match.end("name")
            before = data[max(0, match.start() - _LEFT_CONTEXT) : match.start()]
            before = before[before.rfind(b"\n") + 1 :]
            left = _NAME_LEFT.search(before)
            prefix = left.group() if left else b""
            kind = match.lastgroup or "plain"
            start, end = match.span(kind)
            if kind == "plain" and match.group("separator") != b">":
                end = _plain_end(data, start, end, language in CONFIGURATION)
            elif kind != "plain" and data[end - 1 : end] == b"\\":
                end -= 1  # the closing quote was escaped: \"key\": \"value\"
            yield Assignment(
                start=start,
                end=end,
                name=(prefix + match.group("name")).decode("utf-8", "replace"),
                before=before[: len(before) - len(prefix)],
                separator=match.group("separator").decode("utf-8", "replace").strip() or " ",
                quoted=kind != "plain",
                followed=data[end : end + 2],
                name_quoted=match.group("close").strip(b"]") != b"",
                value=data[start:end].decode("utf-8", "replace"),
            )


def _plain_end(data: bytes, start: int, end: int, configuration: bool) -> int:
    """Where a value ends that no quote ends."""
    if parameter := _NEXT_PARAMETER.search(data, start, end):
        end = parameter.start()
    elif not configuration and (stop := _PLAIN_END.search(data, start, end)):
        end = stop.start()
    while end > start and data[end - 1 : end] in (b",", b";", b"\\", b")", b"}"):
        end -= 1
    return end
