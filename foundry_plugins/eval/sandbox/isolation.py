# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What keeps a program from the machine: bubblewrap, or namespaces made by util-linux.

Both give a command a file system of its own (only what is named, read-only, and a bounded ``/tmp``
in memory), no network, its own process numbers with the command as number 1, so that everything it
starts ends with it, and a user without rights. Run by root, that user is another one on the whole
machine as well, since the kernel does not count root's processes; a further user namespace inside
makes the count that of one sandbox. ``unsafe`` runs the command as it is.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from foundry_plugins.contract.errors import UserError, require

BUBBLEWRAP, NAMESPACES, UNSAFE = "bubblewrap", "namespaces", "unsafe"
AUTO = "auto"
CHOICES = (AUTO, BUBBLEWRAP, NAMESPACES, UNSAFE)
_NOBODY = 65534
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ETC = ("alternatives", "ld.so.cache", "java-17-openjdk", "java-21-openjdk", "php", "localtime")
_HOW = (
    "install bubblewrap (`apt-get install bubblewrap`) on a machine that allows user namespaces "
    "(in a container: `--security-opt seccomp=unconfined`, or `--privileged`), or write "
    "`isolation: unsafe` to run programs that nobody has read with this account's rights"
)


@dataclasses.dataclass(frozen=True)
class Isolation:
    """One way to keep a command apart.

    Attributes:
        name: `BUBBLEWRAP`, `NAMESPACES` or `UNSAFE`.
    """

    name: str

    def command(
        self, argv: Sequence[str], *, visible: Mapping[str, Path], scratch_bytes: int
    ) -> list[str]:
        """The command line that runs ``argv`` kept apart.

        Args:
            argv: Absolute paths, as they are inside.
            visible: Folders and files that can be read, by their path inside, beside ``/usr``.
            scratch_bytes: Size of ``/tmp``.
        """
        if self.name == UNSAFE:
            return list(argv)
        build = _bubblewrap if self.name == BUBBLEWRAP else _namespaces
        return build(list(argv), _distinct(visible), scratch_bytes)


def check(isolation: str) -> None:
    """Whether there is an isolation of that name at all, here or elsewhere.

    Raises:
        UserError: if there is none.
    """
    require(
        isolation in CHOICES,
        f"`isolation` must be one of {', '.join(CHOICES)}, got {isolation!r}.",
    )


def find(isolation: str = AUTO) -> Isolation:
    """An isolation that works here, the best one for `AUTO`.

    Raises:
        UserError: if there is none, or the named one does not work.
    """
    check(isolation)
    wanted = (BUBBLEWRAP, NAMESPACES) if isolation == AUTO else (isolation,)
    reasons = []
    for name in wanted:
        reason = trouble(name)
        if reason is None:
            return Isolation(name)
        reasons.append(f"{name}: {reason}")
    raise UserError(f"There is no working sandbox ({'; '.join(reasons)}): {_HOW}.")


@functools.cache
def trouble(name: str) -> str | None:
    """Why an isolation does not work here; None if it does."""
    if name == UNSAFE:
        return None
    tools = ("bwrap",) if name == BUBBLEWRAP else ("mount", "umount", "pivot_root")
    for tool in (*tools, "unshare", "setpriv"):
        if shutil.which(tool, path=_PATH) is None:
            return f"there is no {tool}"
    command = Isolation(name).command(["/usr/bin/true"], visible={}, scratch_bytes=1 << 20)
    try:
        done = subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    return last[0] if done.returncode else None


