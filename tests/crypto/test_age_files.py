"""What an attacker, a full disk or a careless sender can do to an age file."""

import base64
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.crypto import recipients, stream
from ledger.crypto.armor import BEGIN, END, parse_armor
from ledger.crypto.bech32 import format_bech32, parse_bech32
from ledger.crypto.envelope import (
    MAX_HEADER,
    MAX_STANZAS,
    HeaderForged,
    decrypt_bytes,
    encrypt_bytes,
    encrypt_payload,
    format_header,
    parse_header,
    rewrite_header,
    seal_header,
)
from ledger.crypto.merkle import leaf_hash, root_from_leaf_hashes
from ledger.crypto.recipients import (
    HybridIdentity,
    ScryptIdentity,
    ScryptRecipient,
    Stanza,
    X25519Identity,
    b64encode_raw,
    parse_identity,
    parse_identity_file,
    parse_recipient,
)
from ledger.crypto.stream import ENC_CHUNK, PayloadReader, payload_root, payload_size, plain_size
from ledger.disk.age_files import decrypt_file, open_payload
from ledger.disk.files import AtomicFile
from ledger.errors import (
    DecryptionFailed,
    InvalidInput,
    MalformedData,
    NoMatchingIdentity,
    StorageFailed,
    WrongPassphrase,
)

KEY = b"YELLOW SUBMARINE"
OFFICER = HybridIdentity(bytes(range(32)))
DEVICE = X25519Identity(bytes(range(32)))


def sealed(size: int) -> tuple[bytes, bytes]:
    plaintext = os.urandom(size)
    return plaintext, encrypt_bytes(plaintext, [OFFICER.recipient()], secrets.token_bytes)


def payload_reader(payload: bytes) -> PayloadReader:
    return PayloadReader(lambda at, size: payload[at : at + size], len(payload), KEY)


# --- recipients


@given(st.text(alphabet="abcdefg-", min_size=1, max_size=10), st.binary(max_size=100))
def test_bech32_reads_what_it_writes(prefix: str, data: bytes) -> None:
    for case in (prefix, prefix.upper()):
        text = format_bech32(case, data)
        assert parse_bech32(text) == (case if case != case.lower() else prefix, data)
        assert format_bech32(*parse_bech32(text)) == text


@given(st.text(max_size=80) | st.from_regex(r"\A(age|AGE-SECRET-KEY-)1[a-zA-Z0-9]{0,70}\Z"))
def test_key_parsers_raise_only_malformed_data(text: str) -> None:
    for parse in (parse_bech32, parse_recipient, parse_identity, parse_identity_file):
        try:
            parse(text)
        except MalformedData:
            continue


def test_a_key_with_one_wrong_letter_is_refused() -> None:
    text = str(OFFICER.recipient())
    for place in range(0, len(text), 97):
        wrong = text[:place] + ("q" if text[place] != "q" else "p") + text[place + 1 :]
        with pytest.raises(MalformedData):
            parse_recipient(wrong)


def test_an_identity_file_is_read_with_its_comments() -> None:
    text = f"# created by age-keygen\n\n{OFFICER}\r\n{DEVICE}\n"
    assert parse_identity_file(text) == (OFFICER, DEVICE)
    with pytest.raises(MalformedData):
        parse_identity_file("# nothing here\n")


def test_a_recipient_of_low_order_is_refused() -> None:
    recipient = parse_recipient(format_bech32("age", bytes(32)))
    with pytest.raises(MalformedData, match="low order"):
        recipient.wrap(KEY, secrets.token_bytes)


def test_post_quantum_and_classical_recipients_are_never_mixed() -> None:
    with pytest.raises(InvalidInput, match="all post-quantum"):
        encrypt_bytes(b"", [OFFICER.recipient(), DEVICE.recipient()], secrets.token_bytes)


@pytest.mark.parametrize("other", [DEVICE.recipient(), ScryptRecipient("a", 1)])
def test_a_passphrase_stands_alone(other: recipients.Recipient) -> None:
    with pytest.raises(InvalidInput):
        encrypt_bytes(b"", [ScryptRecipient("b", 1), other], secrets.token_bytes)


def test_an_age_file_has_a_recipient() -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        encrypt_bytes(b"", [], secrets.token_bytes)


def test_every_officer_opens_what_was_sealed_for_all() -> None:
    officers = [HybridIdentity(os.urandom(32)) for _ in range(3)]
    data = encrypt_bytes(b"x", [one.recipient() for one in officers], secrets.token_bytes)
    for officer in officers:
        assert decrypt_bytes(data, [OFFICER, officer]) == b"x"
    with pytest.raises(NoMatchingIdentity):
        decrypt_bytes(data, [OFFICER, DEVICE])


