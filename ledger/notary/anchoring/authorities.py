"""Asking a timestamp authority to stamp an anchor (RFC 3161, section 3.4).

What comes is looked at as a court will look: the certificates that it brings are sorted, which no
signature covers, and a token that does not verify under the authority's root is dropped.
"""

from collections.abc import Callable
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain.note import Note, format_note
from ledger.chain.receipt import TokenEntry
from ledger.chain.timestamp.request import (
    format_request,
    parse_response,
    require_answer,
)
from ledger.chain.timestamp.token import parse_token, sorted_sets
from ledger.chain.timestamp.verifying import Authority, verify_token
from ledger.errors import InvalidInput
from ledger.notary.storage.directory import TimestampSettings
from ledger.quoted import quoted
from ledger.wire.authority import ask_authority
from ledger.wire.web import DEADLINE

NONCE_BYTES = 16


def read_authority(settings: TimestampSettings) -> Authority:
    """Return what an authority's tokens are verified with. Raises InvalidInput."""
    try:
        (root,) = x509.load_pem_x509_certificates(settings.root.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{quoted(settings.root)}, the root of the timestamp authority {quoted(settings.name)}, is "
            f"not one certificate in PEM ({quoted(error)}). Put the right file there."
        ) from error
    return Authority(settings.name, root.public_bytes(Encoding.DER), settings.policy)


def imprint_of(note: Note) -> bytes:
    """Return the hash of a note with the signature lines that it has now: what is stamped."""
    return sha256(format_note(note).encode()).digest()


def stamp(url: str, authority: Authority, note: Note, random: Callable[[int], bytes]) -> TokenEntry:
    """Return an authority's token over a note with all the lines that it has.

    Raises Unavailable, Refused, MalformedData, TooLarge and VerificationFailed: what came is no good.
    """
    imprint = imprint_of(note)
    nonce = int.from_bytes(b"\x01" + random(NONCE_BYTES), "big")
    request = format_request(imprint, nonce, policy=authority.policy)
    answer = ask_authority(url, request, DEADLINE)
    token = parse_token(sorted_sets(parse_response(answer)))
    require_answer(token, imprint, nonce, policy=authority.policy)
    verify_token(token, imprint, [authority])
    return TokenEntry(len(note.signatures), token.der)
