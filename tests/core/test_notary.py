"""A notary's directory: one owner, checks that see damage, and no way to fork by accident."""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from ledger.chain.enrolment import IdentityRecord, format_record
from ledger.chain.office import Platform, parse_notice, parse_platform
from ledger.chain.receipt import parse_receipt
from ledger.chain.replay import Deposited
from ledger.chain.statement import (
    NOTICE,
    PLATFORM,
    Deposit,
    Payload,
    format_deposit,
    parse_statement,
)
from ledger.chain.trust import parse_trust
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.merkle import leaf_hash
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.encoding import cbor_encode
from ledger.errors import Conflict, LedgerFault, NotFound, Refused, StorageFailed
from ledger.notary.care.fsck import fsck
from ledger.notary.care.rebuild import rebuild
from ledger.notary.care.restore import restore
from ledger.notary.care.sounding import Sounding
from ledger.notary.notary import Notary, open_notary
from ledger.notary.ordering import command
from ledger.notary.orders import Enroll, Revoke, SayNotice, StatePlatform, parse_refusal
from ledger.notary.ports import Step
from ledger.notary.storage.directory import InUse
from ledger.notary.storage.office import OfficeDatabase
from ledger.wire.protocol import SmallEnvelope
from tests.notaries import NOW, ORIGIN, Clock, Company, check, deposit, examined, found, opened

RECORD = format_record(IdentityRecord(bytes(32), "ACME", "9131", "clerk", NOW))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return found(tmp_path / "notary")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notary that has entered something: a full tile, two keys, a revocation."""
    directory = found(tmp_path_factory.mktemp("made") / "notary")
    with opened(directory) as notary:
        company = Company().enrol(notary)
        for _ in range(3):
            deposit(notary, company.statements(100))
        notary.accounts.revoke(company.recovery.thumbprint, "superseded")
    return directory


@pytest.fixture
def worked(made: Path, tmp_path: Path) -> Path:
    return copied(made, tmp_path / "notary")


@pytest.fixture(scope="module")
def brimming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notary whose first tile is almost full."""
    directory = found(tmp_path_factory.mktemp("brimming") / "notary")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(225))
    return directory


def copied(directory: Path, to: Path) -> Path:
    shutil.copytree(directory, to)
    return to


def test_a_second_notary_on_a_directory_is_refused(directory: Path) -> None:
    with opened(directory), pytest.raises(InUse, match="Only one may sign"):
        open_notary(directory)
    with opened(directory):
        pass


def test_closing_stops_a_backup_before_anything_that_waits_for_it(directory: Path) -> None:
    stopped = []
    with opened(directory, serve=True) as notary:
        cancelled = notary._cancelled
        copying = threading.Thread(target=cancelled.wait, args=(10,))
        copying.start()
        notary._copying = 1, copying
        assert notary._is_copying()
        notary._stack.callback(lambda: stopped.append(cancelled.is_set()))
    assert stopped == [True]
    assert not copying.is_alive()


def test_who_deletes_the_lock_file_lets_no_second_notary_in(directory: Path) -> None:
    with opened(directory):
        (directory / "notary.lock").unlink()
        with pytest.raises(InUse, match="Only one may sign"):
            open_notary(directory)
    with opened(directory):
        pass


def test_a_notary_is_not_founded_over_something_else(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="not empty"):
        found(directory)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(Conflict, match=r"letter\.txt"):
        found(other)
    assert (other / "letter.txt").read_text() == "mine"


def test_a_directory_without_a_notary_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no notary"):
        open_notary(tmp_path)


def test_private_keys_are_private_and_the_trust_file_is_whole(directory: Path) -> None:
    keys = list((directory / "keys").iterdir())
    assert len(keys) >= 3
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    trust = parse_trust((directory / "notary.example-ledger.trust").read_bytes())
    assert trust.origin == ORIGIN and trust.policy.quorum != "none"


