"""The services that capture mail, as the daemon runs them."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from ledger.company.capture.daemon import Seams, Service
from ledger.company.mail.dkim import Resolver
from ledger.company.mail.imap import ImapFolder, Positions
from ledger.company.mail.letters import Letters
from ledger.company.mail.mailboxes import (
    MailboxFollower,
    PassedOver,
    Stored,
    read_maildir,
    read_mbox,
)
from ledger.company.mail.smtp import Arrival, SmtpJournal
from ledger.company.mail.sources import ImapSource, MailboxFiles, MailSource, SmtpSource
from ledger.errors import InvalidInput, SealbookError, StorageFailed
from ledger.quoted import quoted

PASSWORD_VARIABLE = "SEALBOOK_IMAP_PASSWORD"  # noqa: S105 (a name, no secret)
_LOOK = 0.1


def mail_services(
    sources: Sequence[MailSource], seams: Seams, resolver: Resolver
) -> tuple[list[Service], Letters]:
    """Return a service for each journal, folder and mailbox, and what they deliver to.

    Raises InvalidInput where a password is missing or a certificate cannot be used.
    """
    home = seams.vault.home
    letters = Letters(home, seams.intake, seams.journal, resolver, seams.clock, seams.spooled)
    services: list[Service] = []
    for each in sources:
        if isinstance(each, SmtpSource):
            services.append(_journal(each, letters))
        elif isinstance(each, ImapSource):
            services += _folders(each, letters, home)
        else:
            take = partial(letters.stored, policy=each.policy)
            services.append(MailboxFollower(each, take, letters.failed))
    return services, letters


def _journal(source: SmtpSource, letters: Letters) -> SmtpJournal:
    def take(arrival: Arrival) -> str:
        return letters.arrived(arrival, source.policy, journal.place)

    def failed(error: Exception) -> None:
        letters.failed(f"journal at {journal.place}", error)

    journal = SmtpJournal(source, take, failed, listening=letters.listening)
    return journal


def _folders(source: ImapSource, letters: Letters, home: Path) -> list[Service]:
    password = read_password(source)
    digits = sha256(f"{source.user}@{source.host}:{source.port}".encode()).hexdigest()[:16]
    positions = Positions(home / f"imap-{digits}.json")
    take = partial(letters.fetched, policy=source.policy)
    return [
        ImapFolder(source, folder, password, positions, take, letters.failed)
        for folder in source.folders
    ]


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of a mailbox, or of a folder in it, were taken, and how many passed over."""

    taken: int = 0
    passed_over: int = 0


class MailboxImport:
    """A service that takes what mailboxes in files hold, then tells `finished`.

    `counts` has what became of each mailbox (its path) and folder in it, in order; `errors` why a
    mailbox could not be read to its end.
    """

    def __init__(
        self, sources: Sequence[MailboxFiles], letters: Letters, finished: Callable[[], object]
    ) -> None:
        self._sources = sources
        self._letters = letters
        self._finished = finished
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="import", daemon=True)
        self.counts: dict[tuple[str, str], Count] = {}
        self.errors: list[SealbookError] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the message at hand."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            for each in self._sources:
                try:
                    self._take(each)
                except SealbookError as error:
                    self._letters.failed(each.path, error)
                    self.errors.append(error)
                    if isinstance(error, StorageFailed):
                        break
        finally:
            self._finished()

    def _take(self, source: MailboxFiles) -> None:
        path = Path(source.path)
        for each in read_mbox(path) if source.kind == "mbox" else read_maildir(path):
            if self._stop.is_set():
                return
            place = source.path, each.folder
            count = self.counts.get(place, Count())
            if self._took(each, source):
                count = replace(count, taken=count.taken + 1)
            else:
                count = replace(count, passed_over=count.passed_over + 1)
            self.counts[place] = count

    def _took(self, found: Stored | PassedOver, source: MailboxFiles) -> bool:
        """Take a message; return whether it was. Raises StorageFailed: then nothing more can be."""
        if isinstance(found, PassedOver):
            self._letters.failed(found.place, found.error)
            return False
        try:
            self._letters.stored(found, source.policy)
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001  whatever one message makes of it, the next has its turn
            self._letters.failed(found.place, error)
            return False
        return True


def wait_until_sent(seams: Seams, stop: threading.Event) -> None:
    """Wait until nothing more goes out: all is deposited or held back, or the notary is away."""
    while not stop.is_set():
        state = seams.journal.snapshot()
        waiting = len(seams.vault.spooled())
        if waiting <= state.get("held", 0) or state.get("notary", "reachable") != "reachable":
            return
        time.sleep(_LOOK)


def read_password(source: ImapSource) -> Callable[[], str]:
    """Return what gives a mailbox's password, read anew each time: from its file or the environment.

    Raises InvalidInput where there is none now.
    """

    def give() -> str:
        if source.password_file is None:
            password = os.environ.get(PASSWORD_VARIABLE, "")
        else:
            try:
                text = Path(source.password_file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidInput(
                    f"The password file {quoted(source.password_file)} cannot be read."
                ) from error
            password = text.partition("\n")[0].rstrip("\r")
        if not password:
            raise InvalidInput(
                f"There is no password for {quoted(source.user)}@{quoted(source.host)}: put it "
                "on the first line of a "
                f"file and name that, or into {PASSWORD_VARIABLE}."
            )
        return password

    give()
    return give
