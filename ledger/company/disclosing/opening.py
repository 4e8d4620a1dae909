"""Opening deposits: content from the notary or the originals, compared, and only then in sight.

Whatever is written goes to a hidden folder first. It is moved to its place when the commitment has
been recomputed and equals the one deposited; a failure leaves nothing behind.
"""

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ledger.company.documents import Document, Source
from ledger.company.sealing.collecting import collect
from ledger.company.sealing.preparing import split_all
from ledger.company.splitters.cutting import VERSIONS
from ledger.company.vault.stored import StoredDeposit, read_file
from ledger.crypto.envelope import parse_header
from ledger.crypto.merkle import Buffer
from ledger.crypto.recipients import Identity
from ledger.crypto.stream import PayloadReader
from ledger.disk.age_files import open_age
from ledger.disk.staging import Opened, Progress, Staging
from ledger.errors import Conflict, InvalidInput, StorageFailed, VerificationFailed
from ledger.evidence.index import DocumentIndex, Index, IndexPlace
from ledger.evidence.manifest import Manifest
from ledger.evidence.opening import content_reader, read_index, recompute, recomputed_commitment
from ledger.evidence.parts import Cuts
from ledger.quoted import quoted
from ledger.verify import OpenedDeposit

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient


def open_deposit(
    deposit: StoredDeposit,
    client: "NotaryClient",
    identities: Sequence[Identity],
    output: Path,
    progress: Progress,
) -> Opened:
    """Write a deposit's documents below `output`, once they are shown to be what was deposited.

    Renditions are read and compared with the rest, and not written: they can be made again.
    """
    manifest = deposit.manifest(tuple(identities))
    places: dict[int, int] = {}
    for document, record in enumerate(manifest.documents):
        if record.rendition is None:
            places[document] = len(places)
    records = [manifest.documents[document] for document in places]
    with (
        Staging(output, [each.name for each in records], manifest.cover.title) as staging,
        content_of(deposit, client, identities, staging.hidden(), progress) as content,
    ):

        def write(document: int, offset: int, data: Buffer) -> None:
            if document in places:
                staging.write(places[document], offset, data)

        recompute(
            manifest,
            read_index(manifest, content),
            content_reader(manifest, content),
            deposit.deposit.commitment,
            write,
            _after(progress, deposit),
        )
        return staging.place([each.modified for each in records])


def compare_originals(
    deposit: StoredDeposit,
    depositor: bytes,
    given: Sequence[Path],
    identities: Sequence[Identity],
) -> OpenedDeposit:
    """Return what the files at `given` give, by the vault's own opening and the key that signed.

    A single document may have another name by now; of several, all are needed, by their names. Raises
    InvalidInput where the files cannot be read, or the way they were cut is known to the notary only.
    """
    manifest = replace(deposit.manifest(tuple(identities)), depositor=depositor)
    records = {j: each for j, each in enumerate(manifest.documents) if each.rendition is None}
    try:
        found = _match(replace(manifest, documents=tuple(records.values())), given)
        sources = dict(zip(records, found, strict=True))
        index = _known_index(manifest, sources)
    except Conflict as error:
        return OpenedDeposit(None, problem=str(error))

    def fetch(document: int, offset: int, size: int) -> bytes:
        buffer = bytearray(size)
        sources[document].read_into(offset, memoryview(buffer))
        return bytes(buffer)

    known = {j: each.commitment for j, each in enumerate(manifest.documents) if each.commitment}
    try:
        commitment = recomputed_commitment(manifest, index, fetch, known=known)
    except VerificationFailed as error:
        return OpenedDeposit(None, problem=str(error))
    return OpenedDeposit(
        commitment,
        tuple((each.name, each.size) for each in records.values()),
        cover=dict(manifest.cover.fields),
    )


def _known_index(manifest: Manifest, sources: Mapping[int, Source]) -> Index:
    """Return the index without the content: a splitter cuts the same originals the same way.

    Raises Conflict where these are not the same, InvalidInput where the splitter is not known here.
    """
    if not isinstance(manifest.index, IndexPlace):
        return manifest.index
    records = manifest.documents
    documents = [
        Document(source, records[j].name, media_type=records[j].media_type)
        for j, source in sources.items()
    ]
    index = [DocumentIndex(None, (), b"")] * len(records)
    for j, document in zip(sources, split_all(documents), strict=True):
        record, splitting = records[j], document.splitting
        if (record.splitter, record.parts) == ("fixed", 0):
            continue
        if VERSIONS.get(record.splitter) != record.version:
            raise InvalidInput(
                f"How {quoted(record.name)} was cut is known to the version of this program "
                "that deposited "
                "it, and stands in the content: use `sealbook open`."
            )
        leaves = Cuts(record.size, splitting.cuts).count
        if (splitting.splitter, leaves, len(splitting.parts)) != (
            record.splitter,
            record.leaves,
            record.parts,
        ):
            raise Conflict(f"{quoted(record.name)} has other parts than what was deposited")
        index[j] = DocumentIndex(splitting.cuts, splitting.parts, b"")
    return tuple(index)


