"""Watched folders, with a real daemon and a real notary: what is sealed, and what is recorded."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from ledger.company.capture.watching import RESCAN
from tests.cli.conftest import Company
from tests.realtime.conftest import Daemon, eventually

MANY = 150
"""Files, well over what is sealed side by side."""
LIMIT = RESCAN / 2
"""Seconds from a file's being closed to its receipt: only an event tells of it so soon."""


def delays(daemon: Daemon) -> list[float]:
    found = []
    for each in daemon.vault.deposits():
        receipt = each.folder / "receipt"
        found.append(receipt.stat().st_mtime - Path(each.meta.path).stat().st_mtime)
    return found


def test_a_new_file_is_deposited_without_waiting_for_a_rescan(
    daemon: Daemon, company: Company
) -> None:
    daemon.start()
    (daemon.folder / "contract.pdf").write_bytes(b"%PDF")
    (only,) = daemon.settled(1)
    assert max(delays(daemon)) < LIMIT
    assert only.meta.path == str(daemon.folder / "contract.pdf")
    assert company.json("verify", only.folder / "receipt")["good"]
    assert [each.name for each in daemon.folder.iterdir()] == ["contract.pdf"], "no receipt beside"
    shown = company.json("show", only.commitment)["provenance"]
    assert shown["stated by"].startswith("the depositor's software")
    assert shown["path"] == str(daemon.folder / "contract.pdf")
    assert {"host", "tool", "modified", "captured", "clock"} <= shown.keys()


def test_versions_of_a_file_are_one_matter(daemon: Daemon) -> None:
    daemon.start()
    paper = daemon.folder / "paper.txt"
    for number in range(1, 4):
        paper.write_text(f"version {number}")
        daemon.settled(number)
    found = daemon.vault.deposits()
    matters = [each.deposit.matter for each in found]
    assert len({matter.id for matter in matters if matter}) == 1
    assert [matter.number for matter in matters if matter] == [1, 2, 3]
    assert [content for _, content in daemon.by_path()[str(paper)]] == [
        b"version 1", b"version 2", b"version 3",
    ]  # fmt: skip


def test_a_file_written_in_steps_is_sealed_when_it_is_closed(daemon: Daemon) -> None:
    daemon.start()
    with (daemon.folder / "slow.txt").open("wb", buffering=0) as file:
        for _ in range(4):
            file.write(b"part ")
            time.sleep(0.4)
    for _ in range(3):
        with (daemon.folder / "steps.txt").open("ab") as file:
            file.write(b"step ")
        time.sleep(0.05)
    daemon.quiet()
    found = daemon.by_path()
    assert found[str(daemon.folder / "slow.txt")] == [("slow.txt", b"part part part part ")]
    assert found[str(daemon.folder / "steps.txt")] == [("steps.txt", b"step step step ")]


def test_a_save_by_rename_is_the_next_version(daemon: Daemon) -> None:
    daemon.start()
    paper = daemon.folder / "paper.odt"
    paper.write_bytes(b"one")
    daemon.settled(1)
    # As many editors do: a temporary file, the old one renamed away, the new one renamed in.
    temporary = daemon.folder / "paper.odt.tmp"
    temporary.write_bytes(b"two")
    temporary.replace(paper)
    daemon.settled(2)
    backup = daemon.folder / "paper.odt~"
    paper.rename(backup)
    paper.write_bytes(b"three")
    backup.unlink()
    daemon.settled(3)
    daemon.quiet()
    assert [content for _, content in daemon.by_path()[str(paper)]] == [b"one", b"two", b"three"]


def test_moves_and_deletions_are_recorded_in_the_files_matter(daemon: Daemon) -> None:
    daemon.start()
    (daemon.folder / "a.txt").write_bytes(b"content")
    daemon.settled(1)
    (daemon.folder / "sub").mkdir()
    (daemon.folder / "a.txt").rename(daemon.folder / "sub" / "b.txt")
    daemon.settled(2)
    (daemon.folder / "sub" / "b.txt").write_bytes(b"changed")
    daemon.settled(3)
    (daemon.folder / "sub" / "b.txt").unlink()
    found = daemon.settled(4)
    assert [each.meta.title for each in found] == [
        "a.txt", "a.txt (moved)", "b.txt", "b.txt (deleted)",
    ]  # fmt: skip
    matters = [each.deposit.matter for each in found]
    assert len({matter.id for matter in matters if matter}) == 1
    assert [matter.number for matter in matters if matter] == [1, 2, 3, 4]
    moved = daemon.by_path()[str(daemon.folder / "sub" / "b.txt")][0][1].decode()
    assert f"path: {daemon.folder / 'a.txt'}" in moved
    assert f"to: {daemon.folder / 'sub' / 'b.txt'}" in moved


