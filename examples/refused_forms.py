"""More files that a verifier must refuse: what the CDDL allows and the text of formats.md does not.

Each is malformed: a good file with the one defect that its name tells.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ledger.chain.note import ED25519, VerifierKey, format_vkey, parse_vkey
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.evidence.plain_zip import Reader, Writer

Files = dict[str, bytes]


def refused_forms(files: Files) -> Files:
    """Return the files by name."""
    return {
        **dict(_trust_files(files["notary.trust"])),
        **dict(_receipts(files["deposit-1.receipt"])),
        **dict(_archives(files["empty.evidence"])),
        **dict(_openings(files["case.evidence"])),
    }


def _trust_files(good: bytes) -> Iterator[tuple[str, bytes]]:
    def changed(name: str, old: str, new: str) -> tuple[str, bytes]:
        assert old.encode() in good, old
        return f"malformed-trust-{name}.trust", good.replace(old.encode(), new.encode())

    log = next(line for line in good.decode().splitlines() if line.startswith("log "))
    key = parse_vkey(log.split()[1])
    other = format_vkey(VerifierKey("notary.example/other", key.algorithm, key.public))
    wrong_id = format_vkey(key).replace(key.key_id.hex(), "00000000")
    own = format_vkey(VerifierKey("witness.example", 4, key.public))
    stranger = format_vkey(VerifierKey("witness.example", 4, bytes(31) + b"\1"))
    second = format_vkey(VerifierKey(key.name, ED25519, bytes(31) + b"\1"))
    required = "required = [\n"
    start = good.index(b"-----BEGIN"), good.index(b"-----END CERTIFICATE-----\n") + 26
    pem = good[slice(*start)].decode()
    yield changed("of-another-version", "sealbook-trust-v2", "sealbook-trust-v1")
    yield changed("with-a-further-key", "issuer =", 'note = ""\nissuer =')
    yield changed("date-without-offset", "+00:00", "")
    yield changed("requires-what-no-proof-shows", required, required + '    "identity",\n')
    yield changed("requires-a-claim-twice", required, required + '    "seal",\n')
    yield changed("log-of-another-name", log.split()[1], other)
    yield changed("key-id-not-of-its-key", log.split()[1], wrong_id)
    yield changed("without-log", log + "\n", "")
    yield changed("log-twice", log, f"{log}\n{log}")
    yield changed("key-of-the-log-as-witness", log, f"{log}\nwitness w {own}")
    yield changed("own-witness-with-ed25519", log, f"{log}\nwitness w {second}")
    yield changed("quorum-none", "quorum signed", "quorum none")
    yield changed("quorum-of-others-alone", "quorum signed", f"witness w {stranger}\nquorum w")
    yield changed("quorum-not-defined", "quorum signed", "quorum other")
    yield changed("quorum-twice", "quorum signed", "quorum signed\nquorum signed")
    yield changed("group-of-none", "group signed all", "group signed 0")
    yield changed("group-over-its-members", "group signed all", "group signed 2")
    yield changed("member-twice", "group signed all ml", "group signed any ml-dsa-44 ml")
    yield changed("name-twice", "group signed", "group ml-dsa-44")
    yield changed("policy-line-not-known", log, f"{log}\nowner w")
    yield changed("two-certificates-as-authority", pem, pem + pem)
    yield changed("empty-subject", "CN=Example seal", "")


def _receipts(good: bytes) -> Iterator[tuple[str, bytes]]:
    protected, header, payload, signature = cbor_decode(good[1:])
    proof = header["sealbook"]["proof"]
    head, note = proof.split("\n\n", 1)
    text, lines = note.split("\n\n")
    first = lines.split("\n")[0]

    def made(name: str, proof: str = proof, payload: bytes = payload) -> tuple[str, bytes]:
        ours = {**header["sealbook"], "proof": proof}
        value = [protected, {**header, "sealbook": ours}, payload, signature]
        return f"malformed-{name}.receipt", b"\xd2" + cbor_encode(value)

    def deposit(name: str, change: Callable[[Any], None]) -> tuple[str, bytes]:
        value = cbor_decode(payload)
        change(value)
        return made(f"deposit-{name}", payload=cbor_encode(value))

    yield made("line-ends-of-windows", proof.replace("\n", "\r\n"))
    yield made("proof-of-another-version", proof.replace("@v1", "@v2"))
    yield made("proof-index-with-a-zero", proof.replace("index 5", "index 05"))
    more = f"\n{text[-44:]}" * (64 - head.count("\n") + 1)
    yield made("proof-with-64-hashes", f"{head}{more}\n\n{note}")
    yield made("checkpoint-with-an-extension", f"{head}\n\n{text}\nmore\n\n{lines}")
    yield made("checkpoint-root-without-padding", f"{head}\n\n{text.rstrip('=')}\n\n{lines}")
    yield made("note-without-signatures", f"{head}\n\n{text}\n\n")
    yield made("note-without-its-last-line-end", proof[:-1])
    yield made("note-with-a-tab", f"{head}\n\n{text}\n\n{first}\t\n{lines}")
    yield made("note-with-65-signatures", f"{head}\n\n{text}\n\n" + f"{first}\n" * 65)
    yield made("note-signed-with-four-bytes", f"{head}\n\n{text}\n\n— w AAAAAA==\n{lines}")

    def first_with_previous(value: Any) -> None:
        value["matter"]["previous"] = bytes(32)

    def second_without_previous(value: Any) -> None:
        value["matter"]["number"] = 2

    def another_commitment(value: Any) -> None:
        value["commitment"]["sha-256"] = bytes(32)

    yield deposit("first-of-a-matter-with-previous", first_with_previous)
    yield deposit("second-of-a-matter-without-previous", second_without_previous)
    yield deposit("subject-not-its-commitment", another_commitment)


def _archives(good: bytes) -> Iterator[tuple[str, bytes]]:
    """ZIPs that say the same to most tools."""
    members = {
        name: ZipFile(BytesIO(good)).read(name) for name in ZipFile(BytesIO(good)).namelist()
    }

    def zipped(
        name: str, change: Callable[[ZipInfo], None], comment: bytes = b""
    ) -> tuple[str, bytes]:
        out = BytesIO()
        with ZipFile(out, "w") as archive:
            for member, data in members.items():
                info = ZipInfo(member)
                info.external_attr = 0o644 << 16
                change(info)
                archive.writestr(info, data, info.compress_type)
            archive.comment = comment
        return f"malformed-zip-{name}.evidence", out.getvalue()

    def nothing(_: ZipInfo) -> None:
        pass

    def typed(info: ZipInfo) -> None:
        info.external_attr = 0o100644 << 16

    def of_windows(info: ZipInfo) -> None:
        info.create_system = 0

    def dated(info: ZipInfo) -> None:
        info.date_time = (2026, 11, 23, 9, 0, 0)

    def packed(info: ZipInfo) -> None:
        info.compress_type = ZIP_DEFLATED

    def noted(info: ZipInfo) -> None:
        info.comment = b"a note"

    def further(info: ZipInfo) -> None:
        info.extra = b"\x99\x99\0\0"

    assert zipped("", nothing)[1] == good
    yield zipped("file-type-in-the-attributes", typed)
    yield zipped("made-on-windows", of_windows)
    yield zipped("dated", dated)
    yield zipped("compressed", packed)
    yield zipped("comment-on-a-member", noted)
    yield zipped("extra-field", further)
    yield zipped("comment", nothing, b"a note")
    yield "malformed-zip-bytes-in-front.evidence", b"\0" + good
    yield "malformed-zip-bytes-behind.evidence", good + b"\0"

    def written(name: str, members: dict[str, bytes]) -> tuple[str, bytes]:
        out = BytesIO()
        writer = Writer(out)
        for member, data in members.items():
            writer.add(member, len(data), [data])
        writer.finish()
        return f"malformed-{name}.evidence", out.getvalue()

    (howto, receipt, opening, content) = members
    text = members[howto]
    yield written("howto-of-the-party", {**members, howto: text + b"Trust me.\n"})
    yield written(
        "howto-with-line-ends-of-windows", {**members, howto: text.replace(b"\n", b"\r\n")}
    )
    yield written("without-howto", {name: members[name] for name in (receipt, opening, content)})
    yield written("opening-in-front", {name: members[name] for name in (howto, opening, receipt)})
    yield written("further-member", {**members, "1/note.txt": b""})
    yield written("folder-as-member", {howto: text, "1/": b"", **members})
    numbered = {name.replace("1/", "01/", 1): data for name, data in members.items()}
    yield written("deposit-01", numbered)


def _openings(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Whole openings that say what no deposit can."""
    reader = Reader(BytesIO(good))

    def opening(
        name: str, change: Callable[[Any], None], pad: Callable[[int], int] = padme
    ) -> tuple[str, bytes]:
        out = BytesIO()
        writer = Writer(out)
        for member in reader.members:
            data = reader.read(member, 0, member.size)
            if member.name.endswith("opening.cbor"):
                value = cbor_decode(data.rstrip(b"\0"))
                change(value)
                encoded = cbor_encode(value)
                data = encoded.ljust(pad(len(encoded)), b"\0")
            writer.add(member.name, len(data), [data])
        writer.finish()
        return f"malformed-whole-{name}.evidence", out.getvalue()

    def named(name: str) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            value["documents"][0]["name"] = name

        return change

    def field(name: str, value_: Any) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            value["documents"][0][name] = value_

        return change

    def part(at: int, value_: Any) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            value["index"][0]["parts"][0][at] = value_

        return change

    def cuts(data: bytes | None) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            value["index"][0]["cuts"] = data

        return change

    def fewer(value: Any) -> None:
        value["index"].pop()

    def hashes(value: Any) -> None:
        value["index"][0]["hashes"] = bytes(96)

    for what, name in {
        "parent-folder": "../letter.txt",
        "absolute": "/letter.txt",
        "folder-without-a-name": "a//letter.txt",
        "control-character": "letter\n.txt",
        "empty": "",
        "of-1025-bytes": "x" * 1025,
        "of-another-document": "annex/prices.csv",
    }.items():
        yield opening(f"name-{what}", named(name))
    yield opening("not-padded", lambda _: None, lambda size: size)
    yield opening("with-an-offset", field("offset", 0))
    yield opening("leaves-miscounted", field("leaves", 2))
    yield opening("parts-miscounted", field("parts", 2))
    yield opening("size-not-of-its-cuts", field("size", 155))
    yield opening("splitter-version-0", field("splitter", ["paragraphs", 0]))
    yield opening("cuts-of-an-odd-length", cuts(bytes(5)))
    yield opening("cuts-missing", cuts(None))
    yield opening("part-beyond-the-end", part(2, 4))
    yield opening("part-from-leaf-0", part(1, 0))
    yield opening("part-of-nothing", part(2, 0))
    yield opening("part-without-a-path", part(0, ""))
    yield opening("hashes-in-an-opening", hashes)
    yield opening("index-of-fewer-documents", fewer)
