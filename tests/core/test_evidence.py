"""Evidence files: a whole deposit for a court, and what a hostile one can do."""

import contextlib
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.chain import report as rp
from ledger.chain.report import Report
from ledger.chain.statement import Deposit, format_deposit
from ledger.company.documents import Document
from ledger.company.sealing.seal import seal
from ledger.crypto.recipients import HybridIdentity
from ledger.errors import MalformedData, SealbookError
from ledger.evidence import plain_zip as archive
from ledger.evidence.casefile import verify_file
from ledger.evidence.file import (
    Disclosure,
    read_evidence,
    recompute_opening,
    self_contained,
    verify_disclosed,
    write_evidence,
)
from ledger.evidence.index import IndexPlace
from ledger.evidence.manifest import Cover, Manifest, format_manifest, numbered, parse_manifest
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from ledger.evidence.records import Rendition
from ledger.verify import ReceiptRefused
from tests.core.test_sealing import Buffered, Memory
from tests.disclosed import Shown, evidence, file
from tests.simulator import NOW, ORIGIN, Office

FILES = {
    "contract.pdf": b"%PDF " + bytes(range(256)) * 200,
    "附件/工艺参数 表.csv": "温度,压力\n".encode() * 10,
    "annexes/empty.txt": b"",
    "CON/aux. ": b"a name that Windows forbids",
}


@dataclass
class Case:
    """A deposit of FILES in an office's ledger, disclosed."""

    office: Office
    receipt: bytes
    opening: Manifest

    def disclosure(self, files: dict[str, bytes] | None = None) -> Disclosure:
        contents = list((files or FILES).values())
        return Disclosure(self.receipt, self.opening, lambda j: io.BytesIO(contents[j]))

    def evidence(self, files: dict[str, bytes] | None = None) -> bytes:
        out = io.BytesIO()
        write_evidence(out, [self.disclosure(files)])
        return out.getvalue()

    def report(self, evidence: bytes) -> Report:
        (disclosed,) = read_evidence(io.BytesIO(evidence))
        try:
            return verify_disclosed(disclosed, self.office.trust()).report
        except ReceiptRefused as refused:
            return refused.report


@pytest.fixture(scope="module")
def case() -> Case:
    office = Office()
    content, manifest = Buffered(), Buffered()
    sealed = seal(
        [Document(Memory(data), name, NOW) for name, data in FILES.items()],
        office.device.thumbprint,
        [HybridIdentity(bytes(32)).recipient()],
        COVER,
        content,
        manifest,
        random.Random(7).randbytes,
    )
    deposit = Deposit(ORIGIN, sealed.commitment, sealed.content, sealed.manifest)
    office.entries[4] = format_deposit(deposit, office.account, office.device, NOW)
    return Case(office, office.receipt(), self_contained(sealed.record, sealed.index))


def test_disclosed_documents_are_proven_to_be_those_deposited(case: Case) -> None:
    claim = case.report(case.evidence()).claim(rp.CONTENT)
    assert claim.status == rp.PROVEN
    assert [document["name"] for document in claim.facts["documents"]] == list(FILES)


def test_documents_come_out_byte_for_byte(case: Case) -> None:
    (disclosed,) = read_evidence(io.BytesIO(case.evidence()))
    shown = [bytearray(len(data)) for data in FILES.values()]

    def write(document: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        shown[document][offset : offset + len(data)] = data

    verify_disclosed(disclosed, case.office.trust(), write)
    assert shown == list(FILES.values())


def test_the_same_disclosure_gives_the_same_bytes(case: Case) -> None:
    assert case.evidence() == case.evidence()


def test_any_zip_tool_opens_it(case: Case, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(case.evidence())) as opened:
        opened.extractall(tmp_path)
    assert (tmp_path / "1/documents/1/contract.pdf").read_bytes() == FILES["contract.pdf"]
    assert (tmp_path / "1/deposit.receipt").read_bytes() == case.receipt
    assert "SCITT" in (tmp_path / "HOWTO.txt").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name, data in FILES.items() if data])
def test_one_changed_byte_fails_the_content(case: Case, name: str) -> None:
    changed = bytes([FILES[name][0] ^ 1]) + FILES[name][1:]
    report = case.report(case.evidence({**FILES, name: changed}))
    assert [claim.name for claim in report.failed] == [rp.CONTENT]
    assert report.claim(rp.LEDGER).status == rp.PROVEN


