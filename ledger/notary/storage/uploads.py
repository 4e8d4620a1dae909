"""Uploads under way: a payload that arrives piece by piece, and what it may cost."""

import os
from pathlib import Path

from ledger.chain.statement import Payload
from ledger.crypto.merkle import Buffer
from ledger.crypto.stream import PayloadHash
from ledger.errors import TooLarge
from ledger.notary.storage.envelopes import EnvelopeStore, storage
from ledger.wire.protocol import Upload

MAX_PENDING = 2 << 40
"""Bytes that an account's unfinished uploads may promise together."""
MAX_PENDING_UPLOADS = 1024
"""Unfinished uploads of an account."""
ABANDONED = 14 * 86400
"""Seconds without progress after which an unfinished upload may be removed."""
HASHERS = 1024
"""Unfinished uploads whose hash state is kept; others are read again when they continue."""


class PayloadWriter:
    """One connection's turn at an upload. Blocks may have any size; `close` settles what came."""

    def __init__(
        self,
        store: EnvelopeStore,
        account: str,
        payload: Payload,
        part: Path,
        descriptor: int,
        state: "PayloadHash",
    ) -> None:
        self.account = account
        self.payload = payload
        self.part = part
        self.descriptor = descriptor
        self.state = state
        self._store = store

    def write(self, block: Buffer) -> None:
        """Append a block. Raises TooLarge past the promised size; NoRoom; StorageFailed."""
        offset = self.state.size
        if offset + len(block) > self.payload.size:
            raise TooLarge(
                f"More was sent than the {self.payload.size} bytes that were promised; "
                "check the age file and ask how far the upload has come."
            )
        view = memoryview(block)
        with self._store._room.hold(self.account, len(block)), storage(self.part):
            try:
                while view:
                    count = os.pwrite(self.descriptor, view, offset)
                    view, offset = view[count:], offset + count
            except OSError:
                os.ftruncate(self.descriptor, self.state.size)
                raise
        self.state.update(block)
        self._store._came(self.account, self.payload, len(block))

    def close(self) -> Upload:
        """Make what came durable, and the payload whole when its last byte has come.

        Raises VerificationFailed when its root is another one: what was uploaded is gone then.
        """
        upload = Upload(
            self.payload.size, self.state.size, complete=self.state.size == self.payload.size
        )
        try:
            with storage(self.part):
                if upload.complete:
                    self._store._finish(self)
                else:
                    self._store._suspend(self)
        finally:
            os.close(self.descriptor)
            self._store._release((self.account, self.payload.root))
        return upload
