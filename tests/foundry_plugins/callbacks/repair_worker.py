# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Two ranks with a sharded checkpoint, run by `test_checkpoint_repair.py`: folder for everything.

The second rank's shard of the newest checkpoint is torn and the link is lost; then all are torn.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from composer.utils import dist

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from foundry_plugins.callbacks.checkpoint_repair import CheckpointRepair
from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler
from tests.foundry_plugins.callbacks.toy_run import Run, run


def train(folder: Path, max_duration: str, **settings: Any) -> Run:
    return run(
        WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0ba"),
        CheckpointRepair({"autoresume": True}),
        max_duration=max_duration,
        run_name="toy",
        autoresume=True,
        save_folder=str(folder),
        save_interval="2ba",
        parallelism_config={"fsdp": {"state_dict_type": "sharded"}},
        device_train_microbatch_size=1,
        save_latest_filename="latest-sharded-rank{rank}",
        **settings,
    )


def tear(shard: Path) -> None:
    if dist.get_global_rank() == 0:
        os.truncate(shard, shard.stat().st_size - 1)
    dist.barrier()


def main(folder: Path) -> None:
    whole = train(folder / "whole", "6ba")
    train(folder / "killed", "4ba")
    tear(folder / "killed/ep0-ba4/__1_0.distcp")
    latest = folder / "killed/latest-sharded-rank0"
    if dist.get_global_rank() == 0:
        latest.unlink()
    dist.barrier()
    resumed = train(folder / "killed", "6ba")
    assert len(resumed.used.lr) == 4
    for name, tensor in whole.weights.items():
        assert tensor.equal(resumed.weights[name]), name
    assert (folder / "killed/set_aside/ep0-ba4/__1_0.distcp").exists()
    assert os.readlink(latest) == "ep0-ba6"
    for batch in (2, 4, 6):
        tear(folder / f"killed/ep0-ba{batch}/__0_0.distcp")
    try:
        train(folder / "killed", "8ba")
    except UserError as error:
        (folder / f"ended-{dist.get_global_rank()}").write_text(str(error))


if __name__ == "__main__":
    os.environ["FSDP_VERSION"] = "2"
    main(Path(sys.argv[1]))
