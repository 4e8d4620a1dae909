"""Renewing what one holds: evidence records beside files, all of them under one new token.

A record covers the bytes of one file, whole; a receipt and an evidence file stay as they were made.

Specification: RFC 4998.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ledger.chain.renewal.record import format_record
from ledger.chain.renewal.renewing import ALGORITHM, Kind, Renewal, plan_renewal, renew
from ledger.chain.renewal.tree import MAX_LEAVES, Tree
from ledger.chain.renewal.verifying import (
    VerifiedRecord,
    covered,
    hashes_used,
    verify_record,
)
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import Token
from ledger.chain.timestamp.verifying import NotTrusted, verify_token
from ledger.disk.files import AtomicFile, sync_folder, what_to_do
from ledger.errors import InvalidInput, MalformedData, SealbookError, StorageFailed, TooLarge
from ledger.evidence.renewed import digests_of, read_record, record_of
from ledger.quoted import quoted
from ledger.wire import authority

_BATCH = 1_000
"""Records that are written before their folders are synced."""
MAX_BROUGHT = 64
"""Certificates of a record that are tried before it is renewed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: its record's place and what the renewal was, or why there is none.

    `before` is what its record showed by the certificates that it brings itself; that they are trusted
    is not said. It is None where there was no record, or none of its timestamps held.
    """

    file: Path
    record: Path
    kind: Kind | None = None
    token: Token | None = None
    error: SealbookError | None = None
    before: VerifiedRecord | None = None

    @property
    def lapsed(self) -> bool:
        """Whether the record no longer held when it was renewed: it shows only the new time then."""
        if self.token is None or self.before is None:
            return False
        return self.token.latest() > self.before.until


def request_token(url: str, imprint: bytes, authorities: Sequence[Authority]) -> Token:
    """Return an authority's token over a hash.

    Without `authorities` only its signature is verified, not who has made it. Raises SealbookError.
    """
    token = authority.request_token(url, imprint, secrets.randbits(64) | 1 << 64)
    verify_token(token, imprint, authorities or brought(token))
    return token


def brought(token: Token) -> tuple[Authority, ...]:
    """Return the certificates that a token brings itself, as if they were trusted."""
    found = []
    for each in token.certificates:
        with suppress(MalformedData):  # outside of the signature: anybody can have put it there
            found.append(Authority("itself", each))
    return tuple(found)


def renew_files(
    files: Sequence[Path],
    stamp: Callable[[bytes], Token],
    *,
    folder: Path | None = None,
    hash_tree: bool = False,
) -> Iterator[Outcome]:
    """Renew what covers `files`, and yield what became of each, in no order.

    One that cannot be renewed stops no other. A record is replaced by the longer one in one step.

    Args:
        files: Any files.
        stamp: Returns an authority's token over a SHA-512; not called where nothing is to be stamped.
        folder: Where the records are kept; beside the files where it is None.
        hash_tree: Whether the hash function of the records is doubted: see `plan_renewal`.
    """
    if len(files) > MAX_LEAVES:
        raise TooLarge(f"At most {MAX_LEAVES:,} files are renewed at once; renew them in parts.")
    waiting: dict[bytes, list[_Planned]] = {}
    taken: dict[Path, Path] = {}
    known: _Known = {}
    for file in files:
        place = record_of(file, folder)
        try:
            if taken.setdefault(place, file) != file:
                raise InvalidInput(
                    f"{quoted(taken[place])} would have the same record; renew them in two runs."
                )
            planned = _planned(file, place, hash_tree, known)
        except SealbookError as error:
            yield Outcome(file, place, error=error)
        else:
            waiting.setdefault(planned.renewal.leaf, []).append(planned)
    if not waiting:
        return
    tree = Tree(ALGORITHM, list(waiting), secrets.token_bytes(32))
    token = stamp(tree.root)
    todo = ((each, branch) for leaf, branch in tree.branches() for each in waiting[leaf])
    while batch := list(islice(todo, _BATCH)):
        written = [_written(each, branch, token) for each, branch in batch]
        failed = _settled({each.record.parent for each in written if each.error is None})
        for each in written:
            lost = None if each.error else failed.get(each.record.parent)
            yield each if lost is None else Outcome(each.file, each.record, error=lost)


_Known = dict[tuple[bytes, ...], VerifiedRecord | None]


@dataclass(frozen=True, slots=True)
class _Planned:
    file: Path
    place: Path
    renewal: Renewal
    before: VerifiedRecord | None


def _written(planned: _Planned, branch: bytes, token: Token) -> Outcome:
    """Put a file's record under its name, which is not durable yet."""
    try:
        record = format_record(renew(planned.renewal, branch, token))
        with AtomicFile(planned.place, settled=False) as written:
            written.write_at(0, record)
    except SealbookError as error:
        return Outcome(planned.file, planned.place, error=error)
    kind = planned.renewal.kind
    return Outcome(planned.file, planned.place, kind, token, before=planned.before)


def _settled(folders: Iterable[Path]) -> dict[Path, StorageFailed]:
    """Make the names in folders durable; return what failed."""
    failed = {}
    for folder in folders:
        try:
            sync_folder(folder)
        except OSError as error:
            failed[folder] = StorageFailed(
                f"{quoted(folder)} could not be written ({error.strerror}); {what_to_do(error)}."
            )
    return failed


def _planned(file: Path, place: Path, hash_tree: bool, known: _Known) -> _Planned:
    """Return how a file is renewed. A record that was forged, or is of another file, is not prolonged.

    `known` keeps what tokens were worth: many files of one run share theirs.
    """
    record = read_record(place)
    digests = digests_of(file, {ALGORITHM} | (hashes_used(record) if record else set()))
    before = None
    if record is not None:
        tokens = covered(record, digests).tokens
        key = tuple(each.der for each in tokens)
        if key not in known:
            own = {each.certificate: each for token in tokens for each in brought(token)}
            known[key] = None
            with suppress(NotTrusted):
                known[key] = verify_record(record, [digests], tuple(own.values())[:MAX_BROUGHT])
        before = known[key]
    return _Planned(
        file, place, plan_renewal(record, digests(ALGORITHM), hash_tree=hash_tree), before
    )
