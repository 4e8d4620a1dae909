"""Inspection records beside files: the golden one, changed ones, and what an office signs oddly."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ledger.chain import statement as st
from ledger.chain.block import notary_statement
from ledger.chain.inspection import (
    InspectionRecord,
    format_inspections,
    format_particulars,
    parse_inspections,
    particulars_digest,
)
from ledger.chain.office import Inspection, inspection_payload, parse_inspection
from ledger.chain.proof import TlogProof
from ledger.chain.statement import parse_statement
from ledger.chain.trust import format_trust
from ledger.crypto.merkle import inclusion_proof
from ledger.encoding import cbor_decode, cbor_encode
from ledger.verify import parse_deposit_receipt
from tests.core.test_inspection import IN_PART, OFFICER, SALT, Inspected
from tests.formats.test_document import stored
from tests.page.changing import changed_bytes, changed_value
from tests.page.files import Case
from tests.simulator import NOW, Office, Tree, nonce

GOLDEN = "part.evidence.inspection"
RUNS: tuple[list[Any], ...] = (
    [[1, 1]], [[3, 2], [8, 1]], [], [[8, 1], [3, 2]], [[1, 1], [2, 1]], [[1, 2], [2, 2]], [[0, 1]],
    [[1, 0]], [[True, 1]], [[12, 1]], [[12, 2]], [[1, 2**63 - 1]], [[2**53, 1], [2**53 + 2, 1]],
    [[2**53, 1], [2**53 + 1, 1]], [[1]], [[1, 1, 1]], [None],
)  # fmt: skip
PIECES = (None, 12, 0, 1, 2**53 + 1, 2**63 - 1, -1, True, "12")


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield the golden record beside several files, then `count` that are changed or odd."""
    rng = random.Random(seed)
    yield from _golden()
    yield from _whole()
    for number in range(count):
        yield (_changed, _changed, _deep, _odd)[number % 4](rng, number)


def _golden() -> Iterator[Case]:
    files = stored()
    for name in ("part.evidence", "case.evidence", "matter.evidence", "deposit-1.receipt"):
        yield _beside(f"golden record beside {name}", name, files[GOLDEN])
    yield _beside("record beside another deposit", "deposit-2.receipt", files[GOLDEN])
    yield _beside("no record", "part.evidence", b"")
    trust = format_trust(Office().trust())
    yield replace(_beside("another office", "part.evidence", files[GOLDEN]), trust=trust)
    two = [*parse_inspections(files[GOLDEN])] * 2
    yield _beside("record twice", "part.evidence", format_inspections(two))


def _whole() -> Iterator[Case]:
    """Yield records that an office has signed, some of them not about the deposit or not its own."""
    for name, made in {
        "whole": Inspected(),
        "part": Inspected(IN_PART),
        "another deposit": Inspected(leaf=bytes(32)),
        "another entry": Inspected(entry=3),
        "another origin": Inspected(origin="other.example/ledger"),
        "another issuer": Inspected(issuer="other.example/ledger"),
        "part without what": Inspected(scope="part"),
        "whole with a part": Inspected(IN_PART, scope="whole"),
    }.items():
        yield _of(f"record: {name}", made.office, made.receipt, made.record)
    made, another = Inspected(), Inspected(replace(OFFICER, role="else"))
    other = format_particulars(replace(OFFICER, officer="somebody else"))
    older = replace(made.record.proof, note=made.office.note(5))
    for name, record in {
        "other particulars": replace(made.record, particulars=other),
        "another proof": replace(made.record, proof=another.record.proof),
        "another index": replace(made.record, proof=replace(made.record.proof, index=5)),
        "an older tree": replace(made.record, proof=older),
        "extra data": replace(made.record, proof=replace(made.record.proof, extra=b"x")),
    }.items():  # fmt: skip
        yield _of(f"record: {name}", made.office, made.receipt, record)
    made.receipt = made.office.receipt()
    yield _of("record: the receipt's tree", made.office, made.receipt, made.record)
    fork = Inspected()
    fork.office.entries[1] = fork.office.say(st.NOTICE, {"text": "x"})
    yield _of("record: two histories", made.office, made.receipt, fork.record)


def _changed(rng: random.Random, number: int) -> Case:
    """The golden record with some bytes changed."""
    data = changed_bytes(rng, stored()[GOLDEN])
    return _beside(f"changed record {number}", "part.evidence", data)


def _deep(rng: random.Random, number: int) -> Case:
    """The golden record with a value in it changed, all of it well-formed."""
    record = parse_inspections(stored()[GOLDEN])[0]
    message = record.statement.message
    (encoded,) = cbor_decode(stored()[GOLDEN])
    value: Any = cbor_decode(encoded[1:])
    match rng.randrange(4):
        case 0:
            value = changed_value(rng, value)
        case 1:
            value[0] = cbor_encode(changed_value(rng, cbor_decode(message.protected_raw)))
        case 2:
            value[2] = cbor_encode(changed_value(rng, cbor_decode(message.payload or b"")))
        case _:
            particulars = changed_value(rng, cbor_decode(record.particulars))
            value[1]["sealbook"]["particulars"] = cbor_encode(particulars)
    name = rng.choice(("part.evidence", "case.evidence"))
    data = cbor_encode([encoded[:1] + cbor_encode(value)])
    return _beside(f"deeply changed record {number}", name, data)


def _odd(rng: random.Random, number: int) -> Case:
    """A record whose particulars the office has signed as they are, good or odd."""
    seen = [
        [document, rng.choice(PIECES[:2] * 8 + PIECES), rng.choice(RUNS[:2] * 8 + RUNS)]
        for document in rng.choice(([1], [1, 2], [1, 4], [2**53, 2**53 + 1], [2, 1], [1, 1], [0]))
    ]
    name = rng.choice(("王公证员", "𠮷" * 128, "x" * 129, "")) if rng.random() < 0.2 else "王公证员"
    value: dict[str, Any] = {"salt": SALT, "officer": name, "role": "公证员", "seen": seen}
    if rng.random() < 0.1:
        value["more"] = 1
    office = Office()
    receipt = office.receipt()
    leaf = parse_deposit_receipt(receipt).statement.leaf_hash
    encoded = cbor_encode(value)
    said = Inspection(4, leaf, "part", particulars_digest(encoded))
    payload = {"origin": office.origin, "nonce": nonce("odd"), **inspection_payload(said)}
    statement = notary_statement(
        st.INSPECTION, payload, origin=office.origin, key=office.log, issued_at=NOW + 60
    )
    office.entries += [office.block(3, 5, 7), statement]
    proof = TlogProof(6, inclusion_proof(Tree(office.entries), 6, 7), office.note(7))
    parsed = parse_statement(statement)
    record = InspectionRecord(parsed, parse_inspection(parsed), proof, encoded)
    return _of(f"odd particulars {number}: {seen}", office, receipt, record)


def _beside(name: str, file: str, data: bytes) -> Case:
    files = stored()
    return Case(name, files[file], files["notary.trust"], inspections=data)


def _of(name: str, office: Office, receipt: bytes, *records: InspectionRecord) -> Case:
    return Case(
        name, receipt, format_trust(office.trust()), inspections=format_inspections(records)
    )
