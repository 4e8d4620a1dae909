"""Inputs that are as dear as their size allows, for every parser that a stranger's bytes reach.

The splitters' are in tests/splitters/test_hostile.py, the renderers' in
tests/renditions/test_hostile.py.
"""

import datetime
import io
import struct
import tarfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ledger.chain.certificate import SealAnchor, certified_key
from ledger.chain.enrolment import parse_endorsed, parse_record
from ledger.chain.note import parse_note, parse_vkey
from ledger.chain.policy import parse_policy
from ledger.chain.proof import parse_proof
from ledger.chain.receipt import parse_receipt
from ledger.chain.seal import parse_cose_receipt
from ledger.chain.statement import parse_statement
from ledger.chain.tiles import parse_bundle
from ledger.chain.trust import parse_trust
from ledger.company.access.recovery import find_printed, find_secret
from ledger.company.capture.config import parse_config
from ledger.company.mail.dkim import Found, check_signatures
from ledger.company.mail.sources import MailPolicy
from ledger.company.sealing.sources import MemorySource
from ledger.company.splitters.cutting import Unsplit, Window
from ledger.company.splitters.headers import decoded, title
from ledger.company.splitters.headers import parse_mail_header as parse_mail
from ledger.company.splitters.mailbox import find_messages
from ledger.court.shown import path_meaning
from ledger.crypto.armor import BEGIN, END, parse_armor
from ledger.crypto.bech32 import parse_bech32
from ledger.crypto.envelope import parse_header
from ledger.crypto.padding import padme
from ledger.crypto.recipients import parse_identity_file
from ledger.encoding import b64encode, cbor_decode, parse_toml
from ledger.errors import SealbookError
from ledger.evidence.index import parse_index
from ledger.evidence.manifest import parse_manifest
from ledger.evidence.partial import parse_partial
from ledger.evidence.plain_zip import Reader, Writer
from ledger.reading.body import entities, texts
from ledger.reading.charsets import decode
from ledger.reading.header import MAX_VALUE, parameters, read_value
from ledger.reading.html import to_text
from ledger.reading.members import NotUnpacked, unpack
from ledger.recognised import retold
from ledger.wire.deadlines import Deadline
from ledger.wire.signatures import BARE, Message, verify_request
from ledger.wire.transport import problem
from tests.simulator import NOW, Office

OFFICE = Office()
TRUST = OFFICE.trust()


@dataclass(frozen=True)
class Case:
    """A parser, and what it is fed: `make(n)` has about n bytes. `size` is a size worth measuring."""

    name: str
    parse: Callable[[Any], object]
    make: Callable[[int], Any]
    size: int = 1 << 15

    def run(self, data: Any) -> None:
        """Parse what may be refused: by an error of ours, or as a document that stays whole."""
        with suppress(SealbookError, Unsplit):
            self.parse(data)


HEAD = b"Content-Type: multipart/mixed; boundary=b\n"


def member(data: bytes) -> None:
    with suppress(NotUnpacked):
        unpack(data, len(data))


