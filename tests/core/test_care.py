"""Backup, restore and rebuild of a ledger whose rows lie on a server and whose files in a bucket."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from ledger.auditor.audit import Audit
from ledger.auditor.mirror import Mirror
from ledger.auditor.sources import Folder
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import NOTICE
from ledger.chain.trust import parse_trust
from ledger.cli.root import cli
from ledger.errors import Conflict, InvalidInput, LedgerFault, SealbookError, StorageFailed
from ledger.notary.care import fsck as fsck_module
from ledger.notary.care import looking
from ledger.notary.care.doctor import Level, examine
from ledger.notary.care.fsck import fsck
from ledger.notary.care.manifest import read_manifest
from ledger.notary.care.rebuild import rebuild
from ledger.notary.care.restore import restore
from ledger.notary.desk import staff
from ledger.notary.desk.roles import Role
from ledger.notary.desk.trail import Actor, rows, verify_trail
from ledger.notary.ordering import command
from ledger.notary.orders import Backup, Erase
from ledger.notary.ports import Step
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.directory import Settings, read_settings
from ledger.notary.storage.stores import open_desk, open_files, open_server
from tests.notaries import NOW, ORIGIN, Clock, Company, check, deposit, found, opened
from tests.objects import ObjectServer
from tests.postgres import Postgres

COUNT = 300


class Killed(BaseException):
    """The machine stops."""


@pytest.fixture(scope="module")
def founded(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Company, list[bytes]]:
    """A notary on a server, with a full tile, staff and ciphertext; what was receipted."""
    directory = tmp_path_factory.mktemp("care") / "notary"
    return directory, *worked(found(directory, database=postgres.new()), COUNT)


def worked(directory: Path, count: int) -> tuple[Company, list[bytes]]:
    with opened(directory) as notary:
        company = Company().enrol(notary)
        receipts = deposit(notary, company.statements(count))
        assert notary.staff_desk is not None
        staff.add(notary.staff_desk, "Li", Role.OFFICER, Actor("system", "root"))
    files = open_files(directory, read_settings(directory), f"objects/{company.account}")
    for root, size in zip(company.roots, (70_000, 4_096), strict=True):
        files.write(f"{root.hex()}.header", b"h" * 200)
        files.write(f"{root.hex()}.payload", bytes(size))
    return company, receipts


def errors(directory: Path) -> list[str]:
    """What is wrong, but for the ciphertext, which stands in for real one."""
    return [
        f"{each.place}: {each.problem}"
        for each in fsck(directory)
        if each.level == "error" and "objects" not in each.place
    ]


def files(folder: Path) -> dict[str, int]:
    return {
        str(each.relative_to(folder)): each.stat().st_ino
        for each in folder.rglob("*")
        if each.is_file() and "sqlite" not in each.name and each.name != "notary.lock"
    }


def statements(receipts: list[bytes]) -> list[bytes]:
    return [parse_receipt(each).statement for each in receipts]


def test_a_backup_is_embedded_and_goes_on_where_it_ended(
    founded: tuple[Path, Company, list[bytes]], tmp_path: Path
) -> None:
    directory, company, receipts = founded
    target, new = tmp_path / "backup", tmp_path / "new"
    with opened(directory, serve=True) as notary:  # the command works beside it
        size = command(directory, Backup(str(target))).size
        before = files(target)
        (more,) = deposit(notary, company.statements(1))
        again = command(directory, Backup(str(target))).size
        assert again > size
    after = files(target)
    changed = {name for name, inode in before.items() if after.get(name) != inode}
    assert not {
        each for each in changed if each.startswith(("objects/", "records/", "log/tile/0/0"))
    }
    with pytest.raises(Conflict, match="is a backup"):
        opened(target)
    made = read_manifest(target)
    assert made is not None and (made.size, made.files > 10) == (again, True)
    assert read_settings(target).database is None
    assert errors(target) == []
    assert restore(target, new, clock=Clock(), random=os.urandom).last.size == again
    require_goes_on(new, company, [*receipts[:3], more])
    assert errors(new) == []


def test_a_backup_is_not_told_off_for_what_it_leaves_out(tmp_path: Path) -> None:
    worked(found(tmp_path / "notary"), 3)
    command(tmp_path / "notary", Backup(str(tmp_path / "backup")))
    assert not [each for each in fsck(tmp_path / "backup") if "published" in each.problem]
    (tmp_path / "notary/log/checkpoint").unlink()
    assert [each for each in fsck(tmp_path / "notary") if "nothing is published" in each.problem]


def test_of_more_findings_than_are_listed_it_is_told_how_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = found(tmp_path / "notary")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(7))
    every = fsck(directory)
    assert len(every) > 5
    monkeypatch.setattr(fsck_module, "_MAX_FINDINGS", 5)
    *listed, last = fsck(directory)
    assert tuple(listed) == every[:5]
    assert last.problem.startswith(f"{len(every)} findings in all; {len(every) - 5} of them")
    assert last.level == "error"


def test_of_unlisted_warnings_alone_comes_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = found(tmp_path / "notary")
    for number in range(3):
        (directory / f"records/{number:064x}").write_bytes(b"{}")
    monkeypatch.setattr(fsck_module, "_MAX_FINDINGS", 1)
    assert [each.level for each in fsck(directory)] == ["warning", "warning"]


def require_goes_on(directory: Path, company: Company, receipts: list[bytes]) -> None:
    with open_desk(directory, read_settings(directory)) as desk:
        assert [each.member.name for each in staff.roster(desk)] == ["Li"]
        verify_trail(desk.origin, rows(desk))
    with opened(directory) as notary:
        assert deposit(notary, statements(receipts)) == receipts
        check(notary, deposit(notary, company.statements(1))[0])


def test_a_bucket_and_a_server_are_backed_up_and_restored_into_others(
    postgres: Postgres, object_server: ObjectServer, tmp_path: Path
) -> None:
    directory, target, new = tmp_path / "notary", tmp_path / "backup", tmp_path / "new"
    company, receipts = worked(
        found(directory, database=postgres.new(), objects=object_server.url()), 3
    )
    gone = f"objects/{company.account}/{'a' * 64}.payload"
    bucket = open_bucket(str(read_settings(directory).objects))
    bucket.put(gone, bytes(9 << 20), {})
    with opened(directory) as notary:
        notary.backup(target)
        assert read_settings(target).objects is None
        assert (target / gone).stat().st_size == 9 << 20
        before = files(target)
        receipts += deposit(notary, company.statements(1))
        bucket.delete([gone])
        notary.backup(target)
    assert before[gone] and not (target / gone).exists()
    kept = {each for each in before if each.endswith(".payload") or "records" in each} - {gone}
    assert kept and all(before[each] == files(target)[each] for each in kept)
    assert errors(target) == []
    looked = examine(directory, {}, NOW + 60, looking.files, looking.settled)
    assert [each for each in looked if each.level is Level.MEND] == []
    places = {"database": postgres.new(), "objects": object_server.url()}
    restore(target, new, **places, clock=Clock(), random=os.urandom)  # type: ignore[arg-type]
    assert sorted(each.name for each in new.iterdir() if each.is_dir()) == ["keys", "uploads"]
    assert not list(new.glob("*.sqlite"))
    require_goes_on(new, company, receipts)
    assert errors(new) == []
    with pytest.raises(Conflict, match="holds a ledger already"):
        restore(target, tmp_path / "n2", **places, clock=Clock(), random=os.urandom)  # type: ignore[arg-type]


def test_a_backup_that_is_killed_anywhere_leaves_the_one_before_it_whole(
    founded: tuple[Path, Company, list[bytes]], tmp_path: Path
) -> None:
    directory, company, _ = founded
    target = tmp_path / "backup"
    with opened(directory) as notary:
        held = notary.backup(target)
    for number, point in enumerate(
        ((Step.BACKUP_CHECKPOINTS, "before"), (Step.BACKUP_SETTINGS, "before"))
    ):

        def stop(at: Step, when: str, point: tuple[Step, str] = point) -> None:
            if (at, when) == point:
                raise Killed

        with opened(directory, hook=stop) as notary:
            deposit(notary, company.statements(1))
            with pytest.raises(Killed):
                notary.backup(target)
            now = notary.sequencer.last.size
        new = tmp_path / f"new{number}"
        last = restore(target, new, clock=Clock(), random=os.urandom).last
        if number:  # the checkpoints are there
            held = now
        assert last.size == held
        shutil.rmtree(new)
    assert errors(target) == []


def test_what_was_altered_in_a_backup_is_neither_gone_on_with_nor_restored(
    founded: tuple[Path, Company, list[bytes]], tmp_path: Path
) -> None:
    directory, _, _ = founded
    target = tmp_path / "backup"
    with opened(directory) as notary:
        notary.backup(target)
        shutil.copytree(target, tmp_path / "other")
        key = tmp_path / "other" / "keys" / "seal-p256.pem"
        key.write_bytes(key.read_bytes()[:-40])
        with pytest.raises(LedgerFault, match="not what was backed up"):
            restore(tmp_path / "other", tmp_path / "new", clock=Clock(), random=os.urandom)
        assert not (tmp_path / "new" / "notary.toml").exists()
        manifest = target / "manifest"
        manifest.write_text(manifest.read_text().replace("height = ", "height = 1"))
        with pytest.raises(LedgerFault, match="was altered"):
            notary.backup(target)
    with pytest.raises(InvalidInput, match="no backup"):
        restore(directory, tmp_path / "new", clock=Clock(), random=os.urandom)


def test_a_database_that_was_lost_is_made_anew_from_the_bucket(
    founded: tuple[Path, Company, list[bytes]], postgres: Postgres, tmp_path: Path
) -> None:
    directory, company, receipts = founded
    database = read_settings(directory).database
    assert database is not None
    for lost in ("DELETE FROM entries WHERE idx > 100", "DROP SCHEMA sealbook CASCADE"):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SET search_path = sealbook")
            connection.execute("ALTER TABLE entries DISABLE TRIGGER ALL")
            connection.execute("INSERT INTO packs VALUES (7, 'whole')")  # what no pack says
            connection.execute(lost)
        with pytest.raises(LedgerFault):
            opened(directory)
        for step in (Step.REBUILD_DATABASE, Step.REBUILD_CHECKPOINTS):
            with contextlib.suppress(Killed):
                rebuild(directory, hook=killer(step))
        assert rebuild(directory) > COUNT
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM sealbook.packs").fetchone() == (0,)
        with opened(directory) as notary:
            assert deposit(notary, statements(receipts[-3:])) == receipts[-3:]
            check(notary, deposit(notary, company.statements(1))[0])
        assert errors(directory) == []


def killer(step: Step) -> Callable[[Step, str], None]:
    def stop(at: Step, when: str) -> None:
        if (at, when) == (step, "before"):
            raise Killed

    return stop


def test_a_mirror_gives_back_what_came_after_the_backup(tmp_path: Path) -> None:
    directory, target, new = tmp_path / "notary", tmp_path / "backup", tmp_path / "new"
    company, _ = worked(found(directory), 3)
    with opened(directory) as notary:
        old = notary.backup(target)
        receipts = deposit(notary, company.statements(300))
        last = notary.sequencer.last
    with pytest.raises(LedgerFault, match=r"fork the ledger.*restore --mirror"):
        checkpoints = directory / "checkpoints.sqlite"
        restore(target, new, checkpoints=checkpoints, clock=Clock(), random=os.urandom)
    trust = parse_trust(next(directory.glob("*.trust")).read_bytes())
    mirror = tmp_path / "mirror"
    Audit(Folder(directory / "log"), trust, mirror=Mirror(mirror)).run()
    words = ["notary", "restore", target, "--dir", new, "--mirror", mirror]
    told = CliRunner().invoke(cli, [*map(str, words), "--checkpoints", str(checkpoints)])
    assert told.exit_code == 0, told.output
    assert f"from {last.size} entries" in " ".join(told.output.split()) and last.size > old
    with opened(new) as notary:
        assert deposit(notary, statements(receipts[-3:]))
        note = notary.block(last.height)[1]
        assert note == last.note
        check(notary, deposit(notary, company.statements(1))[0])
    assert errors(new) == []

    strange = tmp_path / "strange"
    company, _ = worked(found(strange), 300)
    with pytest.raises(SealbookError):
        stranger = Folder(strange / "log")
        restore(target, tmp_path / "n2", mirror=stranger, clock=Clock(), random=os.urandom)
    assert not (tmp_path / "n2" / "notary.toml").exists()


def test_of_two_that_found_in_one_database_the_slower_is_told_so(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.new()
    settings = Settings(ORIGIN, "Notary Office", database=url)
    with open_server(settings, founding=True) as other:
        assert other is not None and other.lead.take()
        with pytest.raises(Conflict, match="was faster"):
            found(tmp_path / "notary", database=url)
        with pytest.raises(StorageFailed) as failed, other.storage():
            raise psycopg.OperationalError("no route\n\tto host\n")
    assert "no route to host" in str(failed.value)


def test_a_command_whose_notice_was_entered_before_the_disk_failed_says_it_once(
    tmp_path: Path,
) -> None:
    found(tmp_path / "notary")
    with opened(tmp_path / "notary") as notary:
        company = Company().enrol(notary)
        order = Erase(company.account, "asked for", "li", "terminal")
        notary.sequencer._writer.hook = fail_once(Step.CHECKPOINT)
        with pytest.raises(StorageFailed):
            notary.execute(order)
        done = notary.execute(order)
        notices = notary.entries.office(NOTICE)
        assert [each.index for each in notices] == [done.notice]
        with pytest.raises(Conflict, match="erased already"):
            notary.execute(order)


def fail_once(step: Step) -> Callable[[Step, str], None]:
    failed: list[bool] = []

    def hook(at: Step, when: str) -> None:
        if (at, when) == (step, "before") and not failed:
            failed.append(True)
            raise StorageFailed("the disk is gone")

    return hook
