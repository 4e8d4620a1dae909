"""The example files: the code makes them, reads them, and says of them what it should."""

import hmac
import json
import re
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import PureWindowsPath
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as some

from examples.make_vectors import (
    DEVICE_KEY,
    DOCUMENT,
    LETTER,
    MATTER,
    OFFICER,
    ORIGIN,
    PRICES,
    RANDOMISED,
    RECOVERY,
    RECOVERY_KEY,
    TIME,
    make,
)
from ledger.chain import enrolment as en
from ledger.chain import office
from ledger.chain import report as rp
from ledger.chain.block import note_digest, parse_block
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.inspection import format_inspections, parse_inspections
from ledger.chain.policy import verify_note
from ledger.chain.proof import format_proof, parse_proof, verify_proof
from ledger.chain.receipt import format_receipt, parse_receipt
from ledger.chain.statement import parse_deposit, parse_statement, verify_statement
from ledger.chain.tiles import parse_bundle, parse_tile
from ledger.chain.trust import format_trust, parse_trust
from ledger.company.access.recovery import find_secret, signing_key
from ledger.crypto.commitment import format_view_header, parse_view_header
from ledger.crypto.envelope import decrypt_bytes, parse_header
from ledger.crypto.keys import thumbprint_ed25519, verify_ed25519
from ledger.crypto.merkle import leaf_hash, root_from_leaf_hashes
from ledger.crypto.stream import payload_root
from ledger.disk.outputs import safe_component
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, VerificationFailed
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.index import format_index, parse_index
from ledger.evidence.manifest import format_manifest, parse_manifest
from ledger.evidence.matter import verify_matter
from ledger.evidence.opening import open_manifest
from ledger.verify import verify_receipt
from ledger.wire.signatures import BARE, Message, verify_request
from tests.formats.test_document import stored

FILES = stored()
TRUST = parse_trust(FILES["notary.trust"])
LOG = TRUST.notary_keys[0].public
STATEMENTS = [
    name
    for name in FILES
    if name.endswith(".cose") and name not in ("seal.cose", "joining-request.cose")
]
ENTRIES = parse_bundle(FILES["tile-entries-000.p11"])


def test_the_code_makes_every_file_as_it_is_stored() -> None:
    kept = []

    def keep(name: str, _: Callable[[], bytes]) -> bytes:
        kept.append(name)
        return FILES[name]

    made = make(keep)
    assert sorted(made) == sorted(FILES)
    assert [name for name in made if made[name] != FILES[name]] == []
    assert set(kept) == RANDOMISED


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_signed_by_the_key_it_names(name: str) -> None:
    statement = parse_statement(FILES[name])
    keys = {thumbprint_ed25519(key): key for key in (LOG, DEVICE_KEY.public)}
    verify_statement(statement, keys[statement.key_id])
    assert (statement.kind in ("deposit", "enrolment-request")) == (
        statement.key_id == DEVICE_KEY.thumbprint
    )


@pytest.mark.parametrize(
    ("name", "parse", "payload"),
    [
        ("platform.cose", office.parse_platform, office.platform_payload),
        ("key.cose", office.parse_revocation, office.revocation_payload),
        ("notice.cose", office.parse_notice, office.notice_payload),
        ("discarding.cose", office.parse_notice, office.notice_payload),
        ("erasing.cose", office.parse_notice, office.notice_payload),
        ("recovery.cose", office.parse_recovery, office.recovery_payload),
        ("inspection.cose", office.parse_inspection, office.inspection_payload),
        ("certificate.cose", office.parse_certificate, office.certificate_payload),
        ("withdrawal.cose", office.parse_certificate, office.certificate_payload),
    ],
)
def test_what_the_office_says_reads_back(
    name: str, parse: Callable[..., Any], payload: Callable[..., dict[str, Any]]
) -> None:
    statement = parse_statement(FILES[name])
    origin, nonce = statement.payload["origin"], statement.payload["nonce"]
    assert {"origin": origin, "nonce": nonce, **payload(parse(statement))} == statement.payload


def test_the_requests_open_and_join_the_account() -> None:
    request = en.verify_enrolment_request(FILES["enrolment-request.cose"])
    assert request.account_id == sha256(FILES["enrolment-request.cose"]).hexdigest()[:32]
    assert request.recovery == RECOVERY_KEY.public
    inner, key_id, message = en.parse_endorsed(FILES["joining-request.cose"])
    assert key_id == RECOVERY_KEY.thumbprint
    en.verify_endorsement(message, RECOVERY_KEY.public)
    assert en.verify_enrolment_request(inner).account_id == request.account_id


