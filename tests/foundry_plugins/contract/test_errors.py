# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes are one sentence, wherever they surface."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    disk_full,
    reject_unknown_keys,
    require,
)


def test_unknown_keys_name_the_nearest() -> None:
    reject_unknown_keys("fim", ["rate"], ["rate", "spm_rate"])
    with pytest.raises(UserError) as caught:
        reject_unknown_keys("train_loader.fim", ["rate", "spm_rat"], ["spm_rate", "rate"])
    assert str(caught.value) == (
        "`train_loader.fim.spm_rat` is not a known key (did you mean 'spm_rate'?); "
        "`train_loader.fim` takes: rate, spm_rate."
    )
    assert did_you_mean("xyz", ["rate"]) == ""


def test_require() -> None:
    require(True, "never shown")
    with pytest.raises(UserError, match="shown"):
        require(False, "shown")


def test_only_a_full_disk_is_a_full_disk() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        found = disk_full(OSError(number, "x"), "some/file")
        assert isinstance(found, UserError)
        assert "some/file" in str(found)
    assert disk_full(OSError(errno.EIO, "x"), "some/file") is None


def failing(statement: str) -> subprocess.CompletedProcess[str]:
    program = f"""
import sys
from foundry_plugins.contract.errors import UserError
def host_printer(kind, error, trace):
    print("host printer:", kind.__name__, file=sys.stderr)
sys.excepthook = host_printer
print("printed before")
{statement}
"""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_uncaught_it_is_the_last_line_whatever_hook_the_host_set() -> None:
    done = failing("raise UserError('`a.b` is wrong; set it right.')")
    assert done.returncode == 1
    assert done.stderr == "Error: `a.b` is wrong; set it right.\n"
    assert done.stdout == "printed before\n"


def test_other_errors_still_go_to_the_host() -> None:
    done = failing("""
for _ in range(2):
    try:
        raise UserError("caught")
    except UserError:
        pass
raise KeyError("x")
""")
    assert done.stderr == "host printer: KeyError\n"