def _match(manifest: Manifest, given: Sequence[Path]) -> list[Source]:
    """Return a source for each document. Raises Conflict when one is missing or of another size."""
    found: dict[str, Source] = {}
    for path in given:
        for document in collect(path, "").documents:
            found[document.name] = document.source
    records = manifest.documents
    if len(records) == 1 and len(found) == 1:
        found = {records[0].name: next(iter(found.values()))}
    sources = []
    for record in records:
        source = found.get(record.name) or found.get(record.name.rpartition("/")[2])
        if source is None:
            raise Conflict(
                f"{quoted(record.name)} was deposited and is not among the documents shown"
            )
        if source.size != record.size:
            raise Conflict(
                f"{quoted(record.name)} has {source.size} bytes; {record.size} bytes were deposited"
            )
        sources.append(source)
    return sources


@contextlib.contextmanager
def content_of(
    deposit: StoredDeposit,
    client: "NotaryClient",
    identities: Sequence[Identity],
    hidden: Path,
    progress: Progress,
) -> Iterator[PayloadReader]:
    """Yield the content: from the spool, or fetched into `hidden` and checked against its root."""
    payload = deposit.deposit.content
    assert payload is not None
    own_header = deposit.folder / "content.header"
    path = deposit.folder / "content.age"
    fetched = not path.exists()
    try:
        if fetched:
            path = hidden
            with path.open("xb") as out:
                done = 0

                def write(block: bytes) -> None:
                    nonlocal done
                    out.write(block)
                    done += len(block)
                    progress(done)

                client.download(payload, write)
        with open_age(path) as file:
            used = parse_header(read_file(own_header)) if own_header.exists() else file.header
            yield PayloadReader(file.read_at, payload.size, used.unwrap(identities))
    except OSError as error:
        raise StorageFailed(f"{quoted(path)} could not be used: {error.strerror}.") from error
    finally:
        if fetched:
            hidden.unlink(missing_ok=True)


def _after(progress: Progress, deposit: StoredDeposit) -> Progress:
    """Return a progress for the comparison, which follows the download."""
    payload = deposit.deposit.content
    fetched = 0 if payload is None else payload.size
    return lambda done: progress(fetched + done)


def originals(deposit: StoredDeposit, manifest: Manifest) -> Callable[[int, int, int], bytes]:
    """Return fetch(document, offset, size) out of the files that were deposited, where they were.

    A vault that was recovered knows the place from what was sealed. They are looked at when
    something is read. Raises InvalidInput where they are gone, Conflict where one is missing or of
    another size, SourceChanged.
    """
    sources: list[Source] = []

    def fetch(document: int, offset: int, size: int) -> bytes:
        if not sources:
            place = deposit.meta.path or dict(manifest.cover.provenance).get("path", "")
            if not place:
                raise InvalidInput(
                    f"Only the fingerprint of {quoted(deposit.meta.title)} was deposited, and "
                    "where its files "
                    "are is not known on this computer."
                )
            try:
                sources.extend(_match(manifest, [Path(place)]))
            except (InvalidInput, Conflict) as error:
                words = str(error).rstrip(".")
                raise type(error)(
                    f"{words}. Put what was deposited back at {quoted(place)}."
                ) from error
        buffer = bytearray(size)
        sources[document].read_into(offset, memoryview(buffer))
        return bytes(buffer)

    return fetch


def opener_of(
    manifest: Manifest, fetch: Callable[[int, int, int], bytes]
) -> Callable[[int], BinaryIO]:
    """Return open(document): a document as a file, out of what `fetch` gives."""

    def open_document(document: int) -> BinaryIO:
        size = manifest.documents[document].size
        return cast(BinaryIO, _Readable(size, partial(fetch, document)))

    return open_document


class _Readable(io.RawIOBase):
    """A document as a file that is read once, from its beginning."""

    def __init__(self, size: int, read_at: Callable[[int, int], bytes]) -> None:
        self._left, self._at, self._read_at = size, 0, read_at

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all that are left for -1."""
        count = self._left if size < 0 else min(size, self._left)
        data = self._read_at(self._at, count) if count else b""
        self._left, self._at = self._left - count, self._at + count
        return data
