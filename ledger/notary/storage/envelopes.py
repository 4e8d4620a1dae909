"""The notary's ciphertext: age files on local disk, header and payload apart, one folder an account.

    <account>/<root>.payload            the payload whose RFC 9162 root is the name, whole and durable
    <account>/<root>.header             its age header, then SHA-256 of it in a line of its own;
                                        `.header.<n>` are the ones it replaced
    <account>/<root>.newer.<n>          a header put after an earlier one was packed, see `packed`
    <account>/<root>.discarded          the office has deleted both; the entry of its notice
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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger.chain.statement import Payload, is_account
from ledger.crypto.envelope import parse_header
from ledger.crypto.merkle import HASH_SIZE
from ledger.crypto.stream import PayloadHash, payload_size, plain_size
from ledger.disk.files import new_file, sync_folder, write_durably
from ledger.encoding import parse_decimal, parse_hex
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
from ledger.quoted import quoted
from ledger.wire.protocol import SmallEnvelope, Upload

MAX_KEPT_HEADER = 1 << 16
"""Bytes of a header: 41 post-quantum recipients. It is held in memory."""
MAX_REPLACED_HEADERS = 64
"""Headers kept beside the current one; every change of officers replaces one."""

READ_BLOCK = 1 << 20
"""Bytes that are read at a time."""
_MIN_PAYLOAD = payload_size(0)
_SYNC_THREADS = 8
"""Syncs wait for the disk, which serves several at once."""


_PARTS = ("payload", "header", "newer")


@dataclass(frozen=True, slots=True)
class Lying:
    """The files of an age file that lie by themselves: when one was changed last, POSIX seconds."""

    root: bytes
    changed: int
    files: int
    bytes: int


class EnvelopeStore:
    """Age files by account and payload root. Every method may be called from any thread.

    `root` is the folder, made where it is missing; one process at a time may use it. `room` is asked
    before anything is written. Methods raise NoRoom, or StorageFailed when the disk is full or fails.
    """

    def __init__(self, root: Path, *, room: DiskRoom | None = None) -> None:
        self._root = root
        self.room = room or DiskRoom(root)
        self._lock = threading.Lock()
        self._renaming: Counter[str] = Counter()
        self._synced: set[str] = set()
        self._pool = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="envelope-sync")
        with storage(root):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def holds(self, account: str, payload: Payload) -> bool:
        """Return whether this payload and a header for it are here, whole and durable."""
        name = self._name(account, payload.root)
        try:
            if os.stat(f"{name}.payload").st_size != payload.size:
                return False
            os.stat(f"{name}.header")
        except FileNotFoundError:
            return False
        # A name may be visible before its folder is synced: now, or from before a crash.
        if self._renaming[account] or account not in self._synced:
            folder = self._folder(account)
            with storage(folder):
                sync_folder(folder)
            self._synced.add(account)
        return True

    def status(self, account: str, root: bytes) -> Upload | None:
        """Return how far the payload has come; None when nothing of it is here."""
        with contextlib.suppress(FileNotFoundError):
            size = self.path(account, root, "payload").stat().st_size
            return Upload(size, size, True)
        for part, size in self.parts(account):
            if part.name.startswith(root.hex()):
                with contextlib.suppress(FileNotFoundError):
                    return Upload(size, part.stat().st_size, False)
        return None

    def put_many(self, account: str, envelopes: Sequence[SmallEnvelope]) -> None:
        """Store small age files, all of them durable on return.

        Raises VerificationFailed or MalformedData, before anything is written, when one of them is
        not what it says.
        """
        require_envelopes(envelopes)
        folder = self._folder(account)
        size = sum(on_disk(len(each.header)) + on_disk(len(each.data)) for each in envelopes)
        with self.room.hold(account, size), self.naming(account, folder):
            self.make(account)
            jobs = []
            for each in envelopes:
                target = self.path(account, each.payload.root, "payload")
                if not target.exists():
                    jobs.append(self._pool.submit(self._write, account, target, each.data))
                header = self.path(account, each.payload.root, "header")
                if self._keep_header(header, each.header):
                    data = with_digest(each.header)
                    jobs.append(self._pool.submit(self._write, account, header, data))
            wait(jobs)
            for job in jobs:
                job.result()

    def put_header(self, account: str, root: bytes, header: bytes) -> None:
        """Store or replace the header of a payload that is here or on its way; durable on return.

        Raises MalformedData, TooLarge, NotFound when the payload's upload was not begun, Conflict
        when it was replaced too often.
        """
        require_header(header)
        if self.status(account, root) is None:
            raise not_begun()
        target = self.path(account, root, "header")
        with (
            self.room.hold(account, on_disk(len(header))),
            self.naming(account, target.parent),
        ):
            if self._keep_header(target, header):
                self._write(account, target, with_digest(header))

    def header(self, account: str, root: bytes) -> bytes:
        """Return the age header. Raises NotFound; VerificationFailed when it was altered here."""
        target = self.path(account, root, "header")
        try:
            with storage(target):
                data = target.read_bytes()
        except NotFound:
            require_kept(self.discarded(account, root))
            raise
        return without_digest(data, root)

    def sizes(self, account: str, root: bytes) -> tuple[int | None, int | None]:
        """Return the bytes of the age header's file and of the payload; None for what is not here."""
        name = self._name(account, root)
        return _size(f"{name}.header"), _size(f"{name}.payload")

    def used(self, account: str) -> int:
        """Return the bytes that an account's age files take, those on their way included."""
        with storage(self._root):
            return sum(
                each.stat().st_size
                for folder in (self._folder(account), self.pending(account))
                if folder.exists()
                for each in os.scandir(folder)
                if each.is_file()
            )

    def read_root(self, account: str, root: bytes) -> bytes:
        """Read a payload again and return the root that it has now. Raises NotFound."""
        path = self.path(account, root, "payload")
        state = PayloadHash()
        with storage(path), path.open("rb") as file:
            while block := file.read(READ_BLOCK):
                state.update(block)
        return state.root()

    @contextlib.contextmanager
    def open(self, account: str, root: bytes) -> Iterator[tuple[bytes, int, "ReadAt"]]:
        """Yield (header, payload size, read_at) of a whole age file. Raises NotFound."""
        try:
            with self.payload(account, root) as (size, read_at):
                yield self.header(account, root), size, read_at
        except NotFound:
            require_kept(self.discarded(account, root))
            raise

    @contextlib.contextmanager
    def payload(self, account: str, root: bytes) -> Iterator[tuple[int, "ReadAt"]]:
        """Yield (size, read_at) of a payload. Raises NotFound."""
        target = self.path(account, root, "payload")
        with storage(target):
            descriptor = os.open(target, os.O_RDONLY)
        try:

            def read_at(offset: int, length: int) -> bytes:
                with storage(target):
                    return os.pread(descriptor, length, offset)

            yield os.fstat(descriptor).st_size, read_at
        finally:
            os.close(descriptor)

    def read_part(self, account: str, root: bytes, name: str) -> bytes | None:
        """Return a file of an age file, "header" or "newer.2" for example; None where there is none."""
        target = self.path(account, root, name)
        try:
            with storage(target):
                return target.read_bytes()
        except NotFound:
            return None

    def create_part(self, account: str, root: bytes, name: str, data: bytes) -> bool:
        """Store a file where there is none, durably; False where one with other bytes stands."""
        target = self.path(account, root, name)
        with self.room.hold(account, on_disk(len(data))), self.naming(account, target.parent):
            self.make(account)
            temporary = self.pending(account) / f"{secrets.token_hex(16)}.tmp"
            try:
                with new_file(temporary) as file:
                    file.write(data)
                target.hardlink_to(temporary)
            except FileExistsError:
                return target.read_bytes() == data
            finally:
                temporary.unlink(missing_ok=True)
        return True

    def remove_parts(self, account: str, names: Sequence[tuple[bytes, str]]) -> None:
        """Remove files of age files, those that there are, durably."""
        folder = self._folder(account)
        with storage(folder):
            for root, name in names:
                self.path(account, root, name).unlink(missing_ok=True)
            if folder.exists():
                sync_folder(folder)

    def newer(self) -> Iterator[tuple[str, bytes, int]]:
        """Yield the account, root and number of every header that was put after a packed one."""
        with storage(self._root):
            for folder in sorted(each for each in self._root.iterdir() if is_account(each.name)):
                for each in sorted(folder.glob("*.newer.*")):
                    root, _, number = each.name.split(".")
                    yield folder.name, bytes.fromhex(root), int(number)

    def discard(self, account: str, root: bytes, notice: int) -> int:
        """Delete a payload and its headers, durably; return how many files. `notice`: the entry."""
        told = self.path(account, root, "discarded")
        with storage(told):
            write_durably(told, f"{notice}\n".encode(), 0o600)
        return self.forget(account, root)

    def forget(self, account: str, root: bytes) -> int:
        """Delete a payload and its headers, durably; return how many files."""
        folder = self._folder(account)
        with storage(folder), self.naming(account, folder):
            found = [
                each for each in folder.glob(f"{root.hex()}.*") if each.name.split(".")[1] in _PARTS
            ]
            for each in found:
                each.unlink(missing_ok=True)
        return len(found)

    def lying(self) -> Iterator[tuple[str, dict[bytes, Lying]]]:
        """Yield each account and what lies here of it, by root."""
        with storage(self._root):
            folders = sorted(each for each in self._root.iterdir() if is_account(each.name))
        for folder in folders:
            with storage(folder):
                yield folder.name, lying_in(_dated(folder))

    def discarded(self, account: str, root: bytes) -> int | None:
        """Return the entry of the notice that says why an age file is gone, None where none does."""
        told = self.path(account, root, "discarded")
        try:
            with storage(told):
                return parse_decimal(told.read_text().strip())
        except NotFound:
            return None

    @contextlib.contextmanager
    def naming(self, account: str, folder: Path) -> Iterator[None]:
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

    def _keep_header(self, target: Path, header: bytes) -> bool:
        """Put the present header aside; return whether `header` is still to be written."""
        try:
            if target.read_bytes() == with_digest(header):
                return False
        except FileNotFoundError:
            return True
        for number in range(1, MAX_REPLACED_HEADERS + 1):
            with contextlib.suppress(FileExistsError):
                target.with_name(f"{target.name}.{number}").hardlink_to(target)
                return True
        raise replaced_too_often()

    def _write(self, account: str, target: Path, data: bytes) -> None:
        temporary = self.pending(account) / f"{secrets.token_hex(16)}.tmp"
        try:
            with new_file(temporary) as file:
                file.write(data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def parts(self, account: str) -> Iterator[tuple[Path, int]]:
        """Yield the parts of an account's unfinished uploads, and the size that each promises."""
        with contextlib.suppress(FileNotFoundError):
            for entry in self.pending(account).iterdir():
                if entry.suffix == ".part":
                    yield entry, int(entry.name.split(".")[1])

    def place(self, account: str, payload: Payload, part: Path) -> None:
        """Give a whole payload, whose root was checked and which is synced, its name."""
        target = self.path(account, payload.root, "payload")
        with self.naming(account, target.parent):
            part.replace(target)

    def make(self, account: str) -> None:
        """Make an account's folders durable."""
        pending = self.pending(account)
        if not pending.exists():
            pending.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(pending.parent)
            sync_folder(self._root)

    def _folder(self, account: str) -> Path:
        if not is_account(account):
            raise InvalidInput("not an account")
        return self._root / account

    def pending(self, account: str) -> Path:
        """Return the folder of an account's unfinished uploads."""
        return self._folder(account) / "pending"

    def path(self, account: str, root: bytes, suffix: str) -> Path:
        """Return where a payload or its header lies. Raises InvalidInput."""
        return Path(f"{self._name(account, root)}.{suffix}")

    def _name(self, account: str, root: bytes) -> str:
        """Return what the names of an age file's two files begin with. Raises InvalidInput."""
        if not is_account(account):
            raise InvalidInput("not an account")
        if len(root) != HASH_SIZE:
            raise InvalidInput("not the root of an age file's payload")
        return f"{self._root}/{account}/{root.hex()}"


ReadAt = Callable[[int, int], bytes]


def lying_in(dated: Iterable[tuple[str, int, int]]) -> dict[bytes, Lying]:
    """Return the age files among names, with their bytes and when they were changed (POSIX seconds)."""
    found: dict[bytes, Lying] = {}
    for name, size, changed in dated:
        start, _, rest = name.partition(".")
        if rest.split(".")[0] not in _PARTS:
            continue
        try:
            root = parse_hex(start, HASH_SIZE)
        except MalformedData:
            continue
        one = found.get(root) or Lying(root, changed, 0, 0)
        found[root] = Lying(root, max(one.changed, changed), one.files + 1, one.bytes + size)
    return found


def _dated(folder: Path) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for each in entries:
            with contextlib.suppress(FileNotFoundError):  # it was packed meanwhile
                if each.is_file(follow_symlinks=False):
                    found = each.stat(follow_symlinks=False)
                    yield each.name, found.st_size, int(found.st_mtime)


def require_size(size: int) -> None:
    """Raise MalformedData for a size that no payload has."""
    if size < _MIN_PAYLOAD:
        raise MalformedData(f"no age file has a payload of {size} bytes")
    try:
        plain_size(size)
    except DecryptionFailed as error:
        raise MalformedData(f"no age file has a payload of {size} bytes") from error


def _size(name: str) -> int | None:
    """Return the bytes of a file, None where there is none. Raises StorageFailed."""
    try:
        return os.stat(name).st_size
    except FileNotFoundError:
        return None
    except OSError:
        with storage(Path(name)):
            raise


def require_envelopes(envelopes: Sequence[SmallEnvelope]) -> None:
    """Raise VerificationFailed or MalformedData when an age file is not what it says."""
    for each in envelopes:
        require_header(each.header)
        require_size(len(each.data))
        state = PayloadHash()
        state.update(each.data)
        if len(each.data) != each.payload.size or state.root() != each.payload.root:
            raise wrong_root(each.payload.root)


def require_header(header: bytes) -> None:
    """Raise MalformedData for what is no age header, TooLarge for one that is not kept."""
    if len(header) > MAX_KEPT_HEADER:
        raise TooLarge(
            f"An age header of {len(header)} bytes is over the limit of {MAX_KEPT_HEADER} bytes; "
            "seal for fewer recipients."
        )
    if parse_header(header).encoded != header:
        raise MalformedData("something follows the age header")


def with_digest(header: bytes) -> bytes:
    """Return the content of a header's file."""
    return header + b"sha256 %s\n" % sha256(header).hexdigest().encode()


def without_digest(data: bytes, root: bytes) -> bytes:
    """Return the header from a header's file. Raises VerificationFailed when it was altered."""
    header = data[: -len(with_digest(b""))]
    if with_digest(header) != data:
        raise VerificationFailed(
            f"The header of the age file with root {root.hex()} was altered at the notary: it is "
            "not what was uploaded. The company puts it there again from its vault, or the office "
            "from a backup of `objects`."
        )
    return header


def not_begun() -> NotFound:
    """Return what is to be said of a header whose payload's upload was not begun."""
    return NotFound("There is no age file with this root; upload its payload first.")


def require_kept(notice: int | None) -> None:
    """Raise NotFound where a notice says that an age file was deleted."""
    if notice is not None:
        raise NotFound(
            f"The notary office has deleted this age file; entry {notice} of the ledger says so."
        )


def no_age_file() -> NotFound:
    """Return what is to be said of an age file that is not here."""
    return NotFound("There is no such age file.")


def replaced_too_often() -> Conflict:
    """Return what is to be said of a header that is not replaced once more."""
    return Conflict(
        f"This age file's header was replaced {MAX_REPLACED_HEADERS} times; ask the notary office."
    )


def wrong_root(root: bytes) -> VerificationFailed:
    """Return what is to be said of bytes that do not have the root they were sent under."""
    return VerificationFailed(
        f"What was uploaded is not the age file {root.hex()[:16]}...: its hash is another one. "
        "Upload it again from the start."
    )


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Say what the disk's errors mean here. Raises NotFound, StorageFailed."""
    try:
        yield
    except FileNotFoundError as error:
        raise no_age_file() from error
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be stored or read ({error.strerror}); the notary office "
            "has to look "
            "at its disk. Try again later."
        ) from error