@pytest.mark.parametrize(
    ("member", "data"),
    [
        ("1/documents/1/contract.pdf", FILES["contract.pdf"][:-1]),
        ("1/documents/1/contract.pdf", FILES["contract.pdf"] + b"\0"),
        ("1/documents/3/empty.txt", b"no longer empty"),
    ],
)
def test_a_shorter_or_longer_document_fails_the_content(
    case: Case, member: str, data: bytes
) -> None:
    report = _report_with_member(case, member, data)
    assert [claim.name for claim in report.failed] == [rp.CONTENT]


def _report_with_member(case: Case, name: str, data: bytes) -> Report:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(case.evidence())) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            new.writestr(member, data if member.filename == name else old.read(member))
    return case.report(out.getvalue())


@pytest.mark.parametrize(
    "change",
    [
        lambda record: replace(record, name="other.pdf"),
        lambda record: replace(record, modified=NOW - 1),
        lambda record: replace(record, media_type="text/plain"),
        lambda record: replace(record, source="elsewhere"),
        lambda record: replace(record, tool="another"),
    ],
)
def test_changed_metadata_fails_the_content(case: Case, change: object) -> None:
    first, *rest = case.opening.documents
    opening = replace(case.opening, documents=(change(first), *rest))  # type: ignore[operator]
    report = Case(case.office, case.receipt, opening)
    assert [claim.name for claim in report.report(report.evidence()).failed] == [rp.CONTENT]


def test_an_opening_under_another_seed_fails_the_content(case: Case) -> None:
    other = Case(case.office, case.receipt, replace(case.opening, seed=bytes(32)))
    assert [claim.name for claim in other.report(other.evidence()).failed] == [rp.CONTENT]


def test_another_depositor_in_the_opening_fails_the_content(case: Case) -> None:
    other = Case(case.office, case.receipt, replace(case.opening, depositor=bytes(32)))
    assert [claim.name for claim in other.report(other.evidence()).failed] == [rp.CONTENT]


DKIM = "pass d=example.com s=k1"
COVER = Cover(
    "case 114", (("envelope-to-1", "b@example.net"), ("dkim-1", DKIM), ("host", "laptop-7"))
)


@pytest.mark.parametrize(
    "cover",
    [
        Cover("case 115", COVER.provenance),
        replace(COVER, provenance=(*COVER.provenance[:2], ("host", "laptop-8"))),
        replace(
            COVER,
            provenance=(COVER.provenance[0], ("dkim-1", f"fail{DKIM[4:]}"), ("host", "laptop-7")),
        ),
        replace(COVER, provenance=COVER.provenance[1:]),
        replace(COVER, provenance=COVER.provenance[::-1]),
        replace(COVER, provenance=(*COVER.provenance, ("arc", "pass"))),
        replace(COVER, provenance=(("envelope-from", "b@example.net"), *COVER.provenance[1:])),
    ],
    ids=[
        "title",
        "host",
        "DKIM result",
        "a field less",
        "order",
        "a field more",
        "name of a field",
    ],
)
def test_a_changed_cover_fails_the_content_and_is_not_shown(case: Case, cover: Cover) -> None:
    assert case.opening.cover == COVER
    report = Case(case.office, case.receipt, replace(case.opening, cover=cover))
    found = report.report(report.evidence())
    assert [claim.name for claim in found.failed] == [rp.CONTENT]
    assert found.claim(rp.PROVENANCE).status == rp.NOT_SHOWN


def test_a_whole_opening_shows_its_cover_as_stated_under_the_commitment(case: Case) -> None:
    claim = case.report(case.evidence()).claim(rp.PROVENANCE)
    assert (claim.status, claim.by) == (rp.STATED, "depositor-software")
    assert claim.facts["fields"] == dict(COVER.fields)


def test_a_changed_reason_for_not_splitting_fails_the_content(case: Case) -> None:
    first, *rest = case.opening.documents
    changed = replace(case.opening, documents=(replace(first, unsplit="too large"), *rest))
    report = Case(case.office, case.receipt, changed)
    assert [claim.name for claim in report.report(report.evidence()).failed] == [rp.CONTENT]


