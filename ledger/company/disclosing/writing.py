"""Disclosing: evidence files of deposits whole, in part, or by their receipts alone.

The file appears under its name once it has been verified the way a court would, and not before; one
that is sealed for a court is verified and then encrypted.
"""

import contextlib
import io
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ledger.chain.trust import Trust
from ledger.company.disclosing.opening import content_of, opener_of, originals
from ledger.company.disclosing.ranged import DepositView, checked, hashed
from ledger.company.vault.stored import StoredDeposit, read_file
from ledger.crypto.envelope import seal_header
from ledger.crypto.recipients import FILE_KEY_SIZE, Identity, Recipient
from ledger.crypto.stream import CHUNK, NONCE_SIZE, TAG_SIZE, PayloadCipher
from ledger.disk.files import new_file, not_written
from ledger.disk.outputs import move_new
from ledger.disk.staging import Progress
from ledger.errors import VerificationFailed
from ledger.evidence.file import (
    Disclosure,
    read_evidence,
    self_contained,
    verify_disclosed,
    write_evidence,
)
from ledger.evidence.index import Index
from ledger.evidence.opening import content_reader, read_index
from ledger.evidence.partial import PartialOpening, Selection, open_in_part
from ledger.evidence.parts import Cuts
from ledger.quoted import quoted
from ledger.verify import VerifiedReceipt

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

SEALED_SUFFIX = ".age"


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of a deposit, ready to be disclosed; `index` holds the hashes of the leaves."""

    view: DepositView
    index: Index
    opening: PartialOpening


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deposit to disclose: its receipt, and all of it, or parts of it, or nothing."""

    deposit: StoredDeposit
    whole: bool = False
    parts: Parts | None = None


def disclose(
    wanted: Sequence[Wanted],
    client: "NotaryClient",
    identities: Sequence[Identity],
    output: Path,
    recipients: Sequence[Recipient],
    trust: Trust,
    progress: Progress,
) -> tuple[VerifiedReceipt, ...]:
    """Write an evidence file, sealed for `recipients` where there are any; return what it proves.

    Raises VerificationFailed where anything is not what was deposited, Conflict when something stands
    at `output`, StorageFailed.
    """
    tally = _Tally(progress)
    plain = output.with_name(f".{secrets.token_hex(8)}.part")
    sealed = output.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with contextlib.ExitStack() as stack:
            disclosures = []
            for each in wanted:
                hidden = output.with_name(f".{secrets.token_hex(8)}.content")
                disclosures.append(
                    _disclosure(each, client, identities, hidden, stack, tally.next())
                )
            with new_file(plain) as out:
                write_evidence(out, disclosures)
        with plain.open("rb") as written:
            found = read_evidence(cast(BinaryIO, written))
            verified = tuple(verify_disclosed(each, trust, progress=tally.next()) for each in found)
        if recipients:
            _seal(plain, sealed, recipients)
        move_new(sealed if recipients else plain, output)
    except OSError as error:
        raise not_written(output, error) from error
    finally:
        plain.unlink(missing_ok=True)
        sealed.unlink(missing_ok=True)
    return verified


def open_parts(
    deposit: StoredDeposit, view: DepositView, selections: Sequence[Selection], progress: Progress
) -> Parts:
    """Return what opens the selections, whose content is still to be read.

    Raises VerificationFailed unless the index is that of the deposit.
    """
    index = hashed(view, progress)
    try:
        opening = open_in_part(view.manifest, index, selections, deposit.deposit.commitment)
    except VerificationFailed as error:
        if view.hashed:
            raise
        raise VerificationFailed(
            f"{quoted(deposit.meta.path)} is not what was deposited: it was changed since, and "
            "only its "
            "fingerprint is with the notary. Put the files back as they were."
        ) from error
    return Parts(view, index, opening)


def _disclosure(
    wanted: Wanted,
    client: "NotaryClient",
    identities: Sequence[Identity],
    hidden: Path,
    stack: contextlib.ExitStack,
    progress: Progress,
) -> Disclosure:
    deposit = wanted.deposit
    receipt = read_file(deposit.folder / "receipt")
    if wanted.parts is not None:
        return Disclosure(receipt, wanted.parts.opening, _piece_opener(wanted.parts))
    if not wanted.whole:
        return Disclosure(receipt, None, _nothing)
    manifest = deposit.manifest(tuple(identities))
    if deposit.deposit.content is None:
        index, fetch = read_index(manifest, None), originals(deposit, manifest)
        return Disclosure(receipt, self_contained(manifest, index), opener_of(manifest, fetch))
    content = stack.enter_context(content_of(deposit, client, identities, hidden, progress))
    index = read_index(manifest, content)
    fetch = content_reader(manifest, content)
    return Disclosure(receipt, self_contained(manifest, index), opener_of(manifest, fetch))


def _piece_opener(parts: Parts) -> Callable[[int], BinaryIO]:
    pieces = parts.opening.pieces
    records = parts.view.manifest.documents
    cuts = {
        document: Cuts(records[document].size, parts.index[document].cuts)
        for document in {piece.document for piece in pieces}
    }

    def open_piece(number: int) -> BinaryIO:
        piece = pieces[number]
        place = piece.document, piece.first, piece.count
        blocks = checked(parts.view, parts.index, cuts[piece.document], *place)
        return cast(BinaryIO, _Blocks(blocks))

    return open_piece


def _nothing(number: int) -> BinaryIO:
    raise AssertionError(f"a receipt alone has no content {number}")


class _Blocks(io.RawIOBase):
    """Blocks as a file that is read once, from its beginning, one block at a time."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 (a block is at most 1 MiB)
        """Return the next block, nothing at the end."""
        return next(self._blocks, b"")


class _Tally:
    """Adds up the progress of one piece of work after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._before = self._now = 0

    def next(self) -> Progress:
        """Return the progress of the next piece of work."""

        def report(done: int) -> None:
            if fresh[0]:
                fresh[0], self._before = False, self._now
            self._now = self._before + done
            self._progress(self._now)

        fresh = [True]
        return report


def _seal(source: Path, target: Path, recipients: Sequence[Recipient]) -> None:
    file_key, nonce = os.urandom(FILE_KEY_SIZE), os.urandom(NONCE_SIZE)
    cipher = PayloadCipher(file_key, nonce)
    last = max(1, -(-source.stat().st_size // CHUNK)) - 1
    with source.open("rb") as plain, new_file(target) as out:
        out.write(seal_header(file_key, recipients, os.urandom) + nonce)
        for index in range(last + 1):
            chunk = plain.read(CHUNK)
            sealed = bytearray(len(chunk) + TAG_SIZE)
            cipher.encrypt_into(index, index == last, chunk, sealed)
            out.write(sealed)
