"""The service's log: structured, on standard error, one line for each thing that happened.

In it stand no secret, no name, no path or query string of a request, and no hash of a plaintext:
requests are told by the template of their route, bugs by their type and the places that they went
through, never by their message, which may hold a value. Whatever else a value holds, it begins no line
and steers no terminal: everything beyond printable ASCII is escaped.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Any, TextIO

import structlog

Event = MutableMapping[str, Any]

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OURS, _SERVER = "sealbook", "uvicorn.error"
_NOT_HTTP = "Invalid HTTP request received."
_ROOT = str(Path(__file__).resolve().parents[1])
_PLACES = 12
"""Calls of a bug that are told, the innermost last."""


class _Steady:
    """A stream whose trouble is not the service's: a full disk under the log stops no deposit."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def start_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log from now on what is at least of `level`, as `form` ("json" or "text") says.

    Of libraries no more than warnings are told: below that they name paths and header fields.
    """
    out: Any = _Steady(stream or sys.stderr)
    renderer = structlog.processors.JSONRenderer() if form == "json" else as_text
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        places,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[without_meta, places, renderer], foreign_pre_chain=shared[:-1]
        )
    )
    logging.basicConfig(handlers=[handler], level=max(_LEVELS[level], logging.WARNING), force=True)
    logging.getLogger(_OURS).setLevel(_LEVELS[level])
    logging.getLogger(_SERVER).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether nothing else tells of it: `not-http` does, and from whom it came."""
    return record.msg != _NOT_HTTP


def places(_: Any, __: str, event: Event) -> Event:
    """Put an exception's type, and the places that it went through, where the exception stood."""
    found = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["places"] = _places(error.__traceback__)
    return event


def as_text(_: Any, __: str, event: Event) -> str:
    """Return an event as a line for people: time, level, what happened, `name=value`."""
    head = [event.pop("timestamp", ""), f"{event.pop('level', ''):<7}", _plain(event.pop("event"))]
    return " ".join([*head, *(f"{name}={_plain(value)}" for name, value in event.items())])


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    simple = text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
    return (
        text
        if simple or not isinstance(value, str)
        else json.dumps(text).replace("\x7f", "\\u007f")
    )


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{each.filename.removeprefix(_ROOT).lstrip('/')}:{each.lineno} {each.name}"
        for each in extract_tb(trace)[-_PLACES:]
    ]
