# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops XML under other names: project files, saved windows, pages of settings.

``<?xml version=`` in the first 100 characters, from StarCoder (Li et al. 2023, arXiv 2305.06161,
section 3.1), which spares XSLT, a programming language in XML. To keep files that are XML by name,
add ``XML`` to ``exempt``.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(
    document: Document,
    *,
    phrase: str = "<?xml version=",
    first_chars: int = 100,
    exempt: tuple[str, ...] = ("XSLT",),
) -> str | None:
    r"""Drops a document that begins as XML.

    Args:
        document: The document.
        phrase: What is looked for.
        first_chars: How far.
        exempt: Languages that may begin so.

    >>> keep(Document.of("int main(void) { return 0; }\n", path="a.c"))
    >>> keep(Document.of("<?xml version='1.0'?>\n<project/>\n", path="Main.kicad.c"))
    'xml'
    """
    if document.language in exempt:
        return None
    return "xml" if phrase in document.text[:first_chars] else None
