"""A notary looks at what it signs and serves with a court's eyes, and at the files that it holds."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlite_utils import Database

from ledger.crypto.keys import SealKey, format_pem, parse_pem
from ledger.errors import InvalidInput, LedgerFault, NotSigning, SealbookError
from ledger.notary.care.fsck import fsck
from ledger.notary.care.rebuild import rebuild
from ledger.notary.health import Reason, Warn
from ledger.notary.notary import Notary
from ledger.notary.orders import AskState, SayNotice
from ledger.notary.selfcheck import SEAL_WARNING
from tests.notaries import NOW, Clock, Company, check, deposit, examined, found, opened


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return found(tmp_path / "notary")


def errors(directory: Path) -> list[str]:
    return [
        f"{each.place}: {each.problem}" for each in examined(directory) if each.level == "error"
    ]


def another_key(directory: Path) -> None:
    key = SealKey(ec.generate_private_key(ec.SECP256R1()))
    (directory / "keys/seal-p256.pem").write_bytes(format_pem(key))


def another_leaf(directory: Path) -> None:
    """The certificate with one bit of its signature altered: it still parses."""
    path = directory / "seal-chain.pem"
    leaf, root = x509.load_pem_x509_certificates(path.read_bytes())
    der = bytearray(leaf.public_bytes(Encoding.DER))
    der[-1] ^= 1
    altered = x509.load_der_x509_certificate(bytes(der))
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (altered, root)))


def another_ledgers(name: str) -> Callable[[Path], None]:
    def replace(directory: Path) -> None:
        other = found(directory.with_name("other"))
        shutil.copy(other / name, directory / name)

    return replace


TRUST = "notary.example-ledger.trust"
CHANGES = {
    "seal-p256.pem": another_key,
    "seal-chain.pem: it was altered": another_leaf,
    "seal-chain.pem: the trust file lists no such seal": another_ledgers("seal-chain.pem"),
    "log-ed25519.pem": another_ledgers("keys/log-ed25519.pem"),
    "log-ml-dsa-44.pem": another_ledgers("keys/log-ml-dsa-44.pem"),
    "policy": another_ledgers(TRUST),
}


@pytest.mark.parametrize("named", CHANGES)
def test_nothing_is_signed_with_what_the_trust_file_does_not_name(
    directory: Path, named: str
) -> None:
    before = (directory / "checkpoints.sqlite").read_bytes()
    CHANGES[named](directory)
    with pytest.raises(LedgerFault, match="Nothing is signed") as caught:
        opened(directory)
    assert named in str(caught.value)
    assert any(named in each for each in errors(directory))
    assert (directory / "checkpoints.sqlite").read_bytes() == before


def test_a_damaged_trust_file_is_not_served(directory: Path) -> None:
    path = directory / TRUST
    path.write_bytes(path.read_bytes().replace(b"quorum", b"qorum", 1))
    for refused in (opened, fsck):
        with pytest.raises(InvalidInput, match="trust” was altered"):
            refused(directory)


def altered(directory: Path, statement: str) -> None:
    db = Database(str(directory / "ledger.sqlite"), execute_plugins=False)
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    db.execute(statement)
    db.conn.commit()
    db.close()


FLIP = (
    "UPDATE entries SET statement = CAST(substr(statement, 1, 150) || x'01' || "
    "substr(statement, 152) AS BLOB) WHERE idx = {}"
)


def test_a_receipt_that_would_fail_in_court_is_not_given(directory: Path) -> None:
    with opened(directory) as notary:
        company = Company().enrol(notary)
        receipts = deposit(notary, [company.statement() for _ in range(3)])
        first = check(notary, receipts[0])
        altered(directory, FLIP.format(first.index))
        with pytest.raises(SealbookError):
            notary.sequencer.receipt(first.statement.leaf_hash)
        check(notary, deposit(notary, [company.statement()])[0])  # its neighbours stand


def test_a_block_whose_receipts_would_fail_is_answered_with_a_fault(directory: Path) -> None:
    with opened(directory) as notary:
        company = Company().enrol(notary)
        key = notary.accounts.key(company.key.thumbprint)
        assert key is not None
        altered(directory, FLIP.format(key.enrolled_index))
        with pytest.raises(SealbookError):
            deposit(notary, [company.statement()])
        assert notary.health.reasons
        with pytest.raises(LedgerFault):
            deposit(notary, [company.statement()])
    assert errors(directory)


def test_the_newest_receipt_is_verified_at_the_start(directory: Path) -> None:
    with opened(directory) as notary:
        company = Company().enrol(notary)
        deposit(notary, [company.statement()])
        key = notary.accounts.key(company.key.thumbprint)
        assert key is not None
    altered(directory, FLIP.format(key.enrolled_index))
    with pytest.raises(SealbookError):
        opened(directory)
    rebuild(directory)
    with opened(directory) as notary:
        check(notary, deposit(notary, [company.statement()])[0])


def resealed(directory: Path, start: int, end: int) -> None:
    """Give the seal's key another certificate, valid between two times, under the same root."""
    path = directory / "seal-chain.pem"
    leaf, root = x509.load_pem_x509_certificates(path.read_bytes())
    root_key = parse_pem((directory / "keys/seal-root-p256.pem").read_bytes())
    assert isinstance(root_key, SealKey)
    made = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(root.subject)
        .public_key(leaf.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(end, UTC))
    )
    for extension in leaf.extensions:
        made = made.add_extension(extension.value, extension.critical)
    certificate = made.sign(root_key.private, hashes.SHA256())
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, root)))


