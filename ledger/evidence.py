"""Evidence files: `*.evidence`, what a company hands to a court.

A ZIP that any tool opens: stored, without compression, with fixed times, so that the same disclosure
gives the same bytes. For the n-th deposit disclosed (from 1):

    HOWTO.txt                       how to check it with other software, in Chinese and English
    n/deposit.receipt               the receipt
    n/opening.cbor                  the opening: the manifest with its index inside (ledger.manifest)
    n/documents/j/NAME              the j-th document (from 1), byte for byte; NAME made safe

It holds no verifier and no trust file: a party to the case does not supply those. The documents' own
names are in the opening; file names in the ZIP are for people.
"""

import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import BinaryIO

from ledger.chain.receipt import MAX_RECEIPT, parse_receipt
from ledger.chain.statement import parse_deposit, parse_statement
from ledger.chain.trust import Trust
from ledger.crypto.merkle import Buffer
from ledger.errors import MalformedData, VerificationFailed
from ledger.howto import HOWTO
from ledger.manifest import (
    DocumentIndex,
    Index,
    IndexPlace,
    Manifest,
    format_manifest,
    parse_manifest,
)
from ledger.opening import recomputed_commitment
from ledger.verify import OpenedDeposit, VerifiedReceipt, verify_receipt

MAX_MEMBERS = 250_000
"""Members of an evidence file; a deposit has at most 100,000 documents."""

MAX_OPENING = 64 << 20
"""Bytes of an opening: what 100,000 documents with long names need."""

_HOWTO = "HOWTO.txt"
_TIME = (1980, 1, 1, 0, 0, 0)
_BLOCK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ZIP64 = struct.Struct("<2H2Q")
_UTF_8 = 0x800
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A deposit to disclose whole: its receipt, its opening, and where its documents are."""

    receipt: bytes
    opening: Manifest
    open_document: Callable[[int], BinaryIO]


@dataclass(frozen=True, slots=True)
class DisclosedDeposit:
    """A deposit in an evidence file; nothing in it is verified yet."""

    receipt: bytes
    opening: Manifest
    index: Index
    fetch: Callable[[int, int, int], bytes]
    """fetch(document, offset, size) gives at most `size` bytes of a document."""


def self_contained(manifest: Manifest, index: Index) -> Manifest:
    """Return a whole deposit's opening: its manifest, with the cuts inside, not in content.age."""
    return replace(
        manifest,
        documents=tuple(replace(record, offset=None) for record in manifest.documents),
        index=tuple(DocumentIndex(entry.cuts, entry.parts, b"") for entry in index),
    )


def write_evidence(out: BinaryIO, disclosures: Sequence[Disclosure]) -> None:
    """Write an evidence file of whole deposits to `out`."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_member(_HOWTO), HOWTO)
        for number, disclosure in enumerate(disclosures, 1):
            archive.writestr(_member(f"{number}/deposit.receipt"), disclosure.receipt)
            opening = format_manifest(disclosure.opening)
            archive.writestr(_member(f"{number}/opening.cbor"), opening)
            for j, record in enumerate(disclosure.opening.documents):
                member = _member(f"{number}/documents/{j + 1}/{_file_name(record.name)}")
                member.file_size = record.size
                with disclosure.open_document(j) as source, archive.open(member, "w") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)


def read_evidence(file: BinaryIO) -> tuple[DisclosedDeposit, ...]:
    """Return the deposits disclosed in `file`, which must stay open. Raises MalformedData."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            directory, comment = archive.start_dir, archive.comment
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise MalformedData("not an evidence file: it is not a ZIP") from error
    archive_members = _Members(file, members)
    if archive_members.require_plain() != directory or comment:
        raise _ambiguous()
    deposits: list[DisclosedDeposit] = []
    while f"{len(deposits) + 1}/deposit.receipt" in archive_members.by_name:
        deposits.append(_read_deposit(archive_members, str(len(deposits) + 1)))
    if not deposits:
        raise MalformedData("not an evidence file: it holds no receipt")
    expected = 1 + sum(2 + len(deposit.opening.documents) for deposit in deposits)
    if len(members) != expected or _HOWTO not in archive_members.by_name:
        raise MalformedData("the evidence file holds members that do not belong there")
    return tuple(deposits)


