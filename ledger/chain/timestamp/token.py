"""A timestamp token: who says that a hash was known, and when.

It is read as raw slices: what is signed stays the bytes that were received, and nothing is encoded
again. Reading says nothing about truth; `verifying.verify_token` does.

Specification: RFC 3161 section 2.4.2, RFC 5816, RFC 5652 section 5.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil, floor

from ledger.chain.note import first_lines
from ledger.crypto import der
from ledger.crypto.der import Element
from ledger.errors import MalformedData, TooLarge
from ledger.quoted import Message

MAX_TOKEN = 1 << 20
"""Bytes of a token, whoever has made it."""

MAX_CERTIFICATES = 16
"""Certificates, and also revocation lists, in one token."""

MAX_ACCURACY = 86_400
"""Seconds."""

DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Object identifier -> hash function that is verified here."""

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1"
_CERTIFICATES, _LISTS = der.context(0), der.context(1)
_TIME = re.compile(rb"(\d{12})(\d\d)(?:\.(\d{1,18}))?Z")


@dataclass(frozen=True, slots=True)
class Signer:
    """The one signer of a token.

    `sid` names its certificate: issuer and serial number, or a [0] key identifier. `attributes` is the
    SET that is signed; the algorithms are AlgorithmIdentifiers.
    """

    sid: Element
    digest: Element
    attributes: bytes
    algorithm: Element
    signature: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """What a token states.

    `content` is the signed TSTInfo and `gen_time` its time in POSIX seconds; `accuracy`, in seconds,
    is None where the token is silent. `imprint_algorithm` is a name of `DIGESTS`, or an object
    identifier that is not verified here; `imprint_identifier` is the algorithm as it was written.
    `critical` are the critical extensions' identifiers. `certificates` and `crls` (also OCSP responses)
    lie outside of the signature.
    """

    der: bytes
    content: bytes
    policy: str
    imprint_identifier: bytes
    imprint_algorithm: str
    imprint: bytes
    serial: int
    gen_time: Fraction
    accuracy: Fraction | None
    nonce: int | None
    critical: tuple[str, ...]
    signer: Signer
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]

    def earliest(self, assumed: int = 0) -> int:
        """Return the POSIX second before which the token was not made: rounded down.

        `assumed` is the accuracy in seconds where the token is silent.
        """
        return floor(self.gen_time - self._margin(assumed))

    def latest(self, assumed: int = 0) -> int:
        """Return the POSIX second by which the token was made: rounded up. See `earliest`."""
        return ceil(self.gen_time + self._margin(assumed))

    def _margin(self, assumed: int) -> Fraction:
        return Fraction(assumed) if self.accuracy is None else self.accuracy


def note_imprint(token: "Token", note: str, lines: int) -> bytes:
    """Return the hash of a note's first signature lines that a token over them must be for.

    Where the token's hash function is none that is verified here, SHA-256 stands for it.
    """
    known = token.imprint_algorithm in DIGESTS.values()
    data = first_lines(note, lines).encode()
    return hashlib.new(token.imprint_algorithm if known else "sha256", data).digest()


def parse_token(data: bytes) -> Token:
    """Return the token that `data` is. Raises MalformedData and TooLarge."""
    fields, content = _opened(data)
    certificates, crls = _outside(fields[3:-1])
    signer = _signer(fields[-1])
    stated = der.children(der.read(content), der.SEQUENCE)
    if len(stated) < 5 or der.parse_integer(stated[0]) != 1:
        raise _wrong("statement")
    _, policy, imprint, serial, gen_time, *rest = stated
    identifier, value = _imprint(imprint)
    optional = _optional(rest)
    algorithm = algorithm_oid(identifier)
    nonce = optional.get(der.INTEGER)
    return Token(
        der=data,
        content=content,
        policy=der.parse_oid(policy),
        imprint_identifier=identifier.raw,
        imprint_algorithm=DIGESTS.get(algorithm, algorithm),
        imprint=value.content,
        serial=der.parse_integer(serial),
        gen_time=_gen_time(gen_time),
        accuracy=_accuracy(optional.get(der.SEQUENCE)),
        nonce=None if nonce is None else der.parse_integer(nonce),
        critical=_critical(optional.get(der.context(1))),
        signer=signer,
        certificates=tuple(each.raw for each in certificates if each.tag == der.SEQUENCE),
        crls=tuple(map(_list, crls)),
    )


def sorted_sets(data: bytes) -> bytes:
    """Return a token with its certificates and revocation lists in DER's order.

    Both lie outside of the signature, and OpenSSL writes them as they come; strict readers refuse
    that. Nothing else is written anew. Raises MalformedData and TooLarge.
    """
    fields, _ = _opened(data)
    signed_data = der.sequence(
        *(
            der.set_of((each.raw for each in der.children(field)), field.tag)
            if field.tag in (_CERTIFICATES, _LISTS)
            else field.raw
            for field in fields
        )
    )
    return der.sequence(der.oid(_SIGNED_DATA), der.encode(der.context(0), signed_data))


def algorithm_oid(element: Element) -> str:
    """Return the object identifier of an AlgorithmIdentifier. Raises MalformedData."""
    fields = der.children(element, der.SEQUENCE)
    if not 1 <= len(fields) <= 2:
        raise MalformedData("an algorithm of a timestamp token is not as specified")
    return der.parse_oid(fields[0])


def _opened(data: bytes) -> tuple[tuple[Element, ...], bytes]:
    """Return the fields of the SignedData, and the TSTInfo that is signed."""
    if len(data) > MAX_TOKEN:
        raise TooLarge(f"a timestamp token is longer than {MAX_TOKEN:,} bytes")
    fields = der.children(_explicit(der.read(data), _SIGNED_DATA), der.SEQUENCE)
    if len(fields) < 4 or der.parse_integer(fields[0]) not in (3, 4, 5):
        raise _wrong("content")
    der.children(fields[1], der.SET)
    signed = _explicit(fields[2], _TST_INFO)
    if signed.tag != der.OCTET_STRING:
        raise _wrong("content")
    return fields, signed.content


