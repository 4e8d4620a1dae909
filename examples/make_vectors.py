"""Makes the worked examples of docs/formats.md: `examples/vectors/*`, and their excerpts in the text.

    python -m examples.make_vectors

One small ledger, whole: seven blocks, a company with two devices' requests, two deposits, and
everything that a court would be handed. Keys and times are fixed, so the files come out the same. What
cannot (age headers and ML-DSA-44 signatures hold fresh randomness) is kept where a file stands already;
delete it to have it made anew. The keys are published here: they must never sign anything else.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from examples.cbor_vectors import cbor_cases
from examples.ed25519_vectors import ed25519_cases
from examples.refused_vectors import make_refused
from ledger.chain import office
from ledger.chain import statement as st
from ledger.chain.block import (
    GENESIS_PREVIOUS,
    Block,
    block_payload,
    notary_statement,
    note_digest,
)
from ledger.chain.certificate import DOCUMENT_SIGNING, SealAnchor
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.enrolment import (
    DEVICE,
    Enrolment,
    IdentityRecord,
    endorse_request,
    enrolment_payload,
    format_record,
    format_request,
    record_digest,
    verify_enrolment_request,
)
from ledger.chain.inspection import (
    InspectionRecord,
    Particulars,
    Seen,
    format_inspections,
    format_particulars,
    particulars_digest,
)
from ledger.chain.note import VerifierKey, format_vkey
from ledger.chain.policy import parse_policy
from ledger.chain.proof import TlogProof, format_proof
from ledger.chain.receipt import Position, Receipt, format_receipt
from ledger.chain.seal import format_cose_receipt, sign_seal
from ledger.chain.statement import Deposit, Matter, format_deposit, parse_statement
from ledger.chain.tiles import format_bundle, format_tile
from ledger.chain.trust import Trust, fingerprint, format_trust
from ledger.company.access.recovery import Sheet, format_sheet, signing_key
from ledger.company.documents import Document, SealedDeposit
from ledger.company.sealing.seal import seal
from ledger.crypto import commitment as cm
from ledger.crypto.keys import MlDsaKey, SealKey, SigningKey, format_pem
from ledger.crypto.merkle import (
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    root_from_leaf_hashes,
)
from ledger.crypto.recipients import HybridIdentity
from ledger.disk.outputs import safe_component
from ledger.encoding import cbor_encode
from ledger.evidence.file import Disclosure, self_contained, write_evidence
from ledger.evidence.howto import HOWTO
from ledger.evidence.index import format_index
from ledger.evidence.manifest import Cover, cover_leaves, format_manifest
from ledger.evidence.partial import PartialOpening, Selection, format_partial, open_in_part
from ledger.evidence.parts import Part, Splitting, format_cuts, structure_leaves
from ledger.evidence.records import Record, Rendition, metadata_leaves
from ledger.evidence.remarks import Remark
from ledger.wire.signatures import Message, sign_request

VECTORS = Path(__file__).parent / "vectors"
DOCUMENT = Path(__file__).parent.parent / "docs" / "formats.md"

ORIGIN = "notary.example/ledger"
TIME = int(datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp())
MATTER = bytes(range(0xA0, 0xB0))

LETTER = (
    b"To: Purchasing, Example Materials Ltd.\r\n"
    b"\r\n"
    b"We confirm the price of 41.50 per kilogram for 2027.\r\n"
    b"\r\n"
    b"Please treat the formula in the annex as confidential.\r\n"
)
PRICES = "item,price\n粘合剂 A,41.50\n粘合剂 B,39.80\n".encode()


def seed(label: str) -> bytes:
    """Return the 32 bytes that stand for `label`: seeds, nonces and salts of the examples."""
    return sha256(b"sealbook example: " + label.encode()).digest()


LOG, ML_DSA = SigningKey(seed("log key")), MlDsaKey(seed("log key, ML-DSA-44"))
DEVICE_KEY, SECOND_DEVICE = SigningKey(seed("device")), SigningKey(seed("second device"))
OFFICER, RECOVERY = HybridIdentity(seed("officer")), HybridIdentity(seed("recovery sheet"))
RECOVERY_KEY = signing_key(RECOVERY)
SEAL_ROOT = ec.derive_private_key(int.from_bytes(seed("seal root")[:31], "big"), ec.SECP256R1())


class FixedSealKey(SealKey):
    """A seal key that signs the same message the same way (RFC 6979)."""

    def sign(self, message: bytes) -> bytes:
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self.private.sign(message, algorithm))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


SEAL = FixedSealKey(ec.derive_private_key(int.from_bytes(seed("seal")[:31], "big"), ec.SECP256R1()))


class Draws:
    """Stands for the random source: the n-th draw of a deposit is always the same."""

    def __init__(self, label: str) -> None:
        self.label, self.count = label, 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return seed(f"{self.label}, draw {self.count}")[:size]


@dataclass
class Memory:
    """A document to read from and a file to write to, in memory."""

    data: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        return len(self.data)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = self.data[offset : offset + len(buffer)]

    def check(self) -> None:
        """Nothing changes here."""

    def write_at(self, offset: int, data: bytes) -> None:
        self.data[len(self.data) :] = bytes(max(0, offset + len(data) - len(self.data)))
        self.data[offset : offset + len(data)] = data


class Tree:
    """The nodes of a small tree, from its leaf hashes."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves

    def hashes(self, level: int, start: int, end: int) -> list[bytes]:
        return [
            root_from_leaf_hashes(self.leaves[i << level : (i + 1) << level])
            for i in range(start, end)
        ]


