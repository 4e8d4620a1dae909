"""A notary whose rows lie in a real PostgreSQL server, and several processes that share its ledger."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tomli_w
from click.testing import CliRunner

from api.metrics import Measures
from ledger.chain import statement as st
from ledger.chain.office import Notice, notice_payload
from ledger.chain.receipt import TokenEntry, parse_receipt
from ledger.chain.statement import parse_statement
from ledger.cli.root import cli
from ledger.crypto.keys import thumbprint_ed25519
from ledger.encoding import parse_toml
from ledger.errors import (
    Conflict,
    KeyRevoked,
    LedgerFault,
    NotFound,
    NotSigning,
    SealbookError,
    StorageFailed,
    Unavailable,
)
from ledger.notary.desk import staff
from ledger.notary.desk.roles import Role
from ledger.notary.desk.trail import Action, Actor, record, rows, verify_trail
from ledger.notary.health import Reason
from ledger.notary.notary import Notary
from ledger.notary.orders import Revoke, SayNotice
from ledger.notary.ports import Anchor, Hook, SignedCheckpoint, Stamp, Step
from ledger.notary.sequencing import turn
from ledger.notary.sequencing.planning import Admitted, Planned, Reply
from ledger.notary.sequencing.sequencer import Sequencer
from ledger.notary.sequencing.sharing import Sharing
from ledger.notary.storage import queue
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.connections import Connections
from ledger.notary.storage.directory import InUse, read_settings
from ledger.notary.storage.ledger_database import SCHEMA, LedgerDatabase
from ledger.notary.storage.logfiles import LogStore
from ledger.notary.storage.postgres import BEAT, SILENT_SECONDS, Server, redacted
from ledger.notary.storage.schema import Place, Schema, sqlite_script
from ledger.notary.storage.stores import open_desk, open_office, open_server
from tests import crash_child, objects
from tests.core.test_crash import ROOT, answers, require_same_ledger, run
from tests.crash_child import BEFORE, COUNT, ROUNDS, company, statements
from tests.notaries import ORIGIN, Company, check, deposit, examined, found, opened
from tests.postgres import Postgres
from tests.processes import Program

SIDES = ("before", "after")
SHARED = (Step.ENTRIES, Step.BUNDLES, Step.CHECKPOINT, Step.COPY, Step.TILES, Step.ANCHOR)


@pytest.fixture(scope="module")
def founded(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str, Company]:
    """A notary whose first tile is almost full, to be copied."""
    url = postgres.new()
    directory = found(tmp_path_factory.mktemp("postgres") / "notary", database=url)
    with opened(directory) as notary:
        depositor = Company().enrol(notary)
        deposit(notary, depositor.statements(BEFORE))
    return directory, url, depositor


@pytest.fixture
def work(
    postgres: Postgres,
    founded: tuple[Path, str, Company],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with a copy of it in `notary`, rows and files."""
    directory, url, _ = founded
    shutil.copytree(directory, tmp_path / "notary")
    settings = tmp_path / "notary" / "notary.toml"
    value = parse_toml(settings.read_bytes()) | {"database": postgres.new(url)}
    settings.write_text(tomli_w.dumps(value))
    monkeypatch.setattr(crash_child, "WORK", tmp_path)
    return tmp_path


@pytest.fixture
def depositor(founded: tuple[Path, str, Company]) -> Company:
    return founded[2]


@pytest.fixture
def database(work: Path) -> str:
    url = read_settings(work / "notary").database
    assert url is not None
    return url


def errors(directory: Path) -> list[str]:
    return [
        f"{each.place}: {each.problem}" for each in examined(directory) if each.level == "error"
    ]


def sql(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET search_path = sealbook")
        connection.execute(statement.encode())


def cut_off(database: str) -> None:
    """End the connection on which the right to write hangs."""
    sql(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND objsubid = 1",
    )


def cut_off_all(database: str) -> None:
    """End every connection of every notary, and wait until they are gone."""
    sql(
        database,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'sealbook %'",
    )


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- one process


def test_a_ledger_in_postgresql_goes_on_after_a_restart(work: Path, depositor: Company) -> None:
    with opened(work / "notary") as notary:
        receipts = deposit(notary, depositor.statements(40))
        statement = check(notary, receipts[-1]).statement
        with pytest.raises(InUse, match="Another notary holds"):
            opened(work / "notary")
        last = notary.sequencer.last
    with opened(work / "notary") as notary:
        assert notary.sequencer.receipt(statement.leaf_hash) == receipts[-1]
        require_same_ledger(notary, [], receipts)
        assert deposit(notary, [statement.encoded]) and notary.sequencer.last == last
    assert errors(work / "notary") == []
    assert not list((work / "notary").glob("*.sqlite"))


def test_no_row_of_the_ledger_is_changed(founded: tuple[Path, str, Company]) -> None:
    for table in ("entries", "keys", "certificates", "checkpoints", "trail"):
        for change in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"UPDATE {table} SET {{0}} = {{0}}",
        ):
            with psycopg.connect(founded[1]) as connection:
                row = connection.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s",
                    (table,),
                ).fetchone()
            assert row is not None
            with pytest.raises(psycopg.errors.RestrictViolation, match=r"append-only|never"):
                sql(founded[1], change.format(row[0]))


