"""The way of age files and statements to the notary: large ones in pieces, small ones together."""

from collections.abc import Callable, Iterator, Sequence
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

Progress = Callable[[int], None]
"""Called with the bytes of all payloads that have been sent."""


class Uploaded(Protocol):
    """What is uploaded of a deposit."""

    @property
    def files(self) -> Iterator[tuple[Path, Payload]]:
        """The age files, as the statement names them."""
        ...


class Sender:
    """A notary as `ledger.company.sending.confirming.confirm` wants it, fed from the vault."""

    def __init__(self, client: NotaryClient, progress: Progress = lambda _: None) -> None:
        self._client = client
        self._progress = progress
        self._sent = 0

    def upload(self, deposits: Sequence[Uploaded]) -> None:
        """Make the deposits' age files durable at the notary."""
        small: list[SmallEnvelope] = []
        waiting = 0
        for path, payload in (file for deposit in deposits for file in deposit.files):
            if payload.size > SMALL:
                self._upload(path, payload)
                continue
            data = read_file(path)
            header = parse_header(data[:MAX_HEADER]).encoded
            small.append(SmallEnvelope(payload, header, data[len(header) :]))
            waiting += len(data)
            if waiting > 4 * SMALL:
                self._upload_together(small)
                small, waiting = [], 0
        self._upload_together(small)

    def submit_many(self, statements: Sequence[bytes]) -> Sequence[bytes | SealbookError]:
        """Return a receipt for each statement, or why there is none."""
        return self._client.submit_many(statements)

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Return a consistency proof, unverified."""
        return self._client.consistency(old_size, new_size)

    def _upload_together(self, envelopes: Sequence[SmallEnvelope]) -> None:
        if envelopes:
            self._client.put_envelopes(envelopes)
            self._sent += sum(each.payload.size for each in envelopes)
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
