"""The way of a deposit: from the user's files into the spool, to the notary; the receipt back."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import Payload
from ledger.company.sealing.collecting import Collected, text_of_name
from ledger.company.sealing.to_files import seal_files
from ledger.company.sending.confirming import LedgerForked, Rejected, is_final
from ledger.company.vault.recipients import parsed
from ledger.company.vault.stored import Meta, StoredDeposit, read_file
from ledger.company.vault.vault import Vault
from ledger.crypto.envelope import MAX_HEADER, parse_header
from ledger.disk.age_files import open_age
from ledger.disk.outputs import write_numbered
from ledger.errors import Conflict, MalformedData, SealbookError, StorageFailed
from ledger.evidence.manifest import Cover, clipped, numbered
from ledger.quoted import quoted
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import SmallEnvelope

SMALL = 1 << 20
"""Bytes up to which a payload travels together with others."""

Progress = Callable[[int], None]
"""Called with the bytes of all payloads that have been sent."""
MAX_LEFT_OUT = 1000
"""Links and other things that are no files which a cover names; of more, it gives the number."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for. `deliver` is the folder for the receipt, None for beside the path."""

    title: str | None = None
    matter: str | None = None
    commitment_only: bool = False
    deliver: Path | None = None


def seal_into_spool(
    vault: Vault,
    collected: Collected,
    wishes: Wishes,
    provenance: tuple[tuple[str, str], ...],
    now: Callable[[], float],
    random: Callable[[int], bytes],
    progress: Progress | None = None,
) -> StoredDeposit:
    """Seal and sign a deposit; from the return on it waits to be sent.

    An interrupted deposit of the same, unchanged files is returned instead of a second one.
    """
    options = (wishes.title, wishes.matter, wishes.commitment_only, wishes.deliver)
    source = sha256(
        f"{collected.source} {options!r}".encode("utf-8", "surrogateescape")
    ).hexdigest()
    for each in vault.spooled():
        with contextlib.suppress(MalformedData, StorageFailed):
            if each.meta.path == str(collected.path) and each.meta.source == source:
                return each
    title = text_of_name(wishes.title or collected.path.name)
    missing = _left_out(collected)
    officers = vault.officers
    with vault.sealing() as sealing:
        sealed = seal_files(
            collected.documents,
            vault.key.thumbprint,
            parsed(officers.all),
            Cover(title, provenance + missing),
            sealing.manifest,
            None if wishes.commitment_only else sealing.content,
            random,
            progress,
        )
        with vault.locked():
            at = now()
            statement = vault.sign(
                sealed.commitment, sealed.content, sealed.manifest, wishes.matter, int(at)
            )
            meta = Meta(
                path=str(collected.path),
                title=title,
                sealed=int(at),
                size=collected.size,
                documents=len(collected.documents),
                matter=wishes.matter,
                source=source,
                deliver=None if wishes.deliver is None else str(wishes.deliver),
                sealed_for=officers.state,
            )
            return vault.spool(sealing, statement, meta, at)


def _left_out(collected: Collected) -> tuple[tuple[str, str], ...]:
    """Return what the cover says of what was not taken: how many in all, and the first ones."""
    found = [clipped(f"{kind}: {name}") for name, kind in collected.left_out]
    count = (("left-out", str(len(found))),) if found else ()
    return (*count, *numbered("left-out", found[:MAX_LEFT_OUT]))


def deliver(deposit: StoredDeposit) -> Path:
    """Put a deposit's receipt where the user looks for it, and file the deposit away.

    Where it is to stay there, or that folder cannot be written, the receipt stays in the vault.
    Returns where it is.
    """
    if deposit.meta.keep:
        place = deposit.filed_folder / "receipt"
        deposit.file_away(place)
        return place
    receipt = deposit.receipt
    assert receipt is not None
    path = Path(deposit.meta.path)
    folder = Path(deposit.meta.deliver) if deposit.meta.deliver else path.parent
    try:
        place = write_numbered(folder, path.name, ".receipt", receipt)
    except StorageFailed:
        place = deposit.filed_folder / "receipt"
    deposit.file_away(place)
    return place


def keep_proof(vault: Vault, deposit: StoredDeposit, rejected: Rejected) -> Path:
    """Keep a receipt that does not count, or the checkpoint of a fork, as proof; return where."""
    place = deposit.keep_rejected(rejected.receipt)
    if isinstance(rejected.error, LedgerForked):
        note = parse_receipt(rejected.receipt).note
        place = vault.keep_fork(note, parse_checkpoint(parse_note(note).text))
    return place


def note_refusal(vault: Vault, deposit: StoredDeposit, error: SealbookError) -> bool:
    """Note that a deposit was not taken, and put it aside where it never will be; return whether.

    Call it under `sending`.
    """
    in_turn = isinstance(error, Conflict) and _waits_for_another(vault, deposit)
    if is_final(error) and not in_turn:
        deposit.put_aside(str(error))
        return True
    deposit.note(refused=str(error))
    return False


def _waits_for_another(vault: Vault, deposit: StoredDeposit) -> bool:
    """Whether the paper before it in its matter is still to be sent."""
    matter = deposit.deposit.matter
    if matter is None or matter.previous is None:
        return False
    for each in vault.spooled():
        with contextlib.suppress(MalformedData, StorageFailed):
            if each.waits and each.statement.leaf_hash == matter.previous:
                return True
    return False


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