def test_labels_do_not_travel_and_are_refused() -> None:
    shown = Shown([file("a.txt", [b"a"], Part("paragraph 1 of 1", 1, 1, "Offer to Nanjing"))])
    data = shown.evidence()
    assert b"Offer to Nanjing" not in data
    disclosure = shown.disclosure()
    opening = disclosure.opening
    assert isinstance(opening, Manifest) and not isinstance(opening.index, IndexPlace)
    (entry,) = opening.index
    labelled = replace(entry, parts=(replace(entry.parts[0], label="Mine"),))
    with pytest.raises(MalformedData, match="labels"):
        read_evidence(
            io.BytesIO(evidence(replace(disclosure, opening=replace(opening, index=(labelled,)))))
        )


def test_every_byte_of_an_opening_is_checked() -> None:
    page = replace(file("page 1.pdf", [b"p"]), rendition=Rendition(0, "page", 1, 2))
    shown = Shown([file("a.txt", [b"a", b"b"], Part("paragraph 1 of 2", 1, 1)), page], COVER)
    disclosure = shown.disclosure()
    assert isinstance(disclosure.opening, Manifest)
    good = format_manifest(disclosure.opening)

    def commitment(data: bytes) -> bytes | None:
        opening = parse_manifest(data)
        (disclosed,) = read_evidence(io.BytesIO(evidence(replace(disclosure, opening=opening))))
        return recompute_opening(disclosed).commitment

    assert commitment(good) == shown.sealed.commitment
    for place in range(len(good)):
        changed = bytearray(good)
        changed[place] ^= 1 << place % 8
        with contextlib.suppress(SealbookError):
            assert commitment(bytes(changed)) != shown.sealed.commitment, place


def test_each_field_of_a_cover_is_opened_alone_and_the_rest_stays_hidden() -> None:
    shown = Shown([file("a.txt", [b"a"])], COVER)
    for name, value in COVER.fields:
        data = shown.evidence(Selection(None, fields=(name,)), Selection(0, whole=True))
        (disclosed,) = read_evidence(io.BytesIO(data))
        report = verify_disclosed(disclosed, shown.office.trust()).report
        assert report.good
        assert report.claim(rp.PROVENANCE).facts == {"fields": {name: value}}
        for other, hidden in COVER.fields:
            assert (other == name) == (hidden.encode() in data)


def test_a_part_shows_nothing_of_the_cover_unless_it_is_asked_for() -> None:
    shown = Shown([file("a.txt", [b"a"])], COVER)
    data = shown.evidence(Selection(0, whole=True))
    (disclosed,) = read_evidence(io.BytesIO(data))
    report = verify_disclosed(disclosed, shown.office.trust()).report
    assert report.good and report.claim(rp.PROVENANCE).status == rp.NOT_SHOWN
    assert b"example" not in data.split(b"opening.cbor")[1].split(b"documents/")[0]


def test_openings_of_a_field_do_not_tell_how_many_recipients_there_were() -> None:
    sizes = set()
    for count in (0, 1, 12, 40):
        cover = Cover("t", (("dkim", "none"), *numbered("envelope-to", ["b@example.net"] * count)))
        opening = Shown([file("a.txt", [b"a"])], cover).opened(Selection(None, fields=("dkim",)))
        assert opening.cover is not None and isinstance(opening.cover.header, bytes)
        sizes.add((opening.cover.padded, len(opening.cover.proof)))
    assert sizes == {(64, 6 * 32)}


def test_a_cover_alone_is_shown_as_fields_without_content() -> None:
    shown = Shown([file("a.txt", [b"a"])], COVER)
    (disclosed,) = read_evidence(io.BytesIO(shown.evidence(Selection(None, fields=("title",)))))
    claim = verify_disclosed(disclosed, shown.office.trust()).report.claim(rp.CONTENT)
    assert (claim.status, claim.by, claim.facts) == (
        rp.PROVEN,
        "partial-opening",
        {"documents": []},
    )


def test_every_changed_byte_is_refused_or_changes_nothing(case: Case) -> None:
    evidence = case.evidence()
    good = case.report(evidence).as_dict()
    for place in random.Random(1).sample(range(len(evidence)), 300):
        changed = bytearray(evidence)
        changed[place] ^= 1 << (place % 8)
        try:
            report = case.report(bytes(changed))
        except SealbookError:
            continue
        assert not report.good or report.as_dict() == good


