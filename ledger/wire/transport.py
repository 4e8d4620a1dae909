"""One request and its answer: signatures, limits, pauses, a notary's problem as an error of ours."""

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from ledger import errors
from ledger.crypto.keys import SigningKey
from ledger.encoding import parse_decimal
from ledger.errors import (
    InvalidInput,
    MalformedData,
    NoRoom,
    NotFound,
    OverQuota,
    Refused,
    SealbookError,
    Suspended,
    Unavailable,
    VerificationFailed,
)
from ledger.quoted import quoted
from ledger.wire.deadlines import LOOPBACK, Deadline, http_client, read_limited, within
from ledger.wire.protocol import CODE_HEADER
from ledger.wire.saying import plain, said, silent
from ledger.wire.signatures import NONCE_BYTES, Message, sign_request

MAX_TEXT = 1 << 18
_MAX_JSON = 32 << 20
_MAX_PROBLEM = 1 << 16
ATTEMPTS = 4
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_LONGEST_ASKED = {429: 60}
"""Seconds that a notary may ask to wait; after a minute every rate allows more."""
_BUSY = frozenset({429, 502, 503, 504})


class Unexplained(Refused):
    """Something said no without a reason; perhaps it is no notary but what stands before one."""

    code = "unexplained"


class NothingThere(Unexplained, NotFound):
    """The answer is 404, or 416, and whoever gave it is perhaps no notary."""

    code = NotFound.code


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class Busy(Unavailable):
    """The notary, or what stands before it, asks to come again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotNow(Unavailable):
    """The notary does not store this now, whatever becomes of others; `code` is the notary's own.

    To repeat it at once does not help: its office has to make room or to grant more.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Connection:
    """Requests to one notary, from any number of threads. Close it, or use `with`.

    A request about an account is signed, each attempt anew.

    Args:
        url: `https://host`, or `http://` on this machine.
        ledger: The ledger's origin, from its trust file; needed with `key`.
        key: An account's key, for everything under /envelopes, /deposits and /receipts.
        timeout: Seconds for a request, besides what the bytes of its bodies earn (`deadlines`).
        waiting: Called before each pause after which a request is repeated.
    """

    def __init__(
        self,
        url: str,
        *,
        ledger: str | None = None,
        key: SigningKey | None = None,
        timeout: float = 60.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        waiting: Callable[[], object] = lambda: None,
    ) -> None:
        parts = urlsplit(url)
        if (
            parts.scheme not in ("https", "http")
            or not parts.hostname
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
            or parts.username is not None
        ):
            raise InvalidInput(
                f"{quoted(plain(url))} is not a notary's address; it looks like https://notary.example"
            )
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InvalidInput(
                f"{quoted(plain(url))} is not encrypted: who deposits what and when would be "
                "readable on the way. Use https://"
            )
        self._url = f"{parts.scheme}://{parts.netloc}"
        self._ledger = ledger
        self._key = key
        self._clock = clock
        self._sleep = sleep
        self._waiting = waiting
        self._timeout = timeout
        self._http = http_client(self._url, timeout)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- requests ---

    def _json(self, method: str, target: str, **options: Any) -> dict[str, Any]:
        content = self._ask(method, target, limit=_MAX_JSON, **options).content
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise MalformedData("the notary's answer is not JSON") from error
        if not isinstance(value, dict):
            raise MalformedData("the notary's answer is not a JSON object")
        return value

    def _ask(
        self,
        method: str,
        target: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = False,
        repeat: bool = True,
    ) -> Answer:
        fields = dict(headers or {})
        if content_type is not None:
            fields["content-type"] = content_type
        attempt = 0
        while True:
            request = (
                self._request(method, target, fields, body)
                if signed
                else httpx2.Request(method, self._url + target, headers=fields, content=body)
            )
            deadline = Deadline(self._timeout, sending=body is not None)
            try:
                with self._opened(request, deadline) as response:
                    content = _read_bounded(response, limit, deadline)
                    return Answer(response.status_code, response.headers, content)
            except (httpx2.TransportError, Busy) as error:
                attempt += 1
                if attempt == ATTEMPTS or not repeat:
                    raise out_of_reach(self._url, error) from error
                self._pause(attempt, error)

    @contextmanager
    def _opened(self, request: httpx2.Request, deadline: Deadline) -> Iterator[httpx2.Response]:
        """Give the response whose status is good, its body still to be read; raise anything else."""
        with within(deadline):
            try:
                response = self._http.send(request, stream=True)
            except httpx2.InvalidURL as error:
                raise InvalidInput("not a notary's address") from error
            try:
                if not 200 <= response.status_code < 300:
                    raise problem(response, deadline)
                yield response
            finally:
                response.close()

    def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx2.Request:
        """Return a signed request, with a new time and nonce."""
        if self._key is None or self._ledger is None:
            raise InvalidInput("This needs the company's key and the name of its ledger.")
        fields = sign_request(
            Message(method, target, dict(headers)),
            self._key,
            self._ledger,
            body=body,
            now=int(self._clock()),
            nonce=os.urandom(NONCE_BYTES),
        )
        return httpx2.Request(method, self._url + target, headers=fields, content=body)

    def _pause(self, attempt: int, error: Exception | None) -> None:
        self._waiting()
        asked = error.retry_after if isinstance(error, Busy) else 0.0
        backoff = _FIRST_PAUSE * 3.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        self._sleep(max(asked, min(backoff, _LONGEST_PAUSE)))


