"""What processes seal beside this one is what threads seal here, whatever becomes of the processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from ledger.company.documents import Document, SealedDeposit, Sink
from ledger.company.sealing import pipes, sharing
from ledger.company.sealing.seal import seal
from ledger.company.sealing.segments import SEGMENT, Done, Segment, Workshop
from ledger.company.sealing.sources import open_source
from ledger.crypto.recipients import X25519Identity
from ledger.disk.files import AtomicFile, NewFile, WrittenElsewhere
from ledger.errors import SourceChanged, StorageFailed
from ledger.evidence.parts import Splitting, format_cuts
from ledger.program import Program
from tests.adapters.test_committing import assert_child_ends_with_it
from tests.core.test_sealing import COVER, DEPOSITOR, Buffered, Memory
from tests.disks import small_disk

LARGE = 8 * SEGMENT + 16_001


class Beside:
    """The processes that are started, what they answer, and what is done when one is ready."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self.ready = Event()
        self.answered: list[Done | None] = []
        self.at_once: Callable[[], object] = lambda: None


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Beside:
    """Processes also for little, for which this process waits before it does a segment itself."""
    found = Beside()
    start, is_ready, ask, here = (
        pipes.start,
        sharing._Process.is_ready,
        sharing._Process.do,
        Workshop.do,
    )

    def started(module: str) -> "subprocess.Popen[bytes]":
        found.started.append(start(module))
        return found.started[-1]

    def told(process: sharing._Process) -> bool:
        ready = is_ready(process)
        found.at_once()
        found.ready.set()
        return ready

    def asked(process: sharing._Process, segment: Segment) -> Done | None:
        found.answered.append(ask(process, segment))
        return found.answered[-1]

    def waited(workshop: Workshop, segment: Segment) -> Done:
        if found.started:
            assert found.ready.wait(30)
        return here(workshop, segment)

    monkeypatch.setattr(sharing, "LARGE", SEGMENT)
    monkeypatch.setattr(sharing, "EACH", SEGMENT)
    monkeypatch.setattr(sharing, "start", started)
    monkeypatch.setattr(sharing._Process, "is_ready", told)
    monkeypatch.setattr(sharing._Process, "do", asked)
    monkeypatch.setattr(Workshop, "do", waited)
    return found


