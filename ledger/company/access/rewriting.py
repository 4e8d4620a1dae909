"""Officers: age headers of all deposits rewritten for those who may open them, here and at the notary.

Payloads stay as they are. Deposit by deposit, so that whatever stops it, the next run goes on:

1. Open the manifest; unwrap the content's header, from the vault or the notary, and see that its file
   key opens the payload: a notary's answer is not believed.
2. Write new headers, and see that they open with the vault's own identity and give the same file keys.
3. Replace them in the vault, then at the notary. Every header, old or new, opens for the vault.
4. Note in meta.json for which state of recipients.txt the deposit is now sealed.

What waits in the spool is done while nobody sends; sending takes the new headers along.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.chain.statement import Payload
from ledger.company.disclosing.ranged import RangedEnvelope
from ledger.company.vault.recipients import OFFICER_NAME, Recipients, format_recipients, parsed
from ledger.company.vault.stored import StoredDeposit, read_file, write_file
from ledger.company.vault.vault import Vault
from ledger.crypto.envelope import MAX_HEADER, Header, parse_header, seal_header
from ledger.crypto.recipients import Identity, Random, Recipient
from ledger.crypto.stream import PayloadReader
from ledger.disk.age_files import open_age
from ledger.disk.files import AtomicFile
from ledger.errors import (
    DecryptionFailed,
    InvalidInput,
    MalformedData,
    NoMatchingIdentity,
    SealbookError,
    StorageFailed,
    Unavailable,
)
from ledger.evidence.manifest import Manifest, in_family
from ledger.quoted import quoted
from ledger.wire.protocol import SmallEnvelope

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

BATCH = 64
"""Deposits whose headers are rewritten together."""
THREADS = 4
"""What waits for disks and for the notary goes side by side."""

_PENDING = "officers.json"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """A change of officers whose entry in the register of measures is still to be written."""

    kind: str
    name: str
    recipient: str
    at: int


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A deposit whose headers in the vault are new."""

    deposit: StoredDeposit
    manifest: SmallEnvelope
    content: tuple[bytes, bytes] | None
    """Root and new header of the content's payload."""


def changing(
    vault: Vault, waiting: Callable[[], object]
) -> contextlib.AbstractContextManager[None]:
    """Hold the right to change officers; `waiting` is called where another process does."""
    return vault.held("officers.lock", waiting)


def change(vault: Vault, recipients: Recipients, note: Change) -> None:
    """Replace recipients.txt; what is sealed from now on is sealed for these. Call under `changing`."""
    write_file(
        vault.home / _PENDING, json.dumps([note.kind, note.name, note.recipient, note.at]).encode()
    )
    with vault.locked():
        write_file(vault.home / "recipients.txt", format_recipients(recipients).encode())


def pending(vault: Vault) -> Change | None:
    """Return the change that is not in the register of measures yet. Raises MalformedData."""
    path = vault.home / _PENDING
    if not path.exists():
        return None
    try:
        kind, name, recipient, at = json.loads(read_file(path))
        return Change(str(kind), str(name), str(recipient), int(at))
    except (ValueError, TypeError) as error:
        raise MalformedData(
            f"{quoted(path)} is damaged; remove it and add the measure by hand."
        ) from error


def settled(vault: Vault) -> None:
    """Note that the change is in the register of measures."""
    (vault.home / _PENDING).unlink(missing_ok=True)


def stale(vault: Vault) -> list[StoredDeposit]:
    """Return the deposits whose headers were written for another state of recipients.txt."""
    state = vault.officers.state
    return [each for each in vault.sound() if each.meta.sealed_for != state]


def damaged(vault: Vault) -> list[str]:
    """Return the folders of deposits that cannot be read at all."""
    good = {each.name for each in vault.sound()}
    return [str(each.folder) for each in vault.deposits() if each.name not in good]


def rewrite(
    vault: Vault,
    client: "NotaryClient",
    identities: Sequence[Identity],
    random: Random,
    waiting: Callable[[], object],
    progress: Callable[[int], None],
) -> tuple[int, list[tuple[StoredDeposit, SealbookError]]]:
    """Bring every deposit's headers up to date; return how many, and what went wrong with which.

    Raises Unavailable when the notary cannot be reached, StorageFailed when the vault cannot be
    written; what was done by then is done.
    """
    recipients = vault.officers
    done = 0
    problems: list[tuple[StoredDeposit, SealbookError]] = []
    with ThreadPoolExecutor(THREADS, "officers") as pool:
        todo = stale(vault)
        spooled = {each.name for each in vault.spooled()}
        groups = [
            (True, [each for each in todo if each.name in spooled]),
            (False, [each for each in todo if each.name not in spooled]),
        ]
        for locked, group in groups:
            for at in range(0, len(group), BATCH):
                batch = group[at : at + BATCH]
                with vault.sending(waiting) if locked else contextlib.nullcontext():
                    failed = _batch(pool, batch, client, identities, recipients, random)
                problems += failed
                done += len(batch) - len(failed)
                progress(done)
    return done, problems


