# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What every kind of shard is read into: one context of tokens and its fragments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from foundry_plugins.data.fim import Fragment

# Languages of what does not say its own.
UNKNOWN, PAIR, PADDING = "unknown", "prompt_response", "padding"
FULL, TARGET_ONLY = "full", "target_only"


@dataclasses.dataclass(frozen=True)
class DiffOptions:
    """The YAML section ``diff:``.

    Attributes:
        loss: ``full`` learns every token of a diff, ``target_only`` those behind its last input
            marker (the section's end token included).
        fim: Whether diffs are cut for fill-in-the-middle like files. Only what holds no marker of
            its format can be: the parts of long diffs that a context edge has torn off.
    """

    loss: str = FULL
    fim: bool = False


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a reader needs of the run.

    Attributes:
        tokenizer_json: Of the run's tokenizer.
        vocab_size: Its entries, added ones included.
        eos: Id of the end of text, likewise ``pad``.
        bos: Id of the beginning of a text, other than ``eos``, or None.
        encode: One text to ids, literal sentinel text staying text.
        max_seq_len: T.
        diff: How diffs are treated.
        token_encoding_type: Numpy type of tokens that are stored as plain bytes.
    """

    tokenizer_json: str
    vocab_size: int
    eos: int
    pad: int
    bos: int | None
    encode: Callable[[str], Sequence[int]]
    max_seq_len: int
    diff: DiffOptions
    token_encoding_type: str


@dataclasses.dataclass(frozen=True)
class Sample:
    """One stored context.

    Attributes:
        tokens: Ids, shape (T,), int64.
        fragments: They cover all tokens.
        num_inputs: For each fragment, how many tokens at its start are given and not learned.
        sample_id: What names it in its stream, for good.
        num_cut: Tokens that did not fit in and were left out.
        origins: For each fragment, what names its document; empty where nothing is known.
        formats: For each fragment, ``text`` or its diff format; likewise.
    """

    tokens: np.ndarray
    fragments: Sequence[Fragment]
    num_inputs: Sequence[int]
    sample_id: int
    num_cut: int = 0
    origins: Sequence[str] = ()
    formats: Sequence[str] = ()


class Reader(Protocol):
    """Reads the samples of one stream.

    Attributes:
        key: Names the stream in every draw; two streams of a run must not share it.
        languages: Every language that its fragments may have.
        description: For the log.
    """

    key: int
    languages: list[str]
    description: str

    def read(self, stored: Mapping[str, Any], position: int) -> Sample:
        """The sample at a position of the stream, from the columns of its row."""
        ...
