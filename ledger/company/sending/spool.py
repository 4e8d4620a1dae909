"""The way of a deposit: from the user's files into the spool, to the notary; the receipt back."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger.company.sealing.collecting import Collected, text_of_name
from ledger.company.sealing.to_files import seal_files
from ledger.company.vault.recipients import parsed
from ledger.company.vault.stored import Meta, StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import MalformedData, StorageFailed
from ledger.evidence.manifest import Cover, clipped, numbered

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
