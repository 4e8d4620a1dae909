"""A receipt that comes before its block's anchor is fetched again, and only gives way to more."""

import itertools
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.cosignature import cosign
from ledger.chain.note import COSIGNATURE_ED25519, Note, VerifierKey, format_note, parse_note
from ledger.chain.policy import Group, Witness
from ledger.chain.receipt import format_receipt, parse_receipt
from ledger.chain.trust import format_trust, parse_trust
from ledger.cli.company import sending
from ledger.company.capture import upkeep
from ledger.company.capture.journal import Journal
from ledger.company.capture.upkeep import Refreshing
from ledger.company.sending import refreshing
from ledger.company.sending.refreshing import due
from ledger.company.vault.stored import write_file
from ledger.company.vault.vault import Vault
from ledger.crypto.keys import SigningKey
from ledger.errors import StorageFailed, Unavailable, VerificationFailed
from ledger.wire.client import NotaryClient

from .conftest import Company

KEY = SigningKey(b"w" * 32)
WITNESS = VerifierKey("witness.example", COSIGNATURE_ED25519, KEY.public)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a witness that never comes."""
    monkeypatch.setattr(sending, "PATIENCE", 0.6)


def expect_a_witness(company: Company) -> None:
    path = company.home / "notary.trust"
    trust = parse_trust(path.read_bytes())
    policy = trust.policy
    groups = (*policy.groups, Group("all", 2, (policy.quorum, "w")))
    wider = replace(
        policy,
        witnesses=(*policy.witnesses, Witness("w", WITNESS)),
        groups=groups,
        quorum="all",
    )
    path.write_bytes(format_trust(replace(trust, policy=wider)))


def anchored(receipt: bytes) -> bytes:
    parts = parse_receipt(receipt)
    note = parse_note(parts.note)
    line = cosign(parse_checkpoint(note.text), WITNESS.name, KEY, 1_795_000_100)
    return format_receipt(
        replace(parts, note=format_note(Note(note.text, (*note.signatures, line))))
    )


def test_a_receipt_becomes_final_and_never_less(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_a_witness(company)
    path = company.write("first.txt")
    said = company("deposit", path).output
    assert "1 receipt is provisional" in said
    assert company.json("status")["provisional"] == 1
    assert "Provisional  1;" in company("status").output
    assert states(company) == ["provisional"]
    assert "provisional, lacks witnesses" in company("show", path).output
    (early,) = company.json("receipt", "refresh")["receipts"]
    assert (early["receipt_state"], early["replaced"]) == ("provisional", False)

    delivered = path.with_name("first.txt.receipt")
    before = delivered.read_bytes()
    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: anchored(before))
    (late,) = company.json("receipt", "refresh", path)["receipts"]
    assert (late["receipt_state"], late["replaced"]) == ("final", True)
    assert delivered.read_bytes() == anchored(before)
    assert company.json("status")["provisional"] == 0
    assert states(company) == ["final"]
    assert company.json("show", path)["receipt_state"] == "final"
    table = company("list").output
    assert "receipt" in table and "final" in table and "provisional" not in table

    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: before)
    assert company.json("receipt", "refresh")["receipts"] == []
    assert delivered.read_bytes() == anchored(before)


def states(company: Company) -> list[str]:
    return [each["receipt_state"] for each in company.json("list")["deposits"]]


def test_a_receipt_becomes_final_with_the_deposit_itself(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_a_witness(company)
    monkeypatch.setattr(sending, "PATIENCE", 30.0)
    asked = itertools.count()
    receipt = NotaryClient.receipt

    def late(client: NotaryClient, leaf: bytes) -> bytes:
        early = receipt(client, leaf)
        return anchored(early) if next(asked) else early

    monkeypatch.setattr(NotaryClient, "receipt", late)
    paths = [company.write("first.txt"), company.write("second.txt", b"another\n")]
    found = company.json("deposit", *paths)["deposits"]
    assert [each["receipt_state"] for each in found] == ["final", "final"]
    assert states(company) == ["final", "final"]
    for each in found:
        parts = parse_receipt(Path(each["receipt"]).read_bytes())
        assert WITNESS.name in parts.note


@pytest.mark.parametrize(
    "error", [Unavailable("away"), VerificationFailed("it lies"), OSError(5, "x")]
)
def test_a_notary_that_is_away_fails_no_deposit(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    expect_a_witness(company)

    def failing(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(NotaryClient, "receipt", failing)
    result = company("deposit", company.write("first.txt"), "--json")
    (found,) = json.loads(result.stdout)["deposits"]
    assert (found["state"], found["receipt_state"]) == ("deposited", "provisional")
    assert ("It lies" in result.stderr) == isinstance(error, VerificationFailed)


def test_under_a_trust_file_that_names_nobody_every_receipt_is_final_at_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(NotaryClient, "receipt")
    (found,) = company.json("deposit", company.write("first.txt"))["deposits"]
    assert found["receipt_state"] == "final"
    assert "receipt" not in company("list").output
    assert not (company.home / "provisional").exists()


def test_the_notary_is_asked_once_for_receipts_of_a_block_to_which_it_adds_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_a_witness(company)
    company("deposit", *[company.write(f"{n}.txt", b"%d" % n) for n in range(4)])
    vault = Vault(company.home)
    asked: list[bytes] = []
    receipt = NotaryClient.receipt

    def counted(client: NotaryClient, leaf: bytes) -> bytes:
        asked.append(leaf)
        return receipt(client, leaf)

    monkeypatch.setattr(NotaryClient, "receipt", counted)
    rounds = Refreshing(vault, Journal(vault.home, time.time))
    with NotaryClient(vault.config.notary, ledger=vault.config.origin, key=vault.key) as client:
        rounds(client)
        blocks = {company.json("show", f"{n}.txt")["block"] for n in range(4)}
        assert len(asked) == len(blocks)
        rounds(client)
        assert len(asked) == len(blocks), "each receipt has a back-off of its own"
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 1e6)
        monkeypatch.setattr(upkeep, "time", later)
        monkeypatch.setattr(
            NotaryClient, "receipt", lambda _, leaf: anchored(receipt(client, leaf))
        )
        rounds(client)
    assert vault.provisional() == []


def test_a_receipt_that_cannot_be_replaced_where_it_was_delivered_is_final_in_the_vault(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_a_witness(company)
    path = company.write("first.txt")
    company("deposit", path)
    delivered = path.with_name("first.txt.receipt")
    before = delivered.read_bytes()
    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: anchored(before))

    def read_only(place: Path, data: bytes) -> None:
        if place == delivered:
            raise StorageFailed("read only")
        write_file(place, data)

    monkeypatch.setattr(refreshing, "write_file", read_only)
    (late,) = company.json("receipt", "refresh")["receipts"]
    assert (late["receipt_state"], late["replaced"]) == ("final", True)
    assert delivered.read_bytes() == before
    assert states(company) == ["final"]


def test_the_next_deposit_fetches_what_was_missing_also_one_without_a_path(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_a_witness(company)
    path = company.write("first.txt")
    company("deposit", path)
    late = anchored(path.with_name("first.txt.receipt").read_bytes())
    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: late)
    assert company.json("deposit")["message"] == "Nothing waits to be deposited."
    assert states(company) == ["final"]


def test_what_a_recovery_fetches_is_provisional_too(company: Company) -> None:
    expect_a_witness(company)
    company("deposit", company.write("first.txt"))
    (only,) = (company.home / "deposits").iterdir()
    shutil.rmtree(only)
    shutil.rmtree(company.home / "provisional")
    found = company.json("recover", "--secret-file", company.folder / "acme-recovery.txt")
    assert found["deposits"] == 1
    assert states(company) == ["provisional"]
    assert company.json("status")["provisional"] == 1


def test_the_mark_of_a_deposit_that_is_gone_goes_too(company: Company) -> None:
    vault = Vault(company.home)
    vault.mark_provisional(["20260101T000000.000Z-00"])
    assert due(vault, vault.provisional()) == []
    assert vault.provisional() == []


def test_a_receipt_that_does_not_verify_replaces_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_a_witness(company)
    path = company.write("first.txt")
    company("deposit", path)
    delivered = path.with_name("first.txt.receipt")
    before = delivered.read_bytes()
    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: b"junk")
    assert company.json("receipt", "refresh", code=1)["receipts"][0]["error"]
    assert delivered.read_bytes() == before
