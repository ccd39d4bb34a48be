# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Generation of many samples of HumanEval's prompts beside LLM Foundry's own way.

    python -m benchmarks.generation --humaneval HumanEval.jsonl.gz [--problems 8] [--samples 16]

Foundry's generation tasks pad every prompt to ``max_seq_len`` less the longest answer, give every
sample a row of its own and call ``generate`` of transformers. Here all sides use one model of the
quickstart's shape, Foundry's ``mpt_causal_lm`` with ALiBi and ``attn_impl: torch``, on this
machine's CPU; weights are random, made larger so that the likeliest token is clearly so. Batches
hold ``--rows`` rows. The likeliest token is taken each time and nothing ends a row early, so every
side has the same tokens to generate; it is checked that they are identical.

    foundry          padded to the context, a row a sample, ``generate``
    longest          the same, padded to the longest of the batch
    repeated         our loop, a row a sample: every prompt is read once for each of its samples
    shared           our loop: every prompt is read once
    ours             the same with our model ``code_mpt_causal_lm`` and the same weights

``reading`` is what ``repeated`` and ``shared`` do up to the first token of every row, on its own:
what reading a prompt once saves. How much of a whole generation that is depends on the answers'
length.

Then answers that end: tokens are drawn at temperature 1, and about one in thirteen of all tokens
ends an answer, so that most are far shorter than the most that is allowed (``ended``, our model,
prompts read once). ``to_the_end`` draws the same without an end; ``unsorted`` has the batches in
the file's order instead of by length; ``repeated`` reads the prompt for each sample (its draws are
others, as many tokens long on average).

Every side is run in turn, ``--rounds`` times; a figure is the best of them, by the clock. Foundry's
is run once. Writes ``results/generation.json``.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import measure
from benchmarks.decode import build
from data_prep.tokenizers import byte_level
from foundry_plugins.eval import tasks
from foundry_plugins.eval.benchmarks import find
from foundry_plugins.eval.generation.generate import Request, generate
from foundry_plugins.eval.generation.sampling import Sampling
from foundry_plugins.eval.generation.stopping import StopTexts

_MODEL = {"d_model": 256, "n_heads": 8, "n_layers": 4, "vocab_size": 4096, "hidden": 768}
_CORPUS_BYTES = 2_000_000
_ENDS_EVERY = 13  # tokens, about what HumanEval's stops leave of a short answer
_SEED = 17

Prompts = Sequence[Sequence[int]]
Rows = list[list[int]]


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--humaneval", type=Path, help="HumanEval.jsonl.gz")
    parser.add_argument("--problems", type=int, default=8, help="evenly over the file")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--rows", type=int, default=32, help="of a batch")
    parser.add_argument("--tokens", type=int, default=64, help="new tokens")
    parser.add_argument("--context", type=int, default=2048, help="max_seq_len")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true", help="CPU seconds: for busy machines")
    parser.add_argument("--output", type=Path, help="instead of the results folder")
    arguments = parser.parse_args()
    if arguments.humaneval is None:
        print("Left out: no benchmark file is given, see --help.")
        return
    results = Benchmark(arguments).run()
    print(json.dumps(results, indent=2))
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=2) + "\n")
        return
    path = measure.write("generation", results, "llm-foundry", "torch", "transformers")
    print(f"Written to {path}")


