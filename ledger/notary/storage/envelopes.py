"""The notary's ciphertext: age files on local disk, header and payload apart, one folder an account.

    <account>/<root>.payload            the payload whose RFC 9162 root is the name, whole and durable
    <account>/<root>.header             its age header, then SHA-256 of it in a line of its own;
                                        `.header.<n>` are the ones it replaced
    <account>/pending/<root>.<size>.part     an upload under way

A payload gets its name only after its root was checked and the file synced, and counts only once its
folder is synced too; so whatever lies under a name is whole, whenever the machine stops. An upload
continues where its `.part` ends; what a crash left wrong in it is found by the root at the end. The
header is no part of what is signed, so that an age file can be re-addressed; the digest behind it
tells whether it is what was uploaded, because one wrong bit in it loses the content. The header that it
replaces is kept, because whoever stole a device's key could otherwise make the company's ciphertext
unreadable.
"""

import contextlib
import os
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from hashlib import sha256
from pathlib import Path

from ledger.chain.statement import Payload, is_account
from ledger.crypto.envelope import parse_header
from ledger.crypto.merkle import HASH_SIZE
from ledger.crypto.stream import PayloadHash, payload_size, plain_size
from ledger.disk.files import sync_folder
from ledger.errors import (
    Conflict,
    DecryptionFailed,
    InvalidInput,
    MalformedData,
    NotFound,
    StorageFailed,
    TooLarge,
    VerificationFailed,
)
from ledger.notary.storage.room import DiskRoom, on_disk
from ledger.notary.storage.uploads import (
    ABANDONED,
    HASHERS,
    MAX_PENDING,
    MAX_PENDING_UPLOADS,
    PayloadWriter,
)
from ledger.quoted import quoted
from ledger.wire.protocol import SmallEnvelope, Upload

MAX_HEADER = 1 << 16
"""Bytes of a header: 41 post-quantum recipients. It is held in memory."""
MAX_PAYLOAD = 1 << 40
"""Bytes of one payload: what one upload may promise."""
MAX_REPLACED_HEADERS = 64
"""Headers kept beside the current one; every change of officers replaces one."""

_MIN_PAYLOAD = payload_size(0)
_BLOCK = 1 << 20
_SYNC_THREADS = 8
"""Syncs wait for the disk, which serves several at once."""


