"""DKIM and ARC as found at capture: the result, and everything that its repetition needs."""

import base64
import time
from pathlib import Path
from types import SimpleNamespace

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from ledger.company.mail.dkim import (
    LOOK_UP_PATIENCE,
    DnsResolver,
    Found,
    NoAnswer,
    NoResolver,
    check_signatures,
)
from ledger.evidence.rules import MAX_PATH
from tests.mail.conftest import NameServer, free_port

MESSAGE = (
    b"From: a@a.example\r\nTo: b@b.example\r\nSubject: offer\r\n"
    b"Date: Mon, 23 Nov 2026 17:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n\r\nbody \r\n\r\n"
)
RSA = rsa.generate_private_key(65537, 2048)
RSA_PEM = RSA.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
RSA_RECORD = b"v=DKIM1; k=rsa; p=" + base64.b64encode(
    RSA.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
)
ED25519 = SigningKey(b"k" * 32)
ED25519_RECORD = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(ED25519.verify_key))
NAME = "mail._domainkey.a.example"


def signed(message: bytes = MESSAGE, domain: bytes = b"a.example") -> bytes:
    return dkim.sign(message, b"mail", domain, RSA_PEM) + message


class Known:
    """A resolver with fixed records."""

    def __init__(self, **records: bytes) -> None:
        self.records = {NAME: RSA_RECORD, **records}

    def text(self, name: str, patience: float) -> Found:
        return Found(self.records.get(name), "192.0.2.53 port 53", 1.5)


class Dead:
    """A resolver that never answers."""

    def text(self, name: str, patience: float) -> Found:
        raise NoAnswer("no answer")


def test_a_good_signature_is_stated_with_key_resolver_and_time() -> None:
    stated = dict(check_signatures(signed(), Known()))
    assert stated["dkim"] == "1 signature"
    assert stated["dkim-1"].startswith("pass d=a.example s=mail a=rsa-sha256")
    assert stated["dkim-1-key"] == f"{NAME} TXT {RSA_RECORD.decode()}"
    assert stated["dkim-1-look-up"] == "192.0.2.53 port 53, 1970-01-01T00:00:01.500Z"
    assert stated["arc"] == "none"


def test_the_check_can_be_repeated_from_what_is_stated() -> None:
    message = signed()
    name, _, record = dict(check_signatures(message, Known()))["dkim-1-key"].partition(" TXT ")
    assert dkim.verify(message, dnsfunc=lambda asked, timeout: (
        record.encode() if asked.decode().rstrip(".") == name else None
    ))  # fmt: skip


def test_ed25519_signatures_are_checked() -> None:
    key = base64.b64encode(bytes(ED25519))
    line = dkim.sign(MESSAGE, b"mail", b"a.example", key, signature_algorithm=b"ed25519-sha256")
    stated = dict(check_signatures(line + MESSAGE, Known(**{NAME: ED25519_RECORD})))
    assert stated["dkim-1"].startswith("pass d=a.example s=mail a=ed25519-sha256")


@pytest.mark.parametrize(
    ("change", "resolver", "result"),
    [
        ((b"body", b"Body"), Known(), "fail (body hash mismatch"),
        ((b"offer", b"Offer"), Known(), "fail"),
        ((b"", b""), Known(**{NAME: ED25519_RECORD}), "permerror"),
        ((b"", b""), Known(**{NAME: b"nonsense"}), "fail"),
        ((b"d=a.example", b"d=b.example"), Known(), "fail (i= domain"),
        ((b"i=@a.example; ", b""), Known(**{NAME: b""}), "fail"),
        ((b"s=mail", b"s=none"), Known(), "permerror (no key record)"),
        ((b"", b""), Dead(), "temperror (no answer)"),
        ((b"", b""), NoResolver(), "temperror (look-ups are turned off)"),
        ((b"v=1", b"v=2"), Known(), "fail (v= value is not 1"),
        ((b"a=rsa-sha256", b"a=rsa-md5"), Known(), "fail"),
    ],
)
def test_what_does_not_verify_says_why(
    change: tuple[bytes, bytes], resolver: Known, result: str
) -> None:
    message = signed().replace(*change) if change[0] else signed()
    assert dict(check_signatures(message, resolver))["dkim-1"].startswith(result)


