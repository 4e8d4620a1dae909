"""A notary that is killed on either side of any durable step goes on with the same ledger.

Each test kills a real process, starts again on its files and checks what a depositor, a court or an
auditor would notice: every receipt that was answered still is the one that is given, every checkpoint
that was ever signed is consistent with today's, what was under way can be sent again.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.office import parse_recovery
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import RECOVERY, parse_statement
from ledger.crypto.merkle import leaf_hash, verify_consistency
from ledger.errors import LedgerFault
from ledger.notary.care.rebuild import rebuild
from ledger.notary.care.restore import restore
from ledger.notary.notary import Notary
from ledger.notary.ports import DURABLE_STEPS, Step
from tests import crash_child
from tests.crash_child import BEFORE, COUNT, DIED, ROUNDS, company, statements
from tests.notaries import Clock, Company, check, deposit, examined, found, opened
from tests.processes import Program

ROOT = Path(__file__).parents[2]

SERVING = (
    Step.RECORD,
    Step.BUNDLES,
    Step.ENTRIES,
    Step.COPY,
    Step.CHECKPOINT,
    Step.TILES,
    Step.ANCHOR,
    Step.ORDER,
)
FOUNDING = (
    Step.INIT_FILES,
    Step.BUNDLES,
    Step.ENTRIES,
    Step.COPY,
    Step.CHECKPOINT,
    Step.ANCHOR,
    Step.PLACE,
    Step.MOVE,
)
BACKING_UP = (
    Step.BACKUP_FILES,
    Step.BACKUP_ENTRIES,
    Step.BACKUP_CHECKPOINTS,
    Step.BACKUP_SETTINGS,
)
SIDES = ("before", "after")
SPARE = ["after", pytest.param("before", marks=pytest.mark.soak)]
"""Before a step is, but for the first, after the one before it: of the care for a ledger, soaked."""


def run(
    scenario: str,
    work: Path,
    step: str = "none",
    side: str = "none",
    count: int = 1,
    database: str = "",
) -> None:
    """Run a scenario to its end, or with a step to the death there, which must be reached."""
    words = ["-m", "tests.crash_child", scenario, work, step, side, count, database]
    with Program(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == (0 if step == "none" else DIED), errors


def answers(work: Path) -> list[bytes]:
    path = work / "answers"
    data = path.read_bytes() if path.exists() else b""
    receipts, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        receipts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return receipts


def notes(notary: Notary) -> list[str]:
    return [notary.block(height)[1] for height in range(notary.sequencer.last.height + 1)]


def require_same_ledger(notary: Notary, before: list[str], receipts: list[bytes]) -> None:
    now = notary.sequencer.last
    for note in [*before, *(parse_receipt(each).note for each in receipts)]:
        old = parse_checkpoint(parse_note(note).text)
        proof = notary.sequencer.consistency(old.size, now.size)
        verify_consistency(old.size, old.root, now.size, now.root, proof)
    assert notes(notary)[: len(before)] == before
    for receipt in receipts:
        statement = check(notary, receipt).statement
        assert notary.sequencer.receipt(statement.leaf_hash) == receipt


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notary whose first tile is almost full."""
    directory = found(tmp_path_factory.mktemp("founded") / "notary")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(BEFORE))
    return directory


