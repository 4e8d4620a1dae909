"""Files that a verifier must refuse: each is a good one with the one defect that its name tells.

`refused.json` says of each what is expected: "malformed", or the claims that must fail. Whoever writes
a verifier runs it over these files, with `notary.trust`; a `.trust` among them takes its place.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from examples.refused_forms import refused_forms
from ledger.chain import report as rp
from ledger.chain import statement as st
from ledger.chain.block import notary_statement
from ledger.chain.proof import TlogProof, format_proof
from ledger.chain.receipt import Position, Receipt, format_receipt, parse_receipt
from ledger.chain.seal import format_cose_receipt, sign_seal
from ledger.chain.statement import parse_statement
from ledger.chain.tiles import parse_bundle
from ledger.crypto.keys import SealKey, SigningKey
from ledger.crypto.merkle import HashReader, inclusion_proof, leaf_hash, root_from_leaf_hashes
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.evidence.plain_zip import Reader, Writer

MALFORMED = "malformed"
SIZE, INDEX = 7, 5
"""The checkpoint that the first deposit's receipt leads to, and its place there."""


def make_refused(
    files: dict[str, bytes],
    tree_of: Callable[[Sequence[bytes]], HashReader],
    depositor: SigningKey,
    seal: type[SealKey],
    seal_key: SealKey,
    issue: Callable[..., bytes],
) -> dict[str, bytes]:
    """Return the files by name, refused.json among them."""
    expected: dict[str, str | list[str]] = {}
    made: dict[str, bytes] = {}
    good = parse_receipt(files["deposit-1.receipt"])
    entries = parse_bundle(files["tile-entries-000.p11"])[:SIZE]
    tree = tree_of([leaf_hash(entry) for entry in entries])
    origin = parse_statement(good.block).issuer

    def add(name: str, data: bytes, *claims: str) -> None:
        made[f"refused/{name}"] = data
        expected[name] = list(claims) or MALFORMED

    def receipt(name: str, claim: str, **changes: object) -> None:
        add(f"{name}.receipt", format_receipt(replace(good, **changes)), claim)  # type: ignore[arg-type]

    def place(index: int) -> Position:
        return Position(index, inclusion_proof(tree, index, SIZE))

    text, lines = good.note.split("\n\n")
    ed25519, ml_dsa = lines.splitlines()
    receipt("ledger-without-ml-dsa", rp.LEDGER, note=f"{text}\n\n{ed25519}\n")
    receipt("ledger-without-ed25519", rp.LEDGER, note=f"{text}\n\n{ml_dsa}\n")
    receipt("ledger-another-size", rp.LEDGER, note=good.note.replace("\n7\n", "\n8\n", 1))
    receipt("ledger-another-index", rp.LEDGER, position=Position(4, good.position.proof))
    receipt("ledger-proof-cut", rp.LEDGER, position=Position(INDEX, good.position.proof[:-1]))
    receipt(
        "ledger-statement-altered",
        rp.LEDGER,
        statement=good.statement.replace(_root(good), bytes(32), 1),
    )
    receipt("block-older", rp.BLOCK, block=entries[1], block_position=place(1))
    receipt("block-elsewhere", rp.BLOCK, block_position=place(1))
    forged = notary_statement(
        st.BLOCK,
        parse_statement(good.block).payload,
        origin=origin,
        key=depositor,
        issued_at=parse_statement(good.block).issued_at,
    )
    receipt("block-by-the-depositor", rp.BLOCK, block=forged)
    receipt(
        "depositor-not-enrolled", rp.DEPOSITOR, enrolment=entries[2], enrolment_position=place(2)
    )
    receipt("depositor-enrolment-elsewhere", rp.DEPOSITOR, enrolment_position=place(2))
    record = good.record or b""
    receipt("identity-another-record", rp.IDENTITY, record=record.replace(b"EXAMPLE", b"ANOTHER"))
    other = parse_receipt(files["deposit-2.receipt"])
    receipt("seal-of-another-entry", rp.SEAL, cose_receipt=other.cose_receipt)

    def sealed(key: SealKey, der: bytes) -> bytes:
        root = root_from_leaf_hashes([leaf_hash(entry) for entry in entries])
        by = sign_seal(origin, root, key, der)
        return format_cose_receipt(by, SIZE, INDEX, good.position.proof)

    def certificate(name: str, der: bytes, key: SealKey = seal_key) -> None:
        receipt(f"seal-{name}", rp.SEAL, cose_receipt=sealed(key, der))

    private = ec.derive_private_key(77, ec.SECP256R1())
    stranger = seal(private)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\5\0")
    certificate("by-another-key", files["seal.der"], stranger)
    certificate("under-another-root", issue(private, key=stranger.public), stranger)
    certificate("of-another-subject", issue(name="Example mail", key=stranger.public), stranger)
    certificate("for-tls-clients", issue(purpose=ExtendedKeyUsageOID.CLIENT_AUTH))
    certificate("with-an-unknown-critical-extension", issue(further=[unknown]))
    certificate("signed-with-sha-224", issue(digest=hashes.SHA224()))

    data = files["deposit-1.receipt"]
    protected, header, payload, signature = cbor_decode(data[1:])

    def malformed(name: str, changed: bytes) -> None:
        add(f"malformed-{name}.receipt", changed)

    malformed("trailing-byte", data + b"\0")
    malformed("cut-short", data[:-1])
    malformed("without-tag", data[1:])
    malformed("tag-in-two-bytes", b"\xd8\x12" + data[1:])
    malformed("long-array-head", b"\xd2\x98\x04" + data[2:])
    malformed("tag-inside", data.replace(b"\x66tokens\x80", b"\x66tokens\xc2\x40", 1))
    malformed("indefinite-array", data.replace(b"\x66tokens\x80", b"\x66tokens\x9f\xff", 1))

    def with_header(changed: object) -> bytes:
        return b"\xd2" + cbor_encode([protected, changed, payload, signature])

    ours = header["sealbook"]
    malformed("further-header", with_header({**header, "more": 0}))
    malformed("further-part", with_header({**header, "sealbook": {**ours, "more": 0}}))
    malformed("two-cose-receipts", with_header({**header, 394: header[394] * 2}))
    malformed("no-receipt", files["deposit-1.cose"])
    proof = TlogProof(INDEX, good.position.proof, good.note, b"extra")
    changed = {**ours, "proof": format_proof(proof)}
    malformed("extra-in-the-proof", with_header({**header, "sealbook": changed}))

    def evidence(
        name: str,
        of: str,
        member: str,
        change: Callable[[bytes], bytes],
        *claims: str,
        renamed: tuple[str, str] = ("", ""),
    ) -> None:
        out = BytesIO()
        writer, reader = Writer(out), Reader(BytesIO(files[of]))
        for each in reader.members:
            content = reader.read(each, 0, each.size)
            if member in each.name:
                content = change(content)
            writer.add(each.name.replace(*renamed, 1), len(content), [content])
        writer.finish()
        add(f"{name}.evidence", out.getvalue(), *claims)

    def opening(
        name: str,
        change: Callable[[Any], None],
        *claims: str,
        renamed: tuple[str, str] = ("", ""),
    ) -> None:
        def changed(data: bytes) -> bytes:
            value = cbor_decode(data)
            change(value)
            return cbor_encode(value)

        evidence(name, "part.evidence", "opening.cbor", changed, *claims, renamed=renamed)

    letter = "letter.txt"
    evidence(
        "content-altered",
        "case.evidence",
        letter,
        lambda text: text.replace(b"41.50", b"14.50"),
        rp.CONTENT,
    )
    evidence("content-shorter", "case.evidence", letter, lambda text: text[:-1], rp.CONTENT)
    evidence("part-altered", "part.evidence", "/parts/", lambda text: text.upper(), rp.CONTENT)

    def other_place(value: Any) -> None:
        value["opened"][0][2][2][0][0] = 3

    def other_document(value: Any) -> None:
        value["opened"][0][0] = 2

    def fewer_parts(value: Any) -> None:
        value["opened"][0][2][1][1] = 2

    def shorter_proof(value: Any) -> None:
        value["proof"] = value["proof"][32:]

    def beyond_the_last(value: Any) -> None:
        value["opened"][0][2][2][0][0] = 4

    def whole(name: str, change: Callable[[Any], None], *claims: str) -> None:
        def changed(data: bytes) -> bytes:
            value = cbor_decode(data.rstrip(b"\0"))
            change(value)
            encoded = cbor_encode(value)
            return encoded.ljust(padme(len(encoded)), b"\0")

        evidence(name, "case.evidence", "opening.cbor", changed, *claims)

    def other_title(value: Any) -> None:
        value["cover"][0][1] = "Price for 2028"

    def other_host(value: Any) -> None:
        value["cover"][1][1] = "counsel-3"

    def less(value: Any) -> None:
        del value["cover"][2]

    def another_order(value: Any) -> None:
        value["cover"][1:] = reversed(value["cover"][1:])

    def other_depositor(value: Any) -> None:
        value["depositor"] = bytes(32)

    def not_split(value: Any) -> None:
        value["documents"][0]["unsplit"] = "it is too large"

    def labelled(value: Any) -> None:
        value["index"][0]["parts"][0][3] = "Confirmation"

    def field_twice(value: Any) -> None:
        value["cover"].append(value["cover"][1])

    def title_later(value: Any) -> None:
        value["cover"].reverse()

    whole("cover-another-title", other_title, rp.CONTENT)
    whole("cover-another-host", other_host, rp.CONTENT)
    whole("cover-a-field-less", less, rp.CONTENT)
    whole("cover-another-order", another_order, rp.CONTENT)
    whole("content-of-another-depositor", other_depositor, rp.CONTENT)
    whole("content-another-reason-not-to-split", not_split, rp.CONTENT)
    whole("malformed-label-in-an-opening", labelled)
    whole("malformed-cover-field-twice", field_twice)
    whole("malformed-cover-without-title-first", title_later)

    def cover(name: str, change: Callable[[Any], None], *claims: str) -> None:
        def changed(data: bytes) -> bytes:
            value = cbor_decode(data)
            change(value["cover"])
            return cbor_encode(value)

        evidence(name, "cover.evidence", "opening.cbor", changed, *claims)

    def other_value(value: Any) -> None:
        value[2][0][2] = cbor_encode(["title", "Price for 2028"])

    def elsewhere(value: Any) -> None:
        value[2][0][0] = value[2][0][0] % value[0] + 1

    def as_metadata(value: Any) -> None:
        value[2][0][2] = cbor_encode(["size", 7])

    def not_a_power_of_two(value: Any) -> None:
        value[0] = 72

    cover("cover-in-part-another-title", other_value, rp.CONTENT)
    cover("cover-in-part-another-place", elsewhere, rp.CONTENT)
    cover("malformed-cover-in-part-metadata", as_metadata)
    cover("malformed-cover-in-part-padded-otherwise", not_a_power_of_two)

    opening("part-at-another-position", other_place, rp.CONTENT)
    opening(
        "part-of-another-document", other_document, rp.CONTENT, renamed=("parts/1/", "parts/2/")
    )
    opening("part-of-fewer", fewer_parts, rp.CONTENT)
    opening("part-with-a-short-proof", shorter_proof, rp.CONTENT)
    opening("malformed-part-beyond-the-last", beyond_the_last)

    evidence(
        "content-in-an-empty-document",
        "empty.evidence",
        "_aux.txt",
        lambda _: b"The price is 14.50.",
        rp.CONTENT,
    )

    for name, member in {
        "device-name": "aux.txt",
        "device-name-in-capitals": "_AUX.TXT",
        "dot-at-the-end": "_aux.txt.",
        "space-at-the-end": "_aux.txt ",
        "folder-in-it": "annex/aux.txt",
    }.items():
        evidence(
            f"malformed-member-{name}",
            "empty.evidence",
            letter,
            bytes,
            renamed=("_aux.txt", member),
        )

    def stated(document: int, leaf: int, field: str, field_value: Any) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            opened = value["opened"][0]
            opened[0] = document
            opened[3][2] = [[leaf, bytes(32), cbor_encode([field, field_value])]]

        return change

    def documents_padded(value: Any) -> None:
        value["padded"] = 9

    def leaves_padded(value: Any) -> None:
        value["opened"][0][1][0] = 33

    def metadata_padded(value: Any) -> None:
        value["opened"][0][3][0] = 9

    def metadata_counted(value: Any) -> None:
        value["opened"][0][3][1] = [bytes(32), 6, "fields", 1]

    def other_splitter(value: Any) -> None:
        value["opened"][0][1][1] = [bytes(32), 3, "text", 1]

    def parts_of_none(value: Any) -> None:
        value["opened"][0][2][1][2] = "fixed"

    opening("malformed-part-documents-padded-to-9", documents_padded)
    opening("malformed-part-leaves-padded-to-33", leaves_padded)
    opening("malformed-part-metadata-padded-to-9", metadata_padded)
    opening("malformed-part-metadata-counted", metadata_counted)
    opening("malformed-part-of-two-splitters", other_splitter)
    opening("malformed-part-of-a-document-without-parts", parts_of_none)
    opening("malformed-part-page-9-of-2", stated(1, 7, "rendition", [1, "page", 9, 2, []]))
    opening("malformed-part-rendition-in-front", stated(0, 7, "rendition", [1, "page", 1, 2, []]))
    opening(
        "malformed-part-remark-in-a-sentence",
        stated(1, 7, "rendition", [1, "text", 1, 1, [["Nothing is left out", 1, [], 0, None]]]),
    )
    opening("malformed-part-size-below-its-leaves", stated(0, 2, "size", 56))

    def whole(name: str, change: Callable[[Any], None], *claims: str) -> None:
        def changed(data: bytes) -> bytes:
            value = cbor_decode(data.rstrip(b"\0"))
            change(value)
            encoded = cbor_encode(value)
            return encoded.ljust(padme(len(encoded)), b"\0")

        evidence(name, "case.evidence", "opening.cbor", changed, *claims)

    def rendition(document: int, *made: Any) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            value["documents"][document]["rendition"] = [*made, bytes(32)]

        return change

    def another_depositor(value: Any) -> None:
        value["depositor"] = bytes(32)

    def needless_cuts(value: Any) -> None:
        value["index"][1]["cuts"] = value["documents"][1]["size"].to_bytes(2, "big")

    def parts_reversed(value: Any) -> None:
        value["index"][0]["parts"].reverse()

    whole("content-of-another-depositor", another_depositor, rp.CONTENT)
    whole("malformed-whole-page-9-of-2", rendition(1, 1, "page", 9, 2, []))
    whole("malformed-whole-rendition-in-front", rendition(0, 1, "page", 1, 2, []))
    whole(
        "malformed-whole-remark-of-none",
        rendition(1, 1, "text", 1, 1, [["struck", 0, [], 0, None]]),
    )
    whole("malformed-whole-cuts-of-a-fixed-splitter", needless_cuts)
    whole("malformed-whole-parts-out-of-order", parts_reversed)

    def trust(name: str, old: bytes, new: bytes) -> None:
        add(f"malformed-{name}.trust", files["notary.trust"].replace(old, new))

    root, end_entity = (_pem(files[name]) for name in ("seal-root.der", "seal.der"))
    trust("end-entity-as-authority", root, end_entity)
    trust("seal-without-subject", b'subject = "CN=Example seal"\n', b"")
    trust("dotted-key", b"issuer =", b"issuer.name =")

    for name, data in refused_forms(files).items():
        add(name, data)
    made["refused/refused.json"] = json.dumps(expected, indent=1).encode() + b"\n"
    return made


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def _root(receipt: Receipt) -> bytes:
    root: bytes = parse_statement(receipt.statement).payload["manifest"]["root"]
    return root