_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# All that a command gets to see of the environment. Hashes are the same in every run.
ENVIRONMENT = {"PATH": _PATH, "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def _distinct(visible: Mapping[str, Path]) -> dict[str, Path]:
    """Shorter paths first, without those that another shows already."""
    wanted = {"/usr": Path("/usr"), **{str(path): path for path in _etc()}, **visible}
    found: dict[str, Path] = {}
    for inside, outside in sorted(wanted.items()):
        shown = any(
            Path(inside).is_relative_to(i) and outside == o / Path(inside).relative_to(i)
            for i, o in found.items()
        )
        if outside.exists() and not shown:
            found[inside] = outside
    return found


def _etc() -> list[Path]:
    """What interpreters and compilers of a distribution keep in ``/etc``."""
    return [Path("/etc", name) for name in _ETC]


def _links() -> list[tuple[str, str]]:
    """``/bin``, ``/lib``, ... where they lead into ``/usr``, as in all distributions of today."""
    names = ("bin", "sbin", "lib", "lib64", "lib32")
    return [(os.readlink(f"/{n}"), f"/{n}") for n in names if os.path.islink(f"/{n}")]


def _as_nobody(argv: list[str], namespace: bool) -> list[str]:
    """Gives up root, and takes a user namespace where there is none of a sandbox's own."""
    drop = ["/usr/bin/setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    mapped = [f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]
    root = os.getuid() == 0
    own = ["/usr/bin/unshare", "--user", *mapped, "--"] if root or namespace else []
    return [*(drop if root else []), *own, *argv]


def _bubblewrap(argv: list[str], visible: Mapping[str, Path], scratch_bytes: int) -> list[str]:
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--as-pid-1"]
    command += ["--cap-drop", "ALL"]
    if os.getuid() == 0:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", str(_NOBODY), "--gid", str(_NOBODY)]
    # Folders above what is visible would be closed to others than root.
    for folder in sorted({str(p) for inside in visible for p in Path(inside).parents} - {"/"}):
        command += ["--perms", "0755", "--dir", folder]
    for inside, outside in visible.items():
        command += ["--ro-bind", str(outside), inside]
    for target, link in _links():
        command += ["--symlink", target, link]
    command += ["--proc", "/proc", "--perms", "0755", "--dir", "/dev"]
    for device in _DEVICES:
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    command += ["--symlink", "/tmp", "/dev/shm", "--perms", "1777", "--size", str(scratch_bytes)]
    command += ["--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp", "--"]
    return [*command, *_as_nobody(argv, namespace=False)]


def _namespaces(argv: list[str], visible: Mapping[str, Path], scratch_bytes: int) -> list[str]:
    command = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork"]
    command += ["--kill-child"]
    if os.getuid() != 0:
        command += ["--user", "--map-root-user"]
    script = _script(visible, scratch_bytes, _as_nobody(argv, namespace=True))
    return [*command, "--", "/bin/sh", "-c", script]


def _script(visible: Mapping[str, Path], scratch_bytes: int, argv: list[str]) -> str:
    """Builds the file system below a new root, goes there and runs the command."""
    # A folder that is on every machine, and that nothing visible lies in.
    lines = [
        "set -e",
        "umask 022",
        "mount --make-rprivate /",
        "mount -t tmpfs -o mode=755 root /sys",
    ]
    lines += ["cd /sys", "mkdir proc dev tmp old"]
    for inside, outside in visible.items():
        there, here = shlex.quote(str(outside)), shlex.quote(inside[1:])
        if outside.is_dir():
            lines += [f"mkdir -p {here}"]
        else:
            lines += [f"mkdir -p {shlex.quote(str(Path(inside).parent)[1:])}", f": > {here}"]
        # Not recursive: what is mounted below would stay writable.
        lines += [f"mount --bind {there} {here}"]
        lines += [f"mount -o remount,bind,ro,nosuid,nodev {here}"]
    lines += [f"ln -s {target} {link[1:]}" for target, link in _links()]
    for device in _DEVICES:
        lines += [f": > dev/{device}", f"mount --bind /dev/{device} dev/{device}"]
    lines += ["ln -s /tmp dev/shm"]
    lines += [f"mount -t tmpfs -o mode=1777,nosuid,nodev,size={scratch_bytes} scratch tmp"]
    lines += ["mount -t proc -o nosuid,nodev,noexec proc proc", "pivot_root . old"]
    lines += ["umount -l /old", "rmdir /old", "mount -o remount,bind,ro /", "cd /tmp"]
    return "\n".join([*lines, f"exec {shlex.join(argv)}"])
