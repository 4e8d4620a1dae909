"""Evidence files: `*.evidence`, what a company hands to a court.

A ZIP that any tool opens, in exactly one form (`plain_zip`), so that the same disclosure gives the same
bytes and every tool shows the same. First HOWTO.txt, then for the n-th deposit disclosed (from 1):

    HOWTO.txt                       how to check it with other software, in Chinese and English
    n/deposit.receipt               the receipt; alone, where nothing of the deposit is shown
    n/opening.cbor                  the opening: of a whole deposit the manifest with its index inside
                                    (`manifest`), otherwise a partial one (`partial`)
    n/documents/j/NAME              the j-th document (from 1), byte for byte; NAME made safe
    n/parts/j/k-NAME                the k-th piece (from 1) of the j-th document

It holds no verifier and no trust file: a party to the case does not supply those. The documents' own
names are in the opening; file names in the ZIP are for people.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from ledger.chain.attesting import Renewed
from ledger.chain.inspection import InspectionRecord
from ledger.chain.receipt import MAX_RECEIPT
from ledger.chain.report import CONTENT, Report
from ledger.chain.trust import Trust
from ledger.crypto.merkle import Buffer
from ledger.disk.outputs import safe_component
from ledger.errors import MalformedData, TooLarge, VerificationFailed
from ledger.evidence.casefile import DisclosedDeposit
from ledger.evidence.howto import HOWTO
from ledger.evidence.index import DocumentIndex, Index, IndexPlace
from ledger.evidence.manifest import Manifest, format_manifest, parse_manifest
from ledger.evidence.opening import recomputed_commitment
from ledger.evidence.partial import (
    PartialOpening,
    format_partial,
    is_partial,
    parse_partial,
    recompute_partial,
)
from ledger.evidence.partial.views import DocumentOpening, opened_fields
from ledger.evidence.plain_zip import Member, Reader, Writer
from ledger.quoted import quoted
from ledger.verify import OpenedDeposit, VerifiedReceipt, parse_deposit_receipt, verify_parsed

MAX_OPENING = 32 << 20
"""Bytes of an opening: what 100,000 documents with long names need."""

_HOWTO = "HOWTO.txt"
_RECEIPT = "deposit.receipt"
_OPENING = "opening.cbor"
_MAX_HOWTO = 1 << 16
_BLOCK = 1 << 20
_SUFFIXES = {
    "application/pdf": ".pdf",
    "text/plain; charset=utf-8": ".txt",
    "message/rfc822": ".eml",
}


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A deposit to disclose: its receipt, its opening, and where the content is.

    `open_content(n)` gives document n of a whole deposit, piece n of a partial opening.
    """

    receipt: bytes
    opening: Manifest | PartialOpening | None
    open_content: Callable[[int], BinaryIO]


def self_contained(manifest: Manifest, index: Index) -> Manifest:
    """Return a whole deposit's opening: its manifest, with the cuts inside, not in content.age.

    Labels of parts, which nothing vouches for, stay behind.
    """
    return replace(
        manifest,
        documents=tuple(replace(record, offset=None) for record in manifest.documents),
        index=tuple(
            DocumentIndex(entry.cuts, tuple(replace(each, label="") for each in entry.parts), b"")
            for entry in index
        ),
    )


def write_evidence(out: BinaryIO, disclosures: Sequence[Disclosure]) -> None:
    """Write an evidence file to `out`, which must be empty and able to seek."""
    archive = Writer(out)
    howto = HOWTO.encode()
    archive.add(_HOWTO, len(howto), [howto])
    for number, disclosure in enumerate(disclosures, 1):
        opening = disclosure.opening
        archive.add(f"{number}/{_RECEIPT}", len(disclosure.receipt), [disclosure.receipt])
        if opening is not None:
            data = (
                format_manifest(opening)
                if isinstance(opening, Manifest)
                else format_partial(opening)
            )
            archive.add(f"{number}/{_OPENING}", len(data), [data])
        sizes = [] if opening is None else [size for _, size in opening.contents]
        for n, (name, size) in enumerate(zip(_member_names(opening), sizes, strict=True)):
            with disclosure.open_content(n) as source:
                blocks = iter(partial(source.read, _BLOCK), b"")
                archive.add(f"{number}/{name}", size, blocks)
    archive.finish()


