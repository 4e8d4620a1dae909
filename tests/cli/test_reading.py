"""Commands that only read sign nothing: a restored copy that is looked at stays as it was restored."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner

from ledger.chain.office import WHOLE, Inspection
from ledger.chain.statement import RECOVERY
from ledger.cli.root import cli
from ledger.errors import Unavailable
from ledger.notary.care.restore import restore
from ledger.notary.notary import open_notary
from ledger.notary.ordering import command
from ledger.notary.orders import (
    AskAccount,
    AskInspections,
    AskReceipts,
    AskRetired,
    AskState,
    Backup,
    Inspect,
    ListAccounts,
    Order,
    ReserveCertificates,
    RotateLog,
    SayNotice,
)
from ledger.notary.system_clock import SYSTEM_CLOCK
from tests.cli.conftest import run
from tests.notaries import Company, deposit, found, opened
from tests.postgres import Postgres


class Restored(NamedTuple):
    directory: Path
    account: str
    receipt: Path
    leaf: bytes


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a notary's backup in `backup`, and a receipt that it has given."""
    directory = found(tmp_path / "notary")
    with opened(directory, clock=SYSTEM_CLOCK) as notary:
        company = Company().enrol(notary)
        (receipt,) = deposit(notary, [company.statement()])
        (entry,) = notary.entries.deposits(company.account)
        notary.execute(Inspect((Inspection(entry.index, entry.leaf_hash, WHOLE, b"p" * 32),)))
        notary.backup(tmp_path / "backup")
    (tmp_path / "a.receipt").write_bytes(receipt)
    (tmp_path / "account").write_text(company.account)
    (tmp_path / "leaf").write_bytes(entry.leaf_hash)
    return tmp_path


def restored(work: Path, database: str | None = None) -> Restored:
    goal = work / "restored"
    restore(work / "backup", goal, database=database, clock=SYSTEM_CLOCK, random=os.urandom)
    account, leaf = (work / "account").read_text(), (work / "leaf").read_bytes()
    return Restored(goal, account, work / "a.receipt", leaf)


def contents(folder: Path, *without: str) -> dict[str, str]:
    return {
        str(each.relative_to(folder)): sha256(each.read_bytes()).hexdigest()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each.name not in without
    }


def reading(copy: Restored, work: Path) -> dict[str, tuple[object, ...]]:
    """Every command of the office that only reads, by its name, and what is typed behind it."""
    (trust,) = copy.directory.glob("*.trust")
    return {
        "account show": (copy.account,),
        "accounts": (),
        "auditor list": (),
        "backup": (work / "again",),
        "blocks": (),
        "certificate": (copy.receipt, "--unsigned", "--trust", trust, "-o", work / "copy.pdf"),
        "check": (copy.receipt,),
        "config": (),
        "doctor": (),
        "fsck": (),
        "inspect": (copy.receipt, "--again"),
        "produce": (copy.account, "--order", "2026-117", "-o", work / "produced"),
        "retention": (),
        "staff list": (),
        "statement": (copy.receipt,),
        "status": (),
        "tidy": (),
        "trail check": (),
        "trail export": ("-o", work / "trail"),
        "trail list": (),
        "webhook list": (),
    }


CHANGING = {
    "accept-clock", "account discard", "account erase", "account hold", "account limit",
    "account release", "account resume", "account retain", "account reviewed", "account suspend",
    "auditor add", "auditor remove", "enroll", "high-water", "init", "keys retire log",
    "keys revoke device", "keys revoke log", "keys revoke seal", "keys rotate device",
    "keys rotate log", "keys rotate seal", "keys shut", "migrate", "notice", "platform",
    "restore", "revoke", "serve",
    "staff add", "staff link", "staff remove", "staff reset", "timestamp", "webhook key",
    "webhook remove", "webhook set", "webhook test", "withdraw", "witness",
}  # fmt: skip
CODES = {"doctor": (0, 1), "fsck": (1,), "inspect": (1,)}
"""How they end on any machine, where this deposit's ciphertext never came, and of a mere receipt."""
OWN = {"backup": ("last-backup",), "produce": ("desk.sqlite",)}
"""What they note: when the newest backup was made, and in the trail that the office has produced."""


def leaves(group: click.Command, name: str = "") -> Iterator[str]:
    if not isinstance(group, click.Group):
        yield name.strip()
        return
    context = click.Context(group)
    for each in group.list_commands(context):
        found = group.get_command(context, each)
        assert found is not None
        yield from leaves(found, f"{name} {each}")


