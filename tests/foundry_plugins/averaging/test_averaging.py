# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from composer.models import ComposerModel
from composer.trainer import Trainer
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributed.checkpoint import FileSystemWriter, save
from torch.utils.data import DataLoader, TensorDataset

from foundry_plugins.averaging.average import average
from foundry_plugins.averaging.checkpoints import OneFile, Shards, open_checkpoints
from foundry_plugins.averaging.methods import shares
from foundry_plugins.contract.errors import UserError


class Toy(ComposerModel):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))
        self.register_buffer("seen", torch.tensor([7]))

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return self.net(batch[0])

    def loss(self, outputs: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (outputs - batch[1]).square().mean()


def trainer(**settings: Any) -> Trainer:
    model = Toy()
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(5))
    return Trainer(
        model=model,
        train_dataloader=DataLoader(TensorDataset(x, x.sum(dim=1, keepdim=True)), batch_size=4),
        max_duration="8ba",
        optimizers=torch.optim.Adam(model.parameters(), lr=0.1),
        device="cpu",
        progress_bar=False,
        **settings,
    )


INTEGRATIONS = {"huggingface": {"n": 1, "empty": [], "list": [1, {}, {"a": [{"b": None}]}]}}


def weights(path: Path) -> dict[str, Tensor]:
    # Composer's own files hold objects, ours nothing that could run code.
    ours = not path.name.startswith("ep")
    return torch.load(path, weights_only=ours)["state"]["model"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four checkpoints, and links to the newest."""
    folder = tmp_path_factory.mktemp("checkpoints")
    training = trainer(save_folder=str(folder), save_interval="2ba")
    training.fit()
    training.close()
    return folder


@pytest.fixture(scope="module")
def sharded(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as folders, laid out as the trainer lays out those of a sharded run."""
    folder = tmp_path_factory.mktemp("sharded")
    for batch in (2, 4, 6, 8):
        state = torch.load(run / f"ep0-ba{batch}-rank0.pt", weights_only=False)["state"]
        state["integrations"] = INTEGRATIONS
        writer = FileSystemWriter(folder / f"ep0-ba{batch}")
        save({"state": state}, storage_writer=writer, no_dist=True)
    return folder


def oracle(run: Path, weighting: dict[int, float]) -> dict[str, Tensor]:
    found = {batch: weights(run / f"ep0-ba{batch}-rank0.pt") for batch in weighting}
    return {
        name: sum(found[b][name].double() * share for b, share in weighting.items()).float()
        for name in found[8]
        if name != "seen"
    }


METHODS = [
    ({}, {2: 0.25, 4: 0.25, 6: 0.25, 8: 0.25}),
    ({"method": "lawa", "window": 2}, {6: 0.5, 8: 0.5}),
    ({"method": "ema", "decay": 0.5}, {2: 0.125, 4: 0.125, 6: 0.25, 8: 0.5}),
]


@pytest.mark.parametrize(("settings", "weighting"), METHODS, ids=["uniform", "lawa", "ema"])
@pytest.mark.parametrize("kind", ["one file", "shards"])
def test_the_mean_is_that_of_float64(
    run: Path,
    sharded: Path,
    tmp_path: Path,
    kind: str,
    settings: dict[str, Any],
    weighting: dict[int, float],
) -> None:
    output = tmp_path / "mean.pt"
    report = average([run if kind == "one file" else sharded], output, **settings)
    found = weights(output)
    assert found["seen"].tolist() == [7]
    for name, expected in oracle(run, weighting).items():
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], expected, rtol=1e-6, atol=1e-7)
    assert {entry["batch"]: entry["share"] for entry in report.inputs} == weighting
    assert report.parameters == 50
    assert 0 < report.distance < 1
    json.dumps(report.to_dict())
    assert len(report.rows()) == len(weighting) + 1
    # Nothing is left behind.
    assert [path.name for path in tmp_path.iterdir()] == ["mean.pt"]


def test_the_trainer_loads_it(run: Path, sharded: Path, tmp_path: Path) -> None:
    output = tmp_path / "mean.pt"
    average([run], output)
    for settings in ({}, {"load_weights_only": True}):
        loaded = trainer(load_path=str(output), **settings)
        assert loaded.state.timestamp.batch.value == 0
        torch.testing.assert_close(loaded.state.model.state_dict(), dict(weights(output)))
        loaded.close()


def test_a_folder_is_written_where_the_name_is_no_pt(sharded: Path, tmp_path: Path) -> None:
    average([sharded], tmp_path / "mean-ba8")
    average([sharded], tmp_path / "mean.pt")
    (again,) = open_checkpoints([tmp_path / "mean-ba8"])
    for name, expected in weights(tmp_path / "mean.pt").items():
        assert torch.equal(again.read(name), expected)
    rest = torch.load(tmp_path / "mean.pt", weights_only=False)["state"]
    assert rest["integrations"] == again.rest()["integrations"] == INTEGRATIONS


