"""Folders of a mailbox on an IMAP server (RFC 9051), as mail arrives there.

Folders are opened with EXAMINE and messages read with BODY.PEEK: nothing is marked, moved or deleted.
IDLE (RFC 2177) tells of new mail; servers without it are asked every `POLL` seconds. A folder is read
on from the last UID that was taken, as long as its UIDVALIDITY is the same; after a change it is read
from its start, and what was taken before is known again by its content.

Each folder has a thread and a connection of its own, which comes back by itself, ever more slowly up
to `LONGEST_PAUSE`, when the server or the network is away. Certificates are always verified.
"""

import json
import random
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from imaplib import IMAP4
from pathlib import Path
from typing import Any

from imap_tools.mailbox import BaseMailBox

from ledger.company.mail.imap_parts import (
    has_buffered_line,
    has_news,
    open_mailbox,
    stated_validity,
)
from ledger.company.mail.sources import MAX_SIZE, ImapSource
from ledger.company.vault.stored import write_file
from ledger.errors import StorageFailed

TIMEOUT = 60.0
"""Seconds without an answer, after which a connection is given up."""
IDLE = 9 * 60.0
"""Seconds of one IDLE: servers and firewalls forget connections after 10 to 30 minutes of silence."""
POLL = 20.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
STEP = 1.0
"""Seconds after which a waiting folder looks whether it is to stop."""
SPARE = 64 << 20
"""Bytes of one answer beside a message: the UIDs of millions of messages."""
SEARCH_STEP = 10_000
"""UIDs whose sizes are asked for at once."""

