"""What `verify_receipt` accepts, and everything that it must refuse."""

import subprocess
import sys
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain import report as rp
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.cosignature import cosign
from ledger.chain.enrolment import RECOVERY_SHEET
from ledger.chain.note import Note, VerifierKey, format_note, format_vkey, parse_note
from ledger.chain.policy import format_policy, parse_policy
from ledger.chain.receipt import Position, format_receipt, parse_receipt
from ledger.chain.seal import format_cose_receipt, sign_seal
from ledger.chain.statement import Matter, format_deposit
from ledger.chain.trust import Trust
from ledger.crypto.keys import MlDsaKey, SealKey, SigningKey
from ledger.crypto.merkle import root_from_leaf_hashes
from ledger.errors import MalformedData, SealbookError
from ledger.verify import (
    Memory,
    OpenedDeposit,
    ReceiptRefused,
    VerifiedReceipt,
    unchecked_report,
    verify_receipt,
)
from tests.simulator import COMMITMENT, DEPOSITED, NOW, Office, Tree, certificate

OTHER = SigningKey(b"\x99" * 32)


@pytest.fixture
def office() -> Office:
    return Office()


def verify(office: Office, **changes: object) -> VerifiedReceipt:
    return verify_receipt(office.receipt(**changes), office.trust())


def outcome(receipt: bytes, trust: Trust, memory: Memory) -> object:
    """Return the report, or what is said where there is none."""
    try:
        return verify_receipt(receipt, trust, memory=memory).report.as_dict()
    except ReceiptRefused as error:
        return repr(error.report.as_dict())
    except SealbookError as error:
        return str(error)


def test_what_another_trust_file_has_shown_is_not_remembered(office: Office) -> None:
    trust = office.trust()
    memory, stranger = Memory(trust), replace(trust, seals=())
    verify_receipt(office.receipt(), trust, memory=memory)
    with pytest.raises(ReceiptRefused):
        verify_receipt(office.receipt(), stranger, memory=memory)


def failed(office: Office, receipt: bytes) -> dict[str, str]:
    with pytest.raises(ReceiptRefused) as caught:
        verify_receipt(receipt, office.trust())
    return {claim.name: claim.reason for claim in caught.value.report.failed}


def test_a_sound_receipt_proves_position_depositor_and_seal(office: Office) -> None:
    report = verify(office).report
    proven = {claim.name for claim in report.claims if claim.status == rp.PROVEN}
    assert report.good
    assert proven == {rp.DEPOSITOR, rp.LEDGER, rp.BLOCK, rp.SEAL}


def test_time_and_identity_are_only_stated_by_the_notary(office: Office) -> None:
    report = verify(office).report
    for name in (rp.TIME, rp.IDENTITY):
        assert (report.claim(name).status, report.claim(name).by) == (rp.STATED, "notary")


def test_content_witnesses_and_authorship_are_reported_as_not_shown(office: Office) -> None:
    report = verify(office).report
    for name in (rp.CONTENT, rp.WITNESSES, rp.REVOCATION, rp.AUTHORSHIP):
        assert report.claim(name).status == rp.NOT_SHOWN


def test_a_witness_that_cosigned_is_named_and_the_notary_is_none(office: Office) -> None:
    witness, parts = SigningKey(b"\x77" * 32), office.parts()
    note = parse_note(parts.note)
    checkpoint = parse_checkpoint(note.text)
    line = cosign(checkpoint, "witness.example", witness, NOW + 5)
    trust = office.trust()
    known = f"witness w {format_vkey(VerifierKey('witness.example', 4, witness.public))}\n"
    policy = parse_policy(format_policy(trust.policy).replace("group", f"{known}group"))
    receipt = office.receipt(note=format_note(Note(note.text, (*note.signatures, line))))
    claim = verify_receipt(receipt, replace(trust, policy=policy)).report.claim(rp.WITNESSES)
    assert claim.status == rp.PROVEN
    assert claim.facts["witnesses"] == [{"name": "w", "key": "witness.example", "time": NOW + 5}]
    unsigned = verify_receipt(office.receipt(), replace(trust, policy=policy)).report
    assert unsigned.claim(rp.WITNESSES).status == rp.NOT_SHOWN


def test_the_right_opening_proves_the_content(office: Office) -> None:
    opening = OpenedDeposit(COMMITMENT, (("contract.pdf", 12),))
    report = verify_receipt(office.receipt(), office.trust(), opening=opening).report
    assert report.claim(rp.CONTENT).status == rp.PROVEN


def test_another_opening_fails_the_content(office: Office) -> None:
    opening = OpenedDeposit(bytes(32), (("contract.pdf", 12),))
    with pytest.raises(ReceiptRefused) as caught:
        verify_receipt(office.receipt(), office.trust(), opening=opening)
    assert [claim.name for claim in caught.value.report.failed] == [rp.CONTENT]


