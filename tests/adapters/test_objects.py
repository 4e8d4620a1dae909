"""The stores in a bucket, on a real object store, beside those in a folder: one contract."""

import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.seal import Seal
from ledger.chain.statement import Payload
from ledger.chain.tiles import Tile, entries_path, tile_path
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.disk.wholefiles import FolderFiles, WholeFiles
from ledger.errors import (
    Conflict,
    InvalidInput,
    LedgerFault,
    NotFound,
    StorageFailed,
    VerificationFailed,
)
from ledger.notary.ports import SignedCheckpoint
from ledger.notary.storage import bucket as bucket_module
from ledger.notary.storage import signedlog, signedobjects
from ledger.notary.storage.bucket import (
    PIECE,
    Bucket,
    open_bucket,
    parse_objects_url,
    take_unused,
)
from ledger.notary.storage.bucketfiles import BucketFiles
from ledger.notary.storage.envelopeobjects import EnvelopeObjects
from ledger.notary.storage.envelopes import EnvelopeStore
from ledger.notary.storage.logfiles import CHECKPOINT, LogStore
from ledger.notary.storage.records import RecordStore
from ledger.notary.storage.signedlog import SignedLog
from ledger.notary.storage.signedobjects import SignedObjects
from ledger.notary.storage.uploads import Uploads
from ledger.wire.protocol import SmallEnvelope, Upload
from tests.objects import SECRET, ObjectServer

ACCOUNT, OTHER = "0a" * 16, "0b" * 16
HEADER, OTHER_HEADER = (
    seal_header(b"k" * 16, [X25519Identity(each * 32).recipient()], os.urandom)
    for each in (b"i", b"j")
)
KEYS = SigningKey(os.urandom(32)), MlDsaKey(os.urandom(32))


def signed(height: int, size: int, root: bytes | None = None) -> SignedCheckpoint:
    root = root or os.urandom(32)
    note = sign_checkpoint(Checkpoint("notary.example/ledger", size, root), *KEYS, 1_795_000_000)
    return SignedCheckpoint(height, size, root, note, Seal(b"p", b"s"))


def envelope(plain: bytes = b"contract") -> SmallEnvelope:
    data = encrypt_payload(plain, b"k" * 16, os.urandom(16))
    return SmallEnvelope(Payload(len(data), payload_root([data])), HEADER, data)


@pytest.fixture
def bucket(object_server: ObjectServer) -> Bucket:
    return open_bucket(object_server.url())


