"""Tokens of a notary that stand for decades: lists fetched after them, renewed before they run out."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from ledger.chain import report as rp
from ledger.chain.receipt import parse_receipt
from ledger.chain.renewal.record import parse_stamp
from ledger.chain.timestamp.authority import Authority
from ledger.chain.trust import Trust, format_trust, parse_trust
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import leaf_hash
from ledger.disk.wholefiles import FolderFiles
from ledger.errors import MalformedData, TooLarge, Unavailable, VerificationFailed
from ledger.notary.anchoring.keeping import distribution_points, fetch_list
from ledger.notary.care.founding import init_notary
from ledger.notary.care.restore import restore
from ledger.notary.notary import Notary
from ledger.notary.orders import AskState
from ledger.notary.ports import Step
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.directory import (
    Settings,
    TimestampSettings,
    read_settings,
    write_settings,
)
from ledger.notary.storage.validation import MAX_LIST, ValidationStore
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.verify import verify_receipt
from ledger.wire.web import get
from tests import crash_child
from tests.certificates import Party, Revoked, issue, revocation_list
from tests.crash_child import DIED, wait_stamped
from tests.forge import forged
from tests.notaries import ORIGIN, PLATFORM, Company, examined, opened
from tests.tsa import Tsa, started

TRUST = "notary.example-ledger.trust"
DAY = 86_400


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with started(tmp_path_factory.mktemp("tsa")) as running:
        running.files = dict(
            zip(("/issuer.crl", "/root.crl"), running.revocation_lists(), strict=True)
        )
        yield running


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory, tsa: Tsa) -> Path:
    """The files of a notary with one authority, without witnesses, and with one company."""
    work = tmp_path_factory.mktemp("keeping")
    directory = work / "notary"
    trust = init_notary(
        directory, ORIGIN, issuer="Office", platform=PLATFORM, clock=SYSTEM_CLOCK, random=os.urandom
    )
    authority = Authority("Test TSA", tsa.root.der)
    (directory / TRUST).write_bytes(format_trust(replace(trust, authorities=(authority,))))
    (directory / "tsa.pem").write_bytes(tsa.root.pem)
    settings = read_settings(directory)
    crls = tuple(f"{tsa.url}{name}" for name in ("issuer.crl", "root.crl", "none.crl"))
    stamps = TimestampSettings(tsa.url, "Test TSA", directory / "tsa.pem", interval=1, crls=crls)
    write_settings(directory, replace(settings, timestamps=(stamps,)))
    with pytest.MonkeyPatch.context() as patch, opened(directory, clock=SYSTEM_CLOCK) as notary:
        patch.setattr(crash_child, "WORK", work)
        company = crash_child.company()
        notary.accounts.enrol(crash_child.request_of(company), crash_child.RECORD)
        stamped(notary, company, tsa, unit(tsa, 0.5))
    return work


@pytest.fixture(scope="module")
def notary(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Iterator[Notary]:
    directory = shutil.copytree(founded, tmp_path_factory.mktemp("serving") / "work") / "notary"
    with opened(directory, clock=SYSTEM_CLOCK) as notary:
        yield notary


@pytest.fixture(scope="module")
def company(notary: Notary) -> Company:
    return Company().enrol(notary)


def trust_of(notary: Notary) -> Trust:
    return parse_trust((notary.directory / TRUST).read_bytes())


def stamped(notary: Notary, company: Company, tsa: Tsa, signer: Party) -> bytes:
    """Return the leaf of a deposit whose anchor `signer` has stamped."""
    tsa.certify(signer)
    statement = company.statement(time=int(time.time()))
    (future,) = notary.sequencer.submit_many([statement])
    wait_stamped(notary, parse_receipt(future.result(30)).position.index)
    return leaf_hash(statement)


def unit(tsa: Tsa, years: float) -> Party:
    return issue(f"Unit for {years} years", tsa.issuer, start=int(time.time()) - DAY, years=years)


def until(party: Party) -> int:
    return int(party.certificate.not_valid_after_utc.timestamp())


def look(notary: Notary) -> list[str]:
    assert notary._keeping is not None
    return list(notary._keeping.look())


def test_tokens_are_renewed_a_year_before_they_run_out(
    notary: Notary, company: Company, tsa: Tsa
) -> None:
    short, long = unit(tsa, 0.5), unit(tsa, 5)
    leaf = stamped(notary, company, tsa, short)
    first = parse_receipt(notary._receipts.find(leaf)).times.tokens
    assert until(short) - 60 < (notary.execute(AskState()).anchors_until or 0) <= until(short)
    look(notary)
    assert parse_receipt(notary._receipts.find(leaf)).times.tokens == first  # nothing lasts longer
    tsa.certify(long)
    asked = tsa.requests
    look(notary)
    assert tsa.requests == asked + 1  # one for all
    assert notary.execute(AskState()).anchors_until == until(long)
    receipt = notary._receipts.find(leaf)
    record = parse_stamp(parse_receipt(receipt).times.tokens[0].der)
    assert record.chains[0][0].token.der == first[0].der
    for at, status in ((until(short) + 1, rp.PROVEN), (until(long) + 1, rp.NOT_SHOWN)):
        report = verify_receipt(receipt, replace(trust_of(notary), at=at)).report
        assert report.claim(rp.EXISTENCE).status == status
        assert report.claim(rp.TIME).status == rp.PROVEN


def test_lists_are_fetched_kept_by_hash_and_packed_into_receipts(
    notary: Notary, company: Company, tsa: Tsa
) -> None:
    signer = unit(tsa, 5)
    leaf = stamped(notary, company, tsa, signer)
    tsa.files = dict(zip(tsa.files, tsa.revocation_lists(), strict=True))
    (trouble,) = look(notary)
    assert "none.crl" in trouble
    assert trouble in "\n".join((*notary.execute(AskState()).anchors, trouble))
    packed = parse_receipt(notary._receipts.find(leaf)).times.validation
    assert set(packed) == set(tsa.files.values())
    folder = notary.directory / "validation"
    assert {each.read_bytes() for each in folder.iterdir()} == set(packed)  # older ones have gone


def test_anchors_and_lists_are_in_a_backup_and_come_back(
    notary: Notary, company: Company, tsa: Tsa, tmp_path: Path
) -> None:
    leaf = stamped(notary, company, tsa, unit(tsa, 5))
    look(notary)
    receipt, state = notary._receipts.find(leaf), notary.execute(AskState())
    notary.backup(tmp_path / "backup")
    notary.backup(tmp_path / "backup")
    assert [each for each in examined(tmp_path / "backup") if each.level == "error"] == []
    restore(tmp_path / "backup", tmp_path / "restored", clock=SYSTEM_CLOCK, random=os.urandom)
    settings = read_settings(tmp_path / "restored")
    write_settings(tmp_path / "restored", replace(settings, timestamps=()))
    with opened(tmp_path / "restored", clock=SYSTEM_CLOCK) as restored:
        assert restored._receipts.find(leaf) == receipt
        assert restored.execute(AskState()).anchors_until == state.anchors_until


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE anchors SET note = replace(note, 'notary', 'nobody')", "is not its checkpoint"),
        ("UPDATE tokens SET lines = lines - 1", "is for something else"),
        ("UPDATE tokens SET der = x'00'", "not a DER element"),
    ],
)
def test_anchors_that_were_altered_are_found(
    founded: Path, tmp_path: Path, change: str, said: str
) -> None:
    work = shutil.copytree(founded, tmp_path / "work")
    with closing(sqlite3.connect(work / "notary" / "anchors.sqlite")) as database, database:
        database.execute(change)
    found = [each for each in examined(work / "notary") if each.place == "anchors.sqlite"]
    assert found
    assert said in found[0].problem


def test_of_a_lost_key_the_receipt_says_it_and_status_too(
    notary: Notary, company: Company, tsa: Tsa
) -> None:
    signer = unit(tsa, 5)
    leaf = stamped(notary, company, tsa, signer)
    revoked = Revoked(signer.serial, int(time.time()), x509.ReasonFlags.key_compromise)
    good = tsa.files["/issuer.crl"]
    tsa.files["/issuer.crl"] = revocation_list(tsa.issuer, int(time.time()) + 1, [revoked])
    look(notary)
    claim = verify_receipt(notary._receipts.find(leaf), trust_of(notary)).report.claim(rp.TIME)
    assert (claim.status, len(claim.facts["left_out"])) == (rp.STATED, 1)
    until_now = notary.execute(AskState()).anchors_until
    assert until_now is not None
    assert until_now <= time.time()
    tsa.files["/issuer.crl"] = good


@pytest.mark.parametrize(
    "data", [b"<html>", bytes(MAX_LIST + 1), None], ids=["page", "large", "none"]
)
def test_what_is_no_list_by_the_issuer_is_refused(tsa: Tsa, data: bytes | None) -> None:
    stranger = issue("Stranger", start=int(time.time()) - DAY, ca=True)
    tsa.files["/odd.crl"] = revocation_list(stranger, int(time.time())) if data is None else data
    with pytest.raises((TooLarge, VerificationFailed, MalformedData)):
        fetch_list(f"{tsa.url}odd.crl", [tsa.issuer.certificate], public=False)
    del tsa.files["/odd.crl"]


def test_a_certificate_can_point_to_no_list_inside_a_network(tsa: Tsa) -> None:
    def point(*urls: str) -> x509.CRLDistributionPoints:
        names = [x509.UniformResourceIdentifier(each) for each in urls]
        return x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, None)])

    url = f"{tsa.url}issuer.crl"
    extensions: dict[x509.ExtensionType, bool] = {point(url, "ldap://ldap.example/x"): False}
    party = issue("Unit", tsa.issuer, start=int(time.time()), extensions=extensions)
    assert distribution_points(party.certificate) == [url]
    assert get(url, MAX_LIST, public=False).status == 200
    with pytest.raises(Unavailable, match="network of its own"):
        get(url, MAX_LIST, public=True)


def test_of_each_month_the_last_list_is_kept_and_one_from_before_the_expiry_is_picked(
    tmp_path: Path,
) -> None:
    start = 1_700_000_000  # 2023-11-14
    root = issue("Root", start=start, years=20, ca=True)
    signer = issue("Unit", root, start=start, years=0.25)
    folder = ValidationStore(FolderFiles(tmp_path / "validation"))
    lists = {day: revocation_list(root, start + day * DAY) for day in (1, 2, 60, 90, 120, 3)}
    for each in lists.values():
        folder.add(each)
    kept = {each.read_bytes() for each in (tmp_path / "validation").iterdir()}
    assert kept == {lists[3], lists[60], lists[90], lists[120]}
    token = forged(bytes(32), signer, start + DAY, certificates=[signer.der])
    again = ValidationStore(FolderFiles(tmp_path / "validation"))
    again.add(root.der)
    assert again.pick([token]) == (root.der, lists[90])


def test_settings_are_written_as_they_are_read(tmp_path: Path) -> None:
    stamps = (
        TimestampSettings("http://tsa.example", "one", tmp_path / "root.pem"),
        TimestampSettings("https://tsa.example/2", "two", Path("/etc/root.pem"), "1.2.3", 5,
                          tmp_path / "chain.pem", ("http://tsa.example/crl",)),
    )  # fmt: skip
    settings = Settings("notary.example/ledger", "Office", stamps)
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings


@pytest.mark.parametrize("side", ["after", pytest.param("before", marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("step", "count"),
    [
        (Step.STAMP, 1),
        (Step.RENEWAL, 1),
        pytest.param(Step.ANCHOR_STORED, 2, marks=pytest.mark.soak),
        pytest.param(Step.VALIDATION, 2, marks=pytest.mark.soak),
    ],
)
def test_a_notary_killed_while_it_stamps_loses_no_token_and_names_each_once(
    founded: Path, tsa: Tsa, tmp_path: Path, step: Step, count: int, side: str
) -> None:
    work = shutil.copytree(founded, tmp_path / "work")
    tsa.certify(long := unit(tsa, 5))
    words = [sys.executable, "-m", "tests.crash_child", "stamp", str(work), step, side, str(count)]
    assert subprocess.run(words, timeout=60, check=False, capture_output=True).returncode == DIED
    answers = (work / "answers").read_bytes() if (work / "answers").exists() else b""
    before = tokens_of(work)
    company = Company(SigningKey(b"d" * 32), SigningKey(b"r" * 32))
    with opened(work / "notary", clock=SYSTEM_CLOCK) as notary:
        company.account = notary.accounts.list()[0].account
        for _ in range(2):
            leaf = stamped(notary, company, tsa, long)
        look(notary)
        assert verify_receipt(notary._receipts.find(leaf), trust_of(notary)).report.good
        while answers:
            size = int.from_bytes(answers[:4], "big")
            given, answers = parse_receipt(answers[4 : 4 + size]), answers[4 + size :]
            receipt = notary._receipts.find(leaf_hash(given.statement))
            assert parse_receipt(receipt).position.index == given.position.index
            assert verify_receipt(receipt, trust_of(notary)).report.claim(rp.TIME).by == "tokens"
        assert notary.execute(AskState()).anchors_until == until(long)
        last = notary.sequencer.last.height
        named = [
            each for height in range(last + 1) for each in notary._writer._block(height).tokens
        ]
    assert len(named) == len(set(named))
    assert before <= tokens_of(work)
    assert len(tokens_of(work) - set(named)) <= 1  # the one over the newest block


def tokens_of(work: Path) -> set[bytes]:
    store = AnchorDatabase(work / "notary" / "anchors.sqlite")
    found = {each.digest for each in store.newest(1000)}
    store.close()
    return found
