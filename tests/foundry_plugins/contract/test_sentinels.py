# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The one list of special tokens."""

from __future__ import annotations

from foundry_plugins.contract import sentinels


def test_order_is_pinned_at_the_front() -> None:
    # Ids of trained models: later releases may append, never insert.
    assert sentinels.SENTINELS[:6] == (
        *("<|endoftext|>", "<|pad|>"),
        *("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"),
    )
    assert sentinels.SENTINELS[6:10] == sentinels.REPOSITORY


def test_no_token_twice_and_none_inside_another() -> None:
    tokens = sentinels.SENTINELS
    assert len(set(tokens)) == len(tokens)
    assert not [(a, b) for a in tokens for b in tokens if a != b and a in b]
    assert sentinels.END_OF_TEXT != sentinels.PAD


def test_every_group_is_in_the_list() -> None:
    values = [value for name, value in vars(sentinels).items() if name.isupper()]
    groups = [value for value in values if isinstance(value, str | tuple)]
    named = {t for group in groups for t in ((group,) if isinstance(group, str) else group)}
    assert named == set(sentinels.SENTINELS)


def test_families_by_hand() -> None:
    """Names as the published tokenizers have them; ours are StarCoder's."""
    assert set(sentinels.FAMILIES) == {"starcoder", "santacoder", "codellama", "refact", "replit"}
    starcoder, santacoder = sentinels.FAMILIES["starcoder"], sentinels.FAMILIES["santacoder"]
    assert (starcoder.prefix, starcoder.middle, starcoder.suffix) == sentinels.FIM[:3]
    assert santacoder.prefix == "<fim-prefix>"
    assert sentinels.FAMILIES["codellama"].end == "\u2581<EOT>"
    for family in sentinels.FAMILIES.values():
        assert len({family.prefix, family.middle, family.suffix, family.end}) == 4
