"""The doctor: what is wrong with a notary, how bad it is, and that looking changes nothing."""

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import get_args

import pytest

from ledger.chain.witnessing import SIZE_TYPE
from ledger.cli.notary.doctor import subject
from ledger.cli.speech import speaking
from ledger.errors import NotFound, StorageFailed
from ledger.notary.care import asking, doctor, looking
from ledger.notary.care.doctor import Case, Diagnosis, Level, Subject, examine
from ledger.notary.care.marking import keep_high_water
from ledger.notary.care.ntp import Discipline
from ledger.notary.notary import open_notary
from ledger.notary.storage.directory import read_last_backup, read_settings
from ledger.notary.storage.highwater import HighWater
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.wire.web import Answer
from tests.cli.conftest import run
from tests.disks import small_disk
from tests.notaries import NOW, Clock, Company, deposit, found, opened

Checks = Callable[[Case], Iterable[doctor.Check]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = found(tmp_path_factory.mktemp("doctor") / "n")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(2))
    return directory


@pytest.fixture
def directory(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "n"))


def looked(
    directory: Path, *, now: float = NOW + 60, more: Checks = lambda _: (), **variables: str
) -> tuple[Diagnosis, ...]:
    return examine(
        directory, variables, now, looking.files, lambda case: (*looking.settled(case), *more(case))
    )


def bad(found: tuple[Diagnosis, ...]) -> set[str]:
    return {each.subject for each in found if each.level is Level.MEND}


def about(found: tuple[Diagnosis, ...], subject: Subject) -> list[Diagnosis]:
    return [each for each in found if each.subject == subject]


def tree(directory: Path) -> dict[str, tuple[int, int, int]]:
    stats = {str(path): path.stat() for path in sorted(directory.rglob("*"))}
    return {path: (each.st_size, each.st_mtime_ns, each.st_mode) for path, each in stats.items()}


def test_a_sound_notary_has_nothing_to_mend_and_is_left_as_it_was(directory: Path) -> None:
    before = tree(directory)
    result = looked(directory)
    assert bad(result) == set()
    assert {"disk", "permissions", "databases", "keys", "seal", "clock"} <= {
        each.subject for each in result
    }
    assert all(each.todo for each in result if each.level is not Level.OK)
    assert tree(directory) == before


def test_it_runs_beside_a_working_notary_that_goes_on(directory: Path) -> None:
    with open_notary(directory, clock=Clock(NOW + 10), serve=True) as notary:
        size = notary.sequencer.last.size
        assert bad(looked(directory)) == set()
        Company().enrol(notary)
        assert notary.sequencer.last.size > size
        assert not notary.health.reasons


def emptied(folder: Path) -> None:
    (folder / "ledger.sqlite").unlink()
    LedgerDatabase(folder / "ledger.sqlite", create=True).close()


def marked(folder: Path) -> None:
    """Name a mark whose medium is away."""
    path = folder / "notary.toml"
    path.write_text(f'high_water = "{folder / "away"}"\n{path.read_text()}')


def test_a_block_that_is_signed_while_the_doctor_looks_is_no_fork(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_high_water(directory, str(tmp_path / "mark"), anew=False)
    note = HighWater.note
    came: list[bool] = []

    def after_a_block(self: HighWater) -> str:
        if not came:
            came.append(True)
            with opened(directory) as notary:
                deposit(notary, Company().enrol(notary).statements(1))
        return note(self)

    monkeypatch.setattr(HighWater, "note", after_a_block)
    case = Case(directory, read_settings(directory), {}, NOW + 60)
    found = list(looking._high_water(case))
    assert [each.level for each in found] == [Level.OK]


@pytest.mark.parametrize(
    ("harm", "subject"),
    [
        (lambda folder: (folder / "notary.toml").unlink(), "settings"),
        (lambda folder: (folder / "notary.toml").write_bytes(b"\xff\n"), "settings"),
        (lambda folder: (folder / "ledger.sqlite").unlink(), "ledger"),
        (emptied, "clock"),
        (marked, "high-water"),
        (lambda folder: (folder / "ledger.sqlite").write_bytes(b"no database" * 999), "databases"),
        (lambda folder: os.truncate(folder / "ledger.sqlite", 8192), "databases"),
        (lambda folder: (folder / "checkpoints.sqlite").unlink(), "ledger"),
        (lambda folder: (folder / "log/checkpoint").unlink(), "ledger"),
        (lambda folder: (folder / "objects").rename(folder / "moved"), "objects"),
        (lambda folder: (folder / "keys/seal-p256.pem").unlink(), "keys"),
        (lambda folder: (folder / "keys/log-ed25519.pem").chmod(0o644), "permissions"),
        (lambda folder: (folder / "seal-chain.pem").write_text("-----BEGIN"), "keys"),
        (lambda folder: next(folder.glob("*.trust")).write_bytes(b"[["), "keys"),
        (lambda folder: os.chown(folder / "desk.sqlite", 1, 1), "permissions"),
    ],
)
def test_what_is_broken_is_found_and_said_without_a_traceback(
    directory: Path, harm: Callable[[Path], object], subject: Subject
) -> None:
    if subject == "permissions" and os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    harm(directory)
    result = looked(directory)
    assert subject in bad(result)
    assert all(len(each.found) < 1000 for each in result)


def test_a_key_of_another_notary_and_a_database_that_is_a_folder_are_found(directory: Path) -> None:
    (directory / "desk.sqlite").unlink()
    (directory / "desk.sqlite").mkdir()
    other = found(directory.parent / "other")
    (other / "keys/log-ed25519.pem").replace(directory / "keys/log-ed25519.pem")
    assert {"databases", "keys"} <= bad(looked(directory))


def test_a_folder_without_a_notary_is_an_error_and_so_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "nothing"):
        with pytest.raises(NotFound):
            looked(path)