class Benchmark:
    """Both models, the prompts, and the ways to generate."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.ours, self.theirs = build(**_MODEL)
        self.samples, self.tokens = arguments.samples, arguments.tokens
        self.context, self.rounds = arguments.context, arguments.rounds
        self.cpu = arguments.cpu
        self.per_batch = max(1, arguments.rows // self.samples)
        self.tokenizer, every = prompts_of(arguments.humaneval)
        step = max(1, len(every) // arguments.problems)
        self.prompts = every[::step][: arguments.problems]
        longest = max(map(len, self.prompts))
        if longest + self.tokens > self.context:
            raise SystemExit(f"--context must be at least {longest + self.tokens} tokens.")

    def run(self) -> dict[str, Any]:
        """All figures."""
        greedy: dict[str, Callable[[Prompts], Rows]] = {
            "foundry": self.foundry(self.context - self.tokens),
            "longest": self.foundry(None),
            "repeated": self.loop(self.theirs, repeated=True),
            "shared": self.loop(self.theirs),
            "ours": self.loop(self.ours),
        }
        seconds, rows = self.compare(greedy, once=("foundry",))
        different = [name for name, found in rows.items() if found != rows["foundry"]]
        if different:
            raise SystemExit(f"Other tokens than Foundry's: {', '.join(different)}.")
        lengths = sorted(map(len, self.prompts))
        return {
            "problems": len(self.prompts),
            "prompt_tokens": {"shortest": lengths[0], "median": lengths[len(lengths) // 2]}
            | {"longest": lengths[-1]},
            "samples": self.samples,
            "new_tokens": self.tokens,
            "max_seq_len": self.context,
            "rows_of_a_batch": self.per_batch * self.samples,
            "threads": torch.get_num_threads(),
            "clock": "cpu" if self.cpu else "wall",
            "identical_tokens": True,
            "whole": self.figures(seconds, rows),
            "padding_to_the_longest_over_foundry": _times(seconds, "foundry", "longest"),
            "shared_over_repeated": _times(seconds, "repeated", "shared"),
            "ours_over_foundry": _times(seconds, "foundry", "ours"),
            "reading": self.reading(),
            "ending": self.ending(),
        }

    def reading(self) -> dict[str, float]:
        """Seconds until every row has its first token."""
        ways = {
            "repeated": self.loop(self.theirs, repeated=True, tokens=1),
            "shared": self.loop(self.theirs, tokens=1),
        }
        seconds, _ = self.compare(ways)
        found = {name: round(value, 3) for name, value in seconds.items()}
        return {**found, "times_faster": _times(seconds, "repeated", "shared")}

    def ending(self) -> dict[str, Any]:
        """Answers of different lengths, and batches in another order."""
        ends = frozenset(range(0, _MODEL["vocab_size"], _ENDS_EVERY))
        drawn = Sampling(temperature=1.0)
        # Weights that leave every token about as likely as any other.
        flat = copy.deepcopy(self.ours)
        for parameter in flat.parameters():
            parameter.data.div_(3)
        ways = {
            "to_the_end": self.loop(flat, how=drawn),
            "unsorted": self.loop(flat, how=drawn, ends=ends, by_length=False),
            "repeated": self.loop(flat, repeated=True, how=drawn, ends=ends),
            "ended": self.loop(flat, how=drawn, ends=ends),
        }
        seconds, rows = self.compare(ways)
        return {
            **self.figures(seconds, rows),
            "mean_tokens": round(sum(map(len, rows["ended"])) / len(rows["ended"]), 1),
            "same_answers_unsorted": rows["ended"] == rows["unsorted"],
            "ended_over_to_the_end": _times(seconds, "to_the_end", "ended"),
            "shared_over_repeated": _times(seconds, "repeated", "ended"),
            "sorted_over_unsorted": _times(seconds, "unsorted", "ended"),
        }

    def compare(
        self, ways: dict[str, Callable[[Prompts], Rows]], once: Sequence[str] = ()
    ) -> tuple[dict[str, float], dict[str, Rows]]:
        """The least seconds of each way, and its tokens."""
        clock = time.process_time if self.cpu else time.perf_counter
        seconds, rows = dict.fromkeys(ways, math.inf), {}
        for number in range(self.rounds):
            for name, way in ways.items():
                if number and name in once:
                    continue
                start = clock()
                rows[name] = way(self.prompts)
                seconds[name] = min(seconds[name], clock() - start)
        return seconds, rows

    def figures(self, seconds: dict[str, float], rows: dict[str, Rows]) -> dict[str, Any]:
        """Seconds and rates of each way."""
        return {
            name: {
                "seconds": round(value, 2),
                "answers_per_second": round(len(rows[name]) / value, 2),
                "tokens_per_second": round(sum(map(len, rows[name])) / value, 1),
            }
            for name, value in seconds.items()
        }

    def foundry(self, width: int | None) -> Callable[[Prompts], Rows]:
        """As Composer generates for Foundry's tasks, padded to a width or to the longest."""

        def run(prompts: Prompts) -> Rows:
            found: dict[int, Rows] = {}
            for batch in batches(prompts, self.per_batch, by_length=True):
                rows = [prompts[number] for number in batch for _ in range(self.samples)]
                ids, mask = padded(rows, width or max(map(len, rows)))
                generated = self.theirs.generate(
                    ids,
                    attention_mask=mask,
                    max_new_tokens=self.tokens,
                    do_sample=False,
                    use_cache=True,
                    eos_token_id=None,
                    pad_token_id=0,
                )
                answers = generated[:, ids.shape[1] :].tolist()
                _keep(found, batch, answers, self.samples)
            return _in_order(found)

        return run

    def loop(
        self,
        model: Any,
        repeated: bool = False,
        how: Sampling | None = None,
        ends: frozenset[int] = frozenset(),
        by_length: bool = True,
        tokens: int | None = None,
    ) -> Callable[[Prompts], Rows]:
        """Our own, which reads a prompt once, or once for each sample."""

        def run(prompts: Prompts) -> Rows:
            found: dict[int, Rows] = {}
            for batch in batches(prompts, self.per_batch, by_length):
                times = self.samples if repeated else 1
                request = Request(
                    tasks=[f"{number}.{turn}" for number in batch for turn in range(times)],
                    prompts=[prompts[number] for number in batch for _ in range(times)],
                    samples=[0] if repeated else range(self.samples),
                    how=how or Sampling(),
                    stop=StopTexts(self.tokenizer, ()),
                    end_ids=ends,
                    pad_id=0,
                    max_new_tokens=tokens or self.tokens,
                    seed=_SEED,
                )
                answers = [row for rows in generate(model, request) for row in rows]
                _keep(found, batch, answers, self.samples)
            return _in_order(found)

        return run


def prompts_of(path: Path) -> tuple[Any, list[list[int]]]:
    """A tokenizer fitted on this machine's Python files, and the prompts in its tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    texts = [text for _, text in measure.corpus(_CORPUS_BYTES)]
    fitted = byte_level.train(texts, _MODEL["vocab_size"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(fitted))
    read = tasks.read(find("humaneval", "bigcode"), str(path)).tasks
    return tokenizer, [tokenizer.encode(task.prompt) for task in read]


def batches(prompts: Prompts, size: int, by_length: bool) -> list[list[int]]:
    """Numbers of prompts, by length or in their order."""
    order = list(range(len(prompts)))
    if by_length:
        order.sort(key=lambda number: -len(prompts[number]))
    return [order[at : at + size] for at in range(0, len(order), size)]


def padded(rows: Prompts, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, filled on the left."""
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :] = torch.tensor(row)
        mask[number, width - len(row) :] = True
    return ids, mask


def _keep(found: dict[int, Rows], batch: Sequence[int], answers: Rows, samples: int) -> None:
    for place, number in enumerate(batch):
        found[number] = answers[place * samples : (place + 1) * samples]


def _in_order(found: dict[int, Rows]) -> Rows:
    return [row for number in sorted(found) for row in found[number]]


def _times(seconds: dict[str, float], slow: str, fast: str) -> float:
    return round(seconds[slow] / seconds[fast], 2)


if __name__ == "__main__":
    main()