def test_entries_come_only_behind_the_last(work: Path, depositor: Company) -> None:
    with open_server(read_settings(work / "notary")) as server:
        assert server is not None
        store = LedgerDatabase(server)
        some = [parse_statement(each) for each in depositor.statements(2)]
        size = store.size()
        for start in (size - 1, size + 1):
            with pytest.raises(LedgerFault, match="another process"):
                store.append(start, some)
        with pytest.raises(LedgerFault, match="refused a row"):
            store.append(size, [some[0], some[0]])
        store.append(size, some)
        assert store.leaf_hashes(size, size + 9) == [each.leaf_hash for each in some]
        assert store.find([each.leaf_hash for each in some]) == {
            each.leaf_hash: at for at, each in enumerate(some, size)
        }


def test_orders_nonces_and_auditors_work_as_in_a_file(work: Path) -> None:
    with open_office(work / "notary", read_settings(work / "notary")) as office:
        number = office.give("notice", b"secret")
        assert [each.id for each in office.waiting()] == [number]
        office.answer(number, "done", b"seven")
        order = office.order(number)
        assert order is not None and (order.argument, order.answer) == (b"", b"seven")
        assert office.remember(b"k", b"n", 100, 50) and not office.remember(b"k", b"n", 100, 50)
        assert office.remembers(b"k", b"n") and not office.remembers(b"k", b"m")


def test_anchors_work_as_in_a_file(work: Path, tmp_path: Path) -> None:
    def stamp(height: int, digest: bytes, until: int, signer: bytes) -> Stamp:
        return Stamp(height, digest, TokenEntry(2, b"token " + digest), until, signer)

    def found_in(place: Place) -> list[object]:
        anchors = AnchorDatabase(place)
        anchors.extend(
            [Anchor(1, 10, "one"), Anchor(2, 20, "two")],
            [stamp(2, b"b", 50, b"s"), stamp(1, b"c", 40, b"t"), stamp(2, b"a", 60, b"s")],
        )
        anchors.put(Anchor(2, 20, "two and more"))
        anchors.stamp([stamp(1, b"c", 45, b"t")])
        notes, stamps = anchors.all(-1, 9)
        seen: list[object] = [notes, sorted(stamps, key=lambda each: each.digest)]
        seen += [anchors.newest(9), anchors.covering(10), anchors.stamped(b"a"), anchors.until()]
        seen += [anchors.running_out(0, 55, 9), sorted(s.signer for _, s in anchors.signers(0))]
        anchors.revoke(b"s", 30)
        return [*seen, anchors.until(), anchors.last(), anchors.page(1, 1)]

    with open_server(read_settings(work / "notary")) as server:
        assert server is not None
        assert found_in(server) == found_in(tmp_path / "anchors.sqlite")


def test_the_desk_works_as_in_a_file(work: Path) -> None:
    by = Actor("root", "terminal")
    with open_desk(work / "notary", read_settings(work / "notary")) as desk:
        staff.add(desk, "Li 李", Role.OFFICER, by)
        member = next(each.member for each in staff.roster(desk))
        record(desk, by, Action.REVOKED, "a key", 7)
        found_ = list(rows(desk))
        assert verify_trail(desk.origin, found_)[0] == len(found_) == 2
        staff.remove(desk, member.name, by)
        assert not next(each for each in staff.roster(desk)).active
        with pytest.raises(LedgerFault, match="no gaps"), desk.connections.writing() as session:
            session.execute("INSERT INTO trail SELECT number + 5, time, who, role, action, object, "
                "entry, previous, 'x' FROM trail WHERE number = 0")  # fmt: skip


