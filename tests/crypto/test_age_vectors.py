"""The age test suite (C2SP/CCTV): every file ends exactly as its authors say."""

import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.crypto.armor import MalformedArmor, is_armored, parse_armor
from ledger.crypto.envelope import (
    HeaderForged,
    decrypt_bytes,
    format_header,
    parse_header,
    rewrite_header,
)
from ledger.crypto.recipients import Identity, ScryptIdentity, X25519Identity, parse_identity
from ledger.crypto.stream import ENC_CHUNK, NONCE_SIZE, TAG_SIZE, PayloadCipher
from ledger.errors import DecryptionFailed, MalformedData, NoMatchingIdentity, WrongPassphrase

CORPUS = Path(__file__).parents[2].parent / "shared" / "vectors" / "age"
VECTORS = sorted(path.name for path in CORPUS.iterdir()) if CORPUS.is_dir() else []
VECTOR_COUNT = 143

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the age vectors (npm cctv-age) do not lie beside the checkout"
)


def load(name: str) -> tuple[dict[str, str], list[Identity], bytes]:
    head, _, data = (CORPUS / name).read_bytes().partition(b"\n\n")
    fields: dict[str, str] = {}
    identities: list[Identity] = []
    for line in head.decode().splitlines():
        key, _, value = line.partition(": ")
        if key == "identity":
            identities.append(parse_identity(value))
        elif key == "passphrase":
            identities.append(ScryptIdentity(value))
        else:
            fields[key] = value
    if fields.pop("compressed", None):
        data = zlib.decompress(data)
    return fields, identities, data


def ending(expect: str) -> list[str]:
    first = f"expect: {expect}\n".encode()
    return [name for name in VECTORS if (CORPUS / name).read_bytes().startswith(first)]


def outcome(data: bytes, identities: list[Identity], armored: bool) -> tuple[str, bytes]:
    try:
        return "success", decrypt_bytes(parse_armor(data) if armored else data, identities)
    except MalformedArmor:
        return "armor failure", b""
    except MalformedData:
        return "header failure", b""
    except HeaderForged:
        return "HMAC failure", b""
    except (NoMatchingIdentity, WrongPassphrase):
        return "no match", b""
    except DecryptionFailed:
        return "payload failure", b""


def test_the_corpus_is_whole() -> None:
    assert len(VECTORS) == VECTOR_COUNT


@pytest.mark.parametrize("name", VECTORS)
def test_vector_ends_as_its_authors_say(name: str) -> None:
    fields, identities, data = load(name)
    # `armor_empty` and the like carry no identity: what they test comes before one is needed.
    identities = identities or [X25519Identity(bytes(32))]
    kind, plaintext = outcome(data, identities, "armored" in fields)
    assert kind == fields["expect"]
    if kind == "success":
        assert sha256(plaintext).hexdigest() == fields["payload"]


@pytest.mark.parametrize("name", ending("payload failure"))
def test_a_damaged_payload_holds_as_many_good_chunks_as_its_authors_say(name: str) -> None:
    fields, identities, data = load(name)
    if is_armored(data):
        data = parse_armor(data)
    header = parse_header(data)
    file_key = header.unwrap(identities)
    assert file_key.hex() == fields["file key"]
    payload = data[len(header.encoded) :]
    cipher = PayloadCipher(file_key, payload[:NONCE_SIZE])
    good = b""
    chunks = range(NONCE_SIZE, len(payload), ENC_CHUNK)
    for index, start in enumerate(chunks):
        chunk = payload[start : start + ENC_CHUNK]
        out = bytearray(max(0, len(chunk) - TAG_SIZE))
        for final in (True,) if len(chunk) < ENC_CHUNK else (False, True):
            try:
                cipher.decrypt_into(index, final, chunk, out)
                break
            except (DecryptionFailed, ValueError):
                continue
        else:
            break
        good += out if (out or index == 0) else b""
        if final:
            break
    assert sha256(good).hexdigest() == fields["payload"]


@pytest.mark.parametrize("name", ending("success"))
def test_what_parses_is_what_would_be_written(name: str) -> None:
    fields, identities, data = load(name)
    if is_armored(data):
        data = parse_armor(data)
    header = parse_header(data)
    assert format_header(bytes.fromhex(fields["file key"]), header.stanzas) == header.encoded
    court = X25519Identity(b"court" + bytes(27))
    rewritten = rewrite_header(data, identities, [court.recipient()], lambda size: b"\7" * size)
    again = decrypt_bytes(rewritten + data[len(header.encoded) :], [court])
    assert sha256(again).hexdigest() == fields["payload"]
