"""Does a notary's work in a process of its own, and dies where it is told to.

    crash_child.py SCENARIO WORK STEP SIDE COUNT [DATABASE]

Dies with `os._exit` at the COUNT-th time that STEP's SIDE comes. What was answered before is in
WORK/answers, synced before the next step.
"""

import os
import sys
import time
from hashlib import sha256
from pathlib import Path

from ledger.chain.enrolment import EnrolmentRequest, IdentityRecord, verify_enrolment_request
from ledger.chain.receipt import parse_receipt
from ledger.crypto.keys import SigningKey
from ledger.errors import StorageFailed, Unavailable
from ledger.notary.care.rebuild import rebuild
from ledger.notary.care.restore import restore
from ledger.notary.notary import Notary
from ledger.notary.orders import SayNotice, format_order
from ledger.notary.ports import Hook, Step
from ledger.notary.system_clock import SYSTEM_CLOCK
from tests.notaries import NOW, Clock, Company, deposit, found, opened

DIED = 77
WORK = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
ROUNDS, COUNT = 4, 6
BEFORE = 240
"""Deposits that are there when a scenario begins: enough that a tile becomes full on the way."""


def company() -> Company:
    made = Company(SigningKey(b"d" * 32), SigningKey(b"r" * 32))
    path = WORK / "request"
    if not path.exists():
        path.write_bytes(made.ask())
    made.request = path.read_bytes()
    made.account = sha256(made.request).hexdigest()[:32]
    return made


def statements(company: Company, number: int) -> list[bytes]:
    """The statements of a round, the same in every process."""
    return [
        company.statement(commitment=sha256(f"{number} {i}".encode()).digest(), fixed=True)
        for i in range(COUNT)
    ]


def dying(step: str, side: str, count: int) -> Hook:
    seen = 0

    def hook(at: Step, at_side: str) -> None:
        nonlocal seen
        if (at.value, at_side) == (step, side):
            seen += 1
            if seen == count:
                os._exit(DIED)

    return hook


def answer(data: bytes) -> None:
    with (WORK / "answers").open("ab") as file:
        file.write(len(data).to_bytes(4, "big") + data)
        file.flush()
        os.fsync(file.fileno())


def serve(hook: Hook) -> None:
    depositor = company()
    with opened(WORK / "notary", hook=hook) as notary:
        standing = notary.accounts.enrol(request_of(depositor), RECORD)
        assert standing.account == depositor.account
        for number in range(ROUNDS):
            for receipt in deposit(notary, statements(depositor, number)):
                answer(receipt)
        assert notary._office is not None
        notary._office.give(*format_order(SayNotice("maintenance on Sunday")))
        notary._carry_out_orders()


def shared(hook: Hook) -> None:
    """Write to a ledger that others share, once they are there."""
    depositor = company()
    with opened(WORK / "notary", hook=hook, serve=True) as notary:
        notary.accounts.enrol(request_of(depositor), RECORD)
        (WORK / "serving").touch()
        while not (WORK / "go").exists():
            time.sleep(0.02)
        for number in range(ROUNDS):
            for receipt in deposit_again(notary, statements(depositor, number)):
                answer(receipt)


def deposit_again(notary: Notary, some: list[bytes]) -> list[bytes]:
    """Deposit as every depositor does: what could not be entered now is sent again."""
    while True:
        try:
            return deposit(notary, some)
        except (StorageFailed, Unavailable):
            time.sleep(0.1)


def stamp(hook: Hook) -> None:
    """Two deposits; each waits until a timestamp over its anchor is kept."""
    depositor = company()
    with opened(WORK / "notary", clock=SYSTEM_CLOCK, hook=hook) as notary:
        for number in range(2):
            commitment = bytes((number,)) * 32
            (receipt,) = deposit(
                notary, [depositor.statement(time=NOW, commitment=commitment, fixed=True)]
            )
            answer(receipt)
            wait_stamped(notary, parse_receipt(receipt).position.index)
        time.sleep(20)  # what is still under way is where it dies


def wait_stamped(notary: Notary, index: int) -> None:
    assert notary._anchors is not None
    deadline = time.monotonic() + 30
    while (anchor := notary._anchors.covering(index)) is None or not anchor.tokens:
        assert time.monotonic() < deadline, "no token comes"
        time.sleep(0.02)


def request_of(depositor: Company) -> EnrolmentRequest:
    return verify_enrolment_request(depositor.request)


RECORD = IdentityRecord(b"s" * 32, "ACME", "9131", "clerk", NOW)


def main() -> None:
    scenario, step, side, count = sys.argv[1], sys.argv[3], sys.argv[4], int(sys.argv[5])
    hook = dying(step, side, count)
    if scenario == "init":
        found(WORK / "notary", hook=hook, database=sys.argv[6] or None)
    elif scenario == "serve":
        serve(hook)
    elif scenario == "shared":
        shared(hook)
    elif scenario == "stamp":
        stamp(hook)
    elif scenario == "backup":
        with opened(WORK / "notary", hook=hook) as notary:
            notary.backup(WORK / "backup")
    elif scenario == "restore":
        restore(WORK / "backup", WORK / "restored", clock=Clock(), random=os.urandom, hook=hook)
        with opened(WORK / "restored", hook=hook, serve=True):
            pass
    elif scenario == "rebuild":
        rebuild(WORK / "notary", hook=hook)
    else:
        raise SystemExit(f"no scenario {scenario}")


if __name__ == "__main__":
    main()
