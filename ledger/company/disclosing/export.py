"""Export: every document, receipt and opening of one's own in a plain folder, for any software.

    README.txt              what this is, and how to check it, in Chinese and English
    index.json              every deposit: id, title, folder, state
    notary.trust            the pinned trust file
    checkpoint              the largest checkpoint that was verified
    2026-11-23 contract.pdf 4f0c9d21a8b37e65/
        deposit.json        title, times, provenance, documents, matter, commitment
        statement.cose      what was signed
        deposit.receipt     once deposited
        opening.cbor        the opening: the manifest with the cuts inside
        documents/...       byte for byte
        renditions/...      byte for byte: pages and texts made from documents at the deposit and
                            sealed with them; other versions of the tools would make other bytes

A deposit's folder appears once its commitment was recomputed from what was written, whole or not at
all; one that is there already is left. Where only the fingerprint was deposited and the originals do
not match, there is no documents/. Files have mode 0600.
"""

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.chain.trust import Trust
from ledger.company.disclosing.opening import content_of, originals
from ledger.company.sending.confirming import verify_answer
from ledger.company.vault.home import ID_DIGITS
from ledger.company.vault.stored import StoredDeposit, read_file, write_file
from ledger.company.vault.vault import Vault
from ledger.crypto.merkle import Buffer
from ledger.crypto.recipients import Identity
from ledger.disk.files import not_written, sync, sync_folder
from ledger.disk.outputs import move_new, safe_component, safe_names
from ledger.disk.staging import Progress
from ledger.errors import InvalidInput, SealbookError, StorageFailed, VerificationFailed
from ledger.evidence.file import self_contained
from ledger.evidence.index import IndexPlace
from ledger.evidence.manifest import Manifest, format_manifest
from ledger.evidence.opening import content_reader, read_index, recompute
from ledger.evidence.records import Record, Rendition
from ledger.language import day, spelled
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

DESCRIPTION = "deposit.json"
_TITLE_BYTES = 80
_HIDDEN = ".sealbook-"
_FULL = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True, slots=True)
class Exported:
    """A deposit in the export; `new` unless it was there already. `note` says what is missing.

    `compared` where its documents are there, and gave the commitment.
    """

    folder: str
    new: bool
    compared: bool
    note: str


@contextlib.contextmanager
def exporting(output: Path) -> Iterator[None]:
    """Hold the folder, made where it is missing. Raises StorageFailed, InvalidInput."""
    from filelock import FileLock, Timeout

    try:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(output / ".sealbook.lock", timeout=0, mode=0o600):
            for each in output.glob(f"{_HIDDEN}*"):
                shutil.rmtree(each, ignore_errors=True)
            yield
        (output / ".sealbook.lock").unlink(missing_ok=True)
    except Timeout as error:
        raise InvalidInput(
            f"Another export writes to {quoted(output)}; wait until it is done."
        ) from error
    except OSError as error:
        raise _unwritable(output, error) from error


def export_deposit(
    deposit: StoredDeposit,
    client: "NotaryClient",
    identities: Sequence[Identity],
    output: Path,
    trust: Trust,
    progress: Progress,
) -> Exported:
    """Export a deposit. Raises SealbookError, and leaves nothing, unless all of it is as deposited."""
    known = _present(deposit, output)
    if known is not None:
        return known
    receipt = deposit.receipt
    verified = None if receipt is None else verify_answer(deposit.encoded, receipt, trust)
    manifest = deposit.manifest(tuple(identities))
    hidden = output / f"{_HIDDEN}{secrets.token_hex(8)}"
    retired = hidden.with_name(f"{hidden.name}.old")
    try:
        (hidden / "documents").mkdir(mode=0o700, parents=True)
        places, opening, note = _documents(deposit, manifest, client, identities, hidden, progress)
        value = _described(deposit, manifest, places, note)
        if verified is not None and receipt is not None:
            value["index"], value["block"] = verified.index, verified.block.height
            value["registered"] = _iso(verified.block.time)
            write_file(hidden / "deposit.receipt", receipt)
        write_file(hidden / "statement.cose", deposit.encoded)
        if opening is not None:
            write_file(hidden / "opening.cbor", format_manifest(opening))
        write_file(
            hidden / DESCRIPTION, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
        )
        name = _folder_name(deposit, manifest)
        old = output / name
        if old.exists():
            # Something was missing there when it was exported.
            old.rename(retired)
        move_new(hidden, old)
        sync_folder(output)
    except OSError as error:
        raise _unwritable(output, error) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)
    return Exported(name, True, bool(places), note)


