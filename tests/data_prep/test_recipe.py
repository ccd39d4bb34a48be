# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes: what is accepted, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_prep.recipe import Recipe, load
from foundry_plugins.contract.errors import UserError

QUICKSTART = Path(__file__).resolve().parents[2] / "yamls/quickstart/data.yaml"

MINIMAL = """
variables: {size: 1024}
sources: {code: {kind: directory, path: src}}
tokenizer: {vocab_size: "${variables.size}"}
shards: {sequence_length: 64}
output: out
"""


def read(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return load(path, overrides)


def test_defaults(tmp_path: Path) -> None:
    recipe = read(tmp_path, MINIMAL)
    assert recipe.plan()["sources"]["code"].items() >= {
        ("kind", "directory"),
        ("weight", None),
        ("path", "src"),
        ("exclude", ()),
    }
    assert recipe.filters == []
    assert (recipe.seed, recipe.workers, recipe.dedup.exact) == (17, None, True)
    assert recipe.tokenizer.vocab_size == 1024
    assert recipe.output == Path("out")


def test_overrides_and_interpolation(tmp_path: Path) -> None:
    recipe = read(tmp_path, MINIMAL, "variables.size=2048", "seed=3", "sources.code.exclude=[a, b]")
    assert recipe.tokenizer.vocab_size == 2048
    assert recipe.seed == 3
    assert recipe.sources[0].settings["exclude"] == ("a", "b")
    assert recipe.key("tokenizer.vocab_size") == "variables.size"
    assert recipe.key("shards.sequence_length") == "shards.sequence_length"


def test_filters_by_name(tmp_path: Path) -> None:
    text = MINIMAL + "filters: [near_empty, {line_lengths: {max_limit_chars: 9}}]\n"
    recipe = read(tmp_path, text, "filters.0={near_empty: {minimum_words: 3}}")
    assert [step.kind for step in recipe.filters] == ["near_empty", "line_lengths"]
    assert recipe.filters[0].settings == {"minimum_words": 3}
    assert recipe.filters[1].settings["mean_limit_chars"] == 100.0


def test_hash_is_stable_and_ignores_where_and_how_fast(tmp_path: Path) -> None:
    base = read(tmp_path, MINIMAL).hash
    assert base == "32d433b95584f93112faa265f61dee50fff6790c50011881a5bc823230ee3e0c"
    assert read(tmp_path, MINIMAL, "output=elsewhere", "workers=3").hash == base
    # A value written out is the same as the default, a comment or another order changes nothing.
    lines = MINIMAL.strip().splitlines()
    assert read(tmp_path, "\n".join([*reversed(lines), "seed: 17 # as ever"])).hash == base
    assert read(tmp_path, MINIMAL, "seed=18").hash != base


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sede=1", r"`sede` is not a known key \(did you mean 'seed'\?\)"),
        ("shards.sequence_lenght=1", r"`shards.sequence_lenght` is .* 'sequence_length'"),
        ("sources.code.pth=x", r"`sources.code.pth` is not a known key \(did you mean 'path'"),
        ("sources.code.kind=directry", r"`sources.code.kind`: there is no 'directry' \(did you"),
        ("variables.sise=1", r"`variables.sise` is not a variable .* \(did you mean 'size'"),
        ("filters=[{near_emty: {}}]", r"`filters.0`: there is no 'near_emty' \(did you mean"),
        ("filters=[{near_empty: {words: 1}}]", r"`filters.0.near_empty.words` is not a known"),
        ("filters={near_empty: {}}", r"`filters` must be a list"),
        ("filters=[{a: 1, b: 2}]", r"`filters.0` must be one filter"),
        ("tokenizer.vocab_size=big", r"`tokenizer.vocab_size` must be a whole number, got 'big'"),
        ("tokenizer.vocab_size=true", r"must be a whole number, got True"),
        ("tokenizer.vocab_size=100", r"`tokenizer.vocab_size` must be at least \d{3}"),
        ("dedup.exact=1", r"`dedup.exact` must be true or false, got 1"),
        ("split.validation=1.5", r"`split.validation` must be between 0 and 1"),
        ("split=0.1", r"`split` must be a section"),
        ("shards.shard_bytes=5000000000", r"below 4 GiB"),
        ("shards.compression=gzip", r"`shards.compression` must be zstd"),
        ("sources.code.path=7", r"`sources.code.path` must be text, got 7"),
        ("sources.code.exclude=7", r"`sources.code.exclude` must be a list, each entry text"),
        ("sources.code.weight=0", r"`sources.code.weight` must be above 0"),
        ("split.by=line", r"`split.by` must be one of document, repository, got 'line'"),
        ("sample.language_limit_share={C: 2}", r"`sample.language_limit_share.C` must be betw"),
        ("dedup.keep=best", r"`dedup.keep`: there is no rule 'best'"),
        ("engine=sparc", r"`engine` must be one of local, spark, got 'sparc'"),
        ("limits.bad_share=3", r"`limits.bad_share` must be null or between 0 and 1"),
        ("sources={}", r"`sources` must hold one section a source"),
        ("sources={code: {path: x}}", r"`sources.code.kind` is missing"),
        ("sources={code: {kind: directory}}", r"`sources.code.path` is missing; give text"),
        ("workers=0", r"`workers` must be at least 1"),
        ("seed", r"The override 'seed' must read key=value"),
        ("seed=[1", r"The override 'seed=\[1' cannot be applied"),
        ("output=${variables.nothing}", r"`output`: .*variables.nothing"),
    ],
)
def test_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, MINIMAL, override)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", r"not valid YAML: line 2, column 2"),
        ("seed: 1\nseed: 2", r"not valid YAML: line 2, column 1: found duplicate key"),
        ("- a\n- b\n", r"must hold `key: value` sections"),
        ("", r"must hold `key: value` sections"),
        ("variables: 3", r"`variables` in .* must be a section"),
        ("seed: 1", r"has no `sources`"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no recipe .*absent.yaml"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(UserError, match="cannot be read as a text file"):
        load(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read as a text file"):
        load(tmp_path / "binary")


def test_every_number_of_the_quickstart_has_one_place() -> None:
    recipe = load(QUICKSTART)
    for key in ("tokenizer.vocab_size", "split.validation", "sources.code.path", "output"):
        assert recipe.key(key).startswith("variables.")