def test_a_checksum_that_other_tools_would_refuse_is_refused(case: Case) -> None:
    evidence = case.evidence()
    for member in zipfile.ZipFile(io.BytesIO(evidence)).infolist():
        # Where nothing is shown there is nothing to tell.
        stated, other = struct.pack("<I", member.CRC), struct.pack("<I", member.CRC ^ 1)
        if member.file_size:
            with pytest.raises(MalformedData):
                case.report(evidence.replace(stated, other))


@pytest.mark.parametrize("selections", [(), (Selection(1, whole=True, fields=("name",)),)])
def test_bytes_put_into_an_empty_document_fail_the_content(
    selections: tuple[Selection, ...],
) -> None:
    case = Shown([file("list.csv", [b"a"]), Document(Memory(b""), "amendments.txt", NOW)])
    out, good = io.BytesIO(), case.evidence(*selections)
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            forged = member.filename.endswith("/amendments.txt")
            new.writestr(member, b"The price is 99." if forged else old.read(member))
    trust = case.office.trust()
    for data, failed in ((good, []), (out.getvalue(), [rp.CONTENT])):
        (disclosed,) = read_evidence(io.BytesIO(data))
        (report,) = verify_file(
            [disclosed], trust, lambda _, each, used: verify_disclosed(each, used)
        ).reports
        assert [claim.name for claim in report.failed] == failed
        assert report.good is not bool(failed)


def test_names_of_the_widest_characters_read_back() -> None:
    case = Shown([file("\U00020bb7" * 200 + ".txt", [b"a"], Part("\U00020bb7" * 200, 1, 1))])
    for selections in ((), (Selection(0, parts=(1,)),)):
        (disclosed,) = read_evidence(io.BytesIO(case.evidence(*selections)))
        assert verify_disclosed(disclosed, case.office.trust()).report.good


@pytest.mark.parametrize("size", [1 << 62, 1 << 63, (1 << 64) - 1])
def test_a_member_larger_than_any_file_is_malformed(size: int) -> None:
    member = archive.Member("HOWTO.txt", 0, size, 0, 0)
    with pytest.raises(MalformedData):
        read_evidence(io.BytesIO(archive._local(member.name, member.crc, member.size) + b"x"))


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_malformed(case: Case, share: float) -> None:
    evidence = case.evidence()
    with pytest.raises(MalformedData):
        case.report(evidence[: int(len(evidence) * share)])


def _zip(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as opened:
        for name, data in members:
            opened.writestr(name, data)
    return out.getvalue()


def test_a_compressed_member_is_refused_before_it_is_read() -> None:
    bomb = _zip([("1/deposit.receipt", bytes(1 << 24))], zipfile.ZIP_DEFLATED)
    with pytest.raises(MalformedData):
        read_evidence(io.BytesIO(bomb))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(case: Case) -> None:
    twice = _zip([("1/deposit.receipt", case.receipt), ("1/deposit.receipt", b"x")])
    with pytest.raises(MalformedData):
        read_evidence(io.BytesIO(twice))


def test_members_that_do_not_belong_are_refused(case: Case) -> None:
    out = io.BytesIO(case.evidence())
    with zipfile.ZipFile(out, "a") as opened:
        opened.writestr("../../etc/cron.d/evil", b"* * * * * root true")
    with pytest.raises(MalformedData):
        read_evidence(io.BytesIO(out.getvalue()))


@pytest.mark.parametrize("size", [1 << 31, 1 << 50, 1 << 63])
def test_a_member_that_says_it_is_larger_than_the_file_is_refused(
    tmp_path: Path, size: int
) -> None:
    """A real file: no system seeks to wherever a header may point."""
    path = tmp_path / "case.evidence"
    name = b"HOWTO.txt"
    extra = struct.pack("<2H2Q", 1, 16, size, size)
    header = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0x21, 0, *[0xFFFFFFFF] * 2, len(name), len(extra)
    )
    path.write_bytes(header + name + extra)
    with path.open("rb") as file, pytest.raises(MalformedData, match="larger than the file"):
        read_evidence(file)