@pytest.fixture(params=["folder", "objects"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> WholeFiles:
    if request.param == "folder":
        return FolderFiles(tmp_path / "log")
    return BucketFiles(request.getfixturevalue("bucket"), "log")


@pytest.fixture
def opened(files: WholeFiles) -> Callable[[], LogStore]:
    """Opens the log, as often as it is called."""
    if isinstance(files, FolderFiles):
        return lambda: LogStore(files, SignedLog(files.root / "signed"))
    assert isinstance(files, BucketFiles)
    return lambda: LogStore(files, SignedObjects(files))


@pytest.fixture(params=["folder", "objects"])
def envelopes(request: pytest.FixtureRequest, tmp_path: Path) -> EnvelopeStore | EnvelopeObjects:
    if request.param == "folder":
        return EnvelopeStore(tmp_path / "objects")
    return EnvelopeObjects(request.getfixturevalue("bucket"), tmp_path / "uploads")


def bundles(files: WholeFiles) -> list[str]:
    folder = "tile/entries"
    partial = [f"{name}.p/{each}" for name in ("000", "001", "002")
               for each in files.names(f"{folder}/{name}.p")]  # fmt: skip
    return sorted(partial + [each for each in files.names(folder) if not each.endswith(".p")])


# --- the log ---


def test_bundles_grow_and_partial_ones_make_room(files, opened):
    entries = [bytes([i % 256]) * (i % 7) for i in range(600)]
    log, at = opened(), 0
    for end in (1, 3, 200, 256, 300, 511, 600):
        log.write_entries(at, entries[at:end])
        at = end
    assert bundles(files) == ["000", "001", "002.p/88"]
    again = opened()
    assert again.read_bundle(1, 256) == entries[256:512]
    assert again.read_bundle(2, 40) == entries[512:552]
    assert again.read_bundle(2, 89) is None
    again.write_entries(600, [b"next"])
    assert again.read_bundle(2, 89) == [*entries[512:], b"next"]


def test_what_a_cut_short_commit_left_is_taken_away_and_written_otherwise(files, opened):
    entries = [bytes([i % 256]) for i in range(700)]
    log = opened()
    log.write_entries(0, entries[:300])
    log.write_entries(300, entries[300:])
    log.trim(300, entries[256:300])
    assert bundles(files) == ["000", "001.p/44"]
    log.write_entries(300, [b"another"] * 300)
    assert log.read_bundle(1, 256) == [*entries[256:300], *[b"another"] * 212]


def test_tiles_and_the_checkpoint_stand_published(files, opened):
    log = opened()
    assert log.published() is None
    log.publish([(Tile(0, 0, 5), b"p" * 160)], 5, first := signed(0, 5).note)
    log.write_tiles([(Tile(0, 0, 256), b"t" * 8192)])
    log.write_tiles([(Tile(0, 0, 256), b"t" * 8192)])
    assert not files.names("tile/0/000.p")
    assert log.published() == first and opened().read_tile(0, 0) == b"t" * 8192
    log.publish([], 300, second := signed(1, 300).note)
    assert opened().published() == second
    log.unpublish()
    assert opened().published() is None


def test_signed_copies_are_read_as_they_were_added(opened):
    log, last = opened(), [signed(height, 2 * height + 1) for height in range(4)]
    for each in last:
        log.signed.append(each)
    again = opened().signed
    assert again.numbers() == [0] and again.read(0) == (last, True)
    assert again.last() == last[-1] and list(again.all()) == last
    again.write(0, last[:2])
    assert opened().signed.read(0) == (last[:2], True)


def test_a_full_file_of_copies_is_one_object(bucket, monkeypatch):
    for module in (signedlog, signedobjects):
        monkeypatch.setattr(module, "SIGNED_IN_A_FILE", 4)
    many = [signed(height, height + 1) for height in range(10)]
    files = BucketFiles(bucket, "log")
    copies = SignedObjects(files)
    for each in many:
        copies.append(each)
    assert files.names("signed") == ["000000000", "000000001"]
    assert len(files.names("signed/000000002.d")) == 2
    again = SignedObjects(files)
    assert again.numbers() == [0, 1, 2] and list(again.all()) == many and again.last() == many[-1]
    bucket.put("log/signed/000000001", b"damaged", {})
    assert again.read(1) == ([], False)
    again.write(1, many[4:8])
    assert again.read(1) == (many[4:8], True) and list(again.all()) == many
    again.write(1, many[4:6])
    assert again.read(1) == (many[4:6], True) and again.numbers() == [0, 1, 2]


def test_copies_are_held_or_not(opened):
    many = [signed(height, height + 1) for height in range(5)]
    log = opened()
    for each in many[:4]:
        log.signed.append(each)
    copies = opened().signed
    assert copies.holds(0, many[:4]) and copies.holds(1, [])
    assert not copies.holds(0, many[:3]) and not copies.holds(0, many)
    assert not copies.holds(0, [*many[:3], signed(3, 9)])


def test_who_takes_over_does_not_read_each_copy_in_a_bucket(bucket, monkeypatch):
    many = [signed(height, height + 1) for height in range(40)]
    files = BucketFiles(bucket, "log")
    copies = SignedObjects(files)
    for each in many:
        copies.append(each)
    read, names = files.read, []

    def noted(name: str) -> bytes | None:
        names.append(name)
        return read(name)

    monkeypatch.setattr(files, "read", noted)
    assert copies.last() == many[-1] and copies.holds(0, many)
    assert len(names) == 2
    bucket.put("log/signed/000000000.d/000000000039", b"damaged", {})
    assert copies.last() == many[-2] and not copies.holds(0, many)
    bucket.delete(["log/signed/000000000.d/000000000007"])
    assert copies.last() == many[-2] and not copies.holds(0, many[:-1])


# --- what never changes, and who comes second ---


def test_an_object_is_put_once_and_other_bytes_are_a_fault(bucket):
    files = BucketFiles(bucket, "log")
    files.write("tile/0/000", b"one")
    files.write("tile/0/000", b"one")
    with pytest.raises(LedgerFault, match="other bytes"):
        files.write("tile/0/000", b"two")
    assert files.read("tile/0/000") == b"one"
    BucketFiles(bucket, "log", replacing=True).write("tile/0/000", b"two")
    assert files.read("tile/0/000") == b"two"


def test_of_many_writers_of_one_object_one_is_heard(bucket):
    copies = SignedObjects(BucketFiles(bucket, "log"))
    several = [signed(0, 1) for _ in range(8)]

    def add(each: SignedCheckpoint) -> bool:
        try:
            copies.append(each)
        except LedgerFault:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(add, several))
    assert heard.count(True) == 1
    assert copies.last() == several[heard.index(True)]


def test_a_late_writer_changes_no_bundle(bucket):
    files = BucketFiles(bucket, "log")
    log, late = (LogStore(files, SignedObjects(files)) for _ in range(2))
    log.write_entries(0, [b"mine"] * 256)
    late.write_entries(0, [b"mine"] * 256)
    with pytest.raises(LedgerFault, match="other bytes"):
        LogStore(files, SignedObjects(files)).write_entries(0, [b"late"] * 256)
    assert log.read_bundle(0, 256) == [b"mine"] * 256


def test_a_stale_process_puts_no_older_checkpoint_over_a_newer_one(bucket):
    files = BucketFiles(bucket, "log")
    stale, other = (LogStore(files, SignedObjects(files)) for _ in range(2))
    stale.publish([], 5, signed(0, 5).note)
    other.publish([], 9, newer := signed(1, 9).note)
    with pytest.raises(StorageFailed, match="newer"):
        stale.publish([], 7, signed(1, 7).note)
    assert other.published() == newer
    found = bucket.find("log/checkpoint")
    assert found is not None
    other.publish([], 12, newest := signed(2, 12).note)
    assert not bucket.swap("log/checkpoint", found, b"old", {})
    assert other.published() == newest


def test_objects_say_how_long_they_may_be_kept(bucket):
    import obstore

    log = LogStore(files := BucketFiles(bucket, "log"), SignedObjects(files))
    log.write_entries(0, [b"x"])
    log.signed.append(signed(0, 1))
    log.publish([(Tile(0, 0, 1), b"p" * 32)], 1, signed(0, 1).note)

    def kept(key: str) -> str:
        return str(obstore.get(bucket._store, key).attributes["Cache-Control"])

    assert kept(f"log/{CHECKPOINT}") == "no-cache"
    assert kept(f"log/{tile_path(0, 0, 1)}") == "public, max-age=31536000, immutable"
    assert kept(f"log/{entries_path(0, 1)}") == "private, no-store"
    assert kept("log/signed/000000000.d/000000000000") == "private, no-store"


# --- records ---


def test_records_can_be_erased(bucket):
    records, digest = RecordStore(BucketFiles(bucket, "records")), os.urandom(32)
    records.write(digest, b"who")
    token = records.stage(b"on its way")
    assert records.read(digest) == b"who" and records.fetch(token) == b"on its way"
    assert records.names() == sorted([digest.hex(), f"staged-{token}"])
    records.unstage(token)
    assert records.erase(digest) and not records.erase(digest)
    assert records.read(digest) is None and records.names() == []
    with pytest.raises(NotFound):
        records.fetch(token)


# --- ciphertext ---


def whole(store: EnvelopeStore | EnvelopeObjects, root: bytes) -> bytes:
    with store.open(ACCOUNT, root) as (header, size, read_at):
        return header + read_at(0, size)


def test_small_age_files_are_held_by_account_root_and_exact_size(envelopes):
    several = [envelope(bytes([n]) * n) for n in range(1, 6)]
    envelopes.put_many(ACCOUNT, several)
    envelopes.put_many(ACCOUNT, several)
    for each in several:
        assert envelopes.holds(ACCOUNT, each.payload)
        assert not envelopes.holds(OTHER, each.payload)
        assert not envelopes.holds(ACCOUNT, Payload(each.payload.size + 1, each.payload.root))
        assert whole(envelopes, each.payload.root) == HEADER + each.data
        assert envelopes.read_root(ACCOUNT, each.payload.root) == each.payload.root
    with pytest.raises(NotFound), envelopes.open(OTHER, several[0].payload.root):
        pass
    assert envelopes.sizes(ACCOUNT, bytes(32)) == (None, None)
    with pytest.raises(VerificationFailed):
        envelopes.put_many(ACCOUNT, [SmallEnvelope(several[0].payload, HEADER, several[1].data)])


def test_an_upload_in_pieces_is_read_back_by_range(envelopes):
    large = envelope(os.urandom(PIECE + PIECE // 2))
    payload, half = large.payload, PIECE // 3
    writer = Uploads(envelopes).begin(ACCOUNT, payload, 0)
    writer.write(large.data[:half])
    assert writer.close() == Upload(payload.size, half, False)
    assert envelopes.status(ACCOUNT, payload.root) == Upload(payload.size, half, False)
    writer = Uploads(envelopes).begin(ACCOUNT, payload, half)
    writer.write(large.data[half:])
    assert writer.close().complete
    assert not envelopes.holds(ACCOUNT, payload)
    envelopes.put_header(ACCOUNT, payload.root, HEADER)
    assert envelopes.holds(ACCOUNT, payload)
    assert list(envelopes.parts(ACCOUNT)) == []
    with envelopes.open(ACCOUNT, payload.root) as (header, size, read_at):
        assert (header, size) == (HEADER, payload.size)
        assert read_at(half - 5, 10) == large.data[half - 5 : half + 5]
        assert read_at(size - 3, 10) == large.data[-3:]
    with pytest.raises(Conflict, match="whole"):
        Uploads(envelopes).begin(ACCOUNT, payload, 0)


def test_a_replaced_header_is_kept(envelopes):
    one = envelope()
    envelopes.put_many(ACCOUNT, [one])
    for header in (HEADER, OTHER_HEADER, OTHER_HEADER):
        envelopes.put_header(ACCOUNT, one.payload.root, header)
    assert envelopes.header(ACCOUNT, one.payload.root) == OTHER_HEADER
    with pytest.raises(NotFound):
        envelopes.put_header(ACCOUNT, bytes(32), HEADER)


def test_the_header_that_was_replaced_lies_beside_the_new_one(bucket, tmp_path):
    store, one = EnvelopeObjects(bucket, tmp_path), envelope()
    store.put_many(ACCOUNT, [one])
    store.put_header(ACCOUNT, one.payload.root, OTHER_HEADER)
    kept = bucket.read(f"objects/{ACCOUNT}/{one.payload.root.hex()}.header.1")
    assert kept is not None and kept.startswith(HEADER)


def test_ciphertext_that_was_altered_in_the_bucket_is_not_taken_for_what_was_sent(bucket, tmp_path):
    store, one = EnvelopeObjects(bucket, tmp_path), envelope()
    key = f"objects/{ACCOUNT}/{one.payload.root.hex()}"
    bucket.put(f"{key}.payload", b"x" * one.payload.size, {})
    with pytest.raises(LedgerFault, match="other bytes"):
        store.put_many(ACCOUNT, [one])
    bucket.put(f"{key}.header", HEADER + b"sha256 x\n", {})
    with pytest.raises(VerificationFailed):
        store.header(ACCOUNT, one.payload.root)


def test_uploads_of_one_root_from_many_threads_give_one_object(bucket, tmp_path):
    store, one = EnvelopeObjects(bucket, tmp_path), envelope(os.urandom(100_000))
    errors: list[BaseException] = []

    def put() -> None:
        try:
            store.put_many(ACCOUNT, [one])
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=put) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not errors and whole(store, one.payload.root) == HEADER + one.data


# --- a store that is ill ---


class _Ill(BaseHTTPRequestHandler):
    """Answers as its server's `illness` says."""

    def do_GET(self) -> None:
        illness = self.server.illness  # type: ignore[attr-defined]
        if illness == "hangs":
            time.sleep(1)
            return
        self.send_response(503 if illness == "fails" else 200)
        self.send_header("content-length", "1000")
        self.send_header("etag", '"tag"')
        self.send_header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    do_PUT = do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("illness", ["hangs", "fails", "cuts short"])
def test_a_store_that_is_ill_is_a_storage_failure(illness, monkeypatch):
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(bucket_module, "REQUEST", timedelta(seconds=0.3))
    monkeypatch.setattr(bucket_module, "RETRIES", 1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Ill)
    server.illness = illness  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        ill = open_bucket(f"s3://bucket/p?endpoint=http://127.0.0.1:{server.server_port}")
        asks: list[Callable[[], object]] = [
            lambda: ill.read("a"),
            lambda: ill.read_at("a", 0, 100),
            lambda: ill.keys("a/"),
        ]
        if illness != "cuts short":
            asks += [lambda: ill.create("a", b"x", {}), lambda: ill.size("a")]
        for ask in asks:
            with pytest.raises(StorageFailed) as error:
                ask()
            assert SECRET not in str(error.value)
    finally:
        server.shutdown()
        server.server_close()


# --- where it lies, and who may know ---


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket/prefix",
        "s3://",
        "s3://ab",
        "s3://key:secret@bucket/prefix",
        "s3://bucket/prefix?secret_access_key=x",
        "s3://bucket/prefix?region=a&region=b",
        "s3://bucket/a/../b",
        "s3://bucket/a//b",
        "s3://bucket/a b",
        "s3://bucket/记录",
        "s3://bucket/p#fragment",
        "s3://bucket/p?endpoint=https://key:secret@s3.example",
        "s3://bucket/p?endpoint=ftp://s3.example",
        f"s3://bucket/{'p' * 257}",
    ],
)
def test_a_url_says_where_and_nothing_else(url):
    with pytest.raises(InvalidInput, match="environment"):
        parse_objects_url(url)