def read_evidence(
    file: BinaryIO, max_openings: int | None = None, max_deposits: int | None = None
) -> tuple[DisclosedDeposit, ...]:
    """Return the deposits disclosed in `file`, which must stay open.

    `max_openings` is the most bytes that all openings may have together, `max_deposits` the most
    deposits; both are counted before any is parsed. Raises MalformedData, TooLarge.
    """
    members = _Members(Reader(file))
    if max_openings is not None:
        _require_small(members.archive.members, max_openings)
    if max_deposits is not None:
        _require_few(members.archive.members, max_deposits)
    if members.next(_HOWTO, _MAX_HOWTO) != HOWTO.encode():
        raise MalformedData("the evidence file's HOWTO.txt is not the one that belongs there")
    deposits: list[DisclosedDeposit] = []
    while members.left:
        deposits.append(_read_deposit(members, len(deposits) + 1))
    if not deposits:
        raise MalformedData("not an evidence file: it holds no receipt")
    return tuple(deposits)


def verify_disclosed(
    disclosed: DisclosedDeposit,
    trust: Trust,
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
    renewed: Renewed | None = None,
    inspections: Sequence[InspectionRecord] = (),
) -> VerifiedReceipt:
    """Verify a disclosed deposit: first its receipt, then its content. See `verify_receipt`.

    `write(document, offset, data)` gets the documents' bytes, unverified until this returns. `renewed`
    is an evidence record over the file that all of it comes from, `inspections` is what the office
    says to have seen. Raises MalformedData, besides, where other tools could not read what is shown.
    """

    def opening(alone: Report) -> OpenedDeposit | None:
        if disclosed.opening is None or alone.failed or set(alone.missing) - {CONTENT}:
            return None
        return recompute_opening(disclosed, write, progress)

    verified = verify_parsed(
        disclosed.receipt, trust, opening, renewed=renewed, inspections=inspections
    )
    # Last: of content that was changed the report says more.
    disclosed.check()
    return verified


