"""The way into the spool: exactly once, numbered without a gap, whatever happens in between."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ledger.company.capture import intake as capture
from ledger.company.capture.config import Rule
from ledger.company.capture.index import Place, State
from ledger.company.capture.intake import Intake, Item, item_key
from ledger.company.documents import Document, SealedDeposit
from ledger.company.sealing import beside, orders
from ledger.company.sealing import seal as sealing
from ledger.company.sealing.sources import MemorySource, open_source
from ledger.company.vault.stored import StoredDeposit, file_header
from ledger.company.vault.vault import Vault
from ledger.crypto.recipients import HybridIdentity, Random
from ledger.crypto.stream import payload_root
from ledger.errors import SourceChanged, StorageFailed
from ledger.program import Program, this_program
from tests.cli.conftest import Company
from tests.renditions.pdfs import data, new


def item(name: str, state: int = 1, rule: Rule | None = None, before: str | None = None) -> Item:
    return Item(
        item_key(name, state),
        (Document(MemorySource(name.encode()), "a.txt"),),
        name,
        name,
        rule or Rule(),
        topic=name,
        place=Place(name, State(state, state, state), before),
    )


@pytest.fixture
def vault(applicant: Company) -> Vault:
    return Vault(applicant.home)


def opened(vault: Vault) -> Intake:
    return Intake(vault, lambda: 1_800_000_000.0, os.urandom)


def places(vault: Vault) -> list[tuple[str, int]]:
    found = []
    for each in vault.spooled():
        matter = each.deposit.matter
        assert matter is not None
        found.append((each.meta.title, matter.number))
    return sorted(found)


def test_an_item_is_taken_once(vault: Vault) -> None:
    with opened(vault) as intake:
        first = intake.take(item("/a"))
        assert intake.take(item("/a")).name == first.name
    with opened(vault) as intake:
        assert intake.take(item("/a")).name == first.name
    assert len(vault.spooled()) == 1


def test_versions_of_a_file_follow_each_other_also_after_a_move_and_a_restart(vault: Vault) -> None:
    with opened(vault) as intake:
        intake.take(item("/a", 1))
        intake.take(item("/a", 2))
    with opened(vault) as intake:
        intake.take(item("/b", 2, before="/a"))
        intake.take(item("/b", 3))
        intake.take(item("/a", 4))
    by_number = {
        (each.meta.title, each.deposit.matter.number): each
        for each in vault.spooled()
        if each.deposit.matter
    }
    assert set(by_number) == {("/a", 1), ("/a", 2), ("/b", 3), ("/b", 4)}
    matters = {each.deposit.matter.id for each in vault.spooled() if each.deposit.matter}
    assert len(matters) == 2, "what appears at a path that was left begins a matter of its own"


def test_many_threads_share_a_named_matter_without_a_gap(vault: Vault) -> None:
    rule = Rule(matter="Nanjing supply")
    with opened(vault) as intake:
        threads = [
            threading.Thread(target=intake.take, args=(item(f"/{number}", rule=rule),))
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(number for _, number in places(vault)) == list(range(1, 13))


def test_what_could_not_be_spooled_is_taken_the_next_time(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with opened(vault) as intake:
        with monkeypatch.context() as patch:
            patch.setattr(vault, "give_name", full)
            with pytest.raises(StorageFailed):
                intake.take(item("/a"))
        assert intake.index.at("/a") is None
        intake.take(item("/a"))
        intake.take(item("/b"))
    assert places(vault) == [("/a", 1), ("/b", 1)]
    assert not list((vault.home / "spool").glob(".sealing*"))


def test_a_row_without_a_folder_is_forgotten_at_the_next_start(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with opened(vault) as intake, monkeypatch.context() as patch:
        intake.take(item("/a", 1))
        patch.setattr(vault, "give_name", killed)
        with pytest.raises(Killed):
            intake.take(item("/a", 2))
    with opened(vault) as intake:
        assert intake.index.at("/a") is not None
        intake.take(item("/a", 2))
    assert places(vault) == [("/a", 1), ("/a", 2)]


def test_policy_reaches_the_deposit(vault: Vault) -> None:
    officer = HybridIdentity(os.urandom(32))
    rule = Rule(
        classification="confidential", officers=(str(officer.recipient()),), commitment_only=True
    )
    with opened(vault) as intake:
        taken = intake.take(item("/a", rule=rule))
    assert taken.deposit.content is None
    stated = dict(taken.manifest((officer,)).cover.provenance)
    assert stated["classification"] == "confidential"
    assert stated["stated by"].startswith("the depositor's software")
    assert stated["tool"].startswith("sealbook ")
    assert {"host", "captured", "clock", "matter"} <= stated.keys()


def test_what_moved_is_found_by_its_state(tmp_path: Path, vault: Vault) -> None:
    with opened(vault) as intake:
        intake.take(item("/w/a", 1))
        intake.take(item("/w/b", 2))
        index = intake.index
        assert index.below("/w") == {"/w/a": State(1, 1, 1), "/w/b": State(2, 2, 2)}
        assert index.with_state(State(1, 1, 1)) == ["/w/a"]
        moved = item("/x/c", 1, before="/w/a")
        intake.take(Item(item_key("move"), *[getattr(moved, n) for n in Item.__slots__[1:]]))
        assert index.below("/w") == {"/w/b": State(2, 2, 2)}
        assert index.with_state(State(1, 1, 1)) == ["/x/c"]
        assert index.at("/w/a") is None
        assert index.at_all(["/w/b", "/x/c", "/w/a", "/none"]) == {
            path: index.at(path) for path in ("/w/b", "/x/c")
        }
        states = {State(1, 1, 1): ["/x/c"], State(2, 2, 2): ["/w/b"], State(2, 2, 3): []}
        assert index.with_states(states) == states


def test_plaintext_that_is_made_for_sealing_lies_where_the_next_start_removes_it(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Path] = []

    def seal(documents: list[Document], *rest: Any, **named: Any) -> SealedDeposit:
        found.extend(Path(each.source.path) for each in documents if each.rendition)  # type: ignore[attr-defined]
        return sealing.seal(documents, *rest, **named)

    monkeypatch.setattr(orders, "seal", seal)
    with opened(vault) as intake:
        paper = Item(
            item_key("a"),
            (Document(MemorySource(data(new("one", "two"))), "a.pdf"),),
            "a",
            "a",
            Rule(),
        )
        intake.take(paper)
        assert len(found) == 2
        rooms = {each.relative_to(vault.home / "spool").parts[0] for each in found}
        assert all(each.startswith(".sealing-") for each in rooms)
    assert not any(each.exists() for each in found)


def files(folder: Path, count: int) -> list[Item]:
    found = []
    for number in range(count):
        path = folder / f"{number}.txt"
        path.write_bytes(b"paper %d\n" % number)
        document = Document(open_source(path), path.name)
        found.append(Item(item_key(str(path)), (document,), path.name, str(path), Rule()))
    return found


def sealed_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the documents that this process seals, as they come."""
    found: list[str] = []

    def carry_out(order: orders.Order, random: Random) -> orders.Sealed:
        found.append(order.documents[0].name)
        return orders.carry_out(order, random)

    monkeypatch.setattr(capture, "carry_out", carry_out)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return found


