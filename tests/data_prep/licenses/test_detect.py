# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Licences of real licence files, of notices in source files, and of package files."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from data_prep.licenses.declared import declared, to_spdx
from data_prep.licenses.detect import detect_header, detect_text

ROOT = Path(__file__).resolve().parents[3]
DEBIAN = Path("/usr/share/common-licenses")


def test_this_project() -> None:
    assert detect_text((ROOT / "LICENSE").read_text()) == ("Apache-2.0",)
    assert detect_header((ROOT / "data_prep/pack.py").read_text()) == ("Apache-2.0",)


def test_files_of_installed_packages() -> None:
    """What a package declares is what its licence file holds."""
    agreed, differ = set(), set()
    for distribution in importlib.metadata.distributions():
        stated = to_spdx(distribution.metadata.get("License-Expression") or "")
        files = [f for f in distribution.files or () if f.name in ("LICENSE", "LICENSE.txt")]
        if stated is None or len(files) != 1 or " " in stated:
            continue
        found = detect_text(files[0].read_text())
        (agreed if stated in found else differ).add(distribution.name)
    # Those that differ hold the licences of bundled libraries too, or say PSF-2.0 of Python-2.0.
    assert len(agreed) >= 20
    assert len(differ) <= 0.2 * len(agreed), differ


@pytest.mark.parametrize(
    ("name", "identifier"),
    [("GPL-2", "GPL-2.0"), ("GPL-3", "GPL-3.0"), ("LGPL-3", "LGPL-3.0"), ("MPL-2.0", "MPL-2.0")],
)
def test_copyleft_texts_where_the_system_has_them(name: str, identifier: str) -> None:
    if (DEBIAN / name).exists():
        assert detect_text((DEBIAN / name).read_text()) == (identifier,)


@pytest.mark.parametrize(
    ("notice", "found"),
    [
        ("/* SPDX-License-Identifier: gpl-2.0 WITH Linux-syscall-note */",
         ("GPL-2.0 WITH Linux-syscall-note",)),
        ("<!-- SPDX-License-Identifier: MIT -->", ("MIT",)),
        ("# SPDX-License-Identifier: see the file COPYING", ()),
        ("# Licensed under the Apache License, Version 2.0 (the 'License')", ("Apache-2.0",)),
        ("// terms of the GNU General Public License as published by\n"
         "// the Free Software Foundation; either version 2 of the License, or\n"
         "// (at your option) any later version.", ("GPL-2.0-or-later",)),
        (" * the GNU Lesser General Public\n * License, version 2.1, as published",
         ("LGPL-2.1-only",)),
        ("; under version 3 of the GNU Affero General Public License", ("AGPL-3.0-only",)),
        ("# GNU GPL v3", ("GPL-3.0-only",)),
        ("You can choose between two licenses:\n1) GNU GPLv2\n2) PSF license", ()),
        ("// This Source Code Form is subject to the terms of the Mozilla Public\n"
         "// License, v. 2.0.", ("MPL-2.0",)),
        ("// Distributed under the Boost Software License, Version 1.0.", ("BSL-1.0",)),
        ("# Released under the MIT license", ("MIT",)),
        ("# See LICENSE for the license.", ()),
        ("license = input('Which license? ')", ()),
        ("x = 1\n" * 1000 + "# SPDX-License-Identifier: MIT", ()),
    ],
)  # fmt: skip
def test_notices(notice: str, found: tuple[str, ...]) -> None:
    assert detect_header(notice) == found


@pytest.mark.parametrize(
    ("file", "content", "found"),
    [
        ("pyproject.toml", '[project]\nlicense = "mit or Apache-2.0"', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD 3-Clause"}', "BSD-3-Clause"),
        ("pyproject.toml", '[tool.poetry]\nlicense = "ISC"', "ISC"),
        (
            "pyproject.toml",
            '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]',
            "MIT",
        ),
        ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}', None),
        ("pyproject.toml", "not toml", None),
        ("setup.cfg", "[metadata]\nlicense = Apache License, Version 2.0\n", "Apache-2.0"),
        (
            "setup.cfg",
            "[metadata]\nclassifiers =\n  License :: OSI Approved\n"
            "  License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)\n",
            "GPL-3.0-or-later",
        ),
        ("package.json", '{"license": "(MIT OR WTFPL)"}', "(MIT OR WTFPL)"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "ISC"}]}', "MIT OR ISC"),
        ("package.json", '{"license": {"type": "BSD-2-Clause"}}', "BSD-2-Clause"),
        ("package.json", '{"license": "SEE LICENSE IN EULA"}', None),
        ("package.json", '{"license": "UNLICENSED"}', None),
        ("package.json", '["a list"]', None),
        ("package.json", "[" * 100_000, None),
        ("composer.json", '{"license": ["LGPL-2.1-only", "MIT"]}', "LGPL-2.1-only OR MIT"),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', "MIT OR Apache-2.0"),
        ("Cargo.toml", '[workspace.package]\nlicense = "MPL-2.0"', "MPL-2.0"),
        ("Cargo.toml", "[package]\nlicense.workspace = true", None),
    ],
)
def test_package_files(file: str, content: str, found: str | None) -> None:
    assert declared(file, content.encode()) == found


def test_bytes_that_are_no_text() -> None:
    assert declared("package.json", b"\xff\xfe{") is None