def test_a_notary_is_closed_to_others_also_when_copied_or_opened_up(
    worked: Path, tmp_path: Path
) -> None:
    def private(directory: Path) -> bool:
        files = [directory / "notary.lock", *directory.glob("*.sqlite*")]
        assert len(files) >= 3
        modes = {path.stat().st_mode & 0o777 for path in files}
        return directory.stat().st_mode & 0o777 == 0o700 and modes == {0o600}

    assert private(worked)
    (worked / "ledger.sqlite").unlink()
    rebuild(worked)
    assert private(worked)
    for path in (worked, worked / "notary.lock", *worked.glob("*.sqlite")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with opened(worked) as notary:
        assert private(worked)
        notary.backup(tmp_path / "backup")
    assert private(tmp_path / "backup")
    for path in (tmp_path / "backup").glob("*.sqlite"):
        path.chmod(0o644)
    (tmp_path / "new").mkdir(mode=0o755)
    restore(tmp_path / "backup", tmp_path / "new", clock=Clock(), random=os.urandom)
    assert private(tmp_path / "new")


def test_fsck_finds_nothing_wrong_with_a_sound_notary(worked: Path) -> None:
    assert examined(worked) == ()


def replace(worked: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    path = worked / name
    path.write_bytes(change(path.read_bytes()))


def flip(data: bytes) -> bytes:
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


@pytest.mark.parametrize("name", ["log/tile/0/000", "log/tile/entries/000"])
def test_fsck_sees_an_altered_file_of_the_log_and_a_rebuild_mends_it(
    worked: Path, name: str
) -> None:
    replace(worked, name, flip)
    assert any(each.level == "error" for each in examined(worked))
    rebuild(worked)
    assert examined(worked) == ()


@pytest.mark.parametrize("name", ["log/tile/0/000", "log/tile/entries/000"])
def test_fsck_sees_a_missing_file_of_the_log_and_a_rebuild_mends_it(
    worked: Path, name: str
) -> None:
    (worked / name).unlink()
    assert any(each.level == "error" for each in examined(worked))
    rebuild(worked)
    assert examined(worked) == ()


def test_fsck_sees_an_altered_partial_tile_and_a_rebuild_mends_it(worked: Path) -> None:
    (path,) = (worked / "log/tile/0/001.p").iterdir()
    path.write_bytes(flip(path.read_bytes()))
    assert any("--rebuild" in each.problem for each in examined(worked))
    rebuild(worked)
    assert examined(worked) == ()


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"hello\n"])
def test_a_damaged_published_checkpoint_is_named_and_a_rebuild_removes_it(
    worked: Path, garbage: bytes
) -> None:
    path = worked / "log" / "checkpoint"
    good = path.read_bytes()
    path.write_bytes(garbage)
    with pytest.raises(LedgerFault, match=r"log/checkpoint” is damaged.*--rebuild"):
        open_notary(worked)
    (finding,) = examined(worked)
    assert (finding.level, finding.place) == ("error", "log/checkpoint")
    rebuild(worked)
    assert {each.level for each in examined(worked)} == {"warning"}
    with opened(worked):
        pass
    assert path.read_bytes() == good and examined(worked) == ()


def test_a_published_checkpoint_that_was_never_signed_is_removed_by_a_rebuild(worked: Path) -> None:
    path = worked / "log" / "checkpoint"
    text = path.read_text()
    path.write_text(text.replace(text.splitlines()[2], "A" * 43 + "=", 1))
    assert [each.level for each in examined(worked)] == ["error"]
    rebuild(worked)
    assert not path.exists()


def altered(worked: Path, database: str, *statements: str) -> None:
    db = Database(str(worked / database), execute_plugins=False)
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET statement = CAST(substr(statement, 1, 100) || x'01' || "
        "substr(statement, 102) AS BLOB) WHERE idx = 200",
        "UPDATE entries SET leaf = zeroblob(32) WHERE idx = 200",
        "UPDATE entries SET account = 'x' WHERE idx = 200",
        "UPDATE keys SET account = 'x'",
        "DELETE FROM keys",
        "DELETE FROM revocations",
        "DELETE FROM entries WHERE idx = 200",
        "DELETE FROM entries WHERE idx > 200",
    ],
)
def test_fsck_sees_an_altered_database_and_a_rebuild_mends_it(worked: Path, change: str) -> None:
    altered(worked, "ledger.sqlite", change)
    assert any(each.level == "error" for each in examined(worked))
    rebuild(worked)
    assert examined(worked) == ()


