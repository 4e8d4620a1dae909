"""Asking a timestamp authority over HTTP.

Plain HTTP is what most authorities offer, and is enough: the token is signed, and over a hash and a
nonce of ours.

Specification: RFC 3161 section 3.4.
"""

from ledger.chain.timestamp.request import (
    MAX_RESPONSE,
    REQUEST_TYPE,
    RESPONSE_TYPE,
    format_request,
    parse_response,
    require_answer,
)
from ledger.chain.timestamp.token import Token, parse_token, sorted_sets
from ledger.errors import Unavailable
from ledger.quoted import quoted
from ledger.wire.web import post

PATIENCE = 30.0
"""Seconds for a request, from the connection to the last byte of the answer."""


def request_token(
    url: str,
    imprint: bytes,
    nonce: int,
    *,
    policy: str | None = None,
    patience: float = PATIENCE,
) -> Token:
    """Return an authority's answer to a request for a token over a hash; its signature is not verified.

    `nonce` and `policy` are as in `format_request`. Raises InvalidInput for a URL that is none,
    Unavailable, Refused, MalformedData, TooLarge, and VerificationFailed for a token that was not asked
    for.
    """
    answer = _ask(url, format_request(imprint, nonce, policy=policy), patience)
    token = parse_token(sorted_sets(parse_response(answer)))
    require_answer(token, imprint, nonce, policy=policy)
    return token


def _ask(url: str, request: bytes, patience: float) -> bytes:
    """Return what an authority answers to a timestamp request, not parsed.

    Raises InvalidInput for a URL that is none, Unavailable, and TooLarge over `MAX_RESPONSE` bytes.
    """
    fields = {"Content-Type": REQUEST_TYPE, "Accept": RESPONSE_TYPE}
    answer = post(url, request, fields, limit=MAX_RESPONSE, deadline=patience)
    if answer.status != 200:
        raise Unavailable(
            f"The timestamp authority {quoted(url)} answered with status {answer.status}; redirects "
            "are not followed. Check the address, or try later."
        )
    if answer.kind != RESPONSE_TYPE:
        raise Unavailable(
            f"What answers at {quoted(url)} is no timestamp authority: it sent {quoted(answer.kind)}. "
            "Check the address."
        )
    return answer.body
