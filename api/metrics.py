"""Measures for Prometheus, on an address of their own: how the ledger grows and how it is served.

No label holds a name, an account, an address or a hash: routes stand as templates, methods, reasons and
kinds come from closed sets, and witnesses and authorities are numbered in the order of the trust file
and of notary.toml. So there are as many series as the program has names, whatever is asked of it.
"""

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from ipaddress import ip_address
from itertools import accumulate
from socket import AddressFamily
from socketserver import TCPServer
from time import monotonic
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from ledger.chain.block import parse_block
from ledger.chain.statement import parse_statement
from ledger.errors import SealbookError
from ledger.notary.desk.hooks import read_hooks
from ledger.notary.health import Reason, Warn
from ledger.notary.sequencing.pace import BOUNDS, Durations
from ledger.notary.storage.room import RESERVE
from ledger.wire.serving import BoundedHandler, BoundedServer

if TYPE_CHECKING:
    from ledger.notary.notary import Notary

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE, OTHER = "none", "other"
PATH = "/metrics"
_POLL = 0.1
"""Seconds between looks whether to stop."""


class Measures(Collector):
    """What the service counts, and what the notary tells of itself when it is asked.

    The event loop's thread counts, another one may ask.
    """

    def __init__(self, notary: "Notary") -> None:
        self._notary = notary
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: defaultdict[str, Durations] = defaultdict(Durations)
        self._answers = Durations()
        self._deposits = 0
        self._refusals: Counter[str] = Counter()
        self._limited: Counter[str] = Counter()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. `route` is the template, None where no route was found."""
        route = route or NO_ROUTE
        self._requests[method if method in METHODS else OTHER, route, status] += 1
        self._seconds[route].add(seconds)

    def limited(self, kind: str) -> None:
        """Count a request that was answered with 429 because its peer asks too often."""
        self._limited[kind] += 1

    @contextmanager
    def answering(self) -> Iterator[Callable[[Iterable[object]], None]]:
        """Measure the block in which statements are answered; yield what takes their answers.

        An error that ends the block is an answer as well.
        """
        begun = monotonic()
        try:
            yield self._count
        except SealbookError as error:
            self._count([error])
            raise
        self._answers.add(monotonic() - begun)

    def exposed(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield everything but what is told of the process."""
        yield from self._counted()
        for read in (_sizes, _health, _pace, _room, _clock, _anchors, _peers, _hooks):
            with suppress(SealbookError, OSError):  # the others are told all the same
                yield from read(self._notary)

    def _count(self, answers: Iterable[object]) -> None:
        for each in answers:
            if isinstance(each, SealbookError):
                self._refusals[type(each).code] += 1
            elif not isinstance(each, BaseException):
                self._deposits += 1

    def _counted(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "sealbook_requests",
            "Requests that were answered, by the template of their route.",
            labels=["method", "route", "status"],
        )
        for (method, route, status), count in self._requests.copy().items():
            requests.add_metric([method, route, str(status)], count)
        seconds = HistogramMetricFamily(
            "sealbook_request_seconds",
            "From a request's head to the end of its answer.",
            labels=["route"],
        )
        for route, found in self._seconds.copy().items():
            seconds.add_metric([route], *_buckets(found))
        refusals = CounterMetricFamily(
            "sealbook_refusals",
            "Statements that were answered with none, by the code of the problem.",
            labels=["reason"],
        )
        for code, count in self._refusals.copy().items():
            refusals.add_metric([code], count)
        limited = CounterMetricFamily(
            "sealbook_limited",
            "Requests of peers that ask too often, by what they asked for.",
            labels=["kind"],
        )
        for kind, count in self._limited.copy().items():
            limited.add_metric([kind], count)
        deposits = CounterMetricFamily(
            "sealbook_deposits", "Statements that were answered with a receipt.", self._deposits
        )
        answers = _histogram(
            "receipt_seconds", "From statements that were read to their receipts.", self._answers
        )
        yield from (requests, seconds, deposits, refusals, limited, answers)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sealbook_{name}", meaning, value=value)


def _sizes(notary: "Notary") -> Iterator[Metric]:
    last = notary.sequencer.last
    yield CounterMetricFamily("sealbook_entries", "Entries of the ledger.", value=last.size)
    yield CounterMetricFamily("sealbook_blocks", "Blocks of the ledger.", value=last.height + 1)
    waiting = notary.sequencer.waiting
    yield _gauge("queue_length", "Statements that wait for their answer.", waiting)


