# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What was taken out of a dataset after it was written, and why.

Kept so that a look-up can say so, and so that no later run brings it back unnoticed. Identifiers
only: nothing of the texts and no paths.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep import store
from data_prep.document import Document
from data_prep.provenance import table
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

    from data_prep.licenses.opt_out import OptOut

FILE = "removed.parquet"
# Beside the data while a removal is under way: what it takes out.
PENDING = "removal.parquet"


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes such a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_path(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, _schema()), partial, compression="zstd")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of such a file; none if there is none."""
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist() if path.is_file() else []


def row(part: str, found: dict[str, Any], reason: str) -> dict[str, Any]:
    """What is kept of a row of the map."""
    return {
        "part": part,
        "document": found["document"],
        "origin": found["origin"],
        "repositories": found["repositories"],
        "reason": reason,
        "num_tokens": found["num_tokens"],
        "num_bytes": found["num_bytes"],
    }


def stand_in(found: dict[str, Any]) -> Document:
    """A document with what an opt-out goes by, and no text."""
    from data_prep.licenses.opt_out import REPOSITORIES

    repositories = found["repositories"]
    return Document(
        text="",
        path="",
        language="",
        source="",
        origin=found["origin"].hex(),
        repository=repositories[0] if repositories else "",
        metadata={REPOSITORIES: repositories},
    )


def require_covered(output: Path, opt_out: OptOut | None) -> None:
    """Refuses a run that would bring removed documents back.

    A run that leaves out what an interrupted removal was to take out makes it good, so that is
    then forgotten.

    Args:
        output: The folder of the conversion; it need not exist.
        opt_out: What the recipe leaves out, if anything.

    Raises:
        UserError: if the recipe does not leave out all that was removed.
    """
    rows = read(output / "provenance" / FILE) + read(output / PENDING)
    back = [r for r in rows if opt_out is None or opt_out.reason(stand_in(r)) is None]
    if back:
        raise UserError(
            f"This run would bring back {len(back)} of {len(rows)} documents that "
            f"`convert_dataset remove` took out of {output}; add the list that named them to "
            "`opt_out` in the recipe, or set `output` to another folder."
        )
    if (output / PENDING).is_file():
        (output / PENDING).unlink()


def require_gone(folder: Path, url: str, there: Collection[str]) -> None:
    """Refuses an upload that would bring back what was taken out of the dataset in the store.

    Args:
        folder: What is to be uploaded.
        url: Where to.
        there: The urls of all files there.

    Raises:
        UserError: if the folder holds such a document.
    """
    back = 0
    for name in (f"provenance/{FILE}", PENDING):
        if store.join(url, name) not in there:
            continue
        with tempfile.TemporaryDirectory(prefix="convert_dataset.") as temporary:
            copy = Path(temporary) / FILE
            store.download_file(store.join(url, name), copy)
            rows = read(copy)
        for part in {row["part"] for row in rows}:
            gone = {(row["document"], row["origin"]) for row in rows if row["part"] == part}
            back += len(gone & _documents(folder / "provenance" / f"{part}{table.SUFFIX}"))
    require(
        not back,
        f"{folder} still holds {back} documents that `convert_dataset remove` took out of {url}; "
        "run it with the same list on the folder, or convert again with the list in `opt_out`.",
    )


def _documents(path: Path) -> set[tuple[int, bytes]]:
    """Number and origin of the documents of a part's map, if it is there."""
    if not path.is_file():
        return set()
    rows = table.read(path, ["document", "origin"]).to_pylist()
    return {(row["document"], row["origin"]) for row in rows}


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("part", pa.string()),
            ("document", pa.uint32()),
            ("origin", pa.binary(20)),
            ("repositories", pa.list_(pa.string())),
            ("reason", pa.string()),
            ("num_tokens", pa.uint64()),
            ("num_bytes", pa.uint64()),
        ]
    )
