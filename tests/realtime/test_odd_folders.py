"""Folders as they are found: closed to us, odd names and times, more events than the system keeps."""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Company
from tests.realtime.conftest import Daemon, eventually

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def without_rights(daemon: Daemon) -> None:
    """Take from root what other users do not have."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads every folder, and there is no setpriv to take that from it")
        daemon.prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_a_folder_that_is_closed_is_told_and_nothing_in_it_counts_as_deleted(
    daemon: Daemon, company: Company
) -> None:
    without_rights(daemon)
    closed = daemon.folder / "closed"
    closed.mkdir()
    (closed / "a.txt").write_bytes(b"x")
    (daemon.folder / ".git").mkdir(mode=0)
    daemon.start()
    daemon.settled(1)
    daemon.stop()
    closed.chmod(0)
    try:
        daemon.start()
        (daemon.folder / "b.txt").write_bytes(b"x")
        found = daemon.quiet()
        daemon.stop()
    finally:
        closed.chmod(0o755)
    assert [each.meta.title for each in found] == ["a.txt", "b.txt"]
    (failure,) = company.json("status")["failures"]
    assert failure["why"].startswith(f"“{closed}” cannot be read")


def test_a_file_in_a_folder_that_closes_is_told_once(daemon: Daemon, company: Company) -> None:
    without_rights(daemon)
    closed = daemon.folder / "closed"
    closed.mkdir()
    daemon.start()
    with (closed / "a.txt").open("wb") as file:
        file.write(b"x")
        closed.chmod(0)
    try:
        told = re.compile(r"failed\s+“Contracts/closed/a\.txt”\s+\(1\) cannot be read")
        eventually(lambda: told.search(daemon.log.read_text()))
        daemon.quiet()
        assert len(told.findall(daemon.log.read_text())) == 1
    finally:
        closed.chmod(0o755)
    daemon.stop()


def test_times_far_from_ours_are_taken(daemon: Daemon) -> None:
    daemon.start()
    for name, seconds in (("far", 10_413_792_000), ("farther", 2**40), ("before", -(2**31))):
        path = daemon.folder / name
        path.write_bytes(b"x")
        os.utime(path, (seconds, seconds))
    assert {each.meta.title for each in daemon.quiet()} == {"far", "farther", "before"}


def test_a_name_too_long_to_be_told_is_sealed_and_opened_all_the_same(
    daemon: Daemon, company: Company
) -> None:
    daemon.start()
    place = daemon.folder / os.fsdecode(b"/".join([b"\xff" * 200] * 7))
    place.mkdir(parents=True)
    (place / "a.txt").write_bytes(b"content")
    (only,) = daemon.settled(1)
    shown = company.json("show", only.commitment)["provenance"]
    assert shown["path"].startswith(str(daemon.folder))
    assert [content for _, content in daemon.by_path()[only.meta.path]] == [b"content"]


def test_files_whose_events_the_system_has_dropped_are_found(daemon: Daemon) -> None:
    most = int(QUEUE.read_text())
    if most > 100_000:
        pytest.skip(f"this system keeps {most} events")
    daemon.start()
    (daemon.folder / "first.txt").write_bytes(b"x")
    daemon.settled(1)
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    noise = [daemon.folder / f"{number}.tmp" for number in range(2)]
    for number in range(most):
        noise[number % 2].write_bytes(b"")
    for number in range(20):
        (daemon.folder / f"{number}.txt").write_bytes(b"x")
    daemon.process.send_signal(signal.SIGCONT)
    daemon.settled(21, seconds=20)
