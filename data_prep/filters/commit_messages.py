# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops commits whose message says nothing, or not what the change is.

The rules by which CommitPackFT was made of CommitPack (Muennighoff et al. 2023, arXiv 2308.07124,
appendix; bigcode-project/octopack, ``dataset/commitpackft``), asked of the first line without a tag
in brackets, a prefix that ends in a colon and a mark for the build server. It has more than 10 and
fewer than 1000 characters and more than 4 words; it begins with a capital letter and, in the
imperative, with a verb that says what is done; it names neither the file nor an issue nor an
address, and does not speak of its writer; it is none of the lines that editors and tools fill in,
no version and no hash. What is no commit passes.

StarCoder, whose model sees more commits, asks only that there is a first line, that it is none of
those filled in, and no hash (Li et al. 2023, arXiv 2305.06161, section 3.3): ``level: starcoder``.
"""

from __future__ import annotations

import re
from typing import Literal

from data_prep.commits.rendering import subject
from data_prep.document import Document

_SHORTEST, _LONGEST, _FEWEST_WORDS = 10, 1000, 4
# Of a file, without ending: shorter ones are words of any sentence.
_SHORTEST_NAME = 3
# Most characters a word in a message of words.
_LONGEST_WORD = 20
_FILLED_IN = frozenset(
    {
        *("readme", "update", "dummy", "updated", "test", "initial commit", "first commit", "wip"),
        *("update readme", "update readme.md", "updated readme.md", "updated readme"),
    }
)
_PARTS = ("auto commit", "update contributing", "<?xml", "merge branch", "merge pull request")
# Published for fine-tuning only.
_MORE_PARTS = (
    *("signed-off-by", "cherry picked from commit", "code review", "//codereview"),
    *("work in progress", "http://", "https://", "| leetcode", "thanks to"),
)
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(?=$|\S)", re.IGNORECASE)
_HASHES = re.compile(r"[a-f0-9]+(?:-[a-f0-9]+)*", re.IGNORECASE)
_NUMBERED = re.compile(r"#|\b(?:issue|bug|feature)\s*\d+", re.IGNORECASE)
_WRITER = re.compile(r"\bi(?:'ve|'m)?\b|\bwip\b", re.IGNORECASE)
_MARKS = re.compile(r"\[(?:skip ci|ci skip)\]", re.IGNORECASE)
# Verbs that changes to code begin with: those of the published list that are common there.
_VERBS = frozenset(
    re.findall(
        r"\w+",
        """
        abort accelerate access add address adjust align allow annotate append apply archive
        arrange attach automate backup boost break bring build bump call change check choose
        clarify clean clear clone combine comment complete compress configure connect
        consolidate convert copy correct create customize cut debug declare decrease decrypt
        define delete deploy deprecate destroy detach determine develop disable discard divide
        document downgrade drop duplicate edit embed enable encrypt enforce enhance ensure
        establish exclude exit expand extend extract fix format generalize handle hide implement
        import improve include increase increment indent index initialize insert install
        integrate introduce isolate join kill load make manage mark mask merge migrate modify
        monitor move normalize optimize order package paste patch prepare prepend print
        provision purge put quit raise read rearrange rebase rebuild reconfigure reconnect
        redefine reduce refactor reformat refresh regenerate reimplement reinforce release
        relocate remove rename reorder reorganize repair replace rephrase report reschedule
        reset reshape resolve restructure return reuse revise reword rework rewrite rollback
        save scale secure select send separate set simplify skip solve sort specify speed split
        stabilize standardize stop store streamline strengthen structure substitute subtract
        support swap switch synchronize tag terminate test throw tidy track transform translate
        trim truncate tweak undo unify uninstall update upgrade use validate verify watch
        whitelist withdraw work wrap write
        """,
    )
)


def keep(
    document: Document,
    *,
    level: Literal["octopack", "starcoder"] = "octopack",
    verbs: bool = True,
    also: tuple[str, ...] = (),
) -> str | None:
    r"""Drops a commit by the first line of its message.

    Args:
        document: The document.
        level: ``octopack`` or ``starcoder``.
        verbs: At the level of OctoPack, ask for a verb at the beginning.
        also: More first lines that are filled in, in lower case.

    >>> def commit(message):
    ...     return Document.of("x = 1\n", metadata={"commit": "9f", "message": message})
    >>> keep(commit("Add a retry to the upload of shards"))
    >>> keep(commit("Update README.md"))
    'filled_in_message'
    >>> keep(commit("fixed it")), keep(commit("fixed it"), level="starcoder")
    ('short_message', None)
    """
    if "commit" not in document.metadata:
        return None
    line = subject(document.metadata.get("message", ""))
    said = line if level == "starcoder" else _without_marks(line)
    lowered = said.lower()
    if not said:
        return "empty_message"
    if lowered in _FILLED_IN or lowered in also or any(part in lowered for part in _PARTS):
        return "filled_in_message"
    if len(said) > _LONGEST_WORD * len(said.split()) or _HASHES.fullmatch(said):
        return "hash_message"
    return None if level == "starcoder" else _not_an_instruction(document, said, verbs)


def _without_marks(line: str) -> str:
    words = _MARKS.sub("", line).split()
    if words and (words[0].startswith("[") and words[0].endswith("]")):
        words = words[1:]
    if words and words[0].endswith(":"):
        words = words[1:]
    if words and (words[-1].startswith("[") and words[-1].endswith("]")):
        words = words[:-1]
    return " ".join(words)


def _not_an_instruction(document: Document, said: str, verbs: bool) -> str | None:
    words = said.split()
    if not (_SHORTEST < len(said) < _LONGEST and len(words) > _FEWEST_WORDS):
        return "short_message" if len(said) < _LONGEST else "long_message"
    lowered = said.lower()
    if _NUMBERED.search(said) or any(part in lowered for part in _MORE_PARTS):
        return "referring_message"
    if _WRITER.search(said):
        return "personal_message"
    name = document.path.rpartition("/")[2].partition(".")[0]
    is_told = len(name) >= _SHORTEST_NAME and re.search(rf"\b{re.escape(name)}\b", said)
    if is_told and document.metadata.get("num_files", 1) == 1:
        return "message_names_file"
    is_verb = words[0].lower().strip(".,;") in _VERBS
    if not said[0].isupper() or _VERSION.match(said) or (verbs and not is_verb):
        return "no_instruction"
    return None
