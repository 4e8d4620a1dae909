"""Files as the use cases see them: sources that must not change, and outputs that appear whole.

A source is opened anew for every read and compared with what it was at the start, so that ten thousand
small files need one descriptor and a file that is exchanged between two reads is noticed. Inputs are
never memory-mapped: one that shrinks would kill the process.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from ledger.crypto.armor import MAX_ARMORED, is_armored
from ledger.crypto.envelope import MAX_HEADER, decrypt_bytes, parse_header
from ledger.crypto.merkle import Buffer
from ledger.crypto.recipients import Identity
from ledger.crypto.stream import PayloadReader
from ledger.errors import InvalidInput, StorageFailed
from ledger.quoted import quoted

_ARMOR_PROBE = 256
"""Bytes in which an armor's first line is looked for, after whitespace."""


class NewFile:
    """A new file, mode 0600, its content durable when the block is left without an error.

    Its name is not: for files in a folder that gets its own name, durably, when all of it stands. Write
    from any thread at any offset inside the `with` block. Where it is `written` under another name for
    the time being, errors name `path` all the same. Raises StorageFailed.
    """

    def __init__(self, path: Path, written: Path | None = None) -> None:
        self.path = path
        self._written = written or path
        self._descriptor = -1

    def __enter__(self) -> Self:
        with self._storage():
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self._written, flags, 0o600)
        return self

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write all of `data` at `offset`. Raises StorageFailed."""
        view = memoryview(data)
        with self._storage():
            while view:
                count = _write_at(self._descriptor, view, offset)
                view, offset = view[count:], offset + count

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._storage():
                    os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)

    @contextlib.contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageFailed(
                f"{quoted(self.path)} could not be written ({error.strerror}); {what_to_do(error)}"
            ) from error


def what_to_do(error: OSError) -> str:
    """Return what a person can do about a file that could not be written."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "free some space or choose another folder, then try again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "you may not write there: choose another folder, or have its permissions changed"
    return "choose another folder or disk, then try again"


class AtomicFile(NewFile):
    """A file, mode 0600, that appears under its name whole and durable, or not at all."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
            if kind is None:
                with self._storage():
                    self._written.replace(self.path)
        finally:
            self._written.unlink(missing_ok=True)
        if kind is None:
            with self._storage():
                sync_folder(self.path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    if os.name == "nt":
        return  # A folder cannot be opened there; NTFS journals renames by itself.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_payload(path: Path, identities: Sequence[Identity]) -> Iterator[PayloadReader]:
    """Yield a reader of the binary age file at `path`, its final chunk already checked.

    Raises InvalidInput where the file cannot be read, and as Header.unwrap and PayloadReader do.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            descriptor = file.fileno()
            header = parse_header(_read_at(descriptor, MAX_HEADER, 0))
            size = os.fstat(descriptor).st_size - len(header.encoded)
        except OSError as error:
            raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}") from error
        yield PayloadReader(
            lambda offset, length: _read_at(descriptor, length, len(header.encoded) + offset),
            size,
            header.unwrap(identities),
        )


def decrypt_file(source: Path, destination: Path, identities: Sequence[Identity]) -> None:
    """Decrypt an age file, binary or armored; `destination` appears only when all of it is genuine.

    Raises as open_payload, decrypt_bytes and AtomicFile do.
    """
    try:
        with source.open("rb") as file:
            armored = is_armored(file.read(_ARMOR_PROBE))
            if armored:
                file.seek(0)
                data = file.read(MAX_ARMORED + 1)
    except OSError as error:
        raise InvalidInput(f"{quoted(source)} cannot be read: {error.strerror}") from error
    if armored:
        plaintext = decrypt_bytes(data, identities)
        with AtomicFile(destination) as out:
            out.write_at(0, plaintext)
        return
    workers = os.cpu_count() or 1
    with (
        open_payload(source, identities) as reader,
        ThreadPoolExecutor(workers) as pool,
        AtomicFile(destination) as out,
    ):
        offset = 0
        for segment in reader.segments(pool, 2 * workers):
            out.write_at(offset, segment)
            offset += len(segment)


_position = Lock()
"""Held where a system has only one position for each open file (Windows)."""


def _read_at(descriptor: int, length: int, offset: int) -> bytes:
    parts = []
    while length and (part := _read_once(descriptor, length, offset)):
        parts.append(part)
        length, offset = length - len(part), offset + len(part)
    return b"".join(parts)


def _read_once(descriptor: int, length: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, offset)
    with _position:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)


def read_exactly_into(descriptor: int, buffer: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], offset)
    data = _read_once(descriptor, len(buffer), offset)
    buffer[: len(data)] = data
    return len(data)


def _write_at(descriptor: int, data: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, offset)
    with _position:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)
