"""Spans that a real collector reads, and nothing in them that a log may not say."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from api.settings import Settings
from ledger.wire.protocol import COSE

from .conftest import Account, Service, start


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP server's URL, and the bodies that were sent to it."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(data)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_collector_is_told_of_requests_by_their_routes_alone(
    service: Service, company: Account, collector: tuple[str, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    url, bodies = collector
    server, thread, port = start(service.notary, Settings(telemetry=url))
    base = f"http://127.0.0.1:{port}"
    secret = "5d" * 32
    try:
        fields = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "x-forwarded-for": "192.0.2.77"}
        number = httpx2.get(f"{base}/receipts/{secret}", headers=fields).headers["x-request-id"]
        httpx2.post(f"{base}/statements", content=b"x", headers={"content-type": COSE})
        httpx2.request("PROPFIND", f"{base}/nowhere/{secret}?name=Acme")
    finally:
        server.should_exit = True
        thread.join()
        app: Any = server.config.app
        app.state.spans.close()
    sent = [ExportTraceServiceRequest.FromString(each) for each in bodies]
    resources = [each for one in sent for each in one.resource_spans]
    spans = [span for each in resources for scope in each.scope_spans for span in scope.spans]
    names = [each.name for each in spans]
    assert names == ["GET /receipts/{leaf}", "POST /statements", "_OTHER"]
    told = {each.key: each.value for each in spans[0].attributes}
    assert told["http.response.status_code"].int_value == 401
    assert told["sealbook.request"].string_value == number
    assert set(told) == {
        "http.request.method", "http.response.status_code", "http.route", "sealbook.request",
    }  # fmt: skip
    for span in spans:
        assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
        assert span.trace_id != bytes.fromhex("ab" * 16) and not span.parent_span_id
    whole = b"".join(bodies)
    for word in (
        secret.encode(),
        b"192.0.2.77",
        b"127.0.0.1",
        b"Acme",
        b"PROPFIND",
        company.account.encode(),
    ):
        assert word not in whole
    assert {a.key for each in resources for a in each.resource.attributes} == {
        "service.name", "service.version",
    }  # fmt: skip
