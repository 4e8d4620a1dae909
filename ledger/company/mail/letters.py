"""Mail into the spool: whichever way a message came, it becomes one deposit with its provenance.

Key records are looked up before the message is sealed, so that one deposit, under one signature, holds
the message and what its check needs; `ledger.company.mail.dkim` limits how long that takes.
"""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ledger.company.capture.config import Provenance
from ledger.company.capture.intake import Intake, Item, item_key
from ledger.company.capture.journal import Journal, Kind
from ledger.company.documents import Document
from ledger.company.mail.dkim import NoResolver, Resolver, check_signatures
from ledger.company.mail.imap import Fetched
from ledger.company.mail.mailboxes import Stored
from ledger.company.mail.smtp import Arrival
from ledger.company.mail.sources import MailPolicy
from ledger.company.mail.stating import envelope_provenance, header_provenance
from ledger.company.noting import sentences
from ledger.company.sealing.sources import MemorySource
from ledger.company.splitters.headers import decoded, document_name, parse_mail_header, plain, title
from ledger.company.vault.home import SPOOL
from ledger.company.vault.stored import StoredDeposit
from ledger.errors import SealbookError, StorageFailed
from ledger.program import tool_name
from ledger.quoted import quoted

MEDIA_TYPE = "message/rfc822"
RESERVE = 64 << 20
"""Bytes that stay free on the vault's disk: receipts still have to be stored there."""
MAX_WAITING = 200_000
"""Deposits that may wait for the notary; more would take longer to send than mail servers wait."""
_LOOK_EVERY = 1.0


class Letters:
    """Takes messages; for any number of threads. `spooled` is called after each."""

    def __init__(
        self,
        home: Path,
        intake: Intake,
        journal: Journal,
        resolver: Resolver,
        clock: Callable[[], float],
        spooled: Callable[[], object],
        *,
        reserve: int = RESERVE,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._home = home
        self._intake = intake
        self._journal = journal
        self._resolver = resolver
        self._clock = clock
        self._spooled = spooled
        self._reserve = reserve
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._room = 0

    def arrived(self, arrival: Arrival, policy: MailPolicy, listen: str) -> str:
        """Take a message from the journal; return its deposit's id for the answer."""
        more = envelope_provenance(arrival.envelope)
        return self._take(arrival.message, arrival.key, f"smtp {listen}", more, policy)

    def fetched(self, fetched: Fetched, policy: MailPolicy) -> None:
        """Take a message from an IMAP folder."""
        self._take(fetched.message, fetched.key, fetched.place, (), policy)

    def stored(self, stored: Stored, policy: MailPolicy) -> None:
        """Take a message from a mailbox in files."""
        separator = stored.separator.decode("utf-8", "backslashreplace")
        more: Provenance = (("mbox-from", plain(separator)),) if separator else ()
        self._take(stored.message, stored.key, stored.place, more, policy)

    def failed(self, what: str, error: Exception) -> None:
        """Note what did not become a deposit."""
        code = error.code if isinstance(error, SealbookError) else "capture-failed"
        ours = isinstance(error, SealbookError)
        # Whatever else: a mail server, a resolver or the system has put it into words.
        why = str(error) if ours else f"It failed: {quoted(str(error) or type(error).__name__)}."
        self._journal.note(Kind.FAILED, what, why, code)

    def _take(
        self, message: bytes, key: str, source: str, more: Provenance, policy: MailPolicy
    ) -> str:
        """Seal a message; return the id of its deposit, durable in the spool.

        Raises StorageFailed where a later attempt may succeed, and what Intake.take raises.
        """
        received = self._clock()
        found = self._intake.find(item_key(key))
        if found is None:
            self._check_room(len(message))
            header = parse_mail_header(message)
            resolver = self._resolver if policy.look_up else NoResolver()
            self._journal.note(Kind.CAME_IN, title(header))
            item = Item(
                key=item_key(key),
                documents=(
                    Document(
                        MemorySource(message),
                        document_name(header),
                        modified=int(received),
                        media_type=MEDIA_TYPE,
                        origin=plain(source),
                        tool=tool_name(),
                    ),
                ),
                title=title(header),
                path="",
                rule=policy.rule_for(decoded(header.sender)),
                provenance=(
                    *header_provenance(header, source, received),
                    *more,
                    *check_signatures(message, resolver),
                ),
            )
            found = self._intake.take(item)
            self._journal.expect(found.name, received)
            self._journal.note(
                Kind.SEALED, title(header), sentences(found.meta.notices), identity=_digits(found)
            )
            self._spooled()
        return _digits(found)

    def _check_room(self, size: int) -> None:
        """Raise StorageFailed unless the disk and the spool have room for a message."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked > _LOOK_EVERY:
                waiting = sum(1 for _ in (self._home / SPOOL).iterdir())
                if waiting > self._max_waiting:
                    raise StorageFailed(
                        f"{waiting} deposits wait for the notary; no more mail is taken until some "
                        "have gone out."
                    )
                self._room = shutil.disk_usage(self._home).free - self._reserve
                self._looked = now
            self._room -= 2 * size
            if self._room < 0:
                self._looked = float("-inf")
                raise StorageFailed(
                    f"The disk of {quoted(self._home)} is nearly full; free some space. Mail servers "
                    "try again by themselves."
                )


def _digits(deposit: StoredDeposit) -> str:
    return deposit.name.rpartition("-")[2]
