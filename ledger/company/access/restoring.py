"""The vault again, from the recovery sheet's secret and what the notary keeps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.chain.enrolment import endorse_request, format_request
from ledger.chain.trust import fingerprint
from ledger.company.access.founding import Passphrase, Pinned, write_access
from ledger.company.access.recovery import Recovered, newest_header, recover_deposit, signing_key
from ledger.company.measures.measure import MEASURE_NAME
from ledger.company.noting import noted
from ledger.company.sending.confirming import NotOneSheet, keep_up, parse_own
from ledger.company.sending.refreshing import is_provisional
from ledger.company.vault.home import FILED, HOME_VARIABLE, has_vault
from ledger.company.vault.making import new_vault
from ledger.company.vault.stored import MATTER_NAME, Meta, folder_name, format_meta, write_file
from ledger.company.vault.vault import Vault, name_matter
from ledger.crypto.envelope import MAX_HEADER, MAX_SMALL
from ledger.crypto.keys import SigningKey
from ledger.crypto.recipients import SEED_SIZE, HybridIdentity, Random, Recipient
from ledger.crypto.stream import payload_size
from ledger.errors import InvalidInput, MalformedData, NotEnrolled, NotFound, VerificationFailed
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

MAX_MANIFEST = payload_size(MAX_SMALL)
"""Bytes of a sealed manifest: no larger one can be made, nor opened. A statement may name any size."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: whether into a new vault, how many deposits, what failed with which.

    `request` is the fingerprint of the new device's request, None where there was a vault.
    """

    request: str | None
    count: int
    problems: tuple[tuple[str, str], ...]
    """(commitment, why) of each that the notary lists and that did not come back."""


def restore_vault(
    home: Path,
    client: "NotaryClient",
    pinned: Pinned,
    account: str,
    secret: HybridIdentity,
    name: str,
    passphrase: Passphrase,
    now: int,
    random: Random,
    progress: Callable[[int], object],
    admit: Callable[[bytes], object],
) -> Restored:
    """Rebuild the vault at `home`, joining a new device to the account; or fetch what it lacks.

    `client` signs with the sheet's key. `admit` is given the request to join, which that key has signed
    too: for the notary at once, or for its office. Raises InvalidInput where another account's vault is
    there, NotOneSheet, and as new_vault, fetch_missing, `passphrase` and `admit` do.
    """
    origin = pinned.trust.origin
    if has_vault(home):
        vault = Vault(home)
        if (vault.config.origin, vault.config.account) != (origin, account):
            raise InvalidInput(
                f"The vault at {quoted(home)} is another account's. A vault is never overwritten: name "
                f"another folder in {HOME_VARIABLE}, or move the old vault away."
            )
        count, problems = fetch_missing(vault, client, secret, vault.recipients, random, progress)
        return Restored(None, count, problems)
    with new_vault(home) as folder:
        key = SigningKey(random(SEED_SIZE))
        others = [secret.recipient()]
        recipients = write_access(folder, pinned, key, account, name, passphrase, others, random)
        count, problems = fetch_missing(Vault(folder), client, secret, recipients, random, progress)
        request = format_request(
            key, origin=origin, nonce=random(32), issued_at=now, account=account
        )
        try:
            admit(endorse_request(request, signing_key(secret)))
        except NotEnrolled as error:
            raise NotOneSheet from error
    return Restored(fingerprint(request), count, problems)


def fetch_missing(
    vault: Vault,
    client: "NotaryClient",
    secret: HybridIdentity,
    recipients: Sequence[Recipient],
    random: Random,
    progress: Callable[[int], object],
) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Fetch every deposit that the vault lacks; return how many, and what went wrong with which.

    `progress` is called with the number of deposits that came. Raises NotOneSheet, LedgerForked,
    Unavailable, StorageFailed, and MalformedData for a list that is none.
    """
    here = {each.commitment for each in vault.sound()}
    known = vault.checkpoint()
    count = 0
    problems: list[tuple[str, str]] = []
    for entry in client.deposits():
        deposit = parse_own(entry.statement, vault.config.account, vault.trust)
        if deposit.commitment.hex() in here:
            continue
        try:
            if deposit.manifest.size > MAX_MANIFEST:
                raise MalformedData(
                    f"its statement names a manifest of {deposit.manifest.size} bytes; none has more "
                    f"than {MAX_MANIFEST}"
                )
            data = bytearray()
            client.download(deposit.manifest, data.extend)
            recovered = recover_deposit(
                entry.statement,
                client.receipt(entry.leaf),
                bytes(data),
                secret,
                recipients,
                vault.trust,
                random,
            )
            header = newest_header(
                deposit, client.read_envelope, MAX_HEADER, secret, recipients, random
            )
        except (VerificationFailed, MalformedData, NotFound) as error:
            problems.append((deposit.commitment.hex(), str(error)))
            continue
        known = keep_up(vault, known, recovered.verified.checkpoint, client.consistency)
        if is_provisional(recovered.verified, vault.trust):
            vault.mark_provisional([_name(recovered)])
        restore_deposit(vault.home, recovered, header)
        count += 1
        progress(count)
    return count, tuple(problems)


def restore_deposit(home: Path, recovered: Recovered, content_header: bytes | None) -> None:
    """File a recovered deposit. `content_header` opens the content, which stays with the notary."""
    statement, manifest = recovered.verified.statement, recovered.manifest
    stated = dict(manifest.cover.provenance)
    matter = stated.get(MATTER_NAME)
    originals = [record for record in manifest.documents if record.rendition is None]
    folder = home / FILED / _name(recovered)
    meta = Meta(
        path="",
        title=manifest.cover.title,
        sealed=statement.issued_at,
        size=sum(record.size for record in originals),
        documents=len(originals),
        matter=matter,
        measure=stated.get(MEASURE_NAME),
        notices=noted(manifest.documents),
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    write_file(folder / "statement", statement.encoded)
    write_file(folder / "manifest.age", recovered.manifest_file)
    if content_header is not None:
        write_file(folder / "content.header", content_header)
    write_file(folder / "meta.json", format_meta(meta))
    write_file(folder / "receipt", recovered.receipt)
    place = recovered.verified.deposit.matter
    if matter is not None and place is not None:
        name_matter(home, matter, place.id)


def _name(recovered: Recovered) -> str:
    verified = recovered.verified
    return folder_name(verified.deposit.commitment, verified.statement.issued_at)