def test_a_wrong_passphrase_is_told_apart_from_a_missing_one() -> None:
    data = encrypt_bytes(b"x", [ScryptRecipient("right", 4)], secrets.token_bytes)
    assert decrypt_bytes(data, [ScryptIdentity("right")]) == b"x"
    with pytest.raises(WrongPassphrase):
        decrypt_bytes(data, [DEVICE, ScryptIdentity("wrong")])
    with pytest.raises(NoMatchingIdentity, match="passphrase"):
        decrypt_bytes(data, [DEVICE])


def test_identity_files_are_written_with_the_full_work_factor() -> None:
    data = encrypt_bytes(b"x", [ScryptRecipient("right")], secrets.token_bytes)
    assert parse_header(data).stanzas[0].arguments[1] == "18"
    assert decrypt_bytes(data, [ScryptIdentity("right")]) == b"x"


def test_too_much_scrypt_work_is_refused_before_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object) -> bytes:
        raise AssertionError("the work was done")

    monkeypatch.setattr(recipients, "_scrypt", work)
    stanza = Stanza("scrypt", (b64encode_raw(bytes(16)), "23"), bytes(32))
    with pytest.raises(MalformedData, match="limit"):
        ScryptIdentity("x").unwrap([stanza])


# --- header


stanzas = st.builds(
    Stanza,
    st.from_regex(r"\A[!-~]{1,12}\Z").filter(lambda kind: kind != "scrypt"),
    st.lists(st.from_regex(r"\A[!-~]{1,70}\Z"), max_size=3).map(tuple),
    st.binary(max_size=200),
)


@given(st.lists(stanzas, min_size=1, max_size=4), st.binary(max_size=50))
def test_headers_read_what_they_write(written: list[Stanza], rest: bytes) -> None:
    encoded = format_header(KEY, written)
    header = parse_header(encoded + rest)
    assert header.stanzas == tuple(written)
    assert header.encoded == encoded
    assert format_header(KEY, header.stanzas) == encoded


@given(st.data())
def test_a_changed_header_is_refused_or_reads_as_written(data: st.DataObject) -> None:
    original = bytearray(seal_header(KEY, [DEVICE.recipient()], lambda size: b"\5" * size))
    place = data.draw(st.integers(0, len(original) - 1))
    original[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != original[place]))
    changed = bytes(original)
    try:
        header = parse_header(changed)
    except MalformedData:
        return
    with pytest.raises((HeaderForged, NoMatchingIdentity, MalformedData)):
        header.unwrap([DEVICE])


@given(
    st.binary(max_size=400) | st.binary(max_size=200).map(lambda b: b"age-encryption.org/v1\n" + b)
)
def test_file_parsers_raise_only_malformed_data(data: bytes) -> None:
    for parse in (parse_header, parse_armor):
        try:
            parse(data)
        except MalformedData:
            continue


def test_a_header_without_end_is_refused_at_its_limit() -> None:
    line = b"-> x\n" + (b"A" * 64 + b"\n") * 4000
    with pytest.raises(MalformedData, match="too long"):
        parse_header(b"age-encryption.org/v1\n" + line)
    assert len(line) > MAX_HEADER


def test_a_header_has_a_limit_of_stanzas() -> None:
    stanza = Stanza("x", (), b"")
    assert parse_header(format_header(KEY, [stanza] * MAX_STANZAS))
    with pytest.raises(InvalidInput):
        format_header(KEY, [stanza] * (MAX_STANZAS + 1))
    text = (
        b"age-encryption.org/v1\n" + b"-> x\n\n" * (MAX_STANZAS + 1) + b"--- " + b"A" * 43 + b"\n"
    )
    with pytest.raises(MalformedData, match="more than"):
        parse_header(text)


def test_the_largest_header_that_we_write_is_read() -> None:
    header = seal_header(KEY, [OFFICER.recipient()] * MAX_STANZAS, secrets.token_bytes)
    assert len(header) <= MAX_HEADER
    assert parse_header(header).unwrap([OFFICER]) == KEY


def test_a_rewritten_header_serves_the_same_payload() -> None:
    plaintext, data = sealed(100_000)
    header = parse_header(data)
    payload = data[len(header.encoded) :]
    court = HybridIdentity(os.urandom(32))
    rewritten = rewrite_header(header.encoded, [OFFICER], [court.recipient()], secrets.token_bytes)
    assert decrypt_bytes(rewritten + payload, [court]) == plaintext
    with pytest.raises(NoMatchingIdentity):
        decrypt_bytes(rewritten + payload, [OFFICER])


