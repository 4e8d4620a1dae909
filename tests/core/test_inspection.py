"""What an inspection record shows in a report, and every record that shows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain import inspection as ins
from ledger.chain import statement as st
from ledger.chain.block import notary_statement
from ledger.chain.inspection import (
    InspectionRecord,
    Particulars,
    Seen,
    format_inspections,
    format_particulars,
    is_within,
    parse_inspections,
    parse_particulars,
    particulars_digest,
    seen_of,
)
from ledger.chain.office import PART, WHOLE, Inspection, inspection_payload, parse_inspection
from ledger.chain.proof import TlogProof
from ledger.chain.report import FAILED, INSPECTION, NOT_SHOWN, STATED, Claim, Report
from ledger.chain.retired import Retired
from ledger.chain.statement import parse_statement
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.merkle import inclusion_proof
from ledger.encoding import cbor_encode
from ledger.errors import MalformedData, SealbookError, VerificationFailed
from ledger.evidence.casefile import DisclosedDeposit
from ledger.evidence.inspected import inspections_of, read_inspections, sort_inspections
from ledger.verify import (
    OpenedDeposit,
    ReceiptRefused,
    parse_deposit_receipt,
    unchecked_report,
    verify_receipt,
)
from tests.simulator import COMMITMENT, NOW, Office, Tree, nonce

SALT = nonce("salt of an inspection")
OFFICER = Particulars(SALT, "王公证员", "公证员")
IN_PART = replace(OFFICER, seen=(Seen(1, 12, ((3, 2), (8, 1))), Seen(4, None, ((1, 1),))))


@dataclass
class Inspected:
    """An office that has entered an inspection of its deposit at entry 4, as entry 6."""

    particulars: Particulars = OFFICER
    entry: int = 4
    leaf: bytes | None = None
    scope: str | None = None
    origin: str | None = None
    signer: SigningKey | None = None
    issuer: str | None = None

    def __post_init__(self) -> None:
        self.office = office = Office()
        self.receipt = office.receipt()
        leaf = self.leaf or parse_deposit_receipt(self.receipt).statement.leaf_hash
        self.encoded = format_particulars(self.particulars)
        scope = self.scope or (PART if self.particulars.seen else WHOLE)
        self.said = Inspection(self.entry, leaf, scope, particulars_digest(self.encoded))
        payload = {
            "origin": self.origin or office.origin,
            "nonce": nonce("inspection"),
            **inspection_payload(self.said),
        }
        statement = notary_statement(
            st.INSPECTION,
            payload,
            origin=self.issuer or office.origin,
            key=self.signer or office.log,
            issued_at=NOW + 60,
        )
        office.entries += [office.block(3, 5, 7), statement]

    @property
    def record(self) -> InspectionRecord:
        return self.at(len(self.office.entries))

    def at(self, size: int, index: int = 6) -> InspectionRecord:
        """The record under the tree of `size` entries."""
        office = self.office
        proof = inclusion_proof(Tree(office.entries[:size]), index, size)
        statement = parse_statement(office.entries[6])
        tlog = TlogProof(index, proof, office.note(size))
        return InspectionRecord(statement, parse_inspection(statement), tlog, self.encoded)

    def report(self, *records: InspectionRecord, opening: OpenedDeposit | None = None) -> Report:
        try:
            return verify_receipt(
                self.receipt,
                self.office.trust(),
                opening=opening,
                inspections=records or (self.record,),
            ).report
        except ReceiptRefused as refused:
            return refused.report

    def claim(self, *records: InspectionRecord, opening: OpenedDeposit | None = None) -> Claim:
        return self.report(*records, opening=opening).claim(INSPECTION)


def shown(*parts: tuple[int, int], document: int = 1, whole: bool = False) -> OpenedDeposit:
    """Content as a partial opening shows it."""
    facts: dict[str, object] = {
        "document": document,
        "name": None,
        "whole": whole,
        "size": None,
        "fields": {},
        "rendition": None,
        "pieces": 12,
        "parts": [
            {"path": None, "position": None, "total": None, "first": first, "count": count}
            for first, count in parts
        ],
    }
    return OpenedDeposit(COMMITMENT, shown=(facts,))


def test_without_a_record_the_office_has_witnessed_a_commitment_and_no_more() -> None:
    office = Office()
    report = verify_receipt(office.receipt(), office.trust()).report
    assert report.claim(INSPECTION) == Claim(INSPECTION, NOT_SHOWN)
    assert unchecked_report().claim(INSPECTION).status == NOT_SHOWN


def test_an_inspection_is_stated_by_the_notary_and_changes_no_other_claim() -> None:
    made = Inspected()
    report = made.report()
    claim = report.claim(INSPECTION)
    assert (claim.status, claim.by) == (STATED, "notary")
    assert claim.facts == {
        "index": 6,
        "time": NOW + 60,
        "officer": "王公证员",
        "role": "公证员",
        "scope": "whole",
    }
    assert report.good
    alone = verify_receipt(made.receipt, made.office.trust()).report
    rest = [each for each in report.claims if each.name != INSPECTION]
    assert rest == [each for each in alone.claims if each.name != INSPECTION]


@pytest.mark.parametrize(
    ("opening", "covers"),
    [
        (None, None),
        (shown((3, 2)), True),
        (shown((4, 1), (8, 1)), True),
        (shown((4, 2)), False),
        (shown((3, 1), (9, 1)), False),
        (shown((1, 1), document=4), True),
        (shown((1, 1), document=2), False),
        (shown(whole=True), False),
        (shown(), None),
        (OpenedDeposit(COMMITMENT, (("contract.pdf", 12),)), False),
        (OpenedDeposit(bytes(32), (("contract.pdf", 12),)), None),
    ],
)
def test_of_a_part_it_is_said_whether_it_is_the_part_that_is_shown(
    opening: OpenedDeposit | None, covers: bool | None
) -> None:
    claim = Inspected(IN_PART).claim(opening=opening)
    assert claim.status == STATED and claim.facts["covers"] is covers
    assert claim.facts["seen"][0] == {"document": 1, "pieces": 12, "runs": [[3, 2], [8, 1]]}


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Inspected(leaf=bytes(32)), "the inspection record is about another deposit"),
        (Inspected(entry=3), "the inspection record is about another deposit"),
        (
            Inspected(origin="other.example/ledger"),
            "the inspection record was made for another ledger",
        ),
        (
            Inspected(issuer="other.example/ledger"),
            "the inspection record was made for another ledger",
        ),
        (
            Inspected(signer=SigningKey(b"\x66" * 32)),
            "the inspection record is not signed by a key of the notary",
        ),
        (
            Inspected(scope=PART),
            "the inspection's particulars do not say what part was seen",
        ),
        (
            Inspected(IN_PART, scope=WHOLE),
            "the inspection's particulars do not say what part was seen",
        ),
    ],
)
def test_a_record_that_is_not_the_offices_about_this_deposit_fails(
    made: Inspected, why: str
) -> None:
    report = made.report()
    assert (report.claim(INSPECTION).status, report.claim(INSPECTION).reason) == (FAILED, why)
    assert not report.good


def test_other_particulars_another_index_and_an_older_checkpoint_fail() -> None:
    made = Inspected()
    record = made.record
    other = format_particulars(replace(OFFICER, officer="somebody else"))
    assert "not those that were entered" in made.claim(replace(record, particulars=other)).reason
    moved = replace(record, proof=replace(record.proof, index=5))
    assert made.claim(moved).status == FAILED
    old = replace(record, proof=replace(record.proof, note=made.office.note(5)))
    assert made.claim(old).status == FAILED
    another = Inspected(replace(OFFICER, role="else"))
    assert made.claim(replace(record, proof=another.record.proof)).status == FAILED


def test_an_inspection_stands_behind_the_deposit_that_it_is_about() -> None:
    made = Inspected()
    office = made.office
    # The deposit once more, behind: a receipt for it names entry 7.
    office.entries.append(office.entries[4])
    record = made.record
    later = replace(record, inspection=replace(record.inspection, entry=7))
    with pytest.raises(SealbookError, match="stands before the deposit"):
        ins.verify_inspection(later, office.trust())


def test_two_roots_for_one_size_fail() -> None:
    made = Inspected()
    office = made.office
    made.receipt = office.receipt()
    assert made.claim().status == STATED
    fork = Inspected()
    fork.office.entries[1] = fork.office.say(st.NOTICE, {"text": "x"})
    assert "two histories" in made.claim(fork.record).reason


def test_a_key_that_was_revoked_vouches_for_no_record_and_a_new_checkpoint_does() -> None:
    made = Inspected()
    office, trust = made.office, made.office.trust()
    log, ml_dsa = SigningKey(b"\x51" * 32), MlDsaKey(b"\x52" * 32)
    old = trust.own_keys
    newer = Office(log=log, ml_dsa=ml_dsa).trust()
    retired = Retired(old[0], old[1], 7, NOW + 90)
    later = replace(newer, retired=(retired,))
    with pytest.raises(SealbookError, match="was revoked"):
        ins.verify_inspection(made.record, later)
    with pytest.raises(SealbookError):
        ins.verify_inspection(made.record, newer)
    kept = replace(later, retired=(replace(retired, revoked=None),))
    assert ins.verify_inspection(made.record, kept).index == 6
    office.log, office.ml_dsa = log, ml_dsa
    assert ins.verify_inspection(made.record, later).index == 6


@cache
def part() -> tuple[Inspected, bytes, InspectionRecord]:
    made = Inspected(IN_PART)
    data = format_inspections([made.record])
    return made, data, parse_inspections(data)[0]


def test_every_changed_byte_is_refused_or_changes_nothing() -> None:
    made, data, record = part()
    trust = made.office.trust()
    stated = ins.verify_inspection(record, trust)
    note = data.index(b"notary.example/ledger\n")  # its lines are long, and mostly signatures
    for at in (*range(note), *range(note, len(data), 5)):
        mutated = bytearray(data)
        mutated[at] ^= 1 << (at % 8)
        try:
            (found,) = parse_inspections(bytes(mutated))
            assert ins.verify_inspection(found, trust) == stated
        except SealbookError:
            continue


@given(
    some.builds(
        Particulars,
        some.binary(min_size=32, max_size=32),
        some.text(min_size=1, max_size=128),
        some.text(min_size=1, max_size=128),
        some.just(IN_PART.seen) | some.just(()),
    )
)
def test_particulars_read_back(particulars: Particulars) -> None:
    assert parse_particulars(format_particulars(particulars)) == particulars


def test_a_file_of_records_reads_back_and_holds_one_for_a_deposit() -> None:
    _, data, record = part()
    assert format_inspections(parse_inspections(data)) == data
    for refused in ([record] * 2, []):
        with pytest.raises(MalformedData):
            parse_inspections(format_inspections(refused))


@pytest.mark.parametrize(
    "seen",
    [
        [],
        [[0, 1, [[1, 1]]]],
        [[1, 1, []]],
        [[1, None, []]],
        [[1, 2, [[2, 2]]]],
        [[1, 9, [[0, 1]]]],
        [[1, 9, [[1, 0]]]],
        [[1, 9, [[3, 1], [1, 1]]]],
        [[1, 9, [[1, 1], [2, 1]]]],
        [[1, 9, [[True, 1]]]],
        [[2, 9, [[1, 1]]], [1, 9, [[1, 1]]]],
        [[1, 9, [[1, 1]]], [1, 9, [[1, 1]]]],
    ],
)
def test_what_was_seen_is_said_in_one_form(seen: list[object]) -> None:
    value = {"salt": SALT, "officer": "a", "role": "b", "seen": seen}
    with pytest.raises(MalformedData):
        parse_particulars(cbor_encode(value))


@pytest.mark.parametrize(
    "change",
    [
        {"officer": ""},
        {"officer": "x" * 129},
        {"role": ""},
        {"salt": bytes(31)},
        {"more": 1},
    ],
)
def test_particulars_are_bounded(change: dict[str, object]) -> None:
    with pytest.raises(MalformedData):
        parse_particulars(cbor_encode({"salt": SALT, "officer": "a", "role": "b", **change}))


def facts(document: int, *parts: tuple[int, int], whole: bool = False) -> dict[str, object]:
    listed = [{"first": first, "count": count} for first, count in parts]
    return {"document": document, "whole": whole, "pieces": 12, "parts": listed}


@given(some.lists(some.tuples(some.integers(1, 30), some.integers(1, 9)), min_size=1, max_size=9))
def test_pieces_are_joined_and_every_one_of_them_is_within(
    parts: Sequence[tuple[int, int]],
) -> None:
    (seen,) = seen_of([facts(1, *parts)])
    pieces = {first + n for first, count in parts for n in range(count)}
    assert {first + n for first, count in seen.runs for n in range(count)} == pieces
    for piece in range(1, 41):
        assert is_within([Seen(1, 12, ((piece, 1),))], [seen]) == (piece in pieces)


def test_records_of_other_deposits_are_held_against_none_unless_they_are_all() -> None:
    made, _, record = part()
    other = DisclosedDeposit(parse_deposit_receipt(Inspected().office.receipt()))
    mine = DisclosedDeposit(parse_deposit_receipt(made.receipt))
    assert sort_inspections([record], [mine]) == [(record,)]
    foreign = replace(record, inspection=replace(record.inspection, leaf=bytes(32)))
    assert sort_inspections([record, foreign], [mine]) == [(record,)]
    assert sort_inspections([foreign], [mine, other]) == [(foreign,), (foreign,)]
    assert sort_inspections([], [mine]) == [()]


def test_a_record_lies_beside_its_file(tmp_path: Path) -> None:
    _, data, record = part()
    file = tmp_path / "case.evidence"
    assert read_inspections(file) == ()
    inspections_of(file).write_bytes(data)
    assert read_inspections(file) == (record,)
    inspections_of(file).write_bytes(data[:-1])
    with pytest.raises(MalformedData, match="ask the office for it again"):
        read_inspections(file)
    with pytest.raises(SealbookError, match="cannot be read"):
        read_inspections(file, tmp_path / "none")


@given(some.data())
def test_what_is_no_record_is_malformed_and_nothing_else(data: some.DataObject) -> None:
    made, whole, _ = part()
    at = data.draw(some.integers(0, len(whole)))
    cut = data.draw(some.integers(0, 40))
    mutated = whole[:at] + data.draw(some.binary(max_size=40)) + whole[at + cut :]
    trust = made.office.trust()
    try:
        for each in parse_inspections(mutated):
            ins.verify_inspection(each, trust)
    except MalformedData:
        return
    except VerificationFailed:
        assert mutated != whole