def test_the_record_is_the_enrolled_one() -> None:
    enrolment = en.parse_enrolment(parse_statement(FILES["enrolment.cose"]))
    record = en.verify_record(enrolment, FILES["identity-record.cbor"])
    assert (enrolment.key, record.name) == (DEVICE_KEY.public, "示例新材料有限公司")


def test_the_blocks_form_a_chain_inside_the_tree() -> None:
    previous, start = bytes(32), 0
    for height in range(4):
        block = parse_block(parse_statement(FILES[f"block-{height}.cose"]))
        note = FILES[f"checkpoint-{height}.note"].decode()
        checkpoint = verify_note(TRUST.policy, note).checkpoint
        leaves = [leaf_hash(entry) for entry in ENTRIES[: block.size]]
        assert (block.height, block.start, block.previous) == (height, start, previous)
        assert (checkpoint.size, checkpoint.root) == (block.size, root_from_leaf_hashes(leaves))
        previous, start = note_digest(note), block.size
    assert start == len(ENTRIES) == 11


def test_the_officer_has_seen_the_part_that_is_shown() -> None:
    data = FILES["part.evidence.inspection"]
    records = parse_inspections(data)
    assert format_inspections(records) == data
    for name, covers in (("part.evidence", True), ("case.evidence", False)):
        (disclosed,) = read_evidence(BytesIO(FILES[name]))
        report = verify_disclosed(disclosed, TRUST, inspections=records).report
        claim = report.claim(rp.INSPECTION)
        assert (claim.status, claim.by, claim.facts["covers"]) == (rp.STATED, "notary", covers)
        assert claim.facts["index"] == len(ENTRIES) + 1 and claim.facts["officer"] == "王公证员"
    with pytest.raises(VerificationFailed):
        verify_receipt(FILES["deposit-2.receipt"], TRUST, inspections=records)


def test_the_tile_holds_the_leaves() -> None:
    assert parse_tile(FILES["tile-0-000.p11"]) == tuple(leaf_hash(entry) for entry in ENTRIES)


@pytest.mark.parametrize("number", [1, 2])
def test_a_receipt_proves_its_deposit_under_the_trust_file(number: int) -> None:
    verified = verify_receipt(FILES[f"deposit-{number}.receipt"], TRUST)
    assert verified.statement.encoded == FILES[f"deposit-{number}.cose"]
    assert verified.index == 4 + number
    assert verified.deposit.matter is not None and verified.deposit.matter.number == number


def test_the_second_deposit_follows_the_first_in_its_matter() -> None:
    first, second = (parse_statement(FILES[f"deposit-{number}.cose"]) for number in (1, 2))
    matters = [parse_deposit(each).matter for each in (first, second)]
    assert matters[0] and matters[1] and matters[0].id == matters[1].id
    assert matters[1].previous == first.leaf_hash


def test_the_proof_inside_the_receipt_stands_by_itself() -> None:
    text = FILES["deposit-1.tlog-proof"].decode()
    proof = parse_proof(text)
    verify_proof(TRUST.policy, leaf_hash(FILES["deposit-1.cose"]), proof)
    assert text == format_proof(proof)
    assert cbor_decode(FILES["deposit-1.receipt"][1:])[1]["sealbook"]["proof"] == text


def test_the_part_s_evidence_file_proves_one_paragraph() -> None:
    (disclosed,) = read_evidence(BytesIO(FILES["part.evidence"]))
    content = verify_disclosed(disclosed, TRUST).report.claim(rp.CONTENT)
    assert (content.status, content.by) == (rp.PROVEN, "partial-opening")
    (shown,) = content.facts["documents"]
    assert shown["name"] == "letter.txt"
    assert [each["path"] for each in shown["parts"]] == ["paragraph 2 of 3"]


def test_the_evidence_file_proves_the_content_and_what_was_stated_of_its_origin() -> None:
    (disclosed,) = read_evidence(BytesIO(FILES["case.evidence"]))
    report = verify_disclosed(disclosed, TRUST).report
    assert report.good and report.claim(rp.CONTENT).status == rp.PROVEN
    origin = report.claim(rp.PROVENANCE)
    assert (origin.status, origin.by) == (rp.STATED, "depositor-software")
    assert list(origin.facts["fields"]) == ["title", "host", "captured"]