@pytest.mark.parametrize(
    ("version", "keeps", "said"),
    [("1", True, "versioning"), (None, False, "does not keep conditions")],
)
def test_a_bucket_that_keeps_too_much_or_too_little_is_refused(version, keeps, said, monkeypatch):
    bucket = open_bucket("s3://bucket/p")
    removed: list[str] = []
    monkeypatch.setattr(bucket, "is_empty", lambda: True)
    monkeypatch.setattr(bucket, "put", lambda *_: version)
    monkeypatch.setattr(bucket, "find", lambda _: None)
    monkeypatch.setattr(bucket, "create", lambda key, *_: key == "claim" or not keeps)
    monkeypatch.setattr(bucket, "swap", lambda *_: False)
    monkeypatch.setattr(bucket, "delete", removed.extend)
    with pytest.raises(InvalidInput, match=said):
        take_unused(bucket, "claim", b"1")
    assert removed == ["sealbook-probe", "claim"]


def test_a_place_that_is_used_is_not_used_again(bucket):
    take_unused(bucket, "claim", b"1")
    with pytest.raises(Conflict, match="was faster"):
        take_unused(bucket, "claim", b"2")
    bucket.delete(["claim"])
    assert bucket.is_empty()
    bucket.put("log/checkpoint", b"x", {})
    with pytest.raises(Conflict, match="another prefix"):
        take_unused(bucket, "claim", b"1")


