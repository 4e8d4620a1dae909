"""C2SP signed-note: text signed by one or more keys.

    note = text, an empty line, one or more lines "— <name> <base64(key id || signature)>"
    key id = SHA-256(name || 0x0A || type || public key)[:4]
    vkey = <name>+<key id in hex>+<base64(type || public key)>

The text ends in a newline and may hold empty lines; the last one separates. The text of a note means
nothing until a trusted key's signature over it has been verified.

Specification: https://c2sp.org/signed-note (v1.0.0, with type 0x06 of the text of 2026-04-23)
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from ledger.crypto.keys import (
    ED25519_PUBLIC_SIZE,
    ML_DSA_44_PUBLIC_SIZE,
    Ed25519Signer,
)
from ledger.encoding import b64decode, b64encode, parse_hex
from ledger.errors import MalformedData
from ledger.quoted import quoted

ED25519 = 0x01
"""Ed25519 over the text."""
COSIGNATURE_ED25519 = 0x04
"""Ed25519 cosignature with a time (tlog-cosignature)."""
COSIGNATURE_ML_DSA_44 = 0x06
"""ML-DSA-44 cosignature with a time (tlog-cosignature)."""

PUBLIC_SIZES = {
    ED25519: ED25519_PUBLIC_SIZE,
    COSIGNATURE_ED25519: ED25519_PUBLIC_SIZE,
    COSIGNATURE_ML_DSA_44: ML_DSA_44_PUBLIC_SIZE,
}

MAX_SIGNATURES = 64
"""The specification asks for at least 16; a log line pair and 31 witnesses with both types fit."""
MAX_NAME_SIZE = 255
"""UTF-8 bytes; the ML-DSA-44 message has one byte for the length."""
MAX_NOTE_SIZE = 2**19
"""Bytes; 64 post-quantum signatures of 5 kB fit."""

KEY_ID_SIZE = 4

_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name. `algorithm` is the signature type byte."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that name this key, together with the name, in a signature line."""
        return key_id(self.name, self.algorithm, self.public)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line, not verified. `key_id` has 4 bytes, `signature` at least one."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note, not verified. `text` ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """Return the 4-byte id of a key under a name."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:KEY_ID_SIZE]


def parse_vkey(vkey: str) -> VerifierKey:
    """Return the key of a vkey, of a type that we verify: 0x01, 0x04 or 0x06.

    Raises:
        MalformedData: It is not a vkey, of another type, or its key id is not that of the key.
    """
    parts = vkey.split("+", 2)
    if len(parts) != 3:
        raise MalformedData("not a verifier key of the form name+id+key")
    name = _parse_name(parts[0])
    material = b64decode(parts[2])
    if not material or len(material) - 1 != PUBLIC_SIZES.get(material[0]):
        raise MalformedData(
            f"the verifier key of {quoted(name)} is of an unknown type or a wrong length"
        )
    key = VerifierKey(name, material[0], material[1:])
    if parse_hex(parts[1], KEY_ID_SIZE) != key.key_id:
        raise MalformedData(
            f"the verifier key of {quoted(name)} does not have the key id it states"
        )
    return key


def format_vkey(key: VerifierKey) -> str:
    """Return the vkey of a key, the inverse of `parse_vkey`."""
    return f"{key.name}+{key.key_id.hex()}+{b64encode(bytes([key.algorithm]) + key.public)}"


def parse_note(note: str | bytes) -> Note:
    """Return a note with its signatures unverified. Raises MalformedData."""
    text = _decode(note)
    end = text.rfind("\n\n") + 1
    if end == 0:
        raise MalformedData("a signed note has an empty line before its signatures")
    lines = text[end + 1 :].split("\n")
    if lines.pop() != "" or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise MalformedData(f"a signed note ends in 1 to {MAX_SIGNATURES} signature lines")
    signatures = tuple(parse_signature(line) for line in lines)
    if len({(each.name, each.key_id) for each in signatures}) < len(signatures):
        raise MalformedData("a signed note has two signature lines of one name and key id")
    return Note(text[:end], signatures)


def format_note(note: Note) -> str:
    """Return the note as a whole, the inverse of `parse_note`."""
    return note.text + "\n" + "".join(format_signature(each) + "\n" for each in note.signatures)


def first_lines(note: str, lines: int) -> str:
    """Return the note up to and with its first `lines` signature lines: what a timestamp is over.

    Raises MalformedData where there are not so many.
    """
    parsed = parse_note(note)
    if not 1 <= lines <= len(parsed.signatures):
        raise MalformedData(f"the note does not have {lines} signature lines")
    return format_note(Note(parsed.text, parsed.signatures[:lines]))


def parse_signature(line: str) -> Signature:
    """Return one signature line, given without its newline. Raises MalformedData."""
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise MalformedData("not a signature line")
    data = b64decode(encoded)
    if len(data) <= KEY_ID_SIZE:
        raise MalformedData("a signature line is too short to hold a signature")
    return Signature(_parse_name(name), data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


def format_signature(signature: Signature) -> str:
    """Return the signature line without its newline, the inverse of `parse_signature`."""
    return f"{_DASH}{signature.name} {b64encode(signature.key_id + signature.signature)}"


def sign_note(text: str, name: str, key: Ed25519Signer) -> Signature:
    """Sign a text with Ed25519 (type 0x01) under a name."""
    return Signature(name, key_id(name, ED25519, key.public), key.sign(text.encode()))


def _decode(note: str | bytes) -> str:
    if len(note) > MAX_NOTE_SIZE:
        raise MalformedData(f"the note is over {MAX_NOTE_SIZE} bytes")
    try:
        text = note.decode() if isinstance(note, bytes) else note
        text.encode()
    except UnicodeError as error:
        raise MalformedData("the note is not UTF-8") from error
    if _CONTROL.search(text):
        raise MalformedData("the note holds a control character")
    return text


def _parse_name(name: str) -> str:
    try:
        size = len(name.encode())
    except UnicodeError as error:
        raise MalformedData("a key name is not UTF-8") from error
    if not 1 <= size <= MAX_NAME_SIZE or any(
        char == "+" or char < " " or char.isspace() for char in name
    ):
        raise MalformedData(
            f"a key name has 1 to {MAX_NAME_SIZE} bytes, without spaces, controls or '+'"
        )
    return name
