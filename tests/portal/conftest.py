"""A notary with three witnesses and an authority behind a real server, and one Chromium."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser

from api.settings import Settings
from ledger.chain import statement as st
from ledger.chain.note import format_vkey
from ledger.chain.office import Issued, Withdrawn, certificate_payload
from ledger.notary.care.founding import init_notary
from ledger.notary.notary import Notary, open_notary
from ledger.notary.system_clock import SYSTEM_CLOCK
from tests import logs
from tests.notaries import ORIGIN, PLATFORM, Company, EveryEnvelope, deposit
from tests.page.browser import chromium
from tests.portal import hostile
from tests.service.conftest import start
from tests.service.test_anchors import again, ask, until
from tests.tsa import started
from tests.witnesses import serving

COUNTS = (1, 4, 2)
"""Deposits, a block each time."""
PAGES = ("/", "/blocks", "/blocks?from=2", "/block/0", "/block/2", "/check", "/certificates",
         "/certificates/2026-1", "/health", "/nothing")  # fmt: skip
ISSUER = "公证处 <b>&\u202e"


@dataclass(frozen=True)
class Portal:
    """A running service, and what was deposited there."""

    notary: Notary
    url: str
    http: httpx2.Client
    receipt: bytes
    evidence: bytes
    account: str
    deposits: int
    app: FastAPI


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    logs.keep_in_process()
    directory = tmp_path_factory.mktemp("portal") / "notary"
    trust = init_notary(
        directory, ORIGIN, issuer=ISSUER, platform=PLATFORM, clock=SYSTEM_CLOCK, random=os.urandom
    )
    keys = [trust.policy.logs[0].key, trust.policy.witnesses[0].key]
    with (
        started(directory.parent / "tsa") as tsa,
        serving(directory.parent, list(map(format_vkey, keys))) as witnesses,
    ):
        (directory / "tsa.pem").write_bytes(tsa.root.pem)
        with (directory / "notary.toml").open("a") as file:
            file.write(
                f'\n[[timestamps]]\nurl = "{tsa.url}"\nname = "Test TSA"\nroot = "tsa.pem"\n'
                "interval = 1\n"
            )
        ask(directory, witnesses, tsa)
        with open_notary(directory) as notary:
            notary.envelopes = EveryEnvelope()  # type: ignore[assignment]
            notary.sequencer._admission._envelopes = notary.envelopes
            company = Company().enrol(notary)
            for count in COUNTS:
                statements = company.statements(count)
                deposit(notary, statements)
            shown, evidence = hostile.deposited(notary)
            deposited = notary.sequencer.last.size - 1
            said = (Issued(1, b"\xab" * 32, deposited), Issued(2, b"\xcd" * 32, deposited))
            withdrawn = Withdrawn(2, hostile.HOSTILE[:200])
            for each in (*said, withdrawn):
                notary.sequencer.enter((st.CERTIFICATE, certificate_payload(each))).result()
            until(lambda: (found := notary.newest_anchor) is not None and bool(found.tokens))
            until(lambda: b"witness.example" in again(notary, shown))
            server, thread, port = start(notary, Settings(idle=1.0, body=3.0))
            url = f"http://127.0.0.1:{port}"
            with httpx2.Client(base_url=url, timeout=20) as http:
                app = server.config.app
                assert isinstance(app, FastAPI)
                yield Portal(
                    notary,
                    url,
                    http,
                    again(notary, statements[0]),
                    evidence(again(notary, shown)),
                    company.account,
                    sum(COUNTS) + 1,
                    app,
                )
            server.should_exit = True
            thread.join()


@pytest.fixture(autouse=True)
def no_cookies(request: pytest.FixtureRequest) -> None:
    if "portal" in request.fixturenames:
        request.getfixturevalue("portal").http.cookies.clear()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
