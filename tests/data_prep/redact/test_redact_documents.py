# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A document's redaction: what changes, what stays, what is said of it."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import logging
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import redact as package
from data_prep.document import Document
from data_prep.redact import documents, spans
from data_prep.redact.assignments import Assignments
from data_prep.redact.documents import find, redact
from data_prep.redact.replacements import placeholder
from data_prep.redact.settings import Redaction
from foundry_plugins.contract.errors import UserError

KEY = "9uKEmFfXzOWo69EeNQnWrqfMU"
SECRETS = ("jane.roe@mail.studio", "52.95.110.1", KEY, "hunter2!")
TEXT = (
    f"# Author: Jane Roetger <{SECRETS[0]}>\n"
    f"HOST = '{SECRETS[1]}'\n"
    f"API_KEY = '{SECRETS[2]}'\n"
    f"password = '{SECRETS[3]}'\n"
)
PLACEHOLDER, SYNTHETIC = Redaction(), Redaction(replacement="synthetic")
FRAGMENTS = (
    *SECRETS,
    *("password='", 'api_key = "', "'", '"', "\n", " ", "@", "<EMAIL>", "<KEY>", "é", "://u:", "."),
    *(
        "kqzvw@example.com",
        "10.0.0.1",
        "192.0.2.7",
        "2a00:1450::5e",
        "AKIAQWERTYUIOPASDFGH",
        "=",
        "&",
    ),
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----",
)


def of(text: str, **fields: Any) -> Document:
    """A document with any text, also one that no file could hold."""
    return Document.of("x").replace(text=text, **fields)


pieces = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=6)), max_size=14)


@pytest.mark.parametrize("name", sorted(m.name for m in pkgutil.iter_modules(package.__path__)))
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(f"data_prep.redact.{name}")
    assert doctest.testmod(module).failed == 0


def test_each_kind_has_its_placeholder_and_is_counted() -> None:
    found, counts = redact(Document.of(TEXT), Redaction(names="pattern"), seed=17)
    assert found.text == (
        "# Author: <NAME> <<EMAIL>>\n"
        "HOST = '<IP_ADDRESS>'\n"
        "API_KEY = '<KEY>'\n"
        "password = '<PASSWORD>'\n"
    )
    assert counts == {"emails": 1, "ip_addresses": 1, "keys": 1, "names": 1, "passwords": 1}


@pytest.mark.parametrize("kind", ["emails", "ip_addresses", "keys", "passwords"])
def test_a_kind_can_be_left_out(kind: str) -> None:
    found, counts = redact(Document.of(TEXT), Redaction(**{kind: False}), seed=17)
    assert kind not in counts
    assert len(counts) == 3
    assert placeholder(kind) not in found.text


def test_a_document_without_finds_is_the_same_object() -> None:
    document = Document.of("x = 1\n")
    assert redact(document, PLACEHOLDER, seed=17) == (document, {})
    assert redact(document, PLACEHOLDER, seed=17)[0] is document


def test_values_to_keep_stay() -> None:
    redaction = Redaction(
        keep_emails=("*@mail.studio",), keep_ip_addresses=("52.95.0.0/16",), keep_values=(KEY,)
    )
    found, counts = redact(Document.of(TEXT), redaction, seed=17)
    assert counts == {"passwords": 1}
    assert found.text == TEXT.replace(SECRETS[3], "<PASSWORD>")


def test_markers_stay_before_the_same_text() -> None:
    head, tail = f"mail {SECRETS[0]} ", f"or {SECRETS[0]}"
    document = Document.of(
        head + tail, markers=((0, "<issue_start>"), (len(head), "<issue_comment>"))
    )
    found, _ = redact(document, PLACEHOLDER, seed=17)
    assert found.text == "mail <EMAIL> or <EMAIL>"
    assert found.markers == ((0, "<issue_start>"), (13, "<issue_comment>"))
    assert found.text[13:] == "or <EMAIL>"


def test_a_marker_divides_what_would_be_one_address() -> None:
    document = Document.of(SECRETS[0], markers=((4, "<file_sep>"),))
    found, counts = redact(document, PLACEHOLDER, seed=17)
    assert (found.text, counts) == ("jane.<EMAIL>", {"emails": 1})


def test_texts_beside_the_text_are_redacted() -> None:
    metadata = {"message": f"by {SECRETS[0]}", "old_contents": TEXT, "stars": 3, "url": "http://x"}
    found, counts = redact(Document.of("x = 1\n", metadata=metadata), PLACEHOLDER, seed=17)
    assert found.metadata["message"] == "by <EMAIL>"
    assert all(secret not in found.metadata["old_contents"] for secret in SECRETS)
    assert found.metadata["stars"] == 3
    assert counts["emails"] == 2
    assert metadata["message"] == f"by {SECRETS[0]}", "the document given was changed"