def test_a_zip_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedData):
        read_evidence(io.BytesIO(_zip([("readme.txt", b"hello")])))


def _other_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr("1/documents/1/contract.pdf", b"another contract")
    return out.getvalue()


def _hidden_member(evidence: bytes) -> bytes:
    """Put a member in front that the directory does not name, and move all offsets."""
    hidden = _other_zip().split(b"PK\1\2")[0]
    with zipfile.ZipFile(io.BytesIO(evidence)) as opened:
        start, members = opened.start_dir, opened.infolist()
    changed = bytearray(hidden + evidence)
    at = start + len(hidden)
    for member in members:
        offset = member.header_offset + len(hidden)
        changed[at + 42 : at + 46] = offset.to_bytes(4, "little")
        at += 46 + len(member.orig_filename.encode()) + len(member.extra)
    end = changed.rindex(b"PK\5\6")
    changed[end + 16 : end + 20] = (start + len(hidden)).to_bytes(4, "little")
    return bytes(changed)


def _with_another_zip64_directory(evidence: bytes) -> bytes:
    """Point a ZIP64 locator, which Python believes only in part, at a directory of another archive."""
    end = evidence.rindex(b"PK\5\6")
    with zipfile.ZipFile(io.BytesIO(evidence)) as opened:
        start, count = opened.start_dir, len(opened.infolist())
    record = struct.pack(
        "<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, end - start, start
    )
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 40, 1)
    last = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return evidence[:end] + record + locator + last


def _with_unicode_paths(evidence: bytes) -> bytes:
    """Give the documents Info-ZIP Unicode Path fields in the directory, which `unzip` believes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(evidence)) as old, zipfile.ZipFile(out, "w") as new:
        for found in old.infolist():
            new.writestr(found, old.read(found))
        for found in new.infolist():
            name = found.filename.encode()
            field = struct.pack("<BI", 1, zlib.crc32(name)) + b"1/documents/1/other.pdf"
            found.extra = struct.pack("<2H", 0x7075, len(field)) + field
    return out.getvalue()


def test_another_howto_is_refused(case: Case) -> None:
    with pytest.raises(MalformedData, match="HOWTO"):
        _report_with_member(case, "HOWTO.txt", b"Take the enclosed trust file.")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: _other_zip() + data,
        _hidden_member,
        lambda data: data.replace(b"1/contract.pdf", b"1/contrast.pdf", 1),
        lambda data: data[:-2] + b"\x04\0note",
        lambda data: data + bytes(100),
        _with_another_zip64_directory,
        _with_unicode_paths,
        lambda data: data.replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\x08\0", 1),
    ],
    ids=[
        "another ZIP in front",
        "a member that the directory does not name",
        "a name in front that the directory does not give",
        "a comment",
        "bytes behind the end",
        "a ZIP64 directory that Python does not follow",
        "names for other tools in the directory",
        "a flag in front that the directory does not give",
    ],
)
def test_a_file_in_which_other_tools_could_see_other_documents_is_refused(
    case: Case, change: Callable[[bytes], bytes]
) -> None:
    changed = change(case.evidence())
    assert changed != case.evidence()
    with zipfile.ZipFile(io.BytesIO(changed)) as opened:
        assert len(opened.infolist()) == 3 + len(FILES)
    with pytest.raises(MalformedData):
        read_evidence(io.BytesIO(changed))


def test_documents_too_large_for_the_old_header_are_written_as_zipfile_does(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10_000)
    monkeypatch.setattr(archive, "_SMALL", 10_000)
    evidence = case.evidence()
    assert evidence == _as_zipfile_writes(evidence)
    assert case.report(evidence).claim(rp.CONTENT).status == rp.PROVEN


def test_an_evidence_file_is_what_zipfile_writes_for_its_members(case: Case) -> None:
    assert case.evidence() == _as_zipfile_writes(case.evidence())


def _as_zipfile_writes(evidence: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(evidence)) as old, zipfile.ZipFile(out, "w") as new:
        for found in old.infolist():
            member = zipfile.ZipInfo(found.filename, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, 0o644 << 16
            member.file_size = found.file_size
            with new.open(member, "w") as target:
                target.write(old.read(found))
    return out.getvalue()
