# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where the contents of The Stack v2 come from: its rows hold ids, not text.

Software Heritage keeps every content as an object named by the SHA-1 of its bytes (``blob_id``; not
git's id, which also covers the length) and compressed by gzip: ``s3://softwareheritage/content/``
(https://docs.softwareheritage.org, dataset "contents"). A copy of some of them in a folder or
bucket works the same, compressed or not. Anything else can be asked through a function.
"""

from __future__ import annotations

import collections
import concurrent.futures
import hashlib
import importlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

from data_prep import store
from data_prep.rows import BadField
from foundry_plugins.contract.errors import UserError, require

# What a resolver gives for a blob id: its bytes, its text, or None if it does not have it.
Resolver = Callable[[str], bytes | str | None]
Item = TypeVar("Item")
Result = TypeVar("Result")

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_BLOB_ID = re.compile(r"[0-9a-f]{40}")
_GZIP_MAGIC = b"\x1f\x8b"
# Objects are small and each costs a way there and back.
_BUFFER_BYTES = 1 << 16


def resolver(content: str, *, limit_bytes: int) -> Resolver:
    """The resolver that a recipe names.

    Args:
        content: ``module:function``, called with a blob id; or a folder or bucket of objects.
        limit_bytes: Largest content.

    Raises:
        UserError: if there is no such function or folder.
    """
    if _FUNCTION.fullmatch(content):
        return _function(content)
    require(
        store.is_remote(content) or os.path.isdir(os.path.expanduser(content)),
        f"`content`: there is no folder {content}; give one with objects named by blob id, a url "
        "such as s3://softwareheritage/content, or a function as module:function.",
    )
    return lambda blob_id: _object(store.join(content, blob_id), blob_id, limit_bytes)


def content_of(resolve: Resolver, blob_id: str, encoding: str) -> tuple[bytes | None, str]:
    """The bytes and the text of a content; no bytes if the resolver gave text.

    Args:
        resolve: Where it comes from.
        blob_id: SHA-1 of the bytes, which is checked.
        encoding: What they are decoded by.

    Raises:
        BadField: if there is no such content, it is not what its id says, or is not in the
            encoding.
    """
    if not _BLOB_ID.fullmatch(blob_id):
        raise BadField("wrong_type", "blob_id is not 40 hexadecimal digits")
    try:
        found = resolve(blob_id)
    except (LookupError, OSError) as error:
        raise BadField("unreadable", f"content {blob_id}: {error}") from error
    if found is None:
        raise BadField("unreadable", f"content {blob_id} is not there")
    if isinstance(found, str):
        return None, found
    require(
        isinstance(found, bytes),
        f"The function of `content` must return bytes, text or None, got {type(found).__name__}.",
    )
    if _sha1(found) != blob_id:
        raise BadField("broken_file", f"content {blob_id} has the SHA-1 {_sha1(found)}")
    try:
        text = found.decode(encoding)
        # Some encodings can give what UTF-8 cannot hold.
        text.encode()
    except UnicodeError as error:
        reason = "invalid_utf8" if encoding.lower() in ("utf-8", "utf8") else "unreadable"
        raise BadField(reason, f"content {blob_id} is not {encoding}") from error
    except LookupError as error:
        raise BadField("unreadable", f"content {blob_id}: no encoding {encoding!r}") from error
    return found, text


def ahead(
    items: Iterable[Item], function: Callable[[Item], Result], fetches: int
) -> Iterator[Result]:
    """``map``, in order, with up to ``fetches`` calls under way: a store answers slowly."""
    if fetches <= 1:
        yield from map(function, items)
        return
    pending: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(fetches) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= fetches:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _function(content: str) -> Resolver:
    module, _, name = content.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise UserError(
            f"`content`: cannot import {module!r} ({error}); give module:function with a module "
            "on the Python path."
        ) from error
    if not callable(found):
        raise UserError(f"`content`: {module!r} has no function {name!r}; check the name.")
    return cast("Resolver", found)


def _object(url: str, blob_id: str, limit_bytes: int) -> bytes | None:
    data = _stored(url, limit_bytes)
    if data is None or not data.startswith(_GZIP_MAGIC) or _sha1(data) == blob_id:
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(data, limit_bytes + 1)
    except zlib.error as error:
        raise BadField("broken_file", f"content {blob_id}: {error}") from error
    if len(content) > limit_bytes:
        raise BadField("over_limit", f"content {blob_id} has more than {limit_bytes} bytes")
    if not unpacker.eof:
        raise BadField("truncated", f"content {blob_id} ends within its gzip stream")
    return content


def _stored(url: str, limit_bytes: int) -> bytes | None:
    try:
        with store.open_read(url, _BUFFER_BYTES) as file:
            data = file.read(limit_bytes + 1)
    except UserError:
        # Missing is for one row to answer for; a store that refuses or is down ends the run.
        if store.exists(url):
            raise
        return None
    if len(data) > limit_bytes:
        raise BadField("over_limit", f"{url} has more than {limit_bytes} bytes")
    return data


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
