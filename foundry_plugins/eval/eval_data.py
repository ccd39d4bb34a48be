# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmark files: where each comes from, under which licence, and whether it is what it should be.

Nothing is shipped. A file is fetched from where its authors or a redistributor keep it, or given by
its user, and written as JSON lines. What is compared is not the file but its problems: the fields
that the benchmark reads, in any order of problems, so that a copy in another format is recognised.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.contract.files import atomic_path

_HUMANEVAL = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_INFILLING = ("task_id", "entry_point", "prompt", "suffix", "canonical_solution", "test")
_MULTIPL_E = ("name", "language", "prompt", "tests", "stop_tokens")
_MBPP = ("task_id", "text", "code", "test_list", "test_setup_code")
_SANTACODER = ("language", "prompt", "suffix", "canonical_solution")
_GITHUB = "https://raw.githubusercontent.com"
_OPENAI = f"{_GITHUB}/openai/human-eval/6d43fb980f9fee3c892a914eda09951f772ad10d/data"
_FILLING = f"{_GITHUB}/openai/human-eval-infilling/88062ff9859c875d04db115b698ed4b0f0395170/data"
_DEEPSEEK = f"{_GITHUB}/deepseek-ai/DeepSeek-Coder/2f9fd85927c669dae3c0fbb2d607274023af243e"
_EVALPLUS = (
    f"{_GITHUB}/evalplus/humanevalplus_release/200defce9e3429d28ca215b6dd061c0f7f31c18b"
    "/HumanEvalPlus-OriginFmt.jsonl.gz"
)
_HUB = "https://huggingface.co/datasets"
_NO_TRAINING = "BSD-3-Clause with a clause against training on it"
_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        benchmark: That reads it.
        address: Where it is kept.
        licence: Of the problems.
        fields: That are compared and kept first.
        digest: `digest` of the right problems; None where it is not known here.
    """

    benchmark: str
    address: str
    licence: str
    fields: tuple[str, ...]
    digest: str | None = None


def _multipl_e(language: str, digest: str) -> Source:
    address = f"{_DEEPSEEK}/Evaluation/HumanEval/data/humaneval-{language}.jsonl"
    return Source("multipl_e", address, _NO_TRAINING, _MULTIPL_E, digest)


def _infilling(kind: str, digest: str) -> Source:
    address = f"{_FILLING}/HumanEval-{kind}.jsonl.gz"
    return Source("humaneval_infilling", address, "MIT", _INFILLING, digest)


SOURCES: dict[str, Source] = {
    "humaneval": Source(
        *("humaneval", f"{_OPENAI}/HumanEval.jsonl.gz", "MIT", _HUMANEVAL),
        "88e1130c64fea8a3fcc7cfeeaad054bf64105a6ce773c22361ae3a749726d2df",
    ),
    "humaneval_plus": Source(
        *("humaneval_plus", _EVALPLUS, "Apache-2.0", _HUMANEVAL),
        "018df192e04d4da36fa1d22f1f75b9f780f4d526f55087aa3bb0ba6ea3698af7",
    ),
    "mbpp": Source(
        *("mbpp", f"{_DEEPSEEK}/Evaluation/MBPP/data/mbpp.jsonl", "CC-BY-4.0", _MBPP),
        "f0c39a2df2e6ea738b66e9dc89d332292e1f049750e943d7e07ed85a76fac94f",
    ),
    "humaneval_infilling_single_line": _infilling(
        "SingleLineInfilling", "68e259f0cb6f3e03e2ab94a3e9a8f87491a5309f570e71d4a4dd2cb9edc5ec6d"
    ),
    "humaneval_infilling_multi_line": _infilling(
        "MultiLineInfilling", "71fe34cebee60f190bbe8ad41b410e27e321e4348d4ed58696c0e6c3e7b21810"
    ),
    "humaneval_infilling_random_span": _infilling(
        "RandomSpanInfilling", "d658446b37b7a1e8370223c182c6d4314ca4960c8e781e78a4102e42d65dc35e"
    ),
    "santacoder_fim": Source(
        "santacoder_fim", f"{_HUB}/bigcode/santacoder-fim-task", "told on its page", _SANTACODER
    ),
    "multipl_e_py": Source("multipl_e", f"{_HUB}/nuprl/MultiPL-E", _NO_TRAINING, _MULTIPL_E),
    "multipl_e_cpp": _multipl_e(
        "cpp", "48705f2b13ee0a0501fdadd2ac730d7e4ef828241a8c27a7ea33cf129665d253"
    ),
    "multipl_e_java": _multipl_e(
        "java", "f84258aea9d526eaf7a62356fc096a23c97a5d54c584d68b211b7f1b1bdd7a19"
    ),
    "multipl_e_js": _multipl_e(
        "js", "9dbf0d352b942244ed18dbd42278fda25c004c839ddfb151a5f7293d58f054b7"
    ),
    "multipl_e_php": _multipl_e(
        "php", "c0806e362817f0b0275b454dd271093c67267f47197ec5de93ab924457f2a0de"
    ),
    "multipl_e_rs": _multipl_e(
        "rs", "c66b48cd69da6e4fecf9139cdb6aa9c6a829f9a57f6427f6450546a9adf878c5"
    ),
    "multipl_e_cs": _multipl_e(
        "cs", "acb54612ccd66045f88495ae77212852d6574f53214a2ac5ed40e0ec3ec40fc6"
    ),
    "multipl_e_go": _multipl_e(
        "go", "fc244746024070500e86eaa4584fbfb90be58a1b2f8a531703462324675e0b28"
    ),
    "multipl_e_lua": _multipl_e(
        "lua", "a2c51188518c50502d4ba9e85735d75c60b293ed212a049e14d6627e164b5d6b"
    ),
    "multipl_e_pl": _multipl_e(
        "pl", "6697ef0a91ab2155a7762bae8bd0f9ef81041fcdb26e755ecf1dd4ed43116dc8"
    ),
    "multipl_e_r": _multipl_e(
        "r", "978b48c53b694d3d2bf8ba6cd75d828fe883b57a34bd88dca97f3a578af7f359"
    ),
    "multipl_e_rb": _multipl_e(
        "rb", "b94ca75d8bc58d18a643647eebdb181ebad43ccfbfb4e54ac678ee739cde1647"
    ),
    "multipl_e_sh": _multipl_e(
        "sh", "353c0dcb76f89e4322e83fd10711d0d014e70d10901433e4d23f00d0d56ab115"
    ),
    "multipl_e_ts": _multipl_e(
        "ts", "4d3060fdb0b9afae20eacf1e495122138385fd1f9d76ff361ea02f4e86042402"
    ),
}


def digest(problems: Sequence[dict[str, Any]], fields: tuple[str, ...]) -> str:
    """SHA-256 over the problems' fields, whatever their order."""
    lines = sorted(json.dumps([problem[field] for field in fields]) for problem in problems)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def get(name: str, output: Path, given: Path | None = None) -> dict[str, Any]:
    """Writes a benchmark's problems as JSON lines, once they were found to be the right ones.

    Args:
        name: Of `SOURCES`.
        output: File to write; gzip if it ends with ``.gz``.
        given: A copy at hand: JSON lines (``.gz`` too), a JSON list or parquet. None to fetch it.

    Returns:
        What was written: ``problems``, ``digest``, and ``known``, whether that was compared.

    Raises:
        UserError: for an unknown name, a file that cannot be had or read, or other problems.
    """
    require(
        name in SOURCES,
        f"The benchmark file must be one of {', '.join(SOURCES)}, "
        f"got {name!r}{did_you_mean(name, SOURCES)}.",
    )
    source = SOURCES[name]
    where = str(given or source.address)
    problems = list(_read(given.name, _bytes(given)) if given else _fetch(name, source))
    for number, problem in enumerate(problems, start=1):
        missing = [field for field in source.fields if field not in problem]
        require(not missing, f"{where}, problem {number} has no field `{(missing or [''])[0]}`.")
    require(bool(problems), f"{where} holds no problem.")
    found = digest(problems, source.fields)
    require(
        source.digest in (None, found),
        f"{where} does not hold the problems of {name}: their digest is {found}, not "
        f"{source.digest}; get the file anew.",
    )
    _write(output, problems)
    return {"problems": len(problems), "digest": found, "known": source.digest is not None}