Files = dict[str, bytes]
Keep = Callable[[str, Callable[[], bytes]], bytes]
"""keep(name, make): the randomised file of that name if there is one, otherwise what `make` gives."""


def make(keep: Keep) -> Files:
    """Return every file by its name below examples/vectors."""
    files = _documents()
    files |= _keys()
    files |= _certificates()
    first, second = _deposits(keep, files)
    ledger = _Ledger(files, keep)

    ledger.block("block-0.cose")
    request = format_request(
        DEVICE_KEY, origin=ORIGIN, nonce=seed("request"), issued_at=TIME, recovery=RECOVERY_KEY
    )
    account = verify_enrolment_request(request).account_id
    joining = format_request(
        SECOND_DEVICE, origin=ORIGIN, nonce=seed("joining"), issued_at=TIME + 60, account=account
    )
    record = format_record(
        IdentityRecord(
            seed("record salt"), "示例新材料有限公司", "91320100EXAMPLE00X", "王公证员", TIME
        )
    )
    files["enrolment-request.cose"] = request
    files["joining-request.cose"] = endorse_request(joining, RECOVERY_KEY)
    files["identity-record.cbor"] = record
    enrolled = Enrolment(
        ORIGIN,
        seed("enrolment"),
        account,
        DEVICE_KEY.public,
        DEVICE,
        record_digest(seed("enrolment"), record),
    )
    joined = replace(
        enrolled,
        nonce=seed("joined"),
        key=SECOND_DEVICE.public,
        record=record_digest(seed("joined"), record),
        endorser=RECOVERY_KEY.thumbprint,
    )
    files["joined-enrolment.cose"] = ledger.say(st.ENROLMENT, enrolment_payload(joined))
    platform = office.Platform(
        operator="Example Notary Office",
        filing="苏ICP备00000000号",
        environment="two servers, one building",
        software="sealbook 0.1.0",
        standards=("RFC 9943", "RFC 9942", "C2SP tlog-tiles"),
    )
    ledger.block(
        "block-1.cose",
        ("platform.cose", ledger.say(st.PLATFORM, office.platform_payload(platform))),
        ("enrolment.cose", ledger.say(st.ENROLMENT, enrolment_payload(enrolled))),
    )
    ledger.platform = leaf_hash(files["platform.cose"])

    one = format_deposit(
        Deposit(ORIGIN, first.commitment, first.content, first.manifest, Matter(MATTER, 1, None)),
        account,
        DEVICE_KEY,
        TIME + 120,
    )
    two = format_deposit(
        Deposit(
            ORIGIN, second.commitment, None, second.manifest, Matter(MATTER, 2, leaf_hash(one))
        ),
        account,
        DEVICE_KEY,
        TIME + 121,
    )
    ledger.block("block-2.cose", ("deposit-1.cose", one), ("deposit-2.cose", two))
    ledger.receipts(record)

    revoked = office.Revocation(DEVICE_KEY.thumbprint, "superseded")
    closed = office.Notice("Closed on 1 October.")
    size, root = ledger.size, ledger.root
    ledger.block(
        "block-3.cose",
        ("key.cose", ledger.say(st.KEY, office.revocation_payload(revoked))),
        (
            "notice.cose",
            ledger.say(st.NOTICE, office.notice_payload(closed)),
        ),
        (
            "recovery.cose",
            ledger.say(
                st.RECOVERY, office.recovery_payload(office.Recovery(office.RESTORED, size, root))
            ),
        ),
    )
    ledger.publish()
    files["notary.trust"] = format_trust(_trust())
    sheet = Sheet(
        "Example Materials Ltd.",
        "https://notary.example",
        ORIGIN,
        fingerprint(files["notary.trust"]),
        account,
        RECOVERY,
    )
    files["recovery-sheet.txt"] = format_sheet(sheet).encode()
    files["case.evidence"] = _evidence(first, files)
    chosen = Selection(0, parts=(2,), fields=("name",))
    opening = open_in_part(first.record, first.index, [chosen], first.commitment)
    files["partial-opening.cbor"] = format_partial(opening)
    files["part.evidence"] = _part_evidence(opening, files)
    empty = Selection(1, whole=True, fields=("name", "size"))
    files["empty.evidence"] = _empty_evidence(
        open_in_part(second.record, second.index, [empty], second.commitment), files
    )
    title = open_in_part(
        first.record, first.index, [Selection(None, fields=("title",))], first.commitment
    )
    files["cover-opening.cbor"] = format_partial(title)
    files["cover.evidence"] = _part_evidence(title, files)
    files["matter.evidence"] = _matter_evidence(files)
    _inspect(ledger, opening, files)
    _certify(ledger)
    _delete(ledger, account)
    files["request.http"] = _request(bytes(first.content.root if first.content else b""))
    return files | make_refused(
        files,
        Tree,
        DEVICE_KEY,
        FixedSealKey,
        SEAL,
        _issue,
    )


