"""A time for what waits: while the notary is away, an authority stamps the statement.

The authority learns a hash of the signed statement, which is salted through and through. The receipt
carries the token once there is one (formats.md, section 8).
"""

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256

from ledger.chain.attesting import attest_statement
from ledger.chain.receipt import format_receipt, parse_receipt
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import Token
from ledger.chain.timestamp.verifying import verify_token
from ledger.chain.trust import Trust
from ledger.company.vault.stored import StoredDeposit
from ledger.errors import MalformedData, SealbookError, StorageFailed
from ledger.wire.authority import request_token
from ledger.wire.web import DEADLINE

AT_ONCE = 32
"""Deposits that are stamped in a row."""


def stamp_waiting(trust: Trust, deposits: Iterable[StoredDeposit]) -> Iterator[StoredDeposit]:
    """Have statements that wait stamped by the first authority that answers; yield the stamped ones.

    Up to `AT_ONCE` of them. Ends without a word where no authority has an address, and with the
    authority's error where none answers. Raises SealbookError.
    """
    known = [each for each in trust.authorities if each.url is not None]
    done = 0
    for deposit in deposits:
        if not known or done == AT_ONCE:
            return
        try:
            deposit.check()
            if not deposit.waits or deposit.own_token is not None:
                continue
        except (MalformedData, StorageFailed):
            continue  # whoever sends tells of it
        token = _first(known, sha256(deposit.encoded).digest())
        deposit.stamp(token.der)
        done += 1
        yield deposit


def _first(known: list[Authority], imprint: bytes) -> Token:
    """Return a token of the first authority that answers; one that fails is not asked again."""
    while True:
        authority = known[0]
        try:
            token = request_token(
                str(authority.url),
                imprint,
                secrets.randbits(64) | 1 << 64,
                policy=authority.policy,
                patience=DEADLINE,
            )
            verify_token(token, imprint, [authority])
            return token
        except SealbookError:
            if len(known) == 1:
                raise
            del known[0]


def with_own_token(receipt: bytes, deposit: StoredDeposit, trust: Trust) -> bytes:
    """Return a receipt with the deposit's own token in it, where that has one that holds."""
    token = deposit.own_token
    if token is None:
        return receipt
    parts = parse_receipt(receipt)
    times = replace(parts.times, own=(token,))
    with contextlib.suppress(SealbookError):
        found, _ = attest_statement(times, parts.statement, trust.authorities)
        if found:
            return format_receipt(replace(parts, times=times))
    return receipt