def verify_disclosed(
    disclosed: DisclosedDeposit,
    trust: Trust,
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> VerifiedReceipt:
    """Verify a disclosed deposit: receipt and content. See `verify_receipt`.

    `write(document, offset, data)` gets the documents' bytes, unverified until this returns.
    """
    return verify_receipt(
        disclosed.receipt, trust, opening=recompute_opening(disclosed, write, progress)
    )


def recompute_opening(
    disclosed: DisclosedDeposit,
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> OpenedDeposit:
    """Return the commitment that the documents shown give, for `verify_receipt` to compare.

    The depositor inside the commitment is the key that the receipt's statement names.
    """
    statement = parse_statement(parse_receipt(disclosed.receipt).statement)
    parse_deposit(statement)
    opening = replace(disclosed.opening, depositor=statement.key_id)
    try:
        commitment = recomputed_commitment(
            opening, disclosed.index, disclosed.fetch, write, progress
        )
    except VerificationFailed as error:
        return OpenedDeposit(None, problem=str(error))
    return OpenedDeposit(
        commitment, tuple((record.name, record.size) for record in opening.documents)
    )


class _Members:
    """Random access to the stored members of a ZIP, from several threads."""

    def __init__(self, file: BinaryIO, members: Sequence[zipfile.ZipInfo]) -> None:
        if len(members) > MAX_MEMBERS:
            raise MalformedData(f"the evidence file has more than {MAX_MEMBERS} members")
        self.by_name = {member.filename: member for member in members}
        if len(self.by_name) != len(members):
            raise MalformedData("the evidence file holds two members of one name")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & ~_UTF_8:
                raise MalformedData("the evidence file holds a compressed or encrypted member")
            if member.file_size != member.compress_size:
                raise MalformedData("the evidence file contradicts itself about a size")
        self._file = file
        self._lock = Lock()

    def require_plain(self) -> int:
        """Return where the members end. Raises MalformedData unless they fill the file from its start.

        Whatever lay before or between them, or a local header that names another file, would be shown
        by tools that read from the front, beside a report on what the directory at the end names.
        """
        end = 0
        for member in self.by_name.values():
            self._file.seek(end)
            header = self._file.read(_LOCAL_HEADER.size)
            if member.header_offset != end or len(header) != _LOCAL_HEADER.size:
                raise _ambiguous()
            mark, _, flags, method, _, _, _, packed, size, *lengths = _LOCAL_HEADER.unpack(header)
            name, extra = (self._file.read(length) for length in lengths)
            if extra == _ZIP64.pack(1, 16, member.file_size, member.file_size):
                packed = size = member.file_size
            elif extra:
                raise _ambiguous()
            if (mark, flags, method, packed, size, name) != (
                b"PK\3\4",
                member.flag_bits,
                zipfile.ZIP_STORED,
                member.file_size,
                member.file_size,
                member.orig_filename.encode("utf-8" if flags & _UTF_8 else "cp437"),
            ):
                raise _ambiguous()
            end += len(header) + sum(lengths) + member.file_size
        return end

    def data(self, name: str, limit: int) -> bytes:
        """Return a whole member."""
        member = self.by_name.get(name)
        if member is None:
            raise MalformedData(f"the evidence file lacks {name}")
        if member.file_size > limit:
            raise MalformedData(f"{name} in the evidence file is over its limit of {limit} bytes")
        return self.read(member, 0, member.file_size)

    def read(self, member: zipfile.ZipInfo, offset: int, size: int) -> bytes:
        """Return at most `size` bytes of a member from `offset` on."""
        size = min(size, member.file_size - offset)
        with self._lock:
            self._file.seek(member.header_offset)
            header = self._file.read(_LOCAL_HEADER.size)
            if len(header) != _LOCAL_HEADER.size or header[:4] != b"PK\3\4":
                raise MalformedData(
                    "the evidence file is damaged: a member is not where it should be"
                )
            *_, name_size, extra_size = _LOCAL_HEADER.unpack(header)
            self._file.seek(name_size + extra_size + offset, 1)
            return self._file.read(max(size, 0))


def _read_deposit(members: _Members, number: str) -> DisclosedDeposit:
    receipt = members.data(f"{number}/deposit.receipt", MAX_RECEIPT)
    opening = parse_manifest(members.data(f"{number}/opening.cbor", MAX_OPENING))
    if isinstance(opening.index, IndexPlace):
        raise MalformedData("the opening in the evidence file does not hold its index")
    documents = []
    for j, record in enumerate(opening.documents):
        name = f"{number}/documents/{j + 1}/{_file_name(record.name)}"
        member = members.by_name.get(name)
        if member is None:
            raise MalformedData(f"the evidence file lacks {name}")
        documents.append(member)

    def fetch(document: int, offset: int, size: int) -> bytes:
        member, record = documents[document], opening.documents[document]
        if member.file_size != record.size:
            raise VerificationFailed(
                f"{record.name} has {member.file_size} bytes, what was deposited had {record.size}"
            )
        return members.read(member, offset, size)

    return DisclosedDeposit(receipt, opening, opening.index, fetch)


def _ambiguous() -> MalformedData:
    return MalformedData(
        "the evidence file is not as it was written: other tools could show other files in it"
    )


def _file_name(name: str) -> str:
    return _UNSAFE.sub("_", name.rpartition("/")[2])[:100].rstrip(". ") or "_"


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _TIME)
    member.create_system = 3
    member.external_attr = 0o644 << 16
    return member