def _health(notary: "Notary") -> Iterator[Metric]:
    health = notary.health
    yield _gauge("ready", "1 while deposits are entered.", not health.reasons)
    writes = notary.staff_desk is not None and notary.sequencer.leads
    yield _gauge("writes", "1 while this process writes to the ledger.", writes)
    found = GaugeMetricFamily(
        "sealbook_obstacle", "1 while it holds, by reason.", labels=["reason"]
    )
    for each in (*Reason, *Warn):
        found.add_metric([each], each in (*health.reasons, *health.warnings))
    yield found


def _pace(notary: "Notary") -> Iterator[Metric]:
    pace = notary.sequencer.pace
    yield _histogram("block_seconds", "From a block's choice to its checkpoint.", pace.blocks)
    yield _histogram("block_to_receipt_seconds", "From there to its last answer.", pace.receipts)


def _histogram(name: str, meaning: str, found: Durations) -> Metric:
    return HistogramMetricFamily(f"sealbook_{name}", meaning, *_buckets(found))


def _buckets(found: Durations) -> tuple[list[tuple[str, float]], float]:
    bounds = [*map(str, BOUNDS), "+Inf"]
    return list(zip(bounds, accumulate(found.counts), strict=True)), found.total


def _room(notary: "Notary") -> Iterator[Metric]:
    found = os.statvfs(notary.directory)
    free = found.f_bavail * found.f_frsize
    yield _gauge("disk_free_bytes", "Free bytes of the notary's disk.", free)
    yield _gauge("disk_reserve_bytes", "Bytes of these that no depositor gets.", RESERVE)


def _clock(notary: "Notary") -> Iterator[Metric]:
    yield _gauge(
        "clock_difference_seconds", "By how much the clock was set.", notary.clock_difference
    )
    yield _gauge("seal_expires_seconds", "POSIX time of the seal's end.", notary.seal_expires)


def _anchors(notary: "Notary") -> Iterator[Metric]:
    anchor = notary.newest_anchor
    if anchor is None:
        return
    record, _ = notary.block(anchor.height)
    block = parse_block(parse_statement(record))
    age = notary.now() - block.time
    lag = notary.sequencer.last.size - block.size
    yield _gauge("anchor_age_seconds", "Age of the newest block that is anchored.", age)
    yield _gauge("anchor_lag_entries", "Entries that no anchor covers yet.", max(0, lag))


def _peers(notary: "Notary") -> Iterator[Metric]:
    up = GaugeMetricFamily("sealbook_peer_up", "1 while it answers.", labels=["kind", "number"])
    age = GaugeMetricFamily(
        "sealbook_peer_age_seconds", "Since it last vouched.", labels=["kind", "number"]
    )
    numbers = {True: 0, False: 0}
    for peer in notary.vouching:
        labels = ["witness" if peer.witness else "authority", str(numbers[peer.witness])]
        numbers[peer.witness] += 1
        up.add_metric(labels, peer.well)
        if peer.age is not None:
            age.add_metric(labels, peer.age)
    yield from (up, age)


def _hooks(notary: "Notary") -> Iterator[Metric]:
    if notary.staff_desk is not None:
        failing = sum(1 for each in read_hooks(notary.staff_desk) if each.failures)
        yield _gauge("webhooks_failing", "Webhooks whose last attempt failed.", failing)


class MetricsServer(BoundedServer):
    """Serves `/metrics` and nothing else, in a thread of its own."""

    def __init__(self, family: AddressFamily, address: tuple[str, int], measures: Measures) -> None:
        self.address_family = family
        self.measures = measures
        super().__init__(address, _Handler)
        self.public = not _is_loopback(str(self.server_address[0]))

    def server_bind(self) -> None:
        """As the library does, without asking anybody for the address's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = map(str, self.server_address[:2])  # type: ignore[assignment]

    def start(self) -> None:
        """Serve until `close`."""
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BoundedHandler):
    server: MetricsServer
    allowed = "GET, HEAD"

    def do_GET(self) -> None:
        if not (self.server.public or _is_local(self.headers.get("Host", ""))):
            self.answer(HTTPStatus.MISDIRECTED_REQUEST, "This host is not served here.\n")
        elif self.path != PATH:
            self.answer(HTTPStatus.NOT_FOUND, "There is no such thing here.\n")
        else:
            self.answer(HTTPStatus.OK, self.server.measures.exposed(), CONTENT_TYPE_PLAIN_0_0_4)

    do_HEAD = do_GET

    def _cors(self) -> None:
        """No page of another origin may read this."""


def _is_local(host: str) -> bool:
    """Whether a Host field names this machine: a page whose own name was pointed at it does not."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name.strip("[]").lower() == "localhost" or _is_loopback(name.strip("[]"))


def _is_loopback(address: str) -> bool:
    with suppress(ValueError):
        return ip_address(address).is_loopback
    return False