def test_a_claim_that_the_trust_file_requires_must_be_proven(office: Office) -> None:
    trust = replace(office.trust(), required=(rp.LEDGER, rp.CONTENT))
    with pytest.raises(ReceiptRefused) as caught:
        verify_receipt(office.receipt(), trust)
    assert caught.value.report.missing == (rp.CONTENT,)


def test_an_erased_identity_record_leaves_the_rest_standing(office: Office) -> None:
    report = verify(office, record=None).report
    assert report.good
    assert report.claim(rp.IDENTITY).status == rp.NOT_SHOWN


def test_another_identity_record_fails(office: Office) -> None:
    record = office.record.replace(b"91320100MA1", b"91320100MA2")
    assert rp.IDENTITY in failed(office, office.receipt(record=record))


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.soak)])
def test_every_flipped_bit_is_refused_or_changes_nothing(office: Office, step: int) -> None:
    receipt, trust = office.receipt(), office.trust()
    memory = Memory(trust)
    good = verify_receipt(receipt, trust, memory=memory).report.as_dict()
    refused = 0
    places = range(0, len(receipt), step)
    for place in places:
        changed = bytearray(receipt)
        changed[place] ^= 1 << (place % 8)
        found = outcome(bytes(changed), trust, Memory(trust))
        # What a sound receipt has left in the memory lends nothing to one that is not.
        assert outcome(bytes(changed), trust, memory) == found
        if isinstance(found, str):
            refused += 1
        else:
            assert found == good
    assert refused > len(places) * 0.99


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_receipt_is_malformed(office: Office, cut: int) -> None:
    with pytest.raises(MalformedData):
        verify_receipt(office.receipt()[:cut], office.trust())


def test_trailing_bytes_are_malformed(office: Office) -> None:
    with pytest.raises(MalformedData):
        verify_receipt(office.receipt() + b"\0", office.trust())


@given(some.binary(max_size=400))
def test_the_parser_raises_nothing_but_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_receipt(data)


@given(some.integers(0, 4000), some.binary(min_size=1, max_size=6))
def test_overwritten_receipts_raise_only_our_errors(place: int, patch: bytes) -> None:
    office = Office()
    receipt = office.receipt()
    changed = receipt[:place] + patch + receipt[place + len(patch) :]
    try:
        verify_receipt(changed, office.trust())
    except SealbookError:
        assert changed != receipt
    else:
        assert changed == receipt


def test_format_is_the_inverse_of_parse(office: Office) -> None:
    receipt = office.receipt()
    assert format_receipt(parse_receipt(receipt)) == receipt


def test_a_deposit_for_another_ledger_fails(office: Office) -> None:
    elsewhere = replace(DEPOSITED, origin="notary.example/other")
    office.entries[4] = format_deposit(elsewhere, office.account, office.device, NOW)
    reasons = failed(office, office.receipt())
    assert "was made for “notary.example/other”" in reasons[rp.LEDGER]


def test_a_checkpoint_without_the_post_quantum_signature_fails(office: Office) -> None:
    text, signatures = office.parts().note.split("\n\n")
    ed25519_only = text + "\n\n" + signatures.splitlines()[0] + "\n"
    assert rp.LEDGER in failed(office, office.receipt(note=ed25519_only))


@pytest.mark.parametrize("key", ["log", "ml_dsa"])
def test_a_checkpoint_by_another_key_fails(office: Office, key: str) -> None:
    forger = Office(log=OTHER) if key == "log" else Office(ml_dsa=MlDsaKey(OTHER.seed))
    assert rp.LEDGER in failed(office, forger.receipt())


def test_a_statement_signed_by_another_key_than_the_enrolled_fails(office: Office) -> None:
    office.entries[4] = format_deposit(DEPOSITED, office.account, OTHER, NOW)
    assert rp.DEPOSITOR in failed(office, office.receipt())


def test_an_enrolment_of_another_account_fails(office: Office) -> None:
    office.entries[2] = office.enrol("ab" * 16, office.device.public)
    assert "another account" in failed(office, office.receipt())[rp.DEPOSITOR]


def test_a_recovery_key_may_not_deposit(office: Office) -> None:
    office.entries[2] = office.enrol(office.account, office.device.public, RECOVERY_SHEET)
    assert "may not deposit" in failed(office, office.receipt())[rp.DEPOSITOR]


def test_an_enrolment_after_the_deposit_fails(office: Office) -> None:
    office.entries[2], office.entries[4] = office.entries[4], office.entries[2]
    parts = office.parts(index=2, block=1, enrolment=4)
    assert "only after" in failed(office, format_receipt(parts))[rp.DEPOSITOR]


