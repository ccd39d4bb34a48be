# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Generation from small real models: those of transformers, and ours."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTBigCodeConfig,
    GPTBigCodeForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
)

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.generation.generate import Request, generate
from foundry_plugins.eval.generation.sampling import Sampling
from foundry_plugins.eval.generation.stopping import StopTexts

VOCABULARY = 97
PROMPTS = [[5, 6, 7, 8, 9, 10], [11], [12, 13, 14]]


class Letters:
    """Token i is the letter chr(33 + i)."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return "".join(chr(33 + token) for token in token_ids)


def gpt2() -> Any:
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=32, n_layer=2, n_head=4)
    return GPT2LMHeadModel(config)


def llama() -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, **sizes, **heads))


def gpt_bigcode() -> Any:
    """One tensor a layer is its cache."""
    config = GPTBigCodeConfig(vocab_size=VOCABULARY, n_positions=64, n_embd=32, n_layer=2, n_head=4)
    return GPTBigCodeForCausalLM(config)


def gemma2() -> Any:
    """Would make a cache of a fixed length."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 64}
    return Gemma2ForCausalLM(Gemma2Config(vocab_size=VOCABULARY, **sizes, **heads))


def code_mpt() -> Any:
    from foundry_plugins.models.causal_lm import ComposerCodeMPTCausalLM

    sizes = {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64}
    return ComposerCodeMPTCausalLM(vocab_size=VOCABULARY, **sizes).model


@pytest.fixture(scope="module", params=[gpt2, llama, gpt_bigcode, code_mpt])
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(3)
    model = request.param().eval()
    for parameter in model.parameters():
        # Wider than models are initialised, so that tokens differ and ties are rare.
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def ask(**changes: Any) -> Request:
    given: dict[str, Any] = {
        **{"tasks": ["a", "b", "c"], "prompts": PROMPTS, "samples": range(4), "seed": 17},
        **{"how": Sampling(1.0, top_p=0.95), "stop": StopTexts(Letters(), ())},
        **{"end_ids": frozenset(), "pad_id": 0, "max_new_tokens": 12},
    }
    return Request(**{**given, **changes})


def test_greedy_equals_transformers(model: Any) -> None:
    found = generate(model, ask(how=Sampling(), samples=[0]))
    for prompt, (tokens,) in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([prompt])
        expected = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
            pad_token_id=0, eos_token_id=None,
        )  # fmt: skip
        assert tokens == expected[0, len(prompt) :].tolist()


def test_a_sample_does_not_depend_on_what_is_beside_it(model: Any) -> None:
    together = generate(model, ask())
    alone = generate(model, ask(tasks=["b"], prompts=PROMPTS[1:2], samples=[2]))
    assert together[1][2] == alone[0][0]
    assert len({tuple(sample) for samples in together for sample in samples}) == 12
    assert generate(model, ask(seed=18)) != together


def test_rows_end_singly_and_leave_the_rest_as_it_is(model: Any) -> None:
    whole = generate(model, ask())
    ends = frozenset(range(0, VOCABULARY, 5))
    for free, ended in zip(whole, generate(model, ask(end_ids=ends)), strict=True):
        for tokens, cut in zip(free, ended, strict=True):
            first = next((at for at, token in enumerate(tokens) if token in ends), len(tokens))
            assert cut == tokens[:first]


def test_stop_texts_of_several_tokens_end_a_row(model: Any) -> None:
    whole = generate(model, ask())
    text = Letters().decode(whole[2][3], skip_special_tokens=False)
    stop = text[4:7]
    found = generate(model, ask(stop=StopTexts(Letters(), [stop, "never there"])))
    assert Letters().decode(found[2][3], skip_special_tokens=False) == text[:7]
    assert found[0][0] == whole[0][0] or stop in Letters().decode(
        whole[0][0], skip_special_tokens=False
    )


