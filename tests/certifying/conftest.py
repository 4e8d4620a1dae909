"""An office with a timestamp authority, and a stamped deposit."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.chain.enrolment import IdentityRecord, verify_enrolment_request
from ledger.chain.office import Platform
from ledger.chain.receipt import parse_receipt
from ledger.chain.timestamp.authority import Authority
from ledger.chain.trust import format_trust
from ledger.crypto.merkle import leaf_hash
from ledger.notary.care.founding import init_notary
from ledger.notary.notary import Notary
from ledger.notary.storage.directory import TimestampSettings, read_settings, write_settings
from ledger.notary.system_clock import SYSTEM_CLOCK
from tests.crash_child import wait_stamped
from tests.notaries import ORIGIN, Company, opened
from tests.tsa import Tsa, started

TRUST = "notary.example-ledger.trust"
PLATFORM = Platform(
    "示例公证处", "苏 ICP 备 1 号", "two servers, one building", "sealbook", ("RFC 9162",)
)
NAME, CODE = "𠮷㛃镕新材料有限公司", "91320100MA1XXXXX0X"


@dataclass(frozen=True)
class Office:
    """A notary's directory and its authority; receipts of two deposits, the second one stamped."""

    directory: Path
    tsa: Tsa
    plain: bytes
    stamped: bytes

    @property
    def trust(self) -> bytes:
        return (self.directory / TRUST).read_bytes()

    def open(self) -> Notary:
        return opened(self.directory, clock=SYSTEM_CLOCK)


@pytest.fixture(scope="package")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with started(tmp_path_factory.mktemp("tsa")) as running:
        running.files = dict(
            zip(("/issuer.crl", "/root.crl"), running.revocation_lists(), strict=True)
        )
        yield running


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory, tsa: Tsa) -> Office:
    return found_office(tmp_path_factory.mktemp("office") / "notary", tsa)


def found_office(directory: Path, tsa: Tsa) -> Office:
    """Found a notary with an authority, and with one company that has made two deposits."""
    trust = init_notary(
        directory,
        ORIGIN,
        issuer="示例公证处",
        platform=PLATFORM,
        clock=SYSTEM_CLOCK,
        random=os.urandom,
    )
    authority = Authority("Test TSA", tsa.root.der)
    (directory / TRUST).write_bytes(format_trust(replace(trust, authorities=(authority,))))
    (directory / "tsa.pem").write_bytes(tsa.root.pem)
    crls = tuple(f"{tsa.url}{name}" for name in ("issuer.crl", "root.crl"))
    stamps = TimestampSettings(tsa.url, "Test TSA", directory / "tsa.pem", interval=1, crls=crls)
    settings = replace(read_settings(directory), portal="https://notary.example")
    write_settings(directory, replace(settings, timestamps=(stamps,)))
    company = Company()
    with opened(directory, clock=SYSTEM_CLOCK) as notary:
        company.ask()
        record = IdentityRecord(os.urandom(32), NAME, CODE, "王公证员", int(time.time()))
        notary.accounts.enrol(verify_enrolment_request(company.request), record)
        plain, stamped = (_receipt(notary, company, wait) for wait in (False, True))
        assert notary._keeping is not None
        list(notary._keeping.look())  # fetches the revocation lists
    return Office(directory, tsa, plain, stamped)


def _receipt(notary: Notary, company: Company, wait: bool) -> bytes:
    statement = company.statement(time=int(time.time()))
    (future,) = notary.sequencer.submit_many([statement])
    receipt = future.result(30)
    if wait:
        wait_stamped(notary, parse_receipt(receipt).position.index)
        receipt = notary._receipts.find(leaf_hash(statement))
    return receipt