def test_each_signature_is_stated() -> None:
    message = signed(signed(), b"b.example")
    stated = dict(check_signatures(message, Known(**{"mail._domainkey.b.example": RSA_RECORD})))
    assert stated["dkim"] == "2 signatures"
    assert stated["dkim-1"].startswith("pass d=b.example")
    assert stated["dkim-2"].startswith("pass d=a.example")


class Results:
    """Stands in for the package with which the library reads results before it signs a chain."""

    authserv_id = "lists.example"
    method = "dkim"
    core = SimpleNamespace(SyntaxError=ValueError)

    @classmethod
    def parse(cls, _: str) -> "Results":
        return cls()

    def __str__(self) -> str:
        return "dkim=pass header.d=a.example"

    @property
    def results(self) -> "list[Results]":
        return [self]


Results.AuthenticationResultsHeader = Results  # type: ignore[attr-defined]


def test_an_arc_chain_is_stated_with_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dkim, "authres", Results, raising=False)
    results = b"Authentication-Results: lists.example; dkim=pass header.d=a.example\r\n"
    message = results + MESSAGE
    lines = dkim.arc_sign(message, b"arc", b"lists.example", RSA_PEM, b"lists.example")
    name = "arc._domainkey.lists.example"
    stated = dict(check_signatures(b"".join(lines) + message, Known(**{name: RSA_RECORD})))
    assert stated["arc"] == "pass, 1 set (success)"
    assert stated["arc-1"] == "valid d=lists.example s=arc"
    assert stated["arc-key-1"] == f"{name} TXT {RSA_RECORD.decode()}"
    broken = b"".join(lines) + message.replace(b"body", b"Body")
    assert dict(check_signatures(broken, Known(**{name: RSA_RECORD})))["arc"].startswith("fail")


def test_names_are_different_and_values_fit_a_manifest() -> None:
    message = signed(signed(signed(), b"b.example"), b"c" * 60 + b".example")
    stated = check_signatures(message, Known())
    assert len(dict(stated)) == len(stated)
    assert all(len(value.encode()) <= MAX_PATH for _, value in stated)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.binary(max_size=200), st.binary(max_size=300))
def test_nothing_that_a_sender_or_a_name_server_writes_raises(
    field: bytes, record: bytes, head: bytes
) -> None:
    message = head + b"\r\nDKIM-Signature: " + field + b"\r\nARC-Seal: i=1;" + field + MESSAGE
    check_signatures(message, Known(**{NAME: record}))
    check_signatures(signed(), Known(**{NAME: record}))


SIGNATURE = signed()[: -len(MESSAGE)]


@pytest.mark.parametrize(
    "message",
    [
        SIGNATURE + MESSAGE + b" " * 15_000_000,
        SIGNATURE + MESSAGE + (b" " * 4000 + b"x\r\n") * 4000,
        SIGNATURE + MESSAGE + b"\r\n" * 8_000_000,
        SIGNATURE + MESSAGE + b"x" * 30_000_000,
        SIGNATURE * 100 + MESSAGE,
        SIGNATURE + b"X: y\r\n" * 40_000 + MESSAGE,
        SIGNATURE + b"X:\r\n" + b" y\r\n" * 60_000 + MESSAGE,
        SIGNATURE.replace(b"h=", b"h=" + b"x:" * 3_900) + MESSAGE,
        SIGNATURE.replace(b"h=", b"h=" + b" " * 7_000) + MESSAGE,
        b"".join(b"ARC-Seal: i=%d; a=b\r\n" % n for n in range(1, 60)) + MESSAGE,
        b"ARC-Seal: i=999999999; a=b\r\n" + MESSAGE,
    ],
)
def test_a_hostile_message_costs_little(message: bytes) -> None:
    before = time.process_time()
    check_signatures(message, Known())
    assert time.process_time() - before < 5