def _explicit(element: Element, kind: str) -> Element:
    """Return what a ContentInfo of this kind holds."""
    fields = der.children(element, der.SEQUENCE)
    if len(fields) != 2 or der.parse_oid(fields[0]) != kind:
        raise _wrong("content")
    inner = der.children(fields[1], der.context(0))
    if len(inner) != 1:
        raise _wrong("content")
    return inner[0]


def _outside(fields: tuple[Element, ...]) -> tuple[tuple[Element, ...], tuple[Element, ...]]:
    """Return certificates and revocation lists, which may both be absent."""
    found = {field.tag: der.children(field) for field in fields}
    if [field.tag for field in fields] != sorted({_CERTIFICATES, _LISTS} & found.keys()):
        raise _wrong("list of certificates")
    certificates, lists = found.get(_CERTIFICATES, ()), found.get(_LISTS, ())
    if max(len(certificates), len(lists)) > MAX_CERTIFICATES:
        raise TooLarge(
            f"a timestamp token holds more than {MAX_CERTIFICATES} certificates or lists"
        )
    return certificates, lists


def _list(element: Element) -> bytes:
    """Return a CRL or an OCSP response (RFC 5940); of a kind that is not known, what is written."""
    if element.tag != der.context(1):
        return element.raw
    fields = der.children(element)
    if len(fields) != 2:
        raise _wrong("revocation list")
    kind, value = der.parse_oid(fields[0]), fields[1].raw
    if kind != _BASIC_RESPONSE:
        return value
    # Without the envelope, as German archives write it.
    basic = der.sequence(fields[0].raw, der.encode(der.OCTET_STRING, value))
    return der.sequence(der.encode(der.ENUMERATED, b"\0"), der.encode(der.context(0), basic))


def _signer(element: Element) -> Signer:
    signers = der.children(element, der.SET)
    if len(signers) != 1:
        raise MalformedData(f"a timestamp token has {len(signers)} signers, where one is specified")
    fields = der.children(signers[0], der.SEQUENCE)
    if not 6 <= len(fields) <= 7:
        raise _wrong("signer")
    version, sid, digest, attributes, algorithm, signature, *unsigned = fields
    expected = {der.SEQUENCE: 1, der.context(0, constructed=False): 3}
    if (
        der.parse_integer(version) != expected.get(sid.tag)
        or attributes.tag != der.context(0)
        or signature.tag != der.OCTET_STRING
        or any(each.tag != der.context(1) for each in unsigned)
    ):
        raise _wrong("signer")
    return Signer(
        sid, digest, der.encode(der.SET, attributes.content), algorithm, signature.content
    )


def _optional(fields: list[Element]) -> dict[int, Element]:
    """Return accuracy, ordering, nonce, tsa and extensions by their tags, which come in this order."""
    tags = [der.SEQUENCE, der.BOOLEAN, der.INTEGER, der.context(0), der.context(1)]
    found = {field.tag: field for field in fields}
    if [field.tag for field in fields] != [tag for tag in tags if tag in found]:
        raise _wrong("statement")
    return found


def _imprint(element: Element) -> tuple[Element, Element]:
    """Return algorithm and hash of a MessageImprint."""
    fields = der.children(element, der.SEQUENCE)
    if len(fields) != 2 or fields[1].tag != der.OCTET_STRING:
        raise _wrong("imprint")
    return fields[0], fields[1]


def _gen_time(element: Element) -> Fraction:
    match = _TIME.fullmatch(element.content)
    if element.tag != der.GENERALIZED_TIME or not match:
        raise MalformedData("the time of a timestamp token is not one in UTC, as specified")
    minute, second, fraction = (part.decode() for part in match.groups(b""))
    try:
        start = datetime.strptime(minute, "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        start = None
    # Second 60 is a leap second: the one behind the minute, which POSIX counts as the next.
    if start is None or int(second) > 60:
        raise MalformedData("the time of a timestamp token does not exist")
    seconds = int(start.timestamp()) + int(second)
    return Fraction(seconds) + (Fraction(int(fraction), 10 ** len(fraction)) if fraction else 0)


def _accuracy(element: Element | None) -> Fraction | None:
    if element is None:
        return None
    units = {der.INTEGER: 1, 0x80: 1_000, 0x81: 1_000_000}
    total, last = Fraction(0), 0
    for field in der.children(element):
        unit = units.get(field.tag, 0)
        if unit <= last:
            raise _wrong("accuracy")
        value = der.parse_integer(field, field.tag)
        if value < 0 or (unit > 1 and not 1 <= value <= 999):
            raise _wrong("accuracy")
        total, last = total + Fraction(value, unit), unit
    if total > MAX_ACCURACY:
        raise MalformedData("a timestamp token's accuracy is over a day, so that it tells no time")
    return total


def _critical(extensions: Element | None) -> tuple[str, ...]:
    found: list[str] = []
    for each in der.children(extensions) if extensions else ():
        fields = der.children(each, der.SEQUENCE)
        if not 2 <= len(fields) <= 3 or fields[-1].tag != der.OCTET_STRING:
            raise _wrong("extension")
        name = der.parse_oid(fields[0])
        if len(fields) == 3:
            if fields[1].tag != der.BOOLEAN:
                raise _wrong("extension")
            if fields[1].content != b"\0":
                found.append(name)
    return tuple(found)


def _wrong(what: Message) -> MalformedData:
    return MalformedData(f"a timestamp token's {what} is not as specified")
