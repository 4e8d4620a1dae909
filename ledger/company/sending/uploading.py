"""The way of age files and statements to the notary: large ones in pieces, small ones together."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from ledger.chain.statement import Payload
from ledger.company.vault.stored import read_file
from ledger.crypto.envelope import MAX_HEADER, parse_header
from ledger.disk.age_files import open_age
from ledger.errors import SealbookError, StorageFailed
from ledger.quoted import quoted
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import SmallEnvelope

SMALL = 1 << 20
"""Bytes up to which a payload travels together with others."""
TOGETHER = 4 * SMALL
"""Bytes of payloads that travel together."""

Progress = Callable[[int], None]
"""Called with the bytes of all payloads that have been sent."""


class Uploaded(Protocol):
    """What is uploaded of a deposit."""

    @property
    def encoded(self) -> bytes:
        """The signed statement."""
        ...

    @property
    def files(self) -> Iterator[tuple[Path, Payload]]:
        """The age files, as the statement names them."""
        ...


class Sender:
    """A notary as `ledger.company.sending.confirming.confirm` wants it, fed from the vault.

    `ahead` is a thread for uploads that are begun before they are asked for.
    """

    def __init__(
        self,
        client: NotaryClient,
        ahead: ThreadPoolExecutor,
        progress: Progress = lambda _: None,
    ) -> None:
        self._client = client
        self._ahead = ahead
        self._progress = progress
        self._sent = 0
        self._begun: dict[bytes, Future[int]] = {}

    def begin(self, deposits: Sequence[Uploaded]) -> None:
        """Begin to upload what one request takes: while it is under way others are confirmed."""
        self._begun[_named(deposits)] = self._ahead.submit(self._put_all, deposits)

    def upload(self, deposits: Sequence[Uploaded]) -> None:
        """Make the deposits' age files durable at the notary."""
        begun = self._begun.pop(_named(deposits), None)
        if begun and (sent := begun.result()):
            self._count(sent)
            return
        small: list[tuple[Path, Payload]] = []
        waiting = 0
        for path, payload in (file for deposit in deposits for file in deposit.files):
            if payload.size > SMALL:
                self._upload(path, payload)
                continue
            small.append((path, payload))
            waiting += payload.size
            if waiting >= TOGETHER:
                self._count(self._put(small))
                small, waiting = [], 0
        self._count(self._put(small))

    def submit_many(self, statements: Sequence[bytes]) -> Sequence[bytes | SealbookError]:
        """Return a receipt for each statement, or why there is none."""
        return self._client.submit_many(statements)

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Return a consistency proof, unverified."""
        return self._client.consistency(old_size, new_size)

    def _put_all(self, deposits: Sequence[Uploaded]) -> int:
        """Upload what they have, and return its bytes: none where it is more than one request takes."""
        files = [file for deposit in deposits for file in deposit.files]
        fits = sum(payload.size for _, payload in files) <= TOGETHER
        return self._put(files) if fits else 0

    def _put(self, files: Sequence[tuple[Path, Payload]]) -> int:
        """Upload small files together; return their bytes."""
        envelopes = []
        for path, payload in files:
            data = read_file(path)
            header = parse_header(data[:MAX_HEADER]).encoded
            envelopes.append(SmallEnvelope(payload, header, data[len(header) :]))
        if envelopes:
            self._client.put_envelopes(envelopes)
        return sum(payload.size for _, payload in files)

    def _count(self, sent: int) -> None:
        self._sent += sent
        self._progress(self._sent)

    def _upload(self, path: Path, payload: Payload) -> None:
        try:
            with open_age(path) as file:
                self._client.upload(
                    payload,
                    file.read_at,
                    file.header.encoded,
                    lambda offset: self._progress(self._sent + offset),
                )
        except OSError as error:
            raise StorageFailed(f"{quoted(path)} cannot be read: {error.strerror}.") from error
        self._sent += payload.size


def _named(deposits: Sequence[Uploaded]) -> bytes:
    return b"".join(each.encoded for each in deposits)