def _documents() -> Files:
    return {"documents/letter.txt": LETTER, "documents/prices.csv": PRICES}


def _keys() -> Files:
    cose_key = cbor_encode({1: 1, -1: 6, -2: DEVICE_KEY.public})
    return {
        "keys/device.pem": format_pem(DEVICE_KEY),
        "keys/second-device.pem": format_pem(SECOND_DEVICE),
        "keys/recovery.pem": format_pem(RECOVERY_KEY),
        "keys/log-ed25519.pem": format_pem(LOG),
        "keys/log-ml-dsa-44.pem": format_pem(ML_DSA),
        "keys/seal-p256.pem": format_pem(SEAL),
        "keys/officer.txt": f"{OFFICER}\n".encode(),
        "keys/recovery-sheet.txt": f"{RECOVERY}\n".encode(),
        "device.cose-key": cose_key,
    }


def _certificates() -> Files:
    return {
        "seal-root.der": _certificate("Example seal root", SEAL_ROOT.public_key(), SEAL_ROOT, True),
        "seal.der": _certificate("Example seal", SEAL.public, SEAL_ROOT, False),
    }


def _issue(
    signer: ec.EllipticCurvePrivateKey | None = None,
    name: str = "Example seal",
    key: ec.EllipticCurvePublicKey = SEAL.public,
    **changes: Any,
) -> bytes:
    """Return a certificate for the seal, by default a good one under the root of the examples."""
    return _certificate(name, key, signer or SEAL_ROOT, False, **changes)


