"""What was deleted stays deleted where an older copy takes the place of the ledger, and nothing is
deleted by a desk that knows less than the one before it."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.auditor.sources import Folder
from ledger.chain.office import parse_notice
from ledger.chain.statement import NOTICE, Deposit, Payload, format_deposit, parse_statement
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.errors import Conflict
from ledger.notary import retention
from ledger.notary.care import looking
from ledger.notary.care.doctor import examine
from ledger.notary.care.fsck import fsck
from ledger.notary.care.restore import restore
from ledger.notary.desk import terms
from ledger.notary.desk.reviewing import review
from ledger.notary.desk.terms import Mark
from ledger.notary.desk.trail import Action, Actor, rows
from ledger.notary.notary import Notary, open_notary
from ledger.notary.orders import AskState, Discard, Erase
from ledger.notary.packing import Packer, named_in
from ledger.wire.protocol import SmallEnvelope
from tests.cli.conftest import run
from tests.notaries import NOW, ORIGIN, Clock, Company, deposit, found
from tests.objects import ObjectServer
from tests.postgres import Postgres

WHO = Actor("li", "terminal")


def envelope() -> SmallEnvelope:
    data = encrypt_payload(os.urandom(100), b"k" * 16, os.urandom(16))
    header = seal_header(b"k" * 16, [X25519Identity(b"i" * 32).recipient()], os.urandom)
    return SmallEnvelope(Payload(len(data), payload_root([data])), header, data)


def deposited(notary: Notary, company: Company, *named: SmallEnvelope) -> list[int]:
    """Deposit an age file each; return the entries."""
    notary.envelopes.put_many(company.account, named)
    before = notary.entries.size
    for each in named:
        made = Deposit(ORIGIN, os.urandom(32), None, each.payload)
        deposit(notary, [format_deposit(made, company.account, company.key, NOW)])
    return [each.index for each in notary.entries.deposits(company.account, before)]


def discard(notary: Notary, company: Company, *entries: int) -> int:
    said = Discard(company.account, entries, "asked for", WHO.name, WHO.role)
    return int(notary.execute(said).notice)


def is_there(notary: Notary, company: Company, each: SmallEnvelope) -> bool:
    return notary.envelopes.sizes(company.account, each.payload.root) != (None, None)


def errors(directory: Path) -> list[tuple[str, str]]:
    found = fsck(directory, ciphertext=True)
    return [(each.place, each.problem) for each in found if each.level == "error"]


Places = Callable[[], dict[str, str]]


@pytest.fixture(params=["embedded", "server and bucket"])
def places(request: pytest.FixtureRequest) -> Places:
    if request.param == "embedded":
        return dict
    postgres: Postgres = request.getfixturevalue("postgres")
    objects: ObjectServer = request.getfixturevalue("object_server")
    return lambda: {"database": postgres.new(), "objects": objects.url()}


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_what_was_deleted_after_the_backup_is_deleted_again_by_a_restore(
    places: Places, packed: bool, tmp_path: Path
) -> None:
    directory, target, new = tmp_path / "notary", tmp_path / "backup", tmp_path / "new"
    found(directory)
    kept, gone, shared, later, again = (envelope() for _ in range(5))
    with open_notary(directory, clock=Clock()) as notary:
        company, other = Company().enrol(notary), Company().enrol(notary)
        entries = deposited(notary, company, kept, gone, shared, shared, again)
        if packed:
            packer = Packer(named_in(notary._store), notary.envelopes, worth=1)
            while packer.turn(notary.entries.size):
                pass
            packer.close()
        notary.backup(target)
        (newer,) = deposited(notary, company, later)
        notices = [discard(notary, company, each) for each in (entries[1], newer, entries[4])]
        deposited(notary, company, again)
        erased = notary.execute(Erase(other.account, "asked for", *(WHO.name, WHO.role))).notice
        said = [
            parse_notice(parse_statement(each.statement)) for each in notary.entries.office(NOTICE)
        ]
        assert [(each.discarded, each.erased) for each in said] == [
            ((entries[1],), None),
            ((newer,), None),
            ((entries[4],), None),
            ((), other.account),
        ]
    mirror = Folder(directory / "log")
    made = restore(target, new, mirror=mirror, clock=Clock(), random=os.urandom, **places())  # type: ignore[arg-type]
    assert [each.notice for each in made.deleted] == [*notices[:2], erased]
    assert made.held == () and made.since == NOW
    with open_notary(new, clock=Clock()) as notary:
        there = [is_there(notary, company, each) for each in (kept, gone, shared, later, again)]
        assert there == [True, False, True, False, True]
        told = [notary.envelopes.discarded(company.account, e.payload.root) for e in (gone, later)]
        assert told == notices[:2]
        assert notary.accounts.standing(other.account).record is None
        assert notary.accounts.standing(company.account).record is not None
        assert notary.staff_desk is not None
        trail = [(each.action, each.who, each.entry) for each in rows(notary.staff_desk)]
        assert trail == [
            (Action.DISCARDED, "restore", notices[0]),
            (Action.DISCARDED, "restore", notices[1]),
            (Action.ERASED, "restore", erased),
            (Action.DESK_OLDER, "restore", None),
        ]
    assert errors(new) == []


@pytest.mark.parametrize("there", [True, False], ids=["as it was", "without ciphertext"])
def test_a_backup_of_an_older_release_is_restored(tmp_path: Path, there: bool) -> None:
    directory, target, new = tmp_path / "notary", tmp_path / "backup", tmp_path / "new"
    found(directory)
    kept, gone = envelope(), envelope()
    with open_notary(directory, clock=Clock()) as notary:
        company = Company().enrol(notary)
        entries = deposited(notary, company, kept, gone)
        notary.backup(target)
        discard(notary, company, entries[1])
    (target / "objects" / "ledger").unlink()
    if not there:
        shutil.rmtree(target / "objects" / company.account)
    mirror = Folder(directory / "log")
    made = restore(target, new, mirror=mirror, clock=Clock(), random=os.urandom)
    assert [each.deposits for each in made.deleted] == [(entries[1],)]
    with open_notary(new, clock=Clock()) as notary:
        assert is_there(notary, company, kept) is there and not is_there(notary, company, gone)
        assert notary.health.status == ("ok" if there else "objects-gone")


def test_what_is_under_a_hold_is_left_and_fsck_names_it(tmp_path: Path) -> None:
    directory, target, new = tmp_path / "notary", tmp_path / "backup", tmp_path / "new"
    found(directory)
    each = envelope()
    with open_notary(directory, clock=Clock()) as notary:
        company, desk = Company().enrol(notary), notary.staff_desk
        assert desk is not None
        (entry,) = deposited(notary, company, each)
        terms.mark(desk, WHO, company.account, Mark.HELD, "order 7")
        notary.backup(target)
        terms.clear(desk, WHO, company.account, Mark.HELD)
        notice = discard(notary, company, entry)
        notary.execute(Erase(company.account, "asked for", WHO.name, WHO.role))
    words = ["notary", "restore", target, "--dir", new, "--mirror", directory / "log"]
    told = " ".join(run(*words).output.split())
    assert f"Under a legal hold, and not deleted again: what entry {notice} says" in told
    assert "account reviewed" in told
    with open_notary(new, clock=Clock()) as notary:
        assert is_there(notary, company, each)
    assert [place for place, _ in errors(new)] == [f"entry {notice}", f"entry {notice + 2}"]
    assert "1 age files of it are there" in errors(new)[0][1]

    run("notary", "account", "release", company.account, "--dir", new)
    run("notary", "account", "reviewed", "--dir", new)
    with open_notary(new, clock=Clock()) as notary:
        discard(notary, company, entry)
        notary.execute(Erase(company.account, "asked for", WHO.name, WHO.role))
        assert not is_there(notary, company, each)
    assert errors(new) == []


def test_nothing_is_deleted_by_a_restored_desk_before_somebody_has_gone_through_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory, target, new = tmp_path / "notary", tmp_path / "backup", tmp_path / "new"
    found(directory)
    each = envelope()
    with open_notary(directory, clock=Clock()) as notary:
        company, desk = Company().enrol(notary), notary.staff_desk
        assert desk is not None
        (entry,) = deposited(notary, company, each)
        terms.retain(desk, WHO, company.account, 1)
        notary.backup(target)
        terms.mark(desk, WHO, company.account, Mark.HELD, "order 7")
    restore(target, new, clock=Clock(), random=os.urandom)
    late = Clock()
    late.now += 2 * 86_400
    with open_notary(new, clock=late) as notary:
        desk = notary.staff_desk
        assert desk is not None
        deposited(notary, company, envelope())
        with pytest.raises(Conflict, match="account reviewed"):
            discard(notary, company, entry)
        with pytest.raises(Conflict, match="account reviewed"):
            notary.execute(Erase(company.account, "asked for", WHO.name, WHO.role))
        with pytest.raises(Conflict, match="account reviewed"):
            retention.retire(notary._deleting(), int(late.now))
        retention._begin(notary._deleting())
        retention._look_once(threading.Event(), notary._deleting, lambda: True)
        assert "account reviewed" in caplog.text
        assert is_there(notary, company, each)
        assert any("account reviewed" in said for said in notary.execute(AskState()).desk)
        looked = examine(new, {}, late.now, looking.files, looking.settled)
        assert any("account reviewed" in each.todo for each in looked)

        review(desk, WHO)
        assert not any("account reviewed" in said for said in notary.execute(AskState()).desk)
        with pytest.raises(Conflict, match="gone through it already"):
            review(desk, WHO)
        assert retention.retire(notary._deleting(), int(late.now)) is not None
        assert not is_there(notary, company, each)


def test_a_desk_that_is_put_back_from_an_older_copy_is_noticed(tmp_path: Path) -> None:
    directory = found(tmp_path / "notary")
    with open_notary(directory, clock=Clock()) as notary:
        company = Company().enrol(notary)
        (entry,) = deposited(notary, company, envelope())
    run("notary", "account", "limit", company.account, "--per-minute", "9", "--dir", directory)
    older = (directory / "desk.sqlite").read_bytes()
    run("notary", "account", "hold", company.account, "--reason", "order 7", "--dir", directory)
    with open_notary(directory, clock=Clock(), serve=True) as notary:
        notary.serve_orders()
        assert notary._office is not None
        deadline = time.monotonic() + 30
        while notary._office.desk_rows() != 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    for path in directory.glob("desk.sqlite*"):
        path.unlink()
    (directory / "desk.sqlite").write_bytes(older)
    with open_notary(directory, clock=Clock()) as notary:
        with pytest.raises(Conflict, match="account reviewed"):
            discard(notary, company, entry)
        assert notary.staff_desk is not None
        (*_, row) = rows(notary.staff_desk)
        assert (row.action, row.object) == (Action.DESK_OLDER, "rows 1 of 2")
    with open_notary(directory, clock=Clock()) as notary:
        assert notary.staff_desk is not None
        with pytest.raises(Conflict, match="account reviewed"):
            discard(notary, company, entry)
        assert len(list(rows(notary.staff_desk))) == 2
    run("notary", "account", "reviewed", "--dir", directory)
    with open_notary(directory, clock=Clock()) as notary:
        discard(notary, company, entry)
