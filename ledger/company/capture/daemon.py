"""The daemon of one vault: what captures, what sends, what tells of failures; one at a time.

It uses the device's signing key and the public recipients, never the identity: it cannot read what it
has sealed.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ledger.chain.policy import by_address
from ledger.company.capture.alarm import Alarm
from ledger.company.capture.config import CaptureConfig
from ledger.company.capture.intake import Intake
from ledger.company.capture.journal import Journal, Kind
from ledger.company.capture.sender import SenderLoop
from ledger.company.capture.upkeep import Refreshing, Stamping, Upkeep, Watching
from ledger.company.capture.watching import FolderWatcher
from ledger.company.vault.vault import Vault
from ledger.crypto.recipients import Random
from ledger.errors import Conflict
from ledger.quoted import quoted

LOCK = "daemon"
TICK = 1.0
"""Seconds between two looks at whether status.json is to be written."""


class Service(Protocol):
    """Something that captures."""

    def start(self) -> None:
        """Begin; returns at once. Raises InvalidInput."""
        ...

    def stop(self) -> None:
        """End once what was begun is durable."""
        ...


@dataclass(frozen=True, slots=True)
class Seams:
    """What a service works with; `spooled` is called after each item that was taken."""

    vault: Vault
    intake: Intake
    journal: Journal
    clock: Callable[[], float]
    spooled: Callable[[], None]


Services = Callable[[CaptureConfig, Seams], Sequence[Service]]
"""Makes the services that a configuration asks for, besides watched folders."""


def run_daemon(
    vault: Vault,
    config: CaptureConfig,
    services: Services,
    *,
    clock: Callable[[], float],
    random: Random,
    stop: threading.Event,
    begun: Callable[[Journal], None],
) -> None:
    """Capture and send until `stop` is set. `begun` is called once everything runs.

    Raises Conflict when another daemon serves the vault, InvalidInput, StorageFailed.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone(vault.home))
        journal = Journal(vault.home, clock)
        stack.callback(journal.write)
        if config.failure.command or config.failure.webhook:
            alarm = Alarm(config.failure, lambda why: journal.note(Kind.WAITING, "the alarm", why))
            journal.listen(alarm)
            stack.callback(alarm.stop)
        intake = stack.enter_context(Intake(vault, clock, random))
        sender = SenderLoop(vault, intake, journal, clock)
        stack.callback(sender.stop)
        seams = Seams(vault, intake, journal, clock, sender.wake)
        watcher = FolderWatcher(config.watch, intake, journal, vault.home, clock, sender.wake)
        for each in (watcher, *services(config, seams)):
            stack.callback(each.stop)
            each.start()
        sender.start()
        upkeep = [Upkeep("receipts", vault, journal, Refreshing(vault, journal))]
        if any(each.url is not None for each in vault.trust.authorities):
            upkeep.append(Upkeep("timestamps", vault, journal, Stamping(vault, clock)))
        if by_address(vault.trust.policy):
            upkeep.append(Upkeep("watching", vault, journal, Watching(vault, journal, clock)))
        for each in upkeep:
            stack.callback(each.stop)
            each.start()
        begun(journal)
        while not stop.is_set():
            journal.write()
            stop.wait(TICK)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(home / LOCK, timeout=0, mode=0o600):
            yield
    except Timeout as error:
        raise Conflict(
            f"Another daemon serves the vault at {quoted(home)}; `sealbook status` shows what it does."
        ) from error


def is_running(home: Path) -> bool:
    """Return whether a daemon serves the vault."""
    try:
        with _alone(home):
            return False
    except Conflict:
        return True
