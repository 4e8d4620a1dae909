"""What a certificate says of one deposit, from its verified receipt: values, and nothing of layout.

A certificate is made for a good receipt only. What the office adds to it is on record elsewhere: the
platform statement is an entry, who the holder is the office has stated in the identity record.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ledger.chain import report as rp
from ledger.chain.office import Platform, parse_platform
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust, fingerprint, parse_trust, verify_by_log
from ledger.errors import InvalidInput, MalformedData
from ledger.verify import VerifiedReceipt, verify_receipt

MAX_RECEIPT = 1 << 20
"""Bytes of a receipt that is embedded: with many tokens it has some ten thousand."""


@dataclass(frozen=True, slots=True)
class Case:
    """A deposit that can be certified: the receipt, what it proves, and under which trust file.

    `platform` is what the office has stated of its platform, as the deposit's block names it; None
    where that statement is not at hand.
    """

    receipt: bytes
    verified: VerifiedReceipt
    trust: Trust
    fingerprint: str
    platform: Platform | None


@dataclass(frozen=True, slots=True)
class Issue:
    """By whom certificates are issued, and when: `time` in POSIX seconds.

    `seal` is the subject of the seal's certificate; `portal` the URL of the office's portal, where it
    has one.
    """

    officer: str
    time: int
    seal: str
    portal: str | None = None


def read_case(
    receipt: bytes,
    trust_file: bytes,
    entry: Callable[[bytes], bytes | None] = lambda _: None,
) -> Case:
    """Return the deposit of a receipt that is good under a trust file.

    `entry` returns the entry with a leaf hash, where it is at hand: so a block names the office's
    platform statement. Raises ReceiptRefused, MalformedData; InvalidInput for a receipt that is too
    large to be embedded.
    """
    if len(receipt) > MAX_RECEIPT:
        raise InvalidInput(
            f"The receipt has {len(receipt)} bytes, and at most {MAX_RECEIPT} fit into a certificate."
        )
    trust, mark = _read_trust(trust_file)
    try:
        verified = verify_receipt(receipt, trust)
    except MalformedData as error:
        raise MalformedData(
            f"not a receipt, or it is incomplete or damaged; ask for a new copy of it ({error})"
        ) from error
    named = verified.block.platform
    found = None if named is None else entry(named)
    stated = None if found is None else _platform(found, trust)
    return Case(receipt, verified, trust, mark, stated)


@lru_cache(maxsize=1)
def _read_trust(trust_file: bytes) -> tuple[Trust, str]:
    """Return what the file says, and its fingerprint: of a thousand receipts all have the same."""
    return parse_trust(trust_file), fingerprint(trust_file)


def _platform(entry: bytes, trust: Trust) -> Platform:
    statement = parse_statement(entry)
    verify_by_log(statement, trust)
    return parse_platform(statement)


def holder(case: Case) -> tuple[str, str] | None:
    """Return name and registration of the depositor, as the office has stated them."""
    record = case.verified.record
    return None if record is None else (record.name, record.registration)


def shown_between(case: Case) -> tuple[int | None, int | None]:
    """Return between which POSIX seconds authorities show the deposit to have been registered."""
    facts = case.verified.report.claim(rp.TIME).facts
    return facts.get("earliest"), facts.get("latest")


def authorities(case: Case) -> tuple[str, ...]:
    """Return the authorities whose tokens count, each once."""
    found = case.verified.report.claim(rp.TIME).facts.get("authorities", ())
    return tuple(dict.fromkeys(found))


def witnesses(case: Case) -> tuple[str, ...]:
    """Return the institutions that countersigned, each once."""
    claim = case.verified.report.claim(rp.WITNESSES)
    if claim.status != rp.PROVEN:
        return ()
    return tuple(dict.fromkeys(each["name"] for each in claim.facts.get("witnesses", ())))
