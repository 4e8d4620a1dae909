"""Asking a timestamp authority to stamp a hash (RFC 3161, section 3.4).

What comes is looked at as a court will look: the certificates that it brings are sorted, which no
signature covers, and a token that does not verify under the authority's root is dropped.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain.receipt import TokenEntry
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.verifying import VerifiedToken, verify_token
from ledger.errors import InvalidInput
from ledger.notary.ports import Stamp
from ledger.notary.storage.directory import TimestampSettings
from ledger.quoted import quoted
from ledger.wire.authority import request_token
from ledger.wire.web import DEADLINE

NONCE_BYTES = 16


def read_authority(settings: TimestampSettings) -> Authority:
    """Return what an authority's tokens are verified with. Raises InvalidInput."""
    root, *others = _read_pem(settings.root, settings)
    if others:
        raise InvalidInput(
            f"{quoted(settings.root)}, the root of the timestamp authority {quoted(settings.name)}, is "
            "more than one certificate. Put the root there, and the others into its `chain`."
        )
    return Authority(settings.name, root, settings.policy)


def read_chain(settings: TimestampSettings) -> list[bytes]:
    """Return the certificates (DER) that an authority's tokens do not bring. Raises InvalidInput."""
    return [] if settings.chain is None else _read_pem(settings.chain, settings)


def _read_pem(path: Path, settings: TimestampSettings) -> list[bytes]:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{quoted(path)}, of the timestamp authority {quoted(settings.name)}, holds no certificate "
            f"in PEM ({quoted(error)}). Put the right file there."
        ) from error
    return [each.public_bytes(Encoding.DER) for each in found]


def stamp(
    url: str,
    authority: Authority,
    imprint: bytes,
    random: Callable[[int], bytes],
    known: Callable[[Iterable[bytes]], Sequence[bytes]] = lambda _: (),
) -> VerifiedToken:
    """Return an authority's token over a hash.

    `known` returns the certificates and revocation lists that are known for a token. Raises
    Unavailable, Refused, MalformedData, TooLarge and VerificationFailed: what came is no good.
    """
    nonce = int.from_bytes(b"\x01" + random(NONCE_BYTES), "big")
    token = request_token(url, imprint, nonce, policy=authority.policy, patience=DEADLINE)
    return verify_token(token, imprint, [authority], known([token.der]))


def stamp_of(height: int, entry: TokenEntry, last: VerifiedToken, digest: bytes) -> Stamp:
    """Return what is kept of a token over the anchor of a block; `last` is its newest renewal."""
    return Stamp(height, digest, entry, last.until, sha256(last.path[0]).digest())
