"""Small age files in packs: nothing is lost or served wrong, whenever it is cut short.

In a folder with rows in SQLite, and in a bucket with rows in PostgreSQL.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.chain.statement import Payload
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.disk.wholefiles import FolderFiles, WholeFiles
from ledger.errors import Conflict, MalformedData, NotFound, StorageFailed, Unavailable
from ledger.notary.care.copying import Copying, Opening
from ledger.notary.care.fetching import fetch_ciphertext
from ledger.notary.care.payloads import payload_faults
from ledger.notary.packing import SMALL, Packer
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.bucketfiles import BucketFiles
from ledger.notary.storage.envelopeobjects import EnvelopeObjects, LooseEnvelopes
from ledger.notary.storage.envelopes import MAX_REPLACED_HEADERS, EnvelopeStore, with_digest
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.notary.storage.packfile import Packed, Part, format_pack, parse_pack
from ledger.notary.storage.packs import PackDatabase, State
from ledger.notary.storage.packshelf import PackShelf
from ledger.notary.storage.postgres import Server
from ledger.notary.storage.room import DiskRoom
from ledger.wire.protocol import SmallEnvelope

ACCOUNT, OTHER = "0a" * 16, "0b" * 16
HEADERS = tuple(
    seal_header(b"k" * 16, [X25519Identity(bytes([n]) * 32).recipient()], os.urandom)
    for n in range(1, 6)
)


def envelope(plain: bytes = b"contract", header: bytes = HEADERS[0]) -> SmallEnvelope:
    data = encrypt_payload(plain, b"k" * 16, os.urandom(16))
    return SmallEnvelope(Payload(len(data), payload_root([data])), header, data)


class Killed(BaseException):
    pass


@dataclass
class Place:
    """Where one notary's ciphertext lies, and what its ledger names."""

    folder: Path
    url: str | None
    server: Server | None = None
    named: list[tuple[str, bytes]] = field(default_factory=list)
    opened: list[PackDatabase] = field(default_factory=list)

    def loose(self) -> LooseEnvelopes:
        if self.url is None:
            return EnvelopeStore(self.folder / "objects")
        return EnvelopeObjects(open_bucket(self.url), self.folder / "uploads")

    def files(self) -> WholeFiles:
        if self.url is None:
            return FolderFiles(self.folder / "objects" / "packs", 0o600)
        return BucketFiles(open_bucket(self.url), "objects/packs")

    def open(self) -> PackedEnvelopes:
        """Open all of it as another process would."""
        rows = self.server or self.folder / "packs.sqlite"
        packs = PackDatabase(rows, create=not isinstance(rows, Path) or not rows.exists())
        self.opened.append(packs)
        loose = self.loose()
        return PackedEnvelopes(loose, PackShelf(packs, self.files(), loose))

    def forget_rows(self) -> None:
        """Lose what says where packed age files lie."""
        if self.server is None:
            (self.folder / "packs.sqlite").unlink()
        else:
            self.server.clear()

    def another(self, number: int) -> "Place":
        """Return an empty place of the same kind, instead of this one and earlier others."""
        base = self.folder / str(number)
        base.mkdir()
        if self.server is not None:
            self.server.clear()
        return Place(base, self.url and self.url.replace("?", f"-{number}?"), self.server)

    def packer(self, store: PackedEnvelopes, worth: int = 1) -> Packer:
        def named(start: int, end: int) -> Iterator[tuple[int, tuple[str, bytes]]]:
            yield from list(enumerate(self.named))[start:end]

        return Packer(named, store, worth=worth)

    def pack(self, store: PackedEnvelopes) -> None:
        packer = self.packer(store)
        while packer.turn(len(self.named)):
            pass
        packer.close()

    def pack_until(self, store: PackedEnvelopes, last: str) -> None:
        """Pack, and be killed behind a step."""

        def hook(step: str) -> None:
            if step == last:
                raise Killed

        store.shelf.hook = hook
        with suppress(Killed):
            self.pack(store)

    def deposit(self, store: PackedEnvelopes, *envelopes: SmallEnvelope) -> None:
        store.put_many(ACCOUNT, envelopes)
        self.named += [(ACCOUNT, each.payload.root) for each in envelopes]

    def contents(self) -> dict[str, bytes]:
        """Every file or object, but for markers of what was deleted."""
        if self.url is None:
            root = self.folder / "objects"
            found = {str(each.relative_to(root)): each.read_bytes()
                     for each in root.rglob("*") if each.is_file()}  # fmt: skip
        else:
            bucket = open_bucket(self.url)
            found = {name.removeprefix("objects/"): bucket.read(name) or b""
                     for name, _ in bucket.under("objects/")}  # fmt: skip
        return {name: data for name, data in found.items() if not name.endswith(".discarded")}

    def put(self, name: str, data: bytes | None) -> None:
        """Let a file hold something else, or be gone."""
        if self.url is None:
            path = self.folder / "objects" / name
            if data is None:
                path.unlink()
            else:
                path.write_bytes(data)
        elif data is None:
            open_bucket(self.url).delete([f"objects/{name}"])
        else:
            open_bucket(self.url).put(f"objects/{name}", data, {})

    def packs(self) -> list[str]:
        return [name for name in self.contents() if name.startswith("packs/")]

    def loose_names(self) -> list[str]:
        return [name for name in self.contents() if not name.startswith("packs/")]


