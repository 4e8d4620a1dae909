"""Whether what a notary signs with, and what it gives, is what its trust file says.

A court has the trust file and nothing else. A wrong key, certificate or row gives receipts that fail
there and nowhere before, unless the notary looks with the same eyes.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.chain.certificate import SealAnchor
from ledger.chain.trust import Trust, parse_trust
from ledger.crypto.keys import thumbprint_p256
from ledger.errors import InvalidInput, LedgerFault, MalformedData
from ledger.notary.ports import NotaryKeys, verifiers
from ledger.notary.storage import directory as place
from ledger.quoted import Message, quoted
from ledger.verify import ReceiptRefused, verify_receipt

SEAL_WARNING = 8 * 7 * 86_400
"""Seconds before the seal's certificates run out that the office is told: a trust file that names a new
root has to reach courts and companies on paper."""


def read_trust(path: Path) -> tuple[bytes, Trust]:
    """Return the trust file and what it says. Raises InvalidInput."""
    try:
        data = path.read_bytes()
        return data, parse_trust(data)
    except OSError as error:
        raise InvalidInput(
            f"{quoted(path)} cannot be read ({error.strerror}); put it back."
        ) from error
    except MalformedData as error:
        raise InvalidInput(
            f"{quoted(path)} was altered ({error}); put it back from a backup."
        ) from error


def key_faults(keys: NotaryKeys, trust: Trust) -> Iterator[tuple[str, Message]]:
    """Yield (file, what is wrong) of keys and certificates that the trust file does not name."""
    log, ml_dsa = verifiers(keys.origin, keys.newest)
    if trust.origin != keys.origin:
        yield place.SETTINGS, "the trust file is for another ledger"
    if log not in [each.key for each in trust.policy.logs]:
        yield f"{place.KEYS}/{place.LOG_KEY}", "it is no key of the trust file's policy"
    if ml_dsa not in [each.key for each in trust.policy.witnesses]:
        yield f"{place.KEYS}/{place.ML_DSA_KEY}", "it is no key of the trust file's policy"
    if keys.successor is not None and keys.verifiers not in [
        (each.log, each.cosigner) for each in trust.retired
    ]:
        yield f"{place.KEYS}/{place.OLD_LOG_KEY}", "the trust file does not list it as retired"
    try:
        chain = [x509.load_der_x509_certificate(each) for each in keys.chain]
        certified = chain[0].public_key()
        for certificate, above in pairwise(chain):
            certificate.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        yield place.SEAL_CHAIN, "it was altered: its certificates do not follow from each other"
        return
    if not isinstance(certified, ec.EllipticCurvePublicKey) or (
        thumbprint_p256(certified) != keys.seal.thumbprint
    ):
        yield (
            f"{place.KEYS}/{place.SEAL_KEY}",
            f"the first certificate in {place.SEAL_CHAIN} is for another key",
        )
    if SealAnchor(chain[0].subject.rfc4514_string(), keys.chain[-1]) not in trust.seals:
        yield place.SEAL_CHAIN, "the trust file lists no such seal: its subject under its root"


def require_own(keys: NotaryKeys, trust: Trust) -> None:
    """Raise LedgerFault unless the trust file names what the notary signs with."""
    found = "; ".join(f"{where}: {problem}" for where, problem in key_faults(keys, trust))
    if found:
        raise LedgerFault(
            "What this notary would sign could be verified by nobody who has its trust file. "
            f"Nothing is signed. {found}. Put back the files that belong together, from a backup."
        )


def require_verified(receipt: bytes, trust: Trust) -> None:
    """Raise LedgerFault unless a receipt holds under the trust file."""
    try:
        verify_receipt(receipt, trust, provisional=True)
    except ReceiptRefused as error:
        found = "; ".join(f"{each.name}: {each.reason}" for each in error.report.failed)
        raise LedgerFault(
            f"A receipt that was to be given does not verify ({found or error}). {_LOOK}"
        ) from error
    except MalformedData as error:
        raise LedgerFault(
            f"A receipt that was to be given is malformed ({error}). {_LOOK}"
        ) from error


_LOOK: Message = (
    "A key, the trust file or a row was altered: stop the notary and run `sealbook notary fsck`, which "
    "says what."
)
