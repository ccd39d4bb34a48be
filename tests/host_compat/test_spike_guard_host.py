# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What `spike_guard` relies on in the trainer and the launcher."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace


def test_the_launcher_reports_the_first_rank_that_did_not_end_well() -> None:
    from composer.cli import launcher

    def ended(code: int) -> SimpleNamespace:
        return SimpleNamespace(returncode=code, pid=1, poll=lambda: code)

    # The others are ended by SIGTERM once the first is gone.
    ranks = {0: ended(75), 1: ended(-15)}
    assert launcher._aggregate_process_returncode(ranks) == 75  # type: ignore[arg-type]


def test_events_of_a_batch_come_before_the_step_and_loading_before_the_first() -> None:
    from composer import Trainer

    microbatches = inspect.getsource(Trainer._train_microbatches)
    assert "self.engine.run_event(Event.BEFORE_TRAIN_BATCH)" in microbatches
    assert microbatches.rindex("AFTER_TRAIN_BATCH") < microbatches.rindex("return total_loss_dict")
    start = inspect.getsource(Trainer.__init__)
    assert start.index("checkpoint.load_checkpoint(") < start.index("Event.AFTER_LOAD")


def test_where_checkpoints_go(tmp_path: Path) -> None:
    from composer.callbacks import CheckpointSaver

    saver = CheckpointSaver(folder=str(tmp_path))
    assert saver.folder == str(tmp_path)
    assert saver.remote_uploader is None


def test_a_callback_without_state_has_no_entries_in_a_sharded_checkpoint() -> None:
    from torch.distributed.checkpoint._nested_dict import flatten_state_dict

    flat, _ = flatten_state_dict({"state": {"callbacks": {"SpikeGuard": {}}, "seed": 1}})
    assert [*flat] == ["state.seed"]