@pytest.fixture(params=["folder", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield from opened(Place(tmp_path, None))
        return
    url = request.getfixturevalue("object_server").url()
    database = request.getfixturevalue("postgres").new()
    with Server(database, "packs", founding=True) as server:
        server.clear()
        yield from opened(Place(tmp_path, url, server))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Place]:
    yield from opened(Place(tmp_path, None))


def opened(place: Place) -> Iterator[Place]:
    yield place
    for each in place.opened:
        each.close()


in_a_bucket_in_soak = pytest.mark.parametrize(
    "place", ["folder", pytest.param("objects", marks=pytest.mark.soak)], indirect=True
)


def require_whole(store: PackedEnvelopes, each: SmallEnvelope, header: bytes | None = None) -> None:
    root = each.payload.root
    with store.open(ACCOUNT, root) as (found, size, read_at):
        assert found == (header or each.header)
        assert read_at(0, size) == each.data and read_at(1, 5) == each.data[1:6]
    assert store.holds(ACCOUNT, each.payload)
    assert store.sizes(ACCOUNT, root) == (len(with_digest(found)), each.payload.size)
    assert not list(payload_faults(store, ACCOUNT, each.payload, read=True))


# --- the format ---


def test_a_pack_says_what_is_in_it_and_every_altered_byte_before_the_parts_is_noticed():
    parts = [Part(ACCOUNT, bytes([n]) * 32, n, b"x" * n) for n in range(4)]
    data, places = format_pack(parts)
    assert parse_pack(data) == places
    assert [data[each.at : each.at + each.size] for each in places] == [e.data for e in parts]
    assert places[3] == Packed(ACCOUNT, b"\x03" * 32, 3, len(data) - 3, 3)
    for at in range(len(data) - sum(len(each.data) for each in parts)):
        with pytest.raises(MalformedData):
            parse_pack(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    for short in (data[:10], data[:-1], data + b"x", b""):
        with pytest.raises(MalformedData):
            parse_pack(short)


# --- packing ---


def test_what_deposits_name_is_packed_and_read_as_before(place: Place) -> None:
    store = place.open()
    small = [envelope(bytes([n]) * n) for n in range(1, 6)]
    large, unnamed = envelope(os.urandom(SMALL + 1)), envelope(b"nobody names it")
    place.deposit(store, *small, large)
    store.put_many(ACCOUNT, [unnamed])
    used = store.used(ACCOUNT)
    assert not place.packer(store, worth=7).turn(6) and not place.packs()
    place.pack(store)
    root, other = large.payload.root.hex(), unnamed.payload.root.hex()
    left = sorted([f"{ACCOUNT}/{root}.payload", f"{ACCOUNT}/{other}.header",
                   f"{ACCOUNT}/{other}.payload"])  # fmt: skip
    assert sorted(place.loose_names()) == left and len(place.packs()) == 1
    assert store.used(ACCOUNT) == used
    for each in (*small, large, unnamed):
        require_whole(store, each)
        require_whole(place.open(), each)
    assert not store.holds(OTHER, small[0].payload)
    assert not list(store.shelf.damaged())
    place.deposit(store, *small)
    place.pack(store)
    assert sorted(place.loose_names()) == left and len(place.packs()) == 1
    with pytest.raises(NotFound), store.open(ACCOUNT, bytes(32)):
        pass


def test_a_header_that_is_put_later_counts_and_is_packed_again(place: Place) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)
    root = one.payload.root
    store.put_header(ACCOUNT, root, HEADERS[1])
    place.pack(store)
    assert place.loose_names() == []
    for header in (HEADERS[2], HEADERS[2], HEADERS[3]):
        store.put_many(ACCOUNT, [SmallEnvelope(one.payload, header, one.data)])
        require_whole(store, one, header)
    assert len(place.loose_names()) == 2
    place.pack(store)
    assert place.loose_names() == [] and len(place.packs()) == 2
    require_whole(place.open(), one, HEADERS[3])
    kept = b"".join(place.contents().values())
    assert all(kept.count(with_digest(each)) == 1 for each in HEADERS[:4])
    with pytest.raises(Conflict, match="64 times"):
        for n in range(MAX_REPLACED_HEADERS + 2):
            store.put_header(ACCOUNT, root, HEADERS[n % 2])


def test_what_is_not_whole_is_not_packed(place: Place) -> None:
    store, several = place.open(), [envelope(bytes([n])) for n in range(4)]
    place.deposit(store, *several)
    names = [f"{ACCOUNT}/{each.payload.root.hex()}" for each in several]
    place.put(f"{names[0]}.payload", b"x" * several[0].payload.size)
    place.put(f"{names[1]}.header", HEADERS[1] + b"sha256 x\n")
    place.put(f"{names[2]}.header", None)
    place.pack(store)
    assert len(place.loose_names()) == 5
    require_whole(store, several[3])
    for each in several[:3]:
        assert list(payload_faults(store, ACCOUNT, each.payload, read=True))


def test_a_header_that_is_not_whole_is_passed_over_and_told_of_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store, several = place.open(), [envelope(bytes([n])) for n in range(4)]
    place.deposit(store, *several[:2])
    place.pack(store)
    bad, good = (each.payload.root for each in several[:2])
    for root in (bad, good):
        store.put_header(ACCOUNT, root, HEADERS[1])
    name = f"{ACCOUNT}/{bad.hex()}.newer.2"
    place.put(name, HEADERS[1] + b"sha256 x\n")
    place.deposit(store, *several[2:])
    altered = f"{ACCOUNT}/{several[3].payload.root.hex()}.payload"
    place.put(altered, b"x" * several[3].payload.size)
    packer = place.packer(store)
    turns = [packer.turn(4) for _ in range(3)]
    assert turns == [True, False, False]
    assert set(place.loose_names()) == {name, altered, altered.replace("payload", "header")}
    require_whole(store, several[1], HEADERS[1])
    require_whole(store, several[2])
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 2 and all("not packed" in each for each in told)
    assert bad.hex() in told[0] and several[3].payload.root.hex() in told[1]
    place.put(name, with_digest(HEADERS[1]))
    place.pack(store)
    require_whole(store, several[0], HEADERS[1])
    assert name not in place.loose_names()


def test_one_that_cannot_be_read_keeps_no_other_from_being_packed(
    folder: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = folder.open()
    several = [envelope(bytes([n]) * 9) for n in range(5)]
    folder.deposit(store, *several[:4])
    folder.pack(store)
    store.put_header(ACCOUNT, several[0].payload.root, HEADERS[1])
    fresh = several[4]
    folder.deposit(store, fresh, *(rest := [envelope(bytes([n]) * 8) for n in range(3)]))
    bad = [
        folder.folder / "objects" / ACCOUNT / f"{several[0].payload.root.hex()}.newer.2",
        folder.folder / "objects" / ACCOUNT / f"{fresh.payload.root.hex()}.payload",
    ]
    held = [each.read_bytes() for each in bad]
    for each in bad:
        each.unlink()
        each.mkdir()
    packer = folder.packer(store)
    for _ in range(3):
        while packer.turn(len(folder.named)):
            pass
    assert {each for each in folder.contents() if not each.startswith("packs")} == {
        f"{ACCOUNT}/{fresh.payload.root.hex()}.header"
    }
    for other in rest:
        require_whole(store, other)
    told = [each for each in caplog.messages if "cannot be read" in each]
    assert len(told) == 1 and "packed: 2; the first: " in told[0]
    for each, data in zip(bad, held, strict=True):
        each.rmdir()
        each.write_bytes(data)
    assert not packer.turn(len(folder.named)) and bad[0].exists()
    packer._unread = dict.fromkeys(packer._unread, 0.0)
    folder.deposit(store, envelope(b"another"))
    while packer.turn(len(folder.named)):
        pass
    packer.close()
    assert all(each.startswith("packs/") for each in folder.contents())
    require_whole(store, several[0], HEADERS[1])
    require_whole(store, fresh)


@pytest.mark.parametrize("at", ["written", "entered"])
def test_a_pack_that_cannot_be_read_keeps_no_other_from_being_made_or_erased(
    folder: Place, caplog: pytest.LogCaptureFixture, at: str
) -> None:
    store, one = folder.open(), envelope(b"one")
    folder.deposit(store, one)

    def dying(step: str) -> None:
        if step == at:
            raise Killed

    store.shelf.hook = dying
    with pytest.raises(Killed):
        folder.pack(store)
    (bad,) = (folder.folder / "objects/packs").glob("*.pack")
    held = bad.read_bytes()
    bad.unlink()
    bad.mkdir()
    store = folder.open()
    folder.deposit(store, two := envelope(b"two"), three := envelope(b"three"))
    packer = folder.packer(store)
    for _ in range(3):
        while packer.turn(len(folder.named)):
            pass
    for each in (two, three):
        assert store.shelf.rows.among(ACCOUNT, [each.payload.root])
        require_whole(store, each)
    assert sum(bad.name in each for each in caplog.messages) == 1
    store.finish()
    assert store.discard(ACCOUNT, [two.payload.root], 7)
    if at == "entered":
        with pytest.raises(StorageFailed, match="pack"):
            store.discard(ACCOUNT, [one.payload.root], 8)
        assert [name for name, error in store.shelf.damaged() if error] == [f"packs/{bad.name}"]
    bad.rmdir()
    bad.write_bytes(held)
    while packer.turn(len(folder.named)):
        pass
    packer.close()
    require_whole(store, one)
    assert folder.loose_names() == []


def test_where_nothing_can_be_read_nothing_is_put_off(folder: Place) -> None:
    store = folder.open()
    folder.deposit(store, one := envelope())
    path = folder.folder / "objects" / ACCOUNT / f"{one.payload.root.hex()}.payload"
    path.unlink()
    path.mkdir()
    packer = folder.packer(store)
    for _ in range(2):
        with pytest.raises(StorageFailed, match="payload"):
            packer.turn(1)
    path.rmdir()
    path.write_bytes(one.data)
    assert packer.turn(1)
    packer.close()
    require_whole(store, one)


def test_a_pack_is_no_larger_than_it_should_be(folder: Place) -> None:
    store = folder.open()
    several = [envelope(os.urandom(SMALL - 100)) for _ in range(150)]
    folder.deposit(store, *several)
    folder.pack(store)
    sizes = [len(data) for data in folder.contents().values()]
    assert len(sizes) == 2 and max(sizes) <= 8 << 20 and folder.loose_names() == []
    for each in several[::20]:
        require_whole(store, each)


def test_an_age_file_with_many_headers_fits_into_a_pack_or_waits_for_the_next(
    folder: Place,
) -> None:
    store = folder.open()
    several = [envelope(os.urandom(SMALL - 100)) for _ in range(125)]
    last = envelope(os.urandom(SMALL - 100))
    folder.deposit(store, *several, last)
    folder.named.sort(key=lambda each: each[1] == last.payload.root)
    long = [
        seal_header(b"k" * 16, [X25519Identity(bytes([n]) * 32).recipient()] * 50, os.urandom)
        for n in range(1, 41)
    ]
    for header in long:
        store.put_header(ACCOUNT, last.payload.root, header)
    folder.pack(store)
    sizes = [len(data) for data in folder.contents().values()]
    assert len(sizes) == 2 and max(sizes) <= 8 << 20 and folder.loose_names() == []
    require_whole(store, last, long[-1])


# --- cut short ---


def kills(work: Callable[[PackedEnvelopes], object], make: Callable[[], Place]) -> Iterator[Place]:
    """Yield places where work was cut short after each of its durable steps."""
    for stop in range(100):
        place = make()
        store = place.open()
        steps: list[str] = []

        def hook(step: str, steps: list[str] = steps, stop: int = stop) -> None:
            steps.append(step)
            if len(steps) > stop:
                raise Killed

        store.shelf.hook = hook
        try:
            work(store)
        except Killed:
            yield place
        else:
            assert stop >= 3
            return


@in_a_bucket_in_soak
def test_packing_that_is_cut_short_loses_nothing_and_is_finished(place: Place) -> None:
    several = [envelope(bytes([n])) for n in range(3)]
    count = 0

    def make() -> Place:
        nonlocal count
        count += 1
        made = place.another(count)
        made.deposit(made.open(), *several)
        return made

    for each in kills(lambda store: place_of[0].packer(store).turn(3), remembered(make)):
        for left in (each.open(), each.open()):
            for one in several:
                require_whole(left, one)
            left.put_header(ACCOUNT, several[0].payload.root, HEADERS[1])
            require_whole(left, several[0], HEADERS[1])
            left.put_header(ACCOUNT, several[0].payload.root, HEADERS[0])
            each.pack(left)
            require_whole(left, several[0], HEADERS[0])
        each.pack(each.open())
        assert each.loose_names() == []
        assert set(each.opened[0].packs()) == {int(n[6:22], 16) for n in each.packs()}
        assert set(each.opened[0].packs().values()) == {State.WHOLE}
        for one in several:
            require_whole(each.open(), one)


place_of: list[Place] = []


def remembered(make: Callable[[], Place]) -> Callable[[], Place]:
    def made() -> Place:
        place_of[:] = [make()]
        return place_of[0]

    return made


@in_a_bucket_in_soak
def test_what_is_erased_is_gone_from_every_file_whenever_it_is_cut_short(place: Place) -> None:
    several = [envelope(bytes([n])) for n in range(4)]
    one, other, gone = several[0], several[1], several[2:]
    count = 0

    def make() -> Place:
        nonlocal count
        count += 1
        made = place.another(count)
        store = made.open()
        made.deposit(store, *several[:3])
        made.pack(store)
        made.deposit(store, several[3])
        store.put_header(ACCOUNT, gone[0].payload.root, HEADERS[1])
        made.pack(store)
        store.put_header(ACCOUNT, gone[0].payload.root, HEADERS[2])
        return made

    roots = [each.payload.root for each in gone]
    for each in kills(lambda store: store.discard(ACCOUNT, roots, 7), remembered(make)):
        again = each.open()
        require_whole(again, one)
        require_whole(again, other)
        again.discard(ACCOUNT, roots, 8)
        left = b"".join(each.contents().values())
        assert not any(file.data in left for file in gone)
        assert not any(with_digest(header) in left for header in HEADERS[1:3])
        assert each.loose_names() == [] and len(each.packs()) == 1
        for file in gone:
            assert again.sizes(ACCOUNT, file.payload.root) == (None, None)
            with pytest.raises(NotFound, match="entry 8 "), again.open(ACCOUNT, file.payload.root):
                pass
        # Made anew from the packs it is the same, and it may come again.
        each.forget_rows()
        anew = each.open()
        assert anew.shelf.take_up() == 1
        require_whole(anew, one)
        assert anew.sizes(ACCOUNT, gone[0].payload.root) == (None, None)
        anew.put_many(ACCOUNT, gone)
        each.pack(anew)
        assert each.loose_names() == []
        for file in gone:
            require_whole(anew, file)
            assert anew.discarded(ACCOUNT, file.payload.root) is None


def test_a_pack_that_settles_late_leaves_the_mark_of_what_is_erased(place: Place) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)

    place.pack_until(store, "entered")
    again = place.open()
    again.discard(ACCOUNT, [one.payload.root], 7)
    assert again.discarded(ACCOUNT, one.payload.root) == 7


def test_what_came_again_is_not_taken_for_erased_when_settling_is_cut_short(place: Place) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)
    store.discard(ACCOUNT, [one.payload.root], 7)
    place.deposit(store, one)
    remove, calls = store.loose.remove_parts, []

    def removed(account: str, names: list[tuple[bytes, str]]) -> None:
        calls.append([name for _, name in names])
        remove(account, names)

    store.loose.remove_parts = removed  # type: ignore[method-assign, assignment]
    place.pack(store)
    assert calls[0] == ["discarded"] and "discarded" not in calls[1]
    place.forget_rows()
    again = place.open()
    again.shelf.take_up()
    require_whole(again, one)