def test_equal_originals_get_equal_replacements_everywhere() -> None:
    first, _ = redact(Document.of(f"a = '{SECRETS[0]}'  # {SECRETS[0]}\n"), SYNTHETIC, seed=17)
    second, _ = redact(Document.of(f"mailto:{SECRETS[0]}", path="b.md"), SYNTHETIC, seed=17)
    (new,) = {text for text in first.text.split() if "@" in text and text[0] != "'"}
    assert first.text == f"a = '{new}'  # {new}\n"
    assert second.text == f"mailto:{new}"
    assert redact(Document.of(SECRETS[0]), SYNTHETIC, seed=18)[0].text != new


def test_other_processes_put_the_same() -> None:
    code = (
        "import sys; from data_prep.document import Document\n"
        "from data_prep.redact.documents import redact\n"
        "from data_prep.redact.settings import Redaction\n"
        "found, _ = redact(Document.of(sys.argv[1]), Redaction(replacement='synthetic'), seed=17)\n"
        "print(found.text, end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, TEXT],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "1"},
    )
    assert done.stdout == redact(Document.of(TEXT), SYNTHETIC, seed=17)[0].text


@given(pieces)
def test_only_what_was_found_changes(parts: list[str]) -> None:
    """The text outside of the spans, against a plain replacement of the spans in turn."""
    text = "".join(parts)
    data = text.encode()
    expected, end = b"", 0
    for span in find(data, "Python", PLACEHOLDER):
        assert end <= span.start < span.end <= len(data)
        expected += data[end : span.start] + placeholder(span.kind).encode()
        end = span.end
    expected += data[end:]
    found, _ = redact(of(text), PLACEHOLDER, seed=3)
    if not find(expected, "Python", PLACEHOLDER):
        assert found.text == expected.decode()


@given(pieces, st.sampled_from([PLACEHOLDER, SYNTHETIC]), st.sampled_from(["Python", "YAML"]))
def test_redaction_is_idempotent(parts: list[str], redaction: Redaction, language: str) -> None:
    document = of("".join(parts), language=language)
    once, _ = redact(document, redaction, seed=3)
    assert redact(once, redaction, seed=3) == (once, {})


@given(pieces, st.data())
def test_markers_are_kept(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    offsets = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
    document = of(text, markers=tuple((offset, "<file_sep>") for offset in offsets))
    found, _ = redact(document, PLACEHOLDER, seed=3)
    edges = [0, *offsets, len(text)]
    places = [0, *(offset for offset, _ in found.markers), len(found.text)]
    for start, end, first, last in zip(edges, edges[1:], places, places[1:], strict=False):
        assert found.text[first:last] == redact(of(text[start:end]), PLACEHOLDER, seed=3)[0].text


def test_lone_surrogates_pass_through() -> None:
    document = of(f"'\ud800' {SECRETS[0]}")
    assert redact(document, PLACEHOLDER, seed=17)[0].text == "'\ud800' <EMAIL>"


def test_what_was_found_is_shown_nowhere(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "leaky_names.py").write_text("def find(text):\n    raise ValueError(text)\n")
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        with pytest.raises(UserError) as caught:
            redact(Document.of(TEXT), Redaction(names="leaky_names:find"), seed=17)
        said += [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
        assert caught.value.__suppress_context__
    found, counts = redact(Document.of(TEXT), Redaction(names="pattern"), seed=17)
    said += [repr(counts), repr(find(TEXT.encode(), "Python", PLACEHOLDER)), repr(found)]
    said += [repr(a) for a in Assignments("key|password", 4, 99).find(TEXT.encode(), "Python")]
    said += [repr(spans.Span(0, 5, "keys")), caplog.text, *capfd.readouterr()]
    for secret in (*SECRETS, "Jane Roetger"):
        assert not any(secret in text for text in said)


def test_a_recognizer_of_names_is_called(tmp_path: Path) -> None:
    (tmp_path / "all_janes.py").write_text(
        "import re\ndef find(text):\n    return [m.span() for m in re.finditer('Jané', text)]\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        for redaction in (PLACEHOLDER, SYNTHETIC):
            redaction = dataclasses.replace(redaction, names="all_janes:find")
            found, counts = redact(Document.of("é Jané, Jané\n"), redaction, seed=17)
            assert counts == {"names": 2}
            assert "Jané" not in found.text
            assert redact(found, redaction, seed=17) == (found, {})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"names": "everything"}, "`redaction.names` must be none, pattern or module:function"),
        ({"names": "no_such_module:find"}, "there is no module 'no_such_module'"),
        ({"keep_ip_addresses": ("1.2.3",)}, "`redaction.keep_ip_addresses[0]` must be an IP"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        Redaction(**values)
    assert sentence in str(caught.value)


def test_a_function_that_is_missing_is_named() -> None:
    with pytest.raises(UserError, match="the module json has no 'names'"):
        redact(Document.of("x = 1\n"), Redaction(names="json:names"), seed=17)


def test_the_code_of_what_is_used_is_known() -> None:
    names = {module.__name__.rpartition(".")[2] for module in documents.code(Redaction())}
    assert {"emails", "keys", "key_formats", "replacements"} <= names
    assert "names" not in names
    everything = {m.name for m in pkgutil.iter_modules(package.__path__)} - {"documents"}
    assert {
        module.__name__.rpartition(".")[2] for module in documents.code(Redaction(names="pattern"))
    } == everything