def test_narrow_weights_are_added_up_in_fp32(tmp_path: Path) -> None:
    for batch in (1, 2, 3):
        state = {"model": {"w": torch.tensor([256.0 + batch], dtype=torch.bfloat16)}}
        torch.save({"state": state}, tmp_path / f"ba{batch}.pt")
    average([tmp_path], tmp_path / "out" / "mean.pt")
    exact = sum(float(torch.tensor(256.0 + b, dtype=torch.bfloat16)) for b in (1, 2, 3)) / 3
    assert weights(tmp_path / "out" / "mean.pt")["w"].item() == pytest.approx(exact, rel=1e-6)


def anonymous_bytes() -> int:
    """What the process holds that is not a mapped file."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def test_memory_is_that_of_a_tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints of 60 MB in 10 tensors, as files and as shards; sampled after each reading."""
    for batch in (1, 2):
        state = {"model": {f"w{k}": torch.full((1_500_000,), batch) * 1.0 for k in range(10)}}
        torch.save({"state": state}, tmp_path / f"ba{batch}.pt")
        writer = FileSystemWriter(tmp_path / f"shards/ba{batch}")
        save({"state": state}, storage_writer=writer, no_dist=True)
    del state
    for kind, source in ((OneFile, tmp_path), (Shards, tmp_path / "shards")):
        held: list[int] = []
        read = kind.read

        def sampled(self: Any, name: str, read: Any = read, held: list[int] = held) -> Tensor:
            tensor = read(self, name)
            held.append(anonymous_bytes())
            return tensor

        monkeypatch.setattr(kind, "read", sampled)
        begun = anonymous_bytes()
        average([source], tmp_path / "mean" / "mean.pt")
        assert len(held) == 20
        assert max(held) - begun < 30e6, kind
        assert float(weights(tmp_path / "mean/mean.pt")["w9"].mean()) == 1.5


@given(st.integers(2, 30), st.floats(0.01, 0.99))
def test_shares_add_up_and_ema_is_the_recurrence(count: int, decay: float) -> None:
    for found in (
        shares("uniform", count),
        shares("lawa", count, window=2),
        shares("ema", count, decay=decay),
    ):
        assert len(found) == count
        assert sum(found) == pytest.approx(1)
    mean = 1.0
    for value in range(2, count + 1):
        mean = decay * mean + (1 - decay) * value
    ema = shares("ema", count, decay=decay)
    assert sum(s * (k + 1) for k, s in enumerate(ema)) == pytest.approx(mean)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lava", 3), ["--method", "'lawa'"]),
        (("uniform", 1), ["at least two"]),
        (("lawa", 3), ["--window"]),
        (("uniform", 3, 2), ["--window", "lawa"]),
        (("lawa", 3, 4), ["from 2 to the 3", "got 4"]),
        (("ema", 3), ["--decay"]),
        (("ema", 3, None, 1.0), ["(0, 1)", "1.0"]),
    ],
)
def test_bad_settings_are_named(arguments: tuple[Any, ...], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        shares(*arguments)
    assert all(word in str(error.value) for word in words), error.value


def test_checkpoints_that_do_not_fit_are_named(run: Path, tmp_path: Path) -> None:
    def other(name: str, model: dict[str, Any]) -> Path:
        path = tmp_path / name
        torch.save({"state": {"model": model}}, path)
        return path

    good = dict(weights(run / "ep0-ba2-rank0.pt"))
    wide = other("ba9.pt", {**good, "net.0.bias": torch.zeros(9)})
    more = other("ba10.pt", {**good, "extra": torch.zeros(1)})
    twin = other("ba2.pt", good)
    nameless = other("model.pt", good)
    (tmp_path / "broken.pt").write_bytes(b"no")
    (tmp_path / "empty").mkdir()
    torch.save({"weights": good}, tmp_path / "plain.pt")
    for paths, words in (
        ([run, wide], ["net.0.bias", "[8]", "[9]", "ba9.pt"]),
        ([run, more], ["only one of them has extra"]),
        ([run, twin], ["both of batch 2"]),
        ([run, nameless], ["model.pt", "rename"]),
        ([run, tmp_path / "broken.pt"], ["broken.pt", "cannot be read"]),
        ([run, tmp_path / "plain.pt"], ["plain.pt", "`state.model`"]),
        ([tmp_path / "empty"], ["no checkpoint in"]),
        ([tmp_path / "gone"], ["no checkpoint at"]),
    ):
        with pytest.raises(UserError) as error:
            average(paths, tmp_path / "out.pt")
        assert all(word in str(error.value) for word in words), error.value
    assert not (tmp_path / "out.pt").exists()
