"""Sealing: what the commitment binds, what other software opens, and files that do not keep still."""

import contextlib
import hmac
import io
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.statement import Payload
from ledger.company.documents import Document, SealedDeposit
from ledger.company.sealing.layout import tar_header
from ledger.company.sealing.seal import seal
from ledger.company.sealing.segments import SEGMENT
from ledger.company.sealing.sources import FileSource, open_source
from ledger.company.sealing.to_files import seal_files
from ledger.crypto.envelope import decrypt_bytes, parse_header
from ledger.crypto.merkle import Buffer
from ledger.crypto.padding import padme
from ledger.crypto.recipients import HybridIdentity, X25519Identity, parse_identity_file
from ledger.crypto.stream import payload_root
from ledger.disk.age_files import open_payload
from ledger.disk.files import AtomicFile
from ledger.encoding import cbor_encode
from ledger.errors import (
    InvalidInput,
    MalformedData,
    NoMatchingIdentity,
    SourceChanged,
    StorageFailed,
    VerificationFailed,
)
from ledger.evidence.index import DocumentIndex, Index, IndexPlace, format_index, parse_index
from ledger.evidence.manifest import Cover, Manifest, format_manifest, parse_manifest
from ledger.evidence.opening import content_reader, open_manifest, read_index, recompute
from ledger.evidence.parts import Cuts, Part, Splitting, format_cuts, structure_leaves
from ledger.evidence.records import Rendition, metadata_fields, metadata_leaves
from ledger.evidence.remarks import Remark

OFFICER = HybridIdentity(bytes(range(32)))
DEPOSITOR = sha256(b"depositor").digest()
COVER = Cover("Supply contract 2026-114", (("host", "laptop"), ("by", "counsel")))


class Memory:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.reads: list[tuple[int, int]] = []

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self.reads.append((offset, len(buffer)))
        buffer[:] = self.data[offset : offset + len(buffer)]

    def check(self) -> None:
        pass


