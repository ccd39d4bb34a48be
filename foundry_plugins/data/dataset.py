# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards as transformed samples: one stored context in, one row of the batch out.

Every draw is a hash of (seed, epoch, stream, sample, showing in the epoch, fragment), so ranks,
workers, batch size and resumption cannot change a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.fim_orders import NONE
from foundry_plugins.contract.log import logger
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.contract.token_bytes import token_bytes
from foundry_plugins.data import fim
from foundry_plugins.data.options import FIMOptions
from foundry_plugins.data.report import NO_GROUP, ReportGroups
from foundry_plugins.data.shards.detect import reader_of
from foundry_plugins.data.shards.foundry_packed import FoundryPackedShards
from foundry_plugins.data.shards.sample import DiffOptions, Reader, Sample, Setup
from foundry_plugins.data.tokenizer import (
    PieceEncoder,
    beginning_id,
    byte_lengths,
    special_ids,
    tokenizer_json,
    vocabulary_of,
)
from foundry_plugins.host import EpochStreamingDataset, Place

IGNORE = -100  # the label that Foundry's losses and metrics skip

_log = logger(__name__)


class Row(TypedDict):
    """One row of a batch before collation."""

    number: int  # the sample's number in the data set and the epoch
    input_ids: np.ndarray  # (T,) int64
    labels: np.ndarray  # (T,) int64, IGNORE where nothing is learned
    fragment: np.ndarray  # (T,) int64, number of the fragment a position belongs to
    num_bytes: int  # document bytes that the learned positions of 1..T-1 stand for
    stored_tokens: int  # without padding
    transformed_tokens: int  # positions of fragments that were cut
    dropped_tokens: int  # of those stored, what made room for sentinels
    cut_tokens: int  # what never fitted in, of a pair
    # Nothing, or (T,) int64 ``report_group``, NO_GROUP where nothing is predicted, and
    # ``report_bytes``.
    report: dict[str, np.ndarray]


class CodeTextDataset(EpochStreamingDataset):
    """Reads shards of any kind in `foundry_plugins.data.shards` and cuts them on the way.

    Args:
        tokenizer: The run's tokenizer.
        max_seq_len: Length of a context in tokens; that of packed shards.
        fim: For each stream, None for left to right only.
        diff: How diffs are treated.
        report: Whether rows say for each position which group of the report it belongs to.
        token_encoding_type: Numpy type of tokens that are stored as plain bytes.
        kwargs: Of ``streaming.StreamingDataset``.

    Raises:
        UserError: where shards, tokenizer and settings do not fit together.
    """

    def __init__(
        self,
        *,
        tokenizer: PreTrainedTokenizerBase,
        max_seq_len: int,
        fim: Sequence[FIMOptions | None],
        diff: DiffOptions,
        report: bool = False,
        token_encoding_type: str = "int64",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        content = tokenizer_json(tokenizer)
        eos, self.pad = special_ids(tokenizer)
        setup = Setup(
            tokenizer_json=content,
            vocab_size=len(tokenizer),
            eos=eos,
            pad=self.pad,
            bos=beginning_id(tokenizer),
            encode=PieceEncoder(content),
            max_seq_len=max_seq_len,
            diff=diff,
            token_encoding_type=token_encoding_type,
        )
        self.readers = self._readers(setup)
        self.keys = _distinct([reader.key for reader in self.readers])
        self.byte_lengths = byte_lengths(len(tokenizer), token_bytes(content))
        self.fim = fim
        families = {options.sentinels for options in fim if options is not None}
        self.vocabularies = {family: vocabulary_of(tokenizer, family) for family in families}
        languages = [language for reader in self.readers for language in reader.languages]
        self.report = ReportGroups(languages) if report else None

    def get_item(self, sample_id: int, retry: int = 7) -> Row:
        """The transformed sample of a number, in the current epoch."""
        sample, place = self.stored(sample_id, retry)
        return self._row(int(sample_id), sample, self.transform(sample, place))

    def stored(self, number: int, retry: int = 7) -> tuple[Sample, Place]:
        """The sample of a number as it was before it was transformed."""
        place = self.place(number)
        columns = super().get_item(number, retry)
        return self.readers[place.stream].read(columns, place.position), place

    def key(self, sample: Sample, place: Place) -> tuple[int, ...]:
        """What every draw for a sample is made of, but for the seed."""
        options = self.fim[place.stream]
        epoch = self.epoch if options is None or options.reseed_each_epoch else 0
        return epoch, self.keys[place.stream], sample.sample_id, place.occurrence

    def transform(self, sample: Sample, place: Place) -> fim.Context:
        """Fill-in-the-middle as the stream's options say."""
        options = self.fim[place.stream]
        if options is None:
            ends = [fragment.end for fragment in sample.fragments]
            numbers = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
            return fim.Context(sample.tokens, numbers, [NONE] * len(ends), 0)
        return fim.transform_context(
            sample.tokens,
            sample.fragments,
            self.vocabularies[options.sentinels],
            options.settings,
            options.seed,
            *self.key(sample, place),
        )

    def _readers(self, setup: Setup) -> list[Reader]:
        readers: list[Reader] = []
        for number, stream in enumerate(self.streams):
            reader = reader_of(Path(stream.local) / stream.split, number, setup)
            if isinstance(reader, FoundryPackedShards):
                # Nothing but the samples says whether they fit; see one before any GPU waits.
                reader.read(self.first_of(number), 0)
            _log.info("Stream %d, %s: %s.", number, stream.local, reader.description)
            readers.append(reader)
        return readers

    def _row(self, number: int, sample: Sample, context: fim.Context) -> Row:
        tokens = context.tokens
        # Everything is learned but padding and what is given: the end of text and the sentinels
        # too (section 3 of the FIM paper: loss on all sections).
        labels = np.where(tokens == self.pad, IGNORE, tokens)
        starts = np.searchsorted(context.numbers, np.arange(len(sample.fragments)))
        for start, given in zip(starts, sample.num_inputs, strict=True):
            labels[start : start + given] = IGNORE
        predicted = labels != IGNORE
        predicted[0] = False
        num_bytes = np.where(predicted, self.byte_lengths[tokens], 0)
        return Row(
            number=number,
            input_ids=tokens,
            labels=labels,
            fragment=context.numbers,
            num_bytes=int(num_bytes.sum()),
            stored_tokens=int((sample.tokens != self.pad).sum()),
            transformed_tokens=_transformed(context),
            dropped_tokens=context.num_dropped,
            cut_tokens=sample.num_cut,
            report=self._report(sample, context, predicted, num_bytes),
        )

    def _report(
        self, sample: Sample, context: fim.Context, predicted: np.ndarray, num_bytes: np.ndarray
    ) -> dict[str, np.ndarray]:
        if self.report is None:
            return {}
        languages = [fragment.language for fragment in sample.fragments]
        groups = self.report.numbers(context.modes[: len(languages)], languages)
        # Padding that shorter encodings left behind is one more fragment.
        groups = np.append(groups, NO_GROUP)[context.numbers]
        return {
            "report_group": np.where(predicted, groups, NO_GROUP),
            "report_bytes": num_bytes,
        }


def _distinct(keys: Sequence[int]) -> list[int]:
    """The keys, changed where a stream lists the data of an earlier one again."""
    return [
        hash64(key, keys[:number].count(key)) if key in keys[:number] else key
        for number, key in enumerate(keys)
    ]


def _transformed(context: fim.Context) -> int:
    """Positions of the fragments that were cut."""
    is_cut = np.array([mode != NONE for mode in context.modes])
    return int(is_cut[context.numbers].sum())
