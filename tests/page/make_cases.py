"""Writes `tests/page/cases`: what the two verifiers once answered differently, or both wrongly.

python -m tests.page.make_cases NAME ...     # all without names; each draws fresh keys
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain import statement as st
from ledger.chain.block import block_payload, parse_block
from ledger.chain.note import VerifierKey
from ledger.chain.receipt import Receipt, Times, TokenEntry, format_receipt
from ledger.chain.retired import Retired
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust, format_trust
from ledger.crypto import der
from ledger.encoding import b64encode
from tests.certificates import Revoked, revocation_list
from tests.forge import forged
from tests.page.corpus import KEPT
from tests.page.odd_der import signed_anew
from tests.page.odd_tokens import CHAIN, DAY, ISSUER, UNIT
from tests.page.receipt_corpus import KNOWN, NEW, NEW_ML_DSA, fresh, imprint
from tests.simulator import NOW, ORIGIN, Office

Made = tuple[bytes, bytes]


def _stamped(parts: Receipt, *validation: bytes) -> Receipt:
    token = forged(imprint(parts.note), UNIT, NOW + 1, certificates=CHAIN)
    return replace(parts, times=Times((TokenEntry(2, token),), None, validation))


def _trust(office: Office) -> Trust:
    return replace(office.trust(), authorities=(KNOWN,))


def _changed_trust(old: str, new: str, trust: Callable[[Office], Trust] = _trust) -> Made:
    office = fresh()
    written = format_trust(trust(office)).decode()
    assert old in written
    return format_receipt(_stamped(office.parts())), written.replace(old, new, 1).encode()


def accuracy_that_is_a_boolean() -> Made:
    """The core took false for 0 seconds."""
    return _changed_trust("accuracy = 60", "accuracy = false")


def block_of_the_last_second() -> Made:
    """The core ended in a traceback: no date has that second."""
    office = fresh()
    block = block_payload(parse_block(parse_statement(office.entries[3])))
    office.entries[3] = office.say(st.BLOCK, block | {"time": 2**63 - 1})
    return office.receipt(), format_trust(office.trust())


def block_of_a_second_beyond_two_to_the_53() -> Made:
    """The page refused integers that a JavaScript number does not hold."""
    office = fresh()
    block = block_payload(parse_block(parse_statement(office.entries[3])))
    office.entries[3] = office.say(st.BLOCK, block | {"time": 2**53 + 1})
    return office.receipt(), format_trust(office.trust())


def name_of_an_authority_that_nobody_reads() -> Made:
    """The page read names in a seal's authority, which the core does not look at."""
    office = fresh()
    root = office.root_der
    at = root.rindex(b"\x0c\x04root")
    odd = root[:at] + b"\x05" + root[at + 1 :]
    return office.receipt(), _with_root(office, odd)


def printable_string_with_another_letter() -> Made:
    """The page took an underscore in a PrintableString, where the core refuses the certificate."""
    office = fresh()
    root = office.root_der
    odd = root.replace(b"\x0c\x04root", b"\x13\x04ro_t")
    return office.receipt(), _with_root(office, odd)


def _with_root(office: Office, root: bytes) -> bytes:
    written = format_trust(office.trust()).decode()
    begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----"
    start, stop = written.index(begin) + len(begin), written.index(end)
    return (written[:start] + b64encode(root) + "\n" + written[stop:]).encode()


def pem_with_empty_lines() -> Made:
    """The page took the lines before an empty one for certificate, the core for headers."""
    office = fresh()
    pem = x509.load_der_x509_certificate(office.root_der).public_bytes(Encoding.PEM).decode()
    return _changed_trust(pem, pem.replace("\n", "\n\n"))


def list_that_names_two_algorithms() -> Made:
    """The page passed over such a list, where the core refuses the receipt's validation data."""
    office = fresh()
    found = revocation_list(ISSUER, NOW + DAY, [Revoked(UNIT.serial, NOW + 5)])
    signed, _, signature = der.children(der.read(found))
    other = der.sequence(der.oid("1.2.840.10045.4.3.3"))
    parts = _stamped(office.parts(), der.sequence(signed.raw, other, signature.raw))
    return format_receipt(parts), format_trust(_trust(office))


def list_of_changes_with_a_point() -> Made:
    """Both read it as a whole list: they looked at its extensions no further than the point."""
    office = fresh()
    users = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    both = {users: True, x509.DeltaCRLIndicator(1): True}
    changes = revocation_list(ISSUER, NOW + DAY, [Revoked(UNIT.serial, NOW + 5)], extensions=both)
    return format_receipt(_stamped(office.parts(), changes)), format_trust(_trust(office))


def _retiring(office: Office) -> Trust:
    log, own = VerifierKey(ORIGIN, 1, NEW.public), VerifierKey(ORIGIN, 6, NEW_ML_DSA.public)
    return replace(_trust(office), retired=(Retired(log, own, 3, NOW),))


def fraction_below_a_millisecond() -> Made:
    """The page's dates hold milliseconds, the core's microseconds: 0.9 ms are no whole second."""
    date = "2026-09-21 13:33:20+00:00"
    written = format_trust(_retiring(fresh())).decode()
    line = next(each for each in written.splitlines() if each.startswith("revoked = "))
    return _changed_trust(line, f"revoked = {date}".replace("20+", "20.0009+"), _retiring)


def carriage_return_in_a_comment() -> Made:
    """The page's TOML reader took it."""
    return _changed_trust('issuer = "公证处"', 'issuer = "公证处" # said\r')


def point_in_the_hybrid_form() -> Made:
    """The page took none, where OpenSSL does (X9.62: 6 or 7, then both coordinates)."""
    office = fresh()
    at = office.seal_der.index(b"\x03\x42\x00\x04") + 3
    odd = (
        office.seal_der[:at] + bytes([6 + office.seal_der[at + 64] % 2]) + office.seal_der[at + 1 :]
    )
    office.seal_der = signed_anew(odd, office.seal_root)
    return office.receipt(), format_trust(office.trust())


def _endorsed(endorser: bytes | None) -> Made:
    office = fresh()
    payload = parse_statement(office.enrolment).payload | {"endorser": endorser}
    office.entries[2] = office.say(st.ENROLMENT, payload)
    return format_receipt(office.parts()), format_trust(office.trust())


def enrolment_that_names_its_endorser() -> Made:
    """A further device's: verifiers from before that field refuse it."""
    return _endorsed(bytes(32))


def enrolment_whose_endorser_is_null() -> Made:
    """A field that may be left away is not empty."""
    return _endorsed(None)


CASES = (
    accuracy_that_is_a_boolean,
    block_of_the_last_second,
    block_of_a_second_beyond_two_to_the_53,
    name_of_an_authority_that_nobody_reads,
    printable_string_with_another_letter,
    pem_with_empty_lines,
    list_that_names_two_algorithms,
    list_of_changes_with_a_point,
    fraction_below_a_millisecond,
    carriage_return_in_a_comment,
    point_in_the_hybrid_form,
    enrolment_that_names_its_endorser,
    enrolment_whose_endorser_is_null,
)


def main(names: list[str]) -> None:
    """Write the cases of these names, or all."""
    for make in CASES:
        name = make.__name__.replace("_", "-")
        if names and name not in names:
            continue
        folder = KEPT / name
        folder.mkdir(parents=True, exist_ok=True)
        receipt, trust = make()
        Path(folder / "file").write_bytes(receipt)
        Path(folder / "trust").write_bytes(trust)


if __name__ == "__main__":
    main(sys.argv[1:])
