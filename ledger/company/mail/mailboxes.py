"""Mailboxes in files: mbox (RFC 4155) and Maildir, read and never written.

An mbox is cut where a line begins with "From " at the file's start or after an empty line. A message is
the bytes between, as stored: quoted ">From " lines stay quoted, and the line end that separates it from
the next message is left out. The "From " line goes into the provenance. Only one message at a time is
in memory.

In a Maildir each file in cur/ and new/ is a message. Files and messages over the limit are reported
and passed over; a message is known again by its content, so that reading a mailbox anew, after it was
packed or reordered, gives no second deposit.
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ledger.company.mail.sources import MAX_SIZE, MailboxFiles
from ledger.errors import InvalidInput, SourceChanged
from ledger.quoted import quoted

POLL = 2.0
"""Seconds between two looks at a mailbox that is followed; an mbox must not change in between."""

_LINE = 1 << 16
_MAX_SEPARATOR = 1024
_EMPTY = (b"\n", b"\r\n")


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as a file holds it; of an mbox also its "From " line, and the offset where it ends."""

    message: bytes
    mailbox: Path
    kind: str
    place: str
    separator: bytes = b""
    end: int = 0

    @property
    def key(self) -> str:
        """The same for the same message in the same mailbox."""
        name = os.fsencode(self.mailbox).hex()
        return f"{self.kind}:{name}:{sha256(self.message).hexdigest()}"


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A message that is over the limit."""

    place: str
    end: int = 0


def read_mbox(path: Path, max_size: int = MAX_SIZE, start: int = 0) -> Iterator[Stored | TooLarge]:
    """Yield the messages of an mbox in order; `start` is an earlier message's `end`.

    Raises InvalidInput where it is no mbox or cannot be read, SourceChanged where it is written to
    meanwhile: its last message may then be incomplete and is left for the next time.
    """
    try:
        with path.open("rb") as file:
            if start:
                file.seek(start)
                if not file.read(5).startswith(b"From "):
                    start = 0
                file.seek(start)
            size = os.fstat(file.fileno()).st_size
            last: Stored | TooLarge | None = None
            for each in _split(file, path, max_size):
                if last is not None:
                    yield last
                last = each
            if os.fstat(file.fileno()).st_size != size:
                raise SourceChanged(
                    f"{quoted(path)} is being written to; take it again in a moment"
                )
            if last is not None:
                yield last
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error


def _split(file: BinaryIO, path: Path, max_size: int) -> Iterator[Stored | TooLarge]:
    message, separator, begin, over = bytearray(), b"", -1, False
    position = file.tell()
    starts, after_empty = True, True
    while line := file.readline(_LINE):
        if starts and after_empty and line.startswith(b"From "):
            if begin >= 0:
                yield _stored(message, path, begin, position, separator, over)
            message, separator, begin, over = bytearray(), line.rstrip(b"\r\n"), position, False
        elif begin < 0 and line not in _EMPTY:
            raise InvalidInput(
                f"{quoted(path)} is not an mbox: it does not begin with a line `From ...`."
            )
        elif len(message) + len(line) > max_size + 2:
            over = True
            message.clear()
        elif not over:
            message += line
        after_empty = starts and line in _EMPTY
        starts = line.endswith(b"\n")
        position += len(line)
    if begin >= 0:
        yield _stored(message, path, begin, position, separator, over)


def _stored(
    message: bytearray, path: Path, begin: int, end: int, separator: bytes, over: bool
) -> Stored | TooLarge:
    place = f"mbox {path} at byte {begin}"
    if over:
        return TooLarge(place, end)
    for empty in (b"\r\n\r\n", b"\n\n"):
        if message.endswith(empty):
            del message[-len(empty) // 2 :]
            break
    return Stored(bytes(message), path, "mbox", place, separator[:_MAX_SEPARATOR], end)


def read_maildir(
    path: Path, max_size: int = MAX_SIZE, seen: set[str] | None = None
) -> Iterator[Stored | TooLarge]:
    """Yield the messages of a Maildir; names in `seen` are passed over, and new ones put there.

    Raises InvalidInput where it is no Maildir.
    """
    known = set() if seen is None else seen
    # First new, then cur: what a mail program moves from one to the other meanwhile is found there.
    for folder in ("new", "cur"):
        try:
            names = sorted(each.name for each in (path / folder).iterdir())
        except OSError as error:
            raise InvalidInput(
                f"{quoted(path)} is not a Maildir: its folder {quoted(folder)} cannot be read "
                f"({error.strerror})."
            ) from error
        for name in names:
            unique = name.partition(":2,")[0]
            if name.startswith(".") or unique in known:
                continue
            found = _read_message(path, folder, name, max_size)
            if found is not None:
                yield found
                known.add(unique)  # only once the caller has come back for more


def _read_message(path: Path, folder: str, name: str, max_size: int) -> Stored | TooLarge | None:
    """Return a Maildir's message, None where it is gone or no file."""
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    place = f"maildir {path}/{folder}/{shown}"
    try:
        # A pipe must not keep us waiting.
        descriptor = os.open(path / folder / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{quoted(place)} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:
        message = file.read(max_size + 1)
    if len(message) > max_size:
        return TooLarge(place)
    return Stored(message, path, "maildir", place)


class MailboxFollower:
    """A mailbox in files, followed by a thread from `start` to `stop`.

    Args:
        take: Seals a message; returns once it is durable.
        failed: Told of every error; the mailbox is looked at again.
    """

    def __init__(
        self,
        source: MailboxFiles,
        take: Callable[[Stored], object],
        failed: Callable[[str, Exception], object] = lambda _what, _error: None,
        *,
        max_size: int = MAX_SIZE,
        poll: float = POLL,
    ) -> None:
        self._path = Path(source.path)
        self._kind = source.kind
        self._take = take
        self._failed = failed
        self._max_size = max_size
        self._poll = poll
        self._seen: set[str] = set()
        self._end = 0
        self._state: tuple[int, int, int] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._kind, daemon=True)

    def start(self) -> None:
        """Begin to follow the mailbox."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; a message that is being taken is finished."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        last: Exception | None = None
        while not self._stop.is_set():
            try:
                self._look()
                last = None
            except SourceChanged:
                pass  # the next look takes it
            except Exception as error:  # noqa: BLE001 - one trouble must not end the following
                if str(error) != str(last):
                    self._failed(str(self._path), error)
                last = error
            self._stop.wait(self._poll)

    def _look(self) -> None:
        if self._kind == "maildir":
            for each in read_maildir(self._path, self._max_size, self._seen):
                self._handle(each)
            return
        found = self._path.stat()
        state = (found.st_ino, found.st_size, found.st_mtime_ns)
        if state == self._state:
            return
        same_file = self._state is not None and self._state[0] == state[0]
        start = self._end if same_file and found.st_size >= self._end else 0
        self._stop.wait(self._poll)
        after = self._path.stat()
        if (after.st_ino, after.st_size, after.st_mtime_ns) != state:
            return
        for each in read_mbox(self._path, self._max_size, start):
            self._handle(each)
            self._end = each.end
        self._state = state

    def _handle(self, found: Stored | TooLarge) -> None:
        if isinstance(found, TooLarge):
            self._failed(found.place, ValueError(f"larger than {self._max_size} bytes"))
        else:
            self._take(found)
