# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The modes and kinds of `early_dropout` in Composer's Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from composer.core import Callback, State
from composer.loggers import InMemoryLogger, Logger
from composer.models import ComposerModel
from composer.trainer import Trainer
from torch import Tensor, nn
from torch._dynamo.eval_frame import _debug_get_cache_entry_list
from torch.utils.data import DataLoader, TensorDataset

from foundry_plugins.callbacks.early_dropout import EarlyDropout, middle
from foundry_plugins.contract.errors import UserError
from tests.foundry_plugins.callbacks.test_dropout_modules import Transformer

BATCHES = 12
KINDS = {"stochastic_depth": 0.3, "drop_head": 0.25, "layer_drop": 0.2, "token_dropout": 0.1}


class Toy(ComposerModel):
    def __init__(self, resid: float, attention: float) -> None:
        super().__init__()
        self.net: Any = Transformer(layers=1)
        for block in self.net.blocks:
            block.resid_attn_dropout.p = block.resid_ffn_dropout.p = resid
            block.attn.attn_dropout_p = attention

    def forward(self, batch: tuple[Tensor, ...]) -> Tensor:
        return self.net(batch[0])

    def loss(self, outputs: Tensor, batch: tuple[Tensor, ...]) -> Tensor:
        return outputs.square().mean()


class Recorder(Callback):
    def __init__(self) -> None:
        self.used: list[tuple[float, float]] = []

    def batch_end(self, state: State, logger: Logger) -> None:
        net: Any = state.model.net
        (block,) = net.blocks
        self.used.append((block.resid_ffn_dropout.p, block.attn.attn_dropout_p))


class Run:
    def __init__(
        self,
        dropout: EarlyDropout | None,
        resid: float = 0.2,
        attention: float = 0.0,
        **settings: Any,
    ) -> None:
        model, recorder, logger = Toy(resid, attention), Recorder(), InMemoryLogger()
        x = torch.randn(BATCHES * 4, 5, 8, generator=torch.Generator().manual_seed(5))
        trainer = Trainer(
            model=model,
            train_dataloader=DataLoader(TensorDataset(x), batch_size=4),
            max_duration=f"{BATCHES}ba",
            optimizers=torch.optim.SGD(model.parameters(), lr=0.1),
            callbacks=[*([dropout] if dropout else []), recorder],
            loggers=[logger],
            device="cpu",
            device_train_microbatch_size=2,
            seed=11,
            progress_bar=False,
            **settings,
        )
        trainer.fit()
        trainer.close()
        self.used = recorder.used
        self.metrics = {
            name.removeprefix("foundry_plugins/early_dropout/"): [float(v) for _, v in points]
            for name, points in logger.data.items()
            if "early_dropout" in name
        }
        self.weights = {n: w.detach().clone() for n, w in model.named_parameters()}
        self.model = model


MODES = {
    "early constant": ({"t_end": "4ba", "schedule": "constant"}, [0.2] * 4 + [0.0] * 8),
    "late": ({"mode": "late", "t_start": "9ba"}, [0.0] * 9 + [0.2] * 3),
    "constant": ({"mode": "constant"}, [0.2] * 12),
    "linear": ({"t_end": "0.5dur"}, [0.2 * (1 - k / 6) for k in range(6)] + [0.0] * 6),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes_and_their_masks_on_resume(mode: str, tmp_path: Path) -> None:
    settings, expected = MODES[mode]
    whole = Run(EarlyDropout(**settings), save_folder=str(tmp_path), save_interval="5ba")
    assert [p for p, _ in whole.used] == pytest.approx(expected)
    assert whole.metrics["p"] == pytest.approx(expected)
    # The model gets its own values back.
    assert whole.model.net.blocks[0].resid_ffn_dropout.p == 0.2
    rest = Run(EarlyDropout(**settings), load_path=str(tmp_path / "ep0-ba5-rank0.pt"))
    torch.testing.assert_close(rest.weights, whole.weights, rtol=0, atol=0)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_acts_is_logged_and_ends(name: str, tmp_path: Path) -> None:
    settings = {name: KINDS[name], "t_end": "6ba"}
    whole = Run(EarlyDropout(**settings), resid=0.0, save_folder=str(tmp_path), save_interval="5ba")
    assert whole.metrics.keys() == {name}
    assert whole.metrics[name][::6] == [pytest.approx(KINDS[name]), 0.0]
    none = Run(None, resid=0.0)
    assert not torch.equal(
        whole.weights["net.blocks.0.ffn.weight"], none.weights["net.blocks.0.ffn.weight"]
    )
    rest = Run(EarlyDropout(**settings), resid=0.0, load_path=str(tmp_path / "ep0-ba5-rank0.pt"))
    torch.testing.assert_close(rest.weights, whole.weights, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("attention", "graphs", "resid"), [(0.0, 1, 0.1), (0.3, 4, 0.0)], ids=["modules", "attention"]
)
def test_graphs_of_a_compiled_run(attention: float, graphs: int, resid: float) -> None:
    torch._dynamo.reset()
    kinds = {} if attention else KINDS
    found = Run(
        EarlyDropout(t_end="9ba", **kinds),
        resid=resid,
        attention=attention,
        compile_config={"backend": "eager"},
    )
    assert len(_debug_get_cache_entry_list(Toy.forward.__code__)) == graphs
    steps = [0.25] * 3 + [0.15] * 3 + [0.05] * 3 + [0.0] * 3
    assert [p for _, p in found.used] == pytest.approx(steps if attention else [0.0] * 12)
    torch._dynamo.reset()


def test_steps_lie_at_the_middle_of_each_third() -> None:
    from fractions import Fraction

    found = [middle(Fraction(k, 9)) for k in range(9)]
    assert found == [Fraction(1, 6)] * 3 + [Fraction(1, 2)] * 3 + [Fraction(5, 6)] * 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mode": "earley", "t_end": "1ba"}, ["early_dropout.mode`", "'early'"]),
        ({"mode": "late"}, ["early_dropout.t_start`", "None"]),
        ({"mode": "late", "t_end": "1ba"}, ["early_dropout.t_end`", "no meaning with mode late"]),
        ({"mode": "constant", "schedule": "linear"}, ["schedule`", "no meaning"]),
        ({"t_end": "1ba", "drop_head": 1.0}, ["drop_head`", "(0, 1)", "1.0"]),
        ({"t_end": "1ba", "drop_heads": 0.1}, ["drop_heads`", "'drop_head'"]),
        ({"t_end": "1ba", "schedule": 3}, ["schedule`", "constant", "got 3"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        EarlyDropout(**settings)
    for word in words:
        assert word in str(error.value)


def test_a_model_without_the_parts_is_named() -> None:
    class Other(Toy):
        def __init__(self) -> None:
            super().__init__(0.1, 0.0)
            self.net = nn.Linear(8, 8)

    from types import SimpleNamespace

    from composer.devices import DeviceCPU

    state: Any = SimpleNamespace(model=Other(), device=DeviceCPU())
    with pytest.raises(UserError, match=r"layer_drop. found no place in Other.*MPT models"):
        EarlyDropout(t_end="1ba", layer_drop=0.1).before_load(state, Logger(state))
