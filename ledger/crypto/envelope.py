"""age files (https://c2sp.org/age): a textual header that wraps the file key, then the payload.

    age-encryption.org/v1
    -> mlkem768x25519 <encapsulated key>
    <wrapped file key>
    --- <HMAC-SHA-256(HKDF(file key, info = "header"), header up to and with "---")>

A header is accepted only in the form in which it would be written: format_header(parse_header(x)) is
x. Rewriting it for other recipients leaves the payload alone, and takes nothing from a recipient who
has kept the file key.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest, digest

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.crypto.armor import is_armored, parse_armor
from ledger.crypto.recipients import (
    FILE_KEY_SIZE,
    Identity,
    Random,
    Recipient,
    ScryptIdentity,
    Stanza,
    b64decode_raw,
    b64encode_raw,
)
from ledger.crypto.stream import (
    CHUNK,
    ENC_CHUNK,
    NONCE_SIZE,
    PayloadCipher,
    PayloadReader,
    payload_size,
)
from ledger.errors import (
    DecryptionFailed,
    InvalidInput,
    MalformedData,
    NoMatchingIdentity,
    WrongPassphrase,
)

MAX_HEADER = 1 << 17
"""Bytes of a header: 64 post-quantum stanzas of 1,590 bytes, and room."""
MAX_STANZAS = 64
"""Each costs an identity a decapsulation; a company has a handful of officers."""
MAX_SMALL = 64 << 20
"""Bytes that encrypt_bytes and decrypt_bytes handle in memory."""

_VERSION = b"age-encryption.org/v1\n"
_COLUMNS = 64
_ARGUMENT = re.compile(r"[!-~]+")


class HeaderForged(DecryptionFailed):
    """A header's MAC does not hold: someone who lacks the file key has changed it."""

    code = "header-forged"


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header. Nothing in it is authenticated until `unwrap` has returned."""

    stanzas: tuple[Stanza, ...]
    mac: bytes
    encoded: bytes

    def unwrap(self, identities: Sequence[Identity]) -> bytes:
        """Return the file key, 16 bytes, once the MAC over the header holds.

        Raises NoMatchingIdentity, WrongPassphrase, HeaderForged, and MalformedData for a stanza of
        an identity's own type that breaks its rules.
        """
        for identity in identities:
            file_key = identity.unwrap(self.stanzas)
            if file_key is None:
                continue
            if not compare_digest(_mac(file_key, _authenticated(self.stanzas)), self.mac):
                raise HeaderForged("the age header was changed: its MAC does not hold")
            return file_key
        if self.stanzas[0].kind == "scrypt":
            if any(isinstance(identity, ScryptIdentity) for identity in identities):
                raise WrongPassphrase("the passphrase does not open the file; try again")
            raise NoMatchingIdentity("the age file is under a passphrase, and none was given")
        raise NoMatchingIdentity(
            "none of the identities at hand is a recipient of the age file; "
            "open it with the identity of an officer for whom it was sealed"
        )


def parse_header(data: bytes) -> Header:
    """Return the header that `data` (an age file or its first MAX_HEADER bytes) begins with.

    Raises MalformedData.
    """
    if not data.startswith(_VERSION):
        raise MalformedData("not an age v1 file")
    position = len(_VERSION)
    stanzas: list[Stanza] = []
    while True:
        line, position = _line(data, position)
        if line.startswith("--- "):
            break
        if len(stanzas) == MAX_STANZAS:
            raise MalformedData(f"the age header has more than {MAX_STANZAS} stanzas")
        mark, *arguments = line.split(" ")
        if mark != "->" or not arguments or not all(map(_ARGUMENT.fullmatch, arguments)):
            raise MalformedData("the age header has a malformed stanza")
        body = ""
        while True:
            line, position = _line(data, position)
            if len(line) > _COLUMNS:
                raise MalformedData("the age header has a line that is too long")
            body += line
            if len(line) < _COLUMNS:
                break
        stanzas.append(Stanza(arguments[0], tuple(arguments[1:]), b64decode_raw(body)))
    mac = b64decode_raw(line[4:])
    if len(mac) != 32 or not stanzas:
        raise MalformedData("the age header has no stanza or no MAC")
    if len(stanzas) > 1 and any(stanza.kind == "scrypt" for stanza in stanzas):
        # Who knows a passphrase must be able to trust that nobody else could have written the file.
        raise MalformedData("the age header has a passphrase beside another recipient")
    return Header(tuple(stanzas), mac, data[:position])


def format_header(file_key: bytes, stanzas: Sequence[Stanza]) -> bytes:
    """Return the header with these stanzas and its MAC."""
    authenticated = _authenticated(stanzas)
    mac = b64encode_raw(_mac(file_key, authenticated))
    header = authenticated + f" {mac}\n".encode("ascii")
    if len(header) > MAX_HEADER or len(stanzas) > MAX_STANZAS:
        raise InvalidInput(f"too many recipients for one age file: {len(stanzas)}")
    return header


def seal_header(file_key: bytes, recipients: Sequence[Recipient], random: Random) -> bytes:
    """Return a header that gives `file_key` to each recipient.

    Raises InvalidInput for none, a passphrase beside others, or a mix of post-quantum and classical
    recipients, which would be only as strong as the weaker.
    """
    if not recipients:
        raise InvalidInput("an age file needs at least one recipient")
    labels = {recipient.label for recipient in recipients}
    if len(labels) > 1 or (labels == {"passphrase"} and len(recipients) > 1):
        raise InvalidInput(
            "recipients of one age file must be all post-quantum (age1pq1...), all classical, "
            "or one passphrase"
        )
    return format_header(file_key, [recipient.wrap(file_key, random) for recipient in recipients])


def rewrite_header(
    header: bytes, identities: Sequence[Identity], recipients: Sequence[Recipient], random: Random
) -> bytes:
    """Return a header that gives the same file key to `recipients` instead.

    `header` may be the whole file or a prefix. Raises as parse_header, Header.unwrap and seal_header.
    """
    return seal_header(parse_header(header).unwrap(identities), recipients, random)


def encrypt_bytes(plaintext: bytes, recipients: Sequence[Recipient], random: Random) -> bytes:
    """Return a whole age file. Raises InvalidInput over MAX_SMALL bytes."""
    if len(plaintext) > MAX_SMALL:
        raise InvalidInput(f"at most {MAX_SMALL} bytes can be encrypted in memory")
    file_key, nonce = random(FILE_KEY_SIZE), random(NONCE_SIZE)
    return seal_header(file_key, recipients, random) + encrypt_payload(plaintext, file_key, nonce)


def encrypt_payload(plaintext: bytes, file_key: bytes, nonce: bytes) -> bytes:
    """Return the payload that holds `plaintext`. A file key and nonce serve one payload only."""
    cipher = PayloadCipher(file_key, nonce)
    payload = bytearray(payload_size(len(plaintext)))
    payload[:NONCE_SIZE] = nonce
    source, target = memoryview(plaintext), memoryview(payload)[NONCE_SIZE:]
    chunks = max(1, -(-len(plaintext) // CHUNK))
    for index in range(chunks):
        cipher.encrypt_into(
            index,
            index == chunks - 1,
            source[index * CHUNK : (index + 1) * CHUNK],
            target[index * ENC_CHUNK : (index + 1) * ENC_CHUNK],
        )
    return bytes(payload)


def decrypt_bytes(data: bytes, identities: Sequence[Identity]) -> bytes:
    """Return the plaintext of a whole age file, binary or armored.

    Raises MalformedData, NoMatchingIdentity, WrongPassphrase, DecryptionFailed; InvalidInput over
    MAX_SMALL bytes and a header.
    """
    if is_armored(data):
        data = parse_armor(data)
    if len(data) > payload_size(MAX_SMALL) + MAX_HEADER:
        raise InvalidInput(f"at most {MAX_SMALL} bytes can be decrypted in memory")
    header = parse_header(data[:MAX_HEADER])
    start = len(header.encoded)
    if len(data) - start < NONCE_SIZE:
        raise MalformedData("the age file ends before its payload")
    file_key = header.unwrap(identities)
    reader = PayloadReader(
        lambda offset, size: data[start + offset : start + offset + size],
        len(data) - start,
        file_key,
    )
    return reader.read(0, reader.size)


def _line(data: bytes, position: int) -> tuple[str, int]:
    end = data.find(b"\n", position, MAX_HEADER)
    if end < 0:
        raise MalformedData("the age header is cut short or too long")
    try:
        return data[position:end].decode("ascii"), end + 1
    except UnicodeDecodeError as error:
        raise MalformedData("the age header is not text") from error


def _authenticated(stanzas: Sequence[Stanza]) -> bytes:
    lines = [_VERSION.decode("ascii")]
    for stanza in stanzas:
        lines.append(" ".join(("->", stanza.kind, *stanza.arguments)) + "\n")
        body = b64encode_raw(stanza.body)
        # The last line is always shorter than 64 columns, empty where the body fills its lines.
        for start in range(0, len(body) + 1, _COLUMNS):
            lines.append(body[start : start + _COLUMNS] + "\n")
    return "".join([*lines, "---"]).encode("ascii")


def _mac(file_key: bytes, authenticated: bytes) -> bytes:
    return digest(HKDF(SHA256(), 32, None, b"header").derive(file_key), authenticated, "sha256")