_UID = re.compile(rb"UID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as the server holds it."""

    message: bytes
    source: ImapSource
    folder: str
    validity: int
    uid: int

    @property
    def key(self) -> str:
        """The same for the same message in any folder of the mailbox, whatever its UID becomes."""
        account = f"{self.source.user}@{self.source.host}:{self.source.port}"
        return f"imap:{account}:{sha256(self.message).hexdigest()}"

    @property
    def place(self) -> str:
        """Where it was found, for its provenance."""
        return (
            f"imap {self.source.user}@{self.source.host} port {self.source.port} "
            f"{self.folder} UIDVALIDITY {self.validity} UID {self.uid}"
        )


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder was read."""

    validity: int
    uid: int


class Positions:
    """Where each folder of one mailbox was left: a file in the vault. Losing it costs only time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, list[int]] = {}
        try:
            value = json.loads(path.read_bytes())
            self._known = {
                str(name): [int(validity), int(uid)] for name, (validity, uid) in value.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            self._known = {}

    def get(self, folder: str, validity: int) -> Position:
        """Return the position in a folder, its start where it is another folder by now."""
        known = self._known.get(folder, [validity, 0])
        return Position(validity, known[1] if known[0] == validity else 0)

    def keep(self, folder: str, position: Position) -> None:
        """Keep a position. Raises StorageFailed."""
        with self._lock:
            self._known[folder] = [position.validity, position.uid]
            data = json.dumps(self._known, ensure_ascii=False, indent=1).encode()
            write_file(self._path, data)


class ImapFolder:
    """One folder, followed by a thread from `start` to `stop`.

    Args:
        take: Seals a message; returns once it is durable.
        failed: Told of every error; the folder goes on by itself.
    """

    def __init__(
        self,
        source: ImapSource,
        folder: str,
        password: Callable[[], str],
        positions: Positions,
        take: Callable[[Fetched], object],
        failed: Callable[[str, Exception], object] = lambda _what, _error: None,
        *,
        max_size: int = MAX_SIZE,
        tls: ssl.SSLContext | None = None,
        idle: float = IDLE,
        poll: float = POLL,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._source = source
        self._folder = folder
        self._password = password
        self._positions = positions
        self._take = take
        self._failed = failed
        self._max_size = max_size
        self._tls = tls
        self._idle = idle
        self._poll = poll
        self._first_pause = first_pause
        self._heard = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"imap {folder}", daemon=True)

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self._source.user}@{self._source.host}/{self._folder}"

    def start(self) -> None:
        """Begin to follow the folder."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; a message that is being taken is finished."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=STEP + TIMEOUT)

    def _run(self) -> None:
        attempt, told = 0, ""
        while not self._stop.is_set():
            try:
                for _ in self._follow():
                    attempt, told = 0, ""
            except Exception as error:  # noqa: BLE001 - whatever a server says, the folder goes on
                if str(error) != told:
                    self._failed(self.name, error)
                told = str(error)
            attempt += 1
            pause = min(self._first_pause * 2.0 ** min(attempt, 30), LONGEST_PAUSE)
            self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 (jitter)

    def _follow(self) -> Iterator[None]:
        """Read a folder to its end again and again; yield each time the end is reached."""
        box = self._connect()
        try:
            self._heard = 0
            box.login(self._source.user, self._password(), initial_folder=None)
            box.folder.set(self._folder, readonly=True)
            idles = "IDLE" in box.client.capabilities
            validity = _number(box.client.response("UIDVALIDITY")[1])
            while not self._stop.is_set():
                self._read_on(box, validity)
                yield
                self._wait(box, validity, idles)
        finally:
            # Not LOGOUT: a server that does not answer must not hold the folder up.
            box.client.shutdown()

    def _connect(self) -> BaseMailBox:
        source = self._source
        tls = (self._tls or ssl.create_default_context()) if source.tls else None
        return open_mailbox(source.host, source.port, tls, TIMEOUT, self._max_size, self._hear)

    def _hear(self, size: int) -> None:
        """Count what a server says: all of it is kept until it has answered."""
        self._heard += size
        if self._heard > self._max_size + SPARE:
            raise IMAP4.abort("the server goes on without an end")

    def _read_on(self, box: BaseMailBox, validity: int) -> None:
        box.client.response("EXISTS")  # what is said from here on may be news
        last = self._positions.get(self._folder, validity).uid
        for uid, size in self._sizes(box, last):
            if self._stop.is_set():
                return
            self._heard = 0
            if size > self._max_size:
                self._failed(
                    self.name,
                    ValueError(f"message {uid} has {size} bytes, more than {self._max_size}"),
                )
            else:
                message = _fetch(box, uid)
                _check_validity(box, validity)
                if message is not None:
                    self._take_one(Fetched(message, self._source, self._folder, validity, uid))
            self._positions.keep(self._folder, Position(validity, uid))

    def _take_one(self, fetched: Fetched) -> None:
        """Take a message; one that cannot be sealed stops nothing behind it. Raises StorageFailed."""
        try:
            self._take(fetched)
        except (StorageFailed, OSError):
            raise  # it comes again
        except Exception as error:  # noqa: BLE001  whatever one message makes of it
            self._failed(fetched.place, error)

    def _sizes(self, box: BaseMailBox, last: int) -> list[tuple[int, int]]:
        """Return (UID, bytes) of the messages above a UID, in order."""
        found = sorted(
            uid for uid in map(int, box.uids(f"UID {last + 1}:*", charset=None)) if uid > last
        )
        sizes: list[tuple[int, int]] = []
        for at in range(0, len(found), SEARCH_STEP):
            part = found[at : at + SEARCH_STEP]
            _, answer = box.client.uid("FETCH", f"{part[0]}:{part[-1]}", "(UID RFC822.SIZE)")
            known = {}
            for line in answer or ():
                if isinstance(line, bytes) and (uid := _UID.search(line)):
                    size = _SIZE.search(line)
                    known[int(uid[1])] = int(size[1]) if size else 0
            sizes += [(uid, known[uid]) for uid in part if uid in known]
        return sizes

    def _wait(self, box: BaseMailBox, validity: int, idles: bool) -> None:
        """Return when there may be new mail, or when it is time to ask."""
        self._heard = 0
        _check_validity(box, validity)
        if has_news(box):
            return
        if not idles:
            self._stop.wait(self._poll)
            box.client.noop()
            return
        box.idle.start()  # type: ignore[no-untyped-call]
        try:
            waited = 0.0 if not has_buffered_line(box) else self._idle
            while waited < self._idle and not self._stop.is_set():
                if box.idle.poll(timeout=min(STEP, self._idle)):
                    break
                waited += STEP
        finally:
            box.idle.stop()  # type: ignore[no-untyped-call]


def _fetch(box: BaseMailBox, uid: int) -> bytes | None:
    """Return a message's bytes, None where it was deleted meanwhile."""
    status, answer = box.client.uid("FETCH", str(uid), "(UID BODY.PEEK[])")
    if status != "OK":
        raise IMAP4.error(f"the server does not give message {uid}")
    for part in answer or ():
        if isinstance(part, tuple) and (found := _UID.search(part[0])) and int(found[1]) == uid:
            return bytes(part[1])
    # A server may name the UID after the literal.
    parts = [part for part in answer or () if isinstance(part, tuple)]
    return bytes(parts[0][1]) if len(parts) == 1 else None


def _check_validity(box: BaseMailBox, validity: int) -> None:
    """Raise IMAP4.abort where the server says that the folder is another one by now."""
    if not stated_validity(box, validity):
        raise IMAP4.abort("the folder was made anew; it is opened again")


def _number(answer: list[Any]) -> int:
    value = answer[0] if answer else None
    if not isinstance(value, bytes) or not value.isdigit():
        raise IMAP4.error("the server does not say the folder's UIDVALIDITY")
    return int(value)