@pytest.mark.parametrize("column", ["statement", "kind"])
def test_a_row_of_other_types_is_damage_and_a_rebuild_mends_it(worked: Path, column: str) -> None:
    """As a flipped bit in a page leaves it, which SQLite's own check need not find."""
    without = "replace(replace(sql, ' NOT NULL', ''), ' STRICT', '')"
    altered(
        worked,
        "ledger.sqlite",
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_schema SET sql = {without} WHERE name = 'entries'",
    )
    altered(worked, "ledger.sqlite", f"UPDATE entries SET {column} = NULL WHERE idx = 200")
    assert any("is damaged" in each.problem for each in fsck(worked))
    rebuild(worked)
    assert examined(worked) == ()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE checkpoints SET note = replace(note, '— notary', '— notory') WHERE height = 3",
        "UPDATE checkpoints SET seal_signature = zeroblob(64) WHERE height = 3",
        "UPDATE checkpoints SET root = zeroblob(32) WHERE height = 3",
        "DELETE FROM checkpoints WHERE height = 3",
    ],
)
def test_fsck_sees_altered_checkpoints(worked: Path, change: str) -> None:
    altered(worked, "checkpoints.sqlite", change)
    assert any(each.level == "error" for each in examined(worked))


@pytest.mark.parametrize("processes", [False, True], ids=["here", "processes"])
def test_fsck_finds_the_same_whoever_looks_at_the_deposits(
    worked: Path, monkeypatch: pytest.MonkeyPatch, processes: bool
) -> None:
    examined(worked)
    for change in (
        "account = 'other' WHERE idx = 10",
        "kind = 'notice' WHERE idx = 20",
        "statement = CAST(substr(statement, 1, length(statement) - 1) || x'ff' AS BLOB) WHERE idx = 30",
        "statement = CAST(statement || x'00' AS BLOB) WHERE idx = 31",
        "leaf = randomblob(32) WHERE idx = 50",
    ):
        altered(worked, "ledger.sqlite", f"UPDATE entries SET {change}")
    with monkeypatch.context() as patched:
        nothing = contextlib.nullcontext(Sounding(iter(())))
        patched.setattr("ledger.notary.care.fsck.sounding", lambda *_: nothing)
        expected = fsck(worked)
    assert {"entry 10", "entry 20", "entry 30", "entry 31", "bundle 0"} <= {
        each.place for each in expected
    }
    sound: set[int] = set()
    at = Sounding.deposit

    def deposit_at(self: Sounding, index: int) -> Deposited | None:
        made = at(self, index)
        sound.update([index] if made else [])
        return made

    monkeypatch.setattr(Sounding, "deposit", deposit_at)
    if processes:
        monkeypatch.setattr("ledger.notary.care.sounding.MANY", 0)
    assert fsck(worked) == expected
    assert len(sound) == 296


def test_fsck_sees_keys_that_others_can_read(worked: Path) -> None:
    (worked / "keys" / "log-ed25519.pem").chmod(0o644)
    assert "chmod 600" in examined(worked)[0].problem


@pytest.fixture
def stored(directory: Path) -> tuple[Path, Path]:
    """A notary with one deposit, its age file uploaded; the header's path and the payload's."""
    data = encrypt_payload(bytes(200_000), b"k" * 16, b"n" * 16)
    header = seal_header(b"k" * 16, [X25519Identity(b"i" * 32).recipient()], os.urandom)
    payload = Payload(len(data), payload_root([data]))
    with open_notary(directory) as notary:
        company = Company().enrol(notary)
        notary.envelopes.put_many(company.account, [SmallEnvelope(payload, header, data)])
        made = Deposit(ORIGIN, os.urandom(32), None, payload, None)
        deposit(notary, [format_deposit(made, company.account, company.key, NOW)])
    name = directory / "objects" / company.account / payload.root.hex()
    return name.with_suffix(".header"), name.with_suffix(".payload")


def test_fsck_finds_uploaded_age_files_whole(directory: Path, stored: tuple[Path, Path]) -> None:
    assert fsck(directory) == fsck(directory, ciphertext=True) == ()


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("size", [None, 0, 50])
def test_fsck_sees_an_age_file_that_is_missing_or_cut_short(
    directory: Path, stored: tuple[Path, Path], which: int, size: int | None
) -> None:
    if size is None:
        stored[which].unlink()
    else:
        os.truncate(stored[which], size)
    for ciphertext in (False, True):
        (finding,) = fsck(directory, ciphertext=ciphertext)
        assert finding.level == "error"
        assert str(stored[which].relative_to(directory)) in finding.problem


