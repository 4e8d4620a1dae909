"""A receipt that comes before its block's anchor is fetched again, and only gives way to more."""

from dataclasses import replace

import pytest

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.cosignature import cosign
from ledger.chain.note import COSIGNATURE_ED25519, Note, VerifierKey, format_note, parse_note
from ledger.chain.policy import Group, Witness
from ledger.chain.receipt import format_receipt, parse_receipt
from ledger.chain.trust import format_trust, parse_trust
from ledger.crypto.keys import SigningKey
from ledger.wire.client import NotaryClient

from .conftest import Company

KEY = SigningKey(b"w" * 32)
WITNESS = VerifierKey("witness.example", COSIGNATURE_ED25519, KEY.public)


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
    company("deposit", path)
    (early,) = company.json("receipt", "refresh")["receipts"]
    assert (early["receipt_state"], early["replaced"]) == ("provisional", False)

    delivered = path.with_name("first.txt.receipt")
    before = delivered.read_bytes()
    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: anchored(before))
    (late,) = company.json("receipt", "refresh", path)["receipts"]
    assert (late["receipt_state"], late["replaced"]) == ("final", True)
    assert delivered.read_bytes() == anchored(before)

    monkeypatch.setattr(NotaryClient, "receipt", lambda *_: before)
    assert company.json("receipt", "refresh")["receipts"] == []
    assert delivered.read_bytes() == anchored(before)


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
