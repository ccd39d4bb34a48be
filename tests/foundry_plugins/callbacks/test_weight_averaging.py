# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.core import Callback, Evaluator, State
from composer.loggers import Logger
from composer.models import ComposerModel
from composer.trainer import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from foundry_plugins.averaging.average import average
from foundry_plugins.callbacks.weight_averaging import WeightAveraging
from foundry_plugins.contract.errors import UserError


class Toy(ComposerModel):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
        self.two.weight = self.one.weight  # tied

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return self.two(self.one(batch[0]))

    def loss(self, outputs: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (outputs - batch[1]).square().mean()

    def get_metrics(self, is_train: bool) -> dict[str, Any]:
        return {}

    def eval_forward(self, batch: Any, outputs: Any = None) -> Any:
        return self(batch)


class Recorder(Callback):
    """Weights after each batch, and those that evaluations saw."""

    def __init__(self) -> None:
        self.trained: dict[int, dict[str, Tensor]] = {}
        self.evaluated: dict[int, dict[str, Tensor]] = {}

    def batch_end(self, state: State, logger: Logger) -> None:
        self._note(self.trained, state)

    def eval_start(self, state: State, logger: Logger) -> None:
        self._note(self.evaluated, state)

    def _note(self, where: dict[int, dict[str, Tensor]], state: State) -> None:
        weights = {n: w.detach().clone() for n, w in state.model.state_dict().items()}
        where[int(state.timestamp.batch)] = weights


def run(averaging: WeightAveraging | None, **settings: Any) -> Recorder:
    model, recorder = Toy(), Recorder()
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(5))
    loader = DataLoader(TensorDataset(x, x.flip(1)), batch_size=4)
    trainer = Trainer(
        model=model,
        train_dataloader=loader,
        eval_dataloader=Evaluator(label="eval", dataloader=loader, metric_names=[]),
        eval_interval="2ba",
        max_duration=settings.pop("max_duration", "10ba"),
        optimizers=torch.optim.SGD(model.parameters(), lr=0.1),
        callbacks=[*([averaging] if averaging else []), recorder],
        device="cpu",
        progress_bar=False,
        **settings,
    )
    trainer.fit()
    trainer.close()
    return recorder


def mean(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {n: torch.stack([s[n].double() for s in states]).mean(0).float() for n in states[0]}


def read(path: Path) -> dict[str, Tensor]:
    return dict(torch.load(path, weights_only=True)["state"]["model"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recorder, Path]:
    folder = tmp_path_factory.mktemp("means")
    averaging = WeightAveraging(str(folder / "means"), window_batches=4, evaluate=True)
    saved = {"save_folder": str(folder / "checkpoints"), "save_interval": "1ba"}
    return run(averaging, **saved), folder


def test_windows_are_means_of_all_their_batches(whole: tuple[Recorder, Path]) -> None:
    recorder, folder = whole
    assert sorted(p.name for p in (folder / "means").iterdir()) == ["ba4.pt", "ba8.pt"]
    for end in (4, 8):
        found = read(folder / f"means/ba{end}.pt")
        expected = mean([recorder.trained[b] for b in range(end - 3, end + 1)])
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_evaluations_see_the_last_mean_and_training_does_not(
    whole: tuple[Recorder, Path], tmp_path: Path
) -> None:
    recorder, folder = whole
    plain = run(None)
    torch.testing.assert_close(recorder.trained, plain.trained, rtol=0, atol=0)
    means = {end: read(folder / f"means/ba{end}.pt") for end in (4, 8)}
    expected = {2: plain.trained[2], 4: means[4], 6: means[4], 8: means[8], 10: means[8]}
    torch.testing.assert_close(recorder.evaluated, expected, rtol=0, atol=0)
    unseen = run(WeightAveraging(str(tmp_path), window_batches=4))
    torch.testing.assert_close(unseen.evaluated, plain.evaluated, rtol=0, atol=0)


@pytest.mark.parametrize("batches", [2, 4, 5])
def test_a_resumed_run_has_the_same_means(
    whole: tuple[Recorder, Path], tmp_path: Path, batches: int
) -> None:
    recorder, folder = whole
    averaging = WeightAveraging(str(tmp_path), window_batches=4, evaluate=True)
    rest = run(averaging, load_path=str(folder / f"checkpoints/ep0-ba{batches}-rank0.pt"))
    torch.testing.assert_close(read(tmp_path / "ba8.pt"), read(folder / "means/ba8.pt"))
    expected = {b: w for b, w in recorder.evaluated.items() if b > batches}
    torch.testing.assert_close(rest.evaluated, expected, rtol=0, atol=0)


def test_a_window_entered_in_its_middle_has_no_mean(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(None, save_folder=str(tmp_path), save_interval="2ba", max_duration="2ba")
    means = tmp_path / "means"
    run(WeightAveraging(str(means), 4), load_path=str(tmp_path / "ep0-ba2-rank0.pt"))
    assert [p.name for p in means.iterdir()] == ["ba8.pt"]
    assert "0 of the 2 batches of this window" in caplog.text


def test_the_command_and_the_trainer_take_means(
    whole: tuple[Recorder, Path], tmp_path: Path
) -> None:
    average([whole[1] / "means"], tmp_path / "mean.pt")
    both = mean([read(whole[1] / f"means/ba{end}.pt") for end in (4, 8)])
    torch.testing.assert_close(read(tmp_path / "mean.pt"), both, rtol=1e-6, atol=1e-7)
    run(None, load_path=str(whole[1] / "means/ba4.pt"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["weight_averaging.folder`", "None"]),
        ({"folder": "a", "window_batches": 0}, ["window_batches`", "got 0"]),
        ({"folder": "a", "evaluate": "yes"}, ["evaluate`", "'yes'"]),
        ({"folder": "a", "window": 4}, ["weight_averaging.window`", "'window_batches'"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        WeightAveraging(**settings)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("moment", ["before_load", "fit_start"])
def test_sharded_weights_are_refused(moment: str) -> None:
    """Already before a load: a sharded checkpoint without this callback's state lacks its keys."""
    state: Any = SimpleNamespace(fsdp_enabled=True)
    with pytest.raises(UserError, match=r"fsdp_config.*foundry-plugins average"):
        getattr(WeightAveraging("a"), moment)(state, Logger(state))