def test_a_newer_schema_is_refused_and_an_older_one_goes_forward(
    postgres: Postgres, tmp_path: Path
) -> None:
    old = Schema("ledger", SCHEMA.versions[:1])
    with Server(postgres.new(), ORIGIN, founding=True) as server:
        server.clear()
        server.connections(old, create=True, durable=True)
        assert LedgerDatabase(server).highest_certificate() == 0
        with pytest.raises(LedgerFault, match="schema version 2; this program knows 1"):
            server.connections(old, create=False, durable=True)
    path = tmp_path / "ledger.sqlite"
    script = [sqlite_script(each) for each in old.versions]
    Connections(path, script, create=True).close()
    LedgerDatabase(path).close()
    with pytest.raises(LedgerFault, match="schema version 2; this program knows 1"):
        Connections(path, script)


def test_what_is_left_for_who_writes_is_numbered_where_a_standby_took_over(
    postgres: Postgres,
) -> None:
    """PostgreSQL 15 cannot read the sequence of an unlogged table there."""
    url = postgres.new()
    with Server(url, ORIGIN, founding=True) as server:
        server.clear()
        before = server.connections(
            Schema("queue", queue.SCHEMA.versions[:1]), create=True, durable=False
        )
        row = "INSERT INTO submissions (process, token, statements, own) VALUES ('p', '', '', true)"
        with before.writing() as session:
            session.execute(row)
        with server.connections(queue.SCHEMA, create=True, durable=False).writing() as session:
            session.execute(row)
            numbers = [
                each[0] for each in session.execute("SELECT id FROM submissions ORDER BY id")
            ]
    assert numbers == [1, 2]
    kept = (
        "SELECT relname, relpersistence FROM pg_class WHERE relkind = 'S' AND relname ~ '^submis'"
    )
    with psycopg.connect(url) as connection:
        assert connection.execute(kept).fetchall() == [("submissions_number", "p")]


