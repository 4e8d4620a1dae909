"""The one durable writer: nothing else here calls fsync, and whoever writes for keeps comes here.

    what                          system calls, in order
    new_file, NewFile             open O_EXCL, write ..., fsync
    AtomicFile, write_durably     the same under a hidden name, rename, fsync of the folder
    make_folder                   mkdir, fsync of the folder above; from the top down
    sync, sync_folder             fsync; for what is appended to, or renamed many at a time

A crash before the rename leaves a hidden file that nobody reads, and whatever stood under the name.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ledger.crypto.merkle import Buffer
from ledger.disk.positions import write_at
from ledger.errors import StorageFailed
from ledger.quoted import Message, quoted


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
        with writing(self.path):
            self._descriptor = _create(self._written)
        return self

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write all of `data` at `offset`. Raises StorageFailed."""
        with writing(self.path):
            _write_all(self._descriptor, data, offset)

    def place(self) -> "Place":
        """Return where another process finds the file, for as long as it is being written."""
        found = os.fstat(self._descriptor)
        return Place(os.path.abspath(self._written), found.st_dev, found.st_ino)  # noqa: PTH100

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with writing(self.path):
                    sync(self._descriptor)
        finally:
            os.close(self._descriptor)


def _write_all(descriptor: int, data: Buffer, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = write_at(descriptor, view, offset)
        view, offset = view[count:], offset + count


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies, and which it is."""

    path: str
    device: int
    inode: int


class WrittenElsewhere:
    """A `NewFile` of another process, to write in it from this one, which does not make it durable.

    Raises OSError where it does not lie at its place, and when it cannot be written.
    """

    def __init__(self, place: Place) -> None:
        self._descriptor = os.open(place.path, _OF_OTHERS)
        found = os.fstat(self._descriptor)
        if (found.st_dev, found.st_ino) != (place.device, place.inode):
            raise FileNotFoundError(errno.ENOENT, "another file lies here", place.path)

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write all of `data` at `offset`."""
        _write_all(self._descriptor, data, offset)


_OF_OTHERS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of an OSError within that `path` could not be written. Raises StorageFailed."""
    try:
        yield
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> StorageFailed:
    """Return the error that says so, and what to do."""
    return StorageFailed(
        f"{quoted(path)} could not be written ({error.strerror}); {what_to_do(error)}."
    )


def what_to_do(error: OSError) -> Message:
    """Return what a person can do about a file that could not be written."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "free some space or choose another folder, then try again"
    if error.errno == errno.EROFS:
        return (
            "it can only be read: choose another folder, or have it mounted to be written, and under "
            "systemd named in the unit (ReadWritePaths=)"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return "you may not write there: choose another folder, or have its permissions changed"
    return "choose another folder or disk, then try again"


class AtomicFile(NewFile):
    """A file, mode 0600, that appears under its name whole and durable, or not at all.

    Without `settled` its content is durable and its name is not: who writes many calls `sync_folder`.
    """

    def __init__(self, path: Path, *, settled: bool = True) -> None:
        super().__init__(path, path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part"))
        self._settled = settled

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        placed = False
        try:
            super().__exit__(kind, error, trace)
            if kind is None:
                with writing(self.path):
                    os.replace(self._written, self.path)  # noqa: PTH105 (makes no new Path)
                placed = True
        finally:
            if not placed:
                self._written.unlink(missing_ok=True)
        if placed and self._settled:
            with writing(self.path):
                sync_folder(self.path.parent)


def sync(file: int | BinaryIO) -> None:
    """Make what was written to a file durable; its name is not. Raises OSError."""
    if not isinstance(file, int):
        file.flush()
    os.fsync(file)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    if os.name == "nt":
        return  # A folder cannot be opened there; NTFS journals renames by itself.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def new_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Yield a new file to write from its beginning; its content is durable when the block ends.

    Its name is not. Raises OSError.
    """
    with open(_create(path, mode), "wb") as file:
        yield file
        sync(file)


def _create(path: Path, mode: int = 0o600) -> int:
    # From its first moment nobody else can open it.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a whole file under its name, synced, folder and all. Raises OSError."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    # What a crash has left: its one name keeps such files from piling up.
    temporary.unlink(missing_ok=True)
    try:
        with new_file(temporary, mode) as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
