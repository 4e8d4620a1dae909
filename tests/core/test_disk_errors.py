"""A notary whose disk fails once, on either side of any durable step, goes on in the same process.

What was answered with an error may have come to pass or not; whichever it was, the ledger and the
running notary say the same of it, and sending it again settles it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ledger.chain.enrolment import IdentityRecord, verify_enrolment_request
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import ENROLMENT, KEY
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import Conflict, KeyRevoked, StorageFailed
from ledger.notary.notary import Notary
from ledger.notary.orders import Revoke, format_order
from ledger.notary.ports import Step
from tests.notaries import NOW, Clock, Company, check, deposit, examined, found, opened

SIDES = ("before", "after")
BLOCK = (Step.BUNDLES, Step.ENTRIES, Step.COPY, Step.CHECKPOINT, Step.TILES, Step.ANCHOR)
"""What a block goes through; the tile of the first 256 entries becomes full with the one under test."""


class Disk:
    """Fails once, where it is told to."""

    def __init__(self) -> None:
        self.fails: tuple[Step, str] | None = None

    def __call__(self, step: Step, side: str) -> None:
        if (step, side) == self.fails:
            self.fails = None
            raise StorageFailed("The disk is full.")

    @contextmanager
    def failing(self, step: Step, side: str) -> Iterator[None]:
        self.fails = (step, side)
        with suppress(StorageFailed):
            yield


class Scene:
    """A notary with two companies, one entry short of a full tile."""

    def __init__(self, directory: Path, disk: Disk, first: Company, other: Company) -> None:
        self.disk, self.first, self.other = disk, first, other
        self.clock = Clock(NOW + 10)
        self.directory = directory
        self.notary = opened(directory, clock=self.clock, hook=disk)

    def go_on(self) -> None:
        """Let the next anchor become due, and another company deposit."""
        self.clock.now += 10
        (receipt,) = deposit(self.notary, [self.other.statement()])
        check(self.notary, receipt)

    def settle(self) -> Notary:
        """Require that the failure has come, that the notary is well, and so after a restart."""
        self.go_on()
        assert self.disk.fails is None
        assert self.notary.sequencer.fault is None
        self.notary.close()
        assert [each for each in examined(self.directory) if each.level == "error"] == []
        self.notary = opened(self.directory, clock=self.clock)
        return self.notary


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Company, Company]:
    directory = found(tmp_path_factory.mktemp("prepared") / "notary")
    with opened(directory) as notary:
        first, other = Company().enrol(notary), Company().enrol(notary)
        missing = 255 - 1 - notary.sequencer.last.size
    with opened(directory, window=60, batch=missing) as notary:
        deposit(notary, other.statements(missing))
        assert notary.sequencer.last.size == 255
    return directory, first, other


@pytest.fixture
def scene(tmp_path: Path, prepared: tuple[Path, Company, Company]) -> Iterator[Scene]:
    shutil.copytree(prepared[0], tmp_path / "notary")
    made = Scene(tmp_path / "notary", Disk(), *prepared[1:])
    yield made
    made.notary.close()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", BLOCK)
def test_a_deposit_is_entered_once(scene: Scene, step: Step, side: str) -> None:
    statements = scene.first.statements(3)
    with scene.disk.failing(step, side):
        deposit(scene.notary, statements)
    scene.go_on()
    receipts = deposit(scene.notary, statements)
    notary = scene.settle()
    assert deposit(notary, statements) == receipts
    entries = notary.entries.deposits(scene.first.account)
    assert [each.index for each in entries] == [parse_receipt(r).position.index for r in receipts]
    for receipt in receipts:
        check(notary, receipt)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", [Step.RECORD, *BLOCK])
def test_a_key_is_enrolled_once(scene: Scene, step: Step, side: str) -> None:
    company = Company()
    request = verify_enrolment_request(company.ask())
    record = IdentityRecord(os.urandom(32), "ACME", "9131", "clerk", NOW)
    before = len(scene.notary.entries.office(ENROLMENT))
    with scene.disk.failing(step, side):
        scene.notary.accounts.enrol(request, record)
    scene.go_on()
    standing = scene.notary.accounts.enrol(request, record)
    assert (standing.account, standing.record) == (company.account, record)
    (receipt,) = deposit(scene.notary, [company.statement()])
    notary = scene.settle()
    assert check(notary, receipt).statement.issuer == company.account
    assert len(notary.entries.office(ENROLMENT)) == before + 2
    assert notary.accounts.standing(company.account) == standing


@pytest.mark.parametrize("again_first", [False, True])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", BLOCK)
def test_a_revocation_that_stands_in_the_ledger_holds_at_once(
    scene: Scene, step: Step, side: str, again_first: bool
) -> None:
    key_id = thumbprint_ed25519(scene.first.key.public)
    with scene.disk.failing(step, side):
        scene.notary.accounts.revoke(key_id, "compromised")
    if not again_first:
        scene.go_on()
        key = scene.notary.accounts.key(key_id)
        assert key is not None
        if key.revoked_index is not None:
            with pytest.raises(KeyRevoked):
                deposit(scene.notary, [scene.first.statement()])
    with suppress(Conflict):
        scene.notary.accounts.revoke(key_id, "compromised")
    with pytest.raises(KeyRevoked):
        deposit(scene.notary, [scene.first.statement()])
    with pytest.raises(Conflict, match="revoked already"):
        scene.notary.accounts.revoke(key_id, "compromised")
    notary = scene.settle()
    assert len(notary.entries.office(KEY)) == 1
    with pytest.raises(KeyRevoked):
        deposit(notary, [scene.first.statement()])


@pytest.mark.parametrize("side", SIDES)
def test_an_order_whose_answer_was_lost_is_carried_out_once(scene: Scene, side: str) -> None:
    key_id = thumbprint_ed25519(scene.first.key.public)
    assert scene.notary._office is not None
    scene.notary._office.give(*format_order(Revoke(key_id, "lost")))
    with scene.disk.failing(Step.ORDER, side):
        scene.notary._carry_out_orders()
    scene.notary._carry_out_orders()
    notary = scene.settle()
    assert len(notary.entries.office(KEY)) == 1
    assert notary._office is not None and notary._office.waiting() == []