def test_a_key_that_would_take_minutes_is_not_used() -> None:
    modulus = (1 << 200_000) - 1
    key = rsa_record(modulus, modulus - 2)
    before = time.process_time()
    stated = dict(check_signatures(signed(), Known(**{NAME: key})))
    assert time.process_time() - before < 1
    assert "longer than" in stated["dkim-1"]


def rsa_record(modulus: int, exponent: int) -> bytes:
    def integer(value: int) -> bytes:
        data = b"\x00" + value.to_bytes((value.bit_length() + 7) // 8, "big")
        return b"\x02" + length(len(data)) + data

    def length(size: int) -> bytes:
        digits = size.to_bytes(4, "big")
        return b"\x84" + digits

    body = integer(modulus) + integer(exponent)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(b"\x30" + length(len(body)) + body)


# --- the resolver, against a name server ---


def test_records_come_from_the_resolver_that_is_named_with_its_address(
    name_server: NameServer,
) -> None:
    name_server.records[NAME] = RSA_RECORD
    resolver = DnsResolver(["127.0.0.1"], name_server.port, clock=lambda: time.time())
    stated = dict(check_signatures(signed(), resolver))
    assert stated["dkim-1"].startswith("pass")
    assert stated["dkim-1-look-up"].startswith(f"127.0.0.1 port {name_server.port}, 20")
    check_signatures(signed(), resolver)
    assert name_server.asked == [NAME]  # the second time it was known


def test_a_record_is_asked_for_again_once_its_time_is_over(name_server: NameServer) -> None:
    name_server.records[NAME] = RSA_RECORD
    ahead = 0.0
    resolver = DnsResolver(["127.0.0.1"], name_server.port, clock=lambda: time.time() + ahead)
    check_signatures(signed(), resolver)
    ahead = 30 * 86_400
    del name_server.records[NAME]
    stated = dict(check_signatures(signed(), resolver))
    assert stated["dkim-1"].startswith("permerror (no key record)")
    assert name_server.asked == [NAME, NAME]


def test_a_name_without_a_record_is_stated_as_such(name_server: NameServer) -> None:
    resolver = DnsResolver(["127.0.0.1"], name_server.port)
    stated = dict(check_signatures(signed(), resolver))
    assert stated["dkim-1"].startswith("permerror (no key record)")
    assert stated["dkim-1-key"] == f"{NAME} no record"


def test_a_silent_resolver_delays_one_message_within_the_limit_and_none_after(
    name_server: NameServer,
) -> None:
    name_server.silent = True
    resolver = DnsResolver(["127.0.0.1"], name_server.port)
    before = time.monotonic()
    stated = dict(check_signatures(signed(), resolver))
    assert stated["dkim-1"].startswith("temperror (no answer within")
    assert time.monotonic() - before < LOOK_UP_PATIENCE + 0.9
    message = signed()
    before = time.monotonic()
    for _ in range(20):
        check_signatures(message, resolver)
    assert time.monotonic() - before < 10 * LOOK_UP_PATIENCE


def test_all_look_ups_of_a_message_share_one_limit(name_server: NameServer) -> None:
    name_server.silent = True
    message = signed()
    for number in range(4):
        message = signed(message, b"d%d.example" % number)
    before = time.monotonic()
    check_signatures(message, DnsResolver(["127.0.0.1"], name_server.port))
    assert time.monotonic() - before < LOOK_UP_PATIENCE + 0.9


def test_a_port_where_nobody_listens_is_no_answer(tmp_path: Path) -> None:
    stated = dict(check_signatures(signed(), DnsResolver(["127.0.0.1"], free_port())))
    assert stated["dkim-1"].startswith("temperror")