def faults(store: PackedEnvelopes, one: SmallEnvelope) -> str:
    return "".join(payload_faults(store, ACCOUNT, one.payload, read=True))


@pytest.mark.parametrize("harm", ["payload", "header", "end"])
def test_beside_an_altered_part_others_are_erased_and_nothing_else_is_lost(
    place: Place, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = place.open()
    gone, good, bad = envelope(b"gone"), envelope(b"good"), envelope(b"bad", HEADERS[1])
    place.deposit(store, gone, good, bad)
    place.pack(store)
    ((pack, whole),) = place.contents().items()
    part = bad.data if harm == "payload" else with_digest(HEADERS[1])
    altered = b"?" + part[1:]
    place.put(pack, whole[:-1] if harm == "end" else whole.replace(part, altered))
    assert faults(store, bad) and not faults(store, good)

    store.discard(ACCOUNT, [gone.payload.root], 7)
    assert "1 parts of the pack" in caplog.text and pack in caplog.text
    left = b"".join(place.contents().values())
    assert gone.data not in left and (altered if harm != "end" else part[:-1]) in left
    require_whole(store, good)
    assert faults(store, bad)
    place.forget_rows()
    again = place.open()
    again.shelf.take_up()
    require_whole(again, good)
    assert faults(again, bad)

    place.put(pack, whole)  # from a backup
    mended = place.open()
    mended.shelf.take_up()
    require_whole(mended, bad)
    require_whole(mended, good)
    assert gone.data not in b"".join(place.contents().values())
    with pytest.raises(NotFound, match="entry 7 "), mended.open(ACCOUNT, gone.payload.root):
        pass


def test_a_pack_that_is_taken_up_with_an_altered_part_is_rid_of_what_was_erased(
    place: Place,
) -> None:
    store = place.open()
    gone, good, bad = envelope(b"gone"), envelope(b"good"), envelope(b"bad")
    place.deposit(store, gone, good, bad)
    place.pack(store)
    ((pack, whole),) = place.contents().items()
    store.discard(ACCOUNT, [gone.payload.root], 7)
    for each in place.packs():
        place.put(each, None)
    place.put(pack, whole.replace(bad.data, b"?" + bad.data[1:]))
    place.forget_rows()
    again = place.open()
    again.shelf.take_up()
    assert gone.data not in b"".join(place.contents().values())
    require_whole(again, good)
    assert "payload” was altered" in faults(again, bad)


def test_a_pack_whose_table_was_altered_is_not_read_whole_again_and_again(
    folder: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = folder.open(), envelope()
    folder.deposit(store, one)

    folder.pack_until(store, "entered")
    (pack,) = folder.packs()
    whole = folder.contents()[pack]
    folder.put(pack, whole[:30] + b"?" + whole[31:])
    monkeypatch.setattr(FolderFiles, "read", lambda self, name: pytest.fail(f"{name} was read"))
    again = folder.open()
    again.shelf.finish()
    require_whole(again, one)
    monkeypatch.undo()
    folder.put(pack, whole)
    again.shelf.finish()
    assert folder.loose_names() == []
    require_whole(again, one)


def test_a_header_that_was_altered_in_a_pack_that_was_only_begun_is_read_where_it_was(
    place: Place,
) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)

    place.pack_until(store, "written")
    (pack,) = place.packs()
    whole, header = place.contents()[pack], with_digest(one.header)
    place.put(pack, whole.replace(header, b"?" + header[1:]))
    again = place.open()
    for _ in range(2):
        again.shelf.finish()
        require_whole(again, one)


# --- at the same time ---


def test_what_is_packed_while_it_is_read_is_read_from_the_pack(place: Place) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)
    with store.open(ACCOUNT, one.payload.root) as (_, size, read_at):
        place.pack(place.open())
        assert read_at(0, size) == one.data


