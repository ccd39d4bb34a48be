# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which documents a licence policy keeps."""

from __future__ import annotations

from typing import Any

import pytest

from data_prep.document import Document
from data_prep.licenses.policy import Licenses, apply, keep
from data_prep.settings import settings
from foundry_plugins.contract.errors import UserError


def judge(licenses: tuple[str, ...], metadata: dict[str, Any] | None = None, **keys: Any) -> Any:
    document = Document.of("x = 1\n", licenses=licenses, metadata=metadata or {})
    return keep(document, Licenses(**settings("licenses", Licenses, keys)))


def test_any_keeps_all_but_what_is_denied() -> None:
    assert judge(()) is None
    assert judge(("GPL-3.0-only",)) is None
    assert judge((), unknown="drop") == "license_unknown"
    assert judge(("GPL-3.0",), deny=["GPL-3.0-or-later"]) == "license_denied"
    assert judge(("MIT OR GPL-3.0",), deny=["GPL-3.0"]) is None


def test_permissive() -> None:
    strict: dict[str, Any] = {"policy": "permissive"}
    assert judge(("MIT", "bsd-3-clause"), **strict) is None
    assert judge(("MIT", "GPL-2.0"), **strict) == "license_not_permissive"
    assert judge(("Apache-2.0 WITH LLVM-exception",), **strict) is None
    assert judge((), **strict) == "license_unknown"
    assert judge(("NOASSERTION",), **strict) == "license_unknown"
    assert judge((), unknown="keep", **strict) is None
    assert judge(("MPL-2.0",), **strict) == "license_not_permissive"
    assert judge(("MPL-2.0",), allow=["mpl-2.0"], **strict) is None
    assert judge(("MIT",), deny=["MIT"], **strict) == "license_denied"


def test_one_permissive_repository_is_enough() -> None:
    strict: dict[str, Any] = {"policy": "permissive"}
    assert judge((), {"license_lists": [["GPL-2.0"], ["MIT", "ISC"]]}, **strict) is None
    mixed = {"license_lists": [["GPL-2.0", "MIT"], ["MPL-2.0"], []]}
    assert judge(("MIT",), mixed, **strict) == "license_not_permissive"
    assert judge((), {"license_lists": [[], []]}, **strict) == "license_unknown"
    assert judge((), {"license_lists": [["MIT"], ["ISC"]]}, deny=["MIT"], **strict) is None


def test_the_word_of_the_data_set() -> None:
    judged = {"license_type": "permissive"}
    reference = ("LicenseRef-scancode-public-domain",)
    assert judge(reference, judged, policy="permissive") is None
    assert judge(reference, policy="permissive") == "license_not_permissive"
    assert judge(("MIT",), judged, deny=["MIT"], policy="permissive") == "license_denied"
    assert judge((), {"license_type": "no_license"}, policy="permissive") == "license_unknown"


def test_detection_fills_in_what_the_source_does_not_know() -> None:
    document = Document.of("// SPDX-License-Identifier: GPL-2.0-only\n", "a.c")
    strict = Licenses(policy="permissive")
    assert apply(document, strict) == "license_not_permissive"
    assert apply(document, Licenses(policy="permissive", detect=False)) == "license_unknown"
    known = document.replace(licenses=("MIT",))
    assert apply(known, strict) is known


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"policy": "open"}, "one of any, permissive"),
        ({"allow": ["MIT"]}, "`licenses.allow` adds to the permissive"),
        ({"policy": "permissive", "allow": ["MTI"]}, "SPDX identifiers such as MPL-2.0, got 'MTI'"),
        ({"deny": ["MIT OR ISC"]}, "`licenses.deny` must hold SPDX identifiers"),
        ({"policy": "permissive", "allow": ["GPL-2.0"], "deny": ["GPL-2.0+"]}, "both name"),
    ],
)
def test_mistakes(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        judge((), **keys)
