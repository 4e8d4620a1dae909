"""A backup beside a working notary: it goes on where it ended, stops at once, holds nobody up."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import Conflict, NoRoom, NotFound, Refused, Unavailable
from ledger.notary.care.fsck import fsck
from ledger.notary.care.restore import restore
from ledger.notary.leaving import leave
from ledger.notary.notary import Notary, open_notary
from ledger.notary.ordering import command
from ledger.notary.orders import AskState, Backup, SayNotice, format_order, parse_refusal
from ledger.notary.seeing import see
from ledger.notary.storage.office import OfficeDatabase
from ledger.notary.storage.room import DiskRoom, Hold
from tests.disks import small_disk
from tests.notaries import NOW, Clock, Company, deposit, examined, found, opened

MIB = 1 << 20


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notary with 600 deposits and ciphertext of 3 MiB."""
    directory = found(tmp_path_factory.mktemp("worked") / "notary")
    with opened(directory) as notary:
        company = Company().enrol(notary)
        deposit(notary, company.statements(600))
    folder = directory / "objects" / company.account
    folder.mkdir()
    (folder / f"{'5d' * 32}.header").write_bytes(os.urandom(2_000))
    (folder / f"{'5d' * 32}.payload").write_bytes(os.urandom(3 * MIB))
    return directory


