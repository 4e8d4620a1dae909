"""Keys in a real PKCS#11 token: SoftHSM, in a folder of its own."""

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from ledger.chain.trust import parse_trust
from ledger.court.certificate.content import Issue, read_case
from ledger.court.certificate.drawing import drawer
from ledger.errors import Conflict, NotSigning, Unavailable
from ledger.notary.care.founding import init_notary
from ledger.notary.certificates.issuing import issue
from ledger.notary.health import Reason
from ledger.notary.ports import Step, TokenPlace
from ledger.notary.storage import directory as place
from ledger.verify import verify_receipt
from tests.notaries import ORIGIN, PLATFORM, Clock, Company, deposit, opened

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
MODULE = next((each for each in MODULES if Path(each).exists()), None)
PIN = "5678"

pytestmark = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None,
    reason="SoftHSM is not installed (Debian: softhsm2)",
)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenPlace:
    """A new token, in tmp_path/tokens."""
    (tmp_path / "tokens").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "sealbook", "--so-pin", "1234",
         "--pin", PIN],
        check=True, capture_output=True,
    )  # fmt: skip
    pin = tmp_path / "pin"
    pin.write_text(f"{PIN}\n")
    pin.chmod(0o600)
    return TokenPlace(str(MODULE), "sealbook", str(pin))


def init(directory: Path, token: TokenPlace) -> Path:
    init_notary(
        directory,
        ORIGIN,
        issuer="Notary Office",
        platform=PLATFORM,
        token=token,
        clock=Clock(),
        random=os.urandom,
    )
    return directory


@pytest.fixture
def founded(tmp_path: Path, token: TokenPlace) -> Path:
    return init(tmp_path / "notary", token)


def test_receipts_are_signed_and_sealed_by_keys_that_are_in_no_file(founded: Path) -> None:
    assert sorted(each.name for each in (founded / "keys").iterdir()) == [
        "log-ml-dsa-44.pem",
        "seal-root-p256.pem",
    ]
    trust = parse_trust((founded / "notary.example-ledger.trust").read_bytes())
    (founded / "keys" / "seal-root-p256.pem").unlink()  # it need not lie where the notary serves
    with opened(founded) as notary:
        company = Company().enrol(notary)
        (receipt,) = deposit(notary, company.statements(1))
        assert verify_receipt(receipt, trust).report.good


def test_certificates_are_signed_by_the_seal_in_the_token(founded: Path) -> None:
    with opened(founded) as notary:
        receipts = deposit(notary, Company().enrol(notary).statements(3))
        desk = notary.desk()
        cases = [read_case(each, desk.trust, desk.entry) for each in receipts]
        by = Issue("王小明", int(desk.now()), desk.sealing.subject)
        made = list(issue(desk, [each.verified.index for each in cases], drawer(cases, by)))
        assert all(notary.certificate(each.number) for each in made)
    root = parse_trust((founded / "notary.example-ledger.trust").read_bytes()).seals[0].authority
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root)], moment=datetime.fromtimestamp(by.time, UTC)
    )
    for each in made:
        (signature,) = PdfFileReader(BytesIO(each.pdf)).embedded_signatures
        status = validate_pdf_signature(signature, context)
        assert status.bottom_line, status.pretty_print_details()


def test_without_its_token_the_notary_signs_nothing_loses_nothing_and_goes_on_by_itself(
    founded: Path, tmp_path: Path
) -> None:
    with opened(founded) as notary:
        company = Company().enrol(notary)
        statements = company.statements(2)
        (tmp_path / "tokens").rename(tmp_path / "gone")
        with pytest.raises(Unavailable, match="key token does not answer"):
            deposit(notary, statements[:1])
        assert notary.health.reasons == (Reason.KEYS_GONE,)
        size = notary.sequencer.last.size
        (tmp_path / "gone").rename(tmp_path / "tokens")
        receipts = deposit(notary, statements)
        assert notary.health.status == "ok"
        assert (notary.sequencer.last.size, len(receipts)) == (size + 3, 2)


def test_a_token_that_goes_between_entries_and_checkpoint_leaves_the_block_to_be_finished(
    founded: Path, tmp_path: Path
) -> None:
    armed: list[bool] = []

    def hook(step: Step, side: str) -> None:
        if armed and (step, side) == (Step.ENTRIES, "after"):
            armed.clear()
            (tmp_path / "tokens").rename(tmp_path / "gone")

    with opened(founded, hook=hook) as notary:
        company = Company().enrol(notary)
        statement = company.statement()
        armed.append(True)
        with pytest.raises(NotSigning):
            deposit(notary, [statement])
        (tmp_path / "gone").rename(tmp_path / "tokens")
        (first,) = deposit(notary, [statement])
        (again,) = deposit(notary, [statement])
        assert first == again


def test_a_notary_does_not_start_with_a_wrong_pin_and_says_what_to_do(
    founded: Path, tmp_path: Path
) -> None:
    (tmp_path / "pin").write_text("0000\n")
    with pytest.raises(NotSigning) as caught:
        opened(founded)
    assert "PIN" in caught.value.detail
    assert "0000" not in str(caught.value) + caught.value.detail


def test_a_token_that_holds_the_keys_of_this_ledger_is_not_used_for_another_of_its_name(
    founded: Path, tmp_path: Path, token: TokenPlace
) -> None:
    with pytest.raises(Conflict, match="in the token already"):
        init(tmp_path / "second", token)


def test_settings_with_a_token_read_back(tmp_path: Path, token: TokenPlace) -> None:
    settings = place.Settings(ORIGIN, "Notary Office", token=replace(token, label="公证"))
    place.write_settings(tmp_path, settings)
    assert place.read_settings(tmp_path) == settings
