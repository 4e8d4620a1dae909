"""Files that appear together: written out of sight, moved into place once they are proven."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Self

from ledger.crypto.merkle import Buffer
from ledger.disk.files import sync, writing
from ledger.disk.outputs import move_new, safe_component, safe_names
from ledger.errors import Conflict
from ledger.quoted import quoted

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """What was written: where each document went below the folder, what is new in it, and the
    documents whose names were changed."""

    names: dict[str, str]
    top: tuple[str, ...]
    renamed: tuple[str, ...]


class Staging:
    """Documents on their way to `output`; `place` shows them, leaving the block without it does not.

    Nothing is made before the first byte is written: whoever verifies first writes nothing for what
    does not hold. Raises Conflict when what would be shown exists already, StorageFailed.
    """

    def __init__(self, output: Path, names: Sequence[str], title: str) -> None:
        self._output = output
        safe = safe_names(names)
        folder = "" if len(names) == 1 and "/" not in names[0] else safe_component(title)
        self.names = {
            name: f"{folder}/{place}" if folder else place for name, place in safe.items()
        }
        self._renamed = tuple(name for name, place in safe.items() if name != place)
        self.top = (folder,) if folder else tuple(safe.values())
        for name in self.top:
            if os.path.lexists(output / name):
                raise Conflict(f"{quoted(output / name)} exists already and is not overwritten.")
        self._folder = output / f".sealbook-{secrets.token_hex(8)}"
        self._paths = [self._folder / self.names[name] for name in names]
        self._lock = Lock()
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            # Those in which something was placed stay.
            for each in reversed(self._made):
                each.rmdir()

    def hidden(self) -> Path:
        """Return a path for a file of ours that goes with the folder, which is there afterwards."""
        with writing(self._output):
            self._make()
        return self._folder / ".content"

    def write(self, document: int, offset: int, data: Buffer) -> None:
        """Write a piece of a document; from any thread."""
        with writing(self._output), self._open(document) as file:
            file.seek(offset)
            file.write(data)

    def place(self, modified: Sequence[int | None] = ()) -> Opened:
        """Move the documents to where the user sees them, with these times of the last change.

        The times of another's documents are theirs to state, and not to set on this computer.
        """
        with writing(self._output):
            for document in range(len(self._paths)):
                with self._open(document) as file:
                    sync(file)
            for path, time in zip(self._paths, modified, strict=False):
                if time is not None:
                    with contextlib.suppress(OverflowError):
                        os.utime(path, (time, time))
        for name in self.top:
            move_new(self._folder / name, self._output / name)
        return Opened(self.names, self.top, self._renamed)

    def _open(self, document: int) -> BinaryIO:
        path = self._paths[document]
        try:
            return open(path, "r+b", opener=own)
        except FileNotFoundError:
            self._make()
            path.parent.mkdir(parents=True, exist_ok=True)
            return open(path, "r+b", opener=own)

    def _make(self) -> None:
        with self._lock:
            if self._folder.exists():
                return
            missing = [self._output, *self._output.parents]
            missing = [each for each in missing if not each.exists()]
            for each in reversed(missing):
                each.mkdir(exist_ok=True)
                self._made.append(each)
            self._folder.mkdir(mode=0o700)


def own(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)