@pytest.fixture
def directory(worked: Path, tmp_path: Path) -> Path:
    return shutil.copytree(worked, tmp_path / "notary")


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Which file, written when, lies under each name; the databases aside."""
    return {
        str(each.relative_to(folder)): (each.stat().st_ino, each.stat().st_ctime_ns)
        for each in folder.rglob("*")
        if each.is_file() and "sqlite" not in each.name and each.name != "notary.lock"
    }


def written(work: Callable[[], object]) -> int:
    """The bytes that this process writes while `work` runs."""

    def so_far() -> int:
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["wchar"])

    before = so_far()
    work()
    return so_far() - before


def test_the_next_backup_copies_only_what_is_new(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    with opened(directory) as notary:
        first = written(lambda: notary.backup(target))
        held = stamps(target)
        nothing = written(lambda: notary.backup(target))
        again = stamps(target)
        deposit(notary, Company().enrol(notary).statements(5))
        (folder,) = (each for each in (directory / "objects").iterdir() if each.is_dir())
        (folder / f"{'5e' * 32}.payload").write_bytes(os.urandom(100_000))
        some = written(lambda: notary.backup(target))
        size = notary.sequencer.last.size
    assert first > 3 * MIB
    desk = (target / "desk.sqlite").stat().st_size  # copied whole each time
    assert nothing < 20_000 + desk < 200_000
    assert 100_000 < some < MIB
    changed = {name for name, stamp in held.items() if again[name] != stamp}
    assert "manifest" in changed
    assert not {name for name in changed if "/" in name and not name.startswith("keys/")}
    assert restore(target, tmp_path / "new", clock=Clock(), random=os.urandom).last.size == size
    assert [each for each in examined(tmp_path / "new") if each.level == "error"] == []


def test_what_was_erased_is_erased_in_the_next_backup(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    with opened(directory) as notary:
        (account,) = (each.account for each in notary.accounts.list())
        notary.backup(target)
        assert list((target / "records").iterdir())
        notary.accounts.erase(account)
        notary.backup(target)
    assert list((target / "records").iterdir()) == []


def test_a_changed_file_of_the_same_size_is_copied_again(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    header = next((directory / "objects").rglob("*.header"))
    with opened(directory) as notary:
        notary.backup(target)
        data = os.urandom(header.stat().st_size)
        header.unlink()
        header.write_bytes(data)
        notary.backup(target)
    assert (target / header.relative_to(directory)).read_bytes() == data


def test_it_goes_on_with_nothing_that_is_another_history(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    old = shutil.copytree(directory, tmp_path / "old")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(5))
        notary.backup(target)
    with opened(old) as notary, pytest.raises(Conflict, match="has not signed"):
        notary.backup(target)


@pytest.fixture
def serving(directory: Path) -> Iterator[Notary]:
    with open_notary(directory, clock=Clock(NOW + 10), serve=True) as notary:
        yield notary


class Held:
    """A disk on which a backup stands still until it is let go on."""

    def __init__(self, notary: Notary) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._hold = notary._room.hold
        notary._room.hold = self.hold  # type: ignore[method-assign]

    def hold(self, account: str | None, size: int) -> Hold:
        if size > MIB:
            self.reached.set()
            assert self.go_on.wait(30)
        return self._hold(account, size)


def test_the_office_works_on_while_a_backup_is_copied(serving: Notary, tmp_path: Path) -> None:
    directory, target = serving.directory, tmp_path / "backup"
    held = Held(serving)
    answers: list[object] = []
    thread = threading.Thread(
        target=lambda: answers.append(command(directory, Backup(str(target))))
    )
    thread.start()
    assert held.reached.wait(30)
    assert command(directory, SayNotice("while it runs")).index
    size = command(directory, AskState()).size
    assert answers == []
    held.go_on.set()
    thread.join(30)
    assert answers and answers[0].size < size  # type: ignore[attr-defined]
    assert not [
        each for each in fsck(target) if each.level == "error" and "checkpoint" in each.place
    ]


def test_a_backup_ends_with_the_service_and_goes_on_later(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    with open_notary(directory, clock=Clock(NOW + 10), serve=True) as notary:
        held = Held(notary)
        office = OfficeDatabase(directory / "office.sqlite")
        number = office.give(*format_order(Backup(str(target))))
        assert held.reached.wait(30)
        notary._cancelled.set()
        held.go_on.set()
    order = office.order(number)
    office.close()
    assert order is not None
    assert order.answer is not None
    assert "goes on from where it stopped" in parse_refusal(order.answer).detail
    with pytest.raises(NotFound):
        restore(target, tmp_path / "new", clock=Clock(), random=os.urandom)
    with opened(directory) as notary:
        assert notary.backup(target) == notary.sequencer.last.size


def test_a_backup_is_not_made_where_the_service_finds_another_directory(
    serving: Notary, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "backup"
    seen = see(target)
    assert seen.path == str(tmp_path)
    with closing(OfficeDatabase(serving.directory / "office.sqlite")) as office:
        for above in (replace(seen, inode=seen.inode + 1), replace(seen, path=str(target))):
            with pytest.raises(Refused, match="finds another directory"):
                leave(office, Backup(str(target), above), lambda: True)
    assert not target.parent.exists()
    command(serving.directory, Backup(str(target)))
    assert (target / "manifest").exists()


def test_a_backup_that_is_withdrawn_stops(serving: Notary, tmp_path: Path) -> None:
    held = Held(serving)
    office = OfficeDatabase(serving.directory / "office.sqlite")
    number = office.give(*format_order(Backup(str(tmp_path / "backup"))))
    assert held.reached.wait(30)
    assert office.withdraw(number)
    office.close()
    assert serving._cancelled.wait(30)
    held.go_on.set()
    assert serving._copying is not None
    serving._copying[1].join(30)
    assert not list((tmp_path / "backup").rglob("*.part"))
    assert not (tmp_path / "backup" / "notary.toml").exists()


def test_a_backup_on_the_same_disk_leaves_the_reserve_alone(worked: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        directory = shutil.copytree(worked, disk.place / "notary")
        room = DiskRoom(directory, reserve=disk.free - 2 * MIB, tight=0)
        with open_notary(directory, clock=Clock(NOW + 10), room=room) as notary:
            with pytest.raises(NoRoom):
                notary.backup(disk.place / "backup")
            assert not list((disk.place / "backup").rglob("*.part"))
            notary.backup(tmp_path / "elsewhere")


def test_a_backup_is_restored_from_a_disk_that_can_only_be_read(
    directory: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 32) as disk:
        with opened(directory) as notary:
            size = notary.backup(disk.place / "backup")
        disk.remount("ro")
        last = restore(
            disk.place / "backup", tmp_path / "new", clock=Clock(), random=os.urandom
        ).last
    assert last.size == size


def test_a_full_target_is_a_clear_error_and_leaves_no_half_file(
    directory: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 3) as disk, opened(directory) as notary:
        with pytest.raises(NoRoom, match="no more room"):
            notary.backup(disk.place / "backup")
        assert not list((disk.place / "backup").rglob("*.part"))
        subprocess.run(["mount", "-o", "remount,size=32m", str(disk.place)], check=True)
        assert notary.backup(disk.place / "backup") == notary.sequencer.last.size


def test_a_cancelled_backup_says_so(directory: Path, tmp_path: Path) -> None:
    with opened(directory) as notary:
        notary._cancelled.set()
        with pytest.raises(Unavailable, match="goes on from where it stopped"):
            notary.backup(tmp_path / "backup")
