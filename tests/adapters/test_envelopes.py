"""The envelope store: what counts as held is whole, checked and durable, whatever interrupts."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.statement import Payload
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import PayloadHash, payload_root
from ledger.errors import (
    Conflict,
    InvalidInput,
    MalformedData,
    NoRoom,
    NotFound,
    StorageFailed,
    TooLarge,
    VerificationFailed,
)
from ledger.notary.storage.envelopes import MAX_KEPT_HEADER, EnvelopeStore
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.uploads import MAX_PAYLOAD, Uploads
from ledger.wire.protocol import SmallEnvelope, Upload

ACCOUNT, OTHER = "0a" * 16, "0b" * 16
DATA = encrypt_payload(bytes(range(256)) * 1000, b"k" * 16, b"n" * 16)
PAYLOAD = Payload(len(DATA), payload_root([DATA]))
HEADER = seal_header(b"k" * 16, [X25519Identity(b"i" * 32).recipient()], os.urandom)
OTHER_HEADER = seal_header(b"k" * 16, [X25519Identity(b"j" * 32).recipient()], os.urandom)


@pytest.fixture
def store(tmp_path: Path) -> EnvelopeStore:
    return EnvelopeStore(tmp_path / "objects")


@pytest.fixture
def uploads(store: EnvelopeStore) -> Uploads:
    return Uploads(store)


def send(uploads: Uploads, data: bytes, offset: int = 0, payload: Payload = PAYLOAD) -> Upload:
    writer = uploads.begin(ACCOUNT, payload, offset)
    try:
        writer.write(data)
    finally:
        upload = writer.close()
    return upload


def read(store: EnvelopeStore, root: bytes = PAYLOAD.root) -> bytes:
    with store.open(ACCOUNT, root) as (header, size, read_at):
        return header + read_at(0, size)


@given(st.binary(min_size=1, max_size=300_000), st.lists(st.integers(1, 100_000), max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_streamed_root_does_not_depend_on_how_the_stream_is_cut(data, cuts):
    plain = encrypt_payload(data, b"k" * 16, b"n" * 16)
    state, at = PayloadHash(), 0
    for cut in [*cuts, len(plain)]:
        state.update(plain[at : at + cut])
        at += cut
    state.update(plain[at:])
    assert state.size == len(plain)
    assert state.root() == payload_root([plain])


def test_an_age_file_is_held_once_payload_and_header_are_whole(store, uploads):
    assert store.status(ACCOUNT, PAYLOAD.root) is None
    with pytest.raises(NotFound):
        store.put_header(ACCOUNT, PAYLOAD.root, HEADER)
    assert send(uploads, DATA) == Upload(len(DATA), len(DATA), True)
    assert not store.holds(ACCOUNT, PAYLOAD)
    store.put_header(ACCOUNT, PAYLOAD.root, HEADER)
    assert store.holds(ACCOUNT, PAYLOAD)
    assert read(store) == HEADER + DATA


def test_holding_is_by_account_root_and_exact_size(store):
    store.put_many(ACCOUNT, [SmallEnvelope(PAYLOAD, HEADER, DATA)])
    assert store.holds(ACCOUNT, PAYLOAD)
    assert not store.holds(OTHER, PAYLOAD)
    assert not store.holds(ACCOUNT, Payload(PAYLOAD.size + 1, PAYLOAD.root))
    assert not store.holds(ACCOUNT, Payload(PAYLOAD.size, bytes(32)))
    assert store.status(OTHER, PAYLOAD.root) is None
    with pytest.raises(NotFound), store.open(OTHER, PAYLOAD.root):
        pass


@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=6), restart=st.booleans())
@settings(max_examples=25, deadline=None)
def test_an_upload_cut_anywhere_continues_to_the_same_file(tmp_path_factory, cuts, restart):
    folder = tmp_path_factory.mktemp("objects")
    store = EnvelopeStore(folder)
    uploads = Uploads(store)
    at = 0
    for cut in sorted(cuts):
        if at == cut:
            continue
        assert send(uploads, DATA[at:cut], at).offset == cut
        at = cut
        if restart:
            store = EnvelopeStore(folder)
            uploads = Uploads(store)
        assert store.status(ACCOUNT, PAYLOAD.root) == Upload(len(DATA), at, at == len(DATA))
    if at < len(DATA):
        assert send(uploads, DATA[at:], at).complete
    store.put_header(ACCOUNT, PAYLOAD.root, HEADER)
    assert read(EnvelopeStore(folder)) == HEADER + DATA


def test_an_upload_killed_in_the_middle_of_a_write_continues(tmp_path):
    """SIGKILL while blocks are written: the part on disk is a prefix and the upload goes on from it."""
    source = tmp_path / "payload"
    source.write_bytes(DATA)
    script = f"""
