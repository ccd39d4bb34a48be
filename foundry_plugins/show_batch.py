# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the model is shown: the first samples of a training YAML, and what was done to each.

The samples are those that ``llmfoundry train`` would see first, read by the loader that it would
build. No model is built and no GPU used.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from foundry_plugins.contract.errors import require

if TYPE_CHECKING:
    from foundry_plugins.data.dataset import CodeTextDataset, Row
    from foundry_plugins.data.fim import Context
    from foundry_plugins.data.shards.sample import Sample
    from foundry_plugins.host import Place

STYLES = {
    "plain": "",
    "prefix": "cyan",
    "middle": "bold green",
    "suffix": "yellow",
    "input": "blue",
    "target": "bold green",
    "sentinel": "bold magenta reverse",
    "padding": "dim",
}


@dataclasses.dataclass(frozen=True)
class ShownFragment:
    """A fragment of a sample.

    Attributes:
        facts: What is known of it and what was done to it.
        parts: (name, text) in the order that the model sees.
    """

    facts: str
    parts: list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class ShownSample:
    """A sample: a line on the whole, and its fragments."""

    facts: str
    fragments: list[ShownFragment]


def samples_of(path: Path, overrides: list[str], count: int) -> Iterator[ShownSample]:
    """Reads the first samples of a training YAML.

    Args:
        path: The YAML.
        overrides: ``key=value`` pairs as on the command line of ``llmfoundry train``.
        count: How many.

    Raises:
        UserError: if the loader cannot be built, or is not a ``code_text``.
    """
    dataset, tokenizer = _loader(path, overrides)
    view = _View(dataset, tokenizer)
    for row in itertools.islice(dataset, count):
        yield view.sample(row)


def print_samples(samples: Iterator[ShownSample], console: Console) -> None:
    """Prints samples, in colour on a terminal, with the names of the parts elsewhere."""
    if console.is_terminal:
        legend = Text("Colours:")
        for name, style in STYLES.items():
            legend.append(" ").append(name, style=style)
        console.print(legend)
    for sample in samples:
        console.print(Text(f"--- {sample.facts}", style="dim"), soft_wrap=True)
        for fragment in sample.fragments:
            console.print(Text(fragment.facts, style="bold"), soft_wrap=True)
            line = Text()
            for name, text in fragment.parts:
                if not console.is_terminal:
                    line.append(f"[{name}]")
                line.append(text, style=STYLES[name])
            console.print(line, soft_wrap=True)


def _loader(path: Path, overrides: list[str]) -> tuple[CodeTextDataset, Any]:
    require(
        path.is_file(), f"There is no file {path}; `foundry-plugins yamls` lists those included."
    )
    from foundry_plugins.check import naming_section

    with naming_section(str(path)):
        from foundry_plugins.host import read_training_config

        config = read_training_config(path, overrides)
    from llmfoundry.utils import builders

    with naming_section("tokenizer"):
        kwargs = config.tokenizer.get("kwargs", {})
        tokenizer = builders.build_tokenizer(config.tokenizer["name"], kwargs)
    with naming_section("train_loader"):
        name = config.train_loader.get("name")
        spec = builders.build_dataloader(
            config.train_loader, tokenizer, config.device_train_batch_size
        )
    from foundry_plugins.data.dataset import CodeTextDataset

    dataset: Any = getattr(spec.dataloader, "dataset", None)
    require(
        isinstance(dataset, CodeTextDataset),
        f"`train_loader.name` is {name!r}; show-batch can look into the loader `code_text` only.",
    )
    return dataset, tokenizer


class _View:
    """Turns rows of a data set into what is shown of them."""

    def __init__(self, dataset: CodeTextDataset, tokenizer: Any) -> None:
        from foundry_plugins.contract.token_bytes import token_bytes

        self._dataset = dataset
        self._tokenizer = tokenizer
        self._bytes = token_bytes(tokenizer.backend_tokenizer.to_str())

    def sample(self, row: Row) -> ShownSample:
        stored, place = self._dataset.stored(row["number"])
        context = self._dataset.transform(stored, place)
        again = f", shown for time {place.occurrence + 1}" if place.occurrence else ""
        folder = self._dataset.streams[place.stream].local
        num_learned = int((row["labels"] >= 0).sum())
        facts = [
            f"sample {place.position} of stream {place.stream} ({folder}){again}",
            f"{len(context.tokens)} tokens, {num_learned} learned",
            f"{context.num_dropped} dropped for sentinels",
        ]
        if stored.num_cut:
            facts.append(f"{stored.num_cut} did not fit in")
        fragments = [
            self._fragment(row, stored, place, context, number)
            for number in range(int(context.numbers[-1]) + 1)
        ]
        return ShownSample("; ".join(facts), fragments)

    def _fragment(
        self, row: Row, stored: Sample, place: Place, context: Context, number: int
    ) -> ShownFragment:
        from foundry_plugins.contract.sample import TEXT
        from foundry_plugins.data.parts import cutting_of, parts_of
        from foundry_plugins.data.shards.sample import PADDING

        dataset, mode = self._dataset, context.modes[number]
        # Room that shorter encodings left is one more fragment, of padding.
        known = number < len(stored.fragments)
        language = stored.fragments[number].language if known else PADDING
        options = dataset.fim[place.stream]
        vocabulary = cutting = None
        if options is not None and mode != "none":
            vocabulary = dataset.vocabularies[options.sentinels]
            key = dataset.key(stored, place)
            cutting = cutting_of(stored, number, mode, vocabulary, options, *key)
        parts = list(
            parts_of(
                context,
                number,
                vocabulary=vocabulary,
                byte_lengths=dataset.byte_lengths,
                num_inputs=stored.num_inputs[number] if known else 0,
                cutting=cutting,
                is_padding=language == PADDING,
            )
        )
        start, stop = parts[0].start, parts[-1].stop
        facts = [f"fragment {number}", f"tokens {start} to {stop}", language]
        if language != PADDING:
            if stored.origins:
                facts.append(f"document {stored.origins[number][:12]}")
            if stored.formats and stored.formats[number] != TEXT:
                facts.append(f"a diff as {stored.formats[number]}")
            facts.append("as it is" if cutting is None else f"{mode}, middle {cutting.kind}")
            learned = int((row["labels"][start:stop] >= 0).sum())
            facts.append(f"{learned / (stop - start):.0%} learned")
        ids = row["input_ids"].tolist()
        texts = [(part.name, self._text(ids[part.start : part.stop])) for part in parts]
        return ShownFragment(", ".join(facts), texts)

    def _text(self, ids: list[int]) -> str:
        """Bytes as text; special tokens by name, many of one kind by their number."""
        texts: list[str] = []
        for is_text, run in itertools.groupby(ids, lambda token: bool(self._bytes[token])):
            if is_text:
                data = b"".join(self._bytes[token] for token in run)
                texts.append(data.decode("utf-8", errors="replace"))
            else:
                for token, same in itertools.groupby(run):
                    count = len(list(same))
                    name = self._tokenizer.convert_ids_to_tokens(token)
                    texts.append(name if count == 1 else f"{name} x {count}")
        return "".join(map(_printable, "".join(texts)))


def _printable(character: str) -> str:
    """What a terminal would act on is spelt out."""
    if character in "\n\t" or character.isprintable():
        return character
    return ascii(character)[1:-1]