@pytest.mark.parametrize(
    ("now", "level", "subject"),
    [(NOW - 3600, Level.MEND, "clock"), (NOW + 20 * 365 * 86_400, Level.MEND, "seal")],
)
def test_a_clock_behind_the_ledger_and_a_seal_that_has_run_out_must_be_mended(
    directory: Path, now: int, level: Level, subject: Subject
) -> None:
    assert level in {each.level for each in about(looked(directory, now=now), subject)}


@pytest.mark.parametrize("state", list(Discipline))
def test_what_the_kernel_says_of_its_clock_is_told(
    directory: Path, monkeypatch: pytest.MonkeyPatch, state: Discipline
) -> None:
    monkeypatch.setattr(looking, "discipline", lambda: state)
    levels = {each.level for each in about(looked(directory), "clock")}
    assert levels == ({Level.OK} if state is Discipline.STEERED else {Level.OK, Level.LOOK})


def test_a_backup_is_noted_and_looked_at_once_it_is_old(directory: Path) -> None:
    assert about(looked(directory), "backup")[0].level is Level.LOOK
    with open_notary(directory, clock=Clock(NOW + 20)) as notary:
        size = notary.backup(directory.parent / "safe copy")
        noted = read_last_backup(directory)
        assert noted is not None
        assert (noted.size, noted.place) == (size, str(directory.parent / "safe copy"))
        assert about(looked(directory), "backup")[0].level is Level.OK
        Company().enrol(notary)
    (old,) = about(looked(directory, now=NOW + 9 * 86_400), "backup")
    assert old.level is Level.LOOK
    assert "9 days" in old.found or "8 days" in old.found


@pytest.mark.parametrize("line", [b"", b"1", b"x y z", b"\xff", b"-1 2 /a"])
def test_a_note_of_a_backup_that_nobody_can_read_is_none(directory: Path, line: bytes) -> None:
    (directory / "last-backup").write_bytes(line)
    assert read_last_backup(directory) is None
    assert bad(looked(directory)) == set()


def test_options_that_would_stop_the_service_and_variables_that_nothing_reads_are_told(
    directory: Path,
) -> None:
    assert "settings" in bad(looked(directory, SEALBOOK_NOTARY_PORT="tcp://10.0.0.1:8400"))
    result = looked(directory, SEALBOOK_NOTARY_PROT="1", SEALBOOK_NOTARY_LOG_LEVEL="error")
    assert any("PROT" in each.found for each in about(result, "settings"))
    assert about(result, "log")[0].level is Level.LOOK


def test_a_check_that_hangs_is_given_up_and_the_others_are_told(directory: Path) -> None:
    stop = threading.Event()

    def hangs() -> Iterator[Diagnosis]:
        yield Diagnosis("witnesses", Level.OK, "so far")
        stop.wait()

    begun = time.monotonic()
    result = examine(
        directory, {}, NOW, looking.files, lambda _: [("witnesses", hangs)], patience=1.0
    )
    stop.set()
    assert time.monotonic() - begun < 30
    assert {each.level for each in about(result, "witnesses")} == {Level.LOOK, Level.OK}
    assert about(result, "disk")


