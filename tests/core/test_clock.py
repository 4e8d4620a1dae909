"""No block states a time that the notary has reason to doubt, and none is lost over that."""

from pathlib import Path

import pytest

from ledger.chain import cosignature
from ledger.chain.block import parse_block
from ledger.chain.note import parse_note
from ledger.chain.office import parse_notice
from ledger.chain.statement import NOTICE, parse_statement
from ledger.errors import NotSigning
from ledger.notary.clock import SLEW, TOLERANCE, ClockWatch
from ledger.notary.health import Reason
from ledger.notary.notary import Notary
from ledger.notary.orders import AcceptClock, AskState, SayNotice
from ledger.notary.ports import Step
from tests.notaries import NOW, Clock, Company, check, deposit, examined, found, opened

YEAR = 365 * 86_400


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return found(tmp_path / "notary")


def newest_time(notary: Notary) -> int:
    return parse_block(parse_statement(notary.block(notary.sequencer.last.height)[0])).time


@pytest.mark.parametrize("jump", [YEAR, -YEAR, TOLERANCE + 1, -TOLERANCE - 1])
def test_a_clock_that_jumps_stops_signing_until_it_is_right_again(
    directory: Path, jump: float
) -> None:
    clock = Clock()
    with opened(directory, clock=clock) as notary:
        company = Company().enrol(notary)
        size = notary.sequencer.last.size
        clock.wrong = jump
        statement = company.statement()
        with pytest.raises(NotSigning, match="clock has jumped"):
            deposit(notary, [statement])
        with pytest.raises(NotSigning):
            notary.execute(SayNotice("closed"))
        assert notary.health.status == Reason.CLOCK
        assert notary.sequencer.last.size == size
        assert notary.now() == NOW  # by which signed requests are judged
        clock.wrong = 0
        clock.now += 60
        receipt = deposit(notary, [statement])[0]
        assert check(notary, receipt).block.time == NOW + 60
        assert notary.health.status == "ok"


def test_a_clock_that_jumps_within_a_block_leaves_it_waiting(directory: Path) -> None:
    clock = Clock()

    def hook(step: Step, side: str) -> None:
        if (step, side) == (Step.ENTRIES, "after") and armed:
            clock.wrong = YEAR

    armed = False
    with opened(directory, clock=clock, hook=hook) as notary:
        company = Company().enrol(notary)
        armed = True
        statement = company.statement()
        with pytest.raises(NotSigning):
            deposit(notary, [statement])
    with opened(directory, clock=clock) as notary:  # whose clock is a year ahead from its start on
        armed = False
    clock.wrong = 0
    with opened(directory, clock=clock) as notary:
        receipt = deposit(notary, [statement])[0]
        assert check(notary, receipt).block.time == NOW
    assert [each for each in examined(directory) if each.level == "error"] == []


def test_a_block_ahead_of_the_clock_is_gone_on_from_only_where_the_office_says_so(
    directory: Path,
) -> None:
    clock = Clock(wrong=YEAR)
    with opened(directory, clock=clock) as notary:
        company = Company().enrol(notary)
        early = deposit(notary, [company.statement()])[0]
        assert newest_time(notary) == NOW + YEAR
    clock = Clock(NOW + 100)
    statement = company.statement()
    with opened(directory, clock=clock) as notary:
        assert notary.health.status == Reason.CLOCK
        assert notary.sequencer.receipt(check(notary, early).statement.leaf_hash) == early
        with pytest.raises(NotSigning, match="before its newest block"):
            deposit(notary, [statement])
        assert "accept-clock" in (notary.execute(AskState()).detail or "")
        index = notary.execute(AcceptClock()).notice
        assert index is not None
        entry = notary.entries.read(index)
        assert entry is not None and entry.kind == NOTICE
        assert "2027-" in parse_notice(parse_statement(entry.statement)).text
        assert notary.execute(AcceptClock()).notice is None
        assert check(notary, deposit(notary, [statement])[0]).block.time == NOW + YEAR
    with opened(directory, clock=clock) as notary:  # a restart remembers what was said
        check(notary, deposit(notary, [company.statement()])[0])
        clock.now += YEAR
        deposit(notary, [company.statement()])
        assert newest_time(notary) == clock.now
    assert [each for each in examined(directory) if each.level == "error"] == []


def test_the_clock_passes_a_block_that_lay_ahead_and_signing_goes_on(directory: Path) -> None:
    with opened(directory, clock=Clock(wrong=3600)) as notary:
        company = Company().enrol(notary)
    clock = Clock()
    with opened(directory, clock=clock) as notary:
        with pytest.raises(NotSigning):
            deposit(notary, [company.statement()])
        clock.now += 3600
        check(notary, deposit(notary, [company.statement()])[0])


def test_a_correction_that_was_right_is_taken_on_the_offices_word(directory: Path) -> None:
    clock = Clock()
    with opened(directory, clock=clock) as notary:
        company = Company().enrol(notary)
        clock.wrong = 7200
        assert notary.health.status == Reason.CLOCK
        assert notary.execute(AcceptClock()).notice is None
        receipt = deposit(notary, [company.statement()])[0]
        assert check(notary, receipt).block.time == NOW + 7200


def test_small_steps_pass_and_do_not_add_up_to_a_jump_unseen() -> None:
    clock = Clock()
    watch = ClockWatch(clock)
    clock.wrong = TOLERANCE - 1
    assert watch.now() == NOW + TOLERANCE - 1
    clock.now += 10
    clock.wrong += 5
    with pytest.raises(NotSigning):
        watch.now()
    clock.wrong -= 5
    clock.now += TOLERANCE / SLEW
    assert watch.now()  # the first step counts as right by now
    clock.wrong += 5
    assert watch.now()


def test_sleep_and_a_slewed_clock_are_no_jump() -> None:
    clock = Clock()
    watch = ClockWatch(clock)
    for _ in range(3):
        clock.now += 5 * 86_400  # both clocks count on while the machine sleeps
        watch.now()
    for _ in range(1000):
        clock.now += 60
        clock.wrong += 60 * SLEW
        watch.now()


@pytest.mark.parametrize("restarted", [False, True])
def test_the_time_of_a_checkpoint_never_runs_backwards(directory: Path, restarted: bool) -> None:
    clock = Clock()

    def hook(step: Step, side: str) -> None:
        if (step, side) == (Step.ENTRIES, "after"):
            clock.now += 8  # a slow disk: the checkpoint is signed later than its block begins

    notary = opened(directory, clock=clock, hook=hook)
    company = Company().enrol(notary)
    first = parse_note(notary.sequencer.last.note)
    clock.wrong -= 5
    if restarted:
        notary.close()
        notary = opened(directory, clock=clock)
    with notary:
        deposit(notary, [company.statement()])
        second = parse_note(notary.sequencer.last.note)
    assert cosignature.newest_time(second) >= cosignature.newest_time(first) > NOW
