"""OpenTelemetry, where an office asks for it (extra `telemetry`): a span for each request.

A span says what a line of the log says: method, the route's template, status, the request's random
number, from when to when. No path, address, name or hash; what a caller sends to be traced by is not
read. Spans go out in batches from a thread of their own, and are dropped where nobody takes them.
"""

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from ledger.program import VERSION

from .metrics import METHODS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

TIMEOUT = 10.0
"""Seconds for a batch to be taken; also for the last one when the service stops."""

_OTHER = "_OTHER"
"""What the semantic conventions call a method that is none of HTTP's."""


class Spans:
    """Sends spans by an exporter of the library, until it is closed."""

    def __init__(self, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        who = Resource({"service.name": "sealbook-notary", "service.version": VERSION})
        self._provider = TracerProvider(resource=who, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sealbook", VERSION)

    def request(
        self, method: str, route: str | None, status: int, number: str, start: int, end: int
    ) -> None:
        """Tell of a request that was answered. `start` and `end` are POSIX nanoseconds."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.status import StatusCode

        method = method if method in METHODS else _OTHER  # callers choose the others
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "http.response.status_code": status,
            "sealbook.request": number,
        }
        if route is not None:
            attributes["http.route"] = route
        span = self._tracer.start_span(
            f"{method} {route}" if route is not None else method,
            context=Context(),
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=start,
        )
        if status >= 500 or not status:
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()


def spans_to(url: str) -> Spans:
    """Return what sends spans to a collector (OTLP over HTTP). Raises InvalidInput without the extra.

    `url` is that of its traces, such as http://127.0.0.1:4318/v1/traces; header fields with a secret
    are taken from OTEL_EXPORTER_OTLP_HEADERS.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise InvalidInput(
            "Sending spans takes a part that is not installed: pip install 'sealbook[telemetry]'."
        ) from error
    return Spans(OTLPSpanExporter(endpoint=url, timeout=TIMEOUT))