def finish(vault: Vault, output: Path, exported: Sequence[dict[str, Any]], readme: str) -> None:
    """Write what belongs to all deposits."""
    index = {"account": vault.config.account, "origin": vault.config.origin, "deposits": exported}
    write_file(output / "README.txt", readme.encode())
    write_file(
        output / "index.json", (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode()
    )
    write_file(output / "notary.trust", vault.trust_file)
    checkpoint = vault.home / "checkpoint"
    if checkpoint.exists():
        write_file(output / "checkpoint", read_file(checkpoint))


def is_full(error: SealbookError) -> bool:
    """Whether the place written to takes nothing more, so that going on is no use."""
    cause = error.__cause__
    return isinstance(error, StorageFailed) and isinstance(cause, OSError) and cause.errno in _FULL


def _documents(
    deposit: StoredDeposit,
    manifest: Manifest,
    client: "NotaryClient",
    identities: Sequence[Identity],
    hidden: Path,
    progress: Progress,
) -> tuple[dict[int, str], Manifest | None, Message]:
    """Write the documents below `hidden`; return where each is, the opening, and what is missing."""
    records = manifest.documents
    safe = safe_names(each.name for each in records if not each.rendition)
    made = safe_names(each.name for each in records if each.rendition)
    places = {
        j: f"renditions/{made[each.name]}" if each.rendition else f"documents/{safe[each.name]}"
        for j, each in enumerate(records)
    }
    for place in places.values():
        (hidden / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (hidden / place).touch(mode=0o600)

    def write(document: int, offset: int, data: Buffer) -> None:
        with (hidden / places[document]).open("r+b") as file:
            file.seek(offset)
            file.write(data)

    commitment = deposit.deposit.commitment
    if deposit.deposit.content is None:
        assert not isinstance(manifest.index, IndexPlace)
        opening = self_contained(manifest, manifest.index)
        try:
            recompute(
                manifest, manifest.index, originals(deposit, manifest), commitment, write, progress
            )
        except SealbookError as error:
            if is_full(error):
                raise
            shutil.rmtree(hidden / "documents")
            note: Message = (
                f"Only the fingerprint was deposited, and the originals do not match: {error}"
            )
            return {}, opening, note
    else:
        with content_of(deposit, client, identities, hidden / ".content", progress) as content:
            index = read_index(manifest, content)
            opening = self_contained(manifest, index)
            recompute(
                manifest, index, content_reader(manifest, content), commitment, write, progress
            )
    for j, place in places.items():
        _settle(hidden / place, records[j])
    return places, opening, "" if deposit.receipt else "Not deposited yet: there is no receipt."


def _settle(path: Path, record: Record) -> None:
    if path.stat().st_size != record.size:
        raise VerificationFailed(f"{quoted(record.name)} could not be written whole")
    with path.open("rb+") as file:
        sync(file)
    if record.modified is not None:
        with contextlib.suppress(OverflowError):
            os.utime(path, (record.modified, record.modified))


def _described(
    deposit: StoredDeposit, manifest: Manifest, places: dict[int, str], note: str
) -> dict[str, Any]:
    statement, meta, matter = deposit.statement, deposit.meta, deposit.deposit.matter
    return {
        "sealbook-export": 1,
        "id": deposit.commitment,
        "title": manifest.cover.title,
        "state": _state(deposit),
        "sealed": _iso(meta.sealed),
        "signed": _iso(statement.issued_at),
        "depositor_key": manifest.depositor.hex(),
        "matter": None
        if matter is None
        else {"name": meta.matter, "id": matter.id.hex(), "number": matter.number},
        "provenance": [list(pair) for pair in manifest.cover.provenance],
        "content_deposited": deposit.deposit.content is not None,
        "note": note or None,
        "documents": [
            {
                "number": j + 1,
                "name": record.name,
                "file": places.get(j),
                "size": record.size,
                "media_type": record.media_type,
                "modified": None if record.modified is None else _iso(record.modified),
                "rendition": None if record.rendition is None else _rendition(record.rendition),
            }
            for j, record in enumerate(manifest.documents)
        ],
    }


def _rendition(rendition: Rendition) -> dict[str, Any]:
    return {
        **rendition.facts,
        "made": "from document `of`, at the deposit, and sealed with it",
    }


def _present(deposit: StoredDeposit, output: Path) -> Exported | None:
    """Return what an earlier export has written of the deposit, if it is whole."""
    for folder in output.glob(f"* {deposit.commitment[:ID_DIGITS]}"):
        try:
            value = json.loads((folder / DESCRIPTION).read_bytes())
            if value["id"] != deposit.commitment or value["state"] != _state(deposit):
                continue
            files = [(each["file"], each["size"]) for each in value["documents"]]
            if all(file and (folder / file).stat().st_size == size for file, size in files):
                return Exported(folder.name, False, True, value["note"] or "")
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _state(deposit: StoredDeposit) -> str:
    return "refused" if deposit.refused else "deposited" if deposit.receipt else "waiting"


def _folder_name(deposit: StoredDeposit, manifest: Manifest) -> str:
    title = safe_component(manifest.cover.title).encode()[:_TITLE_BYTES].decode("utf-8", "ignore")
    return f"{day(deposit.meta.sealed)} {title.strip() or '_'} {deposit.commitment[:ID_DIGITS]}"


def _iso(seconds: int) -> str:
    return spelled(seconds, "%Y-%m-%dT%H:%M:%SZ")


def _unwritable(output: Path, error: OSError) -> StorageFailed:
    failed = not_written(output, error)
    failed.__cause__ = error
    return failed
