"""A file that is written to without end, and two threads that see one file leave."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.cli.company.capture import _overview
from ledger.company.capture.changes import Changes
from ledger.company.capture.config import Watch
from ledger.company.capture.intake import Intake
from ledger.company.capture.journal import Journal, Kind
from ledger.company.capture.looking import Root
from ledger.company.vault.vault import Vault
from ledger.errors import SourceChanged
from tests.cli.conftest import Company, company, notary

__all__ = ["company", "notary"]


@pytest.fixture
def scene(company: Company) -> Iterator[tuple[Changes, Root, Path]]:
    folder = company.folder / "W"
    folder.mkdir()
    vault = Vault(company.home)
    with Intake(vault, time.time, os.urandom) as intake:
        journal = Journal(company.home, time.time)
        changes = Changes(intake, journal, time.time, lambda _: time.time(), lambda: None)
        yield changes, Root(Watch(str(folder))), folder


def test_a_file_that_never_rests_is_sealed_as_a_copy_and_says_so(
    scene: tuple[Changes, Root, Path], company: Company
) -> None:
    changes, root, folder = scene
    path, stop = folder / "device.log", threading.Event()
    path.write_bytes(b"line\n")

    def keep_writing() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.wait(0.0005):
                file.write(b"line\n")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        time.sleep(0.05)
        assert changes.look(root, str(path), unquiet=True) is False
    finally:
        stop.set()
        writer.join()
    (only,) = Vault(company.home).spooled()
    changes.look(root, str(path))
    assert len(Vault(company.home).spooled()) == 2, "the next version follows once it is quiet"
    company("deposit", company.write("other.txt"))
    company("open", only.commitment, "-o", company.folder / "out")
    (sealed,) = [each for each in (company.folder / "out").rglob("*") if each.is_file()]
    assert sealed.name == "device.log" and sealed.stat().st_size
    assert path.read_bytes().startswith(sealed.read_bytes())
    shown = company.json("show", only.commitment)["provenance"]
    assert shown["copied"].startswith("while it was written to")
    assert shown["path"] == str(path)
    assert not list(company.home.rglob("device.log"))


def test_a_missing_file_is_no_deletion_until_it_has_been_looked_for(
    scene: tuple[Changes, Root, Path], company: Company
) -> None:
    changes, root, folder = scene
    old, new = folder / "a.txt", folder / "b.txt"
    old.write_bytes(b"paper")
    changes.look(root, str(old))
    old.rename(new)
    assert changes.look(root, str(old)) is True
    changes.look(root, str(new))
    assert changes.look(root, str(old)) is False
    changes.gone(root, str(old))
    changes.gone(root, str(new))
    titles = [each.meta.title for each in Vault(company.home).spooled()]
    assert titles == ["a.txt", "a.txt (moved)"]


def test_a_name_means_the_file_that_stands_there_now(
    scene: tuple[Changes, Root, Path], company: Company
) -> None:
    changes, root, folder = scene
    old, new = folder / "a.txt", folder / "b.txt"
    old.write_bytes(b"paper")
    changes.look(root, str(old))
    old.rename(new)
    changes.look(root, str(new))
    old.write_bytes(b"another paper")
    changes.look(root, str(old))
    company("deposit", company.write("other.txt"))
    for path, papers in ((old, 1), (new, 2)):
        shown = company.json("matter", "show", str(path))
        assert (shown["name"], len(shown["papers"])) == (str(path), papers)


def test_one_thread_says_what_became_of_a_file(scene: tuple[Changes, Root, Path]) -> None:
    changes, root, folder = scene
    old, new = folder / "a.txt", folder / "b.txt"
    old.write_bytes(b"paper")
    changes.look(root, str(old))
    old.rename(new)
    with changes._leaves(str(old)):
        with pytest.raises(SourceChanged):
            changes.look(root, str(new))
        with pytest.raises(SourceChanged):
            changes.gone(root, str(old))
    changes.look(root, str(new))


def test_status_says_what_stays_open_and_what_is_left_out() -> None:
    value = {
        "folders": [{"folder": "/w", "trouble": "", "left_out": 2}],
        "open": [{"path": "/w/device.log", "since": 1_795_392_000}],
        "open_count": 3,
        "running": True,
        "waiting": 0,
        "refused": 0,
    }
    page = "\n".join(_overview(value))
    assert "device.log" in page and "since 2026-11-23 00:00" in page and "and 2 more" in page
    assert "2 files are not taken" in page
    assert "device.log" not in "\n".join(_overview({**value, "running": False}))


def test_the_list_of_failures_names_a_thing_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, time.time)
    for number in range(30):
        journal.note(Kind.FAILED, "a.pdf", f"reason {number}")
        journal.note(Kind.FAILED, f"{number % 3}.pdf", "damaged")
    found = [(each["what"], each["why"]) for each in journal.snapshot()["failures"]]
    assert sorted(found) == [
        ("0.pdf", "damaged"), ("1.pdf", "damaged"), ("2.pdf", "damaged"), ("a.pdf", "reason 29")
    ]  # fmt: skip