class Buffered:
    """A sink in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write_at(self, offset: int, data: Buffer) -> None:
        if len(self.data) < offset + len(data):
            self.data.extend(bytes(offset + len(data) - len(self.data)))
        self.data[offset : offset + len(data)] = data


def document(data: bytes, name: str = "contract.pdf", **fields: object) -> Document:
    return Document(Memory(data), name, **fields)  # type: ignore[arg-type]


def seal_in_memory(
    documents: list[Document], alone: bool = False, random: Callable[[int], bytes] | None = None
) -> tuple[SealedDeposit, bytes, bytes]:
    content, manifest = Buffered(), Buffered()
    sealed = seal(
        documents,
        DEPOSITOR,
        [OFFICER.recipient()],
        COVER,
        None if alone else content,
        manifest,
        random or secrets.token_bytes,
    )
    return sealed, bytes(content.data), bytes(manifest.data)


# --- the commitment, written down a second time, straight from the specification


def u(number: int) -> bytes:
    return number.to_bytes(8, "big")


def prf(key: bytes, label: str, index: int) -> bytes:
    return hmac.digest(key, label.encode() + b"\0" + u(index), "sha256")


def h(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return h(b"\0", leaves[0])
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return h(b"\1", tree(leaves[:split]), tree(leaves[split:]))


def cbor(value: object) -> bytes:
    if isinstance(value, int):
        major, value = (0x00, value) if value >= 0 else (0x20, -1 - value)
        if value < 24:
            return bytes((major | value,))
        size = 1 if value < 256 else 2 if value < 65536 else 4 if value < 1 << 32 else 8
        return bytes((major | {1: 24, 2: 25, 4: 26, 8: 27}[size],)) + value.to_bytes(size, "big")
    if value is None:
        return b"\xf6"
    if isinstance(value, str):
        head = cbor(len(value.encode()))
        return bytes((head[0] | 0x60,)) + head[1:] + value.encode()
    if isinstance(value, list):
        return bytes((0x80 | len(value),)) + b"".join(map(cbor, value))
    assert isinstance(value, dict)
    return bytes((0xA0 | len(value),)) + b"".join(
        sorted(cbor(key) + cbor(item) for key, item in value.items())
    )


def straightforward_cover(seed: bytes) -> bytes:
    v = prf(prf(seed, "sealbook1/document-seed", 0), "sealbook1/view-seed", 3)
    fields = [["title", COVER.title], *map(list, COVER.provenance)]
    places = sorted(range(1, 65), key=lambda i: prf(v, "sealbook1/place", i))
    leaves = {i: cbor(field) for i, field in zip(places, fields, strict=False)}
    c = []
    for i in range(65):
        salt, kind = prf(v, "sealbook1/salt", i), bytes((4 if i else 0,))
        leaf = leaves.get(i) if i else cbor([len(fields), "cover", 1])
        if leaf is None:
            c.append(prf(salt, "sealbook1/dummy", i))
        else:
            c.append(h(b"sealbook1/leaf\0", kind, u(i), u(len(leaf)), salt, leaf))
    header, *c = c
    return h(b"sealbook1/cover\0", h(b"sealbook1/view\0", b"\3", header, u(64), tree(c)))


def straightforward(seed: bytes, documents: list[Document]) -> bytes:
    commitments = [straightforward_cover(seed)]
    for j, one in enumerate(documents, 1):
        data = one.source.data  # type: ignore[attr-defined]
        cuts = one.splitting.cuts
        pieces: list[Any] = []
        at = 0
        while at < len(data):
            if cuts is None:
                size = 16384
            else:
                size = int.from_bytes(cuts[2 * len(pieces) : 2 * len(pieces) + 2], "big")
            pieces.append(data[at : at + size])
            at += size
        splitter = (one.splitting.splitter, one.splitting.version)
        fields = [
            ["name", one.name],
            ["size", len(data)],
            ["modified", one.modified],
            ["media-type", one.media_type],
            ["source", one.origin],
            ["tool", one.tool],
            ["unsplit", one.splitting.unsplit],
        ]
        structure = [
            cbor({"path": part.path, "first": part.first, "count": part.count})
            for part in one.splitting.parts
        ]
        s = prf(seed, "sealbook1/document-seed", j)
        views = []
        for w, (leaves, (name, version)) in enumerate(
            [(pieces, splitter), (structure, splitter), (list(map(cbor, fields)), ("fields", 1))]
        ):
            v = prf(s, "sealbook1/view-seed", w)
            c = []
            for i, leaf in enumerate([cbor([len(leaves), name, version]), *leaves]):
                kind = bytes((0 if i == 0 else w + 1,))
                salt = prf(v, "sealbook1/salt", i)
                c.append(h(b"sealbook1/leaf\0", kind, u(i), u(len(leaf)), salt, leaf))
            for i in range(len(leaves) + 1, max(8, padme(len(leaves))) + 1):
                c.append(prf(prf(v, "sealbook1/salt", i), "sealbook1/dummy", i))
            header, *c = c
            views.append(h(b"sealbook1/view\0", bytes((w,)), header, u(len(c)), tree(c)))
        commitments.append(h(b"sealbook1/document\0", u(j), *views))
    for j in range(len(documents) + 1, max(8, padme(len(documents) + 1))):
        commitments.append(prf(prf(seed, "sealbook1/document-seed", j), "sealbook1/dummy", j))
    return h(b"sealbook1/deposit\0", DEPOSITOR, u(len(commitments)), tree(commitments))


EDGES = [0, 1, 16383, 16384, 16385, 65535, 65536, 65537, SEGMENT - 512, SEGMENT, SEGMENT + 16001]


@pytest.mark.parametrize("size", EDGES)
def test_commitment_is_the_specified_one(size: int) -> None:
    documents = [document(os.urandom(size), modified=1_700_000_000, media_type="application/pdf")]
    sealed, content, manifest = seal_in_memory(documents)
    assert sealed.commitment == straightforward(sealed.record.seed, documents)
    assert open_manifest(manifest, [OFFICER], sealed.manifest) == sealed.record
    plain = io.BytesIO(decrypt_bytes(content, [OFFICER]))
    assert len(plain.getvalue()) == padme(len(plain.getvalue()))
    with tarfile.open(fileobj=plain) as tar:
        member = tar.extractfile("contract.pdf")
        assert member is not None
        assert member.read() == documents[0].source.data  # type: ignore[attr-defined]
        assert tar.getnames() == ["contract.pdf", "index.cbor"]


def test_commitment_of_many_documents_is_the_specified_one() -> None:
    sizes = [0, 5, 700_000, 16384, 0, SEGMENT, 1, *range(300)]
    documents = [document(os.urandom(size), f"d/{n}.eml") for n, size in enumerate(sizes)]
    sealed, content, _ = seal_in_memory(documents)
    assert sealed.commitment == straightforward(sealed.record.seed, documents)
    with tarfile.open(fileobj=io.BytesIO(decrypt_bytes(content, [OFFICER]))) as tar:
        for one in documents:
            member = tar.extractfile(one.name)
            assert member is not None
            assert member.read() == one.source.data  # type: ignore[attr-defined]


@given(st.lists(st.integers(1, 16384), max_size=12), st.integers(0, 3))
def test_commitment_of_a_document_cut_by_a_splitter_is_the_specified_one(
    lengths: list[int], shift: int
) -> None:
    parts = tuple(Part(f"part/{n}", n + 1, 1) for n in range(len(lengths)))
    splitting = Splitting("mailbox", 2, format_cuts(lengths), parts)
    # The document in front moves the leaves across the ends of segments.
    front = document(bytes(SEGMENT - 20_000 + 512 * shift), "front")
    documents = [front, document(os.urandom(sum(lengths)), "mail", splitting=splitting)]
    sealed, _, _ = seal_in_memory(documents, alone=True)
    assert sealed.commitment == straightforward(sealed.record.seed, documents)


def test_commitment_alone_is_the_same_commitment_and_uploads_no_content() -> None:
    documents = [document(os.urandom(200_000)), document(b"letter", "letter.txt")]
    stream = [os.urandom(32), *(os.urandom(16) for _ in range(4))]

    def random() -> Callable[[int], bytes]:
        left = list(stream)
        return lambda size: left.pop(0)[:size]

    whole, _, _ = seal_in_memory(documents, random=random())
    alone, content, manifest = seal_in_memory(documents, alone=True, random=random())
    assert alone.commitment == whole.commitment
    assert alone.content is None
    assert content == b""
    record = open_manifest(manifest, [OFFICER], alone.manifest)
    assert read_index(record, None) == alone.index
    recompute(
        record, alone.index, lambda j, at, n: _data(documents[j])[at : at + n], alone.commitment
    )
    with pytest.raises(VerificationFailed, match="commitment"):
        recompute(record, alone.index, lambda j, at, n: bytes(n), alone.commitment)


def _data(one: Document) -> bytes:
    return one.source.data  # type: ignore[attr-defined]


def test_the_same_documents_have_another_commitment_each_time() -> None:
    documents = [document(b"the same")]
    assert seal_in_memory(documents)[0].commitment != seal_in_memory(documents)[0].commitment


def test_the_commitment_binds_the_depositor() -> None:
    documents = [document(b"x")]
    commitments = {
        seal(documents, key, [OFFICER.recipient()], COVER, None, Buffered(), bytes).commitment
        for key in (bytes(32), DEPOSITOR)
    }
    assert len(commitments) == 2


def test_each_byte_of_a_source_is_read_once() -> None:
    source = Memory(os.urandom(3 * SEGMENT + 100))
    seal_in_memory([Document(source, "big")])
    place = 0
    for offset, size in sorted(source.reads):
        assert offset == place
        place += size
    assert place == source.size


def test_payloads_are_named_by_size_and_root() -> None:
    sealed, content, manifest = seal_in_memory([document(os.urandom(SEGMENT + 5))])
    for data, payload in ((content, sealed.content), (manifest, sealed.manifest)):
        body = data[len(parse_header(data).encoded) :]
        assert payload == Payload(len(body), payload_root([body]))


def test_a_manifest_that_the_statement_does_not_name_is_refused() -> None:
    sealed, _, manifest = seal_in_memory([document(b"x")])
    other, _, _ = seal_in_memory([document(b"x")])
    with pytest.raises(VerificationFailed, match="names"):
        open_manifest(manifest, [OFFICER], other.manifest)
    with pytest.raises(NoMatchingIdentity):
        open_manifest(manifest, [X25519Identity(bytes(32))], sealed.manifest)


def test_a_small_document_takes_no_buffers_of_a_large_one() -> None:
    # Thousands of files had each 2 MiB cleared for them, which took as long as half of their sealing.
    seal_in_memory([document(b"small")])
    tracemalloc.start()
    try:
        seal_in_memory([document(b"small")])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < SEGMENT // 4


def test_progress_counts_to_the_end() -> None:
    documents = [document(bytes(SEGMENT * 2)), document(bytes(100), "b")]
    seen: list[int] = []
    seal(
        documents,
        DEPOSITOR,
        [OFFICER.recipient()],
        COVER,
        None,
        Buffered(),
        os.urandom,
        seen.append,
    )
    assert seen == sorted(seen)
    assert seen[-1] == 2 * SEGMENT + 100


@pytest.mark.parametrize(
    "names",
    [
        [],
        [""],
        ["/etc/passwd"],
        ["../x"],
        ["a/./b"],
        ["a//b"],
        ["a\0"],
        ["a\nb"],
        ["x" * 1025],
        ["a", "a"],
        ["\udcff"],
    ],
)
def test_names_that_could_escape_or_collide_are_refused(names: list[str]) -> None:
    with pytest.raises(InvalidInput):
        seal_in_memory([document(b"", name) for name in names])


def test_a_document_may_be_called_like_the_index() -> None:
    sealed, content, _ = seal_in_memory([document(b"mine", "Index.CBOR")])
    with tarfile.open(fileobj=io.BytesIO(decrypt_bytes(content, [OFFICER]))) as tar:
        assert tar.getnames() == ["Index.CBOR", "_index.cbor"]
    assert sealed.record.documents[0].name == "Index.CBOR"


# --- fast forms: the same bytes as the slow ones

SOME_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=110)


@given(
    SOME_NAMES | st.text("abc/", min_size=98, max_size=102),
    st.sampled_from([0, 1, 8**11 - 1, 8**11, 2**40]) | st.integers(0, 2**40),
    st.sampled_from([None, -1, 0, 8**11 - 1, 8**11]) | st.integers(-(2**35), 2**35),
)
def test_a_tar_header_is_that_of_tarfile(name: str, size: int, modified: int | None) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, modified or 0, 0o600
    expected = member.tobuf(tarfile.PAX_FORMAT)
    assert tar_header(name, size, modified) == expected


@pytest.mark.parametrize(
    "cover",
    [
        Cover("t" * 4097),
        Cover("t", (("host", "a"), ("host", "b"))),
        Cover("t", (("title", "another"),)),
        Cover("t", (("left out: a", "link"),)),
        Cover("t", (("Host", "a"),)),
        Cover("t", (("", "a"),)),
        Cover("t", tuple((f"to-{n}", "a") for n in range(4096))),
        Cover("\ud800"),
    ],
)
def test_a_cover_that_could_not_be_read_back_is_not_sealed(cover: Cover) -> None:
    with pytest.raises(InvalidInput):
        seal(
            [document(b"a")], DEPOSITOR, [OFFICER.recipient()], cover, None, Buffered(), os.urandom
        )


@given(SOME_NAMES, st.integers(1, 2**40), st.integers(1, 2**40), st.integers(-5, 2**40) | st.none())
def test_leaf_data_and_index_are_deterministic_cbor(
    text: str, first: int, count: int, modified: int | None
) -> None:
    part = Part(text, first, count, text[:3])
    record = replace(
        RECORD.documents[0],
        name=text,
        modified=modified,
        rendition=Rendition(1, text, 2, 3, (Remark("struck", count),)),
    )
    assert structure_leaves([part]) == [cbor_encode({"path": text, "first": first, "count": count})]
    fields = metadata_fields(record)
    # In the formats documents are counted from 1.
    fields[-1] = ("rendition", [2, text, 2, 3, [["struck", count, [], 0, None]]])
    assert metadata_leaves(record) == [cbor_encode([name, value]) for name, value in fields]
    entry = {"cuts": b"ab", "parts": [[text, first, count, text[:3]]], "hashes": bytes(32)}
    assert format_index((DocumentIndex(b"ab", (part,), bytes(32)),)) == cbor_encode([entry])


# --- files


def sealed_files(
    tmp_path: Path, documents: list[Document], **options: object
) -> tuple[SealedDeposit, Path, Path]:
    content, manifest = tmp_path / "content.age", tmp_path / "manifest.age"
    recipients = options.pop("recipients", [OFFICER.recipient()])
    sealed = seal_files(
        documents,
        DEPOSITOR,
        recipients,  # type: ignore[arg-type]
        COVER,
        manifest,
        content,
        secrets.token_bytes,
    )
    return sealed, content, manifest


@pytest.mark.skipif(
    shutil.which("age") is None or shutil.which("tar") is None, reason="age or tar is missing"
)
def test_stock_age_and_tar_open_the_content(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    (identity,) = parse_identity_file(key.read_text())
    data = os.urandom(3_000_000)
    documents = [
        document(data, "合同/contract.pdf", modified=1_700_000_000),
        document(b"", "empty"),
        document(b"letter", "n" * 240),
    ]
    sealed_files(tmp_path, documents, recipients=[identity.recipient()])
    (tmp_path / "out").mkdir()
    subprocess.run(
        f"age -d -i {key} {tmp_path}/content.age | tar x -C {tmp_path}/out", shell=True, check=True
    )
    assert (tmp_path / "out" / "合同" / "contract.pdf").read_bytes() == data
    assert (tmp_path / "out" / "合同" / "contract.pdf").stat().st_mtime == 1_700_000_000
    assert (tmp_path / "out" / "empty").read_bytes() == b""
    assert (tmp_path / "out" / ("n" * 240)).read_bytes() == b"letter"
    assert (tmp_path / "out" / "index.cbor").is_file()


def test_sealed_files_open_to_what_was_sealed(tmp_path: Path) -> None:
    documents = [document(os.urandom(n), str(n)) for n in (0, 1, 20_000, SEGMENT + 7, 9)]
    sealed, content, manifest = sealed_files(tmp_path, documents)
    assert {content.stat().st_mode & 0o777, manifest.stat().st_mode & 0o777} == {0o600}
    record = open_manifest(manifest.read_bytes(), [OFFICER], sealed.manifest)
    outputs = [Buffered() for _ in documents]
    with open_payload(content, [OFFICER]) as reader:
        index = read_index(record, reader)
        assert index == sealed.index
        recompute(
            record,
            index,
            content_reader(record, reader),
            sealed.commitment,
            lambda j, at, data: outputs[j].write_at(at, data),
        )
    assert [bytes(output.data) for output in outputs] == [_data(one) for one in documents]


def test_content_of_another_deposit_is_refused(tmp_path: Path) -> None:
    """ChaCha20-Poly1305 does not commit to its key: only the commitment says what was deposited."""
    documents = [document(b"right")]
    sealed, _, manifest = sealed_files(tmp_path, documents)
    record = open_manifest(manifest.read_bytes(), [OFFICER], sealed.manifest)
    (tmp_path / "other").mkdir()
    _, other, _ = sealed_files(tmp_path / "other", [document(b"wrong")])
    with open_payload(other, [OFFICER]) as reader, pytest.raises(VerificationFailed):
        recompute(
            record, read_index(record, reader), content_reader(record, reader), sealed.commitment
        )


def a_file(tmp_path: Path, size: int) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(os.urandom(size))
    return path


class Meddling:
    """A file source to which something happens after the first read."""

    def __init__(self, source: FileSource, meddle: Callable[[], None]) -> None:
        self.source = source
        self.size = source.size
        self.meddle = [meddle]

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self.source.read_into(offset, buffer)
        with contextlib.suppress(IndexError):
            self.meddle.pop()()

    def check(self) -> None:
        self.source.check()


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def rewritten(path: Path) -> None:
    found = path.stat()
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


def truncated(path: Path) -> None:
    os.truncate(path, 10)


def exchanged(path: Path) -> None:
    found = path.stat()
    other = path.with_name("other")
    other.write_bytes(bytes(found.st_size))
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(path)


def removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("size", [1000, 3 * SEGMENT])
@pytest.mark.parametrize("meddle", [appended, rewritten, truncated, exchanged, removed])
def test_a_file_that_changes_while_it_is_sealed_leaves_nothing(
    tmp_path: Path, meddle: Callable[[Path], None], size: int
) -> None:
    path = a_file(tmp_path, size)
    source = Meddling(open_source(path), lambda: meddle(path))
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceChanged, match="again"):
        sealed_files(tmp_path / "out", [Document(source, "source.bin")])
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_not_a_readable_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe"):
        with pytest.raises(InvalidInput):
            open_source(path)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = os.pwrite

    def pwrite(descriptor: int, data: Buffer, offset: int) -> int:
        if offset > SEGMENT:
            raise OSError(28, "No space left on device")
        return written(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(StorageFailed, match="No space left"):
        sealed_files(tmp_path, [document(bytes(4 * SEGMENT))])
    assert list(tmp_path.iterdir()) == []


def test_short_reads_and_writes_are_carried_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.preadv, os.pwrite
    monkeypatch.setattr(os, "preadv", lambda fd, bufs, at: read(fd, [bufs[0][:70_001]], at))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[:90_001], at))
    path = a_file(tmp_path, 2 * SEGMENT)
    sealed, content, manifest = sealed_files(tmp_path, [Document(open_source(path), "a")])
    record = open_manifest(manifest.read_bytes(), [OFFICER], sealed.manifest)
    with open_payload(content, [OFFICER]) as reader:
        fetch = content_reader(record, reader)
        recompute(record, read_index(record, reader), fetch, sealed.commitment)


@pytest.fixture
def roomy() -> Iterator[Path]:
    """A folder on a disk: where others lie in memory, there is no room for so much."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("size", [(4 << 30) + 1, (8 << 30) + 1])
