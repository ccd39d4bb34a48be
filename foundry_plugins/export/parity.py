# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a parity check measures, what it allows, and the texts it is made on."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.sentinels import END_OF_TEXT, FIM_MIDDLE, FIM_PREFIX

# Largest absolute difference of any logit, fp32 on both sides: rounding of another summation order.
LOGIT_LIMIT = 1e-5
# Largest absolute difference of a log-probability that llama.cpp returns.
LOG_PROBABILITY_LIMIT = 1e-3
# Set for the processes that run exports: OpenMP's threads then sleep while they wait for each
# other. Spinning, the default, makes a small model 20 times slower on a machine with other work.
PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
NEW_TOKENS = 64
_MAX_SAMPLES, _MAX_PROMPTS = 8, 5
_MAX_ROW = 512
# Positions of a row, counted from its end, whose logits are compared: all of them for all rows
# would be gigabytes with a large vocabulary.
COMPARED_POSITIONS = 256

# Where tokenizers differ: case folding, scripts, categories of digits and spaces, line ends, and
# special tokens written out in a text.
TRICKY_TEXTS = (
    "def f(x):\n\treturn x + 12345  # it's WE'LL they'Re\n\n\n\nclass A:\n    pass\n",
    "line one\r\nline two\r\n\r\n\tindented\r\n  \r\n   trailing   \n \n",
    "naïve café 東京タワー Привет мир ½ ² ١٢٣ e\u0301 👩‍👩‍👧‍👦 🏳️‍🌈 \u00a0nbsp\u3000wide\u200bzero",
    f"a{END_OF_TEXT}b {FIM_PREFIX}x{FIM_MIDDLE} <fim_suffi <|endoftext |> {END_OF_TEXT}",
    '    \t  if(a<=b&&c!=d){return"\\n";}//???!!!...\n/* ~~~ */ x=-1.5e-10;y=0xFF_u8;',
    "\u2028sep\u2029 \x0b\x0c \x1c \x85 \ufeff bom \x00 nul \x7f del a\u0300\u0301\u0302",
    " ",
    "\n",
)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One figure of a check and the limit that it must keep."""

    name: str
    measured: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the limit is kept; a NaN never does."""
        return self.measured <= self.limit


@dataclasses.dataclass(frozen=True)
class ParityReport:
    """Figures of an export against the trained model."""

    target: str  # "hf" or "gguf"
    checkpoint: str
    output: str
    measurements: tuple[Measurement, ...]

    @property
    def passed(self) -> bool:
        """Whether every limit is kept."""
        return all(m.passed for m in self.measurements)

    def rows(self) -> list[tuple[str, str, str]]:
        """Table rows: what is compared, measured, allowed."""
        return [(m.name, f"{m.measured:.4g}", f"{m.limit:.4g}") for m in self.measurements]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `write_json`."""
        return {**dataclasses.asdict(self), "passed": self.passed}

    def to_json(self) -> str:
        """Key-sorted JSON."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def require_passed(self) -> None:
        """Raises UserError naming each figure that exceeds its limit."""
        failed = "; ".join(
            f"{m.name}: {m.measured:.4g}, allowed {m.limit:.4g}"
            for m in self.measurements
            if not m.passed
        )
        require(
            self.passed,
            f"The {self.target} export of {self.checkpoint} does not compute what the trained "
            f"model computes and was not kept ({failed}); try an earlier checkpoint, which tells a "
            "fault of this one's weights from one of the exporter.",
        )


@dataclasses.dataclass(frozen=True)
class Probes:
    """Token ids that both sides are run on.

    Attributes:
        texts: Texts that must be tokenized identically.
        rows: Contexts whose logits are compared, at the last `COMPARED_POSITIONS`.
        prompts: Starts of greedy generations of ``new_tokens`` tokens.
        new_tokens: How many.
    """

    texts: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    prompts: tuple[tuple[int, ...], ...]
    new_tokens: int


def make_probes(tokenizer: Any, samples: Sequence[str], max_seq_len: int) -> Probes:
    """Chooses what to compare on.

    Args:
        tokenizer: A ``tokenizers.Tokenizer``.
        samples: Held-out texts of the kind that the model was trained on; the tricky texts are
            added, and used alone if none is given.
        max_seq_len: The model's context length.
    """
    texts = (*samples[:_MAX_SAMPLES], *TRICKY_TEXTS)
    encoded = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    contexts = [ids for ids in encoded if len(ids) > 1]
    # One context as long as the model allows: far keys are where position biases go wrong.
    joined = [token for ids in contexts for token in ids]
    longest = (joined * (max_seq_len // len(joined) + 1))[:max_seq_len]
    rows = [tuple(longest), *(tuple(ids[: min(_MAX_ROW, max_seq_len)]) for ids in contexts)]
    new_tokens = min(NEW_TOKENS, max_seq_len // 2)
    short = min(32, max_seq_len - new_tokens)
    prompts = [tuple(ids[:short]) for ids in contexts[:_MAX_PROMPTS]]
    prompts.append(tuple(longest[: max_seq_len - new_tokens]))
    return Probes(texts, tuple(rows), tuple(prompts), new_tokens)


def greedy_mismatches(
    log_probabilities: Any, prompt_length: int, generated: Sequence[int], tie: float
) -> int:
    """How many generated tokens are not the reference's own greedy choice.

    The reference is run once over prompt and generation, (T, V). If its best token at every
    position is the one generated there, both would have generated the same text; so no second
    generation is needed. Tokens whose log-probabilities differ by less than ``tie`` may come out in
    either order.
    """
    rows = log_probabilities[prompt_length - 1 : prompt_length - 1 + len(generated)]
    chosen = rows[range(len(generated)), list(generated)]
    # Not `> tie`, which would call a NaN agreement.
    return int((~(rows.max(dim=-1).values - chosen <= tie)).sum())


def largest(values: Iterable[float]) -> float:
    """The largest value; NaN if there is one (``max`` may drop it); 0 of none."""
    found = [0.0, *values]
    return math.nan if any(map(math.isnan, found)) else max(found)


def refuse_foreign_target(output: Path, is_ours: bool, what: str) -> None:
    """Raises if ``output`` exists and was not written by an earlier export."""
    require(
        not output.exists() or is_ours,
        f"{output} exists and is not {what}, so it is not replaced; choose another path or remove "
        "it.",
    )