class EnvelopeStore:
    """Age files by account and payload root. Every method may be called from any thread.

    `root` is the folder, made where it is missing; one process at a time may use it. `room` is asked
    before anything is written. Methods raise NoRoom, or StorageFailed when the disk is full or fails.
    """

    def __init__(
        self,
        root: Path,
        *,
        room: DiskRoom | None = None,
        max_pending: int = MAX_PENDING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._room = room or DiskRoom(root)
        self._max_pending = max_pending
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[tuple[str, bytes], int] = {}
        """Uploads under way, and the bytes of each that are still to come."""
        self._hashes: OrderedDict[Path, PayloadHash] = OrderedDict()
        self._renaming: Counter[str] = Counter()
        self._synced: set[str] = set()
        self._pool = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="envelope-sync")
        with storage(root):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def holds(self, account: str, payload: Payload) -> bool:
        """Return whether this payload and a header for it are here, whole and durable."""
        target = self._path(account, payload.root, "payload")
        try:
            if target.stat().st_size != payload.size:
                return False
            self._path(account, payload.root, "header").stat()
        except FileNotFoundError:
            return False
        # A name may be visible before its folder is synced: now, or from before a crash.
        if self._renaming[account] or account not in self._synced:
            with storage(target):
                sync_folder(target.parent)
            self._synced.add(account)
        return True

    def status(self, account: str, root: bytes) -> Upload | None:
        """Return how far the payload has come; None when nothing of it is here."""
        with contextlib.suppress(FileNotFoundError):
            size = self._path(account, root, "payload").stat().st_size
            return Upload(size, size, True)
        for part, size in self._parts(account):
            if part.name.startswith(root.hex()):
                with contextlib.suppress(FileNotFoundError):
                    return Upload(size, part.stat().st_size, False)
        return None

    def begin(self, account: str, payload: Payload, offset: int) -> "PayloadWriter":
        """Return a writer that continues the payload's upload at `offset` (0: a new one).

        Raises Conflict when the upload is not at `offset`, is whole, or another connection writes it;
        TooLarge; MalformedData for a size that no payload has. Close the writer in any case.
        """
        if payload.size > MAX_PAYLOAD:
            raise TooLarge(
                f"An age file of {payload.size} bytes is over the limit of {MAX_PAYLOAD} bytes; "
                "split the deposit."
            )
        _require_size(payload.size)
        key = (account, payload.root)
        with self._lock:
            if key in self._open:
                raise Conflict(
                    "Another connection is uploading this age file; wait until it ends and ask "
                    "how far it has come."
                )
            self._open[key] = 0
        try:
            return self._begin(account, payload, offset)
        except BaseException:
            self._release(key)
            raise

    def put_many(self, account: str, envelopes: Sequence[SmallEnvelope]) -> None:
        """Store small age files, all of them durable on return.

        Raises VerificationFailed or MalformedData, before anything is written, when one of them is
        not what it says.
        """
        for each in envelopes:
            _require_header(each.header)
            _require_size(len(each.data))
            state = PayloadHash()
            state.update(each.data)
            if len(each.data) != each.payload.size or state.root() != each.payload.root:
                raise _wrong_root(each.payload.root)
        folder = self._folder(account)
        size = sum(on_disk(len(each.header)) + on_disk(len(each.data)) for each in envelopes)
        with self._room.hold(account, size), self._naming(account, folder):
            self._make(account)
            jobs = []
            for each in envelopes:
                target = self._path(account, each.payload.root, "payload")
                if not target.exists():
                    jobs.append(self._pool.submit(self._write, account, target, each.data))
                header = self._path(account, each.payload.root, "header")
                if self._keep_header(header, each.header):
                    data = _with_digest(each.header)
                    jobs.append(self._pool.submit(self._write, account, header, data))
            wait(jobs)
            for job in jobs:
                job.result()

    def put_header(self, account: str, root: bytes, header: bytes) -> None:
        """Store or replace the header of a payload that is here or on its way; durable on return.

        Raises MalformedData, TooLarge, NotFound when the payload's upload was not begun, Conflict
        when it was replaced too often.
        """
        _require_header(header)
        if self.status(account, root) is None:
            raise NotFound("There is no age file with this root; upload its payload first.")
        target = self._path(account, root, "header")
        with (
            self._room.hold(account, on_disk(len(header))),
            self._naming(account, target.parent),
        ):
            if self._keep_header(target, header):
                self._write(account, target, _with_digest(header))

    def header(self, account: str, root: bytes) -> bytes:
        """Return the age header. Raises NotFound; VerificationFailed when it was altered here."""
        target = self._path(account, root, "header")
        with storage(target):
            data = target.read_bytes()
        header = data[: -len(_with_digest(b""))]
        if _with_digest(header) != data:
            raise VerificationFailed(
                f"The header of the age file with root {root.hex()} was altered at the notary: it is "
                "not what was uploaded. The company puts it there again from its vault, or the office "
                "from a backup of `objects`."
            )
        return header

    def sizes(self, account: str, root: bytes) -> tuple[int | None, int | None]:
        """Return the bytes of the age header's file and of the payload; None for what is not here."""
        found: list[int | None] = []
        for suffix in ("header", "payload"):
            path = self._path(account, root, suffix)
            try:
                with storage(path):
                    found.append(path.stat().st_size)
            except NotFound:
                found.append(None)
        return found[0], found[1]

    def read_root(self, account: str, root: bytes) -> bytes:
        """Read a payload again and return the root that it has now. Raises NotFound."""
        path = self._path(account, root, "payload")
        state = PayloadHash()
        with storage(path), path.open("rb") as file:
            while block := file.read(_BLOCK):
                state.update(block)
        return state.root()

    @contextlib.contextmanager
    def open(self, account: str, root: bytes) -> Iterator[tuple[bytes, int, "ReadAt"]]:
        """Yield (header, payload size, read_at) of a whole age file. Raises NotFound."""
        target = self._path(account, root, "payload")
        with storage(target):
            descriptor = os.open(target, os.O_RDONLY)
        try:
            header = self.header(account, root)

            def read_at(offset: int, length: int) -> bytes:
                with storage(target):
                    return os.pread(descriptor, length, offset)

            yield header, os.fstat(descriptor).st_size, read_at
        finally:
            os.close(descriptor)

    def _begin(self, account: str, payload: Payload, offset: int) -> "PayloadWriter":
        now = self.status(account, payload.root)
        if now is not None and now.complete:
            raise Conflict("This age file is here already, whole; do not upload it again.")
        part = self._pending(account) / f"{payload.root.hex()}.{payload.size}.part"
        with storage(part):
            if now is not None and now.size != payload.size:
                if offset:
                    raise _not_at(now.offset)
                (part.parent / f"{payload.root.hex()}.{now.size}.part").unlink(missing_ok=True)
                now = None
            if offset != (0 if now is None else now.offset):
                raise _not_at(0 if now is None else now.offset)
            if now is None:
                self._make(account)
                self._require_room(account, payload.size)
            self._promise(account, payload, payload.size - offset)
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                state = self._resume(part, descriptor, offset)
            except BaseException:
                os.close(descriptor)
                raise
        return PayloadWriter(self, account, payload, part, descriptor, state)

    def _promise(self, account: str, payload: Payload, size: int) -> None:
        """Count what an upload is going to bring against its account: all of it must find room.

        Against others counts only what is being written: nobody takes room by promising.
        """
        with self._lock:
            self._open[account, payload.root] = size
            promised = sum(each for (whose, _), each in self._open.items() if whose == account)
        self._room.require(account, promised)

    def _came(self, account: str, payload: Payload, size: int) -> None:
        with self._lock:
            self._open[account, payload.root] -= size

    def _require_room(self, account: str, size: int) -> None:
        limit = self._clock() - ABANDONED
        pending = []
        for part, promised in self._parts(account):
            with contextlib.suppress(FileNotFoundError):
                if part.stat().st_mtime < limit and self._remove_idle(account, part):
                    continue
                pending.append(promised)
        if len(pending) >= MAX_PENDING_UPLOADS or sum(pending) + size > self._max_pending:
            raise Conflict(
                f"The account's unfinished uploads promise {sum(pending)} bytes, and with this one "
                "would be over the limit; finish some of them first."
            )

    def _remove_idle(self, account: str, part: Path) -> bool:
        with self._lock:
            if (account, bytes.fromhex(part.name[: 2 * HASH_SIZE])) in self._open:
                return False
            self._hashes.pop(part, None)
            part.unlink(missing_ok=True)
            return True

    def _resume(self, part: Path, descriptor: int, offset: int) -> "PayloadHash":
        with self._lock:
            state = self._hashes.pop(part, None)
        if state is not None and state.size == offset:
            return state
        state = PayloadHash()
        while state.size < offset:
            block = os.pread(descriptor, min(_BLOCK, offset - state.size), state.size)
            if not block:
                raise _not_at(state.size)
            state.update(block)
        return state

    def _finish(self, writer: "PayloadWriter") -> None:
        target = self._path(writer.account, writer.payload.root, "payload")
        if writer.state.root() != writer.payload.root:
            writer.part.unlink()
            raise _wrong_root(writer.payload.root)
        self._sync(writer)
        with self._naming(writer.account, target.parent):
            writer.part.replace(target)

    @contextlib.contextmanager
    def _naming(self, account: str, folder: Path) -> Iterator[None]:
        """Sync the folder after the names given inside; until then `holds` does it itself."""
        with self._lock:
            self._renaming[account] += 1
        try:
            with storage(folder):
                yield
                sync_folder(folder)
        except BaseException:
            self._synced.discard(account)
            raise
        finally:
            with self._lock:
                self._renaming[account] -= 1

    def _sync(self, writer: "PayloadWriter") -> None:
        try:
            os.fsync(writer.descriptor)
        except OSError:
            # Linux drops what it failed to write: a later sync would succeed over the hole.
            writer.part.unlink()
            raise

    def _suspend(self, writer: "PayloadWriter") -> None:
        self._sync(writer)
        with self._lock:
            self._hashes[writer.part] = writer.state
            while len(self._hashes) > HASHERS:
                self._hashes.popitem(last=False)

    def _release(self, key: tuple[str, bytes]) -> None:
        with self._lock:
            self._open.pop(key, None)

    def _keep_header(self, target: Path, header: bytes) -> bool:
        """Put the present header aside; return whether `header` is still to be written."""
        try:
            if target.read_bytes() == _with_digest(header):
                return False
        except FileNotFoundError:
            return True
        for number in range(1, MAX_REPLACED_HEADERS + 1):
            with contextlib.suppress(FileExistsError):
                target.with_name(f"{target.name}.{number}").hardlink_to(target)
                return True
        raise Conflict(
            f"This age file's header was replaced {MAX_REPLACED_HEADERS} times; ask the notary office."
        )

    def _write(self, account: str, target: Path, data: bytes) -> None:
        temporary = self._pending(account) / f"{secrets.token_hex(16)}.tmp"
        try:
            with temporary.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _parts(self, account: str) -> Iterator[tuple[Path, int]]:
        with contextlib.suppress(FileNotFoundError):
            for entry in self._pending(account).iterdir():
                if entry.suffix == ".part":
                    yield entry, int(entry.name.split(".")[1])

    def _make(self, account: str) -> None:
        pending = self._pending(account)
        if not pending.exists():
            pending.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(pending.parent)
            sync_folder(self._root)

    def _folder(self, account: str) -> Path:
        if not is_account(account):
            raise InvalidInput("not an account")
        return self._root / account

    def _pending(self, account: str) -> Path:
        return self._folder(account) / "pending"

    def _path(self, account: str, root: bytes, suffix: str) -> Path:
        if len(root) != HASH_SIZE:
            raise InvalidInput("not the root of an age file's payload")
        return self._folder(account) / f"{root.hex()}.{suffix}"