def _read_bounded(response: httpx2.Response, limit: int, deadline: Deadline) -> bytes:
    data = b"".join(read_limited(response, limit, deadline))
    if len(data) > limit:
        raise MalformedData(f"the notary's answer is over the limit of {limit} bytes")
    return data


def problem(response: httpx2.Response, deadline: Deadline) -> SealbookError:
    """Return the error that a problem document (RFC 9457) tells of, or, without one, its header."""
    status = response.status_code
    try:
        value = json.loads(_read_bounded(response, _MAX_PROBLEM, deadline))
    except (ValueError, RecursionError, MalformedData):
        value = None
    bare = response.headers.get(CODE_HEADER, "")
    code: object = bare
    detail = silent(status, bare)
    if isinstance(value, dict):
        code = value.get("code", code)
        if value.get("detail"):
            detail = said(str(value["detail"]))
    error = passing(code, detail)
    if status >= 500 and type(error) is not Unavailable:
        return error
    if status in _BUSY:
        try:
            after = parse_decimal(response.headers.get("retry-after", "0"), 3600)
        except MalformedData:
            after = 0
        return Busy(detail, min(after, _LONGEST_ASKED.get(status, _LONGEST_PAUSE)))
    return error if status >= 500 else error_of(code, detail, status)


def passing(code: object, detail: str) -> Unavailable:
    """Return the error of what the notary cannot or will not do now (status 500 and above)."""
    if code == Suspended.code:
        return Suspended(detail)
    return NotNow(detail, str(code)) if code in _NOT_STORED else Unavailable(detail)


def error_of(code: object, detail: str, status: int | None = None) -> SealbookError:
    kind = _KINDS.get(code) if isinstance(code, str) else None
    if kind is None:
        kind = NothingThere if status in (404, 416) else Unexplained
    return kind(detail)


def _kinds(base: type[SealbookError]) -> Iterator[tuple[str, type[SealbookError]]]:
    yield base.code, base
    for each in base.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _kinds(each)


_NOT_STORED = (NoRoom.code, OverQuota.code)
_KINDS = dict(pair for base in (Refused, InvalidInput, VerificationFailed) for pair in _kinds(base))
"""What a notary may say of a request; its other errors are its own trouble: Unavailable."""


def out_of_reach(url: str, error: Exception) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    reason = plain(str(error)) or type(error).__name__
    return Unavailable(
        f"The notary at {quoted(plain(url))} cannot be reached ({quoted(reason)}). Nothing is lost; "
        "try again when the network is back."
    )


def answered_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedData("the notary's answer is not text") from error
