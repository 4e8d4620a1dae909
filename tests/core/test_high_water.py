"""The high-water mark: an old copy that is started again is told elsewhere that more was signed."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.auditor.sources import Folder
from ledger.cli.root import cli
from ledger.disk.wholefiles import FolderFiles
from ledger.errors import Conflict, LedgerFault, NotFound, NotSigning, StorageFailed
from ledger.notary.care.marking import keep_high_water
from ledger.notary.care.restore import restore
from ledger.notary.notary import Notary
from ledger.notary.ordering import command
from ledger.notary.orders import (
    AskRetired,
    AskState,
    Backup,
    ListAccounts,
    ReserveCertificates,
)
from ledger.notary.ports import Step
from ledger.notary.storage import highwater
from ledger.notary.storage.directory import read_settings
from ledger.notary.storage.highwater import HighWater
from ledger.notary.storage.stores import open_server
from tests.notaries import Clock, Company, check, deposit, examined, found, opened
from tests.objects import ObjectServer
from tests.postgres import Postgres
from tests.processes import Program


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Company]:
    directory = found(tmp_path_factory.mktemp("mark") / "notary")
    with opened(directory) as notary:
        company = Company().enrol(notary)
        deposit(notary, company.statements(2))
    return directory, company


@pytest.fixture
def directory(founded: tuple[Path, Company], tmp_path: Path) -> Path:
    return shutil.copytree(founded[0], tmp_path / "notary")


@pytest.fixture
def company(founded: tuple[Path, Company]) -> Company:
    return founded[1]


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highwater, "LOOK_EVERY", 0.0)


def mark(directory: Path, place: Path | str) -> None:
    words = ["notary", "high-water", str(place), "--dir", str(directory)]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output


def test_an_old_copy_signs_nothing_and_says_what_to_do(
    directory: Path, company: Company, tmp_path: Path
) -> None:
    mark(directory, tmp_path / "other")
    with opened(directory) as notary:
        notary.backup(tmp_path / "backup")
    old = shutil.copytree(directory, tmp_path / "old")
    with opened(directory) as notary:
        check(notary, deposit(notary, company.statements(1))[0])
        first = notary.execute(ReserveCertificates(3)).first
    with pytest.raises(LedgerFault, match=r"ends at \d+ .*old copy.*restore --mirror"):
        opened(old)
    with pytest.raises(LedgerFault, match="old copy"):
        keep_high_water(old, str(tmp_path / "other"), anew=True)
    with pytest.raises(LedgerFault, match="old copy"):
        restore(tmp_path / "backup", tmp_path / "new", clock=Clock(), random=os.urandom)
    assert not (tmp_path / "new" / "notary.toml").exists()
    keep_high_water(old, None, anew=False)  # an operator who insists; the number is still known
    keep_high_water(directory, None, anew=False)
    keep_high_water(directory, str(tmp_path / "other"), anew=False)
    (directory / "certificate-number").unlink()  # as an older backup has it
    with opened(directory) as notary:
        assert notary.execute(ReserveCertificates(1)).first == first + 3


def test_two_that_go_on_from_one_state_are_told_apart(
    directory: Path, company: Company, tmp_path: Path
) -> None:
    mark(directory, tmp_path / "other")
    twin = shutil.copytree(directory, tmp_path / "twin")
    with opened(directory) as one, opened(twin) as two:
        deposit(one, company.statements(1))
        with pytest.raises(LedgerFault, match="old copy"):
            deposit(two, company.statements(2))
        assert two.health.status == "fault"
        deposit(one, company.statements(1))


def test_without_its_medium_nothing_is_entered_until_it_is_back(
    directory: Path, company: Company, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place, away = tmp_path / "other", tmp_path / "away"
    mark(directory, place)
    with opened(directory) as notary:
        place.rename(away)
        place.mkdir()  # as a medium that is not mounted leaves it
        with pytest.raises(NotSigning, match="high-water mark cannot be read"):
            deposit(notary, company.statements(1))
        assert notary.health.status == "high-water"
        place.rmdir()
        away.rename(place)
        check(notary, deposit(notary, company.statements(1))[0])
        assert notary.health.status == "ok"
    assert "signing goes on: high-water has passed" in caplog.text
    shutil.rmtree(place)
    with opened(directory) as notary:  # what was signed can be read
        assert notary.health.status == "high-water"
        assert notary.sequencer.last.size
    with pytest.raises(NotFound, match="--anew"):
        keep_high_water(directory, str(place), anew=False)
    keep_high_water(directory, str(place), anew=True)
    with opened(directory) as notary:
        check(notary, deposit(notary, company.statements(1))[0])


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_mark_that_cannot_be_raised_answers_nobody_and_is_made_up_for(
    directory: Path, company: Company, tmp_path: Path, side: str
) -> None:
    mark(directory, tmp_path / "other")
    failed: list[bool] = []

    def hook(at: Step, when: str) -> None:
        if (at, when) == (Step.HIGH_WATER, side) and not failed:
            failed.append(True)
            raise StorageFailed("the medium is gone")

    statement = company.statement()
    with opened(directory, hook=hook) as notary:
        with pytest.raises(StorageFailed):
            deposit(notary, [statement])
        (receipt,) = deposit(notary, [statement])
        check(notary, receipt)
    note = next((tmp_path / "other").rglob("checkpoint")).read_text()
    with opened(directory) as notary:
        assert notary.sequencer.checkpoint == note


def harmed_number(place: Path) -> None:
    next(place.rglob("certificate-number")).write_text("7x\n")


def lost_number(place: Path) -> None:
    next(place.rglob("certificate-number")).unlink()


def harmed_note(place: Path) -> None:
    next(place.rglob("checkpoint")).write_bytes(b"\xff")


def lost_note(place: Path) -> None:
    next(place.rglob("checkpoint")).unlink()


@pytest.mark.parametrize("harm", [harmed_number, lost_number, harmed_note, lost_note])
def test_anew_mends_a_mark_of_which_one_file_is_lost(
    directory: Path, company: Company, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    place = tmp_path / "other"
    mark(directory, place)
    with opened(directory) as notary:
        first = notary.execute(ReserveCertificates(3)).first
    (directory / "certificate-number").unlink()
    harm(place)
    with pytest.raises((NotSigning, NotFound)):
        keep_high_water(directory, str(place), anew=False)
    keep_high_water(directory, str(place), anew=True)
    with opened(directory) as notary:
        check(notary, deposit(notary, company.statements(1))[0])
        again = notary.execute(ReserveCertificates(1)).first
    numbered = harm in (harmed_note, lost_note)
    assert again == (first + 3 if numbered else first), "what the mark still told is believed"


@pytest.mark.parametrize("name", ["checkpoint", "certificate-number"])
def test_a_place_that_does_not_answer_for_a_moment_has_not_lost_its_mark(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place, empty = tmp_path / "other", tmp_path / "empty"
    mark(directory, place)
    (held,) = place.iterdir()
    before = {each.name: each.read_bytes() for each in held.iterdir()}
    read = FolderFiles.read

    def fail(self: FolderFiles, wanted: str) -> bytes | None:
        if wanted == name and not self.root.is_relative_to(directory):
            raise StorageFailed("the store is restarting")
        return read(self, wanted)

    with monkeypatch.context() as patch:
        patch.setattr(FolderFiles, "read", fail)
        for where in (place, empty):
            with pytest.raises(StorageFailed, match="is restarting"):
                keep_high_water(directory, str(where), anew=True)
    assert {each.name: each.read_bytes() for each in held.iterdir()} == before
    assert not empty.exists() and read_settings(directory).high_water == str(place)


def test_anew_keeps_the_check_where_only_the_number_is_lost(
    directory: Path, company: Company, tmp_path: Path
) -> None:
    place = tmp_path / "other"
    mark(directory, place)
    old = shutil.copytree(directory, tmp_path / "old")
    with opened(directory) as notary:
        deposit(notary, company.statements(1))
    harmed_number(place)
    with pytest.raises(LedgerFault, match="old copy"):
        keep_high_water(old, str(place), anew=True)


def test_a_number_is_never_lowered(directory: Path, tmp_path: Path) -> None:
    class Overtaken(FolderFiles):
        """Files for which another process puts a number between look and change, as in a bucket."""

        def replace(self, name: str, data: bytes, gives_way: Callable[[bytes], bool]) -> None:
            for old in (b"9\n", b"10\n", b"11\n", b"x", b"\xff"):
                answers.append(gives_way(old))
            super().replace(name, data, gives_way)

    answers: list[bool] = []
    mark(directory, tmp_path / "other")
    kept = HighWater(Overtaken(next((tmp_path / "other").iterdir())))
    kept.raise_number(10)
    assert answers == [True, False, False, False, False]
    for number in (9, 10):
        with pytest.raises(StorageFailed, match="Another process has raised"):
            kept.raise_number(number)
    assert kept.number() == 10


def test_the_mark_is_kept_elsewhere_and_belongs_to_one_ledger(
    directory: Path, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="goes back with it"):
        keep_high_water(directory, str(directory / "mark"), anew=False)
    mark(found(tmp_path / "stranger"), tmp_path / "other")
    with pytest.raises(LedgerFault, match="another ledger's"):
        keep_high_water(directory, str(tmp_path / "other"), anew=False)
    assert read_settings(directory).high_water is None


def test_a_mark_in_a_bucket_stops_a_server_that_was_set_back(
    postgres: Postgres, object_server: ObjectServer, tmp_path: Path
) -> None:
    url = postgres.new()
    directory = found(tmp_path / "server", database=url)
    place = object_server.url()
    mark(directory, place)
    with opened(directory) as notary:
        depositor = Company().enrol(notary)
        deposit(notary, depositor.statements(1))
    old = shutil.copytree(directory, tmp_path / "old")
    earlier = postgres.new(url)
    with opened(directory) as notary:
        deposit(notary, depositor.statements(1))
    settings = old / "notary.toml"
    settings.write_text(settings.read_text().replace(url, earlier))
    for serve in (False, True):
        with pytest.raises(LedgerFault, match="old copy"):
            opened(old, serve=serve)


def test_a_restore_that_is_tried_out_leaves_the_mark_to_the_notary_that_serves(
    directory: Path, company: Company, tmp_path: Path
) -> None:
    mark(directory, tmp_path / "other")
    with opened(directory, serve=True) as notary:
        notary.backup(tmp_path / "backup")
        before = notary.sequencer.last
        restore(tmp_path / "backup", tmp_path / "drill", clock=Clock(), random=os.urandom)
        state = command(tmp_path / "drill", AskState())
        assert (state.size, state.root, state.health) == (before.size, before.root, "ok")
        assert command(tmp_path / "drill", ListAccounts()).accounts
        command(tmp_path / "drill", AskRetired())
        check(notary, deposit(notary, company.statements(1))[0])
        assert notary.health.status == "ok"


def test_what_a_copy_has_signed_is_taken_over_and_nothing_is_lost(
    directory: Path, company: Company, tmp_path: Path
) -> None:
    mark(directory, tmp_path / "other")
    copy, anew = tmp_path / "copy", tmp_path / "anew"
    with opened(directory) as notary:
        receipts = deposit(notary, company.statements(2))
        notary.backup(tmp_path / "backup")
    restore(tmp_path / "backup", copy, clock=Clock(), random=os.urandom)
    with opened(copy) as trial:  # somebody has started it
        receipts += deposit(trial, company.statements(1))
        signed = trial.sequencer.checkpoint
    with pytest.raises(LedgerFault, match=r"old copy.* another copy was started.* `log` folder"):
        opened(directory)
    state = command(directory, AskState())
    assert state.health == "fault" and "another copy was started" in (state.detail or "")
    command(directory, Backup(str(tmp_path / "kept")))
    mirror = Folder(copy / "log")
    restore(tmp_path / "kept", anew, mirror=mirror, clock=Clock(), random=os.urandom)
    with opened(anew) as notary:
        for receipt in receipts:
            check(notary, receipt)
        assert signed in [each.note for each in notary.blocks(0, 100)]
        check(notary, deposit(notary, company.statements(1))[0])
    assert [each for each in examined(anew) if each.level == "error"] == []


@pytest.fixture
def behind(postgres: Postgres, tmp_path: Path) -> tuple[Path, Path]:
    """A directory whose rows, on a server, are older than its mark; and where the mark is."""
    url, place = postgres.new(), tmp_path / "other"
    directory = found(tmp_path / "server", database=url)
    mark(directory, place)
    with opened(directory) as notary:
        depositor = Company().enrol(notary)
    old, earlier = shutil.copytree(directory, tmp_path / "old"), postgres.new(url)
    with opened(directory) as notary:
        deposit(notary, depositor.statements(1))
    settings = old / "notary.toml"
    settings.write_text(settings.read_text().replace(url, earlier))
    return old, place


def test_no_process_of_an_old_copy_serves_whichever_of_them_may_write(
    behind: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ["-m", "ledger", "notary", "serve", "--port", "0", "--dir", behind[0]]
    with open_server(read_settings(behind[0])) as other:
        assert other is not None and other.lead.take()  # so these can only follow
        for number in range(2):
            log = tmp_path / f"{number}.log"
            with log.open("wb") as output, Program(words, stdout=output, stderr=output) as process:
                try:
                    assert process.wait(60) == 78
                finally:
                    process.kill()
            assert "old copy" in log.read_text() and '"serving"' not in log.read_text()


def test_who_follows_compares_the_mark_once_it_can_be_read(behind: tuple[Path, Path]) -> None:
    directory, place = behind
    away = place.rename(place.with_name("away"))
    with open_server(read_settings(directory)) as other:
        assert other is not None and other.lead.take()
        with opened(directory, serve=True) as notary:
            assert notary.health.status == "high-water"
            away.rename(place)
            end = time.monotonic() + 30
            while notary.health.status != "fault":
                assert time.monotonic() < end, "nobody compares it"
                time.sleep(0.05)


def test_who_begins_to_follow_while_another_signs_is_not_taken_for_an_old_copy(
    postgres: Postgres, tmp_path: Path
) -> None:
    directory = found(tmp_path / "server", database=postgres.new())
    mark(directory, tmp_path / "other")
    done = threading.Event()
    with opened(directory, serve=True) as writer, ThreadPoolExecutor(1) as pool:
        depositor = Company().enrol(writer)

        def busy() -> None:
            while not done.is_set():
                deposit(writer, depositor.statements(1))

        working = pool.submit(busy)
        try:
            for _ in range(8):
                with opened(directory, serve=True) as follower:
                    assert not follower.sequencer.leads
                    assert follower.health.status == "ok"
        finally:
            done.set()
        working.result(60)


def test_a_mark_that_can_be_read_alone_is_told_and_gone_on_from_by_itself(
    directory: Path, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(directory, tmp_path / "other")
    full: list[bool] = [True]
    write = FolderFiles.write

    def fail(files: FolderFiles, name: str, data: bytes) -> None:
        if full and files.root.is_relative_to(tmp_path / "other"):
            raise StorageFailed("the medium is full")
        write(files, name, data)

    statement = company.statement()
    monkeypatch.setattr(FolderFiles, "write", fail)
    with opened(directory) as notary:
        with pytest.raises(NotSigning, match=r"cannot be written.*no receipt.*Nothing was lost"):
            deposit(notary, [statement])
        assert notary.health.status == "high-water"
        assert "the medium is full" in (notary.execute(AskState()).detail or "")
        with pytest.raises(NotSigning, match="cannot be written"):
            deposit(notary, [statement])
    told = CliRunner().invoke(cli, ["notary", "notice", "closed", "--dir", str(directory)])
    assert told.exit_code == 1 and "the last block, which is signed" in " ".join(
        told.output.split()
    )
    with opened(directory) as notary:  # what was signed can be read
        assert notary.health.status == "high-water"
        assert notary.sequencer.last.size
        full.clear()
        settled(notary)
        check(notary, deposit(notary, [statement])[0])
        assert notary.health.status == "ok"


def settled(notary: Notary) -> None:
    """Wait until nothing is in the way, with no deposit that would find out."""
    deadline = time.monotonic() + 30
    while notary.health.status != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_block_that_cannot_be_written_is_told_until_one_can(
    directory: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.notary.sequencing.sequencer.FAILED_FOR", 3.0)
    ill: list[bool] = [True]

    def hook(at: Step, when: str) -> None:
        if ill and (at, when) == (Step.ENTRIES, "before"):
            raise StorageFailed("could not extend file")

    with opened(directory, hook=hook) as notary:
        with pytest.raises(StorageFailed):
            deposit(notary, company.statements(1))
        assert notary.health.status == "writing"
        assert "could not extend file" in (notary.execute(AskState()).detail or "")
        ill.clear()
        settled(notary)
        ill.append(True)
        with pytest.raises(StorageFailed):
            deposit(notary, company.statements(1))
        assert notary.health.status == "writing"
        ill.clear()
        check(notary, deposit(notary, company.statements(1))[0])
        assert notary.health.status == "ok"


@pytest.mark.parametrize("harm", [b"", b"\xff\x00", b"notary.example/ledger\n7\n"])
def test_a_damaged_mark_is_waited_for_or_made_anew(
    directory: Path, company: Company, tmp_path: Path, harm: bytes
) -> None:
    mark(directory, tmp_path / "other")
    path = next((tmp_path / "other").rglob("checkpoint"))
    with opened(directory) as notary:
        kept = path.read_bytes()
        path.write_bytes(harm)
        with pytest.raises(NotSigning, match="high-water mark cannot be read"):
            deposit(notary, company.statements(1))
        assert notary.health.status == "high-water"
        path.write_bytes(kept)
        check(notary, deposit(notary, company.statements(1))[0])
        path.write_bytes(harm)
    with opened(directory) as notary:  # what was signed can be read
        assert notary.health.status == "high-water"
    with pytest.raises(NotFound, match="--anew"):
        keep_high_water(directory, str(tmp_path / "other"), anew=False)
    keep_high_water(directory, str(tmp_path / "other"), anew=True)
    with opened(directory) as notary:
        check(notary, deposit(notary, company.statements(1))[0])