def test_without_tls_only_this_machine_is_spoken_to():
    with pytest.raises(InvalidInput, match="TLS"):
        open_bucket("s3://bucket/p?endpoint=http://192.0.2.1:9000")


def test_keys_that_the_store_refuses_are_told_so_and_no_secret_is_said(
    bucket, object_server, monkeypatch, caplog
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    url = object_server.url()
    refused = open_bucket(url)
    for asked in (
        refused.is_empty, lambda: refused.put("a", b"", {}), lambda: refused.size("a"),
        lambda: refused.delete(["a"]), lambda: refused.keys("a/"),
    ):  # fmt: skip
        with pytest.raises(StorageFailed, match="does not let the notary use") as error:
            asked()
        said = str(error.value)
        assert "403 Forbidden" in said and refused.name in said
        assert urlsplit(url).query.removeprefix("endpoint=").split("&")[0] in said
        assert "AWS_SECRET_ACCESS_KEY" in said and "machine's clock" in said
        shown = f"{said} {error.value!r} {refused.__dict__} {caplog.text}"
        assert not [each for each in (SECRET, "another-secret") if each in shown]
    with pytest.raises(StorageFailed, match="SignatureDoesNotMatch"):
        refused.is_empty()


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("https://nowhere.invalid", "failed to lookup"),
        ("http://127.0.0.1:{silent}", "TimedOut"),
    ],
)
def test_an_endpoint_where_nobody_answers_is_named_with_the_cause(endpoint, why, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = endpoint.format(silent=silent.getsockname()[1])
        bucket = open_bucket(f"s3://bucket/p?endpoint={place}", hurried=True)
        with pytest.raises(StorageFailed, match="does not answer") as error:
            bucket.is_empty()
    said = str(error.value)
    assert place in said and "s3://bucket/p" in said and why in said and "a-secret" not in said


def test_a_password_in_the_environments_endpoint_is_not_said(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:hunter2@127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with pytest.raises(StorageFailed, match=r"http://127\.0\.0\.1:1") as error:
        open_bucket("s3://bucket/p", hurried=True).is_empty()
    assert "hunter2" not in str(error.value)


def test_what_the_office_deletes_is_gone_and_says_which_entry_says_so(
    envelopes: EnvelopeStore | EnvelopeObjects,
) -> None:
    one, other = envelope(b"one"), envelope(b"other")
    envelopes.put_many(ACCOUNT, [one, other])
    envelopes.put_header(ACCOUNT, one.payload.root, OTHER_HEADER)
    before = envelopes.used(ACCOUNT)
    assert envelopes.discarded(ACCOUNT, one.payload.root) is None
    assert envelopes.discard(ACCOUNT, one.payload.root, 117) >= 2
    assert envelopes.discarded(ACCOUNT, one.payload.root) == 117
    assert not envelopes.holds(ACCOUNT, one.payload)
    with pytest.raises(NotFound, match="entry 117 "), envelopes.open(ACCOUNT, one.payload.root):
        pass
    assert envelopes.used(ACCOUNT) < before
    with envelopes.open(ACCOUNT, other.payload.root) as (_, size, read_at):
        assert read_at(0, size) == other.data
    envelopes.put_many(ACCOUNT, [one])
    assert envelopes.holds(ACCOUNT, one.payload)


@pytest.mark.parametrize(
    ("keys", "words", "said"),
    [
        (False, "Error performing PUT http://169.254.169.254/latest/api/token", "no keys"),
        (True, "<Code>NoSuchBucket</Code>", "no bucket"),
        (True, "connection refused", "did not take or give"),
    ],
)
def test_what_is_missing_is_said_without_the_clients_words(keys, words, said, monkeypatch, capfd):
    for each in list(os.environ):
        if each.startswith("AWS_"):
            monkeypatch.delenv(each)
    if keys:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    bucket = open_bucket("s3://bucket/p")
    with pytest.raises(StorageFailed, match=said) as failed, bucket._asking("log/checkpoint"):
        raise OSError(words)
    assert words not in str(failed.value)
    assert words not in "".join(capfd.readouterr())
