# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import platform
import struct
import subprocess
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox import isolation, seccomp
from foundry_plugins.eval.sandbox.isolation import BUBBLEWRAP, ENVIRONMENT, NAMESPACES

LOOK = """
echo user $(id -u) number $$
cat /opt/here/seen
echo x > /opt/here/seen || echo no
ls /opt/here /opt/file
head -c 2000000 /dev/zero > /tmp/large || echo full
cat /proc/net/dev | wc -l
grep -c . /proc/self/mountinfo >/dev/null
env | sort | tr '\\n' ' '
"""


@pytest.mark.parametrize("name", [BUBBLEWRAP, NAMESPACES])
def test_a_command_sees_what_is_named_and_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/seen").write_text("seen\n")
    (tmp_path / "file").write_text("a file")
    found = isolation.find(name)
    command = found.command(
        ["/bin/bash", "-c", LOOK],
        visible={"/opt/here": tmp_path / "here", "/opt/file": tmp_path / "file"},
        scratch_bytes=1 << 20,
    )
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[0] == "user 65534 number 1", done.stderr
    assert lines[1:3] == ["seen", "no"]
    assert lines[3:6] == ["/opt/file", "", "/opt/here:"]
    assert lines[6:8] == ["seen", "full"]
    assert lines[8] == "3"  # two lines of heading and the loopback
    assert "HOME=/tmp" in lines[9]
    assert (tmp_path / "here/seen").read_text() == "seen\n"


def test_without_any_isolation_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "trouble", lambda name: f"no {name} here")
    with pytest.raises(
        UserError, match=r"no bubblewrap here.*no namespaces here.*isolation: unsafe"
    ):
        isolation.find()
    with pytest.raises(UserError, match="apt-get install bubblewrap"):
        isolation.find(BUBBLEWRAP)


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.shutil, "which", lambda *a, **k: None)
    assert isolation.trouble.__wrapped__(BUBBLEWRAP) == "there is no bwrap"
    assert isolation.trouble.__wrapped__(NAMESPACES) == "there is no mount"


def test_the_filter_fits_the_kernels_layout() -> None:
    for machine in ("x86_64", "aarch64"):
        code = seccomp.program(machine)
        assert code is not None
        lines = list(struct.iter_unpack("<HBBI", code))
        # Every jump lands on an instruction, and the last one returns.
        for number, (operation, yes, no, _) in enumerate(lines):
            if operation & 0x07 == 0x05:
                assert number + 1 + max(yes, no) < len(lines)
        assert lines[-1][0] == 0x06
    assert seccomp.program("riscv64") is None
    assert platform.machine() in ("x86_64", "aarch64")
