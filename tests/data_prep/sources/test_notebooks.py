# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Structured notebooks, from files and from rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.document import Document, blob_id
from data_prep.notebooks import NotANotebook, structured

PYTHON = {"kernelspec": {"language": "python", "name": "python3", "display_name": "Python 3"}}


def text(*source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": list(source)}


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 1, "source": source, "outputs": list(outputs)}


def printed(*lines: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": list(lines)}


def result(shown: str) -> dict[str, Any]:
    data = {"text/plain": [shown], "image/png": "iVBORw0KGgo=", "text/html": ["<b>x</b>"]}
    return {"output_type": "execute_result", "data": data, "execution_count": 1}


def notebook(*cells: dict[str, Any], metadata: Any = PYTHON, **more: Any) -> str:
    content = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps({**content, **more})


CELLS = [
    code("import numpy"),
    text("# Title\n", "Some *text*"),
    text("more"),
    code("x = 1\n", printed("unused")),
    {"cell_type": "raw", "source": "raw"},
    code("print(x)", printed("1\n", "2\n"), result("3")),
    text("empty next"),
    code("y = 2"),
    text("the end"),
]
EXPECTED = (
    "<jupyter_start><jupyter_text># Title\nSome *text*\nmore<jupyter_code>x = 1\nprint(x)"
    "<jupyter_output>1\n2\n3<jupyter_text>empty next<jupyter_code>y = 2"
    "<jupyter_output><empty_output>"
)


def written(found: Any) -> str:
    pieces, start = [], 0
    for offset, sentinel in found.markers:
        pieces += [found.text[start:offset], sentinel]
        start = offset
    return "".join([*pieces, found.text[start:]])


def test_a_chain() -> None:
    assert written(structured(notebook(*CELLS))) == EXPECTED


def test_without_outputs() -> None:
    found = written(structured(notebook(*CELLS), outputs=False))
    assert found == (
        "<jupyter_start><jupyter_text># Title\nSome *text*\nmore<jupyter_code>x = 1\nprint(x)"
        "<jupyter_text>empty next<jupyter_code>y = 2"
    )


def test_long_outputs_are_cut() -> None:
    found = structured(notebook(text("t"), code("c", printed("o" * 1001))))
    assert found.text == "tc" + "o" * 1000 + "[...]"


def test_the_third_format() -> None:
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Title"]},
        {
            "cell_type": "code",
            "input": ["x\n", "y"],
            "language": "python",
            "outputs": [{"output_type": "pyout", "text": ["3"]}],
        },
    ]
    content = {"metadata": {"language": "python"}, "nbformat": 3, "worksheets": [{"cells": cells}]}
    assert written(structured(json.dumps(content))) == (
        "<jupyter_start><jupyter_text>Title<jupyter_code>x\ny<jupyter_output>3"
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (notebook(*CELLS, metadata={"kernelspec": {"language": "R", "name": "ir"}}), "not_python"),
        (notebook(*CELLS, metadata={}), "not_python"),
        (notebook(*CELLS, metadata=None), "not_python"),
        (notebook(code("x"), text("t")), "no_pairs"),
        (notebook(text("t")), "no_pairs"),
        (notebook(), "no_pairs"),
        (notebook(text(" "), code(" ")), "no_pairs"),
    ],
)
def test_dropped(source: str, reason: str) -> None:
    assert structured(source) == reason


@pytest.mark.parametrize(
    "source", ["", "{", "[]", "{}", '{"cells": 7}', '{"cells": ["\\ud800"]}', "[" * 100_000]
)
def test_no_notebook(source: str) -> None:
    with pytest.raises(NotANotebook):
        structured(source)


ANY = st.recursive(
    st.none() | st.integers() | st.sampled_from(["code", "markdown", "text", "python"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["cells", "cell_type", "source", "outputs", "text", "data", "metadata"]),
        inner,
        max_size=4,
    ),
    max_leaves=10,
)


@given(cells=ANY, metadata=ANY)
def test_any_json_gives_a_chain_or_a_reason(cells: object, metadata: object) -> None:
    content = {"cells": cells, "metadata": metadata, "language": "python"}
    for more in ({}, {"metadata": PYTHON}):
        try:
            structured(json.dumps({**content, **more}))
        except NotANotebook:
            assert not isinstance(cells, list)


def test_files(read_source: Any, tmp_path: Path) -> None:
    folder = tmp_path / "course"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    files = {
        "a.ipynb": notebook(*CELLS).encode(),
        "b.ipynb": b"\xff{",
        "c.ipynb": b"{}",
        "d.ipynb": notebook(text("t"), code("c\0")).encode(),
        "e.ipynb": notebook(text("t" * 5000), code("c")).encode(),
        "f.ipynb": notebook(text("t")).encode(),
        "readme.txt": b"",
        ".ipynb_checkpoints/a-checkpoint.ipynb": notebook(*CELLS).encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    found = read_source("notebooks", paths=[folder], limit_bytes=4000)
    first, *others = found
    assert written(first) == EXPECTED
    assert (first.name, first.language) == ("a.ipynb", "Jupyter Notebook")
    # Of the file, so that it can be found and opted out.
    assert first.origin == blob_id(files["a.ipynb"])
    assert [item.reason for item in others] == [
        "invalid_utf8",
        "invalid_json",
        "null_bytes",
        "over_limit",
        "no_pairs",
    ]


def test_rows_of_the_stack(read_source: Any, write_parquet: Any) -> None:
    whole = notebook(*CELLS)
    stack = {
        "content": whole,
        "lang": "Jupyter Notebook",
        "max_stars_repo_name": "ann/course",
        "max_stars_repo_path": "a.ipynb",
        "max_stars_repo_licenses": ["MIT"],
        "max_stars_count": 3,
    }
    rows = [stack, {**stack, "lang": "Python", "content": "x = 1"}, {**stack, "content": "{"}]
    found, bad = read_source("notebooks", paths=[write_parquet("a.parquet", rows)])
    assert written(found) == EXPECTED
    assert (found.name, found.licenses) == ("ann/course/a.ipynb", ("MIT",))
    assert found.metadata["stars"] == 3
    assert found.origin == blob_id(whole.encode())
    assert (bad.row, bad.reason) == (2, "invalid_json")


def test_rows_with_named_columns(read_source: Any, write_lines: Any) -> None:
    path = write_lines("a.jsonl", {"ipynb": notebook(*CELLS), "file": "a.ipynb"})
    columns = {"text": "ipynb", "path": "file"}
    (found,) = read_source("notebooks", paths=[path], columns=columns, outputs=False)
    assert isinstance(found, Document)
    assert found.name == "a.ipynb"
    assert all(sentinel != "<jupyter_output>" for _, sentinel in found.markers)
