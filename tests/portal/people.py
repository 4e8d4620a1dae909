"""The office's people, each with a browser and a passkey of software, at a real service."""

import html
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from api.settings import Settings
from ledger.chain.trust import fingerprint
from ledger.notary.care.founding import init_notary
from ledger.notary.desk import staff
from ledger.notary.desk.roles import Role
from ledger.notary.desk.trail import Actor
from ledger.notary.notary import Notary, open_notary
from ledger.notary.storage.desk import StaffDesk
from tests import logs
from tests.authenticators import Authenticator
from tests.notaries import ORIGIN, PLATFORM, Clock, Company, EveryEnvelope
from tests.service.conftest import start

ROOT = Actor("root", "terminal")
Sent = dict[str, str]


@dataclass
class Office:
    """A running service with a clock in our hands."""

    notary: Notary
    clock: Clock
    url: str
    server: uvicorn.Server
    thread: threading.Thread
    people: dict[str, "Person"] = field(default_factory=dict)

    @property
    def desk(self) -> StaffDesk:
        assert self.notary.staff_desk is not None
        return self.notary.staff_desk

    def person(self, name: str, role: Role) -> "Person":
        """Somebody who has made a passkey and is signed in."""
        secret = staff.add(self.desk, name, role, ROOT)
        person = Person(self, httpx2.Client(base_url=self.url, timeout=20), name)
        assert person.post("/office/link", "/office/link", secret=secret).status_code == 303
        created = person.key.create(person.options("/office/own", "make"))
        done = person.post("/office/own/passkey", "/office/own", created=created)
        assert done.status_code == 303, done.text
        for each in (secret, *person.http.cookies.values()):
            logs.plant(str(each))
        self.people[name] = person
        return person


@dataclass
class Person:
    """A browser without scripts, and a passkey that is asked by hand."""

    office: Office
    http: httpx2.Client
    name: str

    def __post_init__(self) -> None:
        self.key = Authenticator(self.office.url)

    def get(self, path: str) -> httpx2.Response:
        return self.http.get(path, headers={"accept": "text/html"})

    def token(self, page: str) -> str:
        found = re.search(r'name="token" value="([0-9a-f]{64})"', self.get(page).text)
        return found[1] if found else ""

    def options(self, page: str, kind: str = "use", form: str = "") -> str:
        """What a form of a page asks the passkey; `form` begins its action."""
        for tag in re.findall(r"<form [^>]*>", self.get(page).text):
            found = re.search(rf'data-{kind}="([^"]*)"', tag)
            if found and f'action="{form}' in tag:
                return html.unescape(found[1])
        raise AssertionError(f"nothing on {page} asks a passkey")

    def confirmed(self, page: str, form: str) -> str:
        """The passkey's answer to a form of a page."""
        return self.key.get(self.options(page, form=form))

    def post(
        self,
        path: str,
        page: str,
        *,
        file: bytes | None = None,
        field: str = "request",
        headers: Sent | None = None,
        **fields: str,
    ) -> httpx2.Response:
        """Send a form as the page's own button does."""
        data = {"token": self.token(page), **fields}
        sent = {"origin": self.office.url, "accept": "text/html", **(headers or {})}
        files = None if file is None else {field: ("a.file", file)}
        return self.http.post(path, data=data, files=files, headers=sent)

    def sign_in(self) -> httpx2.Response:
        answer = self.confirmed("/office/sign-in", "/office/sign-in")
        return self.post("/office/sign-in", "/office/sign-in", answer=answer)

    def propose(self, company: Company, **fields: str) -> httpx2.Response:
        texts: dict[str, Any] = {
            "name": "ACME 有限公司",
            "registration": "91310000",
            "account": "",
        } | fields
        texts = {"fingerprint": fingerprint(company.ask())} | texts
        return self.post("/office/requests", "/office/requests", file=company.request, **texts)

    def approve(self, page: str, company: Company, **fields: str) -> httpx2.Response:
        answer = self.confirmed(page, f"{page}/approve")
        texts: dict[str, Any] = {
            "fingerprint": fingerprint(company.request),
            "answer": answer,
        } | fields
        return self.post(f"{page}/approve", page, **texts)


@contextmanager
def office_at(directory: Path, issuer: str = "公证处 <b>&\u202e") -> Iterator[Office]:
    """Run the service of a new notary."""
    clock = Clock()
    init_notary(directory, ORIGIN, issuer=issuer, platform=PLATFORM, clock=clock, random=os.urandom)
    with open_notary(directory, clock=clock, window=0.005) as notary:
        notary.envelopes = EveryEnvelope()  # type: ignore[assignment]
        notary.sequencer._admission._envelopes = notary.envelopes
        server, thread, port = start(notary, Settings(idle=1.0, body=3.0))
        office = Office(notary, clock, f"http://localhost:{port}", server, thread)
        try:
            yield office
        finally:
            for each in office.people.values():
                each.http.close()
            server.should_exit = True
            thread.join()
