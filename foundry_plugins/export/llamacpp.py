# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a GGUF file in llama.cpp (PyPI wheel ``xllamacpp``): tokenize, complete, fill in the middle.

Text is tokenized as text: a sentinel written out in a prompt or a file stays ordinary characters,
as in training. Generation is greedy.
"""

from __future__ import annotations

import dataclasses
import http.client
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import urlsplit

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.sentinels import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX
from foundry_plugins.eval.infilling_prompt import NUM_SENTINELS, fit
from foundry_plugins.export.llamacpp_server import READY
from foundry_plugins.export.parity import PATIENT_THREADS

_TIMEOUT_SECONDS = 3600


def require_package(name: str) -> None:
    """Raises UserError if an optional package of the ``export`` extra is missing."""
    require(
        importlib.util.find_spec(name) is not None,
        f"GGUF files need the package {name}; install it with "
        "`pip install 'foundry-plugins[export]'`.",
    )


@dataclasses.dataclass(frozen=True)
class Step:
    """One generated token: its id, and log-probabilities of the likeliest tokens by id.

    The log-probabilities are the model's, before any sampler; llama.cpp gives none for a token that
    ends inside a UTF-8 character.
    """

    token: int
    log_probabilities: dict[int, float]


class LlamaCpp:
    """A GGUF file loaded in llama.cpp; use it in a ``with`` statement.

    Args:
        gguf: The file.
        context_length: Tokens of prompt and generation together; 0 for the model's own.

    Raises:
        UserError: if the wheel or the file is missing, or llama.cpp does not load it.
    """

    def __init__(self, gguf: Path, context_length: int = 0) -> None:
        require_package("xllamacpp")
        require(gguf.is_file(), f"There is no GGUF file at {gguf}.")
        self._gguf = gguf
        self._context_length = context_length

    def __enter__(self) -> LlamaCpp:
        self._log: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "foundry_plugins.export.llamacpp_server"),
                *(str(self._gguf), str(self._context_length)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | PATIENT_THREADS,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.decode(errors="replace").startswith(READY):
                address = urlsplit(line.decode().removeprefix(READY).strip())
                self._host, self._port = address.hostname or "", address.port
                return self
        self._process.wait()
        reason = self._last_error()
        self.__exit__(None, None, None)
        raise UserError(f"llama.cpp cannot load {self._gguf}: {reason}.")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()
        self._log.close()

    def tokenize(self, text: str, parse_special: bool = False) -> list[int]:
        """Token ids; with ``parse_special``, sentinels written in the text become their ids."""
        request = {"content": text, "add_special": False, "parse_special": parse_special}
        return self._post("/tokenize", request)["tokens"]

    def context_length(self) -> int:
        """Tokens that prompt and generation may have together."""
        return self._request("GET", "/props")["default_generation_settings"]["n_ctx"]

    def special_id(self, sentinel: str) -> int:
        """The id of a sentinel, which must be one token."""
        ids = self.tokenize(sentinel, parse_special=True)
        require(
            len(ids) == 1,
            f"{self._gguf} does not know the token {sentinel}; infilling needs a model that was "
            "trained with fill-in-the-middle sentinels.",
        )
        return ids[0]

    def generate(self, prompt: Sequence[int], max_tokens: int) -> str:
        """Greedy text up to an end-of-text token, special tokens left out."""
        return self._complete(prompt, max_tokens, n_probs=0)["content"]

    def greedy(self, prompt: Sequence[int], new_tokens: int, top: int) -> list[Step]:
        """Exactly ``new_tokens`` greedy tokens, continued through end-of-text tokens.

        One request a token, which continues the cached context: a longer answer leaves out the
        log-probabilities of tokens that end inside a UTF-8 character, without saying which.
        """
        steps: list[Step] = []
        for _ in range(new_tokens):
            tokens = [*prompt, *(step.token for step in steps)]
            answer = self._complete(tokens, max_tokens=1, n_probs=top)
            found = answer.get("completion_probabilities", [])
            top_entries = [t for entry in found for t in entry["top_logprobs"]]
            # JSON has no NaN: llama.cpp writes null.
            nearest = {
                t["id"]: float("nan") if t["logprob"] is None else t["logprob"] for t in top_entries
            }
            steps.append(Step(answer["tokens"][0], nearest))
        return steps

    def _complete(self, prompt: Sequence[int], max_tokens: int, n_probs: int) -> dict[str, Any]:
        return self._post(
            "/completion",
            {
                "prompt": list(prompt),
                "n_predict": max_tokens,
                "n_probs": n_probs,
                "post_sampling_probs": False,
                "samplers": ["top_k"],
                "top_k": 1,
                "temperature": 0,
                "cache_prompt": True,
                "return_tokens": True,
            },
        )

    def _post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        return self._request("POST", path, json.dumps(content))

    def _request(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (http.client.HTTPException, ConnectionError) as error:
            raise UserError(f"llama.cpp stopped on {self._gguf}: {self._last_error()}.") from error
        finally:
            connection.close()
        if response.status != 200:
            reason = answer.get("error", {}).get("message", answer)
            raise UserError(f"llama.cpp refused the request ({reason}); shorten the prompt.")
        return answer

    def _last_error(self) -> str:
        """llama.cpp's own words: the first line logged as an error, else the last line."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if " E " in line]
        return (errors or lines[-1:] or ["it gave no reason"])[0].strip().rstrip(".")


def complete(gguf: Path, prompt: str, max_tokens: int) -> str:
    """The greedy continuation of ``prompt`` by llama.cpp, up to the end of text.

    Of a prompt that is too long for the context, the end is used.
    """
    with LlamaCpp(gguf) as model:
        tokens = model.tokenize(prompt)
        return model.generate(tokens[-_room(model, max_tokens) :], max_tokens)


def infill(gguf: Path, prefix: str, suffix: str, max_tokens: int) -> str:
    """The greedy text between ``prefix`` and ``suffix``, up to the end of text.

    Prefix-suffix-middle order (Bavarian et al. 2022, arXiv 2207.14255, section 3). If both are too
    long for the context, what lies farthest from the gap is left out.
    """
    with LlamaCpp(gguf) as model:
        room = _room(model, max_tokens + NUM_SENTINELS)
        before, after = fit(model.tokenize(prefix), model.tokenize(suffix), room)
        prompt = [
            *(model.special_id(FIM_PREFIX), *before),
            *(model.special_id(FIM_SUFFIX), *after),
            model.special_id(FIM_MIDDLE),
        ]
        return model.generate(prompt, max_tokens)


def _room(model: LlamaCpp, reserved: int) -> int:
    """Prompt tokens that fit beside ``reserved`` others."""
    length = model.context_length()
    require(
        0 < reserved < length,
        f"max_tokens must be at least 1 and leave room for a prompt in the model's {length} tokens "
        f"of context, got {reserved} with the sentinels.",
    )
    return length - reserved