def test_of_many_files_sealed_in_a_process_a_bad_one_stops_no_other(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = files(tmp_path, beside.MANY)
    (tmp_path / "3.txt").write_bytes(b"changed meanwhile")
    here = sealed_here(monkeypatch)
    with opened(vault) as intake:
        outcomes = intake.take_all(papers)
    assert isinstance(outcomes[3], SourceChanged)
    assert here == ["3.txt"], "the process has sealed all others"
    taken = [each for each in outcomes if isinstance(each, StoredDeposit)]
    assert sorted(each.name for each in taken) == sorted(each.name for each in vault.spooled())
    assert len(taken) == beside.MANY - 1
    assert not list((vault.home / "spool").glob(".sealing*"))
    for each in vault.spooled():
        each.check()
        for path, payload in each.files:
            data = path.read_bytes()[len(file_header(path)) :]
            assert (len(data), payload_root([data])) == (payload.size, payload.root)


SPEAKING = """
import pickle, sys
def write(data):
    sys.stdout.buffer.write(len(data).to_bytes(8, "big") + data)
    sys.stdout.buffer.flush()
"""
DYING = SPEAKING + "write(pickle.dumps('{}')); sys.stdin.buffer.read(100)"
TELLING_OF_WHAT_IS_NOT_HERE = SPEAKING + "write(b'cledger\\nmissing\\n.'); sys.stdin.buffer.read()"


@pytest.mark.parametrize("script", [DYING, TELLING_OF_WHAT_IS_NOT_HERE])
def test_what_a_process_that_dies_or_cannot_be_understood_has_not_sealed_is_sealed_here(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    papers = files(tmp_path, beside.MANY)
    here = sealed_here(monkeypatch)
    command = [sys.executable, "-c", script.format(this_program().digest)]

    def started(_: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(beside, "start", started)
    with opened(vault) as intake:
        outcomes = intake.take_all(papers)
    assert here == [f"{number}.txt" for number in range(beside.MANY)]
    assert len(vault.spooled()) == len(outcomes) == beside.MANY


def test_a_process_of_another_program_gets_nothing_to_seal(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = files(tmp_path, beside.MANY)
    here = sealed_here(monkeypatch)
    monkeypatch.setattr(beside, "this_program", lambda: Program("sealbook", "0.0", "another"))
    with opened(vault) as intake:
        outcomes = intake.take_all(papers)
    assert here == [f"{number}.txt" for number in range(beside.MANY)]
    assert len(vault.spooled()) == len(outcomes) == beside.MANY
