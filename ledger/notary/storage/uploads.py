"""Uploads under way: a payload that arrives piece by piece, and what it may cost.

An upload continues where its `.part` ends; the store gives the payload its name once it is whole.
"""

import contextlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from ledger.chain.statement import Payload
from ledger.crypto.merkle import HASH_SIZE, Buffer
from ledger.crypto.stream import PayloadHash
from ledger.disk.files import sync
from ledger.errors import Conflict, TooLarge
from ledger.notary.storage.envelopes import (
    READ_BLOCK,
    require_size,
    storage,
    wrong_root,
)
from ledger.notary.storage.packed import EnvelopeKeeper
from ledger.wire.protocol import Upload

MAX_PAYLOAD = 1 << 40
"""Bytes of one payload: what one upload may promise."""
MAX_PENDING = 2 << 40
"""Bytes that an account's unfinished uploads may promise together."""
MAX_PENDING_UPLOADS = 1024
"""Unfinished uploads of an account."""
ABANDONED = 14 * 86400
"""Seconds without progress after which an unfinished upload may be removed."""
HASHERS = 1024
"""Unfinished uploads whose hash state is kept; others are read again when they continue."""


class Uploads:
    """The uploads under way into a store, one object a store. Any thread may call every method."""

    def __init__(
        self,
        store: EnvelopeKeeper,
        *,
        max_pending: int = MAX_PENDING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self._max_pending = max_pending
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[tuple[str, bytes], int] = {}
        """Uploads under way, and the bytes of each that are still to come."""
        self._hashes: OrderedDict[Path, PayloadHash] = OrderedDict()

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
        require_size(payload.size)
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

    def _begin(self, account: str, payload: Payload, offset: int) -> "PayloadWriter":
        now = self.store.status(account, payload.root)
        if now is not None and now.complete:
            raise Conflict("This age file is here already, whole; do not upload it again.")
        part = self.store.pending(account) / f"{payload.root.hex()}.{payload.size}.part"
        with storage(part):
            if now is not None and now.size != payload.size:
                if offset:
                    raise _not_at(now.offset)
                (part.parent / f"{payload.root.hex()}.{now.size}.part").unlink(missing_ok=True)
                now = None
            if offset != (0 if now is None else now.offset):
                raise _not_at(0 if now is None else now.offset)
            if now is None:
                self.store.make(account)
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
        self.store.room.require(account, promised)

    def count(self, writer: "PayloadWriter", size: int) -> None:
        """Take from what an upload has promised the bytes that came."""
        with self._lock:
            self._open[writer.account, writer.payload.root] -= size

    def _require_room(self, account: str, size: int) -> None:
        limit = self._clock() - ABANDONED
        pending = []
        for part, promised in self.store.parts(account):
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

    def _resume(self, part: Path, descriptor: int, offset: int) -> PayloadHash:
        with self._lock:
            state = self._hashes.pop(part, None)
        if state is not None and state.size == offset:
            return state
        state = PayloadHash()
        while state.size < offset:
            block = os.pread(descriptor, min(READ_BLOCK, offset - state.size), state.size)
            if not block:
                raise _not_at(state.size)
            state.update(block)
        return state

    def settle(self, writer: "PayloadWriter", *, complete: bool) -> None:
        """End a connection's turn. Raises VerificationFailed for a whole payload of another root."""
        try:
            with storage(writer.part):
                if complete:
                    self._finish(writer)
                else:
                    self._suspend(writer)
        finally:
            os.close(writer.descriptor)
            self._release((writer.account, writer.payload.root))

    def _finish(self, writer: "PayloadWriter") -> None:
        if writer.state.root() != writer.payload.root:
            writer.part.unlink()
            raise wrong_root(writer.payload.root)
        self._sync(writer)
        self.store.place(writer.account, writer.payload, writer.part)

    def _sync(self, writer: "PayloadWriter") -> None:
        try:
            sync(writer.descriptor)
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


class PayloadWriter:
    """One connection's turn at an upload. Blocks may have any size; `close` settles what came."""

    def __init__(
        self,
        uploads: Uploads,
        account: str,
        payload: Payload,
        part: Path,
        descriptor: int,
        state: PayloadHash,
    ) -> None:
        self.account = account
        self.payload = payload
        self.part = part
        self.descriptor = descriptor
        self.state = state
        self._uploads = uploads

    def write(self, block: Buffer) -> None:
        """Append a block. Raises TooLarge past the promised size; NoRoom; StorageFailed."""
        offset = self.state.size
        if offset + len(block) > self.payload.size:
            raise TooLarge(
                f"More was sent than the {self.payload.size} bytes that were promised; "
                "check the age file and ask how far the upload has come."
            )
        view = memoryview(block)
        with self._uploads.store.room.hold(self.account, len(block)), storage(self.part):
            try:
                while view:
                    count = os.pwrite(self.descriptor, view, offset)
                    view, offset = view[count:], offset + count
            except OSError:
                os.ftruncate(self.descriptor, self.state.size)
                raise
        self.state.update(block)
        self._uploads.count(self, len(block))

    def close(self) -> Upload:
        """Make what came durable, and the payload whole when its last byte has come.

        Raises VerificationFailed when its root is another one: what was uploaded is gone then.
        """
        upload = Upload(
            self.payload.size, self.state.size, complete=self.state.size == self.payload.size
        )
        self._uploads.settle(self, complete=upload.complete)
        return upload


def _not_at(offset: int) -> Conflict:
    return Conflict(f"The upload stands at byte {offset}; continue from there.")
