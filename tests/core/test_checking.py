"""Statements checked in a process: the same comes back, and nothing hangs on the process."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from pathlib import Path

import pytest

from ledger.chain.statement import Matter, parse_statement
from ledger.errors import MalformedData, Refused
from ledger.notary.notary import Notary
from ledger.notary.sequencing import checking
from ledger.notary.sequencing.checking import Checker, check
from ledger.program import this_program
from tests.notaries import Clock, Company, deposit, found, opened
from tests.notaries import check as verify


@pytest.fixture(scope="module")
def notary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notary]:
    clock = Clock()
    directory = found(tmp_path_factory.mktemp("checked") / "notary")
    with opened(directory, clock=clock, workers=1) as notary:
        yield notary


@pytest.fixture(scope="module")
def company(notary: Notary) -> Company:
    return Company().enrol(notary)


def checker_of(notary: Notary) -> Checker:
    return notary.sequencer._checkers[0]


def pid_of(checker: Checker) -> int:
    assert checker._process is not None
    return checker._process.pid


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def start(notary: Notary, company: Company) -> Checker:
    """Deposit until the process is up and was told the company's key."""
    checker = checker_of(notary)
    checker._next_start = 0.0

    def is_up() -> bool:
        deposit(notary, company.statements(checking.MANY))
        return checker._up and company.key.public in checker._told

    until(is_up)
    return checker


def test_a_process_says_of_sound_statements_what_parsing_says_and_nothing_of_others(
    notary: Notary, company: Company
) -> None:
    start(notary, company)
    other = Company().enrol(notary)
    good = company.statement()
    in_a_matter = company.statement(matter=Matter(bytes(16), 1, None))
    forged = good[:-1] + bytes([good[-1] ^ 1])
    bad = [forged, b"", good + b"\0", good[:-1], notary.block(0)[0]]
    checker = Checker()
    try:
        until(
            lambda: checker.check([b""] * checking.MANY) == [None] * checking.MANY and checker._up
        )
        unknown = checker.check([good])[0]
        assert unknown is not None and not unknown[1].signed
        checker.tell(company.key.public)
        one, two, strange, *rest = checker.check([good, in_a_matter, other.statement(), *bad])
    finally:
        checker.close()
    assert rest == [None] * len(bad)
    assert strange is not None and not strange[1].signed
    for data, each in ((good, one), (in_a_matter, two)):
        statement = parse_statement(data)
        wanted = check(statement, {statement.key_id: company.key.public})
        assert each == (statement, wanted) and wanted.signed


def test_with_a_process_receipts_and_refusals_are_what_they_are_without(
    notary: Notary, company: Company
) -> None:
    start(notary, company)
    good = company.statements(40)
    forged = good[3][:-1] + bytes([good[3][-1] ^ 1])
    answers = list(notary.sequencer.submit_many([*good, forged, b"x", good[0]]))
    for each in (*answers[:40:9], answers[-1]):
        verify(notary, each.result(30))
    assert answers[0].result(30) == answers[-1].result(30)
    with pytest.raises(Refused, match="signature"):
        answers[40].result(30)
    with pytest.raises(MalformedData):
        answers[41].result(30)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_what_a_process_that_ends_or_hangs_had_is_entered_all_the_same(
    notary: Notary, company: Company, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "PATIENCE", 1)
    checker_of(notary).close()
    checker = start(notary, company)
    before = pid_of(checker)
    os.kill(before, number)
    for each in deposit(notary, company.statements(500))[::99]:  # some threads ask, others wait
        verify(notary, each)
    with pytest.raises(ProcessLookupError):  # it was ended and waited for
        os.kill(before, 0)
    assert pid_of(start(notary, company)) != before


def test_each_thread_hears_what_it_asked(notary: Notary, company: Company) -> None:
    checker = start(notary, company)

    def ask(count: int) -> bool:
        statements = company.statements(count)
        found = checker.check(statements)
        return [each and each[0] for each in found] == [parse_statement(one) for one in statements]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(1, 60)))


def test_an_answer_that_comes_too_late_is_nobodys(
    notary: Notary, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "PATIENCE", 1)
    checker_of(notary).close()
    checker = start(notary, company)
    frozen, give_up = pid_of(checker), Checker._give_up
    asked = [company.statements(30), company.statements(30)]

    def thaw(self: Checker, process: "subprocess.Popen[bytes] | None") -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGCONT)
        time.sleep(0.5)  # the first has given up, and the answer to it comes
        give_up(self, process)

    monkeypatch.setattr(Checker, "_give_up", thaw)
    os.kill(frozen, signal.SIGSTOP)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(checker.check, asked):
            assert found == [None] * 30


def test_a_notary_that_closes_leaves_no_process(tmp_path: Path) -> None:
    with opened(found(tmp_path / "n"), workers=2) as notary:
        pids = {pid_of(start(notary, Company().enrol(notary)))}
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        (this_program().digest, [("of", "another", "shape")] * checking.MANY),
        (this_program().digest, [None]),
        (this_program().digest, 1),
        ("another", [None] * checking.MANY),
        (True, [None] * checking.MANY),
    ],
)
def test_a_process_of_another_program_is_ended_and_not_believed(
    program: object, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = Pipe()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def answer_once() -> None:
        theirs.send(program)
        with contextlib.suppress(EOFError, OSError):  # where it is not asked
            theirs.recv()
            theirs.send(answer)

    monkeypatch.setattr(checking, "_start", lambda: (ours, process))
    threading.Thread(target=answer_once, daemon=True).start()
    assert ours.poll(30)
    checker = Checker()
    with process:
        assert checker.check([b""] * checking.MANY) == [None] * checking.MANY
        assert checker._process is None
        assert process.poll() is not None


def test_statements_are_entered_where_asking_a_process_has_a_bug(
    notary: Notary, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(Checker, "check", bug)
    for each in deposit(notary, company.statements(20))[::9]:
        verify(notary, each)
