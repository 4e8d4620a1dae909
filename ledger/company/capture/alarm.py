"""Failures reach somebody: a command or a webhook gets a report, at most one a minute.

The report is JSON, by default counts and ids only, because it leaves the vault:

    { "failures": 3, "codes": {"storage-failed": 3}, "deposits": ["4f0c9d21a8b37e65"], "from": time,
      "to": time }

With `names`, "events" holds what failed and why, file names included.
"""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2

from ledger.company.capture.config import Failure
from ledger.company.capture.journal import Event, Kind
from ledger.errors import InvalidInput
from ledger.language import iso
from ledger.quoted import Message, quoted
from ledger.wire.deadlines import Deadline, http_client, within

INTERVAL = 60.0
"""Seconds between two reports."""
PATIENCE = 30.0
"""Seconds that a command or a webhook may take."""
_MOST = 100
"""Ids or events in one report."""


class Alarm:
    """Tells of failures. `told` gets a sentence when that does not work."""

    def __init__(self, failure: Failure, told: Callable[[str], None]) -> None:
        self._failure = failure
        self._told = told
        self._events: list[Event] = []
        self._news = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="alarm", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Listen to the journal."""
        if event.kind is Kind.FAILED:
            with self._news:
                self._events.append(event)
                self._news.notify()

    def stop(self) -> None:
        """Report what is left, then end."""
        with self._news:
            self._stopped = True
            self._news.notify()
        self._thread.join(2 * PATIENCE)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._events or self._stopped)
                events, self._events = self._events, []
                stopped = self._stopped
            if events:
                self._report(events)
            if stopped:
                return
            with self._news:
                self._news.wait_for(lambda: self._stopped, INTERVAL)

    def _report(self, events: list[Event]) -> None:
        data = json.dumps(report(events, self._failure.names), ensure_ascii=True).encode()
        if self._failure.command:
            try:
                subprocess.run(
                    self._failure.command,
                    input=data,
                    timeout=PATIENCE,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            except (OSError, subprocess.SubprocessError) as error:
                no_command: Message = f"The failure command did not work: {quoted(error)}."
                self._told(no_command)
        if self._failure.webhook:
            try:
                _post(self._failure.webhook, data)
            except (httpx2.HTTPError, httpx2.InvalidURL, InvalidInput) as error:
                no_webhook: Message = f"The failure webhook did not work: {quoted(error)}."
                self._told(no_webhook)


def _post(url: str, data: bytes) -> None:
    fields = {"content-type": "application/json"}
    # The status alone: nobody has to read, or to wait for, what follows.
    with (
        within(Deadline(PATIENCE, sending=True)),
        http_client(url, PATIENCE) as http,
        http.stream("POST", url, content=data, headers=fields) as answer,
    ):
        answer.raise_for_status()


def report(events: list[Event], names: bool) -> dict[str, Any]:
    """Return a report as the module's head describes it."""
    value: dict[str, Any] = {
        "failures": len(events),
        "codes": dict(Counter(event.code or "error" for event in events)),
        "deposits": [event.id for event in events if event.id][:_MOST],
        "from": iso(events[0].at),
        "to": iso(events[-1].at),
    }
    if names:
        value["events"] = [{"what": each.what, "why": each.why} for each in events[:_MOST]]
    return value
