# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What an S3 server's refusals mean for a user: one sentence each, or another try."""

from __future__ import annotations

import os
from typing import Any

_ENDPOINTS = ("S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

# Error codes by what a user has to do. HEAD requests have no body, so their code is the status.
_NO_SUCH_FILE = ("NoSuchKey", "404", "NotFound")
_DENIED = ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden")
_BAD_KEYS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "TokenRefreshRequired",
    "401",
)
_OTHER_REGION = (
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
)
_CHANGED = ("PreconditionFailed", "412")
# A checksum that did not fit is a transfer to be repeated; so is a server that asks for time.
_REPEAT = ("BadDigest", "RequestTimeout", "IncompleteBody", "SlowDown", "429", "408")
_NOT_IMPLEMENTED = 501
# What servers answer to a request in nobody's name; Swift takes it for one of its own protocol.
_ASKS_FOR_KEYS = (400, 401, 403, 412)


def explain(
    error: Exception, url: str, doing: str, endpoint: str, *, signed: bool = True
) -> str | None:
    """The sentence for an error that another try would not mend, else None.

    Args:
        error: Of botocore or of the operating system.
        url: The object.
        doing: ``read``, ``write``, ``list`` or ``reach``.
        endpoint: The server that was asked.
        signed: Whether it was asked in somebody's name.
    """
    from botocore import exceptions, parsers

    if isinstance(error, exceptions.ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if not signed and status in _ASKS_FOR_KEYS:
            return (
                f"Access denied: may not {doing} {url} without keys; set AWS_ACCESS_KEY_ID and "
                f"AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) to those of a user of {endpoint}."
            )
        return _refusal(error.response, status, url, doing, endpoint)
    if isinstance(error, exceptions.SSLError):
        # In the midst of work it is a server that went down, before it a wrong address.
        return _no_tls(error, url, endpoint) if doing == "reach" else None
    lost = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)
    if isinstance(error, lost):
        return None
    if isinstance(error, parsers.ResponseParserError):
        return f"Cannot {doing} {url}: what answers is no S3 server; {address(endpoint)}."
    if isinstance(error, exceptions.BotoCoreError):
        return f"Cannot {doing} {url}: {str(error).rstrip('.')}."
    if isinstance(error, OSError) and error.filename is not None:
        return f"Cannot read {error.filename}: {error.strerror}."
    return None


def address(endpoint: str) -> str:
    """Where the server's address comes from, and what to set to change it."""
    variable = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    if variable is None:
        return (
            f"the address in use is {endpoint}; set S3_ENDPOINT_URL to http(s)://HOST:PORT "
            "if the data is elsewhere"
        )
    return f"check {variable}, which is {endpoint} (it should read http(s)://HOST:PORT)"


def no_bucket(url: str, endpoint: str) -> str:
    """The sentence for a bucket that does not exist."""
    bucket = url.removeprefix("s3://").partition("/")[0]
    return f"There is no bucket {bucket!r} for {url}: create it, or {address(endpoint)}."


def _refusal(
    response: dict[str, Any], status: int, url: str, doing: str, endpoint: str
) -> str | None:
    code = str(response["Error"].get("Code", ""))
    if (status >= 500 and status != _NOT_IMPLEMENTED) or code in _REPEAT:
        return None
    if code == "NoSuchBucket" or (code in _NO_SUCH_FILE and doing in ("list", "reach")):
        return no_bucket(url, endpoint)
    if code in _NO_SUCH_FILE:
        return f"There is no {url}; give the url of an object that exists."
    if code in _BAD_KEYS:
        return (
            f"Cannot {doing} {url}: the server does not accept the keys ({code}); set "
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) to valid ones for "
            f"{endpoint}."
        )
    if code in _DENIED:
        return (
            f"Access denied: may not {doing} {url}; set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) to those of a user of {endpoint} who may."
        )
    if code in _OTHER_REGION:
        return f"Cannot {doing} {url}: the bucket is in another region; set AWS_REGION to it."
    if code in _CHANGED and doing == "read":
        return f"{url} was replaced while it was read; run the same command again."
    message = str(response["Error"].get("Message", "")).rstrip(".")
    return (
        f"Cannot {doing} {url}: the server answers {code or status} ({message}); "
        f"{address(endpoint)}."
    )


def _no_tls(error: Any, url: str, endpoint: str) -> str:
    reason = str(error.kwargs.get("error", error)).rstrip(".")
    return (
        f"Cannot reach {url} over TLS ({reason}); {address(endpoint)}, and set AWS_CA_BUNDLE to "
        "the certificate of a server that signs its own."
    )
