"""What a verifier must refuse, and by which claim. The files serve other verifiers too."""

import json
import re
from io import BytesIO

import pytest

from examples.make_vectors import DOCUMENT
from ledger.chain import report as rp
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


AFTER = {
    each: re.findall("`([a-z]+)`", after)
    for claims, after in re.findall(
        r"^\| (`.+) \| .* \| ?(.*)\|$", DOCUMENT.read_text().split("**Which claim rests")[1], re.M
    )
    for each in re.findall("`([a-z]+)`", claims)
    if each in rp.CLAIMS
}
"""What section 8 of the document says: claim -> the claims that must not have failed."""


@pytest.mark.parametrize(
    "name", [name for name, claims in EXPECTED.items() if claims != "malformed"]
)
def test_what_rests_on_a_failed_claim_is_not_shown(name: str) -> None:
    assert AFTER[rp.SEAL] == [rp.LEDGER, rp.BLOCK] and set(AFTER) == set(rp.CLAIMS)
    with pytest.raises(ReceiptRefused) as caught:
        verify(name, FILES[f"refused/{name}"])
    report = caught.value.report
    for claim, needed in AFTER.items():
        failed = {each for each in needed if report.claim(each).status != rp.PROVEN}
        assert not failed or report.claim(claim).status == rp.NOT_SHOWN, claim
    if set(EXPECTED[name]) - {rp.CONTENT, rp.IDENTITY}:
        assert report.claim(rp.CONTENT).status == rp.NOT_SHOWN


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
