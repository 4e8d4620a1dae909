"""Good evidence files, and what the core says of a file."""

import hashlib
import io
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ledger.chain.attesting import Renewed
from ledger.chain.inspection import parse_inspections
from ledger.chain.trust import Trust, fingerprint, parse_trust
from ledger.errors import MalformedData, TooLarge
from ledger.evidence.casefile import DisclosedDeposit, verify_file
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.inspected import sort_inspections
from ledger.evidence.manifest import Cover
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from ledger.evidence.records import Rendition
from ledger.evidence.remarks import Remark
from ledger.verify import parse_deposit_receipt
from tests.core.test_every_byte import CASES
from tests.disclosed import Shown, evidence, file
from tests.formats.test_document import stored


@dataclass(frozen=True, slots=True)
class Case:
    """A file, whom to trust, records beside it, and as of when it is asked (POSIX seconds).

    `doubts` are hash functions, and from which second on they are doubted.
    """

    name: str
    file: bytes
    trust: bytes
    record: bytes | None = None
    at: int | None = None
    inspections: bytes | None = None
    doubts: tuple[tuple[str, int], ...] = ()


Members = list[tuple[str, bytes]]


def _large() -> tuple[bytes, Trust]:
    pieces = [bytes([n]) * (n * 997 % 16_385 or 1) for n in range(1, 40)]
    parts = [
        Part("message 1 of 2", 1, 20),
        Part("message 1 of 2/body", 5, 6),
        Part("message 2 of 2", 21, 19),
    ]
    shown = Shown(
        [file("mail.mbox", pieces, *parts), file("𠮷/note.txt", [b"a", b"bc"])],
        Cover("案", (("host", "h"),)),
    )
    selections = [
        Selection(0, parts=(2,), ranges=((250_000, 30_000),), fields=("name",)),
        Selection(None, fields=("host",)),
    ]
    both = evidence(
        shown.disclosure(),
        shown.disclosure(*selections),
        shown.disclosure(Selection(1, whole=True)),
    )
    return both, shown.office.trust()


def _renditions() -> tuple[bytes, Trust]:
    remarks = (
        Remark("hidden-text", 3, ("李", "O'Neil"), 0, (1_700_000_000, 1_700_000_001)),
        Remark("repaired", 1),
    )
    page = replace(
        file("a.docx/page 1.pdf", [b"%PDF-"]), rendition=Rendition(0, "page", 1, 2, remarks)
    )
    text = replace(file("a.docx/text.txt", [b"text"]), rendition=Rendition(0, "text", 1, 1))
    odd = [
        replace(file(name, [b"x"]), modified=n)
        for name, n in (("𠮷\u2028é.bin", 2**62), ("\ufeffnul ", -(2**53) - 1))
    ]
    shown = Shown([file("a.docx", [b"PK", b"x"], Part("paragraph 1 of 1", 1, 2)), page, text, *odd])
    part = shown.disclosure(
        Selection(1, whole=True, fields=("rendition", "media-type")), Selection(0, fields=("size",)),
        Selection(3, fields=("name", "modified")), Selection(4, whole=True, fields=("modified",)),
    )  # fmt: skip
    return evidence(shown.disclosure(), part), shown.office.trust()


@cache
def bases() -> dict[str, tuple[bytes, Trust]]:
    """Good evidence files by name, and whom to trust for each."""
    made = {name: make() for name, make in CASES.items()}
    trust = made["golden whole"][1]
    for name in ("cover.evidence", "matter.evidence"):
        made[f"golden {name}"] = stored()[name], trust
    return made | {"many leaves": _large(), "renditions": _renditions()}


def verdict(case: Case) -> dict[str, Any]:
    """What `sealbook verify --json` prints of a case; of a file that is refused, why."""
    trust = replace(parse_trust(case.trust), at=case.at, doubts=case.doubts)
    renewed = None
    if case.record is not None:
        renewed = Renewed(case.record, cache(lambda name: hashlib.new(name, case.file).digest()))
    try:
        records = () if case.inspections is None else parse_inspections(case.inspections)
        if case.file.startswith(b"PK"):
            disclosed = read_evidence(io.BytesIO(case.file))
        else:
            disclosed = (DisclosedDeposit(parse_deposit_receipt(case.file)),)
        inspected = sort_inspections(records, disclosed)
        report = verify_file(
            disclosed,
            trust,
            lambda number, each, used: verify_disclosed(
                each, used, renewed=renewed, inspections=inspected[number]
            ),
        )
    except (MalformedData, TooLarge) as error:
        return {"refused": error.code, "detail": str(error)}
    return {
        "good": report.good,
        "trust": {
            "origin": trust.origin,
            "issuer": trust.issuer,
            "fingerprint": fingerprint(case.trust),
        },
        "reports": [each.as_dict() for each in report.reports],
        "matters": [each.as_dict() for each in report.matters],
    }
