# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A real S3 server: OpenStack Swift with its S3 layer, from Debian's package python3-swift.

Four processes (account, container, object, proxy with ``s3api`` and ``tempauth``) on free ports of
127.0.0.1, one device that is a plain folder (on a file system that keeps extended attributes),
rings of one replica. They run as the user of the tests, whoever that is, and touch nothing outside
their folder. `S3Server.kill` ends all four at once, as a power cut would; `S3Server.start` brings
them back on the same ports with the same data.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NEEDS = "needs Debian package python3-swift (apt-get install --no-install-recommends python3-swift)"
ACCESS_KEY, SECRET_KEY = "tests:writer", "secret-of-writer"
READER_KEY, READER_SECRET = "tests:reader", "secret-of-reader"
# Names in one answer to a listing.
PAGE = 20

# Debian's interpreter, which finds the package; not the one that runs the tests.
_PYTHON = "/usr/bin/python3"
_ROLES = ("account", "container", "object", "proxy")
_PATIENCE_SECONDS = 60.0

# Imports once, writes the rings, then forks the four servers, which die with it.
_LAUNCHER = """
import ctypes, json, os, signal, socket, sys, time
folder, ports = sys.argv[1], json.loads(sys.argv[2])
# A killed process loses nothing that the kernel has; only a power cut would.
os.fsync = os.fdatasync = lambda fd: None
from swift.common import utils
utils.set_swift_dir(folder)
from swift.common.ring import RingBuilder
from swift.common.wsgi import run_wsgi
import swift.account.server, swift.container.server, swift.obj.server, swift.proxy.server
launcher = os.getpid()
for role in ports:
    ring = os.path.join(folder, role + ".ring.gz")
    if role != "proxy" and not os.path.exists(ring):
        builder = RingBuilder(4, 1, 0)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": ports[role],
                         "device": "disk", "weight": 1.0})
        builder.rebalance()
        builder.get_ring().save(ring)
for role in ports:
    if role == "proxy":
        # Last: without the others it would say that there are no buckets.
        for port in list(ports.values())[:-1]:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.02)
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(1)
        os._exit(run_wsgi(os.path.join(folder, role + ".conf"), role + "-server"))
os.wait()
"""

_COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
workers = 0
# Half a second by default, which a busy machine may not keep.
conn_timeout = 10
node_timeout = 30
log_level = ERROR
log_address = {folder}/no-log
"""

_STORAGE = """
[pipeline:main]
pipeline = {role}-server

[app:{role}-server]
use = egg:swift#{role}
"""

# The cache's server does not exist: what would be cached is looked up each time.
_PROXY = f"""
[pipeline:main]
pipeline = cache s3api tempauth bulk slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# There is one device only: resting it for a minute after errors would help nobody.
error_suppression_interval = 0.1

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1

[filter:s3api]
use = egg:swift#s3api
# Small pages, so that listings take several.
max_bucket_listing = {PAGE}

[filter:tempauth]
use = egg:swift#tempauth
user_{ACCESS_KEY.replace(":", "_")} = {SECRET_KEY} .admin
user_{READER_KEY.replace(":", "_")} = {READER_SECRET}

[filter:bulk]
use = egg:swift#bulk

[filter:slo]
use = egg:swift#slo
"""


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One running server for all tests."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The url of a new bucket, which the environment's settings open."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    s3_server.start()
    return s3_server.new_bucket()


@functools.cache
def missing() -> str | None:
    """Why no server can be started here, or None."""
    probe = [_PYTHON, "-c", "import swift.proxy, swift.common.middleware.s3api"]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return None
    return NEEDS


class S3Server:
    """The server of one folder; started, killed and started again at will."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self.folder = folder
        self.certificate = folder / "certificate.pem"
        self._tls = tls
        self.ports = _free_ports()
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "disk").mkdir(parents=True)
        (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
        for role, port in self.ports.items():
            common = _COMMON.format(port=port, user=getpass.getuser(), folder=folder)
            if role == "proxy" and tls:
                common += self._certify()
            own = _PROXY if role == "proxy" else _STORAGE.format(role=role)
            (folder / f"{role}.conf").write_text(common + own)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.ports['proxy']}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client finds it by."""
        return {
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        """Starts it, unless it runs, and waits until it answers."""
        if self._process is not None:
            return
        log = (self.folder / "log").open("ab")
        arguments = [_PYTHON, "-c", _LAUNCHER, str(self.folder), json.dumps(self.ports)]
        self._process = subprocess.Popen(arguments, stdout=log, stderr=log, env={"LANG": "C.UTF-8"})
        log.close()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not all(_answers(port) for port in self.ports.values()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Swift did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to all of it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        while any(_answers(port) for port in self.ports.values()):
            time.sleep(0.01)

    def new_bucket(self) -> str:
        """Makes an empty bucket; its url."""
        name = f"tests-{next(self._numbers)}"
        self.client.create_bucket(Bucket=name)
        return f"s3://{name}"

    def fill(self, url: str, objects: dict[str, bytes]) -> None:
        """Puts objects into a bucket."""
        for key, data in objects.items():
            self.client.put_object(Bucket=url.removeprefix("s3://"), Key=key, Body=data)

    def objects(self, url: str) -> dict[str, bytes]:
        """All objects of a bucket."""
        name = url.removeprefix("s3://")
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=name)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        get = self.client.get_object
        return {key: get(Bucket=name, Key=key)["Body"].read() for key in keys}

    @property
    def num_stored(self) -> int:
        """About how many objects are on the disk, seen without asking the server.

        Each has a folder named by three digits of its hash; few share one.
        """
        partitions = (self.folder / "disk/objects").glob("*")
        return sum(len(name) == 3 for folder in partitions for name in os.listdir(folder))

    @functools.cached_property
    def client(self) -> Any:
        """A plain boto3 client, which knows nothing of the code under test."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            verify=str(self.certificate) if self._tls else None,
        )

    def _certify(self) -> str:
        """Makes a certificate; the settings that name it."""
        key = self.folder / "key.pem"
        options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate]
        subprocess.run(["openssl", *options.split(), *names], check=True, capture_output=True)
        return f"cert_file = {self.certificate}\nkey_file = {key}\n"


@contextlib.contextmanager
def running(folder: Path, *, tls: bool = False) -> Iterator[S3Server]:
    """A started server with its data in ``folder``."""
    server = S3Server(folder, tls=tls)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _free_ports() -> dict[str, int]:
    """Below those that the system gives to clients: none may sit on a port while we are down."""
    ports: dict[str, int] = {}
    while len(ports) < len(_ROLES):
        port = random.SystemRandom().randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in ports.values():
                ports[_ROLES[len(ports)]] = port
    return ports


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
