"""From files into the spool: sealed, numbered, signed."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from ledger.company.documents import Document
from ledger.company.noting import noted
from ledger.company.sealing.collecting import Collected, text_of_name
from ledger.company.sealing.to_files import seal_files
from ledger.company.vault.recipients import parsed
from ledger.company.vault.stored import Meta, StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.crypto.recipients import Random
from ledger.errors import MalformedData, StorageFailed
from ledger.evidence.manifest import Cover, clipped, numbered
from ledger.evidence.records import Record

Progress = Callable[[int], None]
"""Called with the bytes that have been sealed."""
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
    random: Random,
    progress: Progress | None = None,
    told: Callable[[Sequence[Record]], None] | None = None,
) -> StoredDeposit:
    """Seal and sign a deposit; from the return on it waits to be sent.

    An interrupted deposit of the same, unchanged files is returned instead of a second one. `told` gets
    the records of what was sealed, renditions among them.
    """
    options = (wishes.title, wishes.matter, wishes.commitment_only, wishes.deliver)
    source = sha256(
        f"{collected.source} {options!r}".encode("utf-8", "surrogateescape")
    ).hexdigest()
    for each in vault.waiting_at(str(collected.path)):
        with contextlib.suppress(MalformedData, StorageFailed):
            if each.meta.source == source:
                return each
    title = text_of_name(wishes.title) if wishes.title else collected.title
    meta = Meta(
        path=str(collected.path),
        title=title,
        size=collected.size,
        documents=len(collected.documents),
        matter=wishes.matter,
        source=source,
        deliver=None if wishes.deliver is None else str(wishes.deliver),
    )
    cover = Cover(title, provenance + _left_out(collected))
    return seal_and_sign(
        vault,
        collected.documents,
        cover,
        meta,
        now,
        random,
        progress,
        told,
        commitment_only=wishes.commitment_only,
    )


def seal_and_sign(
    vault: Vault,
    documents: Sequence[Document],
    cover: Cover,
    meta: Meta,
    now: Callable[[], float],
    random: Random,
    progress: Progress | None = None,
    told: Callable[[Sequence[Record]], None] | None = None,
    *,
    commitment_only: bool = False,
) -> StoredDeposit:
    """Seal documents for all officers of this moment, number and sign; from the return on they wait."""
    officers = vault.officers
    with vault.sealing() as sealing:
        sealed = seal_files(
            documents,
            vault.key.thumbprint,
            parsed(officers.all),
            cover,
            sealing.manifest,
            None if commitment_only else sealing.content,
            random,
            progress,
        )
        if told:
            told(sealed.record.documents)
        with vault.locked():
            place = vault.next_place(meta.matter)
            notices = noted(sealed.record.documents)
            meta = replace(meta, sealed_for=officers.state, notices=notices)
            signed = vault.sign(
                sealed.commitment, sealed.content, sealed.manifest, place, meta, now()
            )
            return vault.spool(sealing, signed)


def _left_out(collected: Collected) -> tuple[tuple[str, str], ...]:
    """Return what the cover says of what was not taken: how many in all, and the first ones."""
    found = [clipped(f"{kind}: {name}") for name, kind in collected.left_out]
    count = (("left-out", str(len(found))),) if found else ()
    return (*count, *numbered("left-out", found[:MAX_LEFT_OUT]))