def test_a_header_that_is_replaced_while_its_age_file_is_being_packed_counts(place: Place) -> None:
    for at in ("begun", "written", "entered", "loose"):
        for late in (False, True):
            store, one = place.open(), envelope()
            place.deposit(store, one)
            root, outside = one.payload.root, place.open()

            def hook(
                step: str, at=at, late=late, root=root, outside=outside, one=one, done=[]  # noqa: B006
            ) -> None:  # fmt: skip
                if step == at and not done:
                    done.append(step)
                    outside.put_header(ACCOUNT, root, HEADERS[1])
                    require_whole(outside, one, HEADERS[1])
                    if late:
                        outside.put_header(ACCOUNT, root, HEADERS[2])

            store.shelf.hook = hook
            packer = place.packer(store)
            packer.turn(len(place.named))
            newest = HEADERS[2] if late else HEADERS[1]
            require_whole(store, one, newest)
            store.put_header(ACCOUNT, root, HEADERS[3])
            require_whole(outside, one, HEADERS[3])
            place.pack(store)
            require_whole(outside, one, HEADERS[3])
            assert [n for n in place.loose_names() if n.endswith((".payload", ".header"))] == []


def test_one_that_replaced_a_header_and_had_looked_before_is_heard(place: Place) -> None:
    # As if the packing happened between its look at the rows and its put.
    store, one = place.open(), envelope()
    place.deposit(store, one)
    slow = place.open()
    put = slow.loose.put_header

    def put_late(account: str, root: bytes, header: bytes) -> None:
        place.pack(store)
        put(account, root, header)

    slow.loose.put_header = put_late  # type: ignore[method-assign]
    slow.put_header(ACCOUNT, one.payload.root, HEADERS[1])
    require_whole(store, one, HEADERS[1])
    place.pack(store)
    require_whole(store, one, HEADERS[1])


