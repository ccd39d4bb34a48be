# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a user reads when a store refuses, is not there, or is no store."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep import store
from data_prep.stores import retry, s3
from foundry_plugins.contract.errors import UserError
from tests.data_prep.s3_server import READER_KEY, READER_SECRET, S3Server, running

Mistake = Callable[[str], object]


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (lambda url: store.find(f"{url}/nothing"), r"no file or folder s3://.*/nothing; check"),
        (lambda url: store.find(f"{url}/*.x"), r"No file matches s3://.*/\*\.x; check the path"),
        (lambda url: store.find(f"{url}/[z-a]"), r"is no pattern: bad character range"),
        (lambda url: store.read_bytes(f"{url}/nothing"), r"There is no s3://.*/nothing; give"),
        (lambda url: store.find("s3://nowhere/a"), r"no bucket 'nowhere' for s3://nowhere/a: cre"),
        (lambda url: store.read_bytes("s3://nowhere/a"), r"no bucket 'nowhere' for .*: create it"),
        (lambda url: store.find("s3:///a"), r"names no bucket; give s3://BUCKET/PATH"),
        (lambda url: store.find("ftp://host/a"), r"ftp:// is not one of file://, s3://, gs://"),
        (lambda url: store.find("/nowhere/a"), r"There is no file or folder /nowhere/a"),
        (lambda url: store.read_bytes("/nowhere/a"), r"There is no /nowhere/a; give the path"),
        (lambda url: store.upload_file(Path("/nowhere/a"), f"{url}/a"), r"read /nowhere/a: No s"),
        (lambda url: store.upload_file(Path(__file__), "s3://nowhere/a"), r"no bucket 'nowhere'"),
    ],
)
def test_mistakes_are_one_sentence(bucket: str, mistake: Mistake, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        mistake(bucket)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            (READER_KEY, READER_SECRET),
            "Access denied: may not (list|read|write) s3://.*/it; set AW",
        ),
        ((READER_KEY, "wrong"), "(does not accept the keys|Access denied).* set AWS_ACCESS_KEY_ID"),
        (None, "may not (list|read|write) s3://.*/it without keys; set AWS_ACCESS_KEY_ID"),
    ],
)
def test_refusals_say_what_to_set(
    s3_server: S3Server,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    keys: tuple[str, str] | None,
    sentence: str,
) -> None:
    s3_server.fill(bucket, {"it": b"data"})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
    for mistake in (
        lambda: store.find(f"{bucket}/it"),
        lambda: store.read_bytes(f"{bucket}/it"),
        lambda: store.upload_file(Path(__file__), f"{bucket}/it"),
    ):
        with pytest.raises(UserError, match=sentence):
            mistake()


def test_without_keys_nothing_is_signed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So public buckets can be read; this server has none."""
    from botocore import UNSIGNED

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert s3._client({}).meta.config.signature_version is UNSIGNED


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("http://127.0.0.1:1", "gave up after .* check S3_ENDPOINT_URL, which is http://127.0.0.1"),
        ("127.0.0.1:1", "Invalid endpoint.* should read http"),
    ],
)
def test_wrong_endpoints(
    bucket: str, monkeypatch: pytest.MonkeyPatch, endpoint: str, sentence: str
) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", endpoint)
    with pytest.raises(UserError, match=sentence):
        store.find(bucket)


@pytest.mark.timeout(30)
def test_an_endpoint_that_never_answers(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("S3_ENDPOINT_URL", endpoint)
        with pytest.raises(UserError, match=f"Read timeout.* S3_ENDPOINT_URL, which is {endpoint}"):
            store.find(bucket)


def test_the_second_choice_of_endpoint(
    s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.fill(bucket, {"it": b"data"})
    monkeypatch.delenv("S3_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    assert store.read_bytes(f"{bucket}/it") == b"data"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setattr(s3, "FIRST_CONTACT_SECONDS", 0)
    with pytest.raises(UserError, match="check AWS_ENDPOINT_URL_S3, which is http://127"):
        store.read_bytes(f"{bucket}/it")


def test_tls(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a certificate that it signed itself."""
    with running(tmp_path / "swift", tls=True) as server:
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint)
        with pytest.raises(
            UserError, match=r"over TLS .*CERTIFICATE_VERIFY_FAILED.* AWS_CA_BUNDLE"
        ):
            store.find(bucket)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(server.certificate))
        url = server.new_bucket()
        store.upload_file(Path(__file__), f"{url}/it")
        assert store.read_bytes(f"{url}/it") == Path(__file__).read_bytes()
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint.replace("https", "http"))
        with pytest.raises(UserError, match=r"http://127\.0\.0\.1"):
            store.find(url)


def test_a_plain_server_that_is_asked_for_tls(
    s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", s3_server.endpoint.replace("http", "https"))
    with pytest.raises(UserError, match=r"over TLS .*should read http\(s\)://HOST:PORT"):
        store.find(bucket)


def test_other_web_servers_are_told_from_s3(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"<html>Welcome</html>")

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        monkeypatch.setenv("S3_ENDPOINT_URL", f"http://127.0.0.1:{pages.server_port}")
        with pytest.raises(
            UserError, match=r"no S3 server; check S3_ENDPOINT_URL|no file or folder"
        ):
            store.find(bucket)
        with pytest.raises(UserError):
            store.upload_file(Path(__file__), f"{bucket}/it", patience_seconds=0)
        pages.shutdown()


def test_pauses_grow_and_are_spread() -> None:
    pauses = [retry.pause_seconds("s3://a/b", n) for n in range(12)]
    longest = [min(0.25 * 2**n, 30.0) for n in range(12)]
    assert all(most / 2 <= got < most for got, most in zip(pauses, longest, strict=True))
    assert len({retry.pause_seconds(f"s3://a/{n}", 0) for n in range(10)}) == 10
    assert pauses == [retry.pause_seconds("s3://a/b", n) for n in range(12)]
