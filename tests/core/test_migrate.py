"""A ledger moves from SQLite to PostgreSQL and back, is cut short on the way, and is never forked."""

import os
import shutil
from pathlib import Path

import pytest
import tomli_w
from click.testing import CliRunner

from ledger.chain.receipt import TokenEntry, parse_receipt
from ledger.cli.root import cli
from ledger.encoding import parse_toml
from ledger.errors import Conflict, LedgerFault
from ledger.notary.care import movingrows
from ledger.notary.care.fsck import fsck
from ledger.notary.care.migrating import Moved, migrate
from ledger.notary.care.movingfiles import FOLDERS
from ledger.notary.care.rebuild import rebuild
from ledger.notary.desk import staff, terms
from ledger.notary.desk.roles import Role
from ledger.notary.desk.trail import Actor, rows
from ledger.notary.ports import Anchor, SignedCheckpoint, Stamp
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.directory import InUse, read_settings
from ledger.notary.storage.stores import open_books, open_desk, open_office, open_server
from tests.notaries import Company, check, deposit, examined, found, opened
from tests.objects import ObjectServer
from tests.postgres import Postgres

COUNT = 300


class Killed(BaseException):
    """The machine stops."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Company, list[bytes]]:
    """A notary with a full tile, staff and an auditor; its depositor, and what was receipted."""
    directory = found(tmp_path_factory.mktemp("migrate") / "notary")
    with opened(directory) as notary:
        depositor = Company().enrol(notary)
        receipts = deposit(notary, depositor.statements(COUNT))
    settings = read_settings(directory)
    with open_desk(directory, settings) as desk:
        staff.add(desk, "Li", Role.OFFICER, Actor("system", "root"))
    with open_office(directory, settings) as office:
        office.remember(b"k" * 32, b"n" * 16, 1 << 40, 0)
    return directory, depositor, receipts


@pytest.fixture
def directory(founded: tuple[Path, Company, list[bytes]], tmp_path: Path) -> Path:
    shutil.copytree(founded[0], tmp_path / "notary")
    return tmp_path / "notary"


def move(directory: Path, database: str | None, **given: object) -> Moved:
    return migrate(directory, database=database, objects=None, **given)  # type: ignore[arg-type]


def signed(directory: Path) -> list[SignedCheckpoint]:
    with open_books(directory, read_settings(directory)) as (_, checkpoints):
        return checkpoints.all()


def errors(directory: Path) -> list[str]:
    return [each.problem for each in examined(directory) if each.level == "error"]


def put_away(directory: Path, folder: Path) -> None:
    folder.mkdir()
    for each in directory.glob("*.sqlite*"):
        each.rename(folder / each.name)


def rename_settings(directory: Path, **changes: str | None) -> None:
    value = parse_toml((directory / "notary.toml").read_bytes()) | changes
    value = {name: each for name, each in value.items() if each is not None}
    (directory / "notary.toml").write_text(tomli_w.dumps(value))


def test_a_ledger_goes_to_a_server_and_back_and_stays_byte_for_byte_the_same(
    founded: tuple[Path, Company, list[bytes]], directory: Path, postgres: Postgres, tmp_path: Path
) -> None:
    _, depositor, receipts = founded
    url = postgres.new()
    before, lying = signed(directory), files(directory)
    with (directory / "notary.toml").open("a") as settings:
        settings.write("# a note of the office\n")
    with open_desk(directory, read_settings(directory)) as desk:
        trail = list(rows(desk))

    words = ("notary", "migrate", "--database", url, "--dir", str(directory))
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == 0 and "ledger.sqlite" in told.stdout, told.output
    assert f"{before[-1].size} entries were moved" in told.stdout
    assert read_settings(directory).database == url
    assert "# a note of the office" in (directory / "notary.toml").read_text()
    assert signed(directory) == before and files(directory) == lying
    assert errors(directory) == []
    with open_desk(directory, read_settings(directory)) as desk:
        assert list(rows(desk)) == trail
        staff.add(desk, "Wang", Role.OFFICER, Actor("system", "root"))  # numbered behind Li
    with open_office(directory, read_settings(directory)) as office:
        assert not office.remember(b"k" * 32, b"n" * 16, 1 << 40, 0)
    with opened(directory) as notary:
        assert deposit(notary, [receipt_statement(each) for each in receipts[:3]]) == receipts[:3]
        (more,) = deposit(notary, depositor.statements(1))
        check(notary, more)

    with pytest.raises(Conflict, match="Move these away"):
        move(directory, None)
    put_away(directory, tmp_path / "old")
    for name in ("ledger.sqlite-wal", "desk.sqlite-shm"):  # what SQLite had beside them
        (directory / name).touch()
    with pytest.raises(Conflict, match=r"“ledger.sqlite-wal, desk.sqlite-shm”"):
        move(directory, None)
    put_away(directory, tmp_path / "beside")
    assert move(directory, None).left[0].startswith("postgresql://")
    assert read_settings(directory).database is None and errors(directory) == []
    assert signed(directory)[: len(before)] == before
    with opened(directory) as notary:
        again = [receipt_statement(each) for each in (*receipts[:3], more)]
        assert deposit(notary, again) == [*receipts[:3], more]
        check(notary, deposit(notary, depositor.statements(1))[0])
    assert errors(directory) == []

    rename_settings(directory, database=url)  # as another host may still have it
    with pytest.raises(Conflict, match="fork"):
        opened(directory)
    (directory / "engine").unlink()
    with pytest.raises(LedgerFault, match="does not hold"):
        opened(directory)


def receipt_statement(receipt: bytes) -> bytes:
    return parse_receipt(receipt).statement


def test_a_move_that_was_cut_short_goes_on_and_the_old_place_counts_until_the_last_step(
    founded: tuple[Path, Company, list[bytes]],
    directory: Path,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = postgres.new()
    monkeypatch.setattr(movingrows, "_ROWS", 100)
    for reached in (200, 303, 500):  # amid the copy, behind it, amid the check

        def stop(done: int, _total: int, reached: int = reached) -> None:
            if done >= reached:
                raise Killed

        with pytest.raises(Killed):
            move(directory, url, rows_progress=stop)
    with opened(directory) as notary:  # it goes on where it is
        check(notary, deposit(notary, founded[1].statements(1))[0])
    for place in ("before", "after"):
        for step in ("move", "place"):
            cut_short(directory, url, step, place)
    assert move(directory, url).size is None
    assert read_settings(directory).database == url and errors(directory) == []
    with opened(directory) as notary:
        check(notary, deposit(notary, founded[1].statements(1))[0])


def cut_short(directory: Path, url: str, step: str, side: str) -> None:
    def stop(at: str, when: str) -> None:
        if (at, when) == (step, side):
            raise Killed

    try:
        with pytest.raises(Killed):
            move(directory, url, hook=stop)
    finally:
        with pytest.raises(Conflict, match="being moved"):
            opened(directory)
        with pytest.raises(Conflict, match="last step"):
            move(directory, None)


def test_a_move_back_that_another_host_has_come_between_copies_what_it_has_entered(
    founded: tuple[Path, Company, list[bytes]], directory: Path, postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.new()
    move(directory, url)
    put_away(directory, tmp_path / "old")
    other = tmp_path / "other"
    shutil.copytree(directory, other)

    def stop(at: str, when: str) -> None:
        if (at, when) == ("move", "before"):
            raise Killed

    with pytest.raises(Killed):
        move(directory, None, hook=stop)
    with opened(other) as notary:
        with pytest.raises(InUse):
            move(directory, None)
        deposit(notary, founded[1].statements(1))
    shutil.copytree(other / "log", directory / "log", dirs_exist_ok=True)  # they share it
    size = signed(other)[-1].size
    assert move(directory, None).size == size
    assert errors(directory) == []
    with pytest.raises(LedgerFault):
        opened(other)


def test_anchors_and_terms_go_with_the_rows(
    directory: Path, postgres: Postgres, tmp_path: Path
) -> None:
    def held() -> tuple[object, ...]:
        settings = read_settings(directory)
        with open_server(settings) as server, open_desk(directory, settings, server) as desk:
            anchors = AnchorDatabase(server or directory / "anchors.sqlite")
            try:
                notes, stamps = anchors.all(-1, 9)
                by_digest = sorted(stamps, key=lambda each: each.digest)
                return notes, by_digest, anchors.newest(9), terms.read_terms(desk)
            finally:
                anchors.close()

    anchors = AnchorDatabase(directory / "anchors.sqlite")
    tokens = [(1, b"b"), (0, b"a"), (1, b"c")]
    anchors.extend(
        [Anchor(0, 1, "one"), Anchor(1, 2, "two")],
        [Stamp(at, name * 32, TokenEntry(2, name), 50, b"s") for at, name in tokens],
    )
    anchors.close()
    with open_desk(directory, read_settings(directory)) as desk:
        terms.mark(desk, Actor("system", "root"), "ab" * 16, terms.Mark.SUSPENDED, "fees unpaid")
        terms.mark(desk, Actor("system", "root"), "cd" * 16, terms.Mark.HELD, "a court's order")
    before = held()
    assert all(before)
    move(directory, postgres.new())
    assert held() == before
    put_away(directory, tmp_path / "old")
    move(directory, None)
    assert held() == before


def test_the_old_rows_are_never_gone_on_with(directory: Path, postgres: Postgres) -> None:
    url = postgres.new()
    move(directory, url)
    rename_settings(directory, database=None)
    for open_again in (opened, rebuild, examined):
        with pytest.raises(Conflict, match="fork"):
            open_again(directory)


def test_only_an_empty_place_is_taken(directory: Path, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new()
    found(tmp_path / "stranger", database=url)
    with pytest.raises(Conflict, match="holds a ledger already"):
        move(directory, url)
    half = postgres.new()
    stranger = found(tmp_path / "embedded")
    with pytest.raises(Killed):
        move(stranger, half, hook=killed)
    with pytest.raises(Conflict, match="other rows"):
        move(directory, half)
    with pytest.raises(Conflict, match="already"):
        move(directory, None)
    with opened(directory), pytest.raises(InUse):
        move(directory, half)
    assert read_settings(directory).database is None
    with open_server(read_settings(directory)) as server:
        assert server is None


def killed(_step: str, _when: str) -> None:
    raise Killed


@pytest.mark.soak
def test_files_go_to_a_bucket_with_the_rows_and_come_back_the_same(
    founded: tuple[Path, Company, list[bytes]],
    directory: Path,
    postgres: Postgres,
    object_server: ObjectServer,
    tmp_path: Path,
) -> None:
    url, place = postgres.new(), object_server.url()
    assert errors(directory) == []  # puts age files there
    account = directory / "objects" / founded[1].account
    large, gone = account / f"{'a' * 64}.payload", account / f"{'b' * 64}.payload"
    large.write_bytes(os.urandom(9 << 20))
    gone.write_bytes(b"deleted by the office between two tries")
    header = next(account.glob("*.header"))
    before = files(directory)

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise Killed

    with pytest.raises(Killed):
        migrate(directory, database=url, objects=place, files_progress=stop)
    gone.unlink()
    header.write_bytes(header.read_bytes()[::-1])  # replaced by its owner between two tries
    before = files(directory)
    moved = migrate(directory, database=url, objects=place)
    assert moved.files and "objects" in moved.left and files(directory) == before
    assert [each for each in fsck(directory) if each.level == "error"] == []
    rename_settings(directory, objects=None)
    with pytest.raises(Conflict, match="fork"):
        opened(directory)
    rename_settings(directory, objects=place)
    with opened(directory) as notary:
        check(notary, deposit(notary, founded[1].statements(1))[0])

    put_away(directory, tmp_path / "old")
    for name in FOLDERS:
        if (directory / name).exists():
            (directory / name).rename(tmp_path / "old" / name)
    other = tmp_path / "other"
    shutil.copytree(directory, other)
    back = migrate(directory, database=url, objects=None)
    assert back.size is None and back.left[0].startswith("s3://")
    with pytest.raises(Conflict, match="moved away"):
        opened(other)
    migrate(directory, database=None, objects=None)
    after = files(directory)
    kept = {name for name in before if "log/" not in name}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (
        (directory / "log/signed/000000000")
        .read_bytes()
        .startswith((tmp_path / "old/log/signed/000000000").read_bytes())
    )
    with opened(directory) as notary:
        check(notary, deposit(notary, founded[1].statements(1))[0])


def files(directory: Path) -> dict[str, bytes]:
    found = (each for name in FOLDERS for each in (directory / name).rglob("*") if each.is_file())
    return {str(each.relative_to(directory)): each.read_bytes() for each in found}
