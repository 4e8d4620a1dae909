"""The notary is away: an authority stamps what waits, and the receipt carries that later."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.chain import report as rp
from ledger.chain.receipt import parse_receipt
from ledger.chain.timestamp.authority import Authority
from ledger.chain.trust import format_trust, parse_trust
from ledger.cli.company import sending
from ledger.company.capture.upkeep import Stamping
from ledger.company.vault.vault import Vault
from ledger.errors import Unavailable
from ledger.verify import verify_receipt
from ledger.wire.client import NotaryClient
from tests.tsa import OTHER_POLICY, Tsa, started

from .conftest import Company


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with started(tmp_path_factory.mktemp("tsa")) as tsa:
        yield tsa


@pytest.fixture
def tsa(running: Tsa, company: Company, monkeypatch: pytest.MonkeyPatch) -> Tsa:
    """An authority that the company's trust file names, with its address."""
    running.fault = None
    path = company.home / "notary.trust"
    authority = Authority("Test TSA", running.root.der, url=running.url)
    path.write_bytes(
        format_trust(replace(parse_trust(path.read_bytes()), authorities=(authority,)))
    )
    monkeypatch.setattr(sending, "PATIENCE", 0.1)
    return running


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def nobody(*_: object) -> list[bytes]:
        raise Unavailable("The notary cannot be reached.")

    monkeypatch.setattr(NotaryClient, "submit_many", nobody)
    return monkeypatch


def vault_of(company: Company) -> Vault:
    return Vault(company.home)


def test_what_waits_is_stamped_and_its_receipt_says_so(
    company: Company, tsa: Tsa, away: pytest.MonkeyPatch
) -> None:
    result = company("deposit", company.write("a.txt"), "--json")
    (waiting,) = json.loads(result.stdout)["deposits"]
    assert waiting["state"] == "waiting"
    assert "Timestamped while it waits: 1." in result.stderr
    asked = tsa.requests
    away.undo()
    company("deposit")
    receipt = Path(company.folder / "a.txt.receipt").read_bytes()
    assert len(parse_receipt(receipt).times.own) == 1
    trust = parse_trust((company.home / "notary.trust").read_bytes())
    (shown,) = verify_receipt(receipt, trust).report.claim(rp.TIME).facts["own"]
    assert abs(shown["latest"] - time.time()) < 600
    assert tsa.requests == asked
    company("receipt", "refresh")
    assert parse_receipt(Path(company.folder / "a.txt.receipt").read_bytes()).times.own


@pytest.mark.parametrize("fault", ["error", "imprint"])
def test_an_authority_that_fails_loses_nothing(
    company: Company, tsa: Tsa, away: pytest.MonkeyPatch, fault: str
) -> None:
    tsa.fault = fault
    result = company("deposit", company.write("a.txt"), "--json")
    (waiting,) = json.loads(result.stdout)["deposits"]
    assert waiting["state"] == "waiting"
    assert "not timestamped" in result.stderr
    away.undo()
    assert company.json("deposit")["deposits"][0]["state"] == "deposited"


def test_the_daemon_stamps_what_has_waited_for_a_while(
    company: Company, tsa: Tsa, away: pytest.MonkeyPatch
) -> None:
    tsa.fault = "error"
    company("deposit", company.write("a.txt"))
    tsa.fault = None
    vault = vault_of(company)
    (waiting,) = vault.spooled()
    now = waiting.meta.sealed
    Stamping(vault, lambda: now + 1)(None)  # type: ignore[arg-type]
    assert waiting.own_token is None
    Stamping(vault, lambda: now + 60)(None)  # type: ignore[arg-type]
    assert waiting.own_token is not None


def test_an_authority_is_asked_for_the_policy_that_its_tokens_must_state(
    company: Company, tsa: Tsa, away: pytest.MonkeyPatch
) -> None:
    path = company.home / "notary.trust"
    trust = parse_trust(path.read_bytes())
    strict = replace(trust.authorities[0], policy=OTHER_POLICY)
    path.write_bytes(format_trust(replace(trust, authorities=(strict,))))
    company("deposit", company.write("a.txt"))
    (waiting,) = vault_of(company).spooled()
    assert waiting.own_token is not None


def test_a_damaged_deposit_keeps_no_other_from_its_stamp(
    company: Company, tsa: Tsa, away: pytest.MonkeyPatch
) -> None:
    tsa.fault = "error"
    company("deposit", company.write("a.txt"))
    company("deposit", company.write("b.txt"))
    tsa.fault = None
    vault = vault_of(company)
    first, second = vault.spooled()
    (first.folder / "meta.json").write_text("{")
    now = second.meta.sealed
    Stamping(vault, lambda: now + 60)(None)  # type: ignore[arg-type]
    assert second.own_token is not None


def test_a_damaged_token_spoils_no_receipt(
    company: Company, tsa: Tsa, away: pytest.MonkeyPatch
) -> None:
    company("deposit", company.write("a.txt"))
    (waiting,) = vault_of(company).spooled()
    waiting.stamp(b"\x30\x03\x02\x01\x01")
    away.undo()
    company("deposit")
    assert not parse_receipt(Path(company.folder / "a.txt.receipt").read_bytes()).times.own