def _certificate(
    name: str,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    ca: bool,
    *,
    purpose: x509.ObjectIdentifier = DOCUMENT_SIGNING,
    digest: hashes.HashAlgorithm | None = None,
    further: Sequence[x509.ExtensionType] = (),
) -> bytes:
    """Return a certificate in DER; `further` extensions are critical."""
    usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example seal root")]))
        .public_key(key)
        .serial_number(1 if ca else 2)
        .not_valid_before(datetime(2026, 1, 1))
        .not_valid_after(datetime(2056, 1, 1))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    for extension in further:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(signer, digest or hashes.SHA256(), ecdsa_deterministic=True)
    return certificate.public_bytes(Encoding.DER)


def _deposits(keep: Keep, files: Files) -> tuple[SealedDeposit, SealedDeposit]:
    """Seal the letter with the prices, and as a commitment alone the letter with an empty document.

    Of the second, the hashes of its leaves are returned as well.
    """
    letter = Document(
        Memory(bytearray(LETTER)),
        "letter.txt",
        modified=TIME - 3600,
        media_type="text/plain",
        origin="folder",
        tool="sealbook 0.1.0",
        splitting=_paragraphs(LETTER),
    )
    prices = Document(Memory(bytearray(PRICES)), "annex/prices.csv", media_type="text/csv")
    cover = Cover("Price for 2027", (("host", "counsel-2"), ("captured", "2026-11-23T09:02:00Z")))
    content, manifest = Memory(), Memory()
    recipients = [OFFICER.recipient(), RECOVERY.recipient()]
    sealed = partial(seal, depositor=DEVICE_KEY.thumbprint, recipients=recipients)
    first = sealed(
        [letter, prices], cover=cover, content=content, manifest=manifest, random=Draws("deposit 1")
    )
    alone = Memory()
    again = partial(
        sealed,
        [letter, Document(Memory(), "annex/aux.txt")],
        cover=Cover("The letter alone"),
    )
    second = again(content=None, manifest=alone, random=Draws("deposit 2"))
    known = again(content=Memory(), manifest=Memory(), random=Draws("deposit 2"))
    # The payloads are the same each time, the headers (fresh key encapsulations) are not.
    files["content.age"] = keep("content.age", lambda: bytes(content.data))
    files["manifest.age"] = keep("manifest.age", lambda: bytes(manifest.data))
    files["manifest-2.age"] = keep("manifest-2.age", lambda: bytes(alone.data))
    files["manifest.cbor"] = format_manifest(first.record).rstrip(b"\0")
    files["manifest-2.cbor"] = format_manifest(second.record).rstrip(b"\0")
    opening = self_contained(first.record, first.index)
    files["opening.cbor"] = format_manifest(opening).rstrip(b"\0")
    files["index.cbor"] = format_index(first.index)
    files["view-header.cbor"] = cm.format_view_header(cm.ViewHeader(3, "paragraphs", 1))
    files["structure-leaf.cbor"] = structure_leaves(first.index[0].parts)[1]
    files["metadata-leaf.cbor"] = metadata_leaves(first.record.documents[0])[0]
    files["rendition-leaf.cbor"] = metadata_leaves(_rendered(first.record.documents[0]))[-1]
    files["cover-leaf.cbor"] = cover_leaves(first.record.cover)[0]
    files["commitment.json"] = _commitment_values(first)
    files["safe-names.json"] = _safe_names()
    files["HOWTO.txt"] = HOWTO.encode()
    files["ed25519.json"] = ed25519_cases()
    files["cbor.json"] = cbor_cases()
    return first, replace(second, index=known.index)


def _rendered(record: Record) -> Record:
    """Return the record of a text that was made of a document whose changes were tracked."""
    remarks = (
        Remark("insertions", 2, ("Li Wen", "法务"), when=(1_767_348_000, 1_767_434_400)),
        Remark("struck", 1),
    )
    return replace(record, rendition=Rendition(0, "text", 1, 1, remarks))