def test_of_two_that_pack_at_once_one_is_heard(place: Place) -> None:
    several = [envelope(bytes([n])) for n in range(3)]
    store = place.open()
    place.deposit(store, *several)
    other = place.open()

    def hook(step: str) -> None:
        if step == "written":
            store.shelf.hook = lambda _: None
            place.packer(other).turn(3)

    store.shelf.hook = hook
    place.packer(store).turn(3)
    assert len(place.packs()) == 1 and place.loose_names() == []
    for each in several:
        require_whole(store, each)


def test_what_is_erased_while_it_is_being_packed_stays_erased(place: Place) -> None:
    several = [envelope(bytes([n])) for n in range(3)]
    store = place.open()
    place.deposit(store, several[0])
    place.pack(store)
    place.deposit(store, several[1], several[2])
    other = place.open()
    roots = [each.payload.root for each in several[:2]]

    def hook(step: str) -> None:
        if step == "written":
            store.shelf.hook = lambda _: None
            other.discard(ACCOUNT, roots, 7)

    store.shelf.hook = hook
    with suppress(StorageFailed):
        place.packer(store).turn(3)
    place.pack(place.open())
    left = b"".join(place.contents().values())
    assert several[0].data not in left and several[1].data not in left
    require_whole(store, several[2])


# --- rows that are older than the packs, after a failover or a restore of the database ---


