"""Small disks of their own, which fill up or turn read-only without harm to anything else."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A mounted file system of a few mebibytes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "another-program"

    def fill(self, leave: int = 0) -> None:
        """Let another program take all but `leave` bytes."""
        with self._filler.open("ab") as file:
            while (free := self.free - leave) > 0:
                try:
                    file.write(bytes(min(free, 1 << 20)))
                    file.flush()
                except OSError:
                    break

    def make_room(self) -> None:
        self._filler.unlink()

    @property
    def free(self) -> int:
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def remount(self, how: str) -> None:
        """Remount "ro" or "rw". What is open for writing there keeps a disk from turning read-only."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.place)], check=True)


@contextmanager
def small_disk(place: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount a disk; skip the test, saying why, where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