DAY = int(timedelta(days=1).total_seconds())


def test_a_seal_that_has_expired_or_is_not_valid_yet_stops_signing(directory: Path) -> None:
    clock = Clock(NOW + 5 * DAY)
    with opened(directory, clock=clock) as notary:
        company = Company().enrol(notary)
        kept = deposit(notary, [company.statement()])[0]
    for start, end in ((-9, -1), (8, 9)):
        resealed(directory, int(clock.now) + start * DAY, int(clock.now) + end * DAY)
        with opened(directory, clock=clock) as notary:
            assert notary.health.reasons == (Reason.SEAL_EXPIRED,)
            statement = company.statement()
            with pytest.raises(NotSigning, match="seal is not valid now"):
                deposit(notary, [statement])
            assert notary.sequencer.receipt(check(notary, kept).statement.leaf_hash) == kept
            assert "seal-chain.pem" in (notary.execute(AskState()).detail or "")
    resealed(directory, int(clock.now) - DAY, int(clock.now) + DAY + SEAL_WARNING)
    with opened(directory, clock=clock) as notary:
        assert notary.health.status == "ok" and not notary.health.warnings
        check(notary, deposit(notary, [statement])[0])
        clock.now += 2 * DAY
        assert notary.health.status == "ok" and notary.health.warnings == (Warn.SEAL_EXPIRES,)
        clock.now += SEAL_WARNING
        with pytest.raises(NotSigning):
            deposit(notary, [company.statement()])
        assert notary.health.status == Reason.SEAL_EXPIRED
    assert errors(directory) == []


@pytest.fixture
def held(directory: Path) -> Iterator[tuple[Path, Notary, Company]]:
    with opened(directory) as notary:
        yield directory, notary, Company().enrol(notary)


@pytest.mark.parametrize(
    "name", ["checkpoints.sqlite", "ledger.sqlite", "checkpoints.sqlite-wal", "ledger.sqlite-wal"]
)
def test_nothing_is_acknowledged_into_a_file_that_has_gone(
    held: tuple[Path, Notary, Company], name: str
) -> None:
    directory, notary, company = held
    deposit(notary, [company.statement()])
    size = notary.sequencer.last.size
    path = directory / name
    aside = directory.with_name("aside")
    for replaced in (False, True):
        path.rename(aside)
        if replaced:
            shutil.copy(aside, path)
        statement = company.statement()
        with pytest.raises(NotSigning, match="has gone"):
            deposit(notary, [statement])
        assert notary.health.status == Reason.FILE_GONE
        assert notary.sequencer.last.size == size
        aside.replace(path)
        check(notary, deposit(notary, [statement])[0])
        assert notary.health.status == "ok"
        size = notary.sequencer.last.size


@pytest.fixture
def read_only(directory: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Mount the notary's directory read-only, as it is."""
    target = tmp_path / "mounted"
    target.mkdir()
    mounted: list[Path] = []

    def mount() -> Path:
        for words in (
            ["mount", "--bind", str(directory), str(target)],
            ["mount", "-o", "remount,ro,bind", str(target)],
        ):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no read-only mount can be made here: {done.stderr.strip()}")
            mounted.append(target)
        return target

    yield mount
    if mounted:
        subprocess.run(["umount", str(target)], check=True)


@pytest.mark.parametrize("running", [False, True])
def test_fsck_works_on_read_only_media_also_with_a_log_of_changes(
    directory: Path, read_only: Callable[[], Path], running: bool
) -> None:
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(3))
    assert errors(directory) == []
    if running:
        still = directory.with_name("still")
        with opened(directory) as notary:
            notary.execute(SayNotice("closed on Friday"))
            while notary.log.published() != notary.sequencer.last.note:
                time.sleep(0.01)  # a copy of what is half published has a tile missing
            shutil.copytree(directory, still)
        shutil.rmtree(directory)
        still.rename(directory)
        assert (directory / "checkpoints.sqlite-wal").stat().st_size
    before = sorted(path.name for path in directory.iterdir())
    target = read_only()
    with pytest.raises(OSError, match="Read-only"):
        (target / "x").touch()
    assert [each for each in fsck(target) if each.level == "error"] == []
    (directory / "log/tile/entries/000.p").rename(directory / "gone")
    assert [each for each in fsck(target) if each.level == "error"]
    (directory / "gone").rename(directory / "log/tile/entries/000.p")
    assert sorted(path.name for path in directory.iterdir()) == before
