"""Inspection records: the office states that an officer has opened a deposit and seen it.

    *.inspection = [+ bstr .cbor record]              one for each deposit that was inspected
    record       = the office's statement of kind `inspection` (`ledger.chain.office`), as a COSE_Sign1
                   with this unprotected header:
    "sealbook": { "proof": tstr,                      C2SP tlog-proof of the statement
                  "particulars": bstr .cbor particulars }
    particulars  = { "salt": bstr .size 32, "officer": tstr, "role": tstr,
                     ? "seen": [+ [document: 1.., pieces: uint / null, [* [first: 1.., count: 1..]]]] }

The entry holds SHA-256 of the particulars, and the salt in them is random: the ledger says that a
deposit was inspected, whole or in part, and neither by whom nor what. `seen` is there for a part alone;
its runs of pieces are in ascending order and do not touch. That it is the office that states it, the
log's key shows; that it does so in the ledger, the proof. It is the office's word all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ledger.chain import statement as st
from ledger.chain.office import PART, Inspection, parse_inspection
from ledger.chain.proof import MAX_PROOF_SIZE, TlogProof, format_proof, parse_proof
from ledger.chain.report import PROVEN, Claim, shows_nothing
from ledger.chain.retired import revocation
from ledger.chain.statement import Statement, parse_statement, signed_by_any
from ledger.chain.trust import Trust, verify_own
from ledger.crypto import cose
from ledger.crypto.merkle import verify_inclusion
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, VerificationFailed

SALT_SIZE = 32
MAX_NAME = 128
"""Characters of an officer's name, and of the office that he holds."""
MAX_PARTICULARS = 1 << 18
"""Bytes: which of some thousand pieces were seen. Who shows more has the whole deposit inspected."""
MAX_RECORD = st.MAX_ENTRY + MAX_PROOF_SIZE + MAX_PARTICULARS
MAX_RECORDS = 500
"""Deposits of one file that are inspected together: what an entry each adds to one block."""
MAX_FILE = 1 << 24
"""Bytes of a file of records."""
_ITEMS = 1 << 18


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a document, counted from 1: runs (first, count) of its pieces.

    `pieces` is how many it has, None where that was not opened.
    """

    document: int
    pieces: int | None
    runs: tuple[tuple[int, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as a fact of a report."""
        return {
            "document": self.document,
            "pieces": self.pieces,
            "runs": [list(run) for run in self.runs],
        }


@dataclass(frozen=True, slots=True)
class Particulars:
    """Who inspected, and for a part what was seen; `seen` is empty for a whole deposit."""

    salt: bytes
    officer: str
    role: str
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class InspectionRecord:
    """A record, parsed; nothing in it is verified yet."""

    statement: Statement
    inspection: Inspection
    proof: TlogProof
    particulars: bytes


@dataclass(frozen=True, slots=True)
class VerifiedInspection:
    """What the office stated, as an entry of its ledger. Only `verify_inspection` makes one.

    `index` is the entry's, under the tree of `size` entries with this `root`; `time` is the office's.
    """

    index: int
    time: int
    inspection: Inspection
    particulars: Particulars
    size: int
    root: bytes

    def part(self, content: Claim | None) -> dict[str, Any]:
        """Return the facts of a part: what was `seen`, and whether that `covers` what a report shows.

        `covers` is None where no content is shown. There are none for a whole deposit.
        """
        seen = self.particulars.seen
        if not seen:
            return {}
        covers = None
        if content is not None and content.status == PROVEN and not shows_nothing(content):
            in_part = content.by == "partial-opening"
            covers = in_part and is_within(seen_of(content.facts["documents"]), seen)
        return {"seen": [each.as_dict() for each in seen], "covers": covers}


def format_particulars(particulars: Particulars) -> bytes:
    """Return the particulars' bytes."""
    value: dict[str, Any] = {
        "salt": particulars.salt,
        "officer": particulars.officer,
        "role": particulars.role,
    }
    if particulars.seen:
        value["seen"] = [
            [each.document, each.pieces, [list(run) for run in each.runs]]
            for each in particulars.seen
        ]
    return cbor_encode(value)


def parse_particulars(data: bytes) -> Particulars:
    """Return the particulars. Raises MalformedData."""
    if len(data) > MAX_PARTICULARS:
        raise MalformedData(f"an inspection's particulars are over {MAX_PARTICULARS} bytes")
    match cbor_decode(data, _ITEMS):
        case {"salt": bytes(salt), "officer": str(officer), "role": str(role), **rest} if (
            len(salt) == SALT_SIZE
            and 0 < len(officer) <= MAX_NAME
            and 0 < len(role) <= MAX_NAME
            and rest.keys() <= {"seen"}
        ):
            seen = _parse_seen(rest["seen"]) if rest else ()
            return Particulars(salt, officer, role, seen)
    raise MalformedData("an inspection's particulars are not as specified")


def particulars_digest(particulars: bytes) -> bytes:
    """Return what the entry holds of the particulars: SHA-256, which their salt keeps closed."""
    return sha256(particulars).digest()


def format_inspections(records: Iterable[InspectionRecord]) -> bytes:
    """Return the file's bytes."""
    return cbor_encode([_format_record(each) for each in records])


