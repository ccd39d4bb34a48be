# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``s3://bucket/key``: Amazon's object store and all that speak its language.

Through boto3, the client that mosaicml-streaming reads with, configured in the same way: the
endpoint from ``S3_ENDPOINT_URL`` (else ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL``, else
Amazon), the region from ``AWS_REGION``, keys from wherever boto3 finds them, and none at all for
public buckets. What can be published here can be trained on from there.

An object is sent with its MD5, which the server compares before it keeps it, and the ETag it
answers with is compared again: the MD5 of the object, or of its parts' MD5s and ``-<parts>``. An
ETag of another kind (some kinds of encryption have one) is no checksum, so such an object is read
back.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from data_prep.stores import Found, Listing, digest_of, hidden
from data_prep.stores.ranged import buffered
from data_prep.stores.retry import FIRST_CONTACT_SECONDS, patiently
from data_prep.stores.s3_errors import address, explain
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.stateless_hash import hash64

# One request up to here, parts of this size beyond. A server takes at most 5 GiB in one request.
PART_BYTES = 1 << 28
_READ_BYTES = 1 << 20
_QUICK = {"connect_timeout": 4, "read_timeout": 8}
_STEADY = {"connect_timeout": 10, "read_timeout": 60}
# Endpoint and bucket of those that have answered once; known to forked workers as well.
_reached: set[tuple[str, str]] = set()


