# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The page is well formed, needs nothing else, and nothing that a model wrote gets out of hand."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.eval.report import folders, page, table, texts
from foundry_plugins.eval.report.answers import group
from tests.foundry_plugins.eval.report.written_results import task, write_folder

EVIL = "</code></pre><script>alert(1)</script>\" onclick='x' \x00\ud800\u202e&amp;"
VOID = {"meta", "input", "line", "circle", "br"}


class Reader(HTMLParser):
    """Elements by name with their attributes; every end must match its start."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def page_of(folder: Path, shown: int = 3) -> tuple[str, Reader]:
    evaluations, _ = folders.find([folder])
    text = page.html(evaluations, table.all_rows(evaluations), shown)
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return text, reader


def test_nothing_of_a_model_becomes_markup(tmp_path: Path) -> None:
    answers = {EVIL: [(EVIL, EVIL)]}
    # Settings are ours and YAML's, which hold no half characters.
    whole = EVIL.replace("\ud800", "")
    tasks = [task(EVIL, EVIL, prompt=EVIL, suffix=EVIL, canonical=EVIL, tests=EVIL)]
    write_folder(tmp_path / "x", answers, tasks, model=whole, rules=whole, more={whole: whole})
    text, reader = page_of(tmp_path)
    text.encode()  # no half characters
    assert not re.search("[\x00\u202e]", text)
    assert len(reader.all("script")) == 1
    assert not [name for _, attributes in reader.found for name in attributes if name[:2] == "on"]
    assert text.count(r"\u0000\ud800\u202e&amp;amp;") >= 8


@given(st.text())
@settings(deadline=None)
def test_texts_stay_what_they_are_unless_they_hide(text: str) -> None:
    found = texts.escaped(text)
    assert not set("<>\"'") & set(found)
    if text.isascii() and text.isprintable():
        assert html.unescape(found) == text


def test_long_texts_are_cut_and_counted() -> None:
    assert "5 more characters" in texts.code("x" * (texts.LONGEST + 5))
    assert "more characters" not in texts.code("x" * texts.LONGEST)


def test_the_page_needs_nothing_and_allows_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"a": [("b", "passed")]})
    text, reader = page_of(tmp_path)
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:|//)""", text)
    assert not [1 for _, attributes in reader.found if "style" in attributes]
    (policy,) = (m["content"] for m in reader.all("meta") if "http-equiv" in m)
    assert policy is not None
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    # Headings, a language, names for regions: what screen readers go by.
    assert reader.all("html") == [{"lang": "en"}]
    targets = {attributes.get("id") for _, attributes in reader.found}
    assert {str(link["href"])[1:] for link in reader.all("a")} <= targets
    # Without the script everything is there, and no form that would do nothing.
    assert "hidden" in reader.all("form")[0]
    assert not [one for one in reader.all("details") + reader.all("article") if "hidden" in one]


def test_the_script_asks_for_what_the_page_has(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"a": [("b", "passed"), ("c", None)], "b": [("d", "name")]})
    _, reader = page_of(tmp_path)
    script = Path(page.__file__).with_name("page.js").read_text()
    asked = set(re.findall(r'fits\("(\w+)"', script))
    assert asked == {str(select["name"]) for select in reader.all("select")}
    assert [one["name"] for one in reader.all("input")] == ["search"]
    first, second = reader.all("section")[-2:]
    assert (first["data-kinds"], first["data-solved"]) == ("passed not_judged", "all some_or_all")
    assert (second["data-kinds"], second["data-solved"]) == ("name", "none")
    values = {option["value"] for option in reader.all("option")}
    assert {"passed", "not_judged", "name", "0", "none", "some_or_all", "py"} <= values
    for needed in ("details.problem", "section.answers"):
        tag, name = needed.split(".")
        assert needed in script
        assert any(one.get("class") == name for one in reader.all(tag))
    # Equal values of a filter and of what is filtered.
    (problem, _) = (one for one in reader.all("details") if one.get("class") == "problem")
    assert {problem["data-benchmark"], problem["data-language"]} <= values


def test_problems_stand_once_for_all_models_and_answers_are_bounded(tmp_path: Path) -> None:
    answers = [("x", "name")] * 50 + [("y", "passed"), ("z", "name"), ("y", "passed")]
    write_folder(tmp_path / "one", {"a": answers})
    write_folder(tmp_path / "two", {"a": answers[:1]}, model="second")
    # Shown another prompt, it is another problem.
    other = [task("a", prompt="something else")]
    write_folder(tmp_path / "three", {"a": answers[:1]}, other, model="third")
    text, reader = page_of(tmp_path, shown=2)
    problems = [one for one in reader.all("details") if one.get("class") == "problem"]
    assert len(problems) == 2
    assert len(reader.all("article")) == 2 + 1 + 1
    assert "first: 2 of 53 right" in text
    assert "1 more answers are not shown" in text
    assert "50 equal ones" in text
    (first, *_) = folders.find([tmp_path / "one"])[0]
    found = group(first, first.by_task()["a"])
    assert [(one.sample["completion"], one.equal) for one in found] == [
        ("x", 50),
        ("y", 2),
        ("z", 1),
    ]