def test_a_folder_that_moves_takes_its_files_matters_along(daemon: Daemon) -> None:
    daemon.start()
    (daemon.folder / "old").mkdir()
    for name in ("a", "b"):
        (daemon.folder / "old" / name).write_bytes(name.encode())
    daemon.settled(2)
    (daemon.folder / "old").rename(daemon.folder / "new")
    assert sorted(each.meta.title for each in daemon.quiet()) == [
        "a",
        "a (moved)",
        "b",
        "b (moved)",
    ]


def test_a_folder_of_more_files_than_the_queue_holds_moves_without_a_deletion(
    daemon: Daemon,
) -> None:
    (daemon.folder / "old").mkdir()
    for number in range(MANY):
        (daemon.folder / "old" / f"{number}.txt").write_text(f"paper {number}")
    daemon.start()
    daemon.settled(MANY)
    (daemon.folder / "old").rename(daemon.folder / "new")
    daemon.settled(2 * MANY)
    gone = [daemon.folder / "new" / f"{number}.txt" for number in range(3)]
    for each in gone:
        each.unlink()
    found = daemon.settled(2 * MANY + 3)
    events = [each.meta.title.partition(" (")[2] for each in found]
    assert (events.count("moved)"), events.count("deleted)")) == (MANY, 3)
    matters: dict[bytes, list[int]] = {}
    for paper in found:
        assert paper.deposit.matter is not None
        matters.setdefault(paper.deposit.matter.id, []).append(paper.deposit.matter.number)
    assert len(matters) == MANY
    assert sorted(map(sorted, matters.values())) == [[1, 2]] * (MANY - 3) + [[1, 2, 3]] * 3


