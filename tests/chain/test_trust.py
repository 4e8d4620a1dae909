"""Trust files: exactly the keys that are specified, and a fingerprint over the bytes."""

import base64
import tomllib
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given
from hypothesis import strategies as some

from ledger.chain.certificate import SealAnchor
from ledger.chain.note import VerifierKey, format_vkey
from ledger.chain.report import REQUIRABLE
from ledger.chain.trust import MAX_TRUST, Trust, fingerprint, format_trust, parse_trust
from ledger.crypto.keys import SigningKey
from ledger.errors import MalformedData
from tests.mutations import changed_bytes
from tests.simulator import LOG, ML_DSA, NOW, ORIGIN, Office

OFFICE = Office()
TRUST = OFFICE.trust()
DATA = format_trust(TRUST)
FIELDS = tomllib.loads(DATA.decode())
SEAL = FIELDS["seal"][0]
PEM = SEAL["authority"]


def pem(der: bytes) -> str:
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n"


def with_fields(**changes: Any) -> bytes:
    return tomli_w.dumps({**FIELDS, **changes}, multiline_strings=True).encode()


def test_the_sample_itself_is_accepted() -> None:
    assert parse_trust(with_fields()) == TRUST


@example(issuer="a\r\nb", issued=0, required=("content",), seals=())
@given(
    issuer=some.text(max_size=30),
    issued=some.integers(0, 253_402_300_799),
    required=some.lists(some.sampled_from(REQUIRABLE), min_size=1, unique=True).map(tuple),
    seals=some.lists(
        some.text(min_size=1, max_size=30).map(lambda name: replace(TRUST.seals[0], subject=name)),
        max_size=2,
    ).map(tuple),
)
def test_a_trust_file_reads_back(
    issuer: str, issued: int, required: tuple[str, ...], seals: tuple[SealAnchor, ...]
) -> None:
    trust = replace(TRUST, issuer=issuer, issued=issued, required=required, seals=seals)
    data = format_trust(trust)
    assert parse_trust(data) == trust
    assert format_trust(parse_trust(data)) == data


def test_the_notary_s_statements_are_verified_with_the_keys_of_the_logs() -> None:
    assert [key.public for key in TRUST.notary_keys] == [LOG.public]
    assert TRUST.notary_keys[0].thumbprint == LOG.thumbprint


def test_the_fingerprint_is_128_bits_of_sha_256_over_the_file_as_it_stands() -> None:
    groups = fingerprint(DATA).split(" ")
    assert "".join(groups) == sha256(DATA).hexdigest()[:32]
    assert [len(group) for group in groups] == [4] * 8


@given(changed_bytes(DATA))
def test_every_change_of_the_file_changes_its_fingerprint(data: bytes) -> None:
    assert fingerprint(data) != fingerprint(DATA)


def test_another_spelling_of_the_same_content_has_another_fingerprint() -> None:
    commented = b"# from the office\n" + DATA
    assert parse_trust(commented) == TRUST
    assert fingerprint(commented) != fingerprint(DATA)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_is_required(name: str) -> None:
    fewer = {key: value for key, value in FIELDS.items() if key != name}
    with pytest.raises(MalformedData):
        parse_trust(tomli_w.dumps(fewer).encode())


ELSEWHERE = format_vkey(VerifierKey("notary.example/other", 1, SigningKey(bytes(32)).public))


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 0},
        {"format": "sealbook-trust-v1"},
        {"format": 1},
        {"origin": "notary.example/other"},
        {"origin": "a b"},
        {"origin": 1},
        {"issuer": 1},
        {"issued": "2026-11-23"},
        {"issued": FIELDS["issued"].replace(tzinfo=None)},
        {"issued": FIELDS["issued"].date()},
        {"issued": NOW},
        {"required": "ledger"},
        {"required": []},
        {"required": ["ledger", "ledger"]},
        {"required": ["authorship"]},
        {"required": [["ledger"]]},
        {"required": [1]},
        {"policy": ""},
        {"policy": "quorum none\n"},
        {"policy": f"log {ELSEWHERE}\nquorum none\n"},
        {"policy": FIELDS["policy"].replace("quorum signed", "quorum other")},
        {"policy": FIELDS["policy"] + "trust everybody\n"},
        {"policy": ["quorum none"]},
        {"seal": SEAL},
        {"seal": [PEM]},
        {"seal": [{"authority": PEM}]},
        {"seal": [{**SEAL, "subject": ""}]},
        {"seal": [{**SEAL, "subject": 1}]},
        {"seal": [{**SEAL, "more": 0}]},
        {"seal": [{**SEAL, "authority": PEM + PEM}]},
        {"seal": [{**SEAL, "authority": ""}]},
        {"seal": [{**SEAL, "authority": 1}]},
        {"seal": [{**SEAL, "authority": pem(b"\0\0\0")}]},
        {"seal": [{**SEAL, "authority": pem(OFFICE.seal_der)}]},
        {"timestamp": [{"name": "TSA", "authority": PEM, "accuracy": True}]},
        {"timestamp": [{"name": "TSA", "authority": PEM, "accuracy": False}]},
    ],
    ids=lambda changes: f"{next(iter(changes))} {str(next(iter(changes.values())))[:30]!r}",
)
def test_another_field_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        parse_trust(with_fields(**changes))


