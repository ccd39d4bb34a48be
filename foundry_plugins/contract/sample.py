# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What one sample of a shard holds, and what the folder of shards says of itself.

A sample is a context of exactly ``sequence_length`` tokens, packed from one or more fragments. A
fragment is a run of tokens from one document; a document that crosses a context edge gives one
fragment on each side. Three MDS columns:

``tokens``      ``ndarray:uint16:T`` (``uint32`` above 65,535 ids): any Foundry ``text`` loader
                reads it as it is.
``sample_id``   ``uint64``: ``part << 32 | index in part``, given when the sample is written. It
                seeds every draw made for the sample and keeps naming it after shards are
                rewritten, so it is stored and never recomputed.
``fragments``   ``bytes``: an array of `FRAGMENT`, one record a fragment, in token order, covering
                all T tokens.

The folder's ``index.json`` holds a `DatasetMetadata` under the key ``metadata``, whose tables the
numbers in a fragment point into. Streaming clients download the index and the shards and nothing
else, so it reaches every machine with them. ``metadata.json`` beside it is a copy for people.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from foundry_plugins.contract.errors import UserError

FORMAT = "foundry_plugins.sample"
VERSION = 1
INDEX_FILE = "index.json"
METADATA_KEY = "metadata"
METADATA_FILE = "metadata.json"
TEXT = "text"

FRAGMENT = np.dtype(
    [
        # Offset in the sample one past the fragment's last token, its <|endoftext|> included.
        ("end", "<u4"),
        # Offset in the sample of the first token of the target: the fragment's start for plain
        # text, the first token after the last input marker for diffs and prompt/response pairs,
        # `end` where the target lies in a later fragment.
        ("target", "<u4"),
        # UTF-8 bytes of the document that the fragment's tokens stand for. Special tokens count 0.
        ("num_bytes", "<u4"),
        # Byte offset in the document of the fragment's first byte.
        ("document_offset", "<u4"),
        # Index into DatasetMetadata.languages, .sources and .formats.
        ("language", "<u2"),
        ("source", "<u2"),
        ("format", "<u2"),
        # Sum of the flags below.
        ("flags", "<u2"),
        # Git object id of the document as it was read, before any redaction (SHA-1 of a blob, or
        # of the commit for diffs): the hex part of its SWHID, and the key of the provenance
        # tables. Zero for padding and for what was removed.
        ("origin", "u1", 20),
    ]
)

STARTS_DOCUMENT = 1
ENDS_DOCUMENT = 2  # the fragment's last token is <|endoftext|>
PADDING = 4  # the tokens are <|pad|>: the unfilled end of a part's last sample
REMOVED = 8  # the tokens are <|pad|>: the document was taken out after the shards were written


@dataclasses.dataclass(frozen=True)
class DatasetMetadata:
    """The constants of one folder of shards (one split of one dataset)."""

    split: str
    sequence_length: int
    token_dtype: str
    vocab_size: int
    eos_token_id: int
    pad_token_id: int
    sentinels: dict[str, int]
    tokenizer_fingerprint: str
    languages: list[str]
    sources: list[str]
    formats: list[str]  # the first is "text"; then names of diff formats
    recipe_hash: str
    num_samples: int
    num_documents: int
    num_tokens: int  # without padding
    num_bytes: int

    def to_json(self) -> str:
        """Key-sorted JSON with the format's name and version."""
        content = self.to_dict()
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The fields with the format's name and version."""
        return {"format": FORMAT, "version": VERSION, **dataclasses.asdict(self)}

    @classmethod
    def read(cls, folder: Path) -> DatasetMetadata | None:
        """Reads it from ``folder/index.json``; None if that was written by another writer.

        Fields that this release does not know are passed over: a later one may have added them.

        Raises:
            UserError: if the index is broken, of a later version, or lacks a field.
        """
        path = folder / INDEX_FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8")).get(METADATA_KEY)
        except ValueError as error:
            raise UserError(
                f"{path} is not valid JSON ({error}); write the shards again."
            ) from error
        if content is None:
            return None
        if content.get("format") != FORMAT or content.get("version", 0) > VERSION:
            found = (content.get("format"), content.get("version"))
            raise UserError(
                f"{path} has format and version {found}, this release reads {FORMAT} up to "
                f"version {VERSION}; install a later release or write the shards again."
            )
        names = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in names if name not in content]
        if missing or content["formats"][:1] != [TEXT]:
            what = f"the field {missing[0]!r}" if missing else f"{TEXT!r} as the first format"
            raise UserError(f"{path} lacks {what} in its metadata; write the shards again.")
        return cls(**{name: content[name] for name in names})


def token_dtype(vocab_size: int) -> str:
    """The narrowest dtype that holds every id: ``uint16`` up to 65,536 ids, else ``uint32``."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


def mds_columns(sequence_length: int, vocab_size: int) -> dict[str, str]:
    """MDS column encodings of a sample."""
    return {
        "tokens": f"ndarray:{token_dtype(vocab_size)}:{sequence_length}",
        "sample_id": "uint64",
        "fragments": "bytes",
    }


def sample_id(part: int, index: int) -> int:
    """The id of the ``index``-th sample of a part (both below 2**32)."""
    return part << 32 | index


def read_fragments(data: bytes) -> np.ndarray:
    """The fragment records of a sample, read-only, shape (number of fragments,)."""
    return np.frombuffer(data, dtype=FRAGMENT)