def test_a_restored_copy_stays_as_it_is_whatever_is_read_of_it(work: Path) -> None:
    copy = restored(work)
    commands = reading(copy, work)
    notary = cli.get_command(click.Context(cli), "notary")
    assert notary is not None
    assert set(leaves(notary)) == commands.keys() | CHANGING
    for name, words in commands.items():
        without = OWN.get(name, ())
        before = contents(copy.directory, *without)
        words = ("notary", *name.split(), *words, "--dir", copy.directory)
        result = CliRunner().invoke(cli, list(map(str, words)))
        assert result.exit_code in CODES.get(name, (0,)), result.output
        assert contents(copy.directory, *without) == before, name
    before = contents(copy.directory)
    assert command(copy.directory, AskInspections((copy.leaf,))).entries
    assert contents(copy.directory) == before


def test_what_is_read_names_the_recovery_that_the_next_entry_states(work: Path) -> None:
    copy = restored(work)
    state = command(copy.directory, AskState())
    assert state.health == "ok"
    (waiting,) = state.waiting
    assert f"goes on from {state.size} entries" in waiting
    page = run("notary", "status", "--dir", copy.directory).stdout
    assert "To be entered" in page
    assert command(copy.directory, SayNotice("closed on Sunday")).index == state.size + 2
    after = command(copy.directory, AskState())
    assert (after.height, after.waiting) == (state.height + 1, ())
    with open_notary(copy.directory, serve=True) as serving:
        (stated,) = serving.entries.office(RECOVERY)
        assert stated.index == state.size + 1
        assert serving.sequencer.last.size == after.size
        assert serving._office is not None and serving._office.waiting() == []


def fruitless(copy: Restored, work: Path) -> list[tuple[int, tuple[object, ...]]]:
    """Commands that might enter something and do not, with their exit codes."""
    stranger = work / "stranger.request"
    stranger.write_bytes(b"no request")
    return [
        (0, ("keys", "rotate", "seal", "--request", work / "seal.csr")),
        (1, ("keys", "retire", "log")),
        (0, ("accept-clock",)),
        (0, ("retention", "--delete")),
        (1, ("certificate", copy.receipt, "--officer", "A. B.", "-o", stranger / "cert.pdf")),
        (1, ("withdraw", 17, "--reason", "issued in error")),
        (1, ("revoke", "ab" * 32, "--reason", "lost")),
        (1, ("enroll", stranger)),
    ]


def test_a_command_that_enters_nothing_in_the_end_states_no_recovery(work: Path) -> None:
    copy = restored(work)
    before = command(copy.directory, AskState())
    for code, words in fruitless(copy, work):
        result = CliRunner().invoke(
            cli, ["notary", *map(str, words), "--dir", str(copy.directory)], input="y\n"
        )
        assert result.exit_code == code, result.output
        assert command(copy.directory, AskState()) == before, words
    assert command(copy.directory, ReserveCertificates(1)).first == 1  # for one that is never made
    assert command(copy.directory, AskState()) == before


def asked(copy: Restored, work: Path) -> list[Order[Any]]:
    return [
        AskState(),
        ListAccounts(),
        AskAccount(copy.account),
        AskReceipts(copy.account, -1, 10),
        AskInspections((copy.leaf,)),
        AskRetired(),
        Backup(str(work / "another")),
    ]


def test_rows_on_a_server_stay_as_they_are_too_and_who_serves_them_answers(
    work: Path, postgres: Postgres
) -> None:
    copy = restored(work, postgres.new())
    before = command(copy.directory, AskState())
    for order in asked(copy, work):
        command(copy.directory, order)
    assert command(copy.directory, AskState()) == before
    assert len(before.waiting) == 1
    with open_notary(copy.directory, serve=True) as serving:
        after = command(copy.directory, AskState())
        assert (after.size, after.waiting) == (serving.sequencer.last.size, ())
        assert after.size == before.size + 2


def test_a_ledger_that_is_read_signs_nothing_whatever_is_tried(work: Path) -> None:
    copy = restored(work)
    before = contents(copy.directory)
    with open_notary(copy.directory, reading=True) as notary:
        statement = notary._writer.statement("notice", {"text": "closed"})
        for attempt in (
            lambda: notary.execute(SayNotice("closed")),
            lambda: notary.execute(RotateLog()),
            lambda: notary.sequencer.enter(("notice", {"text": "closed"})),
            lambda: notary.sequencer.submit(b"statement"),
            lambda: notary._writer.write([statement]),
            lambda: notary._writer.publish_anchor(notary._writer.tree, 3, "note"),
            notary._writer.recover,
        ):
            with pytest.raises(Unavailable):
                attempt()
        assert notary.anchoring is None
    assert contents(copy.directory) == before