def test_rows_that_name_a_pack_that_is_gone_give_way_to_the_one_that_is_there(place: Place) -> None:
    store, several = place.open(), [envelope(bytes([n])) for n in range(3)]
    place.deposit(store, *several)
    place.pack(store)
    ((name, data),) = place.contents().items()
    place.put(f"packs/{7:016x}.pack", data)
    place.put(name, None)
    again = place.open()
    assert again.shelf.take_up() == 1
    assert place.contents() == {f"packs/{7:016x}.pack": data}
    assert not list(again.shelf.damaged())
    for one in several:
        require_whole(again, one)


def test_a_pack_is_removed_only_where_another_one_holds_all_of_it_whole(place: Place) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)
    place.pack(store)
    ((name, data),) = place.contents().items()
    place.put(f"packs/{7:016x}.pack", data)
    place.put(name, data[:-3] + b"???")
    again = place.open()
    again.shelf.take_up()
    require_whole(again, one)
    place.put(f"packs/{8:016x}.pack", data)
    again.shelf.take_up()
    assert f"packs/{8:016x}.pack" not in place.contents()
    require_whole(again, one)


def test_a_pack_of_which_it_was_forgotten_that_it_was_entered_is_entered_again(
    place: Place,
) -> None:
    store, several = place.open(), [envelope(bytes([n])) for n in range(3)]
    place.deposit(store, *several)
    place.pack(store)
    with store.shelf.rows._engine.writing() as session:
        session.execute("DELETE FROM parts")
        session.execute("UPDATE packs SET state = 'making'")
    store.loose.discard(ACCOUNT, several[2].payload.root, 7)
    store.shelf.finish()
    assert len(place.packs()) == 1
    assert several[2].data not in b"".join(place.contents().values())
    for one in several[:2]:
        require_whole(store, one)