def _batch(
    pool: ThreadPoolExecutor,
    batch: Sequence[StoredDeposit],
    client: "NotaryClient",
    identities: Sequence[Identity],
    recipients: Recipients,
    random: Random,
) -> list[tuple[StoredDeposit, SealbookError]]:
    failed: list[tuple[StoredDeposit, SealbookError]] = []

    def each_of(
        work: Callable[[Any], Any], items: Sequence[Any], key: Callable[[Any], StoredDeposit]
    ) -> list[Any]:
        results = []
        for item, result in zip(items, pool.map(_outcome(work), items), strict=True):
            if isinstance(result, (Unavailable, StorageFailed)):
                raise result
            if isinstance(result, SealbookError):
                failed.append((key(item), result))
            else:
                results.append(result)
        return results

    fresh = each_of(
        lambda deposit: _rewrite(deposit, client, identities, recipients, random),
        batch,
        lambda deposit: deposit,
    )
    entered = [each for each in fresh if each.deposit.state.entered]

    def put_content(each: _Rewritten) -> _Rewritten:
        if each.content is not None:
            client.put_header(*each.content)
        return each

    entered = each_of(put_content, entered, lambda each: each.deposit)
    try:
        client.put_envelopes([each.manifest for each in entered])
    except Unavailable:
        raise
    except SealbookError:

        def put_manifest(each: _Rewritten) -> _Rewritten:
            client.put_header(each.manifest.payload.root, each.manifest.header)
            return each

        entered = each_of(put_manifest, entered, lambda each: each.deposit)
    state = recipients.state
    waiting = [each for each in fresh if not each.deposit.state.entered]

    def note(each: _Rewritten) -> None:
        each.deposit.note(sealed_for=state)

    each_of(note, [*entered, *waiting], lambda each: each.deposit)
    return failed


def _outcome(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(item: Any) -> Any:
        try:
            return work(item)
        except SealbookError as error:
            return error
        except OSError as error:
            return StorageFailed(f"The vault could not be written: {error.strerror}.")

    return run


def _rewrite(
    deposit: StoredDeposit,
    client: "NotaryClient",
    identities: Sequence[Identity],
    recipients: Recipients,
    random: Random,
) -> _Rewritten:
    """Replace a deposit's headers in the vault."""
    manifest = deposit.manifest(tuple(identities))
    path = deposit.folder / "manifest.age"
    data = read_file(path)
    old = parse_header(data)
    named = tuple(_named(manifest))
    if not deposit.meta.sealed_for and len(old.stanzas) > len(recipients.own) + len(named):
        raise InvalidInput(
            "It is sealed for officers whom an earlier version did not note; it is left as it is."
        )
    for_whom = parsed(recipients.sealed_for(named))
    header = _sealed(old.unwrap(identities), for_whom, identities, random)
    content = deposit.deposit.content
    change: tuple[bytes, bytes] | None = None
    if content is not None:
        file_key = _file_key(deposit, content, client, identities)
        change = content.root, _sealed(file_key, for_whom, identities, random)
        whole = deposit.folder / "content.age"
        if whole.exists():
            _replace_header(whole, change[1])
        else:
            write_file(deposit.folder / "content.header", change[1])
    payload = data[len(old.encoded) :]
    write_file(path, header + payload)
    return _Rewritten(deposit, SmallEnvelope(deposit.deposit.manifest, header, payload), change)


def _named(manifest: Manifest) -> Iterator[str]:
    """Yield the recipients that a rule of capture added."""
    return (value for name, value in manifest.cover.provenance if in_family(name, OFFICER_NAME))


def _sealed(
    file_key: bytes,
    recipients: Sequence[Recipient],
    identities: Sequence[Identity],
    random: Random,
) -> bytes:
    """Return a header for the recipients, once it is seen to open for the vault."""
    header = seal_header(file_key, recipients, random)
    if parse_header(header).unwrap(identities) != file_key:
        raise NoMatchingIdentity("the new header would not open with the vault's own identity")
    return header


def _file_key(
    deposit: StoredDeposit,
    payload: Payload,
    client: "NotaryClient",
    identities: Sequence[Identity],
) -> bytes:
    """Return the content's file key, which opens its payload."""
    own = deposit.folder / "content.header"
    if own.exists() and deposit.meta.sealed_for:
        # Written here, by an earlier change, after it was seen to open the payload.
        return parse_header(read_file(own)).unwrap(identities)
    whole = deposit.folder / "content.age"
    if whole.exists():
        with open_age(whole) as file:
            file_key = file.header.unwrap(identities)
            PayloadReader(file.read_at, payload.size, file_key)
            return file_key
    remote = RangedEnvelope(client, payload)
    headers: list[Header] = [remote.header]
    if own.exists():
        headers.insert(0, parse_header(read_file(own)))
    for number, each in enumerate(headers, 1):
        try:
            file_key = each.unwrap(identities)
            PayloadReader(remote.read_at, payload.size, file_key)
        except (DecryptionFailed, MalformedData):
            if number == len(headers):
                raise
        else:
            return file_key
    raise AssertionError


def _replace_header(path: Path, header: bytes) -> None:
    """Replace an age file by one with another header and the same payload."""
    try:
        with path.open("rb") as file, AtomicFile(path) as out:
            start = len(parse_header(file.read(MAX_HEADER)).encoded)
            file.seek(start)
            out.write_at(0, header)
            at = len(header)
            while block := file.read(_BLOCK):
                out.write_at(at, block)
                at += len(block)
    except OSError as error:
        raise StorageFailed(f"{quoted(path)} could not be rewritten: {error.strerror}.") from error
