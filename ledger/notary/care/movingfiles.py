"""Copies the files of a ledger between the directory and a bucket, and compares what is there already.

Names are the same in both (`log/tile/0/000`, `objects/<account>/<root>.payload`), but for the copies of
checkpoints, which their own store writes. What never changes is never written over with other bytes;
what does (`log/checkpoint`, headers) is brought to what it is by now. What a copy that was cut short
holds, and the source has lost since, goes away. Uploads under way stay where they began.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Protocol

from ledger.disk.files import AtomicFile, make_folder, write_durably
from ledger.errors import Conflict
from ledger.notary.care.copying import UNDER_WAY, storage
from ledger.notary.care.movingrows import Advance, not_the_same
from ledger.notary.ports import SignedCopies
from ledger.notary.storage import directory as place
from ledger.notary.storage.bucket import PIECE, Bucket
from ledger.notary.storage.bucketfiles import attributes_of
from ledger.notary.storage.signedlog import FOLDER
from ledger.quoted import quoted

FOLDERS = (place.LOG, place.RECORDS, place.REQUESTS, place.VALIDATION, place.OBJECTS)
_SIGNED = f"{place.LOG}/{FOLDER}/"
_OPEN = (place.LOG, place.VALIDATION)
"""Folders whose files others may read."""
_THREADS, _AT_ONCE = 8, 64


class Side(Protocol):
    """One of the two places. A name begins with a folder of `FOLDERS`. Methods raise StorageFailed."""

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the bytes of every file, but for the copies of checkpoints."""
        ...

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none."""
        ...

    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Return a part of a file."""
        ...

    def write(self, name: str, data: bytes, *, over: bool) -> bool:
        """Put a small file; `over` another one; False where other bytes stand, and stay."""
        ...

    def write_large(self, name: str, source: "Side", size: int) -> None:
        """Put a file in pieces."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...


class FolderSide:
    """The folders of the notary's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield every file."""
        for folder in FOLDERS:
            with storage(self.root / folder):
                for base, folders, files in os.walk(self.root / folder):
                    folders[:] = [each for each in folders if each not in UNDER_WAY]
                    for each in files:
                        path = Path(base, each)
                        name = path.relative_to(self.root).as_posix()
                        if not each.startswith(".") and not name.startswith(_SIGNED):
                            yield name, path.stat().st_size

    def size(self, name: str) -> int | None:
        """Return a file's bytes."""
        path = self.root / name
        with storage(path):
            return path.stat().st_size if path.is_file() else None

    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Return a part of a file."""
        with storage(self.root / name), (self.root / name).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def write(self, name: str, data: bytes, *, over: bool) -> bool:
        """Put a small file."""
        size = self.size(name)
        if size is not None:
            if size == len(data) and self.read_at(name, 0, size) == data:
                return True
            if not over:
                return False
        with storage(self.root / name):
            write_durably(self.root / name, data, mode_of(name))
        return True

    def write_large(self, name: str, source: Side, size: int) -> None:
        """Put a file in pieces; it appears whole."""
        path = self.root / name
        with storage(path):
            make_folder(path.parent)
            with AtomicFile(path) as file:
                for at in range(0, size, PIECE):
                    file.write_at(at, source.read_at(name, at, min(PIECE, size - at)))

    def remove(self, name: str) -> None:
        """Remove a file."""
        with storage(self.root / name):
            (self.root / name).unlink(missing_ok=True)


class BucketSide:
    """The objects of a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield every object."""
        for folder in FOLDERS:
            for name, size in self._bucket.under(f"{folder}/"):
                if not name.startswith(_SIGNED):
                    yield name, size

    def size(self, name: str) -> int | None:
        """Return an object's bytes."""
        return self._bucket.size(name)

    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Return a part of an object."""
        return self._bucket.read_at(name, offset, length) or b""

    def write(self, name: str, data: bytes, *, over: bool) -> bool:
        """Put a small object."""
        if self._bucket.create(name, data, attributes_of(name)):
            return True
        if over:
            self._bucket.put(name, data, attributes_of(name))
        return over

    def write_large(self, name: str, source: Side, size: int) -> None:
        """Put a file in pieces; it appears whole. The source is a folder: one place is."""
        assert isinstance(source, FolderSide)
        self._bucket.put_file(name, source.root / name, size, attributes_of(name))

    def remove(self, name: str) -> None:
        """Remove an object."""
        self._bucket.delete([name])


def total_bytes(source: Side) -> int:
    """Return the bytes of all files."""
    return sum(size for _, size in source.names())


def copy_files(source: Side, target: Side, advance: Advance) -> None:
    """Bring the new place to what the old one holds. Hold the notary.

    Raises Conflict where other bytes stand under a name that never changes; StorageFailed.
    """

    def copy(found: tuple[str, int]) -> int:
        name, size = found
        if size > PIECE:
            if target.size(name) != size:
                target.write_large(name, source, size)
        elif not target.write(name, source.read_at(name, 0, size), over=changes(name)):
            raise Conflict(
                f"{quoted(name)} holds other bytes in the new place than in this ledger, and is not "
                "written over. Choose an empty place."
            )
        return size

    _each(source.names(), copy, advance)
    _each(
        target.names(),
        lambda found: target.remove(found[0]) if source.size(found[0]) is None else None,
        lambda _: None,
    )


def copy_signed(source: SignedCopies, target: SignedCopies) -> None:
    """Write the copies of checkpoints as the new place keeps them, and read them back.

    Raises LedgerFault where they are not the same then; StorageFailed.
    """
    for number in source.numbers():
        found, _ = source.read(number)
        if target.read(number)[0] != found:
            target.write(number, found)
        if target.read(number) != (found, True):
            raise not_the_same(f"{_SIGNED}{number:09}")
    if source.numbers() != target.numbers():
        raise not_the_same(_SIGNED)


def verify_files(source: Side, target: Side, advance: Advance) -> int:
    """Return how many files there are in both places, all of the same size and, where small, SHA-256.

    Raises LedgerFault; StorageFailed.
    """

    def compare(found: tuple[str, int]) -> int:
        name, size = found
        same = target.size(name) == size
        if same and size <= PIECE:
            ours, theirs = (sha256(each.read_at(name, 0, size)) for each in (source, target))
            same = ours.digest() == theirs.digest()
        if not same:
            raise not_the_same(name)
        return size

    count = _each(source.names(), compare, advance)
    if sum(1 for _ in target.names()) != count:
        raise not_the_same(", ".join(FOLDERS))
    return count


def mode_of(name: str) -> int:
    """Return the mode of a file."""
    return 0o644 if name.split("/", 1)[0] in _OPEN else 0o600


def changes(name: str) -> bool:
    """Return whether what stands under a name may change, or be replaced by what a crash cut short."""
    return (
        name == f"{place.LOG}/checkpoint"
        or name.endswith((".header", ".discarded"))
        or name.startswith(f"{place.LOG}/tile/entries/")
    )


def _each(
    names: Iterator[tuple[str, int]],
    work: Callable[[tuple[str, int]], int | None],
    advance: Advance,
) -> int:
    """Do the work for every file, several side by side; return how many."""
    count = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="migrate") as pool:
        while part := list(islice(names, _AT_ONCE)):
            for size in pool.map(work, part):
                advance(size or 0)
            count += len(part)
    return count
