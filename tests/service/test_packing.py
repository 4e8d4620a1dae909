"""Small ciphertext in packs, with all that reads it: service, fsck, backup, orders of the office."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.chain.statement import Payload, parse_statement
from ledger.crypto.envelope import seal_header
from ledger.crypto.recipients import X25519Identity
from ledger.errors import Conflict, NotFound, StorageFailed
from ledger.notary.care import movingrows
from ledger.notary.care.fsck import WARNING, fsck
from ledger.notary.care.migrating import migrate
from ledger.notary.care.movingfiles import FOLDERS
from ledger.notary.care.rebuild import rebuild
from ledger.notary.care.restore import restore
from ledger.notary.notary import Notary, open_notary
from ledger.notary.orders import Discard
from ledger.notary.packing import Packer, named_in
from ledger.notary.storage import directory as place
from ledger.notary.storage import landmark
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.packshelf import no_hook
from ledger.notary.storage.stores import open_books
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.wire.protocol import SmallEnvelope
from tests.cli.conftest import run
from tests.objects import ObjectServer
from tests.postgres import Postgres
from tests.service.conftest import HEADER, ORIGIN, Account, small_envelope
from tests.service.test_objects import serving

OTHER_HEADER = seal_header(b"k" * 16, [X25519Identity(b"j" * 32).recipient()], os.urandom)


@pytest.fixture(params=["folder", "objects"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    where: tuple[str, ...] = ()
    if request.param == "objects":
        server: ObjectServer = request.getfixturevalue("object_server")
        where = ("--objects", server.url())
    run("notary", "init", "--origin", ORIGIN, *where, "--dir", tmp_path / "notary")
    return tmp_path / "notary"


class Killed(BaseException):
    """The machine stops."""


def pack(notary: Notary) -> None:
    packer = Packer(named_in(notary._store), notary.envelopes, worth=1)
    while packer.turn(notary.sequencer.last.size):
        pass
    packer.close()


def files(directory: Path) -> dict[str, bytes]:
    """Every file of ciphertext, or object, that says neither what was deleted nor whose it is."""
    url = place.read_settings(directory).objects
    if url is None:
        root = directory / "objects"
        found = {str(each.relative_to(root)): each.read_bytes()
                 for each in root.rglob("*") if each.is_file()}  # fmt: skip
    else:
        bucket = open_bucket(url)
        found = {name.removeprefix("objects/"): bucket.read(name) or b""
                 for name, _ in bucket.under("objects/")}  # fmt: skip
    found.pop(landmark.NAME, None)
    return {name: data for name, data in found.items() if not name.endswith(".discarded")}


def downloaded(one: Account, payload: Payload) -> bytes:
    parts: list[bytes] = []
    one.client.download(payload, parts.append)
    return b"".join(parts)


def deposits(one: Account, *plains: bytes) -> Iterator[tuple[SmallEnvelope, bytes]]:
    for plain in plains:
        envelope = small_envelope(plain)
        one.client.put_envelopes([envelope])
        statement = one.statement(envelope.payload)
        one.client.submit(statement)
        yield envelope, statement


def test_everything_that_reads_ciphertext_reads_packs(directory: Path, tmp_path: Path) -> None:
    with serving(directory) as service:
        notary, one = service.notary, service.enrol()
        made = list(deposits(one, b"first", b"second", b"third"))
        kept, gone, changed = (envelope for envelope, _ in made)
        pack(notary)
        assert len(files(directory)) == 1
        one.client.put_envelopes([SmallEnvelope(changed.payload, OTHER_HEADER, changed.data)])
        for envelope, header in ((kept, HEADER), (gone, HEADER), (changed, OTHER_HEADER)):
            assert downloaded(one, envelope.payload) == header + envelope.data
        target = f"/envelopes/{kept.payload.root.hex()}"
        ranged = one.signed("GET", target) | {"range": f"bytes={len(HEADER) + 1}-{len(HEADER) + 9}"}
        answer = service.http.get(target, headers=ranged)
        assert answer.status_code == 206 and answer.content == kept.data[1:10]
        one.client.submit(one.statement(kept.payload))
        pack(notary)
        assert len(files(directory)) == 2
        entry = notary._store.entry(parse_statement(made[1][1]).leaf_hash)
        assert entry is not None
        order = Discard(one.account, (entry.index,), "asked for", "wang", "terminal")
        assert notary.execute(order).files >= 2
        assert not any(gone.data in data for data in files(directory).values())
        with pytest.raises(NotFound), notary.envelopes.open(one.account, gone.payload.root):
            pass
        with pytest.raises(Conflict, match="no ciphertext"):
            notary.execute(order)
        assert downloaded(one, changed.payload) == OTHER_HEADER + changed.data
    assert fsck(directory, ciphertext=True) == ()
    out = tmp_path / "produced"
    run("notary", "produce", one.account, "--order", "1", "-o", out, "--dir", directory)
    age = {each.read_bytes() for each in out.rglob("*.age")}
    assert {HEADER + kept.data, OTHER_HEADER + changed.data} <= age

    _damage(directory)
    named = {index_of(directory, statement) for _, statement in (made[0], made[2])}
    found = fsck(directory, ciphertext=True)
    assert {each.place for each in found} >= {f"entry {index}" for index in named}

    if place.read_settings(directory).database is None:
        (directory / place.PACKS).unlink()
    rebuild(directory)
    with open_notary(directory) as notary:
        assert notary.entries.size


@pytest.mark.parametrize("to_a_bucket", [False, True], ids=["folder", "objects"])
def test_a_rebuild_on_a_server_makes_the_rows_about_packs_from_them(
    to_a_bucket: bool, postgres: Postgres, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    directory, where = tmp_path / "notary", ["--database", postgres.new()]
    if to_a_bucket:
        where += ["--objects", request.getfixturevalue("object_server").url()]
    run("notary", "init", "--origin", ORIGIN, *where, "--dir", directory)
    with serving(directory) as service:
        notary, one = service.notary, service.enrol()
        (kept, _), (changed, _), (_, gone) = deposits(one, b"first", b"second", b"third")
        pack(notary)
        one.client.put_envelopes([SmallEnvelope(changed.payload, OTHER_HEADER, changed.data)])
        old = files(directory)
        entry = notary._store.entry(parse_statement(gone).leaf_hash)
        assert entry is not None
        notary.execute(Discard(one.account, (entry.index,), "asked for", "wang", "terminal"))
    run("notary", "fsck", "--ciphertext", "--dir", directory)
    before = files(directory)
    run("notary", "fsck", "--rebuild", "--ciphertext", "--dir", directory)
    assert files(directory) == before != old
    with open_notary(directory) as notary:
        for envelope, header in ((kept, HEADER), (changed, OTHER_HEADER)):
            with notary.envelopes.open(one.account, envelope.payload.root) as (found, size, read):
                assert (found, read(0, size)) == (header, envelope.data)


@pytest.mark.parametrize("at", ["replaced", "removed"])
def test_erasing_from_a_pack_that_was_cut_short_can_be_given_again(tmp_path: Path, at: str) -> None:
    run("notary", "init", "--origin", ORIGIN, "--dir", tmp_path / "notary")
    with serving(tmp_path / "notary") as service:
        notary, one = service.notary, service.enrol()
        ((gone, statement), (kept, _)) = deposits(one, b"first", b"second")
        pack(notary)
        entry = notary._store.entry(parse_statement(statement).leaf_hash)
        assert entry is not None
        order = Discard(one.account, (entry.index,), "asked for", "wang", "terminal")

        def hook(step: str) -> None:
            if step == at:
                raise StorageFailed("cut short")

        notary.envelopes.shelf.hook = hook
        with pytest.raises(StorageFailed, match="cut short"):
            notary.execute(order)
        notary.envelopes.shelf.hook = no_hook
        size = notary.sequencer.last.size
        done = notary.execute(order)
        assert notary.sequencer.last.size == size == done.notice + 1
        assert not any(gone.data in data for data in files(tmp_path / "notary").values())
        assert downloaded(one, kept.payload) == HEADER + kept.data
        with pytest.raises(Conflict, match="no ciphertext"):
            notary.execute(order)


def index_of(directory: Path, statement: bytes) -> int:
    with open_notary(directory, reading=True) as notary:
        entry = notary._store.entry(parse_statement(statement).leaf_hash)
    assert entry is not None
    return entry.index


def _damage(directory: Path) -> None:
    """Alter the last byte of every pack."""
    url = place.read_settings(directory).objects
    for name, data in files(directory).items():
        altered = data[:-1] + bytes([data[-1] ^ 1])
        middle = len(altered) - 400  # in a payload too
        altered = altered[:middle] + bytes([altered[middle] ^ 1]) + altered[middle + 1 :]
        if url is None:
            (directory / "objects" / name).write_bytes(altered)
        else:
            open_bucket(url).put(f"objects/{name}", altered, {})


def test_a_backup_and_what_is_restored_from_it_hold_the_packs(tmp_path: Path) -> None:
    directory, copy, new = tmp_path / "notary", tmp_path / "copy", tmp_path / "new"
    run("notary", "init", "--origin", ORIGIN, "--dir", directory)
    with serving(directory) as service:
        notary, one = service.notary, service.enrol()
        (first, _), (second, _) = deposits(one, b"first", b"second")
        notary.backup(copy)
        assert len(list((copy / "objects" / one.account).iterdir())) == 4
        pack(notary)
        one.client.put_envelopes([SmallEnvelope(second.payload, OTHER_HEADER, second.data)])
        notary.backup(copy)
        assert len(list((copy / "objects" / one.account).iterdir())) == 1
        assert not (copy / place.PACKS).exists()
    assert {each.level for each in fsck(copy, ciphertext=True)} <= {WARNING}
    assert not (copy / place.PACKS).exists()
    restore(copy, new, clock=SYSTEM_CLOCK, random=os.urandom)
    assert {each.level for each in fsck(new, ciphertext=True)} <= {WARNING}
    with open_notary(new) as notary:
        for envelope, header in ((first, HEADER), (second, OTHER_HEADER)):
            with notary.envelopes.open(one.account, envelope.payload.root) as (found, size, read):
                assert (found, read(0, size)) == (header, envelope.data)
        pack(notary)
    assert len(files(new)) == 2 and all(each.endswith(".pack") for each in files(new))


@pytest.mark.parametrize("to_a_bucket", [False, True], ids=["folder", "objects"])
def test_packs_move_to_a_server_and_back_byte_for_byte(
    to_a_bucket: bool,
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    directory, url = tmp_path / "notary", postgres.new()
    objects = request.getfixturevalue("object_server").url() if to_a_bucket else None
    run("notary", "init", "--origin", ORIGIN, "--dir", directory)
    with serving(directory) as service:
        notary, one = service.notary, service.enrol()
        made = list(deposits(one, b"first", b"second", b"third"))
        pack(notary)
        changed, gone = made[1][0], made[2]
        one.client.put_envelopes([SmallEnvelope(changed.payload, OTHER_HEADER, changed.data)])
        pack(notary)
        made += deposits(one, b"fourth", b"fifth")
        pack(notary)
        made += deposits(one, b"loose")
        newest = SmallEnvelope(made[3][0].payload, OTHER_HEADER, made[3][0].data)
        one.client.put_envelopes([newest])

    _cut_a_move_short(directory, url, objects, monkeypatch)
    with serving(directory) as service:  # the old place counts still
        entry = service.notary._store.entry(parse_statement(gone[1]).leaf_hash)
        assert entry is not None
        service.notary.execute(Discard(one.account, (entry.index,), "asked", "wang", "terminal"))
    made.remove(gone)
    before, whole = everything(directory), files(directory)
    headers = {changed.payload: OTHER_HEADER, newest.payload: OTHER_HEADER}
    receipts = receipts_of(directory, one, made, headers)

    def require_the_same() -> None:
        assert everything(directory) == before and files(directory) == whole
        assert fsck(directory, ciphertext=True) == ()
        assert receipts_of(directory, one, made, headers) == receipts
        with open_notary(directory) as notary, pytest.raises(NotFound, match="deleted"):
            notary.envelopes.header(one.account, gone[0].payload.root)
        assert everything(directory) == before and files(directory) == whole

    migrate(directory, database=url, objects=objects)
    settings = place.read_settings(directory)
    assert (settings.database, settings.objects) == (url, objects)
    put_away(directory, tmp_path / "old", files=to_a_bucket)
    require_the_same()
    if to_a_bucket:
        migrate(directory, database=url, objects=None)
    migrate(directory, database=None, objects=None)
    require_the_same()
    with serving(directory) as service:
        pack(service.notary)
        assert all(name.endswith(".pack") for name in files(directory))
    assert receipts_of(directory, one, made, headers) == receipts


def _cut_a_move_short(
    directory: Path, url: str, objects: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop it behind the rows about packs and, where files move, amid these."""
    copy = movingrows._copy_anew

    def stop(*given: object, **named: object) -> None:
        copy(*given, **named)  # type: ignore[arg-type]
        if given[2][0].name == "packs":  # type: ignore[index]
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(movingrows, "_copy_anew", stop)
        migrate(directory, database=url, objects=objects)

    def stop_amid(done: int, total: int) -> None:
        if done > total // 2 - 1_000:
            raise Killed

    if objects is not None:
        with pytest.raises(Killed):
            migrate(directory, database=url, objects=objects, files_progress=stop_amid)


