"""What a verifier must refuse, and by which claim. The files serve other verifiers too."""

import json
from io import BytesIO

import pytest

from ledger.chain.trust import parse_trust
from ledger.errors import MalformedData
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.verify import ReceiptRefused, VerifiedReceipt, verify_receipt
from tests.formats.test_document import stored

FILES = stored()
TRUST = parse_trust(FILES["notary.trust"])
EXPECTED: dict[str, str | list[str]] = json.loads(FILES["refused/refused.json"])

GOOD = ("case.evidence", "part.evidence", "empty.evidence", "cover.evidence")


def verify(name: str, data: bytes) -> VerifiedReceipt:
    if name.endswith(".trust"):
        return verify_receipt(FILES["deposit-1.receipt"], parse_trust(data))
    if name.endswith(".evidence"):
        (disclosed,) = read_evidence(BytesIO(data))
        return verify_disclosed(disclosed, TRUST)
    return verify_receipt(data, TRUST)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_with_a_defect_is_refused_for_it(name: str) -> None:
    data = FILES[f"refused/{name}"]
    if EXPECTED[name] == "malformed":
        with pytest.raises(MalformedData):
            verify(name, data)
    else:
        with pytest.raises(ReceiptRefused) as caught:
            verify(name, data)
        assert [claim.name for claim in caught.value.report.failed] == EXPECTED[name]


def test_the_files_without_the_defects_are_accepted() -> None:
    assert verify("deposit-1.receipt", FILES["deposit-1.receipt"]).report.good
    for name in GOOD:
        assert verify(name, FILES[name]).report.good


def test_every_refused_file_has_an_expectation_and_differs_from_the_others() -> None:
    files = {name: data for name, data in FILES.items() if name.startswith("refused/")}
    assert set(files) == {f"refused/{name}" for name in EXPECTED} | {"refused/refused.json"}
    assert len(set(files.values())) == len(files)
    good = {
        FILES[each]
        for each in ("deposit-1.receipt", "case.evidence", "part.evidence", "empty.evidence")
    }
    assert not good & set(files.values())