def test_an_enrolment_that_the_notary_did_not_sign_fails(office: Office) -> None:
    forger = Office(log=OTHER)
    office.entries[2] = forger.entries[2]
    assert rp.DEPOSITOR in failed(office, office.receipt())


def test_an_older_block_record_cannot_be_passed_off(office: Office) -> None:
    parts = office.parts(block=1)
    assert "does not lie in the block" in failed(office, format_receipt(parts))[rp.BLOCK]


def test_a_block_record_elsewhere_than_it_says_fails(office: Office) -> None:
    office.entries[3] = office.block(2, 2, 5)
    assert rp.BLOCK in failed(office, office.receipt())


def test_a_checkpoint_older_than_the_block_fails(office: Office) -> None:
    office.entries[3] = office.block(2, 3, 6)
    assert "older than" in failed(office, office.receipt())[rp.BLOCK]


def test_a_proof_for_another_index_fails(office: Office) -> None:
    position = office.parts().position
    assert rp.LEDGER in failed(office, office.receipt(position=Position(3, position.proof)))


def test_a_cose_receipt_for_another_leaf_fails(office: Office) -> None:
    assert rp.SEAL in failed(office, office.receipt(cose_receipt=office.parts(3).cose_receipt))


def _sealed_by(office: Office, key: SealKey, der: bytes) -> bytes:
    tree, parts = Tree(office.entries), office.parts()
    seal = sign_seal(office.origin, root_from_leaf_hashes(tree.leaves), key, der)
    size = len(office.entries)
    return office.receipt(cose_receipt=format_cose_receipt(seal, size, 4, parts.position.proof))


def test_a_seal_under_an_untrusted_root_fails(office: Office) -> None:
    stranger = ec.derive_private_key(77, ec.SECP256R1())
    der = certificate("seal", office.seal.private, "root", stranger, ca=False)
    assert "an authority you trust" in failed(office, _sealed_by(office, office.seal, der))[rp.SEAL]


def test_a_seal_by_the_root_itself_fails(office: Office) -> None:
    key = SealKey(office.seal_root)
    assert rp.SEAL in failed(office, _sealed_by(office, key, office.root_der))


def test_a_seal_under_an_expired_certificate_fails(office: Office) -> None:
    der = certificate("seal", office.seal.private, "root", office.seal_root, ca=False, until=2026)
    assert rp.SEAL in failed(office, _sealed_by(office, office.seal, der))


def test_a_seal_by_another_key_than_the_certified_fails(office: Office) -> None:
    other = SealKey(ec.derive_private_key(78, ec.SECP256R1()))
    assert rp.SEAL in failed(office, _sealed_by(office, other, office.seal_der))


def test_a_matter_is_reported_as_stated_by_the_depositor(office: Office) -> None:
    deposit = replace(DEPOSITED, matter=Matter(bytes(16), 1, None))
    office.entries[4] = format_deposit(deposit, office.account, office.device, NOW)
    claim = verify(office).report.claim(rp.MATTER)
    assert (claim.status, claim.by, claim.facts["number"]) == (rp.STATED, "depositor", 1)


def test_a_matter_under_a_signature_that_fails_is_not_put_in_the_depositor_s_mouth(
    office: Office,
) -> None:
    deposit = replace(DEPOSITED, matter=Matter(bytes(16), 1, None))
    office.entries[4] = format_deposit(deposit, office.account, OTHER, NOW)
    with pytest.raises(ReceiptRefused) as caught:
        verify_receipt(office.receipt(), office.trust())
    assert caught.value.report.claim(rp.MATTER).status == rp.NOT_SHOWN


def test_the_core_loads_nothing_of_ours_above_floor_two() -> None:
    code = (
        "import sys, ledger.verify\n"
        "print(*sorted(n for n in sys.modules if n.startswith(('ledger', 'api'))))\n"
        "print(*sorted({n.split('.')[0] for n in sys.modules}))"
    )
    ours, roots = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    allowed = (
        "ledger.crypto",
        "ledger.chain",
        "ledger.errors",
        "ledger.encoding",
        "ledger.quoted",
        "ledger.verify",
    )
    assert [n for n in ours.split() if n != "ledger" and not n.startswith(allowed)] == []
    assert not {"fastapi", "click", "sqlite3", "httpx2"} & set(roots.split())


def test_without_a_trust_file_nothing_is_shown_and_the_report_is_not_good(office: Office) -> None:
    report = unchecked_report()
    assert not report.good
    assert {claim.status for claim in report.claims} == {rp.NOT_SHOWN}


def test_documents_that_cannot_be_read_fail_the_content(office: Office) -> None:
    opening = OpenedDeposit(None, problem="contract.pdf is shorter than what was deposited")
    with pytest.raises(ReceiptRefused) as caught:
        verify_receipt(office.receipt(), office.trust(), opening=opening)
    assert caught.value.report.claim(rp.CONTENT).reason == opening.problem