@pytest.mark.parametrize("alpha", [0.3, 0.6])
def test_contrastive_search_equals_transformers(model: Any, alpha: float) -> None:
    how = Sampling(contrastive_alpha=alpha, contrastive_k=5)
    found = generate(model, ask(how=how, samples=[0, 1]))
    for prompt, (tokens, again) in zip(PROMPTS, found, strict=True):
        assert tokens == again
        # It refuses GPTBigCode here.
        if type(model) in (GPT2LMHeadModel, LlamaForCausalLM):
            ids = torch.tensor([prompt])
            expected = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, pad_token_id=0,
                eos_token_id=None, penalty_alpha=alpha, top_k=5,
            )  # fmt: skip
            assert tokens == expected[0, len(prompt) :].tolist()
    assert found != generate(model, ask(how=Sampling(), samples=[0, 1]))


def test_contrastive_search_equals_reading_everything_anew(model: Any) -> None:
    """Without a cache, padding or other rows; the definition, one prompt at a time."""
    how = Sampling(contrastive_alpha=0.5, contrastive_k=3)
    found = generate(model, ask(how=how, samples=[0], max_new_tokens=6))
    for prompt, (tokens,) in zip(PROMPTS, found, strict=True):
        read = list(prompt)
        for token in tokens:
            with torch.no_grad():
                candidates = model(torch.tensor([read])).logits[0, -1].softmax(-1).topk(3)
                scores = {}
                for p, candidate in zip(*map(torch.Tensor.tolist, candidates), strict=True):
                    ids = torch.tensor([[*read, int(candidate)]])
                    h_SD = model(ids, output_hidden_states=True).hidden_states[-1][0]
                    cosines = torch.cosine_similarity(h_SD[:-1], h_SD[-1:], dim=-1)
                    scores[int(candidate)] = 0.5 * p - 0.5 * cosines.max().item()
            assert scores[token] == pytest.approx(max(scores.values()), abs=1e-5)
            read.append(token)


def test_stochastic_contrastive_search(model: Any) -> None:
    how = Sampling(0.8, contrastive_alpha=0.4)
    whole = generate(model, ask(how=how))
    assert len({tuple(sample) for samples in whole for sample in samples}) == 12
    alone = generate(model, ask(how=how, tasks=["b"], prompts=PROMPTS[1:2], samples=[2]))
    assert whole[1][2] == alone[0][0]
    # Rows that end leave, with their hidden states.
    ends = frozenset(range(0, VOCABULARY, 5))
    for free, ended in zip(whole, generate(model, ask(how=how, end_ids=ends)), strict=True):
        for tokens, cut in zip(free, ended, strict=True):
            first = next((at for at, token in enumerate(tokens) if token in ends), len(tokens))
            assert cut == tokens[:first]


def test_without_a_penalty_it_is_sampling_from_the_most_likely(model: Any) -> None:
    nearly = Sampling(0.8, contrastive_alpha=1e-12, contrastive_k=4)
    assert generate(model, ask(how=nearly)) == generate(model, ask(how=Sampling(0.8, top_k=4)))


def test_a_model_that_would_make_a_cache_of_a_fixed_length() -> None:
    torch.manual_seed(3)
    model = gemma2().eval()
    found = generate(model, ask(how=Sampling(), samples=[0, 1]))
    for prompt, (tokens, again) in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([prompt])
        expected = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, pad_token_id=0,
            eos_token_id=None, do_sample=False,
        )  # fmt: skip
        assert tokens == again == expected[0, len(prompt) :].tolist()


def test_a_model_without_a_cache_is_refused() -> None:
    config = MambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(UserError, match="needs a model with a cache of keys and values"):
        generate(MambaForCausalLM(config).eval(), ask())


def test_only_the_logits_that_are_read_are_made() -> None:
    model = code_mpt().eval()
    ids = torch.randint(0, VOCABULARY, (2, 9))
    with torch.no_grad():
        whole, last = model(ids).logits, model(ids, logits_to_keep=1).logits
    assert last.shape == (2, 1, VOCABULARY)
    torch.testing.assert_close(last, whole[:, -1:])
