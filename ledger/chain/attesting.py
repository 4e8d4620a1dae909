"""By when an entry was made, in the words of others than the notary, and until when that is shown.

Tokens stand in the receipt. An evidence record lies beside the file that the receipt is, or is in: it
shows the tokens to be older than its own, and attests to a time itself.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ledger.chain.note import first_lines
from ledger.chain.receipt import Times, TokenEntry
from ledger.chain.renewal.record import parse_record, parse_stamp, token_record
from ledger.chain.renewal.verifying import Digests, VerifiedRecord, verify_record
from ledger.chain.timestamp.authority import Authority, Doubts
from ledger.chain.timestamp.verifying import NotTrusted, VerifiedToken, doubted_from
from ledger.errors import SealbookError


@dataclass(frozen=True, slots=True)
class Renewed:
    """An evidence record's bytes and the hashes of the file beside it; nothing is verified yet."""

    data: bytes
    digests: Digests


@dataclass(frozen=True, slots=True)
class Attested:
    """That what is asked about existed by `latest`, which is shown until `until`. POSIX seconds.

    `token` is what says so by itself, the oldest that counts with its renewals, and the oldest of the
    record where `renewed` is all there is.
    """

    token: VerifiedToken
    until: int
    renewed: bool = False

    @property
    def latest(self) -> int:
        """The second by which it existed."""
        return self.token.latest


@dataclass(frozen=True, slots=True)
class Attestations:
    """What tokens and record say of one note; only `attest` makes one.

    `tokens` are those of the receipt that count. `record` is the evidence record that holds; of one
    that does not, `refused` says why. `left_out` says the same of tokens that count for nothing.
    """

    tokens: tuple[Attested, ...]
    record: VerifiedRecord | None
    refused: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def all(self) -> tuple[Attested, ...]:
        """Each token, and the record by itself."""
        if self.record is None:
            return self.tokens
        return *self.tokens, Attested(self.record.tokens[0], self.record.until, renewed=True)

    def standing(self, at: int | None) -> Attested | None:
        """Return what shows the earliest time at `at`, None where nothing shows any then."""
        shown = [each for each in self.all if at is None or at <= each.until]
        return min(shown, key=lambda each: (each.latest, -each.until), default=None)


def attest(
    times: Times,
    note: str,
    authorities: tuple[Authority, ...],
    renewed: Renewed | None = None,
    at: int | None = None,
    doubts: Doubts = (),
) -> Attestations:
    """Return what tokens over `note`, and a record over the file that holds them, attest to.

    A record counts for a token where it stands at `at`, or at any time where that is None: what it
    shows to have existed while it stood is shown for as long as the record stands, and a key that was
    lost later fells it no more. Raises MalformedData, VerificationFailed and TooLarge for a token that
    is over something else or does not hold; never for the record.
    """
    record, refused = None, tuple[str, ...]()
    if renewed is not None:
        record, refused = _verified(renewed, authorities, times.validation, doubts)
    shown = record.since if record is not None and (at is None or at <= record.until) else None
    found, left_out = [], []
    for entry in times.tokens:
        stamps, why = verify_entry(
            entry, note, authorities, times.validation, shown=shown, doubts=doubts
        )
        left_out += why
        found += [_attested(stamp, record, doubts) for stamp in stamps]
    return Attestations(tuple(found), record, refused, tuple(left_out))


def verify_entry(
    entry: TokenEntry,
    note: str,
    authorities: Sequence[Authority],
    validation: Sequence[bytes],
    *,
    shown: int | None = None,
    doubts: Doubts = (),
) -> tuple[list[VerifiedRecord], list[str]]:
    """Return what a token with its renewals proves of a note, and why some of them do not count.

    Where the token was renewed too late it stands by itself, and the renewal beside it.
    """
    stamped = first_lines(note, entry.lines).encode()
    return _verify_stamp(entry.der, stamped, authorities, validation, shown, doubts)


def attest_statement(
    times: Times,
    statement: bytes,
    authorities: tuple[Authority, ...],
    record: VerifiedRecord | None = None,
    at: int | None = None,
    doubts: Doubts = (),
) -> tuple[list[Attested], list[str]]:
    """Return what the depositor's own tokens attest to of a statement, and why some do not count.

    `record` is the evidence record that holds, as in `Attestations`. Raises as `attest` does.
    """
    shown = record.since if record is not None and (at is None or at <= record.until) else None
    found, left_out = [], []
    for der in times.own:
        stamps, why = _verify_stamp(der, statement, authorities, times.validation, shown, doubts)
        left_out += why
        found += [_attested(stamp, record, doubts) for stamp in stamps]
    return found, left_out


def _attested(stamp: VerifiedRecord, record: VerifiedRecord | None, doubts: Doubts) -> Attested:
    until = _proofs_end(doubts, stamp.until)
    if record is not None and record.since <= until:
        until = max(until, record.until)
    return Attested(stamp.tokens[0], until)


def _verify_stamp(
    der: bytes,
    stamped: bytes,
    authorities: Sequence[Authority],
    validation: Sequence[bytes],
    shown: int | None,
    doubts: Doubts,
) -> tuple[list[VerifiedRecord], list[str]]:
    documents = [lambda name: hashlib.new(name, stamped).digest()]
    record = parse_stamp(der)
    first = record.chains[0][0].token
    found: list[VerifiedRecord] = []
    try:
        found.append(verify_record(record, documents, authorities, validation, doubts, shown=shown))
        if found[0].tokens[0].token != first:
            alone = token_record(first)
            found.append(verify_record(alone, documents, authorities, validation, doubts))
    except NotTrusted as error:
        return found, [*(found[0].left_out if found else ()), str(error)]
    return found, list(found[0].left_out)


def _proofs_end(doubts: Doubts, end: int) -> int:
    """Return `end`, or from when on SHA-256 is doubted: it leads from notes to entries."""
    doubted = doubted_from(("sha256",), doubts)
    return end if doubted is None else min(end, doubted)


@lru_cache(maxsize=4)
def _verified(
    renewed: Renewed,
    authorities: tuple[Authority, ...],
    validation: tuple[bytes, ...],
    doubts: Doubts,
) -> tuple[VerifiedRecord | None, tuple[str, ...]]:
    """Return the record where it holds, else why not: once for all deposits of a file."""
    try:
        record = parse_record(renewed.data)
        found = verify_record(record, [renewed.digests], authorities, validation, doubts)
        if found.since > _proofs_end(doubts, found.since):
            raise NotTrusted(
                "the evidence record is from after you doubt SHA-256, on which the receipt's "
                "proofs rest"
            )
        return found, ()
    except SealbookError as error:
        return None, (str(error),)