def test_the_cover_s_evidence_file_proves_the_title_and_shows_no_content() -> None:
    (disclosed,) = read_evidence(BytesIO(FILES["cover.evidence"]))
    report = verify_disclosed(disclosed, TRUST).report
    assert report.claim(rp.PROVENANCE).facts == {"fields": {"title": "Price for 2027"}}
    assert report.claim(rp.CONTENT).facts == {"documents": []}
    assert report.missing == ()


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("deposit-1.receipt", lambda data: format_receipt(parse_receipt(data))),
        ("notary.trust", lambda data: format_trust(parse_trust(data))),
        ("identity-record.cbor", lambda data: en.format_record(en.parse_record(data))),
        ("view-header.cbor", lambda data: format_view_header(parse_view_header(data))),
        (
            "index.cbor",
            lambda data: format_index(
                parse_index(data, parse_manifest(_padded("manifest.cbor")).documents)
            ),
        ),
        *(
            (name, lambda data: format_manifest(parse_manifest(data)).rstrip(b"\0"))
            for name in ("manifest.cbor", "manifest-2.cbor", "opening.cbor")
        ),
    ],
)
def test_format_is_the_inverse_of_parse(name: str, again: Callable[[bytes], bytes]) -> None:
    data = FILES[name]
    assert again(_padded(name) if "manifest" in name or name == "opening.cbor" else data) == data


def _padded(name: str) -> bytes:
    data = FILES[name]
    return data.ljust(padme_by_the_formula(len(data)), b"\0")


@pytest.mark.parametrize("identity", [OFFICER, RECOVERY], ids=["officer", "recovery sheet"])
@pytest.mark.parametrize("number", [1, 2])
def test_officer_and_sheet_open_the_manifests_that_the_statements_name(
    identity: Any, number: int
) -> None:
    data = FILES["manifest.age" if number == 1 else "manifest-2.age"]
    deposit = parse_deposit(parse_statement(FILES[f"deposit-{number}.cose"]))
    manifest = open_manifest(data, [identity], deposit.manifest)
    assert format_manifest(manifest) == _padded(
        "manifest.cbor" if number == 1 else "manifest-2.cbor"
    )


def test_the_content_is_the_tar_of_the_documents() -> None:
    import tarfile

    data = FILES["content.age"]
    deposit = parse_deposit(parse_statement(FILES["deposit-1.cose"]))
    payload = data[len(parse_header(data).encoded) :]
    assert deposit.content is not None
    assert (deposit.content.size, deposit.content.root) == (len(payload), payload_root([payload]))
    plain = decrypt_bytes(data, [OFFICER])
    assert len(plain) == padme_by_the_formula(len(plain))
    with tarfile.open(fileobj=BytesIO(plain)) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    assert found == {
        "letter.txt": LETTER,
        "annex/prices.csv": PRICES,
        "index.cbor": FILES["index.cbor"],
    }


def test_the_request_is_signed_for_this_ledger() -> None:
    lines = FILES["request.http"].decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    signed = verify_request(
        Message(method, target, headers),
        ORIGIN,
        {DEVICE_KEY.thumbprint: DEVICE_KEY.public}.get,
        covered=BARE,
        now=TIME + 10,
    )
    assert signed.key_id == DEVICE_KEY.thumbprint


def test_the_sheet_gives_the_recovery_key() -> None:
    secret = find_secret(FILES["recovery-sheet.txt"].decode())
    assert signing_key(secret).public == RECOVERY_KEY.public


def test_the_checkpoint_inside_is_three_lines() -> None:
    text = FILES["checkpoint-2.note"].decode().split("\n\n")[0] + "\n"
    assert parse_checkpoint(text).origin == ORIGIN


@pytest.mark.parametrize("case", json.loads(FILES["ed25519.json"]), ids=lambda case: case["what"])
def test_ed25519_holds_where_the_vectors_say_so(case: dict[str, Any]) -> None:
    public, message, signature = (
        bytes.fromhex(case[name]) for name in ("public", "message", "signature")
    )
    try:
        verify_ed25519(public, message, signature)
        held = True
    except VerificationFailed:
        held = False
    assert held is case["holds"]


@pytest.mark.parametrize("case", json.loads(FILES["cbor.json"]), ids=lambda case: case["what"])
def test_cbor_is_read_where_the_vectors_say_so(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["cbor"])
    try:
        assert cbor_encode(cbor_decode(data)) == data
        was_read = True
    except MalformedData:
        was_read = False
    assert was_read is case["read"]
    if was_read:
        assert items(cbor_decode(data)) == case["items"]


