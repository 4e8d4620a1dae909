"""What the page shows of evidence files, sealed ones too, and those that are made to hurt."""

import json
import secrets
import struct
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.trust import format_trust
from ledger.crypto.envelope import encrypt_bytes
from ledger.crypto.recipients import HybridIdentity, Recipient, ScryptRecipient, X25519Identity
from ledger.encoding import cbor_encode
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from tests.disclosed import Shown, evidence, file, members_of, receipt_only, zipped

MAIL = (
    b"From: =?utf-8?B?5p2O?= <li@example.com>\r\nTo: Wang <w@example.com>\r\n"
    b"Subject: =?gb2312?B?usWjrA==?=\r\n"
    b"Date: Mon, 23 Nov 2026 09:00:00 +0800\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>Dear <b>Wang</b></p><script>x()</script>\r\n"
    b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n"
)


class Page:
    """The page's core in one Node, which is asked one file after the other, and a folder for these."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            ["node", "--max-old-space-size=512", str(program), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def asked(self, data: bytes, trust: bytes, **more: Any) -> dict[str, Any]:
        """What it answers to one case."""
        case = {"file": data, "trust": trust, **more}
        for name, value in case.items():
            if isinstance(value, bytes):
                (self._folder / name).write_bytes(value)
                case[name] = name
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(case).encode() + b"\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "crashed" not in found, found
        return found

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def page(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    made = Page(program, tmp_path_factory.mktemp("page"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def shown() -> Shown:
    pieces = [b"%d\n" % n * 700 for n in range(1, 7)]
    letters = file(
        "mail.mbox", [MAIL, *pieces], Part("message 1 of 2", 1, 1), Part("message 2 of 2", 2, 6)
    )
    return Shown([letters, file("note.txt", [b"a note"]), file("paper.pdf", [b"%PDF-", b"1"])])


@pytest.fixture(scope="module")
def trust(shown: Shown) -> bytes:
    return format_trust(shown.office.trust())


def test_a_part_is_read_after_it_was_verified_and_gaps_are_named(
    page: Page, shown: Shown, trust: bytes
) -> None:
    part = shown.disclosure(
        Selection(0, parts=(1,), ranges=((len(MAIL) + 2_800, 2_800),), fields=("name",)),
        Selection(2, whole=True, fields=("name",)),
    )
    found = page.asked(evidence(receipt_only(part), part), trust, shown=True)
    assert found["verdict"]["good"]
    nothing, (letters, paper) = found["shown"]
    assert nothing == []
    assert (letters["name"], letters["pieces"], letters["gaps"]) == (
        "mail.mbox",
        7,
        [[2, 3], [6, 7]],
    )
    message, run = letters["parts"]
    assert (message["path"], message["position"], message["total"], message["kind"]) == (
        "message 1 of 2",
        1,
        2,
        "mail",
    )
    assert (run["path"], run["first"], run["count"]) == (None, 4, 2)
    assert (paper["whole"], paper["parts"][0]["kind"], paper["gaps"]) == (True, "pdf", [])
    *contents, outside = found["contents"]
    assert outside == "nothing is shown there"
    data = shown.data(0)
    for content, expected in zip(
        contents, [MAIL, data[len(MAIL) + 2_800 :][:2_800], b"%PDF-1"], strict=True
    ):
        assert content["sha256"] == sha256(expected).hexdigest()
        assert content["behind"] == 0


def test_a_message_is_read_as_text_and_nothing_of_it_runs(
    page: Page, shown: Shown, trust: bytes
) -> None:
    found = page.asked(shown.evidence(Selection(0, parts=(1,))), trust, shown=True)
    mail = found["contents"][0]["mail"]
    assert mail["from"] == ["李 <li@example.com>"] and mail["to"] == ["Wang <w@example.com>"]
    assert mail["subject"] == "号，" and mail["date"] == "Mon, 23 Nov 2026 09:00:00 +0800"
    assert "Dear Wang" in mail["text"] and "<" not in mail["text"]
    assert mail["attachments"] == [{"name": "a.pdf", "type": "application/pdf", "size": 5}]


def test_nothing_is_shown_of_a_file_that_is_not_good(
    page: Page, shown: Shown, trust: bytes
) -> None:
    members = members_of(shown.evidence())
    name, data = members[-1]
    found = page.asked(zipped([*members[:-1], (name, b"0" + data[1:])]), trust, shown=True)
    assert not found["verdict"]["good"] and found["shown"] == []
    assert found["contents"] == ["nothing is shown there"]


CLASSICAL, HYBRID = X25519Identity(bytes(range(32))), HybridIdentity(bytes(range(32)))


def sealed(data: bytes, *recipients: Recipient) -> bytes:
    return encrypt_bytes(data, recipients, secrets.token_bytes)


@pytest.mark.parametrize("identity", [CLASSICAL, HYBRID], ids=["x25519", "hybrid"])
def test_sealed_evidence_is_opened_with_an_identity(
    page: Page, shown: Shown, trust: bytes, identity: X25519Identity | HybridIdentity
) -> None:
    data = shown.evidence()
    lines = f"# created\r\n\n{identity}\n".encode()
    found = page.asked(sealed(data, identity.recipient()), trust, identity=lines, shown=True)
    assert found["verdict"] == page.asked(data, trust)
    assert found["contents"][1]["sha256"] == sha256(b"a note").hexdigest()


def test_an_identity_under_a_passphrase_and_evidence_under_one(
    page: Page, shown: Shown, trust: bytes
) -> None:
    data = shown.evidence(Selection(1, whole=True))
    under = sealed(f"{HYBRID}\n".encode(), ScryptRecipient("geheim 密", 10))
    ours = sealed(data, HYBRID.recipient())
    assert page.asked(ours, trust, identity=under, passphrase="geheim 密")["good"]
    assert (
        page.asked(ours, trust, identity=under, passphrase="other")["refused"] == "wrong-passphrase"
    )
    by_word = sealed(data, ScryptRecipient("word", 10))
    assert page.asked(by_word, trust, passphrase="word")["good"]
    assert page.asked(by_word, trust, passphrase="other")["refused"] == "wrong-passphrase"
    assert page.asked(by_word, trust)["refused"] == "invalid-input"


def test_sealed_evidence_that_cannot_be_opened_is_refused_with_a_word(
    page: Page, shown: Shown, trust: bytes
) -> None:
    data = sealed(shown.evidence(), HYBRID.recipient())
    mine, other = f"{HYBRID}\n".encode(), f"{HybridIdentity(bytes(32))}\n".encode()
    assert page.asked(data, trust, identity=other)["refused"] == "no-matching-identity"
    assert page.asked(data, trust, identity=b"AGE-SECRET-KEY-1QQ\n")["refused"] == "malformed"
    assert page.asked(data, trust, identity=b"# none\n")["refused"] == "malformed"
    for broken in (data[:-1], data[:-20] + bytes(20), data + b"\0", data[:-3_000]):
        assert page.asked(broken, trust, identity=mine)["refused"] == "decryption-failed"
    mac = data.index(b"\n--- ") + 5
    forged = data[:mac] + (b"A" if data[mac : mac + 1] != b"A" else b"B") + data[mac + 1 :]
    assert page.asked(forged, trust, identity=mine)["refused"] == "decryption-failed"
    armored = b"-----BEGIN AGE ENCRYPTED FILE-----\n!\n-----END AGE ENCRYPTED FILE-----\n"
    assert page.asked(armored, trust, identity=mine)["refused"] == "malformed"


def _age(*lines: bytes) -> bytes:
    return b"\n".join([b"age-encryption.org/v1", *lines])


def _opening(shown: Shown, opening: bytes) -> bytes:
    members = members_of(shown.evidence())
    return zipped([*members[:2], ("1/opening.cbor", opening), *members[3:]])


def _items(first: bytes, count: int) -> bytes:
    return b"\xa1" + first + b"\x9a" + struct.pack(">I", count) + b"\x80" * count


HOSTILE = {
    "a header of age that never ends": lambda _: _age(b"-> X25519 " + b"A" * (4 << 20)),
    "a thousand stanzas": lambda _: _age(*[b"-> x y\n"] * 1000, b"--- AAAA\n"),
    "scrypt work of 2^60": lambda _: _age(
        b"-> scrypt " + b"A" * 22 + b" 60", b"A" * 43, b"--- " + b"A" * 43, b""
    ),
    "a ZIP whose member has 2^63 bytes": lambda _: b"PK\3\4" + struct.pack(
        "<5H3I2H", 45, 0, 0, 0, 0x21, 0, 2**32 - 1, 2**32 - 1, 9, 20
    ) + b"HOWTO.txt" + struct.pack("<2H2Q", 1, 16, 2**63, 2**63),
    "250,001 members": lambda _: zipped([("x", b"")]).partition(b"PK\1\2")[0] * 250_001,
    "an opening of four million items": lambda shown: _opening(shown, _items(b"\x65cover", 4 << 20)),
    "arrays in arrays": lambda shown: _opening(shown, b"\xa1\x65proof" + b"\x81" * (1 << 20) + b"\0"),
    "an opening over its limit": lambda shown: _opening(shown, bytes((32 << 20) + 1)),
    "a tree of 2^62 leaves": lambda shown: _opening(shown, cbor_encode({
        "opened": [[1, [b"s" * 32, "fixed", 1, 2**62, None], bytes(32), bytes(32)]], "padded": 8,
        "proof": bytes(96), "sealbook-opening": 2,
    })),
    "nothing": lambda _: b"",
    "two letters": lambda _: b"PK",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.soak if "million" in each else ()) for each in HOSTILE],
)
def test_what_is_made_to_hurt_costs_little_and_gets_a_plain_word(
    page: Page, shown: Shown, trust: bytes, name: str
) -> None:
    data = HOSTILE[name](shown)
    start = time.monotonic()
    found = (
        page.asked(data, trust, identity=f"{HYBRID}\n".encode())
        if data.startswith(b"age")
        else page.asked(data, trust)
    )
    assert time.monotonic() - start < 30
    assert found.get("refused") in ("malformed", "too-large") or not found["good"], found
    assert len(json.dumps(found)) < 20_000