def everything(directory: Path) -> tuple[object, ...]:
    """The checkpoints that were signed, and the log as it is published."""
    settings = place.read_settings(directory)
    with open_books(directory, settings) as (_, checkpoints):
        signed = checkpoints.all()
    if settings.objects is None:
        root = directory / "log"
        log = {str(each.relative_to(directory)): each.read_bytes()
               for each in root.rglob("*") if each.is_file()}  # fmt: skip
    else:
        bucket = open_bucket(settings.objects)
        log = {name: bucket.read(name) or b"" for name, _ in bucket.under("log/")}
    return signed, {name: data for name, data in log.items() if "/signed/" not in name}


def receipts_of(
    directory: Path,
    one: Account,
    made: list[tuple[SmallEnvelope, bytes]],
    headers: dict[Payload, bytes],
) -> list[bytes]:
    """The receipts of deposits, whose age files are what was uploaded."""
    with serving(directory) as service:
        for envelope, _ in made:
            with service.notary.envelopes.open(one.account, envelope.payload.root) as found:
                header, size, read = found
                assert header == headers.get(envelope.payload, envelope.header)
                assert read(0, size) == envelope.data
        leaves = [parse_statement(statement).leaf_hash for _, statement in made]
        return [service.notary.sequencer.receipt(each) for each in leaves]


def put_away(directory: Path, folder: Path, *, files: bool) -> None:
    folder.mkdir()
    for each in [*directory.glob("*.sqlite*"), *(directory / name for name in FOLDERS if files)]:
        if each.exists():
            each.rename(folder / each.name)