def test_who_lost_a_pack_to_another_process_removes_nothing(place: Place) -> None:
    several = [envelope(bytes([n])) for n in range(3)]
    for at in ("begun", "written"):
        store, one = place.open(), several.pop()
        place.deposit(store, one)

        def hook(step: str, store=store, at=at) -> None:
            if step == at:
                store.shelf.hook = lambda _: None
                place.open().shelf.finish()

        store.shelf.hook = hook
        place.packer(store).turn(len(place.named))
        require_whole(store, one)
        place.pack(place.open())
        assert place.loose_names() == []
        require_whole(store, one)
    # The same while something is erased.
    one, two = envelope(b"one"), envelope(b"two")
    place.deposit(store, one, two)
    place.pack(store)

    def finish(step: str) -> None:
        if step == "written":
            store.shelf.hook = lambda _: None
            place.open().shelf.finish()

    store.shelf.hook = finish
    with pytest.raises(StorageFailed):
        store.discard(ACCOUNT, [one.payload.root], 7)
    require_whole(store, two)
    store.discard(ACCOUNT, [one.payload.root], 7)
    require_whole(store, two)


def test_a_pack_is_read_back_before_what_it_holds_goes(
    folder: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = folder.open(), envelope()
    folder.deposit(store, one)
    write = FolderFiles.write
    monkeypatch.setattr(
        FolderFiles, "write", lambda self, name, data: write(self, name, data[:-1] + b"?")
    )
    with pytest.raises(StorageFailed, match="does not hold"):
        folder.pack(store)
    require_whole(store, one)


# --- copied at the same time, as a backup does ---


def copied(place: Place, target: Path, at: Callable[[], object] = lambda: None) -> Place:
    """Copy ciphertext into a directory; `at` is called once something is being copied."""
    target.mkdir(exist_ok=True)
    called: list[bool] = []

    class Slow(Copying):
        def take(self, opening: Opening, path: Path) -> None:
            if not called:
                called.append(True)
                at()
            super().take(opening, path)

    with Slow(DiskRoom(target, reserve=0, tight=0), threading.Event()) as copying:
        if place.url is None:
            copying.mirror_ciphertext(place.folder / "objects", target / "objects")
        else:
            fetch_ciphertext(open_bucket(place.url), target, copying)
    rows = target / "packs.sqlite"
    rows.unlink(missing_ok=True)
    found = Place(target, None)
    place.opened.append((opened := found.open()).shelf.rows)
    opened.shelf.take_up(mend=False)
    return found


def test_a_copy_holds_what_is_packed_and_erased_while_it_is_made(
    place: Place, tmp_path: Path
) -> None:
    several = [envelope(bytes([n])) for n in range(6)]
    store = place.open()
    place.deposit(store, *several[:3])

    def require(found: Place, *wanted: SmallEnvelope) -> None:
        there = found.open()
        for one in wanted:
            require_whole(there, one)

    require(copied(place, tmp_path / "copy", lambda: place.pack(store)), *several[:3])
    place.deposit(store, several[3])
    gone, mark = several[0], several[0].payload.root
    found = copied(
        place, tmp_path / "copy", lambda: store.discard(ACCOUNT, [mark], 7)
    )  # fmt: skip
    require(found, *several[1:4])
    assert found.open().discarded(ACCOUNT, mark) == 7
    assert not any(gone.data in data for data in found.contents().values())
    # It comes again, and is packed while it is copied.
    place.deposit(store, gone, several[4])
    require(copied(place, tmp_path / "copy", lambda: place.pack(store)), gone, *several[1:5])
    assert copied(place, tmp_path / "copy").contents() == place.contents()


def test_what_is_packed_all_the_time_is_copied_without_dropping_anything(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = place.open(), envelope()
    place.deposit(store, one)
    before = copied(place, tmp_path / "copy").contents()
    place.pack(store)
    monkeypatch.setattr(Copying, "count", lambda self, _: setattr(self, "_vanished", True))
    with pytest.raises(Unavailable, match="all the time"):
        copied(place, tmp_path / "copy")
    assert before.items() <= Place(tmp_path / "copy", None).contents().items()


# --- damage ---


def test_a_damaged_pack_is_named_and_costs_nothing_of_another(place: Place) -> None:
    store = place.open()
    first, second = envelope(b"first"), envelope(b"second")
    place.deposit(store, first)
    place.pack(store)
    (bad,) = place.packs()
    place.deposit(store, second)
    place.pack(store)
    whole = place.contents()[bad]
    damages = [None, whole[:30] + b"?" + whole[31:], whole[:-40], whole[:-3] + b"???"]
    for damage in damages:
        place.put(bad, damage)
        again = place.open()
        assert list(payload_faults(again, ACCOUNT, first.payload, read=True)) or (
            list(again.shelf.damaged()) == [(bad, None)]
        )
        require_whole(again, second)
        place.forget_rows()
        anew = place.open()
        anew.shelf.take_up()
        require_whole(anew, second)
        place.put(bad, whole)
        again.shelf.rows.close()
        anew.shelf.take_up()
        require_whole(anew, first)
    # The company puts it there again from its vault.
    place.put(bad, whole[:-3] + b"???")
    again = place.open()
    again.put_many(ACCOUNT, [first])
    require_whole(again, first)
