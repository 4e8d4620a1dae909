"""The notary's ciphertext, wherever it lies: each file by itself, or small ones together in packs.

What comes is stored loose (`envelopes`, `envelopeobjects`) and is durable before anybody is answered;
what deposits name is packed later (`ledger.notary.packing`). A payload is the same wherever it is
read, and is looked for among the loose files first. A header may be replaced, so it is exact which one
counts:

* before anything of an age file is packed, its loose header, as ever;
* from then on it is the packed one, unless the rows name a newer one: each is a file of its own that is
  put where nothing stands, and never changes.

Who replaces a header looks at the rows before and after. So one that is put while its age file is being
packed is put again as a newer one, or was there before the rows were, and is found when they settle.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.chain.statement import Payload
from ledger.crypto.stream import PayloadHash
from ledger.errors import NotFound, VerificationFailed
from ledger.notary.ports import no_check
from ledger.notary.storage.envelopeobjects import LooseEnvelopes
from ledger.notary.storage.envelopes import (
    MAX_REPLACED_HEADERS,
    Lying,
    ReadAt,
    no_age_file,
    replaced_too_often,
    require_envelopes,
    require_header,
    require_kept,
    with_digest,
    without_digest,
)
from ledger.notary.storage.packs import State, Where
from ledger.notary.storage.packshelf import PackShelf, is_header
from ledger.wire.protocol import SmallEnvelope, Upload

_TRIES = 3
"""Looks at rows that change while what they name is read: each is another pack at least."""


class PackedEnvelopes:
    """Age files by account and payload root. Every method may be called from any thread.

    Methods raise what `EnvelopeStore` and `EnvelopeObjects` raise. `require_here` raises NotHere
    where the ciphertext is not here as a whole: then nothing is taken, and nothing is called missing.
    """

    def __init__(
        self, loose: LooseEnvelopes, shelf: PackShelf, require_here: Callable[[], None] = no_check
    ) -> None:
        self.loose, self.shelf = loose, shelf
        self._require_here = require_here
        self.room = loose.room
        self.turn = threading.RLock()
        """Held by whoever writes packs."""

    def holds(self, account: str, payload: Payload) -> bool:
        """Return whether this payload and a header for it are here, whole and durable."""
        if self.loose.holds(account, payload):
            return True
        if not self.shelf.rows.among(account, [payload.root]):
            return False
        header, size = self.sizes(account, payload.root)
        return header is not None and size == payload.size

    def status(self, account: str, root: bytes) -> Upload | None:
        """Return how far the payload has come; None when nothing of it is here."""
        found = self.loose.status(account, root)
        if found is None or not found.complete:
            size = self._packed_size(self.shelf.rows.find(account, root).payload)
            if size is not None:
                return Upload(size, size, True)
        return found

    def put_many(self, account: str, envelopes: Sequence[SmallEnvelope]) -> None:
        """Store small age files, all of them durable on return.

        Raises VerificationFailed or MalformedData, before anything is written, when one of them is
        not what it says.
        """
        self._require_here()
        roots = [each.payload.root for each in envelopes]
        packed = self.shelf.rows.among(account, roots)
        if packed:
            require_envelopes(envelopes)
        fresh = [each for each in envelopes if each.payload.root not in packed]
        self.loose.put_many(account, fresh)
        packed |= self.shelf.rows.among(account, [each.payload.root for each in fresh])
        for each in envelopes:
            if each.payload.root in packed:
                self._put_again(account, each)

    def put_header(self, account: str, root: bytes, header: bytes) -> None:
        """Store or replace the header of a payload that is here or on its way; durable on return.

        Raises MalformedData, TooLarge, NotFound when the payload's upload was not begun, Conflict
        when it was replaced too often.
        """
        require_header(header)
        self._require_here()
        rows = self.shelf.rows
        if not rows.among(account, [root]):
            try:
                self.loose.put_header(account, root, header)
            except NotFound:
                if not rows.among(account, [root]):
                    raise
            if not rows.among(account, [root]):
                return
        self._put_newer(account, root, header)

    def header(self, account: str, root: bytes) -> bytes:
        """Return the age header. Raises NotFound; VerificationFailed when it was altered here."""
        data = self._header(account, root)
        if data is None:
            raise self._missing(account, root)
        return without_digest(data, root)

    def sizes(self, account: str, root: bytes) -> tuple[int | None, int | None]:
        """Return the bytes of the age header's file and of the payload; None for what is not here."""
        header, size = self.loose.sizes(account, root)
        if header is not None and size is not None:
            return header, size
        for _ in range(_TRIES):
            found = self.shelf.rows.find(account, root)
            if size is None:
                size = self._packed_size(found.payload)
            if header is None:
                data = None
                if found.newer is not None:
                    data = self.loose.read_part(account, root, f"newer.{found.newer}")
                header = self._packed_size(found.header) if data is None else len(data)
            if header is not None and size is not None:
                break
        return header, size

    def used(self, account: str) -> int:
        """Return the bytes that an account's age files take, those on their way included."""
        return self.loose.used(account) + self.shelf.rows.used(account)

    def discard(self, account: str, roots: Sequence[bytes], notice: int) -> int:
        """Delete age files, durably; return how many files or parts. `notice`: the entry."""
        with self.turn:
            left = self.shelf.finish()  # before: what settles takes such marks away
            for root in roots if left else ():
                for pack in left.keys() & set(self.shelf.rows.holding(account, root)):
                    raise left[pack]
            files = sum(self.loose.discard(account, root, notice) for root in sorted(roots))
            return files + self.shelf.erase(account, roots)

    def lying(self) -> Iterator[tuple[str, dict[bytes, Lying]]]:
        """Yield each account, and what of it lies in no pack, by root."""
        return self.loose.lying()

    def forget(self, account: str, root: bytes) -> int:
        """Delete an age file that lies in no pack, durably; return how many files."""
        return self.loose.forget(account, root)

    def finish(self) -> None:
        """Finish what was begun with packs, of erasing too, and cut short.

        Raises StorageFailed where a pack stays of which something was erased.
        """
        with self.turn:
            left = self.shelf.finish()
            for pack in left.keys() & self.shelf.rows.packs(State.LEAVING).keys():
                raise left[pack]

    def discarded(self, account: str, root: bytes) -> int | None:
        """Return the entry of the notice that says why an age file is gone, None where none does."""
        return self.loose.discarded(account, root)

    def read_root(self, account: str, root: bytes) -> bytes:
        """Read a payload again and return the root that it has now. Raises NotFound."""
        try:
            return self.loose.read_root(account, root)
        except NotFound:
            state = PayloadHash()
            state.update(self._packed_payload(account, root))
            return state.root()

    @contextmanager
    def open(self, account: str, root: bytes) -> Iterator[tuple[bytes, int, ReadAt]]:
        """Yield (header, payload size, read_at) of a whole age file. Raises NotFound."""
        header = self.header(account, root)
        with ExitStack() as stack:
            try:
                size, read_loose = stack.enter_context(self.loose.payload(account, root))
            except NotFound:
                data = self._packed_payload(account, root)
                size, read_loose = len(data), lambda at, length: data[at : at + length]

            def read_at(at: int, length: int) -> bytes:
                try:
                    return read_loose(at, length)
                except NotFound:  # it was packed meanwhile
                    return self._packed_payload(account, root)[at : at + length]

            yield header, size, read_at

    def parts(self, account: str) -> Iterator[tuple[Path, int]]:
        """Yield the parts of an account's unfinished uploads, and the size that each promises."""
        return self.loose.parts(account)

    def pending(self, account: str) -> Path:
        """Return the folder of an account's unfinished uploads."""
        return self.loose.pending(account)

    def make(self, account: str) -> None:
        """Make that folder durable."""
        self._require_here()
        self.loose.make(account)

    def place(self, account: str, payload: Payload, part: Path) -> None:
        """Give a whole payload, whose root was checked and which is synced, its name."""
        self.loose.place(account, payload, part)

    def _put_again(self, account: str, envelope: SmallEnvelope) -> None:
        """Store an age file of which something is packed: what is different, or was damaged."""
        root = envelope.payload.root
        try:
            whole = self.read_root(account, root) == root
        except NotFound:
            whole = False
        if not whole:
            self.loose.create_part(account, root, "payload", envelope.data)
        self._put_newer(account, root, envelope.header)

    def _put_newer(self, account: str, root: bytes, header: bytes) -> None:
        try:
            if self.header(account, root) == header:
                return
        except (NotFound, VerificationFailed):
            pass  # what is put mends it
        found = self.shelf.rows.find(account, root)
        data = with_digest(header)
        first = max(found.version, found.newer or 0) + 1
        for number in range(first, MAX_REPLACED_HEADERS + 2):
            if self.loose.create_part(account, root, f"newer.{number}", data):
                self.shelf.rows.put_newer(account, root, number)
                return
        raise replaced_too_often()

    def _header(self, account: str, root: bytes) -> bytes | None:
        """Return what the file of the header that counts holds, None where there is none."""
        for _ in range(_TRIES):
            found, data = self.shelf.rows.find(account, root), None
            if found.newer is not None:
                data = self.loose.read_part(account, root, f"newer.{found.newer}")
            else:
                if not found.settled:
                    data = self.loose.read_part(account, root, "header")
                if data is None and found.header is not None:
                    data = self.shelf.read(found.header)
                if data is not None and found.settled and not is_header(data):
                    data = self.loose.read_part(account, root, "header") or data
            if data is not None:
                return data
        return None if found.header is None else self.shelf.read(found.header)

    def _packed_payload(self, account: str, root: bytes) -> bytes:
        for _ in range(_TRIES):
            where = self.shelf.rows.find(account, root).payload
            data = None if where is None else self.shelf.read(where)
            if data is not None:
                return data
        raise self._missing(account, root)

    def _missing(self, account: str, root: bytes) -> NotFound:
        """Return what to say of an age file that is not here, and was not deleted."""
        require_kept(self.discarded(account, root))
        self._require_here()
        return no_age_file()

    def _packed_size(self, where: Where | None) -> int | None:
        """Return the bytes of a part, None where its pack does not hold them all."""
        if where is None:
            return None
        size = self.shelf.size(where.pack)
        return where.size if size is not None and where.at + where.size <= size else None


EnvelopeKeeper = LooseEnvelopes | PackedEnvelopes
"""Ciphertext, wherever it lies."""