def _paragraphs(text: bytes) -> Splitting:
    ends = [match.end() for match in re.finditer(rb"(?:\r\n)+", text)]
    lengths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    total = len(lengths)
    parts = tuple(Part(f"paragraph {n} of {total}", n, 1) for n in range(1, total + 1))
    return Splitting("paragraphs", 1, format_cuts(lengths), parts)


def _commitment_values(sealed: SealedDeposit) -> bytes:
    """The values on the way to R, for whoever writes the formulas down in another language."""
    secret = cm.document_seed(sealed.record.seed, 0)
    view = cm.view_seed(secret, cm.VIEW_BYTES)
    salt = cm.leaf_salt(view, 1)
    lengths = sealed.index[0].cuts or b""
    leaf = LETTER[: int.from_bytes(lengths[:2], "big")]
    header = cm.ViewHeader(len(lengths) // 2, "paragraphs", 1)
    entry = sealed.index[0]
    hashes = leaf_hashes([entry.hash(n) for n in range(1, header.count + 1)])
    bytes_view = cm.commit_view(view, header, hashes)
    cover = cm.cover_tree(sealed.record.seed, cover_leaves(sealed.record.cover))
    values = {
        "S": sealed.record.seed,
        "v_03": cm.cover_seed(sealed.record.seed),
        "V_3": cover.view.root,
        "D_0": cm.cover_commitment(cover.view),
        "s_1": secret,
        "v_10": view,
        "r_1": salt,
        "data of leaf 1": leaf,
        "C_1": cm.leaf_commitment(cm.KIND_BYTES, 1, salt, leaf),
        "V_0": bytes_view.root,
        "depositor": sealed.record.depositor,
        "R": sealed.commitment,
    }
    text: dict[str, object] = {name: value.hex() for name, value in values.items()}
    text["places of the cover's fields"] = list(cover.places)
    return json.dumps(text, indent=1, ensure_ascii=False).encode() + b"\n"


def _safe_names() -> bytes:
    """Names as documents have them, and as a member of an evidence file has them."""
    names = [
        *(
            "contract.pdf",
            "合同\u3000第二版.pdf",
            "aux",
            "AUX.txt",
            "con .tar.gz",
            "Lpt9",
            "COM¹.log",
        ),
        *("nul~1", "console.txt", "com10", "clock$", "a:b?c*d", 'x"y<z>|', "a\\..\\b", "line\nend"),
        *("dot.", "space ", "...", " . ", "aux.", "aux ", "next\u0085line", "fdp.\u202eexe.txt"),
        *("zero\u200bwidth", "mark\ufeff", "soft\u00adhyphen", "ĥ̃.txt", "K\u212aſ", "\U000e0041"),
        *(
            "长" * 66 + "ab",
            "长" * 66 + "abc",
            "长" * 90 + ".pdf",
            "长" * 90 + ".pdfpdfpdfpdfpdfpd",
        ),
        *(".profile", "." + "x" * 250, "x" * 250 + ".", "aux." + "x" * 250),
    ]
    table = {name: safe_component(name) for name in names}
    return json.dumps(table, indent=1, ensure_ascii=True).encode() + b"\n"


class _Ledger:
    """Writes blocks as the notary does."""

    def __init__(self, files: Files, keep: Keep) -> None:
        self.files, self.keep = files, keep
        self.entries: list[bytes] = []
        self.platform: bytes | None = None
        self.previous = GENESIS_PREVIOUS
        self.height = 0
        self.note = ""

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def root(self) -> bytes:
        return root_from_leaf_hashes([leaf_hash(entry) for entry in self.entries])

    @property
    def time(self) -> int:
        return TIME + 100 * self.height

    def say(self, kind: str, payload: Mapping[str, object]) -> bytes:
        full = {"origin": ORIGIN, "nonce": seed(f"{kind} {self.size}"), **payload}
        return notary_statement(kind, full, origin=ORIGIN, key=LOG, issued_at=self.time)

    def block(self, name: str, *entries: tuple[str, bytes]) -> None:
        start = self.size
        size = start + 1 + len(entries)
        record = Block(
            ORIGIN,
            seed(name),
            self.height,
            start,
            size,
            self.time,
            self.previous,
            (),
            self.platform,
        )
        opening = self.say(st.BLOCK, block_payload(record))
        self.files |= {name: opening, **dict(entries)}
        self.entries += [opening, *(entry for _, entry in entries)]
        checkpoint = Checkpoint(ORIGIN, size, self.root)
        note = self.keep(
            f"checkpoint-{self.height}.note",
            lambda: sign_checkpoint(checkpoint, LOG, ML_DSA, self.time).encode(),
        )
        self.files[f"checkpoint-{self.height}.note"] = note
        self.note = note.decode()
        self.previous = note_digest(self.note)
        self.height += 1

    def receipts(self, record: bytes) -> None:
        """Write the receipts of the two deposits, which the last block holds."""
        tree = Tree([leaf_hash(entry) for entry in self.entries])

        def position(index: int) -> Position:
            return Position(index, inclusion_proof(tree, index, self.size))

        sealed = sign_seal(ORIGIN, self.root, SEAL, self.files["seal.der"])
        for number, index in ((1, 5), (2, 6)):
            place = position(index)
            cose_receipt = format_cose_receipt(sealed, self.size, index, place.proof)
            self.files[f"deposit-{number}.receipt"] = format_receipt(
                Receipt(
                    self.entries[index],
                    place,
                    self.note,
                    self.entries[4],
                    position(4),
                    self.entries[3],
                    position(3),
                    record,
                    cose_receipt,
                )
            )
            if number == 1:
                self.files["seal.cose"] = cose_receipt
                proof = TlogProof(index, place.proof, self.note)
                self.files["deposit-1.tlog-proof"] = format_proof(proof).encode()

    def publish(self) -> None:
        """Write the tiles of the whole tree."""
        self.files["tile-0-000.p11"] = format_tile([leaf_hash(entry) for entry in self.entries])
        self.files["tile-entries-000.p11"] = format_bundle(self.entries)


def _trust() -> Trust:
    policy = parse_policy(
        f"log {format_vkey(VerifierKey(ORIGIN, 1, LOG.public))}\n"
        f"witness ml-dsa-44 {format_vkey(VerifierKey(ORIGIN, 6, ML_DSA.public))}\n"
        "group signed all ml-dsa-44\n"
        "quorum signed\n"
    )
    anchor = SealAnchor("CN=Example seal", _certificates()["seal-root.der"])
    return Trust(ORIGIN, "Example Notary Office", TIME, policy, (anchor,))


def _evidence(sealed: SealedDeposit, files: Files) -> bytes:
    documents = [files["documents/letter.txt"], files["documents/prices.csv"]]
    out = BytesIO()
    write_evidence(
        out,
        [
            Disclosure(
                files["deposit-1.receipt"],
                self_contained(sealed.record, sealed.index),
                lambda number: BytesIO(documents[number]),
            )
        ],
    )
    return out.getvalue()


def _part_evidence(opening: PartialOpening, files: Files) -> bytes:
    """What an opening shows: nothing of the letter, or its second paragraph."""
    letter = files["documents/letter.txt"]
    start = letter.index(b"\r\n\r\n") + 4
    out = BytesIO()

    def piece(number: int) -> BytesIO:
        return BytesIO(letter[start : start + opening.pieces[number].size])

    write_evidence(out, [Disclosure(files["deposit-1.receipt"], opening, piece)])
    return out.getvalue()


def _empty_evidence(opening: PartialOpening, files: Files) -> bytes:
    """The empty document of the second deposit, whole."""
    out = BytesIO()
    write_evidence(out, [Disclosure(files["deposit-2.receipt"], opening, lambda _: BytesIO())])
    return out.getvalue()


def _matter_evidence(files: Files) -> bytes:
    """The complete matter: both receipts, and no content."""
    out = BytesIO()
    receipts = (files[f"deposit-{number}.receipt"] for number in (1, 2))
    write_evidence(out, [Disclosure(each, None, lambda _: BytesIO()) for each in receipts])
    return out.getvalue()


def _inspect(ledger: "_Ledger", opening: PartialOpening, files: Files) -> None:
    """Enter that an officer has seen what part.evidence shows, behind the published tiles."""
    (piece,) = opening.pieces
    seen = Seen(1, None, ((piece.first, piece.count),))
    particulars = format_particulars(
        Particulars(seed("inspection salt"), "王公证员", "公证员", (seen,))
    )
    leaf = leaf_hash(files["deposit-1.cose"])
    said = office.Inspection(5, leaf, office.PART, particulars_digest(particulars))
    entry = ledger.say(st.INSPECTION, office.inspection_payload(said))
    ledger.block("block-4.cose", ("inspection.cose", entry))
    index = ledger.size - 1
    tree = Tree([leaf_hash(each) for each in ledger.entries])
    proof = TlogProof(index, inclusion_proof(tree, index, ledger.size), ledger.note)
    record = InspectionRecord(parse_statement(entry), said, proof, particulars)
    files["part.evidence.inspection"] = format_inspections([record])


def _certify(ledger: "_Ledger") -> None:
    """Enter a certificate for the first deposit, and its withdrawal, behind the published tiles."""
    issued = office.Issued(17, seed("certificate"), 5)
    withdrawn = office.Withdrawn(17, "issued in error")
    ledger.block(
        "block-5.cose",
        ("certificate.cose", ledger.say(st.CERTIFICATE, office.certificate_payload(issued))),
        ("withdrawal.cose", ledger.say(st.CERTIFICATE, office.certificate_payload(withdrawn))),
    )


def _delete(ledger: "_Ledger", account: str) -> None:
    """Enter what is said where ciphertext of the first deposit, and who the account is, go."""
    discarded = office.Notice("Its ciphertext is deleted.", discarded=(5,))
    erased = office.Notice("Who it is was deleted.", erased=account)
    ledger.block(
        "block-6.cose",
        ("discarding.cose", ledger.say(st.NOTICE, office.notice_payload(discarded))),
        ("erasing.cose", ledger.say(st.NOTICE, office.notice_payload(erased))),
    )


def _request(root: bytes) -> bytes:
    """A signed request, as its lines go over the wire."""
    message = Message("GET", f"/envelopes/{root.hex()}", {"range": "bytes=0-16383"})
    headers = sign_request(
        message, DEVICE_KEY, ORIGIN, body=None, now=TIME, nonce=seed("request nonce")[:16]
    )
    lines = [f"{message.method} {message.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


# --- excerpts in docs/formats.md ---

_EXAMPLE = re.compile(r"(```text example=([^\n ]+)\n)(.*?)(```\n)", re.DOTALL)
_LONG = re.compile(r"h'([0-9a-f]{96,})'")
_LONG_TEXT = re.compile(r'"((?:[^"\\\n]|\\.){200,})"')
_COLUMNS = 96
_MOST_HEX = 520
"""Bytes that are printed whole; of more, the document gives size, hash and structure."""


def excerpt(name: str, data: bytes, diagnostic: str | None = None) -> str:
    """Return what the document shows of a file: size and hash, then its structure or text, then hex."""
    lines = [f"{name}: {len(data)} bytes, SHA-256 {sha256(data).hexdigest()}"]
    if name.endswith(".trust"):
        lines.append(f"fingerprint {fingerprint(data)}")
    if diagnostic is not None:
        lines += ["", *_shortened(diagnostic).splitlines()]
        if len(data) <= _MOST_HEX:
            lines += ["", *_wrapped(data.hex())]
    elif _is_text(data):
        lines += ["", *(_elided(line) for line in data.decode().splitlines())]
    else:
        lines += ["", *_wrapped(data[:_MOST_HEX].hex())]
    return "".join(line.rstrip() + "\n" for line in lines)


def insert_excerpts(document: str, files: Files, diagnostics: Mapping[str, str]) -> str:
    """Return the document with every example block written anew."""

    def block(match: re.Match[str]) -> str:
        name = match[2]
        return match[1] + excerpt(name, files[name], diagnostics.get(name)) + match[4]

    return _EXAMPLE.sub(block, document)


def examples(document: str) -> dict[str, str]:
    """Return the example blocks of the document, by the name of their file."""
    return {match[2]: match[3] for match in _EXAMPLE.finditer(document)}


def schema(document: str) -> str:
    """Return the CDDL of the document: all of its blocks, in order."""
    return "\n".join(re.findall(r"```cddl\n(.*?)```\n", document, re.DOTALL))


STRUCTURES = {
    "device.cose-key": "cose-key",
    "enrolment-request.cose": "enrolment-request",
    "joining-request.cose": "endorsed-request",
    "identity-record.cbor": "identity-record",
    "enrolment.cose": "enrolment",
    "joined-enrolment.cose": "enrolment",
    "block-0.cose": "block",
    "block-1.cose": "block",
    "block-2.cose": "block",
    "block-3.cose": "block",
    "block-4.cose": "block",
    "block-5.cose": "block",
    "block-6.cose": "block",
    "platform.cose": "platform",
    "key.cose": "key",
    "notice.cose": "notice",
    "discarding.cose": "notice",
    "erasing.cose": "notice",
    "recovery.cose": "recovery",
    "inspection.cose": "inspection",
    "certificate.cose": "certificate",
    "withdrawal.cose": "certificate",
    "part.evidence.inspection": "inspection-records",
    "deposit-1.cose": "deposit",
    "deposit-2.cose": "deposit",
    "seal.cose": "cose-receipt",
    "deposit-1.receipt": "receipt",
    "deposit-2.receipt": "receipt",
    "manifest.cbor": "manifest",
    "manifest-2.cbor": "manifest",
    "opening.cbor": "manifest",
    "partial-opening.cbor": "partial-opening",
    "cover-opening.cbor": "partial-opening",
    "index.cbor": "index",
    "view-header.cbor": "view-header",
    "structure-leaf.cbor": "structure-leaf",
    "metadata-leaf.cbor": "metadata-leaf",
    "rendition-leaf.cbor": "metadata-leaf",
    "cover-leaf.cbor": "cover-leaf",
}
"""The rule of the document's CDDL that each CBOR file follows."""

RANDOMISED = frozenset(
    {"content.age", "manifest.age", "manifest-2.age"} | {f"checkpoint-{n}.note" for n in range(7)}
)


def diagnostics(document: str, files: Files) -> dict[str, str]:
    """Return each CBOR file in diagnostic notation (RFC 8949 section 8)."""
    from cddl_verifier import Validator

    validator = Validator(schema(document))
    return {
        name: validator.to_edn(files[name], root_type=rule) for name, rule in STRUCTURES.items()
    }


def keep_stored(name: str, make: Callable[[], bytes]) -> bytes:
    """Return the stored file of that name, or what `make` gives where there is none."""
    path = VECTORS / name
    return path.read_bytes() if path.exists() else make()


def _shortened(text: str) -> str:
    text = _LONG.sub(lambda m: f"h'{m[1][:32]}…{m[1][-8:]}' / {len(m[1]) // 2} bytes /", text)
    return _LONG_TEXT.sub(lambda m: f'"{m[1][:64]}…{m[1][-12:]}"', text)


def _is_text(data: bytes) -> bool:
    try:
        return all(character >= " " or character in "\r\n\t" for character in data.decode())
    except UnicodeDecodeError:
        return False


def _elided(line: str) -> str:
    return line if len(line) <= 2 * _COLUMNS else f"{line[:72]}…{line[-8:]}"


def _wrapped(digits: str) -> list[str]:
    return [digits[at : at + _COLUMNS] for at in range(0, len(digits), _COLUMNS)]


def main() -> None:
    files = make(keep_stored)
    for name, data in files.items():
        path = VECTORS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    document = DOCUMENT.read_text()
    DOCUMENT.write_text(insert_excerpts(document, files, diagnostics(document, files)))


if __name__ == "__main__":
    main()
