"""Watching the ledger: what its witnesses have cosigned beside what the notary shows this company.

    each witness that has an address ─► its newest note ─┐
    the notary ─► its published checkpoint ──────────────┼─► compared with the largest that is kept here
    receipts ─► the largest checkpoint that was verified ┘

Every receipt's checkpoint was shown to belong to the largest one when it was kept: that one stands for
all. Whatever the log has signed counts, whoever shows it; a witness's own lines say only when.
"""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import verify_signature
from ledger.chain.note import Note, format_note, parse_note
from ledger.chain.policy import VerifiedCheckpoint, Witness, by_address, verify_signatures
from ledger.chain.trust import Trust, verify_own
from ledger.chain.witnessing import CLOCKS_APART
from ledger.company.sending.comparing import Agree, Contradict, NotCompared, compare, keep_proof
from ledger.company.sending.confirming import LedgerForked
from ledger.company.vault.vault import Vault
from ledger.errors import SealbookError, VerificationFailed
from ledger.wire.client import NotaryClient
from ledger.wire.witnesses import newest_cosigned

AT_ONCE = 8
"""Witnesses that are asked at the same time."""

MAX_PROOFS = 16
"""Proofs in the vault beyond which no more are kept: one is enough."""

Fetch = Callable[[str, str], bytes]
"""Returns what the witness at an address shows of the log of an origin; raises SealbookError."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What a witness, by its names in the policy, has cosigned last: a size, and when.

    `doubt` says why that is not known to be part of the ledger that is kept here, "" where it is.
    """

    names: tuple[str, ...]
    size: int
    time: int
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Silent:
    """A witness that shows nothing that counts, and why; without names, the notary."""

    names: tuple[str, ...]
    error: SealbookError


@dataclass(frozen=True, slots=True)
class Split:
    """The log has signed two histories; `proof` is kept. Without names, the notary showed the other."""

    names: tuple[str, ...]
    error: LedgerForked
    proof: Path


Finding = Cosigned | Silent | Split


def look(
    vault: Vault, client: NotaryClient, now: float, fetch: Fetch = newest_cosigned
) -> list[Finding]:
    """Ask every witness and the notary, and compare; `now` is POSIX seconds.

    Nothing that they answer is raised: one that is away or lies is reported, and the others count.
    """
    addresses = by_address(vault.trust.policy)
    with ThreadPoolExecutor(AT_ONCE, "witness") as pool:
        asked = {url: pool.submit(fetch, url, vault.trust.origin) for url in addresses}
    found: list[Finding] = []
    try:
        published = verify_own(vault.trust, client.checkpoint())
        result = _hold_against(vault, client, (), published)
        if isinstance(result, Split):
            found.append(result)
    except SealbookError as error:
        found.append(Silent((), error))
    for url, witnesses in addresses.items():
        names = tuple(each.name for each in witnesses)
        try:
            note = parse_note(asked[url].result())
            signed = _signed_by_log(vault.trust, note)
            doubt = ""
            match _hold_against(vault, client, names, signed):
                case Split() as split:
                    found.append(split)
                    doubt = str(split.error)
                case NotCompared(why):
                    doubt = why
            at = cosigned_at(note, signed.checkpoint, witnesses, now)
            found.append(Cosigned(names, signed.checkpoint.size, at, doubt))
        except SealbookError as error:
            found.append(Silent(names, error))
    return found


def cosigned_at(
    note: Note, checkpoint: Checkpoint, witnesses: Sequence[Witness], now: float
) -> int:
    """Return when a witness has cosigned a note last, POSIX seconds, by the lines of its keys.

    Raises VerificationFailed where a line does not hold, none has a time, or one is of the future.
    """
    keys = {(each.key.name, each.key.key_id): each.key for each in witnesses}
    times = [
        verify_signature(keys[name], each, checkpoint).time
        for each in note.signatures
        if (name := (each.name, each.key_id)) in keys
    ]
    newest = max((each for each in times if each), default=0)
    if not newest:
        raise VerificationFailed("It shows no cosignature of its own that states a time.")
    if newest > now + CLOCKS_APART:
        raise VerificationFailed("Its cosignature is of a time that has not come yet.")
    return newest


def _signed_by_log(trust: Trust, note: Note) -> VerifiedCheckpoint:
    """Return what the log has signed, without the lines of others: none of them can spoil it."""
    own = tuple(each for each in note.signatures if each.name == trust.origin)
    policy = trust.policy_at(parse_checkpoint(note.text).size)
    return verify_signatures(policy, Note(note.text, own))


def _hold_against(
    vault: Vault, client: NotaryClient, names: tuple[str, ...], theirs: VerifiedCheckpoint
) -> Agree | NotCompared | Split:
    """Compare with the largest checkpoint that is kept; a larger one that agrees takes its place.

    A contradiction is kept as a proof. A ledger that stays split fills no disk.
    """
    ours = vault.checkpoint()
    found = Agree() if ours is None else compare(ours, theirs, vault.trust, client.consistency)
    if isinstance(found, Contradict):
        kept = vault.faults()
        enough = len(kept) >= MAX_PROOFS
        return Split(names, found.error, kept[0] if enough else keep_proof(vault, theirs, found))
    if isinstance(found, Agree) and (ours is None or theirs.checkpoint.size > ours.checkpoint.size):
        with contextlib.suppress(VerificationFailed):  # both keys of the log must have signed it
            vault.keep_checkpoint(ours, verify_own(vault.trust, format_note(theirs.note)))
    return found