def many(unit: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    return head + unit * max(1, (size - len(head) - len(tail)) // len(unit)) + tail


def text(unit: str, size: int, head: str = "", tail: str = "") -> str:
    return many(unit.encode(), size, head.encode(), tail.encode()).decode()


def array(size: int, item: bytes) -> bytes:
    """A CBOR array of equal items."""
    count = size // len(item)
    return b"\x9a" + struct.pack(">I", count) + item * count


def mapping(size: int, step: int = 1) -> bytes:
    """A CBOR map from integers that lie `step` apart."""
    count = size // 10
    pairs = (b"\x1b" + struct.pack(">Q", (1 << 33) + each * step) + b"\0" for each in range(count))
    return b"\xba" + struct.pack(">I", count) + b"".join(pairs)


def padded(data: bytes) -> bytes:
    return data.ljust(padme(len(data)), b"\0")


def big_cbor(data: bytes) -> Any:
    return cbor_decode(data, 1 << 24)


def sign1(payload: bytes) -> bytes:
    return b"\xd2\x84\x40\xa0\x5a" + struct.pack(">I", len(payload)) + payload + b"\x40"


def certificate(size: int, kind: str) -> bytes:
    """A certificate with very many names, extensions or purposes, by the authority's own key."""
    common = x509.NameAttribute(NameOID.COMMON_NAME, "root")
    oids = [x509.ObjectIdentifier(f"1.3.6.1.4.1.32473.{each}") for each in range(size // 16)]
    subject = [common, *(x509.NameAttribute(oid, "a") for oid in oids if kind == "names")]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name([common]))
        .public_key(OFFICE.seal.public)
        .serial_number(9)
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2056, 1, 1))
        .add_extension(x509.BasicConstraints(False, None), critical=True)
    )
    if kind == "alternative names":
        names = [x509.DNSName(f"a{each}.example") for each in range(size // 16)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if kind == "purposes":
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    if kind == "extensions":
        for oid in oids:
            unknown = x509.UnrecognizedExtension(oid, b"\5\0")
            builder = builder.add_extension(unknown, critical=False)
    return builder.sign(OFFICE.seal_root, hashes.SHA256()).public_bytes(Encoding.DER)


def certified(der: bytes) -> object:
    try:
        subject = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except (ValueError, x509.InvalidVersion):
        subject = "CN=what cannot be read is refused"
    certified_key.cache_clear()
    return certified_key(der, (SealAnchor(subject, OFFICE.root_der),), NOW)


def archived(size: int) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    for number in range(size // 100):
        writer.add(f"{number}", 0, [])
    writer.finish()
    return out.getvalue()


def mbox(data: bytes) -> object:
    return list(find_messages(Window(MemorySource(data))))


class NoRecords:
    def text(self, name: str, patience: float) -> Found:
        return Found(None, "192.0.2.53 port 53", 0.0)


def signatures(data: bytes) -> object:
    return check_signatures(data, NoRecords())


def request(headers: dict[str, str]) -> object:
    headers = {"sealbook-ledger": '"notary.example/ledger"', **headers}
    message = Message("GET", "/deposits", headers)
    return verify_request(message, "notary.example/ledger", lambda _: None, covered=BARE, now=NOW)


def signed_input(value: str) -> object:
    return request({"signature-input": value, "signature": "sealbook=:AAAA:"})


def signature(value: str) -> object:
    covered = 'sealbook=("@method");created=1;tag="sealbook";keyid="a";alg="ed25519"'
    return request({"signature-input": covered, "signature": value})


def mail(data: bytes) -> object:
    header = parse_mail(data)
    return title(header), decoded(header.sender), MailPolicy().rule_for(decoded(header.sender))


def answer(data: bytes) -> object:
    return problem(httpx2.Response(500, stream=httpx2.ByteStream(data)), Deadline(60))


POLICY = "log notary.example/ledger+f88e2148+ASTYvZ3mgSyaaJWZ9QvmcfPhBNVLyLAYanFBS+KRLhdZ\n"
NOTE = "notary.example/ledger\n1\n" + b64encode(bytes(32)) + "\n\n"
NOTE_LINE = "— a " + b64encode(bytes(68)) + "\n"
AGE = b"age-encryption.org/v1\n"
ACCOUNT = " of the matter is of another account: , not "
FROM = b"From a Mon Jan  1 00:00:00 2026\n"


def in_chinese(reason: str) -> tuple[object, ...]:
    return retold(reason, "zh")


CASES = [
    *(
        Case(f"CBOR, {name}", big_cbor, make, 1 << 16)
        for name, make in {
            "arrays inside arrays": lambda n: b"\x81" * n + b"\0",
            "items": lambda n: array(n, b"\0"),
            "empty arrays": lambda n: array(n, b"\x80"),
            "empty maps": lambda n: array(n, b"\xa0"),
            "map": lambda n: mapping(n),
            "map whose keys collide": lambda n: mapping(n, 1 << 40),
            "big integers": lambda n: array(n, b"\xc2\x49" + b"\xff" * 9),
            "one big integer": lambda n: b"\xc2\x5a" + struct.pack(">I", n) + b"\xff" * n,
            "indefinite": lambda n: b"\x9f" * n,
            "indefinite text": lambda n: b"\x7f" + b"\x61a" * (n // 2),
            "floats": lambda n: array(n, b"\xf9\x7e\x00"),
            "text": lambda n: b"\x7a" + struct.pack(">I", n) + b"a" * n,
            "length that is not there": lambda n: array(n, b"\x9a\xff\xff\xff\xff"),
        }.items()
    ),
    Case("CBOR, items over the limit", cbor_decode, lambda n: array(n, b"\x80"), 1 << 16),
    Case("statement", parse_statement, lambda n: sign1(array(n, b"\x80"))),
    Case("endorsed request", parse_endorsed, lambda n: sign1(sign1(array(n, b"\x80")))),
    Case("identity record", parse_record, lambda n: mapping(n)),
    Case("receipt", parse_receipt, lambda n: b"\xd2\x84\x40" + array(n, b"\x80") + b"\xf6\x40"),
    Case("COSE Receipt", parse_cose_receipt, lambda n: sign1(array(n, b"\x80"))),
    Case("manifest", parse_manifest, lambda n: padded(array(n, b"\x80")), 1 << 16),
    Case("index", lambda data: parse_index(data, ()), lambda n: array(n, b"\x82\xf6\x80"), 1 << 16),
    Case("partial opening", parse_partial, lambda n: array(n, b"\x80"), 1 << 16),
    Case("bundle", parse_bundle, lambda n: b"\0\1a" * (n // 3)),
    Case("note, text", parse_note, lambda n: text("a\n", n, NOTE[:22])),
    Case("note, empty lines", parse_note, lambda n: text("\n", n)),
    Case("note, signatures", parse_note, lambda n: text(NOTE_LINE, n, NOTE)),
    Case("note, one long name", parse_note, lambda n: NOTE + "— " + "a" * n + " AAAA\n"),
    Case("proof", parse_proof, lambda n: text("A\n", n, "c2sp.org/tlog-proof@v1\nindex 1\n")),
    Case("verifier key", parse_vkey, lambda n: text("a+", n)),
    Case("policy, comments", parse_policy, lambda n: text("#\n", n)),
    Case("policy, spaces", parse_policy, lambda n: text(" \t", n, "log", "\n")),
    Case("policy, words", parse_policy, lambda n: text("a ", n, "group ", "\n")),
    Case("policy, logs", parse_policy, lambda n: text(POLICY, n)),
    Case("trust file, tables", parse_trust, lambda n: many(b"[[seal]]\n", n)),
    Case("configuration", parse_config, lambda n: many(b"[[watch]]\nfolder='/a'\n", n)),
    *(
        Case(f"TOML, {name}", parse_toml, make)
        for name, make in {
            "dotted key": lambda n: many(b"a.", n, b"", b"a=1"),
            "quoted dotted key": lambda n: many(b'"a" . ', n, b"", b"a=1"),
            "dotted table": lambda n: many(b"a.", n, b"[", b"a]"),
            "dotted in an inline table": lambda n: many(b"a.", n, b'x={k="""a"""",', b"a=1}"),
            "tables": lambda n: b"".join(b"[a%d.b.c.d.e.f.g]\n" % each for each in range(n // 24)),
            "arrays inside arrays": lambda n: many(b"[", n, b"a="),
            "inline tables": lambda n: many(b"{a=", n, b"a="),
            "array": lambda n: many(b"1,", n, b"a=[", b"]"),
            "long number": lambda n: many(b"1", n, b"a="),
            "long hexadecimal": lambda n: many(b"f", n, b"a=0x"),
            "strings without end": lambda n: many(b'a="""', n),
            "quotation marks": lambda n: many(b'"', n, b"a="),
            "escapes": lambda n: many(b"\\n", n, b'a="', b'"'),
            "folded lines": lambda n: many(b"\\\n", n, b'a="""', b'"""'),
            "comments": lambda n: many(b"#\n", n),
        }.items()
    ),
    *(
        Case(f"certificate, {kind}", certified, partial(certificate, kind=kind), 1 << 13)
        for kind in ("names", "alternative names", "purposes", "extensions")
    ),
    Case("age header, stanzas", parse_header, lambda n: many(b"-> a\n\n", n, AGE)),
    Case("age header, arguments", parse_header, lambda n: many(b" a", n, AGE + b"->", b"\n\n")),
    Case("age header, body", parse_header, lambda n: many(b"A" * 64 + b"\n", n, AGE + b"-> a\n")),
    Case("age header, no line end", parse_header, lambda n: many(b"-", n, AGE)),
    Case("armor", parse_armor, lambda n: many(b"A" * 64 + b"\n", n, BEGIN + b"\n", END)),
    Case("armor, blanks", parse_armor, lambda n: many(b" \r\n", n)),
    Case("bech32", parse_bech32, lambda n: text("q", n, "age1")),
    Case("identity file", parse_identity_file, lambda n: text("#\n", n)),
    Case("identity file, secrets", parse_identity_file, lambda n: text("AGE-SECRET-KEY-1A\n", n)),
    *(
        Case(f"recovery sheet, {name}", find_printed, make)
        for name, make in {
            "blank lines": lambda n: text("\n", n, "Notary"),
            "blank lines before an account": lambda n: text("\n", n, "Account"),
            "blank lines after a fingerprint": lambda n: text(
                "\n", n, "Fingerprint of the trust file"
            ),
            "words": lambda n: text("Notary\n", n),
            "digits": lambda n: text("a ", n, "Account\n"),
        }.items()
    ),
    Case("recovery sheet, secrets", find_secret, lambda n: text("AGE-SECRET-KEY-PQ-1", n)),
    *(
        Case(f"Signature-Input, {name}", signed_input, make, 1 << 13)
        for name, make in {
            "labels": lambda n: ",".join(f"a{each}=()" for each in range(n // 8)),
            "components": lambda n: text('"a" ', n, "sealbook=(", ")"),
            "parameters": lambda n: (
                "sealbook=()" + "".join(f";a{each}=1" for each in range(n // 6))
            ),
            "blanks": lambda n: text(" ", n, "sealbook=(", ")"),
            "digits": lambda n: text("1", n, "sealbook=();a="),
            "escapes": lambda n: text('\\"', n, 'sealbook=();a="', '"'),
            "components of the message": lambda n: text('"@method" ', n, "sealbook=(", ")")
            + ';created=1790000000;tag="sealbook";keyid="a";alg="ed25519"',
        }.items()
    ),
    Case("Signature, base64", signature, lambda n: text("A", n, "sealbook=:", ":"), 1 << 13),
    Case("Signature, no end", signature, lambda n: text("sealbook=:", n), 1 << 13),
    *(
        Case(f"mail header, {name}", mail, make)
        for name, make in {
            "folded lines": lambda n: many(b"\n a", n, b"Subject:"),
            "fields": lambda n: many(b"a:\n", n),
            "encoded words": lambda n: many(b"=?utf-8?q?a?= ", n, b"Subject: "),
            "beginnings of words": lambda n: many(b"=?", n, b"Subject: "),
            "blanks": lambda n: many(b" ", n, b"Subject: ", b"x"),
            "comments of an address": lambda n: many(b"(", n, b"From: "),
            "quotes of an address": lambda n: many(b'"', n, b"From: "),
            "routes of an address": lambda n: many(b"<@", n, b"From: "),
            "addresses": lambda n: many(b"a@b,", n, b"From: "),
            "groups": lambda n: many(b"a:", n, b"From: "),
            "name without a colon": lambda n: many(b"a", n),
        }.items()
    ),
    *(
        Case(f"DKIM, {name}", signatures, make, 1 << 13)
        for name, make in {
            "tags": lambda n: many(b"a=b;", n, b"DKIM-Signature: ", b"\n\nx"),
            "signed fields": lambda n: many(
                b"a:", n, b"DKIM-Signature: v=1;a=rsa-sha256;d=a.example;s=b;bh=AAAA;b=AAAA;h=",
                b"from\nFrom: a\n\nx",
            ),
            "folded lines": lambda n: many(b"\n a", n, b"DKIM-Signature: ", b"\n\nx"),
            "blanks": lambda n: many(b" ", n, b"DKIM-Signature: a=\n\n", b"x"),
            "fields": lambda n: many(b"DKIM-Signature: v=1;\n", n, b"", b"\nx"),
            "sets": lambda n: many(b"ARC-Seal: i=1; a=b\n", n, b"", b"\nx"),
        }.items()
    ),
    Case("mailbox, separators", mbox, lambda n: many(b"\n" + FROM, n, FROM)),
    Case("mailbox, almost separators", mbox, lambda n: many(b"From \n", n, FROM)),
    Case("mailbox, one line", mbox, lambda n: many(b"a", n, FROM)),
    Case("evidence file, members", lambda data: Reader(io.BytesIO(data)), archived),
    Case("evidence file, no directory", lambda data: Reader(io.BytesIO(data)),
         lambda n: archived(n).partition(b"PK\1\2")[0]),
    Case("answer, arrays", answer, lambda n: many(b"[", n)),
    Case("answer, digits", answer, lambda n: many(b"1", n)),
    Case("answer, detail", answer, lambda n: many(b"\\u0000", n, b'{"detail":"', b'"}')),
    Case("content that looks encoded", lambda data: list(texts(None, data)), lambda n: many(b"=3D", n)),
    Case("content that looks like base64", lambda data: list(texts(None, data)), lambda n: b"A" * n),
    *(
        Case(f"charset, {name}", decode, partial(many, unit))
        for name, unit in {
            "escapes": b"\x1b$B", "shifts": b"\x0e\x0f\x1b$)A", "plus": b"+AAAAAA", "zeros": b"a\0",
            "gb": "报".encode("gbk"), "big5": "協".encode("big5"), "high": b"\xff", "bad": b"\x81 ",
        }.items()
    ),
    *(
        Case(f"field of mail, {name}", read, partial(many, unit), MAX_VALUE // 4)
        for name, unit in {
            "words": b"=?a?q?b?= ", "openings": b"=?a", "questions": b"?", "folds": b"\n ",
            "semicolons": b";a*1*=b", "quotes": b';a="', "escapes": b'\\"', "equals": b";=",
            "blanks": b" ",
        }.items()
        for read in (read_value, parameters)
    ),
    *(
        Case(f"html, {name}", to_text, partial(text, unit))
        for name, unit in {
            "openings": "<", "tags": "<p", "comments": "<!--", "scripts": "<script>", "ends": "</td",
            "entities": "&#", "spaces": " ", "lines": "\n ",
        }.items()
    ),
    *(
        Case(f"body, {name}", lambda data: list(entities(data, HEAD)), partial(many, unit))
        for name, unit in {
            "boundaries": b"--b\n", "almost boundaries": b"--b", "nested": b"--b\n" + HEAD + b"\n",
            "messages": b"--b\nContent-Type: message/rfc822\n\n",
        }.items()
    ),
    Case("member of a zip", member, lambda n: many(b"PK\3\4", n)),
    Case("member of a tar", member, lambda n: tarfile.TarInfo("x" * 300).tobuf() * (n // 1536 or 1)),
    Case("reason", in_chinese, lambda n: text(" bytes; ", n, "a has "), 900),
    Case("reason with many words of ours", in_chinese, lambda n: text(ACCOUNT, n, "Number "), 900),
    Case("path of a part", path_meaning, lambda n: text("member 1 of 2: /", n)),
]  # fmt: skip
"""Cost is at most linear in the size for each: tests/hostile/test_costs.py."""