@pytest.mark.parametrize(
    ("which", "at", "bit"), [(0, -3, 0x80), (0, 60, 1), (0, -90, 2), (1, -3, 1)]
)
def test_fsck_that_reads_ciphertext_sees_an_altered_age_file(
    directory: Path, stored: tuple[Path, Path], which: int, at: int, bit: int
) -> None:
    data = bytearray(stored[which].read_bytes())
    data[at] ^= bit
    stored[which].write_bytes(data)
    assert fsck(directory) == ()
    (finding,) = fsck(directory, ciphertext=True)
    assert stored[which].stem in finding.problem and "altered" in finding.problem


def test_a_database_older_than_the_last_checkpoint_is_not_served(
    directory: Path, tmp_path: Path
) -> None:
    old = copied(directory, tmp_path / "old")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(5))
    shutil.copy(old / "ledger.sqlite", directory / "ledger.sqlite")
    with pytest.raises(LedgerFault, match="rebuild"):
        open_notary(directory)
    rebuild(directory)
    with opened(directory):
        pass


def test_old_checkpoints_beside_a_published_newer_one_are_not_served(
    directory: Path, tmp_path: Path
) -> None:
    old = copied(directory, tmp_path / "old")
    with opened(directory) as notary:
        deposit(notary, Company().enrol(notary).statements(5))
    shutil.copy(old / "checkpoints.sqlite", directory / "checkpoints.sqlite")
    assert [each.level for each in examined(directory)] == ["error"]
    with pytest.raises(LedgerFault, match=r"fork.*--rebuild") as caught:
        open_notary(directory)
    assert examined(directory)[0].problem == str(caught.value)
    shutil.rmtree(directory / "log/signed")
    shutil.copytree(old / "log/signed", directory / "log/signed")
    for refused in (open_notary, rebuild):
        with pytest.raises(LedgerFault, match="fork") as caught:
            refused(directory)
        assert examined(directory)[0].problem == str(caught.value)
    (directory / "log" / "checkpoint").unlink()
    with pytest.raises(LedgerFault, match="an old copy") as caught:
        open_notary(directory)
    assert str(caught.value) in [each.problem for each in examined(directory)]


@pytest.mark.parametrize("data", [None, b"", b"garbage" * 1000, "old"])
def test_lost_checkpoints_are_made_anew_from_their_copies(
    directory: Path, tmp_path: Path, data: bytes | str | None
) -> None:
    old = copied(directory, tmp_path / "old")
    with opened(directory) as notary:
        company = Company().enrol(notary)
        receipts = deposit(notary, company.statements(3))
    path = directory / "checkpoints.sqlite"
    if data is None:
        path.unlink()
    elif isinstance(data, bytes):
        path.write_bytes(data)
    else:
        shutil.copy(old / "checkpoints.sqlite", path)
    with pytest.raises((LedgerFault, StorageFailed), match="--rebuild"):
        open_notary(directory)
    rebuild(directory)
    assert examined(directory) == ()
    with opened(directory) as notary:
        leaves = [check(notary, each).statement.leaf_hash for each in receipts]
        assert [notary.sequencer.receipt(each) for each in leaves] == receipts
        deposit(notary, [company.statement()])


def test_without_both_its_checkpoints_and_their_copies_a_notary_signs_nothing(
    worked: Path,
) -> None:
    (worked / "checkpoints.sqlite").unlink()
    segment = worked / "log/signed/000000000"
    whole = segment.read_bytes()
    for data in (b"", whole[:-1], whole[:3000], flip(whole)):
        segment.write_bytes(data)
        with pytest.raises(LedgerFault):
            rebuild(worked)
        with pytest.raises(LedgerFault):
            open_notary(worked)
    segment.write_bytes(whole)
    rebuild(worked)
    assert examined(worked) == ()


@pytest.mark.parametrize(
    "change", [lambda _: b"", flip, lambda data: data[:-1], lambda data: data * 2]
)
def test_copies_of_checkpoints_that_are_damaged_are_written_anew(
    worked: Path, change: Callable[[bytes], bytes]
) -> None:
    replace(worked, "log/signed/000000000", change)
    assert examined(worked) != ()
    with opened(worked) as notary:
        deposit(notary, [Company().enrol(notary).statement()])
    assert examined(worked) == ()


