"""Files that mean harm: bounded time and memory, a reason, and the next file has its turn."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.company.documents import Document
from ledger.company.sealing import renditions
from ledger.company.sealing.preparing import prepared
from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.renditions import Renderer, is_renderable
from ledger.company.sealing.sources import open_source
from ledger.errors import SourceChanged
from tests.renditions import pdfs
from tests.renditions.conftest import Render, rendering

GOOD = pdfs.data(pdfs.new("one"))
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux")


@pytest.fixture
def renderer(tmp_path: Path) -> Iterator[Renderer]:
    folder = tmp_path / "renditions"
    folder.mkdir()
    with Renderer(folder, []) as renderer:
        yield renderer


@pytest.fixture
def render(renderer: Renderer, tmp_path: Path) -> Render:
    """A deposit of a test's own."""
    return rendering(renderer, tmp_path)


@pytest.fixture(scope="module")
def slow() -> bytes:
    """Return a PDF that takes some 20 seconds: 360 MB of names."""
    return pdfs.unpacking(b"/Name gs\n" * 100_000, 400)


def children() -> set[int]:
    """Return the processes that render for us; other tests' servers may be there as well."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found |= {int(each) for each in (task / "children").read_text().split()}
    return {each for each in found if _renders(each)}


def _renders(process: int) -> bool:
    try:
        return b"ledger.company.sealing.rendering" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def at_work(process: int) -> bool:
    """Whether it has been given a file: its processor time is limited from then on."""
    try:
        limits = Path(f"/proc/{process}/limits").read_text().splitlines()
    except OSError:
        return False
    (cpu,) = [line for line in limits if line.startswith("Max cpu time")]
    return cpu.split()[3] != "unlimited"


def leftovers(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "renditions").rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", pdfs.REFUSED)
def test_a_hostile_pdf_costs_bounded_time_and_leaves_nothing(
    kind: str, render: Render, tmp_path: Path
) -> None:
    make, reason = pdfs.REFUSED[kind]
    pdf = make()
    began = time.monotonic()
    with pytest.raises(NotRendered, match=reason or "."):
        render(pdf)
    assert time.monotonic() - began < 30
    assert leftovers(tmp_path) == []
    assert len(render(GOOD)) == 1


@pytest.mark.parametrize(
    "pdf",
    [pdfs.raw(), pdfs.raw(contents=b"4 0 R/Annots 9 0 R>>"), pdfs.raw(b"/X Do /Y gs")],
    ids=["no table of objects", "annotations that are missing", "names of nothing"],
)
def test_what_readers_bear_is_rendered(pdf: bytes, render: Render) -> None:
    assert len(render(pdf)) == 1


def test_a_file_that_takes_too_long_is_given_up(
    slow: bytes, render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "BASE_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(NotRendered, match="it took longer than 1 seconds"):
        render(slow)
    assert time.monotonic() - began < 15  # it would take some 20
    assert leftovers(tmp_path) == []
    assert len(render(GOOD)) == 1


def test_files_that_hang_take_no_more_than_the_time_of_a_deposit(
    slow: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "BASE_SECONDS", 1)
    monkeypatch.setattr(renditions, "MAX_DEPOSIT_SECONDS", 1.5)
    path = tmp_path / "slow.pdf"
    path.write_bytes(slow)
    reasons = []
    with Renderer(tmp_path, []) as renderer:
        for number in range(20):
            with pytest.raises(NotRendered) as refused:
                renderer.render(Document(open_source(path), f"{number}.pdf"), number)
            reasons.append(str(refused.value))
    assert "took longer" in reasons[0]
    assert set(reasons[2:]) == {"other documents of the deposit took all the time there is for it"}


@needs_proc
def test_a_crash_of_the_child_is_a_reason(slow: bytes, render: Render, tmp_path: Path) -> None:
    def crash() -> None:
        while not (found := {each for each in children() if at_work(each)}):
            time.sleep(0.01)
        os.kill(found.pop(), signal.SIGSEGV)

    assert not children()
    thread = threading.Thread(target=crash)
    thread.start()
    with pytest.raises(NotRendered, match=r"ended on it \(signal or code 11\)"):
        render(slow)
    thread.join()
    assert leftovers(tmp_path) == []
    assert len(render(GOOD)) == 1


@needs_proc
def test_a_child_that_died_between_two_files_is_replaced(render: Render) -> None:
    render(GOOD)
    (first,) = children()
    os.kill(first, signal.SIGKILL)
    assert len(render(GOOD)) == 1
    assert children() != {first}


@needs_proc
def test_the_child_knows_nothing_of_us_and_ends_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALBOOK_PASSPHRASE", "hunter2")
    (tmp_path / "a.pdf").write_bytes(GOOD)
    folder = tmp_path / "made"
    folder.mkdir()
    with open(tmp_path / "a.pdf", "rb"), Renderer(folder, []) as renderer:
        renderer.render(Document(open_source(tmp_path / "a.pdf"), "a.pdf"), 0)
        (child,) = children()
        process = Path(f"/proc/{child}")
        assert b"hunter2" not in (process / "environ").read_bytes()
        assert (process / "cwd").resolve() == folder
        # Input, output, errors, and the answers.
        assert len(list((process / "fd").iterdir())) <= 5
        limits = (process / "limits").read_text()
        assert "Max core file size        0" in limits
        assert f"Max address space         {2 << 30}" in limits
    assert not process.exists()


@needs_proc
def test_one_child_serves_many_files(render: Render) -> None:
    render(GOOD)
    first = children()
    for _ in range(5):
        render(GOOD)
    assert children() == first


def test_renditions_are_for_their_owner_only(render: Render) -> None:
    (only,) = render(GOOD)
    assert only.source.path.stat().st_mode & 0o077 == 0  # type: ignore[attr-defined]


def test_a_file_that_changes_is_not_rendered(renderer: Renderer, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(GOOD)
    source = open_source(path)
    path.write_bytes(GOOD + b"\n")
    with pytest.raises(SourceChanged):
        renderer.render(Document(source, "a.pdf"), 0)
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_a_reason(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renditions, "SPARE_DISK", 1 << 60)
    with pytest.raises(NotRendered, match="too little space was free"):
        render(GOOD)


def test_without_temporary_files_there_is_a_deposit_all_the_same(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(GOOD)
    with prepared([Document(open_source(path), "a.pdf")], tmp_path / "gone") as ready:
        (only,) = ready
    assert only.splitting.unsplit.startswith("there is no room for temporary files")


def test_a_huge_file_is_not_even_read(renderer: Renderer) -> None:
    class Huge:
        size = 1 << 40

        def read_into(self, offset: int, buffer: memoryview) -> None:
            raise AssertionError

        def check(self) -> None:
            raise AssertionError

    with pytest.raises(NotRendered, match="larger than 512 MiB"):
        renderer.render(Document(Huge(), "a.pdf"), 0)


@pytest.mark.parametrize(
    ("name", "media_type", "renderable"),
    [
        ("a.pdf", "", True),
        ("folder/A.PDF", "", True),
        ("minutes.docx", "", True),
        ("attachment", "application/pdf; name=x", True),
        ("pdf", "", False),
        ("a.pdf/notes.txt", "text/plain", False),
        ("a.doc", "application/msword", False),
    ],
)
def test_what_is_rendered_goes_by_name_and_media_type(
    name: str, media_type: str, renderable: bool
) -> None:
    assert is_renderable(name, media_type) is renderable


@pytest.fixture
def named(tmp_path: Path) -> Callable[..., tuple[Document, ...]]:
    """Return what renders a PDF among documents of these names, as the first of them."""

    def named(*names: str) -> tuple[Document, ...]:
        path = tmp_path / "source"
        path.write_bytes(GOOD)
        documents = [Document(open_source(path), name) for name in names]
        (tmp_path / "out").mkdir()
        with Renderer(tmp_path / "out", documents) as renderer:
            return renderer.render(documents[0], 0)

    return named


@pytest.mark.parametrize("other", ["a.pdf.pages", "A.PDF.pages/x.txt", "a.pdf.Pages/page 001.pdf"])
def test_no_rendition_takes_the_name_of_a_document(
    named: Callable[..., tuple[Document, ...]], other: str
) -> None:
    (only,) = named("a.pdf", other)
    assert only.name == "a.pdf.pages 2/page 001.pdf"


def test_a_name_that_has_no_room_for_pages_is_a_reason(
    named: Callable[..., tuple[Document, ...]],
) -> None:
    with pytest.raises(NotRendered, match="name is too long"):
        named("文" * 335 + ".pdf")


def test_pages_that_do_not_fit_into_the_deposit_are_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "MAX_DOCUMENTS", 4)
    path = tmp_path / "a.pdf"
    path.write_bytes(pdfs.data(pdfs.new("one", "two")))
    documents = [Document(open_source(path), "a.pdf"), Document(open_source(path), "b.pdf")]
    with Renderer(tmp_path, documents) as renderer:
        assert len(renderer.render(documents[0], 0)) == 2
        with pytest.raises(NotRendered, match="more than 0 pages"):
            renderer.render(documents[1], 1)


def test_the_child_ends_when_nobody_asks_any_more() -> None:
    command = [sys.executable, "-I", "-m", "ledger.company.sealing.rendering"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
