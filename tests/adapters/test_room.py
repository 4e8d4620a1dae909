"""The room on the notary's disk: what is under way counts, and no account takes all."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import NoRoom, Unavailable
from ledger.notary.health import Reason
from ledger.notary.storage.room import DiskRoom

A, B = "0a" * 16, "0b" * 16
MIB = 1 << 20


class Disk:
    """A disk that says of itself what a test wants."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.files = 1 << 30
        self.flags = 0

    def __call__(self, _: Path) -> os.statvfs_result:
        return os.statvfs_result(
            (
                1,
                1,
                self.free,
                self.free,
                self.free,
                self.files,
                self.files,
                self.files,
                self.flags,
                9,
            )
        )


def room(disk: Disk, tmp_path: Path, **options: int) -> DiskRoom:
    options = {"reserve": 10 * MIB, "tight": 0, "share": 0} | options
    return DiskRoom(tmp_path, measure=disk, **options)  # type: ignore[arg-type]


def test_what_is_asked_for_counts_until_it_is_written(tmp_path: Path) -> None:
    disk = Disk(30 * MIB)
    asked = room(disk, tmp_path)
    held = asked.hold(A, 15 * MIB)
    with pytest.raises(NoRoom, match="no room"):
        asked.hold(B, 6 * MIB)
    disk.free -= 15 * MIB
    held.release()
    held.release()  # once is enough
    with asked.hold(B, 5 * MIB), pytest.raises(NoRoom):
        asked.hold(None, 1)


def test_what_was_given_back_is_there_again(tmp_path: Path) -> None:
    asked = room(Disk(30 * MIB), tmp_path)
    for _ in range(20):
        with asked.hold(A, 15 * MIB):
            pass


def test_writers_side_by_side_never_reach_the_reserve(tmp_path: Path) -> None:
    disk, lock = Disk(50 * MIB), threading.Lock()
    asked = room(disk, tmp_path)
    lowest = disk.free

    def write(number: int) -> bool:
        nonlocal lowest
        try:
            with asked.hold(f"{number:032x}", MIB), lock:
                disk.free -= MIB
                lowest = min(lowest, disk.free)
        except NoRoom:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        written = sum(pool.map(write, range(200)))
    assert lowest >= 10 * MIB
    assert written >= 39


def test_no_account_takes_the_last_of_it_from_the_others(tmp_path: Path) -> None:
    disk = Disk(50 * MIB)
    asked = room(disk, tmp_path, tight=32 * MIB, share=2 * MIB)
    wrote = dict.fromkeys((A, B), 0)
    for account in (A, B):
        with pytest.raises(NoRoom, match="had its part"):
            while True:
                with asked.hold(account, MIB):
                    disk.free -= MIB
                    wrote[account] += MIB
    assert wrote == {A: (8 + 2) * MIB, B: 2 * MIB}
    with pytest.raises(NoRoom):
        asked.require(A, MIB)
    disk.free = 60 * MIB
    with asked.hold(A, MIB):
        assert asked.health.reasons == ()


def test_one_large_piece_does_not_jump_the_line(tmp_path: Path) -> None:
    asked = room(Disk(50 * MIB), tmp_path, tight=32 * MIB, share=2 * MIB)
    with pytest.raises(NoRoom, match="had its part"):
        asked.hold(A, 30 * MIB)
    asked.hold(A, 10 * MIB).release()


def test_a_full_disk_is_told_of_until_there_is_room_again(tmp_path: Path) -> None:
    disk = Disk(10 * MIB)
    asked = room(disk, tmp_path)
    asked.look()
    assert asked.health.reasons == (Reason.FULL,)
    disk.free = 30 * MIB
    asked.look()
    assert asked.health.status == "ok"
    disk.files = 10
    asked.look()
    with pytest.raises(NoRoom):
        asked.hold(None, 1)
    assert asked.health.reasons == (Reason.FULL,)


def test_a_disk_that_can_only_be_read_takes_nothing(tmp_path: Path) -> None:
    disk = Disk(100 * MIB)
    asked = room(disk, tmp_path)
    disk.flags = os.ST_RDONLY
    for ask in (asked.require_writable, lambda: asked.hold(A, 1)):
        with pytest.raises(Unavailable, match="only be read"):
            ask()
    assert asked.health.status == Reason.READ_ONLY
    disk.flags = 0
    asked.require_writable()
    assert asked.health.reasons == ()
