"""The notary's own keys, replaced and revoked, while what it has given holds."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain.note import parse_note
from ledger.chain.office import OwnRevocation, Rotation, parse_key
from ledger.chain.statement import KEY, parse_statement
from ledger.chain.trust import Trust, parse_trust
from ledger.crypto import recipients
from ledger.crypto.keys import SealKey, parse_pem
from ledger.errors import Conflict, InvalidInput, StorageFailed
from ledger.notary.care.certifying import certify
from ledger.notary.notary import Notary
from ledger.notary.orders import AskSeal, AskState, InstallSeal, RetireLog, RevokeLog, RotateLog
from ledger.notary.ports import Step
from ledger.notary.storage import directory as place
from ledger.verify import ReceiptRefused, VerifiedReceipt, verify_receipt
from tests.notaries import NOW, Company, deposit, examined, found, opened


def lines(notary: Notary) -> int:
    return len(parse_note(notary.sequencer.last.note).signatures)


def trust_of(directory: Path) -> Trust:
    (path,) = directory.glob("*.trust")
    return parse_trust(path.read_bytes())


def verify(receipt: bytes, trust: Trust) -> VerifiedReceipt:
    return verify_receipt(receipt, trust)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return found(tmp_path / "notary")


@pytest.fixture
def notary(directory: Path) -> Iterator[Notary]:
    with opened(directory) as each:
        yield each


def refused(receipt: bytes, trust: Trust) -> bool:
    try:
        verify_receipt(receipt, trust)
    except ReceiptRefused:
        return True
    return False


def test_the_logs_keys_are_replaced_and_every_receipt_holds(
    directory: Path, notary: Notary
) -> None:
    company = Company().enrol(notary)
    before = deposit(notary, company.statements(2))
    old = trust_of(directory)

    size = notary.sequencer.last.size
    made = notary.execute(RotateLog())
    new = trust_of(directory)
    assert (new.retired[0].size, lines(notary)) == (size, 4)
    assert len(made.entries) == 1
    during = deposit(notary, company.statements(2))
    for receipt in (*before, *during):
        verify(receipt, old)
        verify(receipt, new)
    with pytest.raises(Conflict):
        notary.execute(RotateLog())
    assert "to be retired" in notary.execute(AskState()).keys[0]

    notary.execute(RetireLog())
    after = deposit(notary, company.statements(2))
    assert (lines(notary), trust_of(directory)) == (2, new)
    for receipt in (*before, *during, *after):
        verify(receipt, new)
    assert all(refused(each, old) for each in after)
    assert not list((directory / "keys").glob("old-*"))
    with pytest.raises(Conflict):
        notary.execute(RetireLog())
    notary.close()
    assert not [each for each in examined(directory) if each.level == "error"]
    with opened(directory) as again:
        verify(deposit(again, company.statements(1))[0], new)
        again.execute(RotateLog())
        verify(deposit(again, company.statements(1))[0], new)
        assert len(trust_of(directory).retired) == 2
        verify(before[0], trust_of(directory))


def new_chain(directory: Path, request: bytes) -> bytes:
    root_key = parse_pem((directory / "keys/seal-root-p256.pem").read_bytes())
    assert isinstance(root_key, SealKey)
    chain = x509.load_pem_x509_certificates((directory / "seal-chain.pem").read_bytes())
    return certify(request, chain[-1].public_bytes(Encoding.DER), root_key, NOW)


def test_the_seals_key_is_replaced_under_the_same_trust_file(
    directory: Path, notary: Notary
) -> None:
    company = Company().enrol(notary)
    before = deposit(notary, company.statements(1))
    trust, sealed = trust_of(directory), notary.execute(AskState()).keys[-1]
    request = notary.execute(AskSeal()).request
    assert x509.load_pem_x509_csr(notary.execute(AskSeal()).request).public_key() == (
        x509.load_pem_x509_csr(request).public_key()
    )
    with pytest.raises(InvalidInput):
        notary.execute(InstallSeal((directory / "seal-chain.pem").read_bytes()))
    made = notary.execute(InstallSeal(new_chain(directory, request)))
    assert (trust_of(directory), len(made.entries)) == (trust, 1)
    assert notary.execute(AskState()).keys[-1] != sealed
    for receipt in (*before, *deposit(notary, company.statements(1))):
        verify(receipt, trust)
    with pytest.raises(Conflict):
        notary.execute(InstallSeal(new_chain(directory, request)))
    notary.close()
    assert not [each for each in examined(directory) if each.level == "error"]


@pytest.mark.parametrize("both", [False, True])
def test_a_revoked_log_key_counts_for_nothing_without_a_token(
    directory: Path, notary: Notary, both: bool
) -> None:
    company = Company().enrol(notary)
    before = deposit(notary, company.statements(1))[0]
    if both:
        notary.execute(RotateLog())
    made = notary.execute(RevokeLog("compromised", NOW))
    trust = trust_of(directory)
    assert ([each.revoked for each in trust.retired], lines(notary)) == ([NOW], 2)
    assert len(made.entries) == (1 if both else 2)
    assert refused(before, trust)
    again = notary.sequencer.receipt(
        verify_receipt(before, without_revocations(trust)).statement.leaf_hash
    )
    verify(again, trust)
    verify(deposit(notary, company.statements(1))[0], trust)
    notary.close()
    assert not [each for each in examined(directory) if each.level == "error"]
    with opened(directory) as later:
        assert later.execute(AskState()).health == "ok"


def without_revocations(trust: Trust) -> Trust:
    """The same trust file, had nobody lost a key."""
    return replace(trust, retired=tuple(replace(each, revoked=None) for each in trust.retired))


def test_a_revoked_seal_counts_for_nothing_without_a_token(directory: Path, notary: Notary) -> None:
    company = Company().enrol(notary)
    before = deposit(notary, company.statements(1))[0]
    chain = new_chain(directory, notary.execute(AskSeal()).request)
    with pytest.raises(InvalidInput):
        notary.execute(InstallSeal(chain, "lost", NOW + 10**6))
    notary.execute(InstallSeal(chain, "lost", NOW))
    trust = trust_of(directory)
    assert refused(before, trust)
    leaf = verify_receipt(before, replace(trust, revoked_seals=())).statement.leaf_hash
    verify(notary.sequencer.receipt(leaf), trust)
    verify(deposit(notary, company.statements(1))[0], trust)


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.soak)])
def test_a_kill_at_any_step_leaves_one_consistent_set_of_keys(
    tmp_path: Path, directory: Path, every: int
) -> None:
    snapshots: list[Path] = []
    steps: list[Step] = []

    def hook(step: Step, side: str) -> None:
        if step in (Step.PLACE, Step.MOVE, Step.KEYS) or side == "after":
            snapshots.append(tmp_path / f"{len(snapshots)}-{step}-{side}")
            shutil.copytree(directory, snapshots[-1])
            steps.append(step)

    company = Company()
    with opened(directory, hook=hook) as notary:
        before = deposit(notary, company.enrol(notary).statements(1))[0]
        old = trust_of(directory)
        snapshots.clear()
        notary.execute(RotateLog())
        notary.execute(RetireLog())
        notary.execute(RevokeLog("lost", NOW))
        chain = new_chain(directory, notary.execute(AskSeal()).request)
        notary.execute(InstallSeal(chain))
    assert {Step.PLACE, Step.MOVE, Step.KEYS, Step.ENTRIES, Step.CHECKPOINT} <= set(steps)
    leaf = verify_receipt(before, old).statement.leaf_hash
    for snapshot in snapshots[::every]:
        with opened(snapshot, serve=True) as notary:
            new = deposit(notary, company.statements(1))[0]
            trust = trust_of(snapshot)
            verify(new, trust)
            verify(notary.sequencer.receipt(leaf), trust)
            assert not (snapshot / "key-statements").exists()
            said = [
                parse_key(parse_statement(each.statement)) for each in notary._store.office(KEY)
            ]
            assert sum(isinstance(each, Rotation) and each.use == "log" for each in said) == len(
                trust.retired
            )
            assert sum(isinstance(each, OwnRevocation) for each in said) == len(
                [each for each in trust.retired if each.revoked is not None]
            )
        assert not [each for each in examined(snapshot) if each.level == "error"], snapshot


def test_to_open_a_ledger_that_owes_a_statement_about_keys_signs_nothing(
    tmp_path: Path, directory: Path
) -> None:
    def full(step: Step, side: str) -> None:
        if (step, side) == (Step.ENTRIES, "before"):
            raise StorageFailed("The disk is full.")

    with opened(directory, hook=full) as notary:
        before = notary.sequencer.checkpoint
        with pytest.raises(StorageFailed):
            notary.execute(RotateLog())
    shutil.copytree(directory, served := tmp_path / "served")
    with opened(directory) as notary:
        (owed,) = notary.execute(AskState()).waiting
        assert "has a successor is still to be stated" in owed and "notary serve" in owed
        notary.execute(AskSeal())
        with pytest.raises(Conflict):
            notary.execute(RotateLog())
        assert notary.sequencer.checkpoint == before
        rotated, revoked = notary.execute(RevokeLog("lost", NOW)).entries
        assert rotated < revoked
        assert notary.execute(AskState()).waiting == ()
    with opened(served, serve=True) as notary:
        assert notary.execute(AskState()).waiting == ()
        assert notary.sequencer.checkpoint != before
        assert len(notary.entries.office(KEY)) == 1
    for each in (directory, served):
        assert not [found for found in examined(each) if found.level == "error"]


def test_private_keys_lie_under_a_passphrase(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        recipients, "_scrypt", lambda word, salt, _: sha256(word.encode() + salt).digest()
    )
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    with place.lock(directory):
        assert place.shut_keys(directory, secret) == 4
        assert place.shut_keys(directory, secret) == 0
        with pytest.raises(Conflict):
            place.shut_keys(directory, directory / "another")
    company = Company()
    with opened(directory) as notary:
        company.enrol(notary)
        notary.execute(RotateLog())
        verify(deposit(notary, company.statements(1))[0], trust_of(directory))
    files = sorted((directory / "keys").iterdir())
    assert len(files) == 6
    assert all(each.read_bytes().startswith(b"age-encryption.org/v1\n") for each in files)
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in files)
    secret.write_text("wrong horse\n")
    with pytest.raises(InvalidInput, match="cannot be read"):
        opened(directory)
    secret.unlink()
    with pytest.raises(InvalidInput, match="passphrase"):
        opened(directory)


def test_the_seals_root_need_not_be_here(directory: Path) -> None:
    (directory / "keys/seal-root-p256.pem").unlink()
    with opened(directory) as notary:
        company = Company().enrol(notary)
        verify(deposit(notary, company.statements(1))[0], trust_of(directory))
