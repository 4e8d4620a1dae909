"""The notary's stores: append-only, compare-and-swap, whole files."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from ledger.chain.seal import Seal
from ledger.chain.statement import parse_statement
from ledger.chain.tiles import entries_path, parse_bundle
from ledger.errors import LedgerFault, NotFound, StorageFailed
from ledger.notary.ports import SignedCheckpoint
from ledger.notary.storage import connections
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.connections import KEPT_READERS
from ledger.notary.storage.ledger_database import _OF_THE_OFFICE, LedgerDatabase
from ledger.notary.storage.logfiles import log_folder
from ledger.notary.storage.office import DONE, OfficeDatabase
from ledger.notary.storage.records import record_folder
from ledger.notary.storage.sqlite import sqlite3
from tests.notaries import Company, descriptors


def checkpoint(height: int, size: int) -> SignedCheckpoint:
    return SignedCheckpoint(height, size, os.urandom(32), f"note {size}", Seal(b"p", b"s"))


@pytest.fixture
def signed(tmp_path: Path) -> CheckpointDatabase:
    return CheckpointDatabase(tmp_path / "checkpoints.sqlite", create=True)


def test_a_checkpoint_is_added_only_to_the_one_it_follows(signed: CheckpointDatabase) -> None:
    first, second = checkpoint(0, 1), checkpoint(1, 5)
    signed.swap(None, first)
    signed.swap(first, second)
    for last, new in (
        (None, checkpoint(0, 9)),
        (first, checkpoint(1, 9)),
        (second, checkpoint(3, 9)),
        (checkpoint(1, 5), checkpoint(2, 9)),
    ):
        with pytest.raises(LedgerFault):
            signed.swap(last, new)
    assert signed.last() == second
    assert [signed.covering(index) for index in (0, 1, 4, 5)] == [first, second, second, None]


def test_who_opens_what_another_process_holds_is_told_at_once_and_refused_in_the_end(
    signed: CheckpointDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    signed.swap(None, checkpoint(0, 1))
    signed.close()
    monkeypatch.setattr(connections, "SAID_AFTER", 0.1)
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.3)
    path = tmp_path / "checkpoints.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageFailed, match="Another process holds"):
            CheckpointDatabase(path)
    (said,) = caplog.messages
    assert str(path) in said and "waited for" in said
    CheckpointDatabase(path).close()


def test_a_checkpoint_of_a_size_that_was_signed_is_never_added(signed: CheckpointDatabase) -> None:
    first = checkpoint(0, 1)
    signed.swap(None, first)
    with pytest.raises(LedgerFault):
        signed.swap(first, checkpoint(1, 1))


@pytest.mark.parametrize("change", ["UPDATE checkpoints SET note = 'x'", "DELETE FROM checkpoints"])
def test_signed_checkpoints_are_never_changed(signed: CheckpointDatabase, change: str) -> None:
    signed.swap(None, checkpoint(0, 1))
    with pytest.raises(Exception, match="signed checkpoints are never"):
        Database(str(signed.place), execute_plugins=False).execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET statement = x'00'",
        "DELETE FROM entries",
        "REPLACE INTO entries SELECT idx, leaf, kind, 'x', statement FROM entries",
    ],
)
def test_entries_are_append_only(tmp_path: Path, change: str) -> None:
    store = LedgerDatabase(tmp_path / "ledger.sqlite", create=True)
    company = Company(account="00" * 16)
    store.append(0, [parse_statement(each) for each in company.statements(3)])
    with pytest.raises(Exception, match="append-only"):
        Database(str(store.place), execute_plugins=False).execute(change)
    assert store.size() == 3


def test_the_offices_entries_are_found_without_reading_those_between(tmp_path: Path) -> None:
    store = LedgerDatabase(tmp_path / "ledger.sqlite", create=True)
    plan = Database(str(store.place), execute_plugins=False).execute(
        f"EXPLAIN QUERY PLAN {_OF_THE_OFFICE}", (0, 1_000_000)
    )
    assert "entries_of_the_office (kind=? AND idx>? AND idx<?)" in plan.fetchall()[0][3]


def test_entries_are_added_at_the_end_once_and_all_or_none(tmp_path: Path) -> None:
    store = LedgerDatabase(tmp_path / "ledger.sqlite", create=True)
    company = Company(account="00" * 16)
    statements = [parse_statement(each) for each in company.statements(3)]
    store.append(0, statements[:2])
    for start, added in (
        (1, statements[2:]),
        (3, statements[2:]),
        (2, [statements[2], statements[0]]),
    ):
        with pytest.raises(LedgerFault):
            store.append(start, added)
    assert store.size() == 2
    store.append(2, statements[2:])
    assert store.leaf_hashes(0, 9) == [each.leaf_hash for each in statements]


def test_a_database_that_is_not_one_is_a_storage_failure(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageFailed, match="rebuild"):
        LedgerDatabase(path)


def test_a_missing_database_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(LedgerFault, match="rebuild"):
        LedgerDatabase(tmp_path / "ledger.sqlite")


def test_bundles_grow_and_partial_ones_make_room(tmp_path: Path) -> None:
    log = log_folder(tmp_path)
    entries = [bytes([i % 256]) * (i % 7) for i in range(600)]
    at = 0
    for end in (1, 3, 200, 256, 300, 511, 600):
        log.write_entries(at, entries[at:end])
        at = end
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert names == sorted([entries_path(0), entries_path(1), entries_path(2, 88)])
    assert [*parse_bundle((tmp_path / entries_path(1)).read_bytes())] == entries[256:512]


def test_a_folder_opened_anew_continues_the_last_bundle(tmp_path: Path) -> None:
    entries = [bytes([i]) for i in range(40)]
    log_folder(tmp_path).write_entries(0, entries[:30])
    again = log_folder(tmp_path)
    again.write_entries(30, entries[30:])
    assert again.read_bundle(0, 40) == entries
    assert again.read_bundle(0, 20) == entries[:20]
    assert again.read_bundle(0, 41) is None


def test_what_a_cut_short_commit_left_is_taken_away(tmp_path: Path) -> None:
    entries = [bytes([i % 256]) for i in range(700)]
    log = log_folder(tmp_path)
    log.write_entries(0, entries[:300])
    log.write_entries(300, entries[300:])
    log.trim(300, entries[256:300])
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert names == sorted([entries_path(0), entries_path(1, 44)])


def test_the_partial_bundle_of_an_anchor_stays_until_the_full_one_is_there(tmp_path: Path) -> None:
    log = log_folder(tmp_path)
    log.write_entries(0, [b"a"] * 10)
    log.publish([], 10, "note")
    log.write_entries(10, [b"b"] * 10)
    log.write_entries(20, [b"c"] * 10)
    assert (tmp_path / entries_path(0, 10)).exists()
    assert not (tmp_path / entries_path(0, 20)).exists()
    log.write_entries(30, [b"d"] * 300)
    assert not (tmp_path / entries_path(0, 10)).exists()


def test_orders_are_answered_once_and_keep_nothing_of_what_they_carried(tmp_path: Path) -> None:
    office = OfficeDatabase(tmp_path / "office.sqlite")
    number = office.give("notice", b"secret")
    assert [each.id for each in office.waiting()] == [number]
    office.answer(number, DONE, b"seven")
    order = office.order(number)
    assert order is not None and order.answer == b"seven" and order.argument == b""
    assert office.waiting() == [] and not office.withdraw(number)


def test_expired_nonces_are_forgotten(tmp_path: Path) -> None:
    office = OfficeDatabase(tmp_path / "office.sqlite")
    assert office.remember(b"k", b"n", 100, 50)
    assert not office.remember(b"k", b"n", 100, 60)
    again = OfficeDatabase(tmp_path / "office.sqlite")
    assert again.remember(b"k", b"m", 300, 200)
    assert again.remember(b"k", b"n", 300, 200)


def test_a_nonce_that_may_have_been_forgotten_counts_as_seen(tmp_path: Path) -> None:
    """A request that was fresh when it began, and whose body came after its nonce was pruned."""
    office = OfficeDatabase(tmp_path / "office.sqlite")
    assert office.remember(b"k", b"n", 100, 50)
    for i in range(256):
        assert office.remember(b"other", i.to_bytes(2, "big"), 900, 400)
    assert not office.remember(b"k", b"n", 100, 103)
    assert not office.remember(b"k", b"m", 100, 101)
    assert office.remember(b"k", b"m", 101, 101)


def test_threads_share_the_connection_that_writes(tmp_path: Path) -> None:
    office = OfficeDatabase(tmp_path / "office.sqlite")

    def work(number: int) -> list[bool]:
        office.give("notice", bytes([number]))
        return [office.remember(b"k", bytes([i]), 100, 50) for i in range(50)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    assert sum(map(sum, answers)) == 50
    assert len(office.waiting()) == 8


@pytest.mark.parametrize("before", [None, 0o644])
def test_a_database_is_its_owners_alone(tmp_path: Path, before: int | None) -> None:
    path = tmp_path / "ledger.sqlite"
    if before is not None:
        LedgerDatabase(path, create=True).close()
        for each in (path, tmp_path / "ledger.sqlite-wal"):
            each.touch()
            each.chmod(before)
    umask = os.umask(0)
    try:
        store = LedgerDatabase(path, create=before is None)
        store.append(0, [parse_statement(Company(account="00" * 16).statement())])
        with store.snapshot() as snapshot:
            snapshot.copy(tmp_path / "copy.sqlite")
    finally:
        os.umask(umask)
    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == dict.fromkeys(modes, 0o600)
    assert set(modes) > {"ledger.sqlite", "ledger.sqlite-wal", "copy.sqlite"}


def test_records_are_private_and_can_be_erased(tmp_path: Path) -> None:
    records = record_folder(tmp_path / "records")
    digest = os.urandom(32)
    records.write(digest, b"who")
    assert (tmp_path / "records" / digest.hex()).stat().st_mode & 0o777 == 0o600
    assert records.read(digest) == b"who"
    assert records.erase(digest) and not records.erase(digest)
    assert records.read(digest) is None


@pytest.mark.parametrize("token", ["", "../../etc/passwd", "0" * 31, "0" * 32])
def test_a_token_fetches_only_what_was_staged(tmp_path: Path, token: str) -> None:
    with pytest.raises(NotFound):
        record_folder(tmp_path).fetch(token)


def test_readers_leave_no_descriptor_behind_when_their_threads_end(
    signed: CheckpointDatabase,
) -> None:
    signed.swap(None, checkpoint(0, 1))
    before = descriptors()
    for _ in range(200):
        with ThreadPoolExecutor(10) as threads:
            assert all(threads.map(lambda _: signed.last(), range(20)))
    assert descriptors() - before <= 3 * KEPT_READERS
    signed.close()
    assert descriptors() < before
