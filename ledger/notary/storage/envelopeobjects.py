"""The notary's ciphertext in a bucket: age files, header and payload apart, as `envelopes` keeps them.

    objects/<account>/<root>.payload     the payload whose RFC 9162 root is the name
    objects/<account>/<root>.header      its age header and the line with its SHA-256;
                                         `.header.<n>` are the ones it replaced
    objects/<account>/<root>.newer.<n>   a header put after an earlier one was packed, see `packed`
    objects/<account>/<root>.discarded   the office has deleted both; the entry of its notice
    uploads/<account>/pending/...part    on this machine's disk: an upload under way

An upload is put whole once its last byte has come and its root was checked, so it continues only at
the process where it began. A payload is put where there is nothing; a large one, which goes in pieces
without a condition, only where none of its size stands: its bytes are those that its name says.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from threading import Lock

from ledger.chain.statement import Payload, is_account
from ledger.crypto.merkle import HASH_SIZE
from ledger.crypto.stream import PayloadHash
from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, LedgerFault, NotFound, StorageFailed
from ledger.notary.storage.bucket import PIECE, Bucket
from ledger.notary.storage.bucketfiles import attributes_of
from ledger.notary.storage.envelopes import (
    MAX_REPLACED_HEADERS,
    EnvelopeStore,
    Lying,
    ReadAt,
    lying_in,
    no_age_file,
    not_begun,
    replaced_too_often,
    require_envelopes,
    require_header,
    require_kept,
    storage,
    with_digest,
    without_digest,
)
from ledger.notary.storage.room import DiskRoom
from ledger.quoted import quoted
from ledger.wire.protocol import SmallEnvelope, Upload

FOLDER = "objects"
HELD_FOR, MAX_HELD = 60.0, 1 << 16
"""Seconds for which what was found in the bucket counts as held without asking again; and how many."""
_PUTTERS = 16
_TRIES = 3


class EnvelopeObjects:
    """Age files by account and payload root. Every method may be called from any thread.

    `staging` is the folder of uploads under way, for which `room` is asked. Methods raise StorageFailed
    when the bucket or the disk fails, NoRoom; LedgerFault where other bytes stand under a root.
    """

    def __init__(
        self,
        bucket: Bucket,
        staging: Path,
        *,
        room: DiskRoom | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = bucket
        self._staging = EnvelopeStore(staging, room=room)
        self.room = self._staging.room
        self._clock = clock
        self._lock = Lock()
        self._held: OrderedDict[tuple[str, Payload], float] = OrderedDict()
        self._pool = ThreadPoolExecutor(_PUTTERS, thread_name_prefix="envelope-put")

    def holds(self, account: str, payload: Payload) -> bool:
        """Return whether this payload and a header for it are here."""
        with self._lock:
            if self._held.get((account, payload), 0.0) > self._clock():
                return True
        if self._bucket.size(_key(account, payload.root, "payload")) != payload.size:
            return False
        if self._bucket.size(_key(account, payload.root, "header")) is None:
            return False
        self._hold(account, payload)
        return True

    def status(self, account: str, root: bytes) -> Upload | None:
        """Return how far the payload has come; None when nothing of it is here."""
        size = self._bucket.size(_key(account, root, "payload"))
        if size is not None:
            return Upload(size, size, True)
        return self._staging.status(account, root)

    def put_many(self, account: str, envelopes: Sequence[SmallEnvelope]) -> None:
        """Store small age files, all of them durable on return.

        Raises VerificationFailed or MalformedData, before anything is put, when one of them is not
        what it says.
        """
        require_envelopes(envelopes)
        jobs = [
            self._pool.submit(work, account, each)
            for each in envelopes
            for work in (self._put_payload, self._put_its_header)
        ]
        failed = [error for each in jobs if (error := each.exception()) is not None]
        if failed:
            raise failed[0]
        for each in envelopes:
            self._hold(account, each.payload)

    def put_header(self, account: str, root: bytes, header: bytes) -> None:
        """Store or replace the header of a payload that is here or on its way; durable on return.

        Raises MalformedData, TooLarge, NotFound when the payload's upload was not begun, Conflict
        when it was replaced too often.
        """
        require_header(header)
        if self.status(account, root) is None:
            raise not_begun()
        self._keep_header(account, root, header)

    def header(self, account: str, root: bytes) -> bytes:
        """Return the age header. Raises NotFound; VerificationFailed when it was altered here."""
        data = self._bucket.read(_key(account, root, "header"))
        if data is None:
            require_kept(self.discarded(account, root))
            raise no_age_file()
        return without_digest(data, root)

    def sizes(self, account: str, root: bytes) -> tuple[int | None, int | None]:
        """Return the bytes of the age header's object and of the payload; None for what is not here."""
        return (
            self._bucket.size(_key(account, root, "header")),
            self._bucket.size(_key(account, root, "payload")),
        )

    def used(self, account: str) -> int:
        """Return the bytes that an account's age files take, those on their way included."""
        stored = self._bucket.bytes_under(f"{FOLDER}/{account}/")
        return stored + self._staging.used(account)

    def discard(self, account: str, root: bytes, notice: int) -> int:
        """Delete a payload and its headers; return how many there were. `notice`: the entry."""
        told = _key(account, root, "discarded")
        self._bucket.put(told, f"{notice}\n".encode(), attributes_of(told))
        return self.forget(account, root)

    def forget(self, account: str, root: bytes) -> int:
        """Delete a payload and its headers; return how many there were."""
        payload, header = _key(account, root, "payload"), _key(account, root, "header")
        numbers = range(1, MAX_REPLACED_HEADERS + 2)
        asides = [f"{header}.{number}" for number in numbers]
        asides += [_key(account, root, f"newer.{number}") for number in numbers]
        found = [each for each in (payload, header) if self._bucket.size(each) is not None]
        self._bucket.delete([payload, header, *asides])
        with self._lock:
            for held in [each for each in self._held if each[1].root == root]:
                del self._held[held]
        return len(found)

    def lying(self) -> Iterator[tuple[str, dict[bytes, Lying]]]:
        """Yield each account and what lies here of it, by root."""
        dated = self._bucket.dated(f"{FOLDER}/")
        for account, keys in groupby(dated, key=lambda each: each[0].split("/")[1]):
            if is_account(account):
                yield (
                    account,
                    lying_in((Path(key).name, size, at // 10**9) for key, size, at in keys),
                )

    def discarded(self, account: str, root: bytes) -> int | None:
        """Return the entry of the notice that says why an age file is gone, None where none does."""
        told = self._bucket.read(_key(account, root, "discarded"))
        return None if told is None else parse_decimal(told.decode().strip())

    def read_root(self, account: str, root: bytes) -> bytes:
        """Read a payload again and return the root that it has now. Raises NotFound."""
        state = PayloadHash()
        key = _key(account, root, "payload")
        size = self._size(key)
        while state.size < size:
            state.update(self._read_at(key, state.size, min(PIECE, size - state.size)))
        return state.root()

    @contextmanager
    def open(self, account: str, root: bytes) -> Iterator[tuple[bytes, int, ReadAt]]:
        """Yield (header, payload size, read_at) of a whole age file. Raises NotFound."""
        try:
            with self.payload(account, root) as (size, read_at):
                yield self.header(account, root), size, read_at
        except NotFound:
            require_kept(self.discarded(account, root))
            raise

    @contextmanager
    def payload(self, account: str, root: bytes) -> Iterator[tuple[int, ReadAt]]:
        """Yield (size, read_at) of a payload. Raises NotFound."""
        key = _key(account, root, "payload")
        size = self._size(key)
        yield size, lambda offset, length: self._read_at(key, offset, min(length, size - offset))

    def read_part(self, account: str, root: bytes, name: str) -> bytes | None:
        """Return an object of an age file, "header" for example; None where there is none."""
        return self._bucket.read(_key(account, root, name))

    def create_part(self, account: str, root: bytes, name: str, data: bytes) -> bool:
        """Put an object where there is none; False where one with other bytes stands."""
        key = _key(account, root, name)
        return self._bucket.create(key, data, attributes_of(key))

    def remove_parts(self, account: str, names: Sequence[tuple[bytes, str]]) -> None:
        """Remove objects of age files, those that there are."""
        self._bucket.delete([_key(account, root, name) for root, name in names])

    def newer(self) -> Iterator[tuple[str, bytes, int]]:
        """Yield the account, root and number of every header that was put after a packed one."""
        for key, _ in self._bucket.under(f"{FOLDER}/"):
            if ".newer." in key:
                _, account, name = key.split("/")
                root, _, number = name.split(".")
                yield account, bytes.fromhex(root), int(number)

    def parts(self, account: str) -> Iterator[tuple[Path, int]]:
        """Yield the parts of an account's unfinished uploads, and the size that each promises."""
        return self._staging.parts(account)

    def pending(self, account: str) -> Path:
        """Return the folder of an account's unfinished uploads."""
        return self._staging.pending(account)

    def make(self, account: str) -> None:
        """Make that folder durable."""
        self._staging.make(account)

    def place(self, account: str, payload: Payload, part: Path) -> None:
        """Put a whole payload, whose root was checked, under its name; its part goes away."""
        key = _key(account, payload.root, "payload")
        if payload.size <= PIECE:
            with storage(part):
                self._create(key, part.read_bytes())
        elif self._bucket.size(key) != payload.size:
            self._bucket.put_file(key, part, payload.size, attributes_of(key))
        with suppress(OSError):  # what stays is no longer asked for
            part.unlink()

    def _put_payload(self, account: str, envelope: SmallEnvelope) -> None:
        self._create(_key(account, envelope.payload.root, "payload"), envelope.data)

    def _put_its_header(self, account: str, envelope: SmallEnvelope) -> None:
        self._keep_header(account, envelope.payload.root, envelope.header)

    def _create(self, key: str, data: bytes) -> None:
        if not self._bucket.create(key, data, attributes_of(key)):
            raise LedgerFault(
                f"{quoted(self._bucket.where(key))} holds other bytes than its name says: it was "
                "altered in the bucket. Look at it, restore it from a copy or remove it."
            )

    def _keep_header(self, account: str, root: bytes, header: bytes) -> None:
        """Store a header; the one that it replaces is put aside first."""
        key, data = _key(account, root, "header"), with_digest(header)
        for _ in range(_TRIES):
            if self._bucket.create(key, data, attributes_of(key)):
                return
            old = self._bucket.find(key)
            if old is not None:
                self._put_aside(key, old.data)
                if self._bucket.swap(key, old, data, attributes_of(key)):
                    return
        raise StorageFailed("This age file's header is being replaced elsewhere; try again later.")

    def _put_aside(self, key: str, data: bytes) -> None:
        for number in range(1, MAX_REPLACED_HEADERS + 1):
            aside = f"{key}.{number}"
            if self._bucket.create(aside, data, attributes_of(aside)):
                return
        raise replaced_too_often()

    def _hold(self, account: str, payload: Payload) -> None:
        with self._lock:
            self._held[account, payload] = self._clock() + HELD_FOR
            self._held.move_to_end((account, payload))
            while len(self._held) > MAX_HELD:
                self._held.popitem(last=False)

    def _size(self, key: str) -> int:
        size = self._bucket.size(key)
        if size is None:
            raise no_age_file()
        return size

    def _read_at(self, key: str, offset: int, length: int) -> bytes:
        data = self._bucket.read_at(key, offset, length)
        if data is None:
            raise no_age_file()
        if len(data) != length:
            raise StorageFailed(
                f"{quoted(self._bucket.where(key))} was cut short; try again later."
            )
        return data


LooseEnvelopes = EnvelopeStore | EnvelopeObjects
"""Ciphertext of which each file lies by itself, wherever that is."""


def _key(account: str, root: bytes, suffix: str) -> str:
    """Return where a payload or its header lies. Raises InvalidInput."""
    if not is_account(account):
        raise InvalidInput("not an account")
    if len(root) != HASH_SIZE:
        raise InvalidInput("not the root of an age file's payload")
    return f"{FOLDER}/{account}/{root.hex()}.{suffix}"