@pytest.fixture
def work(tmp_path: Path, founded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(founded, tmp_path / "notary")
    monkeypatch.setattr(crash_child, "WORK", tmp_path)
    return tmp_path


def test_every_durable_step_is_crashed_somewhere() -> None:
    elsewhere = {
        Step.ANCHOR_STORED,  # tests/service/test_anchors.py
        Step.STAMP,
        Step.RENEWAL,  # tests/service/test_keeping.py
        Step.VALIDATION,
        Step.KEYS,  # tests/core/test_keys.py
        Step.HIGH_WATER,  # tests/core/test_high_water.py
        Step.RESTORE_FILES,
        Step.REBUILD_LOG,
        Step.REBUILD_DATABASE,
        Step.REBUILD_CHECKPOINTS,
    }
    assert {*SERVING, *FOUNDING, *BACKING_UP, *elsewhere} == set(DURABLE_STEPS)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("step", "count"),
    [(step, 1) for step in SERVING]
    + [(Step.ENTRIES, 4), (Step.CHECKPOINT, 4)]
    + [pytest.param(step, 4, marks=pytest.mark.soak) for step in (Step.BUNDLES, Step.COPY)],
)
def test_a_killed_notary_continues_the_same_ledger(
    work: Path, step: Step, count: int, side: str
) -> None:
    run("serve", work, step, side, count)
    receipts = answers(work)
    found_then = examined(work / "notary")
    assert [each for each in found_then if each.level == "error"] == []
    depositor = company()
    with opened(work / "notary") as notary:
        require_same_ledger(notary, [], receipts)
        before = notes(notary)
        notary.accounts.enrol(crash_child.request_of(depositor), crash_child.RECORD)
        everything = [each for number in range(ROUNDS) for each in statements(depositor, number)]
        again = deposit(notary, everything)
        assert again[: len(receipts)] == receipts
        assert len({parse_receipt(each).position.index for each in again}) == ROUNDS * COUNT
        require_same_ledger(notary, before, again[:: COUNT // 3])
    assert [f for f in examined(work / "notary") if f.level == "error"] == []


@pytest.mark.parametrize("side", SIDES)
def test_a_recovery_that_is_killed_too_is_recovered_from(work: Path, side: str) -> None:
    run("serve", work, Step.ENTRIES, "after", 3)
    for step in (Step.BUNDLES, Step.COPY, Step.CHECKPOINT, Step.ANCHOR):
        run("serve", work, step, side)
    receipts = answers(work)
    with opened(work / "notary") as notary:
        require_same_ledger(notary, [], receipts)
    assert [f for f in examined(work / "notary") if f.level == "error"] == []


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", FOUNDING)
def test_founding_that_is_killed_leaves_no_notary_or_a_whole_one(
    tmp_path: Path, step: Step, side: str
) -> None:
    run("init", tmp_path, step, side)
    directory = tmp_path / "notary"
    placed = step == Step.MOVE or (step, side) == (Step.PLACE, "after")
    if not placed:
        found(directory)
    with opened(directory) as notary:
        check(notary, deposit(notary, [Company().enrol(notary).statement()])[0])
    assert examined(directory) == ()
    assert not any(path.name.startswith(".") for path in directory.iterdir())


@pytest.mark.parametrize("side", SPARE)
@pytest.mark.parametrize(
    "step", [Step.REBUILD_CHECKPOINTS, Step.REBUILD_LOG, Step.REBUILD_DATABASE]
)
def test_a_rebuild_that_is_killed_can_be_run_again(work: Path, step: Step, side: str) -> None:
    run("serve", work)
    receipts = answers(work)
    (work / "notary" / "ledger.sqlite").unlink()
    (work / "notary" / "checkpoints.sqlite").unlink()
    (work / "notary" / "log" / "tile" / "0" / "000").unlink()
    run("rebuild", work, step, side)
    rebuild(work / "notary")
    with opened(work / "notary") as notary:
        require_same_ledger(notary, [], receipts)
    assert examined(work / "notary") == ()


@pytest.mark.parametrize("side", SPARE)
@pytest.mark.parametrize("step", BACKING_UP)
def test_a_backup_that_is_killed_is_what_it_was_and_goes_on(
    work: Path, step: Step, side: str
) -> None:
    """Its first run counts for nothing until it is whole; a later one leaves what was there."""
    target = work / "backup"
    run("serve", work)
    before = len(answers(work))
    run("backup", work, step, side)
    whole = (step, side) == (Step.BACKUP_SETTINGS, "after")
    assert (target / "notary.toml").exists() == whole
    run("backup", work)
    with opened(work / "notary") as notary:
        old = notary.sequencer.last.size
        assert before and old
        deposit(notary, Company().enrol(notary).statements(260))
    run("backup", work, step, side)
    last = restore(target, work / "restored", clock=Clock(), random=os.urandom).last
    ready = BACKING_UP.index(step) + (side == "after") > BACKING_UP.index(Step.BACKUP_CHECKPOINTS)
    with opened(work / "notary") as notary:
        new = notary.sequencer.last.size
        assert last.size == (new if ready else old)
        assert notary.backup(target) == new
    assert [f for f in examined(target) if f.level == "error"] == []


@pytest.mark.parametrize("side", SPARE)
@pytest.mark.parametrize(
    "step",
    [
        Step.RESTORE_FILES,
        Step.PLACE,
        Step.MOVE,
        Step.BUNDLES,
        Step.ENTRIES,
        Step.CHECKPOINT,
        Step.ORDER,
    ],
)
def test_a_restore_that_is_killed_ends_in_one_ledger_with_a_recovery_statement(
    work: Path, step: Step, side: str
) -> None:
    run("serve", work)
    receipts = answers(work)
    with opened(work / "notary") as notary:
        notary.backup(work / "backup")
        before, last = notes(notary), notary.sequencer.last
    run("restore", work, step, side)
    if not (work / "restored" / "notary.toml").exists() and not (work / "restored/.ready").exists():
        restore(work / "backup", work / "restored", clock=Clock(), random=os.urandom)
    with opened(work / "restored", serve=True) as notary:
        require_same_ledger(notary, before, receipts)
        (first,) = notary.entries.office(RECOVERY)
        assert first.index == last.size + 1
        stated = parse_recovery(parse_statement(first.statement))
        assert (stated.size, stated.root) == (last.size, last.root)
    assert [f for f in examined(work / "restored") if f.level == "error"] == []


def test_deleting_the_database_at_any_time_loses_no_answered_entry(work: Path) -> None:
    for count in (2, 3, 1):
        run("serve", work, Step.CHECKPOINT, "after", count)
        for suffix in ("", "-wal", "-shm"):
            (work / "notary" / f"ledger.sqlite{suffix}").unlink(missing_ok=True)
        with pytest.raises(LedgerFault, match="rebuild"):
            opened(work / "notary")
        rebuild(work / "notary")
        with opened(work / "notary") as notary:
            require_same_ledger(notary, [], answers(work))
            for receipt in answers(work):
                leaf = leaf_hash(check(notary, receipt).statement.encoded)
                assert notary.entries.find(leaf) is not None


@pytest.mark.parametrize("side", SPARE)
@pytest.mark.parametrize("step", [Step.COPY, Step.CHECKPOINT])
@pytest.mark.parametrize("lost", ["checkpoints.sqlite", "log/signed/000000000"])
def test_losing_either_record_of_what_was_signed_after_a_crash_forks_nothing(
    work: Path, step: Step, side: str, lost: str
) -> None:
    run("serve", work, step, side, 3)
    (work / "notary" / lost).unlink()
    if lost == "checkpoints.sqlite":
        for suffix in ("-wal", "-shm"):
            (work / "notary" / f"{lost}{suffix}").unlink(missing_ok=True)
        rebuild(work / "notary")
    with opened(work / "notary") as notary:
        require_same_ledger(notary, [], answers(work))
    assert [f for f in examined(work / "notary") if f.level == "error"] == []


def test_a_step_that_is_not_registered_is_noticed(work: Path) -> None:
    """Every change of a file, and every transaction, lies inside a registered step."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.steps_child", str(work)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
