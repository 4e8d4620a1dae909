"""When an entry was made, and until when that is shown: the claims `time` and `existence` of a report.

Only receipts with timestamps, or with an evidence record beside them, come here (formats.md, 8).
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ledger.chain import report as rp
from ledger.chain.attesting import (
    Attestations,
    Renewed,
    attest,
    attest_statement,
    verify_entry,
)
from ledger.chain.block import CLOCKS_APART, Block
from ledger.chain.receipt import Receipt
from ledger.chain.report import Claim
from ledger.chain.retired import revocation
from ledger.chain.timestamp.verifying import VerifiedToken
from ledger.chain.trust import Trust, verify_own
from ledger.errors import SealbookError, VerificationFailed
from ledger.quoted import Message


def require_stamped(parts: Receipt, trust: Trust, renewed: Renewed | None, until: int) -> None:
    """Raise VerificationFailed unless a receipt's checkpoint is shown to be from before `until`."""
    with suppress(SealbookError):
        if any(each.latest < until for each in _attested(parts, trust, renewed).all):
            return
    raise VerificationFailed(
        "the notary's key was revoked, and no timestamp shows the checkpoint to be from before that"
    )


def time_claims(
    parts: Receipt, block: Block, trust: Trust, renewed: Renewed | None
) -> tuple[Claim, ...]:
    """Return what a receipt shows of time and, where there is something to say, of existence.

    `block` is the block record that was verified. Raises VerificationFailed, MalformedData and TooLarge
    where nothing of the time counts.
    """
    found = _attested(parts, trust, renewed)
    own, why = attest_statement(
        parts.times, parts.statement, trust.authorities, found.record, trust.at, trust.doubts
    )
    left_out = [*found.left_out, *why]
    earliest = _earliest(parts, block, trust, found, left_out)
    _require_order(block.time, earliest, found)
    facts: dict[str, object] = {"time": block.time}
    if left_out:
        facts["left_out"] = left_out
    if own:
        facts["own"] = [_token_facts(each.token, each.until) for each in own]
    if earliest is not None:
        facts["earliest"] = earliest
    shown = found.standing(trust.at) or found.standing(None)
    if shown is None:
        time = Claim(rp.TIME, rp.STATED, "notary", facts=facts)
    else:
        tokens = [shown] if shown.renewed else found.tokens
        facts |= {"latest": shown.latest, "authorities": [each.token.authority for each in tokens]}
        by = "evidence-record" if shown.renewed else "tokens"
        time = Claim(rp.TIME, rp.PROVEN, by, facts=facts)
    return (time, *_existence(found, trust.at))


def _attested(parts: Receipt, trust: Trust, renewed: Renewed | None) -> Attestations:
    return attest(parts.times, parts.note, trust.authorities, renewed, trust.at, trust.doubts)


def _existence(found: Attestations, at: int | None) -> Iterator[Claim]:
    """Yield until when the time is shown, and by what.

    The depositor's own tokens do not count: they are over the statement, and whoever steals the log's
    keys could still enter it.
    """
    facts: dict[str, Any] = {}
    if found.tokens:
        facts["tokens"] = [_token_facts(each.token, each.until) for each in found.tokens]
    record = found.record
    if record is not None:
        tokens = [_token_facts(each, each.until) for each in record.tokens]
        facts["record"] = {"since": record.since, "until": record.until, "tokens": tokens}
        if record.left_out:
            facts["record_left_out"] = list(record.left_out)
    if found.refused:
        facts["record_refused"] = list(found.refused)
    shown = found.standing(at)
    known = [each.until for each in found.all]
    if shown is not None:
        carried = record is not None and shown.until == record.until
        by = "evidence-record" if shown.renewed or carried else "tokens"
        yield Claim(rp.EXISTENCE, rp.PROVEN, by, facts={"until": shown.until, **facts})
    elif known:
        yield Claim(rp.EXISTENCE, rp.NOT_SHOWN, facts={"until": max(known), **facts})
    elif facts:
        yield Claim(rp.EXISTENCE, rp.NOT_SHOWN, facts=facts)


def _earliest(
    parts: Receipt, block: Block, trust: Trust, found: Attestations, left_out: list[str]
) -> int | None:
    """Return before when the block was not made; `left_out` gets why its token does not count.

    The block record names that token: what stands over the block record is newer.
    """
    earlier = parts.times.earlier
    if earlier is None:
        return None
    if earlier.token.digest not in block.tokens:
        raise VerificationFailed("the earlier token is not one that the block record names")
    own = verify_own(trust, earlier.note)
    note, until = own.checkpoint, revocation(own, trust.retired)
    if note.origin != trust.origin or note.size > block.start:
        raise VerificationFailed("the earlier token is not over an earlier checkpoint")
    newer = found.standing(trust.at)
    stamps, why = verify_entry(
        earlier.token,
        earlier.note,
        trust.authorities,
        parts.times.validation,
        shown=None if newer is None else newer.latest,
        doubts=trust.doubts,
    )
    left_out += why
    # A renewal is of a later time, and says nothing of the block.
    first = [
        each.tokens[0]
        for each in stamps
        if hashlib.sha256(each.tokens[0].token.der).digest() == earlier.token.digest
    ]
    if first and until is not None and first[0].latest >= until:
        left_out.append(_REVOKED_BEFORE)
        return None
    return first[0].earliest if first else None


_REVOKED_BEFORE: Message = "the earlier checkpoint is by a key that was revoked before its token"


def _require_order(stated: int, earliest: int | None, found: Attestations) -> None:
    """Raise VerificationFailed where the block's time is outside of what is attested."""
    if earliest is not None and stated < earliest - CLOCKS_APART:
        raise VerificationFailed("the block states a time before a token that it names")
    if any(stated > each.latest + CLOCKS_APART for each in found.tokens):
        raise VerificationFailed("the block states a time after the token over its checkpoint")
    if found.record is not None and stated > found.record.since + CLOCKS_APART:
        raise VerificationFailed("the block states a time after the evidence record over it")


def _token_facts(token: VerifiedToken, until: int) -> dict[str, object]:
    return {"authority": token.authority, "latest": token.latest, "until": until}