def _write(output: Path, problems: Sequence[dict[str, Any]]) -> None:
    data = "".join(json.dumps(problem) + "\n" for problem in problems).encode()
    with atomic_path(output) as partial:
        # Without the time of writing equal problems give equal bytes.
        partial.write_bytes(gzip.compress(data, mtime=0) if output.suffix == ".gz" else data)


def _bytes(path: Path) -> bytes:
    require(path.is_file(), f"The file {path} does not exist.")
    return path.read_bytes()


def _fetch(name: str, source: Source) -> Iterator[dict[str, Any]]:
    require(
        not source.address.startswith(_HUB),
        f"{name} has to be taken by hand from {source.address}; give the file as --from.",
    )
    try:
        with urllib.request.urlopen(source.address, timeout=_SECONDS) as answer:
            data = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise UserError(
            f"{source.address} cannot be fetched ({error}); get it on a machine that can, and give "
            "it as --from."
        ) from error
    yield from _read(source.address, data)


def _read(name: str, data: bytes) -> Iterator[dict[str, Any]]:
    if name.endswith(".parquet"):
        from pyarrow import BufferReader, parquet

        yield from parquet.read_table(BufferReader(data)).to_pylist()
        return
    try:
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        parsed: list[Any] = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(line) for line in text.split("\n") if line.strip()]
        )
    except (OSError, EOFError, ValueError) as error:
        raise UserError(
            f"{name} is neither JSON lines, a JSON list nor parquet: {error}."
        ) from error
    for problem in parsed:
        require(isinstance(problem, dict), f"{name} holds something that is no problem.")
        yield problem