class S3Store:
    """See `data_prep.stores.Store`. Made anew in every process: clients do not survive a fork."""

    def __init__(self) -> None:
        import botocore.exceptions

        # OSError: a connection that breaks while a body is read.
        self.errors = (
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
            OSError,
        )

    def explain(self, error: Exception, url: str, doing: str) -> str | None:
        """Refusals and wrong settings; a lost connection or a busy server is worth another try."""
        from botocore.exceptions import ClientError

        meta = self._client.meta
        code = error.response["Error"].get("Code") if isinstance(error, ClientError) else None
        bucket = url.removeprefix("s3://").partition("/")[0]
        if code == "NoSuchBucket" and (meta.endpoint_url, bucket) in _reached:
            # It was there a moment ago: some servers say so while they start.
            return None
        signed = isinstance(meta.config.signature_version, str)
        return explain(error, url, doing, meta.endpoint_url, signed=signed)

    def info(self, url: str) -> Found | None:
        """One HEAD request."""
        bucket, key = self._locate(url)
        if not key or key.endswith("/"):
            return None
        from botocore.exceptions import ClientError

        try:
            head = self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise
        return _found(url, head["ContentLength"], head["ETag"])

    def entries(self, folder: str, prefix: str) -> Listing:
        """One level, a thousand names a request."""
        bucket, key = self._locate(folder)
        listing = Listing([], [])
        for page in self._pages(Bucket=bucket, Prefix=key + prefix, Delimiter="/"):
            listing.folders.extend(
                f"s3://{bucket}/{common['Prefix']}" for common in page.get("CommonPrefixes", ())
            )
            listing.files.extend(_files(bucket, page))
        return listing

    def below(self, folder: str) -> Iterator[Found]:
        """All levels in one listing."""
        bucket, key = self._locate(folder)
        for page in self._pages(Bucket=bucket, Prefix=key):
            for found in _files(bucket, page):
                if not hidden(found.url[len(folder) :]):
                    yield found

    def open(self, url: str, buffer_bytes: int) -> BinaryIO:
        """Reads ranges of the object as it is now: one that is replaced meanwhile is an error."""
        bucket, key = self._locate(url)
        head = patiently(
            self, url, "read", lambda: self._client.head_object(Bucket=bucket, Key=key)
        )

        def fetch(start: int, stop: int) -> bytes:
            span = f"bytes={start}-{stop - 1}"
            answer = self._client.get_object(
                Bucket=bucket, Key=key, Range=span, IfMatch=head["ETag"]
            )
            with answer["Body"] as body:
                return body.read()

        return buffered(self, url, fetch, head["ContentLength"], buffer_bytes)

    def put(self, local: Path, url: str) -> None:
        """Sends a file and compares the checksum that the server has of it."""
        bucket, key = self._locate(url)
        etag = _etag(local)
        if local.stat().st_size <= PART_BYTES:
            md5 = base64.b64encode(bytes.fromhex(etag)).decode()
            with local.open("rb") as body:
                self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentMD5=md5)
        else:
            from boto3.s3.transfer import TransferConfig

            sizes = {"multipart_threshold": PART_BYTES, "multipart_chunksize": PART_BYTES}
            config = TransferConfig(**sizes, use_threads=False)
            with local.open("rb") as body:
                self._client.upload_fileobj(body, bucket, key, Config=config)
        found = self.info(url)
        if found is None or not self._equal(local, etag, found):
            raise OSError(f"what arrived at {url} is not what was sent")

    def holds(self, local: Path, found: Found) -> bool:
        """By size and ETag, else by reading it back."""
        return local.stat().st_size == found.size and self._equal(local, _etag(local), found)

    def _equal(self, local: Path, etag: str, found: Found) -> bool:
        if found.size != local.stat().st_size:
            return False
        if found.etag == etag:
            return True
        with self.open(found.url, _READ_BYTES) as remote, local.open("rb") as file:
            return digest_of(remote) == digest_of(file)

    def delete(self, url: str) -> None:
        """Deletes an object if it is there."""
        bucket, key = self._locate(url)
        self._client.delete_object(Bucket=bucket, Key=key)

    def _pages(self, **request: str) -> Iterator[dict[str, Any]]:
        yield from self._client.get_paginator("list_objects_v2").paginate(**request)

    @functools.cached_property
    def _client(self) -> Any:
        return _client(_STEADY)

    def _locate(self, url: str) -> tuple[str, str]:
        """Bucket and key. At the first use of a bucket: whether anyone answers, in short time."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise UserError(f"{url} names no bucket; give s3://BUCKET/PATH.")
        endpoint = self._client.meta.endpoint_url
        if (endpoint, bucket) not in _reached:
            patiently(
                self,
                url,
                "reach",
                lambda: self._greet(bucket),
                FIRST_CONTACT_SECONDS,
                address(endpoint),
            )
            _reached.add((endpoint, bucket))
        return bucket, key

    def _greet(self, bucket: str) -> None:
        from botocore.exceptions import ClientError

        try:
            with contextlib.closing(_client(_QUICK)) as client:
                client.head_bucket(Bucket=bucket)
        except ClientError as error:
            # A refusal is an answer: who may read an object need not be allowed to see its bucket.
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404 or status >= 500:
                raise


def _client(timeouts: dict[str, int]) -> Any:
    import boto3
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

    core = botocore.session.get_session()
    core.register_component("data_loader", _descriptions())
    session = boto3.Session(botocore_session=core, region_name=os.environ.get("AWS_REGION"))
    keys = {} if session.get_credentials() else {"signature_version": UNSIGNED}
    config = Config(
        # Tries are counted in `data_prep.stores.retry`, and only there.
        retries={"total_max_attempts": 1},
        max_pool_connections=32,
        # MD5 is checked here; newer kinds of checksum are unknown to many servers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **timeouts,
        **keys,
    )
    endpoint = os.environ.get("S3_ENDPOINT_URL") or None
    try:
        return session.client("s3", endpoint_url=endpoint, config=config)
    except ValueError as error:
        raise UserError(f"{error}; {address(endpoint or '')}.") from error


@functools.cache
def _descriptions() -> Any:
    """Descriptions of the service: slow to parse, so parsed before workers are forked."""
    from botocore.loaders import create_loader

    return create_loader()


def _files(bucket: str, page: dict[str, Any]) -> list[Found]:
    # A key that ends with a slash stands for a folder that someone made by hand.
    return [
        _found(f"s3://{bucket}/{entry['Key']}", entry["Size"], entry["ETag"])
        for entry in page.get("Contents", ())
        if not entry["Key"].endswith("/")
    ]


def _found(url: str, size: int, etag: str) -> Found:
    etag = etag.strip('"')
    return Found(url, size, hash64("etag", etag), etag)


def _etag(path: Path) -> str:
    """The ETag that a server gives to what `S3Store.put` sends."""
    parts = []
    with path.open("rb") as file:
        while part := _md5_of(file, PART_BYTES):
            parts.append(part)
    if len(parts) > 1:
        return f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}"
    return (parts or [_md5().digest()])[0].hex()


def _md5(data: bytes = b"") -> Any:
    # Asked for by the protocol, not for security.
    return hashlib.md5(data, usedforsecurity=False)


def _md5_of(file: BinaryIO, limit: int) -> bytes | None:
    """The MD5 of the next ``limit`` bytes; None if there are none."""
    md5 = _md5()
    left = limit
    while left and (data := file.read(min(left, _READ_BYTES))):
        md5.update(data)
        left -= len(data)
    return md5.digest() if left < limit else None