def test_keys_of_another_ledger_do_not_sign_this_one(directory: Path, tmp_path: Path) -> None:
    other = found(tmp_path / "other")
    shutil.rmtree(directory / "keys")
    shutil.copytree(other / "keys", directory / "keys")
    with pytest.raises(LedgerFault, match="keys"):
        open_notary(directory)


def test_a_backup_taken_while_serving_restores_to_the_same_ledger(
    directory: Path, tmp_path: Path
) -> None:
    with opened(directory) as notary:
        company = Company().enrol(notary)
        receipts = deposit(notary, company.statements(300))
        stop = threading.Event()

        def go_on() -> None:
            while not stop.is_set():
                deposit(notary, company.statements(20))

        thread = threading.Thread(target=go_on)
        thread.start()
        size = notary.backup(tmp_path / "backup")
        stop.set()
        thread.join()
        assert notary.sequencer.last.size >= size
    last = restore(tmp_path / "backup", tmp_path / "new", clock=Clock(), random=os.urandom).last
    assert last.size == size
    assert all(each.level == "warning" for each in examined(tmp_path / "new"))
    with opened(tmp_path / "new") as notary:
        for receipt in receipts[::29]:
            leaf = check(notary, receipt).statement.leaf_hash
            assert notary.sequencer.receipt(leaf) == receipt
        check(notary, deposit(notary, [company.statement()])[0])
    assert examined(tmp_path / "new") == ()


def backed_up(directory: Path, to: Path) -> Path:
    with opened(directory) as notary:
        notary.backup(to)
    return to


def test_a_restore_that_would_fork_is_refused(worked: Path, tmp_path: Path) -> None:
    backup = backed_up(worked, tmp_path / "backup")
    with opened(worked) as notary:
        deposit(notary, [Company().enrol(notary).statement()])
    survivor = tmp_path / "survivor"
    survivor.mkdir()
    shutil.copy(worked / "checkpoints.sqlite", survivor)
    for target, extra in ((survivor, None), (tmp_path / "t", survivor / "checkpoints.sqlite")):
        before = sorted(target.iterdir()) if target.exists() else []
        with pytest.raises(LedgerFault, match="fork"):
            restore(backup, target, checkpoints=extra, clock=Clock(), random=os.urandom)
        assert [each for each in sorted(target.iterdir()) if "sqlite-" not in each.name] == before
    signed = (worked / "checkpoints.sqlite").read_bytes()
    assert (survivor / "checkpoints.sqlite").read_bytes() == signed
    newer = backed_up(worked, tmp_path / "newer")
    restore(newer, survivor, clock=Clock(), random=os.urandom)
    with opened(survivor):
        pass


def test_a_backup_of_another_ledger_is_not_restored_over_checkpoints(
    worked: Path, tmp_path: Path
) -> None:
    other = found(tmp_path / "other")
    backup = backed_up(worked, tmp_path / "backup")
    with pytest.raises(LedgerFault, match="another ledger"):
        restore(
            backup,
            tmp_path / "new",
            checkpoints=other / "checkpoints.sqlite",
            clock=Clock(),
            random=os.urandom,
        )


def test_backup_and_restore_write_into_nothing_that_is_somebody_elses(
    worked: Path, tmp_path: Path
) -> None:
    backup = backed_up(worked, tmp_path / "backup")
    other = found(tmp_path / "other")
    with opened(worked) as notary, pytest.raises(Conflict):
        notary.backup(other)
    with pytest.raises(Conflict):
        restore(backup, worked, clock=Clock(), random=os.urandom)


def test_a_backup_does_not_lie_in_what_it_backs_up(worked: Path) -> None:
    with opened(worked) as notary, pytest.raises(Conflict, match="own folder"):
        notary.backup(worked / "backup")
    assert not (worked / "backup").exists()


def test_commands_are_carried_out_here_or_by_the_process_that_serves(directory: Path) -> None:
    company = Company()
    standing = command(directory, Enroll(company.ask()), record=RECORD).standing
    assert standing.account == company.account
    with open_notary(directory, serve=True) as notary:
        index = command(directory, SayNotice("closed on Friday")).index
        entry = notary.entries.read(index)
        assert entry is not None
        assert parse_notice(parse_statement(entry.statement)).text == "closed on Friday"
        key = company.key.thumbprint
        assert command(directory, Revoke(key, "lost")).index > index
        with pytest.raises(Refused, match="already") as caught:
            command(directory, Revoke(key, "lost"))
        assert caught.value.code == "conflict"
        other = Company()
        command(directory, Enroll(other.ask()), record=RECORD)
        assert notary.accounts.standing(other.account).record is not None
    assert not [*(directory / "records").glob("staged-*")]


