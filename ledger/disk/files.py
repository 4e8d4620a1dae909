"""Files as the use cases see them: sources that must not change, and outputs that appear whole.

A source is opened anew for every read and compared with what it was at the start, so that ten thousand
small files need one descriptor and a file that is exchanged between two reads is noticed. Inputs are
never memory-mapped: one that shrinks would kill the process.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.crypto.merkle import Buffer
from ledger.disk.positions import write_at
from ledger.errors import StorageFailed
from ledger.quoted import quoted


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
                count = write_at(self._descriptor, view, offset)
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


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a whole file under its name, synced, folder and all. Raises OSError."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
