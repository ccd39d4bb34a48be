# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What edits remove, what they leave, and that markers stay where they were."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.document import Document
from data_prep.filters import (
    copyright_header,
    notebook_to_script,
    strip_data_literals,
    strip_html_css,
)

NOTICE = "Copyright (c) 2020 A. Author\n{0}Licensed under the Apache License, Version 2.0."


@pytest.mark.parametrize(
    ("path", "text", "left"),
    [
        ("a.py", f"# {NOTICE.format('# ')}\n\nimport os\n", "import os\n"),
        ("a.py", "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n# (c) 2020 me\nx = 1\n",
         "#!/usr/bin/python\n# -*- coding: utf-8 -*-\nx = 1\n"),
        ("a.py", "# How it works.\n\n# Copyright me\nx = 1\n", "# How it works.\n\nx = 1\n"),
        ("a.py", "x = 1\n# Copyright me\n", "x = 1\n# Copyright me\n"),
        ("a.py", '"""Copyright me."""\nx = 1\n', '"""Copyright me."""\nx = 1\n'),
        ("a.c", f"/* {NOTICE.format(' * ')}\n */\n\n/* Sum. */\nint f;\n", "/* Sum. */\nint f;\n"),
        ("a.go", "//go:build linux\n\n// Copyright me\n// All rights reserved.\n\npackage a\n",
         "//go:build linux\n\npackage a\n"),
        ("a.php", "<?php\n/* Copyright me */\necho 1;\n", "<?php\necho 1;\n"),
        ("a.html", "<!doctype html>\n<!-- Copyright me -->\n<p>\n", "<!doctype html>\n<p>\n"),
        ("a.sql", "-- Copyright me\r\n-- and others\r\nselect 1;\r\n", "select 1;\r\n"),
        ("a.json", '{"copyright": "me"}', '{"copyright": "me"}'),
    ],
)  # fmt: skip
def test_copyright_headers(path: str, text: str, left: str) -> None:
    assert copyright_header.edit(Document.of(text, path=path)).text == left


def test_a_notice_in_the_middle_of_a_comment_takes_its_comment() -> None:
    text = "// Parses dates.\n// Copyright me.\n\n// See the manual.\nint x;\n"
    left = copyright_header.edit(Document.of(text, path="a.c")).text
    assert left == "// See the manual.\nint x;\n"


@given(st.text("#/*-<!>\n copyright(c)2020x"), st.sampled_from(["a.py", "a.c", "a.html", "a.sql"]))
def test_only_the_top_of_a_file_changes(head: str, path: str) -> None:
    tail = "\nlet value = other + 1;\n" * 3
    edited = copyright_header.edit(Document.of(f"{head}\nlet x = 1;{tail}", path=path)).text
    # Unless the head opened a comment that never ends.
    assert edited.endswith(tail) or tail not in edited


def test_html_limits_are_exact() -> None:
    text = "<style>{}</style><script>{}</script><svg>{}</svg><img src='data:image/png;base64,{}'>"
    page = Document.of(text.format("s" * 9, "j" * 9, "v" * 9, "i" * 9), path="a.html")
    limits = {
        "style_limit_chars": 9,
        "script_limit_chars": 9,
        "svg_limit_chars": 9,
        "data_uri_limit_chars": 9,
    }
    assert strip_html_css.edit(page, **limits) is page
    for key, inside in zip(limits, "sjvi", strict=True):
        edited = strip_html_css.edit(page, **{**limits, key: 8})
        assert edited.text == page.text.replace(inside * 9, "")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<SCRIPT type='a'>long long</Script >", "<SCRIPT type='a'></Script >"),
        ("<script src='a.js'/><p>long long</p>", "<script src='a.js'/><p>long long</p>"),
        ("<svg>never closed <script>long long</script>", "<svg>never closed <script></script>"),
        ("<script>a</script><script>long long</script>", "<script>a</script><script></script>"),
        ("<scripted>long long</scripted>", "<scripted>long long</scripted>"),
    ],
)  # fmt: skip
def test_html_elements(text: str, left: str) -> None:
    page = Document.of(text, path="a.html")
    assert strip_html_css.edit(page, script_limit_chars=5, svg_limit_chars=5).text == left


def test_css_keeps_its_rules() -> None:
    sheet = "a { background: url(data:image/gif;base64,%s) no-repeat; }\n" % ("R0lG" * 99)
    edited = strip_html_css.edit(Document.of(sheet, path="a.css")).text
    assert edited == "a { background: url(data:image/gif;base64,) no-repeat; }\n"
    assert strip_html_css.edit(Document.of(sheet, path="a.py")).text == sheet


def test_number_tables() -> None:
    def table(count: int) -> str:
        return "int t[] = {" + ", ".join(f"0x{n:02x}" for n in range(count)) + "};\n"

    short, long = (Document.of(table(count), path="a.c") for count in (64, 66))
    assert strip_data_literals.edit(short) is short
    assert strip_data_literals.edit(long).text == table(8)


@pytest.mark.parametrize(
    "table",
    [
        ", ".join(["-1.5e-3"] * 200),
        ",\n    ".join(["255"] * 200),
        ",".join(["1u8"] * 200),
        ", ".join(["3.14f"] * 200),
    ],
)
def test_numbers_of_all_kinds(table: str) -> None:
    edited = strip_data_literals.edit(Document.of(f"x = [{table}]", path="a.rs")).text
    first = table.split(",")[0]
    assert edited.count(first) == 8
    assert edited.endswith("]")