ReadAt = Callable[[int, int], bytes]


def _require_size(size: int) -> None:
    if size < _MIN_PAYLOAD:
        raise MalformedData(f"no age file has a payload of {size} bytes")
    try:
        plain_size(size)
    except DecryptionFailed as error:
        raise MalformedData(f"no age file has a payload of {size} bytes") from error


def _require_header(header: bytes) -> None:
    if len(header) > MAX_HEADER:
        raise TooLarge(
            f"An age header of {len(header)} bytes is over the limit of {MAX_HEADER} bytes; "
            "seal for fewer recipients."
        )
    if parse_header(header).encoded != header:
        raise MalformedData("something follows the age header")


def _with_digest(header: bytes) -> bytes:
    """Return the content of a header's file."""
    return header + b"sha256 %s\n" % sha256(header).hexdigest().encode()


def _wrong_root(root: bytes) -> VerificationFailed:
    return VerificationFailed(
        f"What was uploaded is not the age file {root.hex()[:16]}...: its hash is another one. "
        "Upload it again from the start."
    )


def _not_at(offset: int) -> Conflict:
    return Conflict(f"The upload stands at byte {offset}; continue from there.")


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("There is no such age file.") from error
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be stored or read ({error.strerror}); the notary office "
            "has to look "
            "at its disk. Try again later."
        ) from error
