# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A small dataset as a conversion leaves it, built through the writers themselves."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import zstandard

from data_prep import mds, pack
from data_prep.dedup.exact import normalized_digest
from data_prep.document import Document
from data_prep.document_file import dump_line, writing
from data_prep.provenance import lookup_index
from data_prep.provenance.recorder import Recorder
from data_prep.provenance.settings import Provenance
from data_prep.tokenizers import files as tokenizer_files
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract import sample
from foundry_plugins.contract.files import write_json, write_text
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS

LENGTH = 64
Build = Callable[..., Path]
Sample = tuple[int, np.ndarray, np.ndarray]

# Redacted since it was read: its origin is that of other bytes.
REDACTED = (
    "def connect():\n    return login('<EMAIL>', server_name, port_number, timeout_seconds)\n"
)
READ = REDACTED.replace("<EMAIL>", "jane@example.com")


Corpus = dict[str, list[Document]]


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Documents of three parts: real files, as if of four repositories."""
    library = Path(sysconfig.get_paths()["stdlib"])
    parts: Corpus = {"train-00000": [], "train-00001": [], "validation-00000": []}
    names = list(parts)
    files = sorted(p for f in ("json", "asyncio", "email") for p in (library / f).glob("*.py"))
    for number, path in enumerate(p for p in files if 200 < p.stat().st_size < 20_000):
        name = path.relative_to(library).as_posix()
        document = Document.of(
            path.read_text(),
            path=name,
            repository=f"{['Python', 'alice', 'bob'][number % 3]}/{path.parent.name}",
            licenses=[("MIT",), ("Apache-2.0", "MIT"), ()][number % 3],
            metadata={"repositories": ["carol/fork"]} if number == 4 else {},
        )
        parts[names[number % 7 % 3]].append(document)
    origin = Document.of(READ).origin
    parts["train-00001"].append(Document.of(REDACTED, path="net/connect.py", origin=origin))
    return parts


@pytest.fixture(scope="session")
def build(vocabulary: str) -> Build:
    """Writes a dataset."""

    def write(
        root: Path,
        parts: Corpus,
        *,
        settings: Provenance | None = None,
        compression: str | None = "zstd",
    ) -> Path:
        encoder = Encoder(vocabulary)
        tokenizer_files.write(root / "tokenizer", vocabulary)
        languages = sorted({d.language for documents in parts.values() for d in documents})
        index: dict[str, dict[str, list[dict[str, object]]]] = {}
        totals: dict[str, list[int]] = {}
        keys = {}
        for part, documents in parts.items():
            split, _, number = part.rpartition("-")
            recorder = Recorder(settings or Provenance(attribution_words=12))
            with writing(root / "documents" / f"{part}.jsonl.zst") as writer:
                for document in documents:
                    sha256 = hashlib.sha256(document.data).digest()
                    recorder.add(document.to_dict(), sha256, normalized_digest(document.data))
                    writer.write(dump_line({**document.to_dict(), "split": split}))
            packed = _pack(encoder, documents, languages)
            folder = root / split / number
            entries = mds.write_part(
                folder,
                packed,
                part=int(number),
                vocab_size=encoder.vocab_size,
                size_limit=8_000,
                compression=compression,
            )
            index.setdefault(split, {})[number] = entries
            names, _ = recorder.write(
                root / "provenance", part, packed.fragments, sequence_length=LENGTH
            )
            keys[part] = root / "provenance" / names[1]
            total = totals.setdefault(split, [0, 0, 0, 0])
            total[0] += len(packed.tokens)
            total[1] += len(documents)
            total[2] += int((packed.tokens != encoder.ids[PAD]).sum())
            total[3] += sum(len(document.data) for document in documents)
        lookup_index.merge(keys, root / "provenance" / lookup_index.FILE)
        for path in keys.values():
            path.unlink()
        for split, parts_of_split in index.items():
            metadata = _metadata(encoder, split, languages, totals[split])
            write_text(root / split / sample.METADATA_FILE, metadata.to_json())
            content = {**mds.merged_index(parts_of_split), sample.METADATA_KEY: metadata.to_dict()}
            write_json(root / split / sample.INDEX_FILE, content)
        write_json(root / "report.json", _report(totals))
        return root

    return write


def _pack(encoder: Encoder, documents: Sequence[Document], languages: list[str]) -> pack.Packed:
    encoded = encoder.encode([d.text for d in documents], [d.path for d in documents])
    return pack.pack(
        [
            pack.TokenDocument(tokens, bytes.fromhex(d.origin), languages.index(d.language))
            for d, tokens in zip(documents, encoded, strict=True)
        ],
        sequence_length=LENGTH,
        eos=encoder.ids[END_OF_TEXT],
        pad=encoder.ids[PAD],
        byte_lengths=encoder.byte_lengths,
        dtype=sample.token_dtype(encoder.vocab_size),
    )


def _metadata(
    encoder: Encoder, split: str, languages: list[str], totals: list[int]
) -> sample.DatasetMetadata:
    return sample.DatasetMetadata(
        split=split,
        sequence_length=LENGTH,
        token_dtype=sample.token_dtype(encoder.vocab_size),
        vocab_size=encoder.vocab_size,
        eos_token_id=encoder.ids[END_OF_TEXT],
        pad_token_id=encoder.ids[PAD],
        sentinels={token: encoder.ids[token] for token in SENTINELS},
        tokenizer_fingerprint=encoder.fingerprint,
        languages=languages,
        sources=["code"],
        formats=["text"],
        recipe_hash="0" * 64,
        num_samples=totals[0],
        num_documents=totals[1],
        num_tokens=totals[2],
        num_bytes=totals[3],
    )


def _report(totals: dict[str, list[int]]) -> dict[str, object]:
    return {
        "recipe": {"seed": 17},
        "recipe_hash": "0" * 64,
        "files": 100,
        "dropped": {"near_empty": 3, "line_lengths": 1},
        "dropped_by_language": {"near_empty": {"Python": 2, "C": 1}, "line_lengths": {"C": 1}},
        "languages": {"Python": {"documents": 1, "bytes": 1}},
        "splits": {
            split: {"samples": t[0], "documents": t[1], "tokens": t[2], "bytes": t[3]}
            for split, t in totals.items()
        },
        "redacted": {"email": {"Python": 1, "C": 2}},
        "seconds": {"total": 1.0},
    }


@pytest.fixture(scope="session")
def written(build: Build, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of `corpus`; tests only read it."""
    return build(tmp_path_factory.mktemp("provenance") / "data", corpus)


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    """A copy to change, with a work folder whose files are the published ones."""
    root = tmp_path / "data"
    shutil.copytree(written, root)
    for path in (root / "train").rglob("*.zstd"):
        link = root / ".work/shards" / path.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, link)
    write_json(root / ".work/ledger/shards/train-00000.json", {})
    return root


@pytest.fixture(scope="session")
def samples() -> Callable[[Path], list[Sample]]:
    """Reads id, tokens and fragments of every sample of a split, hashes compared."""

    def read(folder: Path) -> list[Sample]:
        found = []
        for shard in json.loads((folder / "index.json").read_text())["shards"]:
            file = shard["zip_data"] or shard["raw_data"]
            stored = (folder / file["basename"]).read_bytes()
            assert hashlib.sha256(stored).hexdigest() == file["hashes"]["sha256"]
            zipped = shard["zip_data"] is not None
            data = zstandard.ZstdDecompressor().decompress(stored) if zipped else stored
            assert hashlib.sha256(data).hexdigest() == shard["raw_data"]["hashes"]["sha256"]
            count = int(np.frombuffer(data, "<u4", 1)[0])
            for begin, end in itertools.pairwise(np.frombuffer(data, "<u4", count + 1, 4)):
                size = int(np.frombuffer(data, "<u4", 1, begin)[0])
                rest = data[begin + 4 : end]
                number = int(np.frombuffer(rest, "<u8", 1, size)[0])
                fragments = sample.read_fragments(rest[:size])
                found.append((number, np.frombuffer(rest, "<u2", -1, size + 8), fragments))
        return found

    return read