@pytest.mark.parametrize("argument", [{}, {"text": 1}, {"text": ""}, {"text": "x", "more": 1}, []])
@pytest.mark.parametrize("kind", ["notice", "dance"])
def test_a_command_that_lacks_something_is_refused(
    directory: Path, kind: str, argument: object
) -> None:
    office = OfficeDatabase(directory / "office.sqlite")
    number = office.give(kind, cbor_encode(argument))
    with open_notary(directory, serve=True) as notary:
        assert not notary.entries.office(NOTICE)
    order = office.order(number)
    office.close()
    assert order is not None and order.state == "failed" and order.answer is not None
    assert parse_refusal(order.answer).code in ("invalid-input", "malformed")


def test_the_platform_statement_in_force_is_named_by_the_blocks_after_it(directory: Path) -> None:
    new = Platform("o", "f", "e", "s", ("RFC 9162",))
    index = command(directory, StatePlatform(new)).index
    with open_notary(directory) as notary:
        entries = notary.entries.office(PLATFORM)
        assert [each.index for each in entries] == [2, index]
        assert parse_platform(parse_statement(entries[1].statement)).operator == "o"
        command_height = notary.sequencer.last.height
        notary.execute(SayNotice("next"))
        record = parse_statement(notary.block(command_height + 1)[0])
        assert record.payload["platform"] == leaf_hash(entries[1].statement)
        assert len(notary.entries.office(NOTICE)) == 1


class Failing:
    """A hook that fails like a full disk at the n-th time that a step comes, on one of its sides."""

    def __init__(self) -> None:
        self.at: tuple[Step, str] | None = None

    def __call__(self, step: Step, side: str) -> None:
        if (step, side) == self.at:
            raise StorageFailed("No space left on device.")


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", [Step.BUNDLES, Step.ENTRIES, Step.CHECKPOINT, Step.TILES])
def test_a_full_disk_fails_the_waiting_and_loses_nothing(
    brimming: Path, tmp_path: Path, step: Step, side: str
) -> None:
    directory = copied(brimming, tmp_path / "notary")
    failing = Failing()
    with opened(directory) as notary:
        company = Company().enrol(notary)
        good = deposit(notary, company.statements(3))
    with opened(directory, hook=failing, window=60, batch=30) as notary:
        statements = company.statements(30)
        failing.at = (step, side)
        for future in notary.sequencer.submit_many(statements):
            with pytest.raises(StorageFailed):
                future.result(20)
        failing.at = None
        again = deposit(notary, statements)
        for receipt in (*good, *again[::10]):
            check(notary, receipt)
        assert len({parse_receipt(each).position.index for each in again}) == 30
    assert examined(directory) == ()


def test_a_ledger_that_contradicts_itself_stops(directory: Path) -> None:
    with opened(directory) as notary:
        company = Company().enrol(notary)
        deposit(notary, [company.statement()])
        stranger = Database(str(directory / "checkpoints.sqlite"), execute_plugins=False)
        stranger.execute(
            "INSERT INTO checkpoints SELECT height + 1, size + 1, root, note, seal_protected, "
            "seal_signature FROM checkpoints ORDER BY height DESC LIMIT 1"
        )
        stranger.close()
        with pytest.raises(LedgerFault, match="another process"):
            notary.sequencer.submit(company.statement()).result(20)
        assert notary.sequencer.fault is not None
        with pytest.raises(LedgerFault):
            notary.sequencer.submit(company.statement())


def test_a_bug_in_a_store_stops_the_notary_and_answers_everyone(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(directory) as notary:
        company = Company().enrol(notary)

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(notary._store, "append", broken)
        futures = notary.sequencer.submit_many(company.statements(3))
        for future in futures:
            with pytest.raises(LedgerFault, match="ZeroDivisionError"):
                future.result(20)


def test_receipts_of_a_notary_opened_by_path_only_use_its_trust_file(directory: Path) -> None:
    with opened(directory) as notary:
        assert isinstance(notary, Notary)
        assert notary.trust == (directory / "notary.example-ledger.trust").read_bytes()