def test_a_server_that_may_lose_what_it_confirmed_is_refused(work: Path, database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    sql(database, f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(StorageFailed, match="synchronous_commit"):
        opened(work / "notary")


def test_a_database_that_holds_a_ledger_is_not_founded_in(tmp_path: Path, database: str) -> None:
    with pytest.raises(Conflict, match="holds a ledger already"):
        found(tmp_path / "other", database=database)
    assert not (tmp_path / "other" / "notary.toml").exists()


def test_a_database_that_lost_what_was_signed_is_refused(
    postgres: Postgres, work: Path, founded: tuple[Path, str, Company]
) -> None:
    """As after a failover to a standby that was behind, or a restore of an old copy."""
    with opened(work / "notary") as notary:
        deposit(notary, founded[2].statements(1))
        deposit(notary, founded[2].statements(1))
    settings = work / "notary" / "notary.toml"
    value = parse_toml(settings.read_bytes()) | {"database": postgres.new(founded[1])}
    settings.write_text(tomli_w.dumps(value))
    for serve in (False, True):
        with pytest.raises(LedgerFault, match=r"older|old copy"):
            opened(work / "notary", serve=serve)


def test_no_password_is_ever_said(tmp_path: Path) -> None:
    secret = "hunter2"
    assert redacted(f"postgresql://me:{secret}@db:5433/ledger") == "postgresql://me@db:5433/ledger"
    for url in (
        f"postgresql://me:{secret}@127.0.0.1:1/ledger",
        f"postgresql://me:{secret}@[::1/ledger",
        f"mysql://me:{secret}@db/ledger",
    ):
        words = ["notary", "init", "--origin", ORIGIN, "--dir", tmp_path / "n", "--database", url]
        result = CliRunner().invoke(cli, list(map(str, words)))
        assert result.exit_code and secret not in result.output + repr(result.exception)


def test_the_doctor_looks_at_it_and_says_once_that_it_is_down(work: Path, database: str) -> None:
    def looked(*words: str) -> str:
        command = ["notary", "doctor", "--dir", str(work / "notary"), *words]
        return CliRunner().invoke(cli, command, catch_exceptions=False).output

    assert "ok: standby" in looked()
    assert "standby" in {each["subject"] for each in json.loads(looked("--json"))["found"]}
    settings = work / "notary" / "notary.toml"
    away = {"database": "postgresql://nobody@127.0.0.1:1/none"}
    settings.write_text(tomli_w.dumps(parse_toml(settings.read_bytes()) | away))
    found_ = json.loads(looked("--json"))["found"]
    assert [each["subject"] for each in found_ if "nobody@" in each["found"]] == ["ledger"]


@pytest.mark.parametrize("lacks", ["port", "no port", "name"])
def test_a_command_that_does_not_reach_it_says_what_to_compare(
    work: Path, postgres: Postgres, lacks: str
) -> None:
    away = {
        "port": "postgresql://nobody@127.0.0.1:1/none",
        "no port": "postgresql://nobody@127.0.0.1:5543x/none",
        "name": postgres.new().replace("sealbook_test_", "no_such_"),
    }[lacks]
    directory = work / "notary"
    settings = directory / "notary.toml"
    value = parse_toml(settings.read_bytes())
    commands = [
        ["init", "--origin", ORIGIN, "--database", away, "--dir", str(work / "new")],
        ["fsck", "--dir", str(directory)],
        ["status", "--dir", str(directory)],
    ]
    for command in commands:
        settings.write_text(tomli_w.dumps(value | {"database": away}))
        found_ = CliRunner().invoke(cli, ["notary", *command])
        said = " ".join(found_.output.split())
        assert found_.exit_code and "compare host, port, name and user" in said
        assert "by itself" not in said


# --- killed, cut off


@pytest.mark.parametrize(
    ("step", "side"),
    [
        (Step.CHECKPOINT, "after"),
        *(
            pytest.param(step, side, marks=pytest.mark.soak)
            for step in SHARED
            for side in SIDES
            if (step, side) != (Step.CHECKPOINT, "after")
        ),
    ],
)
def test_a_killed_notary_continues_the_same_ledger(work: Path, step: Step, side: str) -> None:
    run("serve", work, step, side, 4 if step in (Step.ENTRIES, Step.CHECKPOINT) else 1)
    receipts = answers(work)
    assert errors(work / "notary") == []
    depositor = company()
    with opened(work / "notary") as notary:
        require_same_ledger(notary, [], receipts)
        notary.accounts.enrol(crash_child.request_of(depositor), crash_child.RECORD)
        everything = [each for number in range(ROUNDS) for each in statements(depositor, number)]
        again = deposit(notary, everything)
        assert again[: len(receipts)] == receipts
        assert len({parse_receipt(each).position.index for each in again}) == ROUNDS * COUNT
    assert errors(work / "notary") == []


@pytest.mark.soak
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "step",
    [
        Step.INIT_FILES,
        Step.BUNDLES,
        Step.ENTRIES,
        Step.CHECKPOINT,
        Step.ANCHOR,
        Step.PLACE,
        Step.MOVE,
    ],
)
def test_founding_that_is_killed_leaves_no_notary_or_a_whole_one(
    tmp_path: Path, postgres: Postgres, step: Step, side: str
) -> None:
    url = postgres.new()
    run("init", tmp_path, step, side, database=url)
    if not (step == Step.MOVE or (step, side) == (Step.PLACE, "after")):
        found(tmp_path / "notary", database=url)
    with opened(tmp_path / "notary") as notary:
        check(notary, deposit(notary, [Company().enrol(notary).statement()])[0])
    assert errors(tmp_path / "notary") == []


def test_who_begins_to_follow_while_another_publishes_finds_no_fault(
    work: Path, depositor: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = LogStore.published
    with opened(work / "notary", serve=True) as writer:

        def late(log: LogStore) -> str | None:
            if log is not writer.log:
                deposit(writer, depositor.statements(1))
                with writer.sequencer.paused():
                    writer._writer.publish()
            return published(log)

        monkeypatch.setattr(LogStore, "published", late)
        with opened(work / "notary", serve=True) as follower:
            assert follower.sequencer.checkpoint == writer.sequencer.checkpoint


def test_a_server_that_goes_away_is_a_failure_in_words_and_the_notary_goes_on(
    postgres: Postgres, work: Path, depositor: Company, caplog: pytest.LogCaptureFixture
) -> None:
    if not postgres.ours:
        pytest.skip("a server that is not the tests' own is not stopped")
    with opened(work / "notary", serve=True) as notary:
        receipts = deposit(notary, depositor.statements(3))
        postgres.stop()
        try:
            (future,) = notary.sequencer.submit_many(some := depositor.statements(1))
            with pytest.raises(SealbookError, match="database"):
                future.result(60)
            wait(lambda: notary.health.status == Reason.DATABASE)
            assert "goes on by itself" in caplog.text
        finally:
            postgres.start()
        wait(lambda: notary.health.status == "ok" and notary.sequencer.leads)
        receipts += deposit(notary, some)
        require_same_ledger(notary, [], receipts)
    assert errors(work / "notary") == []


def test_a_connection_that_the_server_has_ended_is_lent_to_nobody(work: Path) -> None:
    """As of a process that hung, was cut off, and is asked at the moment when it wakes up."""
    settings = read_settings(work / "notary")
    with open_server(settings) as server:
        assert server is not None and settings.database is not None
        store = LedgerDatabase(server)
        with server.lent(), server.lent(), server.lent():
            pass
        cut_off_all(settings.database)
        assert [store.size() for _ in range(3)] == [store.size()] * 3


# --- several processes


@pytest.fixture
def two(work: Path) -> Iterator[tuple[Notary, Notary]]:
    """Who writes, and who follows."""
    with (
        opened(work / "notary", serve=True) as first,
        opened(work / "notary", serve=True) as second,
    ):
        assert first.sequencer.leads and not second.sequencer.leads
        yield first, second


def test_each_process_answers_its_own_depositors(
    work: Path, two: tuple[Notary, Notary], depositor: Company
) -> None:
    same = depositor.statements(5)
    futures: list[Reply] = []
    for notary in two:
        futures += notary.sequencer.submit_many([*depositor.statements(30), *same])
    receipts = [each.result(60) for each in futures]
    assert len({parse_receipt(each).position.index for each in receipts}) == 65
    first, second = two
    for receipt in receipts:
        check(second, receipt)
    wait(lambda: second.sequencer.last == first.sequencer.last)
    require_same_ledger(second, [], receipts[::7])
    assert first.health.reasons == second.health.reasons == ()
    with pytest.raises(InUse):  # a command is no third process: it leaves an order
        opened(work / "notary")


def test_who_follows_shows_that_what_was_just_signed_contains_what_was_before(
    two: tuple[Notary, Notary], depositor: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a proxy sends who deposits to one process, and who reads to another."""
    first, second = two
    monkeypatch.setattr(Sequencer, "follow", lambda sequencer: None)  # it has not looked since
    old = second.sequencer.last.size
    deposit(first, depositor.statements(1))
    new = first.sequencer.last.size
    assert second.sequencer.last.size == old < new
    assert second.sequencer.consistency(old, new) == first.sequencer.consistency(old, new)
    with pytest.raises(NotFound, match="fewer than"):
        second.sequencer.consistency(old, new + 1)


def test_who_writes_says_so_in_log_and_metrics(
    work: Path, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    def writes(notary: Notary) -> bool:
        return b"\nsealbook_writes 1.0\n" in Measures(notary).exposed()

    def told() -> list[str]:
        said = [each.getMessage() for each in caplog.records if each.levelname == "INFO"]
        return [each for each in said if each.startswith("this process")]

    begins = "this process writes to the ledger from now on"
    ends = "this process no longer writes to the ledger: "
    caplog.set_level("INFO", "sealbook.notary")
    with (
        opened(work / "notary", serve=True) as first,
        opened(work / "notary", serve=True) as second,
    ):
        assert writes(first) and not writes(second) and told() == [begins]
        cut_off(database)
        wait(lambda: len(told()) == 3 and writes(first) != writes(second))
        assert set(told()[1:]) == {begins, f"{ends}its connection has ended"}
        writer, other = (first, second) if writes(first) else (second, first)
        writer.close()
        wait(lambda: writes(other))
        assert told()[3:] == [f"{ends}it has let go of the right", begins]


def test_who_does_not_write_enrols_revokes_and_refuses_all_the_same(
    two: tuple[Notary, Notary],
) -> None:
    _, second = two
    new = Company().enrol(second)
    deposit(second, new.statements(1))
    second.execute(Revoke(thumbprint_ed25519(new.key.public), "lost"))
    assert second.execute(SayNotice("closed on Sunday")).index > 0
    with pytest.raises(KeyRevoked):
        deposit(second, new.statements(1))


def test_one_that_does_not_reach_the_files_lets_another_write(
    depositor: Company, two: tuple[Notary, Notary]
) -> None:
    first, second = two
    assert first._sharing is not None
    first._sharing._fit = lambda: False
    wait(lambda: second.sequencer.leads and not first.sequencer.leads)
    receipts = deposit(second, depositor.statements(3)) + deposit(first, depositor.statements(3))
    require_same_ledger(second, [], receipts)
    first._sharing._fit = lambda: True
    second.close()
    wait(lambda: first.sequencer.leads)
    deposit(first, depositor.statements(1))


def test_who_ends_a_silent_process_has_the_right_at_once(work: Path) -> None:
    settings = read_settings(work / "notary")
    with open_server(settings) as silent, open_server(settings) as other:
        assert silent is not None and other is not None
        assert silent.lead.take() and not other.lead.take()
        silent.lead._closed.set()
        time.sleep(SILENT_SECONDS + 2 * BEAT)
        assert not other.lead.take()  # perhaps it was this one that slept
        assert other.lead.take() and not silent.lead.check()


def test_who_asks_for_the_right_keeps_the_connection_on_which_it_asks(
    two: tuple[Notary, Notary], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To connect anew is slow where the server is busy, and all wait for whoever takes over."""
    first, second = two
    connect, made = Server.connect, []

    def noted(self: Server) -> psycopg.Connection[Any]:
        made.append(self)
        return connect(self)

    monkeypatch.setattr(Server, "connect", noted)
    first.close()
    wait(lambda: second.sequencer.leads)
    assert made == []


def test_what_waits_for_who_writes_outlives_the_servers_crash(
    postgres: Postgres, depositor: Company, two: tuple[Notary, Notary]
) -> None:
    """The server has emptied the queue by then: it keeps no log of it."""
    if not postgres.ours:
        pytest.skip("a server that is not the tests' own is not stopped")
    first, second = two
    assert first._sharing is not None and second._sharing is not None
    first._sharing.stop_taking()
    futures = second.sequencer.submit_many(some := depositor.statements(3))
    wait(lambda: second._sharing is not None and len(second._sharing._waiting) == len(some))
    postgres.stop()
    postgres.start()
    first._sharing._taking = True
    receipts = [each.result(25) for each in futures]
    assert len({parse_receipt(each).position.index for each in receipts}) == len(some)


def test_what_was_taken_in_by_one_that_lost_the_right_is_not_left_again_by_it(
    depositor: Company, two: tuple[Notary, Notary]
) -> None:
    """Who left it waits for an index; it is in the queue yet, for whoever writes by now."""
    _, second = two
    statement = parse_statement(depositor.statements(1)[0])
    future: Future[bytes] = Future()
    second.sequencer._under_way.begin(1)
    second.sequencer.put([Admitted(statement, statement.leaf_hash, None, future, remote=True)])
    assert isinstance(future.exception(30), Unavailable)
    assert second.sequencer.waiting == 0


def test_what_another_has_entered_is_answered_when_the_database_fails_meanwhile(
    depositor: Company, two: tuple[Notary, Notary]
) -> None:
    _, second = two
    answer = second.sequencer.answer
    failures = [StorageFailed("gone")]

    def failing(entered: Sequence[tuple[Planned, int]]) -> None:
        if failures:
            raise failures.pop()
        answer(entered)

    second.sequencer.answer = failing  # type: ignore[method-assign]
    some = depositor.statements(1)
    with pytest.raises(StorageFailed, match="gone"):
        deposit(second, some)
    assert second.sequencer.waiting == 0
    require_same_ledger(second, [], deposit(second, some))


def test_another_takes_over_from_one_that_is_closed(
    work: Path, depositor: Company, two: tuple[Notary, Notary]
) -> None:
    first, second = two
    receipts = deposit(second, depositor.statements(3))
    first.close()
    receipts += deposit(second, some := depositor.statements(3))
    assert second.sequencer.leads
    with opened(work / "notary", serve=True) as third:
        assert deposit(third, some) == receipts[3:]  # found, not entered again
        require_same_ledger(third, [], receipts)


@pytest.mark.parametrize(
    "step",
    [
        Step.BUNDLES,
        *(pytest.param(each, marks=pytest.mark.soak) for each in SHARED if each != Step.BUNDLES),
    ],
)
@pytest.mark.parametrize("side", ["before", pytest.param("after", marks=pytest.mark.soak)])
def test_one_that_was_cut_off_in_a_block_forks_nothing(
    work: Path, database: str, depositor: Company, step: Step, side: str
) -> None:
    cut_off_in_a_block(work / "notary", database, depositor, step, side)
    assert errors(work / "notary") == []


def cut_off_in_a_block(
    directory: Path, database: str, depositor: Company, step: Step, side: str
) -> None:
    """It sleeps at a step, another takes over and goes on, it wakes up and goes on where it was."""
    asleep, wake = threading.Event(), threading.Event()

    def hook(at: Step, at_side: str) -> None:
        if (at, at_side) == (step, side) and armed and not asleep.is_set():
            asleep.set()
            wake.wait(60)

    armed = False
    with (
        opened(directory, serve=True, hook=hook) as stale,
        opened(directory, serve=True) as other,
    ):
        armed = True
        under_way = stale.sequencer.submit_many(mine := depositor.statements(20))
        assert asleep.wait(60)
        cut_off(database)
        receipts = deposit(other, depositor.statements(20))
        receipts += deposit(other, mine[:5])
        wake.set()
        receipts += [each.result(60) for each in under_way]
        receipts += deposit(stale, depositor.statements(20))
        require_same_ledger(other, [], receipts)
        wait(lambda: stale.sequencer.last == other.sequencer.last)
        assert stale.sequencer.fault is other.sequencer.fault is None
    assert len({parse_receipt(each).position.index for each in receipts}) == 60


def test_who_loses_the_right_in_a_block_signs_nothing_more_in_it(
    work: Path, database: str, depositor: Company
) -> None:
    steps: list[Step] = []
    lost = threading.Event()
    sharing: Sharing | None = None

    def hook(at: Step, side: str) -> None:
        steps.append(at)
        if (at, side) == (Step.BUNDLES, "after") and sharing is not None and not lost.is_set():
            sharing._taking = False
            cut_off(database)
            lost.set()

    with opened(work / "notary", serve=True, hook=hook) as notary:
        sharing = notary._sharing
        assert sharing is not None
        steps.clear()
        futures = notary.sequencer.submit_many(depositor.statements(3))
        assert lost.wait(60)
        with notary.sequencer.paused():
            assert Step.CHECKPOINT not in steps
        sharing._taking = True
        require_same_ledger(notary, [], [each.result(60) for each in futures])


def sleeping(step: Step, asleep: threading.Event, wake: threading.Event) -> Hook:
    """Sleep before a step, until woken."""

    def hook(at: Step, side: str) -> None:
        if (at, side) == (step, "before"):
            asleep.set()
            wake.wait(60)

    return hook


def test_one_that_ends_its_block_while_another_takes_up_the_ledger_is_no_fault(
    work: Path, database: str, depositor: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, wake = threading.Event(), threading.Event()
    hook = sleeping(Step.CHECKPOINT, asleep, wake)
    with (
        opened(work / "notary", serve=True, hook=hook) as stale,
        opened(work / "notary", serve=True) as other,
    ):
        copies = other._writer._log.signed
        read, before = copies.last, copies.last()

        def late() -> SignedCheckpoint | None:
            wake.set()
            wait(lambda: read() != before)
            return read()

        monkeypatch.setattr(copies, "last", late)
        under_way = stale.sequencer.submit_many(depositor.statements(20))
        assert asleep.wait(60)
        cut_off(database)
        receipts = deposit(other, depositor.statements(20))
        receipts += [each.result(60) for each in under_way]
        require_same_ledger(other, [], receipts)
        assert stale.sequencer.fault is other.sequencer.fault is None
    assert errors(work / "notary") == []


def test_one_whose_writing_thread_hangs_loses_the_right(
    work: Path, depositor: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heartbeat and its other threads go on."""
    monkeypatch.setattr(turn, "LONGEST_STEP", 3.0)
    asleep, wake = threading.Event(), threading.Event()
    hook = sleeping(Step.CHECKPOINT, asleep, wake)
    with (
        opened(work / "notary", serve=True, hook=hook) as hanging,
        opened(work / "notary", serve=True) as other,
    ):
        try:
            under_way = hanging.sequencer.submit_many(mine := depositor.statements(20))
            assert asleep.wait(60)
            receipts = deposit(other, [*depositor.statements(20), *mine[:5]])
            assert other.sequencer.leads and not hanging.sequencer.leads
            assert Reason.DATABASE in hanging.health.reasons
        finally:
            wake.set()
        receipts += [each.result(60) for each in under_way]
        receipts += deposit(hanging, depositor.statements(20))
        require_same_ledger(other, [], receipts)
        assert hanging.health.reasons == () and hanging.sequencer.fault is None
    assert errors(work / "notary") == []


def test_a_slow_block_that_comes_on_keeps_the_right(
    work: Path, depositor: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LONGEST_STEP", 3.0)
    slow = threading.Event()

    def hook(_: Step, side: str) -> None:
        if slow.is_set() and side == "before":
            time.sleep(1.0)

    with (
        opened(work / "notary", serve=True, hook=hook) as first,
        opened(work / "notary", serve=True) as second,
    ):
        slow.set()
        begun = time.monotonic()
        deposit(first, depositor.statements(3))
        assert time.monotonic() - begun > turn.LONGEST_STEP
        slow.clear()
        assert (
            first._sharing is not None
            and first._sharing._lead.held == 1
            and not second.sequencer.leads
        )


def test_the_office_is_told_of_no_entry_before_a_checkpoint_covers_it(
    work: Path, database: str
) -> None:
    """Who took over finds it among the rows, and may not sign now."""
    asleep, wake = threading.Event(), threading.Event()
    hook = sleeping(Step.CHECKPOINT, asleep, wake)
    with (
        opened(work / "notary", serve=True, hook=hook),
        opened(work / "notary", serve=True) as other,
    ):
        size = other.sequencer.last.size
        said = other.sequencer.enter((st.NOTICE, notice_payload(Notice("closed on Sunday"))))
        assert asleep.wait(60)
        other._writer.objection = NotSigning(Reason.WITNESS, "A witness objects.", "it does")
        cut_off(database)
        wait(lambda: other.sequencer.leads)
        try:
            with pytest.raises(Unavailable, match="objects"):
                said.result(30)
            assert other.sequencer.last.size == size < other._store.size()
        finally:
            wake.set()
    assert errors(work / "notary") == []


@pytest.mark.parametrize("first", ["the same statements", "other statements"])
def test_one_that_begins_its_block_when_another_has_taken_up_the_ledger_is_no_fault(
    work: Path, database: str, depositor: Company, first: str
) -> None:
    asleep, wake = threading.Event(), threading.Event()
    hook = sleeping(Step.ENTRIES, asleep, wake)
    with (
        opened(work / "notary", serve=True, hook=hook) as stale,
        opened(work / "notary", serve=True) as other,
    ):
        under_way = stale.sequencer.submit_many(depositor.statements(20))
        assert asleep.wait(60)
        cut_off(database)
        wait(lambda: other.sequencer.leads)
        assert other._sharing is not None
        other._sharing._taking = first == "the same statements"
        size = other._store.size()
        wake.set()
        wait(lambda: other._store.size() > size)
        receipts = [] if other._sharing._taking else deposit(other, depositor.statements(20))
        other._sharing._taking = True
        receipts += [each.result(60) for each in under_way]
        receipts += deposit(other, depositor.statements(20))
        require_same_ledger(other, [], receipts)
        assert stale.sequencer.fault is other.sequencer.fault is None
    assert errors(work / "notary") == []


@pytest.mark.soak
@pytest.mark.parametrize("step", SHARED)
def test_one_that_was_cut_off_forks_nothing_in_a_bucket_either(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    (tmp_path / "s3").mkdir()
    store = objects.running(tmp_path / "s3", monkeypatch)
    try:
        url = postgres.new()
        directory = found(tmp_path / "notary", database=url, objects=store.url())
        with opened(directory) as notary:
            depositor = Company().enrol(notary)
            deposit(notary, depositor.statements(BEFORE))
        cut_off_in_a_block(directory, url, depositor, step, "before")
    finally:
        store.stop()


def test_one_that_is_killed_is_followed_by_another(work: Path, depositor: Company) -> None:
    """A process that writes dies in a block; one that followed it goes on by itself."""
    died = threading.Event()

    def child() -> None:
        run("shared", work, Step.ENTRIES, "after", 3)
        died.set()

    thread = threading.Thread(target=child)
    thread.start()
    wait(lambda: (work / "serving").exists())
    with opened(work / "notary", serve=True) as notary:
        (work / "go").touch()
        receipts = deposit(notary, depositor.statements(10))
        assert died.wait(60)
        receipts += deposit(notary, depositor.statements(10))
        assert notary.sequencer.leads
        require_same_ledger(notary, [], [*answers(work), *receipts])
    thread.join()
    assert errors(work / "notary") == []


def test_one_that_hangs_loses_the_right_and_forks_nothing_when_it_wakes(
    work: Path, depositor: Company
) -> None:
    words = ["-m", "tests.crash_child", "shared", work, "none", "none", 1, ""]
    with Program(words, cwd=ROOT) as hanging:
        wait((work / "serving").exists)
        with opened(work / "notary", serve=True) as notary:
            assert not notary.sequencer.leads
            os.kill(hanging.pid, signal.SIGSTOP)
            receipts = deposit(notary, depositor.statements(10))
            assert notary.sequencer.leads
            (work / "go").touch()
            os.kill(hanging.pid, signal.SIGCONT)
            assert hanging.wait(60) == 0
            require_same_ledger(notary, [], [*answers(work), *receipts])
    assert errors(work / "notary") == []