def predictable() -> Callable[[int], bytes]:
    """The same random bytes each time."""
    count = iter(range(1000))
    return lambda size: b"".join(
        sha256(b"%d" % next(count)).digest() for _ in range(-(-size // 32))
    )[:size]


def sealed(documents: list[Document], content: Sink | None, workers: int) -> SealedDeposit:
    recipients = [X25519Identity(bytes(32)).recipient()]
    return seal(
        documents, DEPOSITOR, recipients, COVER, content, Buffered(), predictable(), workers=workers
    )


def sealed_file(documents: list[Document], path: Path, workers: int) -> tuple[SealedDeposit, bytes]:
    with AtomicFile(path) as content:
        found = sealed(documents, content, workers)
    return found, path.read_bytes()


def a_document(folder: Path, size: int, cuts: list[int] | None = None) -> Document:
    path = folder / f"source-{len(list(folder.iterdir()))}"
    path.write_bytes(os.urandom(size))
    splitting = Splitting("lines", 1, format_cuts(cuts)) if cuts else Splitting()
    return Document(open_source(path), path.name, splitting=splitting)


def assert_the_same(documents: list[Document], folder: Path, beside: Beside) -> None:
    shared = sealed_file(documents, folder / "shared", 3)
    assert shared == sealed_file(documents, folder / "alone", 1)
    assert [each.poll() is not None for each in beside.started] == [True] * len(beside.started)


@pytest.mark.parametrize(
    "size", [2 * SEGMENT - 1, 5 * SEGMENT - 512, 5 * SEGMENT, 5 * SEGMENT + 1, LARGE]
)
def test_processes_seal_the_same_bytes(tmp_path: Path, beside: Beside, size: int) -> None:
    assert_the_same([a_document(tmp_path, size)], tmp_path, beside)
    assert any(beside.answered)


def test_processes_seal_the_same_bytes_of_many_documents(tmp_path: Path, beside: Beside) -> None:
    lengths = [1 + n % 16_384 for n in range(0, 9_000_000, 5003)]
    documents = [
        a_document(tmp_path, 3 * SEGMENT + 7),
        a_document(tmp_path, 0),
        a_document(tmp_path, 100),
        a_document(tmp_path, sum(lengths), lengths),
        a_document(tmp_path, SEGMENT),
    ]
    assert_the_same(documents, tmp_path, beside)
    assert any(beside.answered)


def test_processes_commit_without_content(tmp_path: Path, beside: Beside) -> None:
    documents = [a_document(tmp_path, LARGE)]
    assert sealed(documents, None, 3) == sealed(documents, None, 1)
    assert any(beside.answered)


def test_a_process_that_is_killed_is_done_without(tmp_path: Path, beside: Beside) -> None:
    def kill() -> None:
        for process in beside.started:
            process.kill()

    beside.at_once = kill
    assert_the_same([a_document(tmp_path, LARGE)], tmp_path, beside)
    assert beside.answered
    assert not any(beside.answered)


def test_a_process_that_is_killed_at_work_is_done_without(
    tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = sharing._Process.do

    def asked(process: sharing._Process, segment: Segment) -> Done | None:
        answer = ask(process, segment)
        process._process.kill()
        return answer

    monkeypatch.setattr(sharing._Process, "do", asked)
    assert_the_same([a_document(tmp_path, LARGE)], tmp_path, beside)
    assert any(beside.answered)
    assert None in beside.answered


def test_a_process_of_another_program_gets_nothing(
    tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "this_program", lambda: Program("sealbook", "0", "00"))
    assert_the_same([a_document(tmp_path, LARGE)], tmp_path, beside)
    assert len(beside.started) == 2
    assert not beside.answered


def test_a_process_that_cannot_start_is_done_without(
    tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert_the_same([a_document(tmp_path, LARGE)], tmp_path, beside)


def test_a_source_that_changes_leaves_nothing(tmp_path: Path, beside: Beside) -> None:
    document = a_document(tmp_path, LARGE)
    out = tmp_path / "out"
    out.mkdir()
    beside.at_once = lambda: os.utime(tmp_path / document.name, ns=(0, 0))
    with pytest.raises(SourceChanged, match="changed while it was being sealed"):
        sealed_file([document], out / "content.age", 3)
    assert list(out.iterdir()) == []
    assert [each.poll() is not None for each in beside.started] == [True, True]


def test_a_full_disk_leaves_nothing(tmp_path: Path, beside: Beside) -> None:
    document = a_document(tmp_path, LARGE)
    with small_disk(tmp_path / "disk", 6) as disk:
        with pytest.raises(StorageFailed, match="No space left"):
            sealed_file([document], disk.place / "content.age", 3)
        assert list(disk.place.iterdir()) == []
    assert beside.answered
    assert [each.poll() is not None for each in beside.started] == [True, True]


def test_what_another_process_cannot_open_is_sealed_here(tmp_path: Path, beside: Beside) -> None:
    document = a_document(tmp_path, LARGE)
    sealed([document], Buffered(), 3)
    with AtomicFile(tmp_path / "content.age") as content:
        sealed([Document(Memory(bytes(LARGE)), "memory")], content, 3)
    assert beside.started == []


def test_many_small_documents_are_sealed_here(tmp_path: Path, beside: Beside) -> None:
    documents = [a_document(tmp_path, SEGMENT - 1) for _ in range(3)]
    assert_the_same(documents, tmp_path, beside)
    assert beside.started == []


def test_little_is_not_worth_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    monkeypatch.setattr(sharing, "start", lambda _: pytest.fail("a process was started"))
    sealed_file([a_document(tmp_path, LARGE)], tmp_path / "content.age", 3)


def test_another_file_in_its_place_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "content.age"
    with NewFile(path) as file:
        place = file.place()
        WrittenElsewhere(place).write_at(2, b"here")
        path.rename(tmp_path / "moved")
        with pytest.raises(FileNotFoundError):
            WrittenElsewhere(place)
        path.write_bytes(b"another")
        with pytest.raises(FileNotFoundError):
            WrittenElsewhere(place)
        path.unlink()
        path.symlink_to(tmp_path / "moved")
        with pytest.raises(OSError, match="symbolic links"):
            WrittenElsewhere(place)
    assert (tmp_path / "moved").read_bytes() == b"\0\0here"


def test_the_process_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "from ledger.company.sealing import sharing\n"
        "import time\n"
        "process = sharing._Process(None)\n"
        "process.is_ready()\n"
        "print(process._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    assert_child_ends_with_it(script)