def test_what_is_copied_or_moved_in_is_taken_at_once(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    tree = tmp_path / "tree" / "deep" / "er"
    tree.mkdir(parents=True)
    for number in range(5):
        (tree / f"{number}.txt").write_bytes(b"x")
    shutil.copytree(tmp_path / "tree", daemon.folder / "copied")
    (tmp_path / "tree").rename(daemon.folder / "moved")
    loose = tmp_path / "loose.txt"
    loose.write_bytes(b"loose")
    loose.rename(daemon.folder / "loose.txt")
    original = tmp_path / "linked.txt"
    original.write_bytes(b"linked")
    os.link(original, daemon.folder / "linked.txt")
    began = time.monotonic()
    daemon.settled(12, seconds=40)
    assert time.monotonic() - began < 40  # the next look at everything comes after a minute


def test_names_in_any_script_survive(daemon: Daemon) -> None:
    daemon.start()
    names = ["合同 第二版.txt", "договор.txt", "🔏.txt", " space ", "-dash", "new\nline"]
    for name in names:
        (daemon.folder / name).write_bytes(b"x")
    raw = os.fsencode(daemon.folder) + b"/\xff\xfe.txt"
    Path(os.fsdecode(raw)).write_bytes(b"raw")
    found = daemon.settled(len(names) + 1)
    assert {os.fsencode(each.meta.path) for each in found} == {
        raw, *(os.fsencode(daemon.folder / name) for name in names),
    }  # fmt: skip


def test_locks_temporary_files_links_and_our_own_files_are_left_alone(daemon: Daemon) -> None:
    for name in (
        "~$a.docx", ".~lock.a.odt#", ".a.txt.swp", "a.part", "a.crdownload", "a.tmp", "a.txt~",
        "a.txt.receipt", "case.evidence", "acme.request",
    ):  # fmt: skip
        (daemon.folder / name).write_bytes(b"x")
    (daemon.folder / "link").symlink_to("/etc/hostname")
    (daemon.folder / "loop").symlink_to(".")
    os.mkfifo(daemon.folder / "pipe")
    daemon.start()
    (daemon.folder / "other.txt.swp").write_bytes(b"x")
    (daemon.folder / "late").symlink_to("/etc/hostname")
    (daemon.folder / "good.txt").write_bytes(b"x")
    assert [each.meta.title for each in daemon.quiet()] == ["good.txt"]


def test_an_unreadable_file_is_told_and_the_others_go_on(daemon: Daemon) -> None:
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads every file, and there is no setpriv to take that from it")
        daemon.prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    daemon.start()
    (daemon.folder / "secret.txt").touch(mode=0o000)
    (daemon.folder / "good.txt").write_bytes(b"x")
    daemon.settled(1)
    told = re.compile(r"failed\s+“Contracts/secret\.txt”\s+\(1\) cannot be read")
    eventually(lambda: told.search(daemon.log.read_text()))
    assert len(daemon.vault.deposits()) == 1


def test_what_was_missed_is_found_by_the_rescan_at_the_start(daemon: Daemon) -> None:
    for name in ("kept", "changed", "moved", "deleted"):
        (daemon.folder / name).write_bytes(b"one")
    daemon.start()
    daemon.settled(4)
    daemon.stop()
    (daemon.folder / "changed").write_bytes(b"two")
    (daemon.folder / "moved").rename(daemon.folder / "elsewhere")
    (daemon.folder / "deleted").unlink()
    (daemon.folder / "new").write_bytes(b"new")
    daemon.start()
    first = daemon.quiet("first look")
    daemon.stop()
    daemon.start()
    second = daemon.quiet("second look")
    for found in (first, second):
        assert sorted(each.meta.title for each in found) == [
            "changed", "changed", "deleted", "deleted (deleted)", "kept", "moved", "moved (moved)",
            "new",
        ]  # fmt: skip


def test_a_disk_that_is_missing_is_no_deletion(daemon: Daemon) -> None:
    (daemon.folder / "a").write_bytes(b"a")
    daemon.start()
    daemon.settled(1)
    daemon.stop()
    daemon.folder.rename(daemon.folder.with_name("away"))
    daemon.folder.mkdir()
    daemon.start()
    eventually(lambda: b"It is empty" in daemon.log.read_bytes())
    daemon.stop()
    daemon.folder.rmdir()
    daemon.folder.with_name("away").rename(daemon.folder)
    daemon.start()
    assert [each.meta.title for each in daemon.quiet()] == ["a"]


def test_the_device_key_is_enough(daemon: Daemon, company: Company) -> None:
    (company.home / "identity.txt").rename(company.folder / "identity.txt")
    daemon.start()
    (daemon.folder / "a.txt").write_bytes(b"a")
    (only,) = daemon.settled(1)
    assert company.json("verify", only.folder / "receipt")["good"]


def test_receipts_go_beside_the_files_where_the_rule_says_so(company: Company) -> None:
    daemon = Daemon(company, "--receipts-beside")
    daemon.start()
    (daemon.folder / "a.txt").write_bytes(b"a")
    eventually((daemon.folder / "a.txt.receipt").exists)
    assert [each.meta.title for each in daemon.quiet()] == ["a.txt"], "no receipt is deposited"
    daemon.stop()


def test_patterns_choose(company: Company) -> None:
    daemon = Daemon(company, "--include", "*.pdf", "--exclude", "drafts")
    daemon.start()
    for name in ("a.pdf", "a.txt", "drafts/b.pdf", "final/c.pdf"):
        path = daemon.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    found = daemon.quiet("last.pdf")
    daemon.stop()
    assert sorted(each.meta.title for each in found) == ["a.pdf", "c.pdf"]


def test_where_the_system_cannot_watch_rescans_have_to_do(company: Company) -> None:
    script = """
import sys
from ledger.company.capture import watching
from watchdog.observers.api import BaseObserver
def refuse(*_, **__):
    raise OSError(28, "inotify watch limit reached")
BaseObserver.schedule = refuse
watching.RESCAN = 1.0
from ledger.cli.root import cli
cli(sys.argv[1:])
"""
    daemon = Daemon(company)
    daemon.script = script
    (daemon.folder / "before.txt").write_bytes(b"x")
    daemon.start()
    (daemon.folder / "after.txt").write_bytes(b"x")
    daemon.settled(2)
    daemon.stop()
    assert "inotify watch limit reached" in daemon.log.read_text()


def test_a_file_that_takes_anothers_place_is_its_next_version(daemon: Daemon) -> None:
    (daemon.folder / "a").write_bytes(b"a")
    (daemon.folder / "b").write_bytes(b"b")
    daemon.start()
    daemon.settled(2)
    (daemon.folder / "a").replace(daemon.folder / "b")
    found = daemon.settled(4)
    assert sorted(each.meta.title for each in found) == ["a", "a (deleted)", "b", "b"]
    contents = daemon.by_path()
    assert [content for _, content in contents[str(daemon.folder / "b")]] == [b"b", b"a"]
    gone = contents[str(daemon.folder / "a")][1][1].decode()
    assert f"the same file stands at: {daemon.folder / 'b'}" in gone


def test_a_file_that_goes_and_comes_back_is_recorded_each_time(
    daemon: Daemon, tmp_path: Path
) -> None:
    paper = daemon.folder / "paper"
    paper.write_bytes(b"x")
    daemon.start()
    for number in range(2):
        daemon.settled(1 + 2 * number)
        paper.rename(tmp_path / "outside")
        daemon.settled(2 + 2 * number)
        (tmp_path / "outside").rename(paper)
    daemon.settled(5)
    numbers = [
        each.deposit.matter.number for each in daemon.vault.deposits() if each.deposit.matter
    ]
    assert numbers == [1, 2, 3, 4, 5]
