"""Objects of a bucket on their way into a backup: what changed since the last one, by size and time.

A service may tell times by whole seconds. So what may change under its name is fetched again where it
was changed within `_CLOSE` of the copy that is there.
"""

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ledger.errors import StorageFailed
from ledger.notary.care.copying import UNDER_WAY, Copying, Incoming, is_held
from ledger.notary.care.movingfiles import FOLDERS, changes, mode_of
from ledger.notary.care.tidying import ASIDE
from ledger.notary.storage import directory as place
from ledger.notary.storage.bucket import PIECE, Bucket
from ledger.notary.storage.signedlog import FOLDER
from ledger.quoted import quoted

_CLOSE = 3_600
"""Seconds: more than the clocks of this machine and of the service are apart."""


def fetch_folders(bucket: Bucket, target: Path, copying: Copying) -> None:
    """Let a directory hold what a bucket holds, but for the copies of checkpoints."""
    for name in FOLDERS:
        copying.folder(target / name)
        held = set()
        for key, size, changed in bucket.dated(f"{name}/"):
            if not _wanted(key, copying):
                continue
            path = target / key
            held.add(str(path))
            if not is_held(path, size, changed) or (changes(key) and _is_close(path, changed)):
                _make(path.parent, copying)
                copying.take(partial(_opened, bucket, key, size, changed), path)
            copying.count(size)
        for base, folders, files in os.walk(target / name):
            folders[:] = [each for each in folders if each != FOLDER]
            for each in files:
                if f"{base}/{each}" not in held:
                    copying.drop(Path(base, each))


def _wanted(key: str, copying: Copying) -> bool:
    return not key.startswith(f"{place.LOG}/{FOLDER}/") and all(
        copying.wants(part) and part not in (*UNDER_WAY, ASIDE) for part in key.split("/")
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
