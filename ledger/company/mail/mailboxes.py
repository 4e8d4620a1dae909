"""Mailboxes in files: mbox and Maildir, read and never written.

An mbox is cut as `ledger.company.splitters.mailbox` says. A message is the bytes between two
separators, as stored: quoted ">From " lines stay quoted, and the line end that separates it from the
next message is left out. The "From " line goes into the provenance. Only one message at a time is in
memory.

In a Maildir each file in cur/ and new/ is a message, and so it is in its folders, those of Maildir++
(`.Sent`, `.Archive.2026`) as those below each other (`Archive/2026`), whose names are decoded (RFC 3501
section 5.1.3). What cannot be read or is over the limit is reported and passed over; a message is known
again by its content, so that reading a mailbox anew, after it was packed or reordered, gives no second
deposit.
"""

import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger.company.mail.imap_parts import decode_folder
from ledger.company.mail.sources import MAX_SIZE, MailboxFiles
from ledger.company.splitters.cutting import Unsplit, Window
from ledger.company.splitters.mailbox import Bounds, find_messages
from ledger.disk.positions import read_exactly_into
from ledger.errors import InvalidInput, SourceChanged, StorageFailed
from ledger.quoted import quoted

POLL = 2.0
"""Seconds between two looks at a mailbox that is followed; an mbox must not change in between."""
MAX_FOLDERS = 10_000
"""Folders of a Maildir."""
MAX_DEPTH = 20
"""Folders of a Maildir below each other."""

_MAX_SEPARATOR = 1024
_FLAGS = re.compile(r"[:;!]2,[A-Za-z]*$")
"""What a Maildir appends to a name, where no colon may be with another sign."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as a file holds it, and the folder of a Maildir, "" for the inbox; of an mbox its
    "From " line, and the offset where it ends."""

    message: bytes
    mailbox: Path
    kind: str
    place: str
    separator: bytes = b""
    end: int = 0
    folder: str = ""

    @property
    def key(self) -> str:
        """The same for the same message in the same mailbox."""
        name = os.fsencode(self.mailbox).hex()
        return f"{self.kind}:{name}:{sha256(self.message).hexdigest()}"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A message that is not taken, or a folder, and why."""

    place: str
    error: InvalidInput
    end: int = 0
    folder: str = ""


def read_mbox(
    path: Path, max_size: int = MAX_SIZE, start: int = 0
) -> Iterator[Stored | PassedOver]:
    """Yield the messages of an mbox in order; `start` is an earlier message's `end`.

    Raises InvalidInput where it is no mbox or cannot be read, SourceChanged where it is written to
    meanwhile: its last message may then be incomplete and is left for the next time.
    """
    try:
        with path.open("rb") as file:
            source = _OpenFile(file.fileno(), os.fstat(file.fileno()).st_size)
            window = Window(source)
            if not source.size:
                return
            window.settle_lines()
            if start and window.read(start, 5) not in (b"From ", b""):
                start = 0
            for found in find_messages(window, start):
                if found.after >= source.size and os.fstat(file.fileno()).st_size != source.size:
                    raise SourceChanged(
                        f"{quoted(path)} is being written to; take it again in a moment"
                    )
                yield _stored(source, path, found, max_size)
    except Unsplit as reason:
        raise InvalidInput(f"{quoted(path)} is not an mbox: {reason}.") from reason
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class _OpenFile:
    """A file as far as it went when it was opened; what is appended meanwhile does no harm."""

    descriptor: int
    size: int

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` from `offset` on. Raises SourceChanged where the file is shorter now."""
        while buffer:
            count = read_exactly_into(self.descriptor, buffer, offset)
            if not count:
                raise SourceChanged("the mailbox became shorter; take it again in a moment")
            buffer, offset = buffer[count:], offset + count

    def check(self) -> None:
        """It is read while it may change."""

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes between two offsets. Raises SourceChanged."""
        data = bytearray(end - start)
        self.read_into(start, memoryview(data))
        return bytes(data)


def _stored(source: _OpenFile, path: Path, found: Bounds, max_size: int) -> Stored | PassedOver:
    place = f"mbox {path} at byte {found.separator}"
    if found.end - found.start > max_size:
        return PassedOver(place, _too_large(max_size), found.after)
    line = source.read(found.separator, min(found.start, found.separator + _MAX_SEPARATOR))
    message = source.read(found.start, found.end)
    return Stored(message, path, "mbox", place, line.rstrip(b"\r\n"), found.after)


def _too_large(max_size: int) -> InvalidInput:
    return InvalidInput(f"The message is larger than the limit of {max_size} bytes.")


def read_maildir(
    path: Path, max_size: int = MAX_SIZE, seen: set[str] | None = None
) -> Iterator[Stored | PassedOver]:
    """Yield the messages of a Maildir and its folders; names in `seen` are passed over, and new ones
    put there.

    Raises InvalidInput where it is no Maildir.
    """
    known = set() if seen is None else seen
    found = False
    for place, folder in _folders(path):
        found = True
        yield from _read_folder(path, place, folder, max_size, known)
    if not found:
        raise InvalidInput(
            f"{quoted(path)} is not a Maildir: neither it nor a folder in it has a folder cur or new."
        )


def _folders(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a Maildir, itself first if it is one, each with its name decoded."""
    waiting, count = [(path, "", 0)], 0
    while waiting and count < MAX_FOLDERS:
        place, folder, depth = waiting.pop(0)
        if any((place / each).is_dir() for each in ("cur", "new")):
            count += 1
            yield place, folder
        if depth == MAX_DEPTH:
            continue
        try:
            names = sorted(
                each.name
                for each in os.scandir(place)
                if each.name not in ("cur", "new", "tmp") and each.is_dir(follow_symlinks=False)
            )
        except OSError as error:
            if not depth:
                raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
            continue
        for name in names:
            nested = name[1:].split(".") if name.startswith(".") else [name]
            shown = "/".join(map(decode_folder, nested))
            inner = f"{folder}/{shown}" if folder else shown
            waiting.append((place / name, inner, depth + 1))


