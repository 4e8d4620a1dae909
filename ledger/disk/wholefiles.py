"""Small whole files by name: what the log, the records and the mirror need of a folder or a bucket."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from ledger.disk.files import sync_folder, write_durably
from ledger.errors import StorageFailed
from ledger.quoted import quoted

LARGEST = 1 << 25
"""Bytes that are read of a file at most: twice the largest entry bundle."""


class Reading(Protocol):
    """What reading takes. A name is relative, its parts divided by `/`."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is none. Raises StorageFailed."""
        ...

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files right in a folder, without the folder's, in order."""
        ...


class WholeFiles(Reading, Protocol):
    """Files that appear whole. What writes returns once it is durable, and raises StorageFailed."""

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        ...

    def read_at(self, name: str, offset: int, length: int) -> bytes | None:
        """Return a part of a file, None where there is no such file or it ends before."""
        ...

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Let a file hold `data`. Raises LedgerFault where other bytes stand and may never change."""
        ...

    def replace(self, name: str, data: bytes, gives_way: Callable[[bytes], bool]) -> None:
        """Let a file hold `data`, if what it holds now gives way, at the very moment of the change."""
        ...

    def remove(self, name: str) -> bool:
        """Remove a file, durably; whether there was one."""
        ...

    def drop(self, name: str) -> None:
        """Remove a file that counts for nothing any more, whenever that becomes durable."""
        ...

    def drop_all(self, folder: str) -> None:
        """Drop what lies right in a folder."""
        ...

    def where(self, name: str) -> str:
        """Return what to call a file in a message."""
        ...


class FolderFiles:
    """The files of a folder on this disk. One process writes; anyone reads."""

    def __init__(self, root: Path, mode: int = 0o644) -> None:
        self.root = root
        self._mode = mode

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        with (
            self._storage(name),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            (self.root / name).open("rb") as file,
        ):
            return file.read(LARGEST)
        return None

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files in a folder; those that are being written begin with a dot."""
        with self._storage(folder), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = (self.root / folder).iterdir()
            return sorted(each.name for each in found if not each.name.startswith("."))
        return []

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        return (self.root / name).exists()

    def read_at(self, name: str, offset: int, length: int) -> bytes | None:
        """Return a part of a file, None where there is no such file or it ends before."""
        with (
            self._storage(name),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            (self.root / name).open("rb", buffering=0) as file,
        ):
            file.seek(offset)
            data = file.read(length)
            return data if len(data) == length else None
        return None

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none."""
        with self._storage(name), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return (self.root / name).stat().st_size
        return None

    def write(self, name: str, data: bytes) -> None:
        """Let a file hold `data`, durably, folder and all."""
        with self._storage(name):
            write_durably(self.root / name, data, self._mode)

    def replace(self, name: str, data: bytes, gives_way: Callable[[bytes], bool]) -> None:  # noqa: ARG002
        """Let a file hold `data`: who writes here is alone, and knows what stands there."""
        self.write(name, data)

    def remove(self, name: str) -> bool:
        """Remove a file, durably; whether there was one."""
        with self._storage(name), contextlib.suppress(FileNotFoundError):
            (self.root / name).unlink()
            sync_folder((self.root / name).parent)
            return True
        return False

    def drop(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._storage(name):
            (self.root / name).unlink(missing_ok=True)

    def drop_all(self, folder: str) -> None:
        """Remove a folder, which comes back with the next file in it."""
        shutil.rmtree(self.root / folder, ignore_errors=True)

    def where(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.root / name)

    @contextlib.contextmanager
    def _storage(self, name: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise StorageFailed(
                f"{quoted(self.where(name))} could not be read or written ({error.strerror}); free "
                "some space or mend the disk, then try again."
            ) from error
