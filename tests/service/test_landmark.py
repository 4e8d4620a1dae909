"""The place of the ciphertext is empty: its disk is not mounted, or the bucket was made anew."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ledger.errors import SealbookError, StorageFailed, Unavailable
from ledger.notary import retention
from ledger.notary.care.fsck import fsck
from ledger.notary.desk import terms
from ledger.notary.desk.trail import Actor
from ledger.notary.notary import Notary, open_notary
from ledger.notary.orders import AskRetired, Retire
from ledger.notary.ports import Step
from ledger.notary.storage import probing
from ledger.notary.storage.bucket import PROBE, open_bucket
from tests.cli.conftest import run

from .conftest import ORIGIN, Account, Service, small_envelope
from .test_objects import serving, until
from .test_packing import pack

CLERK = Actor("wang", "terminal")


@dataclass
class Kept:
    """A notary's directory, and where its ciphertext lies: in a folder of it, or in a bucket."""

    directory: Path
    url: str | None
    away: dict[str, bytes] = field(default_factory=dict)

    @property
    def objects(self) -> Path:
        return self.directory / "objects"

    def take_away(self) -> None:
        """Let the place be empty: the folder under a mount point, or all of the bucket."""
        if self.url is None:
            self.objects.rename(self.directory.parent / "disk")
            self.objects.mkdir(0o700)
            return
        self.away = {name: self.read(name) for name in self.names()}
        open_bucket(self.url).delete([*self.away])

    def put_back(self) -> None:
        if self.url is None:
            self.objects.rmdir()  # nothing was written there meanwhile
            (self.directory.parent / "disk").rename(self.objects)
            return
        for name, data in self.away.items():
            open_bucket(self.url).put(name, data, {})

    def names(self) -> list[str]:
        """The files of the ciphertext, or all objects."""
        if self.url is None:
            found = [each for each in self.objects.rglob("*") if each.is_file()]
            return sorted(str(each.relative_to(self.directory)) for each in found)
        return sorted(name for name, _ in open_bucket(self.url).under("") if name != PROBE)

    def read(self, name: str) -> bytes:
        if self.url is None:
            return (self.directory / name).read_bytes()
        return open_bucket(self.url).read(name) or b""

    def remove(self, name: str) -> None:
        if self.url is None:
            (self.directory / name).unlink()
        else:
            open_bucket(self.url).delete([name])

    def run(self, *words: object, code: int = 0) -> str:
        """Run a command, and return what it says on one line."""
        said = run("notary", *words, "--dir", self.directory, code=code).output
        return " ".join(said.replace("|", " ").split())


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket, which is looked at every few seconds."""
    monkeypatch.setattr(probing, "EVERY", 0.5)


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    url = None
    if request.param == "bucket":
        url = request.getfixturevalue("object_server").url()
    made = Kept(tmp_path / "notary", url)
    made.run("init", "--origin", ORIGIN, *(() if url is None else ("--objects", url)))
    return made


@contextmanager
def depositing(kept: Kept) -> Iterator[tuple[Service, Account]]:
    """Serve, for a company that has deposited."""
    with serving(kept.directory, serve=True) as service:
        company = service.enrol()
        company.deposit()
        yield service, company


@contextmanager
def opened(kept: Kept) -> Iterator[Notary]:
    with open_notary(kept.directory) as notary:
        yield notary


def deposited(kept: Kept) -> Account:
    """Have a company deposit, and let nobody serve."""
    with depositing(kept) as (_, company):
        return company


def payloads(kept: Kept) -> list[str]:
    return [each for each in kept.names() if each.endswith(".payload")]


def test_nothing_is_taken_while_the_place_is_empty_and_it_goes_on_by_itself(kept: Kept) -> None:
    with depositing(kept) as (service, company):
        envelope = small_envelope()
        company.client.put_envelopes([envelope])
        waiting = company.statement(envelope.payload)
        size = service.notary.sequencer.last.size
        kept.take_away()
        assert until(service, 503).json()["reasons"][0]["reason"] == "objects-gone"
        with pytest.raises(Unavailable):
            company.client.put_envelopes([small_envelope()])
        with pytest.raises(SealbookError):
            company.client.submit(waiting)
        with pytest.raises(Unavailable):  # it is not called missing
            company.client.download(envelope.payload, lambda _: None)
        assert service.http.get("/trust").status_code == 200
        assert service.notary.sequencer.last.size == size
        assert "fsck --lost" in kept.run("status")
        assert "Mount the disk" in kept.run("doctor", code=1)
        kept.put_back()
        until(service, 200)
        company.client.submit(waiting)
        company.deposit()
    assert fsck(kept.directory, ciphertext=True) == ()


def test_a_start_with_an_empty_place_signs_nothing_and_writes_nothing_there(kept: Kept) -> None:
    deposited(kept)
    kept.take_away()
    with serving(kept.directory, serve=True) as service:
        size = service.notary.sequencer.last.size
        until(service, 503)
        kept.run("notice", "closed on Sunday", code=1)
        assert service.notary.sequencer.last.size == size
        assert kept.names() == []
        kept.put_back()
        until(service, 200)
        kept.run("notice", "closed on Sunday")


def test_what_is_out_of_sight_is_not_taken_for_deleted(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "_time", lambda each: each.height * 86_400)
    with depositing(kept) as (_, company):
        for _ in range(3):
            company.deposit()
    with opened(kept) as notary:
        assert notary.staff_desk is not None
        terms.retain(notary.staff_desk, CLERK, company.account, 1)
        deleting = notary._deleting()
        kept.take_away()
        with pytest.raises(StorageFailed, match="not the place"):
            notary.execute(AskRetired())
        with pytest.raises(StorageFailed, match="not the place"):
            notary.execute(Retire(1 << 40))
        with pytest.raises(StorageFailed, match="not the place"):  # it went within a pass
            retention.retire(deleting, 1 << 40)
        stop = Event()
        stop.set()
        retention.keep(stop, notary._deleting, lambda: True)
        assert "Mount the disk" in caplog.text
        kept.put_back()
        due = notary.execute(AskRetired()).files
        assert due == 6 and notary.execute(Retire(1 << 40)).part is not None
        assert len(payloads(kept)) == 1


def test_what_is_lost_with_the_place_there_does_not_keep_the_rest(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_time", lambda each: each.height * 86_400)
    with depositing(kept) as (_, company):
        for _ in range(3):
            company.deposit()
    lost = payloads(kept)[0]
    kept.remove(lost)
    kept.remove(lost.replace(".payload", ".header"))
    with opened(kept) as notary:
        assert notary.staff_desk is not None
        terms.retain(notary.staff_desk, CLERK, company.account, 1)
        while notary.execute(Retire(1 << 40)).part is not None:
            pass
    assert len(payloads(kept)) <= 1


def test_a_backup_of_an_empty_place_is_refused_and_the_one_before_stays(
    kept: Kept, tmp_path: Path
) -> None:
    deposited(kept)
    backup, new = tmp_path / "backup", tmp_path / "new"
    kept.run("backup", backup)
    held = sorted(each.name for each in (backup / "objects").rglob("*.payload"))
    assert held
    kept_mark = kept.read("objects/ledger")

    def go(step: Step, side: str) -> None:
        if (step, side) == (Step.BACKUP_FILES, "before"):
            kept.take_away()

    with (
        open_notary(kept.directory, hook=go) as notary,
        pytest.raises(StorageFailed, match="not the place"),
    ):
        notary.backup(backup)
    assert "not the place" in kept.run("backup", backup, code=1)
    assert sorted(each.name for each in (backup / "objects").rglob("*.payload")) == held
    run("notary", "restore", backup, "--dir", new)
    assert (new / "objects" / "ledger").read_bytes() == kept_mark
    assert [each for each in fsck(new, ciphertext=True) if each.level == "error"] == []


def test_nothing_is_produced_of_an_empty_place(kept: Kept, tmp_path: Path) -> None:
    company = deposited(kept)
    words = ("produce", company.account, "--order", "2026-117", "-o", tmp_path / "produced")
    kept.take_away()
    assert "not the place" in kept.run(*words, code=1)
    assert not (tmp_path / "produced").exists()
    kept.put_back()
    kept.run(*words)


def test_a_place_that_an_older_release_has_left_is_marked_where_its_ciphertext_is(
    kept: Kept,
) -> None:
    deposited(kept)
    kept.remove("objects/ledger")
    assert fsck(kept.directory) == ()
    assert "fsck --lost" not in kept.run("status") + kept.run("doctor", code=0)
    kept.run("backup", kept.directory.parent / "backup")
    with opened(kept) as notary:
        assert notary.health.status == "ok"
    assert kept.read("objects/ledger").startswith(f"{ORIGIN}\n".encode())
    for each in (*payloads(kept), "objects/ledger"):
        kept.remove(each)
    with opened(kept) as notary:
        assert notary.health.status == "objects-gone"
    assert "objects/ledger" not in kept.names()


def test_the_ciphertext_of_another_ledger_is_not_this_ones(kept: Kept) -> None:
    deposited(kept)
    kept.take_away()
    if kept.url is None:
        (kept.objects / "ledger").write_text("other.test/ledger")
    else:
        open_bucket(kept.url).put("objects/ledger", b"other.test/ledger", {})
    with opened(kept) as notary:
        assert notary.health.status == "objects-gone"
    assert "of another ledger" in kept.run("fsck", "--lost", code=1)
    assert kept.read("objects/ledger") == b"other.test/ledger"


def test_what_is_lost_for_good_is_given_up_by_a_person_and_still_named(kept: Kept) -> None:
    deposited(kept)
    kept.take_away()
    said = kept.run("fsck", code=1)
    assert "fsck --lost" in said and ".payload”" in said
    # A bucket has lost its log too, which is made anew from the database.
    said = kept.run("fsck", "--lost", "--rebuild", code=1)
    assert ".payload”" in said and "fsck --lost" not in said
    kept.run("notice", "the ciphertext up to here was lost in a fire")
    assert "nothing has to be given up" in kept.run("fsck", "--lost", code=1)


def test_a_move_says_what_is_not_there_to_be_moved(
    kept: Kept, request: pytest.FixtureRequest
) -> None:
    deposited(kept)
    goal: Any = "none" if kept.url else request.getfixturevalue("object_server").url()
    words = ("migrate", "--objects", goal)
    kept.take_away()
    assert "not the place" in kept.run(*words, code=1)
    kept.put_back()
    kept.remove(payloads(kept)[0])
    told = json.loads(run("notary", *words, "--json", "--dir", kept.directory).output)
    assert told["missing"] == 1


def test_what_lies_beneath_a_disk_is_not_taken_for_it(tmp_path: Path) -> None:
    """The ledger was founded before its disk was mounted, so a mark lies beneath it, too."""
    kept, beneath = Kept(tmp_path / "notary", None), tmp_path / "beneath"
    kept.run("init", "--origin", ORIGIN)
    kept.objects.rename(beneath)
    kept.objects.mkdir(0o700)
    with serving(kept.directory) as service:
        one = service.enrol()
        one.deposit()
    kept.objects.rename(tmp_path / "disk")
    beneath.rename(kept.objects)
    with serving(kept.directory) as service:
        assert "objects-gone" in until(service, 503).text
        with pytest.raises(SealbookError):
            service.client(one.key, sleep=lambda _: None).put_envelopes([small_envelope()])
    assert kept.names() == ["objects/ledger"]
    assert "is not there" in kept.run("backup", tmp_path / "backup", code=1)
    kept.objects.rename(beneath)
    (tmp_path / "disk").rename(kept.objects)
    with serving(kept.directory) as service:
        until(service, 200)
        service.client(one.key).put_envelopes([small_envelope()])


def test_rows_about_packs_of_an_older_release_are_made_anew(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "notary", None)
    kept.run("init", "--origin", ORIGIN)
    deposited(kept)
    with open_notary(kept.directory) as notary:
        pack(notary)
    for each in ("objects/ledger", "objects-mark"):
        kept.remove(each)
    for path in kept.directory.glob("packs.sqlite*"):
        path.unlink()
    (kept.directory / "packs.sqlite").write_bytes(os.urandom(3_000))
    kept.run("fsck", "--rebuild")
    with open_notary(kept.directory) as notary:
        assert notary.health.status == "ok"
    assert fsck(kept.directory, ciphertext=True) == ()