def items(value: Any) -> int:
    """As section 1 of the document counts them."""
    if isinstance(value, dict):
        return 1 + sum(items(each) for pair in value.items() for each in pair)
    return 1 + sum(map(items, value)) if isinstance(value, list) else 1


def test_the_matter_is_complete() -> None:
    disclosed = read_evidence(BytesIO(FILES["matter.evidence"]))
    chain = verify_matter([verify_disclosed(each, TRUST) for each in disclosed])
    assert (chain.id.hex(), chain.first, chain.last) == (MATTER.hex(), 1, 2)


def test_howto_is_a_vector() -> None:
    for name in ("case", "part", "empty", "cover"):
        with ZipFile(BytesIO(FILES[f"{name}.evidence"])) as archive:
            assert archive.read("HOWTO.txt") == FILES["HOWTO.txt"]


def safe_by_the_rules(name: str) -> str:
    """The four steps of section 12, with code points as the document lists them."""
    step = DOCUMENT.read_text().split("1. Each of the characters ")[1].split(" becomes ")[0]
    ranges = re.findall(r"U\+([0-9A-F]+)(?: to\s+U\+([0-9A-F]+))?", step)
    replaced = {
        point
        for first, last in ranges
        for point in range(int(first, 16), int(last or first, 16) + 1)
    }
    text = "".join("_" if ord(c) in replaced or c in '<>:"/\\|?*' else c for c in name)
    kept = len(text)
    while kept and text[kept - 1] in ". ":
        kept -= 1
    text = text[:kept] + "_" * (len(text) - kept)
    device = "".join(c.upper() if c.isascii() else c for c in text.split(".")[0].rstrip(" "))
    numbered = {kind + n for kind in ("COM", "LPT") for n in "0123456789¹²³"}
    if device in {"CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"} | numbered:
        text = "_" + text
    if len(text.encode()) > 200:
        at = text.rfind(".")
        suffix = text[at:] if at > 0 and len(text[at + 1 :].encode()) <= 16 else ""
        stem = text[: len(text) - len(suffix)]
        end = "~" + sha256(name.encode()).hexdigest()[:8] + suffix
        while len((stem + end).encode()) > 200:
            stem = stem[:-1]
        text = stem + end
    return text or "_"


def test_safe_names_follow_from_the_rules_of_the_document_alone() -> None:
    table = json.loads(FILES["safe-names.json"])
    assert {name: safe_by_the_rules(name) for name in table} == table
    assert len({len(name) for name in table}) > 10 and any(n == s for n, s in table.items())


@given(
    some.text(some.characters(codec="utf-8") | some.sampled_from(". _<>auxcon1¹~\x85\u202e"))
    | some.sampled_from(["aux", "CoM1", "长" * 66, "长" * 67]).flatmap(
        lambda start: some.text(". x长").map(lambda end: start + end)
    )
)
def test_every_safe_name_follows_from_the_rules(name: str) -> None:
    assert safe_component(name) == safe_by_the_rules(name)


def test_no_member_has_a_name_that_windows_keeps_for_itself() -> None:
    for name in ("case", "part", "empty", "cover"):
        with ZipFile(BytesIO(FILES[f"{name}.evidence"])) as archive:
            members = archive.namelist()
        assert not [each for each in members if PureWindowsPath(each).is_reserved()]
    with ZipFile(BytesIO(FILES["empty.evidence"])) as archive:
        assert archive.namelist()[-1] == "1/documents/2/_aux.txt"


# --- R by the formulas of the document alone: nothing of ledger.crypto below this line ---


