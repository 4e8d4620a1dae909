"""An evidence record: chains of archive timestamps, each of which covers what came before it.

It is read as raw slices, because each renewal hashes what stands there and not what it means.

Specification: RFC 4998 sections 3.1, 4.1 and 5.1.
"""

from dataclasses import dataclass

from ledger.chain.timestamp.token import DIGESTS, Token, algorithm_oid, parse_token
from ledger.crypto import der
from ledger.crypto.der import Element
from ledger.errors import MalformedData, TooLarge
from ledger.quoted import Message

MAX_RECORD = 4 << 20
"""Bytes of a record, whoever has made it."""

MAX_TIMESTAMPS = 256
"""Archive timestamps in a record: a renewal a year for longer than anybody keeps a file."""

HASHES = DIGESTS | {"2.16.840.1.101.3.4.2.4": "sha224"}
"""Object identifier -> hash function that reduced hash trees are computed with."""

_ALGORITHM, _ATTRIBUTES, _REDUCED = der.context(0), der.context(1), der.context(2)
_INFOS = (der.context(0), der.context(1))


@dataclass(frozen=True, slots=True)
class ArchiveTimestamp:
    """A token over the root of a hash tree, with what leads from a document to that root.

    `algorithm` is a name of `HASHES`, or an object identifier that is not verified here; `identifier`
    is its AlgorithmIdentifier as it was written, in the tree or else in the token. `reduced` is the
    content of the reduced hash tree, empty where the token stamps the document's hash itself.
    """

    raw: bytes
    algorithm: str
    identifier: bytes
    reduced: bytes
    token: Token

    @property
    def lists(self) -> tuple[tuple[bytes, ...], ...]:
        """The lists of hashes, from the documents up. Raises MalformedData."""
        return tuple(map(_hashes, der.children(der.read(der.encode(der.SEQUENCE, self.reduced)))))


Chain = tuple[ArchiveTimestamp, ...]
"""Archive timestamps of one hash function, each over the token before it."""


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """A record. `algorithms` are AlgorithmIdentifiers, `infos` what else it brings; both as written."""

    algorithms: tuple[bytes, ...]
    infos: tuple[bytes, ...]
    chains: tuple[Chain, ...]


def parse_record(data: bytes) -> EvidenceRecord:
    """Return the record that `data` is. Raises MalformedData and TooLarge."""
    if len(data) > MAX_RECORD:
        raise TooLarge(f"an evidence record is longer than {MAX_RECORD:,} bytes")
    fields = der.children(der.read(data), der.SEQUENCE)
    if len(fields) < 3 or der.parse_integer(fields[0]) != 1:
        raise _wrong("beginning")
    _, algorithms, *infos, sequence = fields
    tags = [info.tag for info in infos]
    if tags != [tag for tag in _INFOS if tag in tags]:
        raise _wrong("beginning")
    chains = [der.children(chain, der.SEQUENCE) for chain in der.children(sequence, der.SEQUENCE)]
    if not chains or not all(chains):
        raise _wrong("sequence of chains")
    if sum(map(len, chains)) > MAX_TIMESTAMPS:
        raise TooLarge(f"an evidence record holds more than {MAX_TIMESTAMPS} timestamps")
    named = der.children(algorithms, der.SEQUENCE)
    for each in named:
        algorithm_oid(each)
    return EvidenceRecord(
        tuple(each.raw for each in named),
        tuple(each.raw for each in infos),
        tuple(tuple(map(_timestamp, chain)) for chain in chains),
    )


def parse_stamp(data: bytes) -> EvidenceRecord:
    """Return what stamps a document: a token over its hash, or a record that begins with one.

    A token alone is the record of one archive timestamp. Raises MalformedData and TooLarge.
    """
    first = der.children(der.read(data), der.SEQUENCE)[:1]
    if not first or first[0].tag != der.INTEGER:
        return token_record(parse_token(data))
    record = parse_record(data)
    if record.chains[0][0].reduced:
        raise _wrong("first timestamp")
    return record


def token_record(token: Token) -> EvidenceRecord:
    """Return the record that a token over a document's own hash is by itself."""
    only = archive_timestamp(b"", token)
    return EvidenceRecord((only.identifier,), (), ((only,),))


def format_record(record: EvidenceRecord) -> bytes:
    """Return the DER of a record."""
    return der.sequence(
        der.integer(1),
        der.sequence(*record.algorithms),
        *record.infos,
        format_chains(record.chains),
    )


def format_chains(chains: tuple[Chain, ...]) -> bytes:
    """Return the DER of an ArchiveTimeStampSequence."""
    return der.sequence(*(der.sequence(*(each.raw for each in chain)) for chain in chains))


def archive_timestamp(reduced: bytes, token: Token) -> ArchiveTimestamp:
    """Return the archive timestamp that a token makes of a reduced hash tree (`tree.branches`).

    Its algorithm is byte for byte that of the token's imprint: software compares the two.
    """
    algorithm = der.read(token.imprint_identifier)
    raw = der.sequence(
        der.encode(_ALGORITHM, algorithm.content),
        der.encode(_REDUCED, reduced) if reduced else b"",
        token.der,
    )
    return ArchiveTimestamp(raw, token.imprint_algorithm, token.imprint_identifier, reduced, token)


def _timestamp(element: Element) -> ArchiveTimestamp:
    *optional, content = der.children(element, der.SEQUENCE)
    found = {each.tag: each for each in optional}
    tags = (_ALGORITHM, _ATTRIBUTES, _REDUCED)
    if [each.tag for each in optional] != [tag for tag in tags if tag in found]:
        raise _wrong("archive timestamp")
    token = parse_token(content.raw)
    identifier = token.imprint_identifier
    if _ALGORITHM in found:
        identifier = der.encode(der.SEQUENCE, found[_ALGORITHM].content)
    name = algorithm_oid(der.read(identifier))
    reduced = found[_REDUCED].content if _REDUCED in found else b""
    timestamp = ArchiveTimestamp(element.raw, HASHES.get(name, name), identifier, reduced, token)
    if _REDUCED in found and not all(timestamp.lists or ((),)):
        raise _wrong("hash tree")
    return timestamp


def _hashes(element: Element) -> tuple[bytes, ...]:
    values = der.children(element, der.SEQUENCE)
    if any(value.tag != der.OCTET_STRING for value in values):
        raise _wrong("hash tree")
    return tuple(value.content for value in values)


def _wrong(what: Message) -> MalformedData:
    return MalformedData(f"an evidence record's {what} is not as specified")