def test_a_file_over_four_gibibytes_is_sealed_and_opened(roomy: Path, size: int) -> None:
    path = roomy / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - 5)
        file.write(b"laste")
    sealed, content, manifest = sealed_files(roomy, [Document(open_source(path), "sparse")])
    record = open_manifest(manifest.read_bytes(), [OFFICER], sealed.manifest)
    with open_payload(content, [OFFICER]) as reader:
        recompute(
            record, read_index(record, reader), content_reader(record, reader), sealed.commitment
        )
        assert reader.read((record.documents[0].offset or 0) + size - 5, 5) == b"laste"
        head = io.BytesIO(reader.read(0, 4096))
        with tarfile.open(fileobj=head, mode="r:") as tar:
            member = tar.next()
            assert member is not None
            assert member.size == size


# --- the manifest


def manifest_of(count: int = 2, alone: bool = False) -> tuple[Manifest, Index]:
    splitting = Splitting("mailbox", 1, format_cuts([3, 1]), (Part("Subject", 1, 2),))
    documents = [document(b"abcd", f"{n}.eml", splitting=splitting) for n in range(count)]
    sealed, _, _ = seal_in_memory(documents, alone=alone)
    return sealed.record, sealed.index


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_manifest_reads_as_written(count: int, alone: bool) -> None:
    manifest, index = manifest_of(count, alone)
    data = format_manifest(manifest)
    assert parse_manifest(data) == manifest
    assert format_manifest(parse_manifest(data)) == data
    assert len(data) == padme(len(data))
    if not alone:
        encoded = format_index(index)
        assert parse_index(encoded, manifest.documents) == index