import os, sys
from pathlib import Path
from ledger.notary.storage.envelopes import EnvelopeStore
from ledger.notary.storage.uploads import Uploads
from ledger.chain.statement import Payload
data = Path({str(source)!r}).read_bytes()
writer = Uploads(EnvelopeStore(Path({str(tmp_path / "objects")!r}))).begin(
    {ACCOUNT!r}, Payload(len(data), bytes.fromhex({PAYLOAD.root.hex()!r})), 0)
for at in range(0, 200_000, 7):
    writer.write(data[at : at + 7])
    if at == 70_000:
        print("now", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline() == b"now\n"
        process.kill()
    store = EnvelopeStore(tmp_path / "objects")
    uploads = Uploads(store)
    upload = store.status(ACCOUNT, PAYLOAD.root)
    assert upload is not None and 0 < upload.offset < len(DATA) and not upload.complete
    assert send(uploads, DATA[upload.offset :], upload.offset).complete


def test_a_part_that_a_crash_left_damaged_is_found_by_the_root_and_dropped(tmp_path):
    store = EnvelopeStore(tmp_path)
    uploads = Uploads(store)
    send(uploads, DATA[:100_000])
    (part,) = (tmp_path / ACCOUNT / "pending").iterdir()
    with part.open("r+b") as file:
        file.write(bytes(4096))
    store = EnvelopeStore(tmp_path)
    uploads = Uploads(store)
    with pytest.raises(VerificationFailed):
        send(uploads, DATA[100_000:], 100_000)
    assert store.status(ACCOUNT, PAYLOAD.root) is None
    assert send(uploads, DATA).complete


def test_other_bytes_under_a_root_are_refused_and_gone(store, uploads):
    with pytest.raises(VerificationFailed):
        send(uploads, DATA[:-1] + b"x")
    assert store.status(ACCOUNT, PAYLOAD.root) is None
    with pytest.raises(VerificationFailed):
        store.put_many(ACCOUNT, [SmallEnvelope(PAYLOAD, HEADER, DATA[:-1] + b"x")])
    assert store.status(ACCOUNT, PAYLOAD.root) is None


def test_a_batch_with_one_wrong_file_stores_none(store):
    good = SmallEnvelope(PAYLOAD, HEADER, DATA)
    bad = SmallEnvelope(Payload(len(DATA), bytes(32)), HEADER, DATA)
    with pytest.raises(VerificationFailed):
        store.put_many(ACCOUNT, [good, bad])
    assert not store.holds(ACCOUNT, PAYLOAD)


@pytest.mark.parametrize("offset", [1, 99_999, 100_001, len(DATA)])
def test_an_upload_continues_only_where_it_stands(uploads, offset):
    send(uploads, DATA[:100_000])
    with pytest.raises(Conflict, match="100000"):
        uploads.begin(ACCOUNT, PAYLOAD, offset)


def test_a_whole_payload_is_not_uploaded_again(uploads):
    send(uploads, DATA)
    for offset in (0, len(DATA)):
        with pytest.raises(Conflict, match="whole"):
            uploads.begin(ACCOUNT, PAYLOAD, offset)


def test_two_connections_cannot_write_one_upload(uploads):
    first = uploads.begin(ACCOUNT, PAYLOAD, 0)
    first.write(DATA[:10])
    with pytest.raises(Conflict, match="Another connection"):
        uploads.begin(ACCOUNT, PAYLOAD, 10)
    first.close()
    assert send(uploads, DATA[10:], 10).complete


def test_uploads_of_one_root_from_many_threads_give_one_whole_file(store, uploads):
    def upload() -> None:
        while (now := store.status(ACCOUNT, PAYLOAD.root)) is None or not now.complete:
            try:
                writer = uploads.begin(ACCOUNT, PAYLOAD, now.offset if now else 0)
            except Conflict:
                continue
            try:
                writer.write(DATA[writer.state.size : writer.state.size + 50_000])
            finally:
                writer.close()

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.put_header(ACCOUNT, PAYLOAD.root, HEADER)
    assert read(store) == HEADER + DATA


def test_more_than_was_promised_is_refused_before_it_is_written(uploads):
    writer = uploads.begin(ACCOUNT, PAYLOAD, 0)
    with pytest.raises(TooLarge):
        writer.write(DATA + b"x")
    assert writer.close().offset == 0


@pytest.mark.parametrize("size", [0, 15, 16, 31, 16 + 65552 + 15])
def test_a_size_that_no_payload_has_is_refused(uploads, size):
    with pytest.raises(MalformedData):
        uploads.begin(ACCOUNT, Payload(size, bytes(32)), 0)


def test_a_payload_over_the_limit_is_refused(uploads):
    with pytest.raises(TooLarge):
        uploads.begin(ACCOUNT, Payload(MAX_PAYLOAD + 1, bytes(32)), 0)


def test_a_new_upload_with_another_size_replaces_an_unfinished_one(uploads):
    wrong = Payload(PAYLOAD.size + 1, PAYLOAD.root)
    send(uploads, DATA[:50], payload=wrong)
    assert send(uploads, DATA).complete


def test_unfinished_uploads_of_an_account_are_limited_and_abandoned_ones_make_room(tmp_path):
    now = [1e9]
    store = EnvelopeStore(tmp_path)
    uploads = Uploads(store, max_pending=2 * len(DATA), clock=lambda: now[0])
    for number in range(2):
        send(uploads, DATA[:100], payload=Payload(len(DATA), bytes([number]) * 32))
    with pytest.raises(Conflict, match="unfinished"):
        uploads.begin(ACCOUNT, PAYLOAD, 0)
    now[0] = 4e9
    assert send(uploads, DATA).complete
    assert store.status(ACCOUNT, bytes(32)) is None


def test_a_replaced_header_is_kept_and_the_same_header_again_changes_nothing(store, tmp_path):
    store.put_many(ACCOUNT, [SmallEnvelope(PAYLOAD, HEADER, DATA)])
    store.put_header(ACCOUNT, PAYLOAD.root, HEADER)
    store.put_header(ACCOUNT, PAYLOAD.root, OTHER_HEADER)
    assert read(store) == OTHER_HEADER + DATA
    kept = tmp_path / "objects" / ACCOUNT / f"{PAYLOAD.root.hex()}.header.1"
    assert kept.read_bytes().startswith(HEADER + b"sha256 ")
    assert not kept.with_suffix(".2").exists()


@pytest.mark.parametrize("header", [b"", b"age", HEADER[:-1], HEADER + b"x"])
def test_what_is_not_exactly_an_age_header_is_refused(store, uploads, header):
    send(uploads, DATA)
    with pytest.raises(MalformedData):
        store.put_header(ACCOUNT, PAYLOAD.root, header)


def test_a_header_that_changed_on_the_disk_is_not_given_out(store, tmp_path):
    store.put_many(ACCOUNT, [SmallEnvelope(PAYLOAD, HEADER, DATA)])
    (kept,) = (tmp_path / "objects" / ACCOUNT).glob("*.header")
    kept.write_bytes(kept.read_bytes().replace(HEADER[-4:], b"AAAA", 1))
    with pytest.raises(VerificationFailed):
        store.header(ACCOUNT, PAYLOAD.root)


def test_a_header_without_an_age_file_is_not_kept(store, tmp_path):
    store.put_many(ACCOUNT, [SmallEnvelope(PAYLOAD, HEADER, DATA)])
    with pytest.raises(NotFound):
        store.put_header(ACCOUNT, bytes(32), HEADER)
    assert len(list((tmp_path / "objects").rglob("*.header"))) == 1


def test_a_header_over_the_limit_is_refused(store):
    with pytest.raises(TooLarge):
        store.put_header(ACCOUNT, PAYLOAD.root, HEADER + bytes(MAX_KEPT_HEADER))


@pytest.mark.parametrize("account", ["", "..", "../" + ACCOUNT, "0A" * 16, ACCOUNT + "/x"])
def test_only_an_account_names_a_folder(store, account):
    with pytest.raises(InvalidInput):
        store.status(account, PAYLOAD.root)


def test_a_full_disk_fails_and_leaves_the_upload_where_it_was(uploads, monkeypatch):
    send(uploads, DATA[:1000])
    real = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if offset >= 50_000:
            raise OSError(28, "No space left on device")
        return real(descriptor, memoryview(data)[:7000], offset)

    monkeypatch.setattr(os, "pwrite", full)
    writer = uploads.begin(ACCOUNT, PAYLOAD, 1000)
    with pytest.raises(StorageFailed, match="No space left"):
        writer.write(DATA[1000:])
    assert writer.close() == Upload(len(DATA), 1000, False)
    monkeypatch.undo()
    assert send(uploads, DATA[1000:], 1000).complete


def test_a_disk_with_no_room_for_the_promise_refuses_at_the_start(tmp_path):
    store = EnvelopeStore(tmp_path, room=DiskRoom(tmp_path, reserve=1 << 60))
    uploads = Uploads(store)
    with pytest.raises(NoRoom):
        uploads.begin(ACCOUNT, PAYLOAD, 0)


def test_what_failed_to_sync_is_not_held(store, uploads, monkeypatch):
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    writer = uploads.begin(ACCOUNT, PAYLOAD, 0)
    writer.write(DATA)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFailed):
        writer.close()
    with pytest.raises(StorageFailed):
        store.put_many(ACCOUNT, [SmallEnvelope(PAYLOAD, HEADER, DATA)])
    monkeypatch.undo()
    assert store.status(ACCOUNT, PAYLOAD.root) is None
    assert send(uploads, DATA).complete
