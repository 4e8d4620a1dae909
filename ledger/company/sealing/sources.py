"""Where the bytes of a document come from: a file that must not change meanwhile, or memory."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ledger.disk.positions import read_exactly_into
from ledger.errors import InvalidInput, SourceChanged
from ledger.quoted import Message, quoted


@dataclass(frozen=True, slots=True)
class FileSource:
    """A regular file as it was when `open_source` looked at it."""

    path: Path
    size: int
    modified_ns: int
    device: int
    inode: int

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` from `offset` on. Raises SourceChanged unless the file is as it was."""
        try:
            descriptor = os.open(self.path, _WITHOUT_WAITING)
            try:
                self._compare(os.fstat(descriptor))
                while buffer:
                    count = read_exactly_into(descriptor, buffer, offset)
                    if not count:
                        raise SourceChanged(
                            f"{quoted(self.path)} shrank while it was being sealed; {_AGAIN}"
                        )
                    buffer, offset = buffer[count:], offset + count
                self._compare(os.fstat(descriptor))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unread(error) from error

    def check(self) -> None:
        """Raise SourceChanged unless the file is as it was."""
        try:
            self._compare(self.path.stat())
        except OSError as error:
            raise self._unread(error) from error

    def _unread(self, error: OSError) -> SourceChanged:
        return SourceChanged(
            f"{quoted(self.path)} could not be read while it was being sealed "
            f"({error.strerror}); {_AGAIN}"
        )

    def _compare(self, found: os.stat_result) -> None:
        if (found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino) != (
            self.size,
            self.modified_ns,
            self.device,
            self.inode,
        ):
            raise SourceChanged(f"{quoted(self.path)} changed while it was being sealed; {_AGAIN}")


_WITHOUT_WAITING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""For a path that may have become a pipe, which nobody writes to, meanwhile."""
_AGAIN: Message = "deposit it again once nothing writes to it"


def open_source(path: Path) -> FileSource:
    """Return the regular file at `path` (links are followed) as a source. Raises InvalidInput."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput(f"{quoted(path)} is not a file that can be sealed")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}") from error
    return FileSource(path, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)


class MemorySource:
    """Bytes as a source."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer."""
        buffer[:] = self._data[offset : offset + len(buffer)]

    def check(self) -> None:
        """Memory does not change."""