@given(st.binary(max_size=300))
def test_armor_around_anything_is_removed(data: bytes) -> None:

    text = base64.b64encode(data)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    for end in (b"\n", b"\r\n"):
        assert parse_armor(end.join([BEGIN, *lines, END, b""])) == data


# --- payload


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 131073])
def test_payload_sizes_are_exact(size: int) -> None:
    payload = encrypt_payload(bytes(size), KEY, bytes(16))
    assert len(payload) == payload_size(size)
    assert plain_size(len(payload)) == size
    parts = [payload[:16]]
    parts += [payload[at : at + ENC_CHUNK] for at in range(16, len(payload), ENC_CHUNK)]
    expected = root_from_leaf_hashes([leaf_hash(part) for part in parts])
    assert payload_root([payload]) == expected
    assert payload_root(payload[at : at + 1000] for at in range(0, len(payload), 1000)) == expected


@given(st.integers(0, 1 << 50))
def test_sizes_that_no_payload_has_are_refused(size: int) -> None:
    try:
        plain = plain_size(size)
    except (MalformedData, DecryptionFailed):
        return
    assert payload_size(plain) == size


@pytest.mark.parametrize("size", [0, 15, 16, 31])
def test_the_root_of_a_payload_cut_short_is_refused(size: int) -> None:
    with pytest.raises(MalformedData):
        payload_root([bytes(size)])


def test_any_range_reads_alone() -> None:
    plaintext = os.urandom(200_000)
    reader = payload_reader(encrypt_payload(plaintext, KEY, bytes(16)))
    assert reader.size == len(plaintext)
    for start, length in [(0, 0), (0, 1), (65535, 2), (65536, 65536), (199_999, 1), (0, 200_000)]:
        assert reader.read(start, length) == plaintext[start : start + length]
    with pytest.raises(InvalidInput):
        reader.read(199_999, 2)


def test_a_range_is_not_read_from_a_payload_cut_short() -> None:
    payload = encrypt_payload(os.urandom(200_000), KEY, bytes(16))
    with pytest.raises(DecryptionFailed):
        payload_reader(payload[: 16 + 2 * ENC_CHUNK])


def test_chunks_cannot_change_places() -> None:
    payload = encrypt_payload(bytes(200_000), KEY, bytes(16))
    first, second = payload[16 : 16 + ENC_CHUNK], payload[16 + ENC_CHUNK : 16 + 2 * ENC_CHUNK]
    swapped = payload[:16] + second + first + payload[16 + 2 * ENC_CHUNK :]
    with pytest.raises(DecryptionFailed, match="chunk 0"):
        payload_reader(swapped).read(0, 1)


def test_segments_in_parallel_are_the_plaintext() -> None:
    plaintext = os.urandom(5 * stream.SEGMENT + 12345)
    reader = payload_reader(encrypt_payload(plaintext, KEY, bytes(16)))
    with ThreadPoolExecutor(4) as pool:
        joined = b"".join(reader.segments(pool, 3))
    assert sha256(joined).digest() == sha256(plaintext).digest()


# --- files


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes((data[-1] ^ 1,)),
        lambda data: data[: -(ENC_CHUNK + 100)],
        lambda data: data + b"x",
        lambda data: data[:-200_000] + bytes((data[-200_000] ^ 1,)) + data[-199_999:],
    ],
)
def test_a_damaged_file_leaves_nothing_behind(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    _, data = sealed(3_000_000)
    source, folder = tmp_path / "in.age", tmp_path / "out"
    folder.mkdir()
    source.write_bytes(damage(data))
    with pytest.raises(DecryptionFailed):
        decrypt_file(source, folder / "plain", [OFFICER])
    assert list(folder.iterdir()) == []


def test_a_decrypted_file_is_for_its_owner_only(tmp_path: Path) -> None:
    plaintext, data = sealed(3_000_000)
    (tmp_path / "in.age").write_bytes(data)
    decrypt_file(tmp_path / "in.age", tmp_path / "plain", [OFFICER])
    assert (tmp_path / "plain").read_bytes() == plaintext
    assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o600
    with open_payload(tmp_path / "in.age", [OFFICER]) as reader:
        assert reader.read(2_999_990, 10) == plaintext[-10:]


def test_an_output_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    with pytest.raises(RuntimeError), AtomicFile(tmp_path / "kept") as out:
        out.write_at(0, b"new")
        raise RuntimeError
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_an_output_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="could not be written"):
        AtomicFile(tmp_path / "missing" / "file").__enter__()