def test_a_full_disk_is_told_of_and_nothing_is_written_to_it(
    original: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        directory = Path(shutil.copytree(original, disk.place / "n"))
        disk.fill()
        result = looked(directory)
        assert bad(result) == {"disk"}
        assert disk.free == 0


def test_another_users_directory_is_no_traceback(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.is_relative_to(directory):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    result = looked(directory)
    assert "settings" in bad(result)
    assert any(each.level is Level.LOOK for each in about(result, "permissions"))


class _Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"origin": "another.example"}')

    def log_message(self, *_: object) -> None:
        pass


def test_who_else_answers_at_the_services_port_or_the_portals_address_is_told(
    directory: Path,
) -> None:
    with HTTPServer(("127.0.0.1", 0), _Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = str(server.server_port)
        settings = (directory / "notary.toml").read_text()
        line = f'portal = "http://127.0.0.1:{port}"\n'
        (directory / "notary.toml").write_text(line + settings)
        result = looked(directory, more=asking.others, SEALBOOK_NOTARY_PORT=port)
        server.shutdown()
    assert bad(result) == {"service", "portal"}


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://portal.invalid", True),
        ("https://portal.invalid", False),
        ("http://localhost:1", False),
    ],
)
def test_a_portal_at_which_nobody_can_sign_in_is_told(
    directory: Path, url: str, plain: bool
) -> None:
    path = directory / "notary.toml"
    path.write_text(f'portal = "{url}"\n{path.read_text()}')
    found = about(looked(directory, more=asking.others), "portal")
    told = [each for each in found if "nobody signs in there" in each.found]
    assert bool(told) == plain
    assert all(each.level is Level.MEND and "https://" in each.todo for each in told)


def test_what_listens_and_says_nothing_is_told_and_nobody_there_is_no_fault(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "NEARBY", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = looked(directory, more=asking.others, SEALBOOK_NOTARY_PORT=str(port))
        assert "service" in bad(result)
    result = looked(directory, more=asking.others, SEALBOOK_NOTARY_PORT=str(port))
    assert about(result, "service")[0].level is Level.LOOK
    served = partial(asking.others, is_served=True)
    assert "service" in bad(looked(directory, more=served, SEALBOOK_NOTARY_PORT=str(port)))


def test_the_command_exits_with_1_where_something_must_be_mended_and_speaks_chinese(
    directory: Path,
) -> None:
    command = ("notary", "doctor", "--dir", directory)
    run(*command)
    (directory / "objects").rename(directory / "moved")
    value = json.loads(run(*command, "--json", code=1).output)
    assert {"subject", "level", "found", "todo"} == set(value["found"][0])
    assert value["found"][0]["level"] == "mend"
    shown = run("--lang", "zh", *command, code=1).output
    assert "必须处理" in shown
    assert "cannot" not in shown


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (Answer(409, SIZE_TYPE, b"5\n"), Level.OK),
        (Answer(409, SIZE_TYPE, b"6\n"), Level.MEND),
        (Answer(409, SIZE_TYPE, b"-1\n"), Level.MEND),
        (Answer(409, SIZE_TYPE, b"\xff"), Level.MEND),
        (Answer(409, "text/html", b"5\n"), Level.MEND),
        (Answer(200, "text/plain", b"\xe2\x80\x94 w\n"), Level.OK),
        (Answer(404, "text/plain", b""), Level.MEND),
        (Answer(302, "text/plain", b""), Level.MEND),
    ],
)
def test_a_witness_that_has_seen_more_than_is_here_must_be_heeded(
    answer: Answer, level: Level
) -> None:
    assert asking._witnessed("https://w.example", answer, 5).level is level


def test_a_check_that_fails_itself_is_told_and_stops_no_other(directory: Path) -> None:
    def fails() -> Iterator[Diagnosis]:
        raise LookupError("\x1b[31m of ours")

    result = looked(directory, more=lambda _: [("portal", fails)])
    (told,) = about(result, "portal")
    assert told.level is Level.LOOK
    assert "\x1b" not in told.found
    assert about(result, "keys")


def test_every_subject_has_its_words_in_both_languages() -> None:
    with speaking(["--lang", "en"]):
        english = [subject(each) for each in get_args(Subject)]
    with speaking(["--lang", "zh"]):
        chinese = [subject(each) for each in get_args(Subject)]
    assert all(len({*each}) == 2 for each in zip(english, chinese, strict=True))


def test_what_keeps_several_checks_from_looking_is_said_once(directory: Path) -> None:
    def away() -> Iterator[Diagnosis]:
        raise StorageFailed("The database does not answer.")

    checks: list[doctor.Check] = [("ledger", away), ("standby", away), ("witnesses", away)]
    result = examine(directory, {}, NOW, lambda _: (), lambda _: checks)
    assert [each.subject for each in result] == ["ledger"]
