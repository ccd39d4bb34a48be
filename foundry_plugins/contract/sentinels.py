# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The one list of special tokens, in the order in which a trained vocabulary holds them.

Names are StarCoder's and StarCoder2's (Li et al. 2023, arXiv 2305.06161; Lozhkov et al. 2024,
arXiv 2402.19173) and, for ``nme_bef_msg_dff`` diffs, those of CarperAI's diff models. A sentinel
that occurs literally inside a document stays ordinary text: only the packer and the transforms
ever emit these ids.
"""

from __future__ import annotations

import dataclasses

END_OF_TEXT = "<|endoftext|>"
# Never the same token as END_OF_TEXT: Foundry's collator gives padding no loss, so a shared id
# would never be learned as the end of a document.
PAD = "<|pad|>"

FIM_PREFIX = "<fim_prefix>"
FIM_MIDDLE = "<fim_middle>"
FIM_SUFFIX = "<fim_suffix>"
FIM_PAD = "<fim_pad>"
FIM = (FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, FIM_PAD)

REPOSITORY = ("<repo_name>", "<file_sep>", "<filename>", "<gh_stars>")
COMMIT = ("<commit_before>", "<commit_msg>", "<commit_after>")
NME_BEF_MSG_DFF = ("<NME>", "<BEF>", "<MSG>", "<DFF>")
SEARCH_REPLACE = ("<search>", "<replace>", "<end_replace>")
ISSUE = ("<issue_start>", "<issue_comment>", "<issue_closed>")
# Refact's `contrast` format uses <empty_output> as its escape token.
NOTEBOOK = (
    "<jupyter_start>",
    "<jupyter_text>",
    "<jupyter_code>",
    "<jupyter_output>",
    "<jupyter_script>",
    "<empty_output>",
)
PULL_REQUEST = (
    "<pr>",
    "<pr_status>",
    "<pr_is_merged>",
    "<pr_base>",
    "<pr_file>",
    "<pr_base_code>",
    "<pr_diff>",
    "<pr_diff_hunk>",
    "<pr_comment>",
    "<pr_event_id>",
    "<pr_review>",
    "<pr_review_state>",
    "<pr_review_comment>",
    "<pr_in_reply_to_review_id>",
    "<pr_in_reply_to_comment_id>",
    "<pr_diff_hunk_comment_line>",
)

SENTINELS: tuple[str, ...] = (
    END_OF_TEXT,
    PAD,
    *FIM,
    *REPOSITORY,
    *COMMIT,
    *NME_BEF_MSG_DFF,
    *SEARCH_REPLACE,
    *ISSUE,
    *NOTEBOOK,
    *PULL_REQUEST,
)


@dataclasses.dataclass(frozen=True)
class FimTokens:
    """What a family of models calls the tokens of fill-in-the-middle.

    Attributes:
        prefix: Before the prefix; likewise ``middle`` and ``suffix``.
        end: Behind the middle, where that is not the tokenizer's own end of text.
    """

    prefix: str
    middle: str
    suffix: str
    end: str | None = None


_STARCODER = FimTokens(FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX)

# By family. Refact-1.6B has StarCoder's vocabulary. replit-code-v1-3b was trained without
# fill-in-the-middle and has no such tokens: a vocabulary trained after its recipe has this list's.
FAMILIES: dict[str, FimTokens] = {
    "starcoder": _STARCODER,
    "refact": _STARCODER,
    "replit": _STARCODER,
    "santacoder": FimTokens("<fim-prefix>", "<fim-middle>", "<fim-suffix>"),
    # Roziere et al. 2023 (arXiv 2308.12950, section 2.3): a token of its own ends a filled-in span.
    "codellama": FimTokens("\u2581<PRE>", "\u2581<MID>", "\u2581<SUF>", "\u2581<EOT>"),
}
