"""Objects of a bucket on their way into a backup: what changed since the last one, by size and time.

A service may tell times by whole seconds. So what may change under its name is fetched again where it
was changed within `_CLOSE` of the copy that is there.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ledger.errors import StorageFailed
from ledger.notary.care.copying import (
    DISCARDED,
    UNDER_WAY,
    Copying,
    Incoming,
    is_held,
)
from ledger.notary.care.movingfiles import FOLDERS, changes, mode_of
from ledger.notary.storage import directory as place
from ledger.notary.storage.bucket import PIECE, Bucket
from ledger.notary.storage.packshelf import FOLDER as PACKS
from ledger.notary.storage.signedlog import FOLDER
from ledger.quoted import quoted

_CLOSE = 3_600
"""Seconds: more than the clocks of this machine and of the service are apart."""


def fetch_folders(bucket: Bucket, target: Path, copying: Copying) -> None:
    """Let a directory hold what a bucket holds, but for the copies of checkpoints."""
    for name in FOLDERS:
        if name != place.OBJECTS:
            _fetch(bucket, name, target, copying)
    fetch_ciphertext(bucket, target, copying)


def fetch_ciphertext(bucket: Bucket, target: Path, copying: Copying) -> None:
    """Let a directory hold the ciphertext of a bucket, while it is packed or erased there."""
    folder = f"{place.OBJECTS}/{PACKS}"

    def packs() -> set[str]:
        return set(bucket.keys(f"{folder}/"))

    def loose(later: list[Callable[[], None]]) -> None:
        _fetch(bucket, place.OBJECTS, target, copying, folder, later)

    def packed() -> None:
        if packs() or (target / folder).exists():
            _fetch(bucket, folder, target, copying)

    copying.ciphertext(packs, loose, packed)


def _fetch(
    bucket: Bucket,
    folder: str,
    target: Path,
    copying: Copying,
    without: str | None = None,
    later: list[Callable[[], None]] | None = None,
) -> None:
    _make(target / folder, copying)
    held = set()
    for key, size, changed in bucket.dated(f"{folder}/"):
        if not _wanted(key, copying) or (without is not None and key.startswith(f"{without}/")):
            continue
        path = target / key
        held.add(str(path))
        take = partial(copying.take, partial(_opened, bucket, key, size, changed), path)
        if later is not None and key.endswith(DISCARDED):
            _make(path.parent, copying)
            later.append(take)  # whatever lies there: what was erased may have come again by then
        elif not is_held(path, size, changed) or (changes(key) and _is_close(path, changed)):
            _make(path.parent, copying)
            take()
        copying.count(size)
    for base, folders, files in os.walk(target / folder):
        folders[:] = [
            each
            for each in folders
            if each != FOLDER and Path(base, each) != target / (without or "")
        ]
        for each in files:
            if f"{base}/{each}" not in held:
                copying.drop(Path(base, each))


def _wanted(key: str, copying: Copying) -> bool:
    return not key.startswith(f"{place.LOG}/{FOLDER}/") and all(
        copying.wants(part) and part not in UNDER_WAY for part in key.split("/")
    )


def _is_close(path: Path, changed: int) -> bool:
    return path.stat().st_ctime_ns - changed < _CLOSE * 1_000_000_000


def _make(folder: Path, copying: Copying) -> None:
    if not folder.is_dir():
        _make(folder.parent, copying)
    copying.folder(folder)


@contextlib.contextmanager
def _opened(bucket: Bucket, key: str, size: int, changed: int) -> Iterator[Incoming]:
    yield Incoming(size, mode_of(key), changed, _blocks(bucket, key, size))


def _blocks(bucket: Bucket, key: str, size: int) -> Iterator[bytes]:
    for at in range(0, size, PIECE):
        length = min(PIECE, size - at)
        data = bucket.read_at(key, at, length)
        if data is None:
            raise FileNotFoundError(key)
        if len(data) != length:
            raise StorageFailed(
                f"{quoted(bucket.where(key))} was changed while it was copied. Give the command again."
            )
        yield data
