"""One request and its answer: limits, pauses, and a notary's problem as an error of ours."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx2

from ledger import errors
from ledger.encoding import parse_decimal
from ledger.errors import (
    InvalidInput,
    MalformedData,
    NotFound,
    Refused,
    SealbookError,
    Unavailable,
    VerificationFailed,
)
from ledger.quoted import quoted
from ledger.wire.deadlines import Deadline, read_limited

MAX_TEXT = 1 << 18
MAX_JSON = 32 << 20
_MAX_PROBLEM = 1 << 16
_MAX_DETAIL = 600
ATTEMPTS = 4
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
_BUSY = frozenset({429, 502, 503, 504})


class Unexplained(Refused):
    """Something said no without a reason; perhaps it is no notary but what stands before one."""

    code = "unexplained"


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


def read_bounded(response: httpx2.Response, limit: int, deadline: Deadline) -> bytes:
    data = b"".join(read_limited(response, limit, deadline))
    if len(data) > limit:
        raise MalformedData(f"the notary's answer is over the limit of {limit} bytes")
    return data


def problem(response: httpx2.Response, deadline: Deadline) -> SealbookError:
    """Return the error that a problem document (RFC 9457) tells of."""
    status = response.status_code
    try:
        value = json.loads(read_bounded(response, _MAX_PROBLEM, deadline))
    except (ValueError, RecursionError, MalformedData):
        value = None
    code, detail = (
        None,
        f"The notary, or what stands before it, answered with status {status} and no reason. Nothing "
        "is lost; try again later, or ask the notary office.",
    )
    if isinstance(value, dict):
        code = value.get("code")
        if value.get("detail"):
            detail = said(str(value["detail"]))
    if status in _BUSY:
        try:
            after = parse_decimal(response.headers.get("retry-after", "0"), 3600)
        except MalformedData:
            after = 0
        return Busy(detail, after)
    if status >= 500:
        return Unavailable(detail)
    return error_of(code, detail, status)


def error_of(code: object, detail: str, status: int | None = None) -> SealbookError:
    kind = _KINDS.get(code) if isinstance(code, str) else None
    if kind is None:
        kind = NotFound if status in (404, 416) else Unexplained
    return kind(detail)


def _kinds(base: type[SealbookError]) -> Iterator[tuple[str, type[SealbookError]]]:
    yield base.code, base
    for each in base.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _kinds(each)


_KINDS = dict(pair for base in (Refused, InvalidInput, VerificationFailed) for pair in _kinds(base))
"""What a notary may say of a request; its other errors are its own trouble: Unavailable."""


def out_of_reach(url: str, error: Exception) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    reason = plain(str(error)) or type(error).__name__
    return Unavailable(
        f"The notary at {quoted(plain(url))} cannot be reached ({quoted(reason)}). Nothing is lost; "
        "try again when "
        "the network is back."
    )


def answered_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedData("the notary's answer is not text") from error


def plain(text: str) -> str:
    """Return text as it may go to a terminal: printable, on one line, of bounded length."""
    return "".join(c if c.isprintable() else " " for c in text[:_MAX_DETAIL])


def said(detail: str) -> str:
    """Return what a notary gives as its reason, as its words and not ours."""
    return f"The notary says: {quoted(plain(detail))}."
