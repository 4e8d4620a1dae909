"""Commitments made in a second process are those made here, and the process never outlives its use."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.company.documents import Document
from ledger.company.sealing import committing, pipes
from ledger.company.sealing.committing import committer
from ledger.company.sealing.job import commit_here
from ledger.company.sealing.seal import seal
from ledger.company.sealing.sources import open_source
from ledger.company.sealing.to_files import seal_files
from ledger.crypto.commitment import Uncommitted, ViewBuilder, ViewHeader, leaf_commitments
from ledger.crypto.merkle import leaf_hashes
from ledger.errors import SourceChanged
from ledger.evidence.parts import Part, Splitting, format_cuts
from tests.core.test_sealing import COVER, DEPOSITOR, OFFICER, Buffered

MANY = 600


def uncommitted(document: int) -> Uncommitted:
    leaves = [bytes([number % 256]) * (document % 40) for number in range(document % 300)]
    secret = document.to_bytes(32, "big")
    view = ViewBuilder(bytes(32), ViewHeader(len(leaves), "lines", 1))
    view.extend(leaf_hashes(leaf_commitments(bytes(32), 1, 1, leaves)))
    return Uncommitted(document, secret, view, ("lines", 1, leaves), ("fields", 1, [b"x"]))


def some() -> list[Uncommitted]:
    return [uncommitted(n) for n in range(0, 1000, 7)]


def test_another_process_makes_the_same_commitments() -> None:
    expected = commit_here(some())()
    with committer(MANY) as commit:
        assert commit is not commit_here
        found = [commit(batch) for batch in (some(), [], some())]
        assert [result() for result in found] == [expected, [], expected]


def test_few_documents_are_not_worth_a_process() -> None:
    with committer(20) as commit:
        assert commit is commit_here


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> "list[subprocess.Popen[bytes]]":
    """The processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    start = pipes.start

    def recorded(module: str) -> "subprocess.Popen[bytes]":
        found.append(start(module))
        return found[-1]

    monkeypatch.setattr(committing, "start", recorded)
    return found


def test_a_process_that_dies_is_done_without(started: "list[subprocess.Popen[bytes]]") -> None:
    with committer(MANY) as commit:
        found = [commit(some())()]
        started[0].kill()
        found += [commit(some())(), commit(some())()]
    assert found == [commit_here(some())()] * 3


def test_a_process_that_cannot_start_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with committer(MANY) as commit:
        assert commit is commit_here


def test_a_folder_of_mail_has_the_specified_commitment(
    tmp_path: Path, started: "list[subprocess.Popen[bytes]]"
) -> None:
    mail = Splitting("message", 1, format_cuts([3, 4]), (Part("message", 1, 2), Part("body", 2, 1)))
    documents = []
    for number in range(MANY):
        path = tmp_path / f"{number}.eml"
        path.write_bytes(b"%07d" % number)
        documents.append(Document(open_source(path), path.name, splitting=mail))
    out = tmp_path / "out"
    out.mkdir()
    sealed = seal_files(
        documents, DEPOSITOR, [OFFICER.recipient()], COVER,
        out / "manifest.age", out / "content.age", secrets.token_bytes,
    )  # fmt: skip
    (process,) = started
    assert process.poll() is not None
    seed = sealed.record.seed
    in_memory = seal(
        documents,
        DEPOSITOR,
        [OFFICER.recipient()],
        COVER,
        None,
        Buffered(),
        lambda size: seed[:size],
    )
    assert in_memory.commitment == sealed.commitment

    documents[500].source.path.write_bytes(b"changed")  # type: ignore[attr-defined]
    with pytest.raises(SourceChanged):
        seal_files(
            documents, DEPOSITOR, [OFFICER.recipient()], COVER,
            out / "a", out / "b", secrets.token_bytes,
        )  # fmt: skip
    assert [each.poll() is not None for each in started] == [True, True]


def test_the_process_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from ledger.company.sealing import committing\n"
        "import time\n"
        "start = committing.start\n"
        "def told(module):\n"
        "    process = start(module)\n"
        "    print(process.pid, flush=True)\n"
        "    return process\n"
        "committing.start = told\n"
        f"with committing.committer({MANY}):\n"
        "    time.sleep(600)\n"
    )
    assert_child_ends_with_it(script)


def assert_child_ends_with_it(script: str) -> None:
    """Kill a script that has told the number of a process that it started."""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    for _ in range(200):
        if not running(child):
            break
        time.sleep(0.05)
    assert not running(child)


def running(process: int) -> bool:
    """Whether a process runs: one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