def test_a_policy_of_two_ledgers_is_malformed() -> None:
    with pytest.raises(MalformedData, match="its own origin"):
        parse_trust(with_fields(policy=f"log {ELSEWHERE}\n" + FIELDS["policy"]))


WITNESS = SigningKey(b"\x66" * 32).public
LOG_KEY = f"log {format_vkey(VerifierKey(ORIGIN, 1, LOG.public))}\n"
OWN = f"witness ml-dsa-44 {format_vkey(VerifierKey(ORIGIN, 6, ML_DSA.public))}\n"
OWN_ED25519 = f"witness second {format_vkey(VerifierKey(ORIGIN, 4, WITNESS))}\n"
OTHER = f"witness archive {format_vkey(VerifierKey('archive.example', 4, WITNESS))}\n"


@pytest.mark.parametrize(
    "policy",
    [
        LOG_KEY + "quorum none\n",
        LOG_KEY + OWN + "quorum none\n",
        LOG_KEY + OTHER + "quorum archive\n",
        LOG_KEY + OWN_ED25519 + "quorum second\n",
        LOG_KEY + OWN + OWN_ED25519 + "quorum second\n",
        LOG_KEY + OWN + OTHER + "group any any ml-dsa-44 archive\nquorum any\n",
    ],
)
def test_a_quorum_without_the_notary_s_post_quantum_key_is_malformed(policy: str) -> None:
    with pytest.raises(MalformedData, match="ML-DSA-44"):
        parse_trust(with_fields(policy=policy))


def test_a_quorum_of_the_notary_and_a_witness_is_accepted() -> None:
    policy = LOG_KEY + OWN + OTHER + "group both all ml-dsa-44 archive\nquorum both\n"
    assert parse_trust(with_fields(policy=policy)).policy.quorum == "both"


def test_a_key_of_the_notary_is_no_witness() -> None:
    same = f"witness archive {format_vkey(VerifierKey('archive.example', 4, LOG.public))}\n"
    policy = LOG_KEY + OWN + same + "group both all ml-dsa-44 archive\nquorum both\n"
    with pytest.raises(MalformedData, match="another's witness"):
        parse_trust(with_fields(policy=policy))


def test_a_certificate_of_an_unknown_version_is_malformed() -> None:
    der = OFFICE.root_der
    place = der.index(b"\xa0\x03\x02\x01\x02") + 4
    changed = der[:place] + b"\x01" + der[place + 1 :]
    with pytest.raises(MalformedData):
        parse_trust(with_fields(seal=[{**SEAL, "authority": pem(changed)}]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[",
        b"format = " + b"1" * 5000,
        b"a = " + b"[" * 100_000,
        DATA.replace(b"\n", b"\r"),
        b" " * (MAX_TRUST + 1),
    ],
    ids=["empty", "no text", "no TOML", "long number", "deep", "carriage returns", "too large"],
)
def test_what_is_no_trust_file_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_trust(data)


def test_authorities_stand_in_the_file_as_pem_that_other_software_reads() -> None:
    root = x509.load_pem_x509_certificate(PEM.encode())
    assert root.public_bytes(Encoding.DER) == TRUST.seals[0].authority == OFFICE.root_der


@given(some.binary(max_size=300) | some.text(max_size=300).map(str.encode) | changed_bytes(DATA))
def test_a_changed_trust_file_is_another_one_or_malformed(data: bytes) -> None:
    try:
        trust = parse_trust(data)
    except MalformedData:
        return
    assert isinstance(trust, Trust)
    assert parse_trust(format_trust(trust)) == trust
