# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Middles that are nodes of the syntax tree, for fill-in-the-middle.

After AST-FIM (Gong et al. 2025, arXiv 2506.00204, section 3), half and half:

one node
    drawn in proportion to its length in characters, so that a function is as likely as one of the
    many names inside it;
a run of siblings
    the smallest that holds a span drawn uniformly over characters.

Parsers are tree-sitter's, by the extra ``syntax``; a context edge cuts files anywhere, and
tree-sitter makes a tree of what is left. Nodes that parsing had to make up have no characters and
are never drawn. A language without a parser has no nodes.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.stateless_hash import Key, below, uniform
from foundry_plugins.data.spans import Span, draw_random

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

# Linguist's names that are not the parser's in lower case with `_` for a space.
_PARSERS = {
    "Assembly": "asm",
    "C++": "cpp",
    "C#": "csharp",
    "Common Lisp": "commonlisp",
    "Emacs Lisp": "elisp",
    "F#": "fsharp",
    "Java Properties": "properties",
    "Jupyter Notebook": "python",
    "Makefile": "make",
    "Objective-C": "objc",
    "Protocol Buffer": "proto",
    "reStructuredText": "rst",
    "Shell": "bash",
    "TeX": "latex",
    "Vim Script": "vim",
    "WebAssembly": "wat",
}


def require_parsers() -> None:
    """Raises unless the parsers are installed.

    Raises:
        UserError: naming the extra that installs them.
    """
    try:
        importlib.import_module("tree_sitter_language_pack")
    except ImportError as error:
        raise UserError(
            "`fim.spans.syntax` needs the parsers of the extra `syntax`, which is not installed "
            f"({error}); run `pip install 'foundry-plugins[syntax]'`, or leave `syntax` out."
        ) from error


def draw_nodes(text: str, language: str, max_middle: int | None, *key: Key) -> Span | None:
    """Characters of one node or of a run of siblings; None if there are none as short as that."""
    parser = _parser(language)
    if parser is None:
        return None
    data = text.encode()
    root = parser.parse(data).root_node
    limit = len(text) if max_middle is None else max_middle
    # Offset in characters of every byte of an ASCII text is the byte's own.
    offsets = _character_offsets(data) if len(data) != len(text) else None
    if uniform(*key, "nodes") < 0.5:
        return _one_node(root, offsets, limit, *key)
    start, end = draw_random(len(text), limit, *key, "span")
    span = _siblings(root, offsets, start, end)
    # A run that grew beyond the limit gives way to a node.
    return span if span[1] - span[0] <= limit else _one_node(root, offsets, limit, *key)


@functools.lru_cache(maxsize=256)
def _parser(language: str) -> Parser | None:
    from tree_sitter_language_pack import get_parser

    name: Any = _PARSERS.get(language, language.lower().replace(" ", "_"))
    try:
        return get_parser(name)
    except LookupError:
        return None


def _character_offsets(data: bytes) -> np.ndarray:
    begins = (np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80
    return np.concatenate([[0], np.cumsum(begins)])


def _span(node: Node, offsets: np.ndarray | None) -> Span:
    if offsets is None:
        return node.start_byte, node.end_byte
    return int(offsets[node.start_byte]), int(offsets[node.end_byte])


def _one_node(root: Node, offsets: np.ndarray | None, limit: int, *key: Key) -> Span | None:
    found: list[Span] = []
    waiting = list(root.children)
    while waiting:
        node = waiting.pop()
        start, end = _span(node, offsets)
        if start < end <= start + limit:
            found.append((start, end))
        waiting.extend(node.children)
    if not found:
        return None
    ends = np.cumsum([end - start for start, end in found])
    return found[int(np.searchsorted(ends, below(int(ends[-1]), *key, "node"), side="right"))]


def _siblings(root: Node, offsets: np.ndarray | None, start: int, end: int) -> Span:
    """The smallest run of siblings that holds a span of characters."""
    node = root
    while True:
        held = [
            child
            for child in node.children
            if _span(child, offsets)[1] > start and _span(child, offsets)[0] < end
        ]
        if not held:
            return (start, end) if start == end else _span(node, offsets)
        first, last = _span(held[0], offsets)[0], _span(held[-1], offsets)[1]
        if start < first or end > last:
            # White space between nodes is at the span's end: take it along.
            return min(start, first), max(end, last)
        if len(held) > 1:
            return first, last
        node = held[0]
