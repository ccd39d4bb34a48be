# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Passwords: in assignments, addresses with a login, connection strings, SQL and commands.

BigCode's rules leave them out; StarCoder trained a model that finds them (arXiv 2305.06161, section
4). The rules here are this project's, set on planted cases and on finds in real code
(``benchmarks/redaction.py``). A value counts if
it is a literal, not code or a template, not a word of a user interface, schema or form. Those are
told by the name (``forgot_password``), the kind of file (a word alone in a JSON table is a
translation sooner than a password) and the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_prep.redact.assignments import CONFIGURATION, TABLES, Assignment, Assignments
from data_prep.redact.placeholders import is_placeholder
from data_prep.redact.randomness import changes
from data_prep.redact.scan import compile_scan
from data_prep.redact.settings import Redaction
from data_prep.redact.words import words

_SHORTEST, _LONGEST = 4, 128
_ASSIGNMENTS = Assignments(r"pass(?:w(?:or)?d|phrase|code)?|pwd", _SHORTEST, _LONGEST)
# Words before the last one that make it a label, a setting or a question.
_NO_PASSWORD = words(
    "show hide forgot forgotten reset invalid wrong missing require required requires need needs "
    "has is no not without enter incorrect empty bad lost send toggle verify validate generate get "
    "fetch read split parse hash hashed encrypt encrypted label hint title error message field "
    "input type min max by if or when multi single first second one all low high band this "
    "next"
)
# pass alone is also a word of tests, filters and rendering.
_PASS_OF = words("db my root user admin ftp smtp mail sql mysql pg http auth login wifi")
_PLAIN_WORDS = re.compile(r"[A-Za-z]+(?:[-_.][A-Za-z]+)*")
_CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]+)+")
# Letters that change case at every other place are drawn, not written: jBsUTqoW.
_MANY_CHANGES = 0.5
_REFERENCE = re.compile(
    r"""
    (?:https?|file|ftp|s3|arn|ssm|vault|projects|secretsmanager|env|op)[:/.]   # where it is kept
    | [./~\\] | [A-Za-z]:[\\/]                                # a path
    | [A-Za-z_]\w*(?:[.:]{1,2}|->)[A-Za-z_][\w.:>-]*$         # settings.db_password, A::b
    | \d+(?:\.\d+)*(?:px|em|rem|%|ms|s)?$ (?<!\d{4})          # a length, a number
    | [\^~><=]+\d+\.\d+                                       # ^7.0.2 of a package
    | (?:\w+,)+\w+$ | [^A-Za-z0-9]+$
    """,
    re.VERBOSE,
)
_CODE = re.compile(r"\w\(.*\)|\w\[.*\]|\w\($|=>|\)\{|\\")
_SAYS_PASSWORD = re.compile(r"^pass|pass(?:w|phrase|code|$)|pwd|kennwort|contrase", re.IGNORECASE)
_NO_SECRET = words(
    "admin guest root user username test tests testing secret none null nil undefined true false "
    "string str text varchar hidden required optional empty default unknown invalid missing bool "
    "boolean integer number object value token input type field form label button enabled disabled "
    "always never yes prompt ask auto manual basic digest plain public private protected internal "
    "static final const return self this some strong weak maxlength minlength email login signin "
    "bytes char enter function new await foobar foobarbaz barbaz quux hello world password1 tiger "
    "scott system current new confirm confirmation reset change forgot wachtwoord heslo salasana "
    "senha parola lozinka jelszo sandi passord adgangskode geslo slaptazodis hemmelig geheim"
)
_STRONG = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z!@#$%^&*?_+-])")
# Schemes in which what looks like a login is a project and a version.
_NO_LOGIN = (b"github", b"gitlab", b"models")
_LOGIN_URL = r"://[^\s/:@\"'<>?#`]*:[^\s/@\"'<>`,]+@[A-Za-z0-9\[{$%<_-]"
_COMMANDS = (
    r"(?i:identified[ ]+(?:with[ ]+\S+[ ]+)?(?:by|as)[ ]+(?:password[ ]+)?['\"][^'\"\s]+['\"]"
    r"|with[ ]+(?:encrypted[ ]+)?password[ ]+['\"][^'\"\s]+['\"])"
    r"|sshpass[ ]+-p[ ]*['\"]?[^\s'\"]+|mysql(?:dump|admin)?[ ][^\n|;]{0,200}[ ]-p['\"]?[^\s'\";|]+"
    r"|curl[ ][^\n|;]{0,200}(?:-u|--user)[ =]['\"]?[^\s:'\"]+:['\"]?[^\s'\"]+"
    r"|echo[ ]+['\"]?[\w.-]+:[^\s'\"|]+['\"]?[ ]*\|[ ]*(?:sudo[ ]+)?chpasswd"
    r"|auth[ ]?=[ ]?\([ ]?['\"][^'\"\s]+['\"],[ ]?['\"][^'\"\s]+['\"][ ]?\)"
)
# "a record identified by 'name'" is prose; in SQL a user comes before.
_PROSE = re.compile(rb"identified", re.IGNORECASE)
_SQL_USER = re.compile(rb"\b(?:user|role|grant|to|alter|create)\b[^\n;]*\Z", re.IGNORECASE)
# The last piece of a command that is not punctuation, after what introduces it.
_COMMAND_VALUE = re.compile(
    rb"(?:.*[ :'\"]-p['\"]?|.*[\w'\"]:|.*['\"(, ])(?P<value>[^\s'\"|:)]+?)['\"]?"
    rb"(?:[ ]*\|.*|[ ]?\))?\Z",
    re.DOTALL,
)