def test_encoded_strings_and_what_looks_like_them() -> None:
    key = "ab12" * 65
    edited = strip_data_literals.edit(Document.of(f'key = "{key}"\n')).text
    assert edited == f'key = "{key[:32]}"\n'
    escapes = strip_data_literals.edit(Document.of('x = b"' + r"\x7f" * 65 + '"\n')).text
    assert escapes == 'x = b"' + r"\x7f" * 8 + '"\n'
    for text in ("a" * 300, "=" * 300, "/" * 300, "1" * 300, "-" * 300):
        document = Document.of(f"x = '{text}'\n")
        assert strip_data_literals.edit(document) is document


def test_base64_over_many_lines() -> None:
    lines = [f'    "{"QUJD" * 16}"\n' for _ in range(20)]
    text = "x = (\n" + "".join(lines) + '    "QQ=="\n)\n'
    edited = strip_data_literals.edit(Document.of(text)).text
    assert edited == "x = (\n" + lines[0] + '    "QQ=="\n)\n'
    few = Document.of("x = (\n" + "".join(lines[:8]) + ")\n")
    assert strip_data_literals.edit(few) is few


def test_stripped_python_is_still_python() -> None:
    text = (
        f"A = [{', '.join(map(str, range(999)))}]\nB = {'0a' * 999!r}\nC = {bytes(range(256))!r}\n"
    )
    edited = strip_data_literals.edit(Document.of(text)).text
    assert ast.literal_eval(ast.parse(edited).body[0].value) == list(range(8))
    assert len(edited) < 500


def test_data_languages_are_left_alone() -> None:
    data = Document.of("[" + "1, " * 500 + "2]", path="a.json")
    assert strip_data_literals.edit(data) is data


@pytest.mark.parametrize("path", ["a.html", "a.py"])
def test_markers_move_along(path: str) -> None:
    long = {"a.html": f"<script>{'x' * 6000}</script>", "a.py": "x = [" + "1, " * 99 + "2]\n"}[path]
    document = Document.of(long + long + "end", path=path)
    document = document.replace(markers=((0, "<a>"), (len(long), "<b>"), (2 * len(long), "<c>")))
    edit = strip_html_css.edit if path == "a.html" else strip_data_literals.edit
    edited = edit(document)
    half = (len(edited.text) - 3) // 2
    assert edited.markers == ((0, "<a>"), (half, "<b>"), (2 * half, "<c>"))
    assert edited.origin == document.origin


def notebook(cells: list[tuple[str, str]], **metadata: object) -> Document:
    content = {
        "cells": [{"cell_type": kind, "source": text.splitlines(True)} for kind, text in cells],
        "metadata": metadata,
    }
    return Document.of(json.dumps(content), path="work/a.ipynb")


def test_notebooks() -> None:
    script = notebook_to_script.edit(
        notebook(
            [
                ("markdown", "# Title\n\nSome *text*."),
                ("code", "%matplotlib inline\nimport numpy as np\n!pip install x\nnp.sum?"),
                ("raw", "as it is"),
                ("code", "x = 'a' \\\n  != 'b'\ny = 7 \\\n  % 2"),
                ("code", "%%bash\nls"),
                ("code", "  \n"),
            ],
            kernelspec={"language": "python", "name": "python3"},
        )
    )
    assert isinstance(script, Document)
    assert script.text == (
        "# # Title\n#\n# Some *text*.\n\n"
        "# %matplotlib inline\nimport numpy as np\n# !pip install x\n# np.sum?\n\n"
        "# as it is\n\n"
        "x = 'a' \\\n  != 'b'\ny = 7 \\\n  % 2\n\n"
        "# %%bash\n# ls\n"
    )
    assert (script.language, script.path) == ("Python", "work/a.ipynb")


@pytest.mark.parametrize(
    ("metadata", "language", "comment"),
    [
        ({"language_info": {"name": "R"}}, "R", "# a"),
        ({"kernelspec": {"name": "ir"}}, "R", "# a"),
        ({"kernelspec": {"language": "julia"}}, "Julia", "# a"),
        ({"language_info": {"name": "C++17"}}, "C++", "// a"),
        ({"language_info": {"name": "ipython"}}, "Python", "# a"),
        ({"kernelspec": {"name": "python2-env"}}, "Python", "# a"),
        ({}, "Python", "# a"),
    ],
)
def test_notebook_languages(metadata: dict[str, object], language: str, comment: str) -> None:
    script = notebook_to_script.edit(notebook([("markdown", "a"), ("code", "b")], **metadata))
    assert isinstance(script, Document)
    assert (script.language, script.text) == (language, f"{comment}\n\nb\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "invalid_notebook"),
        ("[]", "invalid_notebook"),
        ("{}", "invalid_notebook"),
        ('{"cells": 1}', "invalid_notebook"),
        ('{"cells": [{"source": "x"}]}', "invalid_notebook"),
        ("[" * 100_000, "invalid_notebook"),
        ('{"cells": [{"cell_type": "markdown", "source": "x"}]}', "notebook_without_code"),
        ('{"cells": [], "metadata": {"language_info": {"name": "?"}}}', "notebook_language"),
    ],
)
def test_notebooks_that_are_dropped(text: str, reason: str) -> None:
    assert notebook_to_script.edit(Document.of(text, path="a.ipynb")) == reason


def test_old_notebooks_and_half_characters() -> None:
    cell = r'{"cell_type": "code", "input": ["x = \"\ud800\""]}'
    text = '{"worksheets": [{"cells": [' + cell + "]}]}"
    script = notebook_to_script.edit(Document.of(text, path="a.ipynb"))
    assert isinstance(script, Document)
    assert script.data.decode() == 'x = "\ufffd"\n'


def test_notebooks_of_one_language() -> None:
    julia = notebook([("code", "b")], kernelspec={"language": "julia"})
    assert notebook_to_script.edit(julia, language="Python") == "notebook_language"
    assert notebook_to_script.edit(julia.replace(markers=((0, "<jupyter_start>"),))).markers