def parse_inspections(data: bytes) -> tuple[InspectionRecord, ...]:
    """Return a file's records, each about another deposit. Raises MalformedData."""
    if len(data) > MAX_FILE:
        raise MalformedData(f"a file of inspection records is over {MAX_FILE} bytes")
    match cbor_decode(data):
        case [*values] if 0 < len(values) <= MAX_RECORDS:
            records = tuple(map(_parse_record, values))
            if len({each.inspection.leaf for each in records}) == len(records):
                return records
    raise MalformedData("not a file of inspection records")


def verify_inspection(record: InspectionRecord, trust: Trust) -> VerifiedInspection:
    """Return what the office stated, as `trust` has it.

    1. The statement was made for the trusted ledger, by a key of its log.
    2. The checkpoint is the notary's, by keys that were not revoked, and holds the statement.
    3. The particulars are those that the entry commits to.

    Raises MalformedData, VerificationFailed.
    """
    statement, proof = record.statement, record.proof
    if {statement.issuer, statement.payload["origin"]} != {trust.origin}:
        raise VerificationFailed("the inspection record was made for another ledger")
    if not signed_by_any(statement, [key.public for key in trust.notary_keys]):
        raise VerificationFailed("the inspection record is not signed by a key of the notary")
    checkpoint = verify_own(trust, proof.note)
    if revocation(checkpoint, trust.retired) is not None:
        raise VerificationFailed(
            "a key that signed the inspection record's checkpoint was revoked; the office can write "
            "the record anew"
        )
    tree = checkpoint.checkpoint
    verify_inclusion(statement.leaf_hash, proof.index, tree.size, proof.hashes, tree.root)
    if particulars_digest(record.particulars) != record.inspection.particulars:
        raise VerificationFailed("the inspection's particulars are not those that were entered")
    particulars = parse_particulars(record.particulars)
    if bool(particulars.seen) != (record.inspection.scope == PART):
        raise VerificationFailed("the inspection's particulars do not say what part was seen")
    if record.inspection.entry >= proof.index:
        raise VerificationFailed("the inspection record stands before the deposit")
    return VerifiedInspection(
        proof.index, statement.issued_at, record.inspection, particulars, tree.size, tree.root
    )


def seen_of(documents: Iterable[Mapping[str, Any]]) -> tuple[Seen, ...]:
    """Return what is seen of the documents of a claim that a partial opening proves.

    A document of which fields alone are opened is not among them.
    """
    found = []
    for each in documents:
        if each["whole"]:
            all_of_it = ((1, each["pieces"]),) if each["pieces"] else ()
            found.append(Seen(each["document"], each["pieces"], all_of_it))
        elif each["parts"]:
            runs = _joined((part["first"], part["count"]) for part in each["parts"])
            found.append(Seen(each["document"], each["pieces"], runs))
    return tuple(found)


def is_within(shown: Sequence[Seen], seen: Sequence[Seen]) -> bool:
    """Return whether everything shown is among what was seen."""
    known = {each.document: each.runs for each in seen}

    def saw(document: int, first: int, count: int) -> bool:
        runs = known[document]
        return any(start <= first and first + count <= start + length for start, length in runs)

    return all(
        each.document in known and all(saw(each.document, *run) for run in each.runs)
        for each in shown
    )


def _joined(runs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the same pieces in runs that do not touch."""
    found: list[tuple[int, int]] = []
    for first, count in sorted(runs):
        if found and first <= sum(found[-1]):
            start, length = found[-1]
            found[-1] = start, max(length, first + count - start)
        else:
            found.append((first, count))
    return tuple(found)


def _format_record(record: InspectionRecord) -> bytes:
    signed = record.statement.message
    header: dict[Any, Any] = {
        "sealbook": {"proof": format_proof(record.proof), "particulars": record.particulars}
    }
    return cose.format_sign1(replace(signed, unprotected=header))


def _parse_record(data: Any) -> InspectionRecord:
    if not isinstance(data, bytes) or len(data) > MAX_RECORD:
        raise MalformedData("an inspection record is not as specified")
    message = cose.parse_sign1(data)
    match message.unprotected:
        case {"sealbook": {"proof": str(text), "particulars": bytes(particulars)} as parts} if (
            len(message.unprotected) == 1 and len(parts) == 2
        ):
            statement = parse_statement(cose.format_sign1(replace(message, unprotected={})))
            proof = parse_proof(text)
            if proof.extra is None:
                return InspectionRecord(statement, parse_inspection(statement), proof, particulars)
    raise MalformedData("an inspection record is not as specified")


def _parse_seen(value: Any) -> tuple[Seen, ...]:
    if not isinstance(value, list) or not value:
        raise _malformed()
    found = tuple(map(_parse_document, value))
    places = [each.document for each in found]
    if places != sorted(set(places)):
        raise _malformed()
    return found


def _parse_document(value: Any) -> Seen:
    match value:
        case [document, pieces, list(values)] if (
            st.is_count(document) and document > 0 and (pieces is None or st.is_count(pieces))
        ):
            runs = tuple(map(_parse_run, values))
            end = sum(runs[-1]) - 1 if runs else 0
            known = end > 0 if pieces is None else end <= pieces and (end > 0 or pieces == 0)
            if known and runs == _joined(runs):
                return Seen(document, pieces, runs)
    raise _malformed()


def _parse_run(value: Any) -> tuple[int, int]:
    match value:
        case [first, count] if st.is_count(first) and st.is_count(count) and first and count:
            return first, count
    raise _malformed()


def _malformed() -> MalformedData:
    return MalformedData("an inspection's particulars do not say what was seen as specified")