def find(data: bytes, language: str, settings: Redaction) -> Iterator[tuple[int, int]]:
    r"""Yields (start, end) in bytes of every password.

    >>> text = b'db_password = "hunter2"\npassword = get_password()\nredis://:s3cret@cache:6379\n'
    >>> [text[start:end] for start, end in find(text, "Python", Redaction())]
    [b'hunter2', b's3cret']
    """
    for found in _ASSIGNMENTS.find(data, language):
        if _assigned(found, language):
            yield found.start, found.end
    for match in compile_scan(_LOGIN_URL).finditer(data):
        start = data.index(b":", match.start() + 3) + 1
        end = data.index(b"@", start)
        scheme = data[max(0, match.start() - 6) : match.start()]
        if not scheme.endswith(_NO_LOGIN) and _is_literal(data[start:end].decode("latin-1")):
            yield start, end
    for match in compile_scan(_COMMANDS).finditer(data):
        place = match.start()
        if _PROSE.match(data, place) and not _SQL_USER.search(data, max(0, place - 120), place):
            continue
        if value := _COMMAND_VALUE.match(data, match.start(), match.end()):
            start, end = value.span("value")
            if _is_literal(data[start:end].decode("utf-8", "replace")):
                yield start, end


def _assigned(found: Assignment, language: str) -> bool:
    """Whether a literal under a name like ``password`` is one."""
    words, value = found.words, found.value
    if not _is_literal(value) or not found.is_literal_in(language):
        return False
    if not found.quoted and language not in CONFIGURATION and found.in_comment:
        return _STRONG.match(value) is not None and value[-1] not in ".,:;"
    before = words[-2] if len(words) > 1 else ""
    if before in _NO_PASSWORD:
        return False
    short = words[-1].endswith("pass")
    if short and words[-1][:-4] and words[-1][:-4] not in _PASS_OF:
        return False  # bypass, compass
    if _STRONG.match(value) or (len(value) >= 8 and changes(value) >= _MANY_CHANGES):
        return True
    if short and before and before not in _PASS_OF:
        return False  # first_pass
    if not _PLAIN_WORDS.fullmatch(value):
        return value.isascii()
    # Words alone: a label starts with a capital, and a table of texts holds mostly labels.
    if value != value.lower() or short:
        return language not in TABLES and not _CAMEL_CASE.fullmatch(value) and len(value) >= 8
    return len(value) >= (8 if language in TABLES or found.separator in ",:" else 6)


def _is_literal(value: str) -> bool:
    """Whether a value is neither a placeholder, nor code, nor a reference, nor a word of a form."""
    if is_placeholder(value) or _REFERENCE.match(value) or _SAYS_PASSWORD.search(value):
        return False
    if value.lower().strip("_-.,:;!?") in _NO_SECRET or len(value) < 3:
        return False
    return _CODE.search(value) is None