def _read_folder(
    path: Path, place: Path, folder: str, max_size: int, known: set[str]
) -> Iterator[Stored | PassedOver]:
    # First new, then cur: what a mail program moves from one to the other meanwhile is found there.
    for state in ("new", "cur"):
        try:
            names = sorted(each.name for each in (place / state).iterdir())
        except FileNotFoundError:
            continue
        except OSError as error:
            where = f"maildir {place / state}"
            if where not in known:
                yield PassedOver(where, _unread(where, error), folder=folder)
                known.add(where)
            continue
        for name in names:
            unique = f"{place}/{_FLAGS.sub('', name)}"
            if name.startswith(".") or unique in known:
                continue
            found = _read_message(path, place / state, name, max_size, folder)
            if found is not None:
                yield found
                known.add(unique)  # only once the caller has come back for more


def _read_message(
    path: Path, parent: Path, name: str, max_size: int, folder: str
) -> Stored | PassedOver | None:
    """Return a Maildir's message, None where it is gone or no file."""
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    place = f"maildir {parent}/{shown}"
    try:
        # A pipe must not keep us waiting.
        descriptor = os.open(parent / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            message = file.read(max_size + 1)
    except (FileNotFoundError, IsADirectoryError):
        return None
    except OSError as error:
        return PassedOver(place, _unread(place, error), folder=folder)
    if len(message) > max_size:
        return PassedOver(place, _too_large(max_size), folder=folder)
    return Stored(message, path, "maildir", place, folder=folder)


def _unread(place: str, error: OSError) -> InvalidInput:
    return InvalidInput(f"{quoted(place)} cannot be read: {error.strerror}.")


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

    def _handle(self, found: Stored | PassedOver) -> None:
        """Take a message; one that cannot be taken now or ever stops nothing behind it."""
        if isinstance(found, PassedOver):
            self._failed(found.place, found.error)
            return
        try:
            self._take(found)
        except (StorageFailed, OSError):
            raise  # the next look tries again, from here
        except Exception as error:  # noqa: BLE001  whatever one message makes of it, the next has its turn
            self._failed(found.place, error)