@given(st.data())
def test_a_changed_manifest_is_refused_or_reads_as_written(data: st.DataObject) -> None:
    original = bytearray(MANIFEST)
    for _ in range(data.draw(st.integers(1, 3))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    try:
        manifest = parse_manifest(bytes(original))
    except MalformedData:
        return
    assert format_manifest(manifest) == bytes(original)


@given(st.binary(max_size=200))
def test_manifest_parsers_raise_only_malformed_data(data: bytes) -> None:
    for parse in (parse_manifest, lambda d: parse_index(d, RECORD.documents)):
        try:
            parse(data)
        except MalformedData:
            continue


RECORD, INDEX = manifest_of()
MANIFEST = format_manifest(RECORD)


def test_an_index_that_does_not_fit_its_manifest_is_refused() -> None:
    first, second = INDEX
    for wrong in (
        (first,),
        (first, replace(second, hashes=second.hashes[:-1])),
        (first, replace(second, cuts=format_cuts([4]))),
        (first, replace(second, cuts=format_cuts([3, 2]))),
        (first, replace(second, cuts=b"\0")),
        (first, replace(second, parts=())),
        (first, replace(second, parts=(Part("x", 2, 2),))),
        (first, replace(second, parts=(Part("x", 0, 1),))),
    ):
        with pytest.raises(MalformedData):
            parse_index(format_index(wrong), RECORD.documents)


def test_a_commitment_alone_has_no_offsets() -> None:
    assert isinstance(RECORD.index, IndexPlace)
    documents = tuple(replace(record, offset=None) for record in RECORD.documents)
    with pytest.raises(MalformedData, match="contradict"):
        parse_manifest(format_manifest(replace(RECORD, documents=documents)))


def test_the_seed_is_not_shown_by_accident() -> None:
    assert RECORD.seed.hex() not in repr(RECORD)
    assert repr(RECORD.seed) not in repr(RECORD)


@pytest.mark.parametrize("lengths", [[0, 4], [5], [3], [16385]])
def test_cuts_that_do_not_fill_the_document_are_refused(lengths: list[int]) -> None:
    with pytest.raises(MalformedData):
        Cuts(4, format_cuts(lengths))


def test_cuts_of_no_length_are_refused_also_in_an_empty_document() -> None:
    with pytest.raises(MalformedData):
        Cuts(0, format_cuts([0, 0]))


def test_an_output_is_not_shown_before_it_is_whole(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "content.age") as out:
        out.write_at(0, b"half")
        assert not (tmp_path / "content.age").exists()
    assert (tmp_path / "content.age").read_bytes() == b"half"
