"""No byte of a timestamp token or of an evidence record changes so that something else is shown.

What lies outside of the signatures (certificates that no path needs, attributes that nobody signed) may
change: the verdict is the same then.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from ledger.chain.attesting import Attestations, Renewed, attest
from ledger.chain.receipt import Times, TokenEntry
from ledger.chain.renewal.record import EvidenceRecord, format_record
from ledger.chain.renewal.renewing import plan_renewal, renew
from ledger.chain.renewal.tree import Tree
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import parse_token
from ledger.errors import MalformedData, SealbookError, TooLarge
from tests.certificates import issue
from tests.core.test_renewed import PARTS, ROOTS, UNITS, receipt, report, trusting
from tests.core.test_times import LATE, ROOT, TSA, stamped
from tests.forge import forged
from tests.simulator import NOW

NOTE, DAY, YEAR = PARTS.note, 86_400, 31_556_952
FILE = b"a file" * 100
ISSUER = issue("Issuer", ROOT, start=NOW - DAY, years=15, ca=True)
UNIT = issue("Unit", ISSUER, start=NOW - DAY, years=12)
AUTHORITIES = (Authority("Test", ROOT.der), Authority("Next", ROOTS[1].der))

Verdict = tuple[object, ...]


def _verdict(found: Attestations) -> Verdict | None:
    """What is shown, None where nothing is."""
    shown = found.standing(None)
    return None if shown is None else (shown.token.authority, shown.latest, shown.until)


def _by_token(data: bytes) -> Verdict | None:
    """What a receipt's token shows. A parser's refusal is one."""
    try:
        return _verdict(attest(Times((TokenEntry(2, data),)), NOTE, AUTHORITIES))
    except SealbookError:
        return None


def _by_record(data: bytes) -> Verdict | None:
    """What a record over FILE shows; it never raises."""
    renewed = Renewed(data, lambda name: hashlib.new(name, FILE).digest())
    return _verdict(attest(Times(), NOTE, AUTHORITIES, renewed))


@cache
def _token() -> bytes:
    imprint = hashlib.sha256(_first_lines()).digest()
    return forged(imprint, UNIT, LATE, certificates=(UNIT.der, ISSUER.der))


def _first_lines() -> bytes:
    from ledger.chain.note import first_lines

    return first_lines(NOTE, 2).encode()


@cache
def _record() -> bytes:
    """Two chains of two timestamps, the first under a tree with another file."""
    record: EvidenceRecord | None = None
    digest, other = hashlib.sha512(FILE).digest(), hashlib.sha512(b"other").digest()
    for number, signer in enumerate((TSA, TSA, UNITS[1], UNITS[1])):
        renewal = plan_renewal(record, digest, hash_tree=number == 2)
        tree = Tree(
            "sha512", [renewal.leaf, other] if number in (0, 3) else [renewal.leaf], bytes(32)
        )
        time = NOW + DAY * number + (YEAR * 19 // 2 if number > 1 else 0)
        token = forged(tree.root, signer, time, algorithm="sha512")
        record = renew(renewal, dict(tree.branches())[renewal.leaf], parse_token(token))
    assert record is not None
    return format_record(record)


CASES: dict[str, tuple[Callable[[], bytes], Callable[[bytes], Verdict | None]]] = {
    "token": (_token, _by_token),
    "record": (_record, _by_record),
}


def _flipped(data: bytes, every: int) -> Iterator[bytes]:
    for at in range(0, len(data), every):
        yield data[:at] + bytes([data[at] ^ 1 << (at // every) % 8]) + data[at + 1 :]


def _changed(data: bytes) -> Iterator[bytes]:
    """Every bit flipped, every byte left out or doubled, and what another length makes of it."""
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        yield data[:at] + data[at + 1 :]
        yield data[: at + 1] + data[at:]
        yield data[:at]


@pytest.mark.parametrize("name", CASES)
def test_a_flipped_byte_shows_nothing_else(name: str) -> None:
    make, judge = CASES[name]
    data = make()
    good = judge(data)
    assert good is not None
    kept = sum(_same(judge(each), good) for each in _flipped(data, 5))
    assert kept < len(data) / 5 / 10  # nearly all of it is under a signature or a hash


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_no_change_shows_anything_else(name: str) -> None:
    make, judge = CASES[name]
    data = make()
    good = judge(data)
    for each in _changed(data):
        _same(judge(each), good)


def _same(found: Verdict | None, good: Verdict | None) -> bool:
    assert found in (None, good)
    return found is not None


def test_a_whole_verification_of_what_was_changed_ends_in_a_report() -> None:
    for each in _flipped(_token(), 97):
        report(receipt(TokenEntry(2, each)), trusting(NOW), each)
    whole = receipt(stamped(NOTE))
    for each in _flipped(_record(), 397):
        claim = report(whole, trusting(NOW), each).claim("existence")
        assert "record_refused" in claim.facts


@pytest.mark.parametrize("size", [0, 1, 2, 100])
def test_what_is_no_token_and_no_record_is_refused(size: int) -> None:
    for filler in (b"\0", b"\x30", b"\x30\x80", b"\xff", b"\x30\x84\xff\xff\xff\xff"):
        data = (filler * size)[:size]
        assert _by_token(data) is None and _by_record(data) is None
        with pytest.raises((MalformedData, TooLarge)):
            parse_token(data)
