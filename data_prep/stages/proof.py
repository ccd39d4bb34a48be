# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 6, a map: the tokenizer, proven on documents of the training side.

Every part that the tokenizer was given contributes its first documents to the comparison of the
compiled encoder with the tokenizers library (`data_prep.tokenizers.proof`), ``proof_bytes`` in all.
If it fails anywhere, the library encodes, and all of these parts must come back from it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from data_prep import tokenizers
from data_prep.document_file import read_file
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe
from data_prep.stages import vocabulary
from data_prep.tokenizers.encoder import Encoder
from data_prep.tokenizers.proof import COMPILED, LIBRARY, Proof, by_library, compare
from foundry_plugins.contract import token_bytes

STAGES = {COMPILED: "proof", LIBRARY: "proof_by_library"}


def plan(
    recipe: Recipe, gathered: Sequence[Outcome], documents: Path, tokenizer: Outcome, encoder: str
) -> list[Task]:
    """One task for each part of documents that the tokenizer was given.

    Args:
        recipe: The recipe.
        gathered: Outcomes of the ``shuffle`` stage.
        documents: Its folder.
        tokenizer: Outcome of the ``vocabulary`` stage.
        encoder: ``compiled``, which is compared with the library, or ``library``.
    """
    given = vocabulary.training_parts(recipe, gathered)
    limit = max(recipe.tokenizer.proof_bytes // len(given), 1)
    shared = digest(
        code_of(__name__, token_bytes), tokenizers.code(), tokenizer.digest, limit, encoder
    )
    folder = documents.with_name(vocabulary.STAGE) / tokenizer.files[0]
    return [
        Task(
            stage=STAGES[encoder],
            part=outcome.files[0].split(".")[0],
            inputs=digest(shared, outcome.digest),
            weight=min(limit, outcome.figures["bytes"])
            if encoder == COMPILED
            else outcome.figures["bytes"],
            function=prove,
            arguments={
                "documents": documents / outcome.files[0],
                "tokenizer_folder": folder,
                "limit": limit if encoder == COMPILED else None,
            },
        )
        for outcome in given
    ]


def prove(
    folder: Path, part: str, *, documents: Path, tokenizer_folder: Path, limit: int | None
) -> Outcome:
    """Proves one part; leaves no file.

    Raises:
        UserError: if a document does not come back.
    """
    # Parallelism is over parts.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    encoder = Encoder.load(tokenizer_folder)
    records = read_file(documents)
    found = by_library(encoder, records) if limit is None else compare(encoder, records, limit)
    return Outcome((), "", dataclasses.asdict(found))


def united(outcomes: Sequence[Outcome]) -> Proof:
    """What all parts say together: ``library`` if one of them does."""
    proofs = [Proof(**outcome.figures) for outcome in outcomes]
    refuted = [proof for proof in proofs if proof.encoder == LIBRARY]
    return Proof(
        encoder=LIBRARY if refuted else COMPILED,
        reason=refuted[0].reason if refuted else "",
        documents=sum(proof.documents for proof in proofs),
        bytes=sum(proof.bytes for proof in proofs),
        tokens=sum(proof.tokens for proof in proofs),
    )


def proven(tokenizer: Outcome, proof: Proof) -> Outcome:
    """The tokenizer with its proof, which says what encodes."""
    figures = {**tokenizer.figures, "proof": dataclasses.asdict(proof)}
    return dataclasses.replace(
        tokenizer, digest=digest(tokenizer.digest, proof.encoder), figures=figures
    )