def recompute_opening(
    disclosed: DisclosedDeposit,
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> OpenedDeposit:
    """Return the commitment that the content shown gives, for `verify_receipt` to compare.

    The depositor inside the commitment is the key that the receipt's statement names, and so must the
    opening say.
    """
    statement, opening, fetch = disclosed.receipt.statement, disclosed.opening, disclosed.fetch
    assert opening is not None
    # Of content in which there is nothing to hash, nothing would be read: bytes put there would pass.
    for (name, size), found in zip(disclosed.contents, disclosed.sizes, strict=True):
        if found != size:
            return OpenedDeposit(
                None, problem=f"{quoted(name)} has {found} bytes, what was deposited had {size}"
            )
    if isinstance(opening, PartialOpening):
        return recompute_partial(opening, statement.key_id, fetch, write, progress)
    if opening.depositor != statement.key_id:
        return OpenedDeposit(
            None, problem="the opening names another depositor than the one that signed"
        )
    assert not isinstance(opening.index, IndexPlace)
    try:
        commitment = recomputed_commitment(opening, opening.index, fetch, write, progress)
    except VerificationFailed as error:
        return OpenedDeposit(None, problem=str(error))
    renditions = {
        number: {**record.rendition.facts, "tool": record.tool}
        for number, record in enumerate(opening.documents)
        if record.rendition is not None
    }
    return OpenedDeposit(commitment, opening.contents, renditions, cover=dict(opening.cover.fields))


class _Members:
    """The archive's members, taken in the order in which an evidence file has them."""

    def __init__(self, archive: Reader) -> None:
        self.archive = archive
        self._next = 0

    @property
    def left(self) -> int:
        return len(self.archive.members) - self._next

    def has(self, name: str) -> bool:
        """Return whether this member is the next."""
        return bool(self.left) and self.archive.members[self._next].name == name

    def take(self, name: str) -> Member:
        """Return the next member, which must have this name."""
        if not self.left or self.archive.members[self._next].name != name:
            raise MalformedData(f"the evidence file lacks {quoted(name)} in its place")
        self._next += 1
        return self.archive.members[self._next - 1]

    def next(self, name: str, limit: int) -> bytes:
        """Return the whole of the next member."""
        member = self.take(name)
        if member.size > limit:
            raise MalformedData(f"{quoted(name)} in the evidence file is over {limit} bytes")
        self.archive.check(member)
        return self.archive.read(member, 0, member.size)


def _require_small(members: Sequence[Member], limit: int) -> None:
    openings = [each.size for each in members if each.name.partition("/")[2] == _OPENING]
    if sum(openings) > limit:
        raise TooLarge(
            f"The openings in the evidence file have {sum(openings)} bytes, and {limit} are read here; "
            "check it with `sealbook verify`."
        )


def _require_few(members: Sequence[Member], limit: int) -> None:
    count = sum(each.name.partition("/")[2] == _RECEIPT for each in members)
    if count > limit:
        raise TooLarge(
            f"The evidence file shows {count} deposits, and the service checks {limit} at once; "
            "check it with `sealbook verify`."
        )


def _read_deposit(members: _Members, number: int) -> DisclosedDeposit:
    receipt = parse_deposit_receipt(members.next(f"{number}/{_RECEIPT}", MAX_RECEIPT))
    opening: Manifest | PartialOpening | None = None
    if members.has(f"{number}/{_OPENING}"):
        data = members.next(f"{number}/{_OPENING}", MAX_OPENING)
        opening = parse_partial(data) if is_partial(data) else parse_manifest(data)
        if isinstance(opening, Manifest):
            _check_whole(opening)
    contents = [members.take(f"{number}/{name}") for name in _member_names(opening)]

    def fetch(n: int, offset: int, size: int) -> bytes:
        return members.archive.read(contents[n], offset, size)

    def check() -> None:
        for member in contents:
            members.archive.check(member)

    return DisclosedDeposit(
        receipt, opening, fetch, tuple(member.size for member in contents), check
    )


def _check_whole(opening: Manifest) -> None:
    if isinstance(opening.index, IndexPlace):
        raise MalformedData("the opening in the evidence file does not hold its index")
    if any(part.label for entry in opening.index for part in entry.parts):
        raise MalformedData(
            "the opening in the evidence file has labels, which nothing vouches for"
        )


def _member_names(opening: Manifest | PartialOpening | None) -> Iterator[str]:
    """Yield the names of the content's members below the deposit's folder."""
    if isinstance(opening, Manifest):
        for j, record in enumerate(opening.documents, 1):
            yield f"documents/{j}/{safe_component(record.name.rpartition('/')[2])}"
    elif opening is not None:
        counts: dict[int, int] = {}
        made = {each.document: _rendition_name(each) for each in opening.documents}
        for piece in opening.pieces:
            j = piece.document + 1
            if piece.whole:
                name = (piece.name or made[piece.document]).rpartition("/")[2]
                yield f"documents/{j}/{safe_component(name)}"
            else:
                counts[j] = counts.get(j, 0) + 1
                yield f"parts/{j}/{counts[j]}-{safe_component(piece.path or 'bytes')}"


def _rendition_name(opening: DocumentOpening) -> str:
    """Return what to call a rendition whose own name stays hidden; "" for anything else."""
    fields = opened_fields(opening)
    if "rendition" not in fields:
        return ""
    made = fields["rendition"]
    return f"{made.kind} {made.position}{_SUFFIXES.get(fields.get('media-type', ''), '')}"
