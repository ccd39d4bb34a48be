# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's HTTP server on a free loopback port, for the life of the parent process.

A process of its own, because llama.cpp aborts where Python would raise, and logs to the
process's standard error. Ends when standard input closes, so that it never outlives a parent that
was killed.

    python -m foundry_plugins.export.llamacpp_server MODEL.gguf CONTEXT_LENGTH
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

READY = "listening on "


def parameters(xllamacpp: Any, model: str, context_length: int) -> Any:
    """Settings under which llama.cpp computes in fp32 throughout, without hidden prompt changes."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = context_length  # 0: the model's own
    params.n_parallel = 1
    # The defaults, an f16 cache and flash attention with f16 inside, cost 1e-3 in log-probability.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.warmup = False
    for name in ("ui", "fit_params", "ctx_shift"):  # not in every release
        if hasattr(params, name):
            setattr(params, name, False)
    return params


def main(model: str, context_length: str) -> None:
    """Serves until standard input closes."""
    xllamacpp: Any = importlib.import_module("xllamacpp")  # a compiled module without types
    server = xllamacpp.Server(parameters(xllamacpp, model, int(context_length)))
    print(READY + server.listening_address, flush=True)
    sys.stdin.buffer.read()
    # Without waiting for requests in flight: nobody is left to read their answers.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