def padme_by_the_formula(n: int) -> int:
    if n < 2:
        return n
    e = n.bit_length() - 1
    s = e.bit_length()
    step = 2 ** (e - s)
    return -(-n // step) * step


def u(n: int) -> bytes:
    return n.to_bytes(8, "big")


def prf(key: bytes, label: str, i: int) -> bytes:
    return hmac.new(key, label.encode() + b"\0" + u(i), sha256).digest()


def tree(entries: list[bytes]) -> bytes:
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    half = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\1" + tree(entries[:half]) + tree(entries[half:])).digest()


def view_root(
    view: bytes, kind: int, header: bytes, leaves: list[bytes]
) -> tuple[bytes, int, bytes]:
    """C_0, n' and V_w."""
    entries = []
    for i, data in enumerate([header, *leaves]):
        salt = prf(view, "sealbook1/salt", i)
        first = bytes([kind if i else 0]) + u(i) + u(len(data)) + salt
        entries.append(sha256(b"sealbook1/leaf\0" + first + data).digest())
    padded = max(8, padme_by_the_formula(len(leaves)))
    for i in range(len(leaves) + 1, padded + 1):
        entries.append(prf(prf(view, "sealbook1/salt", i), "sealbook1/dummy", i))
    return entries[0], padded, tree(entries[1:])


def cover_commitment(manifest: dict[str, Any]) -> bytes:
    """D_0: the fields stand in the order of a PRF among at least 64 leaves, a power of two."""
    view = prf(prf(manifest["seed"], "sealbook1/document-seed", 0), "sealbook1/view-seed", 3)
    padded = 64
    while padded < len(manifest["cover"]):
        padded *= 2
    order = sorted(range(1, padded + 1), key=lambda i: prf(view, "sealbook1/place", i))
    fields = dict(zip(order, manifest["cover"], strict=False))

    def leaf(kind: int, i: int, data: bytes) -> bytes:
        first = bytes([kind]) + u(i) + u(len(data)) + prf(view, "sealbook1/salt", i)
        return sha256(b"sealbook1/leaf\0" + first + data).digest()

    entries = [
        leaf(4, i, cbor_encode(fields[i]))
        if i in fields
        else prf(prf(view, "sealbook1/salt", i), "sealbook1/dummy", i)
        for i in range(1, padded + 1)
    ]
    header = leaf(0, 0, cbor_encode([len(fields), "cover", 1]))
    digest = sha256(b"sealbook1/view\0\3" + header + u(padded) + tree(entries)).digest()
    return sha256(b"sealbook1/cover\0" + digest).digest()


def commitment(
    manifest: dict[str, Any], index: list[Any], contents: list[bytes], key: bytes
) -> bytes:
    documents = [cover_commitment(manifest)]
    for j, (record, entry, data) in enumerate(
        zip(manifest["documents"], index, contents, strict=True), 1
    ):
        cuts = entry["cuts"]
        if cuts is None:
            leaves = [data[at : at + 16_384] for at in range(0, len(data), 16_384)]
        else:
            lengths = [int.from_bytes(cuts[at : at + 2], "big") for at in range(0, len(cuts), 2)]
            leaves = [data[sum(lengths[:n]) : sum(lengths[: n + 1])] for n in range(len(lengths))]
        splitter = record["splitter"]
        parts = [
            cbor_encode({"path": path, "first": first, "count": count})
            for path, first, count, _label in entry["parts"]
        ]
        fields = ("name", "size", "modified", "media-type", "source", "tool", "unsplit")
        metadata = [cbor_encode([field, record[field]]) for field in fields]
        digests = b""
        for w, (kind, head, leaves_of) in enumerate(
            [
                (1, [len(leaves), *splitter], leaves),
                (2, [len(parts), *splitter], parts),
                (3, [7, "fields", 1], metadata),
            ]
        ):
            view = prf(
                prf(manifest["seed"], "sealbook1/document-seed", j), "sealbook1/view-seed", w
            )
            first, padded, root = view_root(view, kind, cbor_encode(head), leaves_of)
            digests += sha256(b"sealbook1/view\0" + bytes([w]) + first + u(padded) + root).digest()
        documents.append(sha256(b"sealbook1/document\0" + u(j) + digests).digest())
    padded = max(8, padme_by_the_formula(len(documents)))
    for j in range(len(documents), padded):
        secret = prf(manifest["seed"], "sealbook1/document-seed", j)
        documents.append(prf(secret, "sealbook1/dummy", j))
    return sha256(b"sealbook1/deposit\0" + key + u(padded) + tree(documents)).digest()


@pytest.mark.parametrize("number", [1, 2])
def test_the_commitment_follows_from_the_formulas_alone(number: int) -> None:
    manifest = cbor_decode(FILES["manifest.cbor" if number == 1 else "manifest-2.cbor"])
    index = cbor_decode(FILES["index.cbor"]) if number == 1 else manifest["index"]
    contents = [LETTER, PRICES if number == 1 else b""]
    deposit = parse_deposit(parse_statement(FILES[f"deposit-{number}.cose"]))
    key = sha256(FILES["device.cose-key"]).digest()
    assert commitment(manifest, index, contents, key) == deposit.commitment


def test_a_partial_opening_leads_to_the_commitment_by_the_formulas_alone() -> None:
    """What section 12 says, step by step, with hashlib alone; the trees have 8 leaves."""
    opening = cbor_decode(FILES["partial-opening.cbor"])
    ((j, content, structure, metadata),) = opening["opened"]
    padded, header, ((first, salts, sizes),), proof = content
    piece = LETTER[42:98]
    assert int.from_bytes(sizes, "big") == len(piece)
    root = root_of(padded, first - 1, leaf(1, first, salts, piece), proof)
    views = digest(0, header, padded, root)
    for w, (padded, header, ((index, salt, data),), proof) in ((1, structure), (2, metadata)):
        if isinstance(header, list):
            header = leaf(0, 0, header[0], cbor_encode(header[1:]))
        root = root_of(padded, index - 1, leaf(w + 1, index, salt, data), proof)
        views += digest(w, header, padded, root)
    document = sha256(b"sealbook1/document\0" + u(j) + views).digest()
    assert leads_to_the_deposit(opening, j, document)


def test_the_title_alone_leads_to_the_commitment_by_the_formulas_alone() -> None:
    opening = cbor_decode(FILES["cover-opening.cbor"])
    padded, header, ((index, salt, data),), proof = opening["cover"]
    assert (padded, data, opening["opened"]) == (64, cbor_encode(["title", "Price for 2027"]), [])
    root = root_of(padded, index - 1, leaf(4, index, salt, data), proof)
    cover = sha256(b"sealbook1/cover\0" + digest(3, header, padded, root)).digest()
    assert leads_to_the_deposit(opening, 0, cover)


def leads_to_the_deposit(opening: dict[str, Any], j: int, entry: bytes) -> bool:
    root = root_of(opening["padded"], j, entry, opening["proof"])
    key = sha256(FILES["device.cose-key"]).digest()
    deposit = parse_deposit(parse_statement(FILES["deposit-1.cose"]))
    found = sha256(b"sealbook1/deposit\0" + key + u(opening["padded"]) + root).digest()
    return found == deposit.commitment


def leaf(kind: int, i: int, salt: bytes, data: bytes) -> bytes:
    first = b"sealbook1/leaf\0" + bytes([kind]) + u(i) + u(len(data)) + salt
    return sha256(first + data).digest()


def root_of(padded: int, index: int, entry: bytes, proof: bytes) -> bytes:
    """The root of a tree of a power of two, of which one entry is opened."""

    def subtree(start: int, size: int, hashes: list[bytes]) -> bytes:
        if not start <= index < start + size:
            return hashes.pop(0)
        if size == 1:
            return sha256(b"\0" + entry).digest()
        left = subtree(start, size // 2, hashes)
        right = subtree(start + size // 2, size // 2, hashes)
        return sha256(b"\1" + left + right).digest()

    return subtree(0, padded, [proof[at : at + 32] for at in range(0, len(proof), 32)])


def digest(w: int, header: bytes, padded: int, root: bytes) -> bytes:
    return sha256(b"sealbook1/view\0" + bytes([w]) + header + u(padded) + root).digest()


def test_the_values_on_the_way_follow_from_the_formulas_alone() -> None:
    found = json.loads(FILES["commitment.json"])
    places = found.pop("places of the cover's fields")
    values = {name: bytes.fromhex(text) for name, text in found.items()}
    manifest, index = cbor_decode(FILES["manifest.cbor"]), cbor_decode(FILES["index.cbor"])
    assert values["S"] == manifest["seed"]
    first = prf(values["S"], "sealbook1/document-seed", 0)
    assert values["v_03"] == prf(first, "sealbook1/view-seed", 3)
    assert values["D_0"] == cover_commitment(manifest)
    order = sorted(range(1, 65), key=lambda i: prf(values["v_03"], "sealbook1/place", i))
    assert places == order[: len(manifest["cover"])]
    assert values["s_1"] == prf(values["S"], "sealbook1/document-seed", 1)
    assert values["v_10"] == prf(values["s_1"], "sealbook1/view-seed", 0)
    assert values["r_1"] == prf(values["v_10"], "sealbook1/salt", 1)
    data = values["data of leaf 1"]
    first = b"sealbook1/leaf\0" + b"\1" + u(1) + u(len(data)) + values["r_1"]
    assert len(first) == 64
    assert values["C_1"] == sha256(first + data).digest() == index[0]["hashes"][:32]
    header = cbor_encode([3, "paragraphs", 1])
    leaves = [LETTER[:42], LETTER[42:98], LETTER[98:]]
    assert values["V_0"] == view_root(values["v_10"], 1, header, leaves)[2]
