"""Whether a timestamp token holds, by whose word, and for how long.

Specification: RFC 3161 section 2.4.2 and appendix B; RFC 5816.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import floor

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain.timestamp.authority import Authority, Doubts
from ledger.chain.timestamp.path import verify_path
from ledger.chain.timestamp.revocation import (
    MAX_ITEMS,
    MAX_VALIDATION,
    Revocation,
    Validation,
    parse_validation,
    standing,
)
from ledger.chain.timestamp.signature import known_digest, verify_signer
from ledger.chain.timestamp.token import DIGESTS, Token
from ledger.errors import MalformedData, TooLarge, VerificationFailed
from ledger.quoted import quoted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotTrusted(VerificationFailed):
    """A token counts for nothing: no trusted authority stands for it, or its key was lost."""


class KeyLost(NotTrusted):
    """A token's certificate was revoked, and nothing shows that the token is older than that."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that holds; only `verify_token` makes one. Times are POSIX seconds.

    The imprint was known by `latest`, and the token was not made before `earliest`. `expires` is the
    last second of the certificates' path: from then on, from the time of `revoked`, or from `doubted`,
    when its hash function is trusted no more, something newer must show that the token existed.
    `checked` is the time up to which lists show no revocation that is not named here, None where there
    are none. `path` are the certificates (DER), from the signer's to the authority's.
    """

    token: Token
    authority: str
    earliest: int
    latest: int
    expires: int
    revoked: Revocation | None
    checked: int | None
    path: tuple[bytes, ...]
    doubted: int | None = None

    @property
    def until(self) -> int:
        """The last second at which it stands without anything newer."""
        ends = (self.expires, self.doubted, None if self.revoked is None else self.revoked.time)
        return min(end for end in ends if end is not None)


def verify_token(
    token: Token,
    imprint: bytes,
    authorities: Sequence[Authority],
    validation: Sequence[bytes] = (),
    *,
    shown: int | None = None,
    doubts: Doubts = (),
) -> VerifiedToken:
    """Return what a token proves about `imprint`, a SHA-256, SHA-384 or SHA-512.

    `validation` are certificates, CRLs and OCSP responses in DER, beside those in the token. `shown`
    is the POSIX second by which something newer that stands shows the token to have existed: a key
    that was lost later does not fell it then. Raises NotTrusted, VerificationFailed, MalformedData and
    TooLarge.
    """
    if token.imprint_algorithm not in DIGESTS.values():
        raise VerificationFailed(
            f"a timestamp token's hash function {quoted(token.imprint_algorithm)} is not verified here"
        )
    if token.imprint != imprint:
        raise VerificationFailed("a timestamp token is for something else: its hash is another one")
    if token.critical:
        raise VerificationFailed(
            f"a timestamp token's extension {quoted(token.critical[0])} is critical, and not known here"
        )
    items = _items(token, validation)
    known = {each.certificate: None for each in authorities}
    certificates = [raw for raw, each in items if isinstance(each, x509.Certificate)]
    signer = x509.load_der_x509_certificate(verify_signer(token, (*certificates, *known)))
    others = tuple(each for _, each in items if isinstance(each, x509.Certificate))
    authority, path = _path(token, signer, others, authorities)
    latest = token.latest(authority.accuracy)
    doubted = _doubted(token, latest, doubts)
    revoked, checked = _standing(path, [each for _, each in items], latest, shown)
    return VerifiedToken(
        token=token,
        authority=authority.name,
        earliest=token.earliest(authority.accuracy),
        latest=latest,
        expires=int(min(each.not_valid_after_utc for each in path).timestamp()),
        revoked=revoked,
        checked=checked,
        doubted=doubted,
        path=tuple(each.public_bytes(Encoding.DER) for each in path),
    )


def _items(token: Token, validation: Sequence[bytes]) -> list[tuple[bytes, Validation]]:
    """Return certificates and lists: those handed in, and those of the token that can be read."""
    if len(validation) > MAX_ITEMS or sum(map(len, validation)) > MAX_VALIDATION:
        raise TooLarge(
            f"the validation data for a timestamp token is over {MAX_ITEMS} files or "
            f"{MAX_VALIDATION:,} bytes"
        )
    items = {each: parse_validation(each) for each in validation}
    for each in (*token.certificates, *token.crls):
        try:
            items[each] = parse_validation(each)
        except MalformedData:
            continue  # outside of the signature: anybody can have put it there
    return list(items.items())


def _path(
    token: Token,
    signer: x509.Certificate,
    others: tuple[x509.Certificate, ...],
    authorities: Sequence[Authority],
) -> tuple[Authority, tuple[x509.Certificate, ...]]:
    """Return the first authority that stands for the token, and the path to it."""
    failed = VerificationFailed("no timestamp authority is trusted: add it to the trust file")
    for each in authorities:
        if each.policy not in (None, token.policy):
            failed = VerificationFailed(
                f"a timestamp token was made under the policy {quoted(token.policy)}, which is not the "
                f"one that you trust of {quoted(each.name)}"
            )
            continue
        anchor = x509.load_der_x509_certificate(each.certificate)
        try:
            return each, verify_path(signer, others, anchor, floor(token.gen_time))
        except VerificationFailed as error:
            failed = error
    raise NotTrusted(str(failed)) from failed


def _standing(
    path: Sequence[x509.Certificate], lists: Sequence[Validation], latest: int, shown: int | None
) -> tuple[Revocation | None, int | None]:
    """Return the first revocation that leaves the token standing, and when all were last checked.

    A list counts whenever it was made, also for a question about an earlier day: what is looked at are
    bytes that a thief may have made since. The authority's own certificate is trusted by name: nobody
    above it revokes it. Raises NotTrusted where a revocation fells the token.
    """
    found = [standing(each, issuer, lists, latest) for each, issuer in pairwise(path)]
    revocations = sorted(
        (each for one in found for each in one.revocations), key=lambda each: each.time
    )
    for each in revocations:
        known = [] if shown is None else [shown]
        known += [latest] if each.is_harmless else []
        if not known or min(known) >= each.time:
            day, listed = _day(each.time), _day(each.listed)
            if each.reason is None:
                raise KeyLost(
                    f"a timestamp token's certificate was revoked on {day} without a reason, as a list "
                    f"of {listed} says, and nothing shows that the token is older than that"
                )
            raise KeyLost(
                f"a timestamp token's certificate was revoked on {day} for {quoted(each.reason)}, as a "
                f"list of {listed} says, and nothing shows that the token is older than that"
            )
    checks = [each.checked for each in found]
    checked = [each for each in checks if each is not None]
    return (
        revocations[0] if revocations else None,
        min(checked) if checked and len(checked) == len(checks) else None,
    )


def _doubted(token: Token, latest: int, doubts: Doubts) -> int | None:
    """Return from when on a hash function of the token is doubted.

    The token is from before; one from after raises NotTrusted.
    """
    used = {token.imprint_algorithm, known_digest(token.signer.digest)}
    for name, time in doubts:
        if name in used and time < latest:
            raise NotTrusted(
                f"a timestamp token is from after {_day(time)}, from when on you doubt its hash "
                f"function {quoted(name)}"
            )
    return doubted_from(used, doubts)


def doubted_from(used: Collection[str], doubts: Doubts) -> int | None:
    """Return from when on one of the hash functions in `used` is doubted, None for never."""
    return min((time for name, time in doubts if name in used), default=None)


def _day(seconds: int) -> date:
    return (_EPOCH + timedelta(seconds=seconds)).date()
