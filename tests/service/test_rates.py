"""One peer asks for what costs something as often as it may, and is told when it may again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest

from api import rates
from api.rates import Kind, kind_of
from api.settings import Settings
from ledger.notary.rates import Rates
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import OCTETS

from .conftest import Account, Service, small_envelope, start

PROXY = (ip_network("127.0.0.0/8"),)


class Ticking:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept = seconds
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    monkeypatch.setattr(rates, "Rates", lambda: Rates(clock))
    return clock


@pytest.fixture
def serve(service: Service, clock: Ticking) -> Iterator[Callable[[Settings], str]]:
    with ExitStack() as stack:

        def run(settings: Settings) -> str:
            server, thread, port = start(service.notary, settings)

            def stop() -> None:
                server.should_exit = True
                thread.join()

            stack.callback(stop)
            return f"http://127.0.0.1:{port}"

        yield run


def check(url: str, source: str = "127.0.0.1", **headers: str) -> httpx2.Response:
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address=source)) as http:
        return http.post(
            f"{url}/verify", content=b"no receipt", headers={"content-type": OCTETS, **headers}
        )


def test_a_peer_is_refused_above_its_rate_and_told_when_to_come_again(serve, clock):
    url = serve(Settings(rates={Kind.CHECKING: 3}))
    assert [check(url).status_code for _ in range(3)] == [422] * 3
    over = check(url)
    assert (over.status_code, over.headers["retry-after"]) == (429, "20")
    assert (over.json()["code"], over.headers["sealbook-problem"]) == ("over-rate",) * 2
    assert check(url, "127.0.0.2").status_code == 422  # another peer
    assert httpx2.get(f"{url}/checkpoint").status_code == 200  # who reads is not counted
    assert httpx2.post(f"{url}/statements", content=b"").status_code == 415
    page = httpx2.post(f"{url}/check", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"][:9]) == (429, "text/html")
    assert page.headers["retry-after"] == "20"
    clock.now += 20
    assert [check(url).status_code for _ in range(2)] == [422, 429]


@pytest.mark.parametrize(("proxies", "last"), [((), 429), (PROXY, 422)], ids=["unnamed", "named"])
def test_the_peer_is_whom_a_named_proxy_states(serve, proxies, last):
    url = serve(Settings(rates={Kind.CHECKING: 2}, proxies=proxies))

    def asked(stated: str) -> int:
        return check(url, **{"x-forwarded-for": f"198.51.100.9, {stated}"}).status_code

    assert [asked("2001:db8::1"), asked("2001:db8::2")] == [422, 422]
    assert asked("2001:db8::3") == 429  # of one /64
    assert asked("2001:db8:0:1::1") == last


def test_a_companys_client_waits_as_long_as_it_is_told_and_loses_nothing(
    serve, clock, service: Service
):
    company = service.enrol("Waiting Ltd")
    url = serve(Settings(rates={Kind.ENTERING: 4}))
    with NotaryClient(
        url, ledger=service.notary.origin, key=company.key, sleep=clock.sleep
    ) as client:
        one = Account(company.key, company.account, client, url)
        for each in range(4):
            envelope = small_envelope(str(each).encode())
            client.put_envelopes([envelope])
            assert client.submit(one.statement(envelope.payload))
    assert clock.slept == 15.0


def test_refusals_are_counted_by_kind_and_without_an_address(service: Service) -> None:
    server, thread, port = start(service.notary, Settings(rates={Kind.ENROLLING: 1}))
    try:
        answers = [
            httpx2.post(f"http://127.0.0.1:{port}/enrolments", content=b"").status_code
            for _ in range(3)
        ]
    finally:
        server.should_exit = True
        thread.join()
    assert answers == [415, 429, 429]
    app: Any = server.config.app
    exposed = app.state.service.measures.exposed().decode()
    lines = [each for each in exposed.splitlines() if each.startswith("sealbook_limited_total")]
    assert lines == ['sealbook_limited_total{kind="enrolling"} 2.0']


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/office/sign-in", None),
        ("HEAD", "/envelopes/00/payload", None),
        ("PATCH", "/envelopes/00/payload", Kind.ENTERING),
        ("POST", "/statements", Kind.ENTERING),
        ("POST", "/statements/batch", Kind.ENTERING),
        ("POST", "/office/enrolments/add", Kind.ENTERING),
        ("BREW", "/nowhere", Kind.ENTERING),
        ("POST", "/office/sign-in", Kind.SIGNING_IN),
        ("POST", "/office/link", Kind.SIGNING_IN),
        ("POST", "/enrolments", Kind.ENROLLING),
        ("POST", "/check", Kind.CHECKING),
    ],
)
def test_what_does_not_only_read_is_counted(method: str, path: str, kind: Kind | None) -> None:
    assert kind_of(method, path) is kind
