"""Whole files in a bucket: the log, the records and validation data, as a folder would hold them.

What never changes is put where there is nothing, and never over anything else: where the same bytes
stand, that is as good; where others do, somebody else writes this ledger, and a person has to look.
`checkpoint` alone is replaced, and only what it was when it was last read. Each object carries the
Cache-Control with which it may be given out, so that a bucket or a CDN serves the log without us.
"""

from collections.abc import Callable

from ledger.errors import LedgerFault, StorageFailed
from ledger.notary.storage.bucket import Attributes, Bucket
from ledger.quoted import quoted
from ledger.wire.protocol import FOR_EVER, NEVER, NEVER_SHARED, OCTETS, TEXT

_TRIES = 3
"""Times that a change is tried while others change the same object."""


def attributes_of(key: str) -> Attributes:
    """Return the HTTP fields of an object, by its key: `log/...`, `objects/...`, `records/...`."""
    if key == "log/checkpoint":
        return {"Cache-Control": NEVER, "Content-Type": TEXT}
    public = key.startswith("log/tile/") and not key.startswith("log/tile/entries/")
    return {"Cache-Control": FOR_EVER if public else NEVER_SHARED, "Content-Type": OCTETS}


class BucketFiles:
    """The files under a folder of a bucket, which is named without a slash at its end.

    `replacing` is for what mends the log: there other bytes than those that belong there are replaced.
    """

    def __init__(self, bucket: Bucket, folder: str, *, replacing: bool = False) -> None:
        self._bucket = bucket
        self._folder = folder
        self._replacing = replacing

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        return self._bucket.read(self._key(name))

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files right in a folder, in order."""
        prefix = f"{self._key(folder)}/" if folder else f"{self._folder}/"
        return [each.removeprefix(prefix) for each in self._bucket.keys(prefix)]

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        return self._bucket.size(self._key(name)) is not None

    def read_at(self, name: str, offset: int, length: int) -> bytes | None:
        """Return a part of a file, None where there is no such file or it ends before."""
        size = self._bucket.size(self._key(name))
        if size is None or offset + length > size:
            return None
        return self._bucket.read_at(self._key(name), offset, length)

    def size(self, name: str) -> int | None:
        """Return a file's bytes, None where there is none."""
        return self._bucket.size(self._key(name))

    def write(self, name: str, data: bytes) -> None:
        """Put a file that never changes. Raises LedgerFault where other bytes stand."""
        key = self._key(name)
        if self._replacing:
            self._bucket.put(key, data, attributes_of(key))
        elif not self._bucket.create(key, data, attributes_of(key)):
            raise LedgerFault(
                f"{quoted(self.where(name))} holds other bytes than belong there, and is not "
                "replaced: another notary writes into this bucket, or the object was altered. Stop the "
                "notary and run `sealbook notary fsck`."
            )

    def replace(self, name: str, data: bytes, gives_way: Callable[[bytes], bool]) -> None:
        """Put a file in place of what it holds now; StorageFailed where that does not give way."""
        key = self._key(name)
        for _ in range(_TRIES):
            old = self._bucket.find(key)
            if old is not None and not gives_way(old.data):
                break
            if self._bucket.swap(key, old, data, attributes_of(key)):
                return
        raise StorageFailed(
            f"Another process has put a newer {quoted(self.where(name))} meanwhile; it stays. Only one "
            "may write for a ledger."
        )

    def remove(self, name: str) -> bool:
        """Remove a file; whether there was one."""
        there = self.exists(name)
        self.drop(name)
        return there

    def drop(self, name: str) -> None:
        """Remove a file, if it is there."""
        self._bucket.delete([self._key(name)])

    def drop_all(self, folder: str) -> None:
        """Remove the files right in a folder."""
        prefix = f"{self._key(folder)}/"
        self._bucket.delete(self._bucket.keys(prefix))

    def where(self, name: str) -> str:
        """Return the URL of a file, without what is asked of the service with it."""
        return self._bucket.where(self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}"
