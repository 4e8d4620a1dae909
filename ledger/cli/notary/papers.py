"""Certificates on their way to a folder: written whole before they are entered, named afterwards."""

import contextlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ledger.disk.files import NewFile, make_folder, sync_folder, what_to_do
from ledger.disk.outputs import move_new
from ledger.errors import SealbookError, StorageFailed
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.certificates.issuing import IssuedCertificate


class Papers:
    """PDFs that get these names, all in one folder, which is made. Raises StorageFailed.

    What was kept and was refused its entry is gone when the block is left; what has one never is.
    """

    def __init__(self, names: Sequence[Path]) -> None:
        make_room(names[0].parent)
        self._names = names
        self._kept: set[Path] = set()
        self._hidden = [
            each.with_name(f".{each.name[:50]}.{secrets.token_hex(8)}.part") for each in names
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and not issubclass(kind, SealbookError):
            return  # stopped in between: it may be entered
        for each in self._kept:
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)

    def keep(self, which: int, pdf: bytes) -> None:
        """Write a PDF durably, under no name yet. Raises StorageFailed."""
        self._kept.add(self._hidden[which])
        with NewFile(self._names[which], self._hidden[which]) as file:
            file.write_at(0, pdf)

    def hand_out(self, which: int, made: "IssuedCertificate") -> None:
        """Give a PDF its name, once it is entered. Raises StorageFailed, which says where it is."""
        hidden = self._hidden[which]
        self._kept.clear()  # what was kept with it is entered, too
        try:
            move_new(hidden, self._names[which])
            sync_folder(hidden.parent)
        except (SealbookError, OSError) as error:
            raise StorageFailed(
                f"Certificate {made.number} is entry {made.index} of the ledger, and its PDF is in "
                f"{quoted(hidden)}: {quoted(self._names[which])} could not be written. Rename it, or "
                f"run `sealbook notary withdraw {made.number}`."
            ) from error


def make_room(folder: Path) -> None:
    """Make the folder that PDFs go to. Raises StorageFailed."""
    try:
        make_folder(folder)
    except OSError as error:
        raise StorageFailed(
            f"{quoted(folder)} could not be made ({error.strerror}); {what_to_do(error)}."
        ) from error
