"""Ciphertext that no deposit names: put aside after a time, deleted a while later.

An upload whose statement never came takes room for ever. Nothing tells a file that is forgotten from
one whose statement is on its way, so it happens in two runs, each beside the running service:

1. What no deposit of its account has named, and is older than asked for, is put aside: the notary no
   longer holds it, so that a statement that names it now is answered with "upload it first".
2. What was put aside a day ago or earlier is looked at again. A statement that was admitted just
   before names it by now: it is put back. The rest is deleted.

In a bucket nothing is moved: a row says what is aside, and one more that it is being deleted. Who sends
an age file again takes the first away before anything is put, and is refused while the second stands.

Nothing of an account under a legal hold is touched, and nothing in packs: deposits name it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ledger.chain.statement import is_account, parse_deposit, parse_statement
from ledger.disk.files import sync_folder
from ledger.encoding import parse_hex
from ledger.errors import MalformedData
from ledger.notary.desk.terms import Terms
from ledger.notary.storage.bucket import Bucket
from ledger.notary.storage.envelopeobjects import FOLDER
from ledger.notary.storage.envelopes import storage
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.packs import Aside, PackDatabase

ASIDE = "aside"
GRACE = 86_400
"""Seconds for which what was put aside stays at least."""
_PAGE = 1_000
_ROOT_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Tidied:
    """Files and bytes that were put aside, put back and deleted."""

    aside: int = 0
    aside_bytes: int = 0
    back: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    held: int = 0
    """Accounts that were left alone: they are under a legal hold."""


def tidy(
    objects: Path,
    store: LedgerDatabase,
    terms: dict[str, Terms],
    older_than: int,
    now: float,
    *,
    change: bool,
) -> Tidied:
    """Put aside and delete what no deposit names; without `change` only count it.

    Args:
        objects: The folder of the age files.
        store: The entries.
        terms: Those of all accounts.
        older_than: Seconds since a file was stored.
        now: POSIX seconds.
        change: Whether anything is done.

    Raises StorageFailed.
    """
    found = Tidied()
    with storage(objects):
        for folder in sorted(each for each in objects.iterdir() if is_account(each.name)):
            account = folder.name
            one = terms.get(account)
            if one is not None and one.held is not None:
                found = _plus(found, Tidied(held=1))
            else:
                tidied = _tidy_one(folder, store, account, older_than, now, change=change)
                found = _plus(found, tidied)
    return found


def _tidy_one(
    folder: Path, store: LedgerDatabase, account: str, older_than: int, now: float, *, change: bool
) -> Tidied:
    old = [each for each in _files(folder) if now - each.stat().st_mtime >= older_than]
    aside = folder / ASIDE
    before = list(_files(aside)) if aside.is_dir() else []
    if not old and not before:
        return Tidied()
    named = set(_named(store, account))
    unnamed = [each for each in old if _root(each) not in named]
    back = [each for each in before if _root(each) in named]
    gone = [
        each for each in before if _root(each) not in named and now - each.stat().st_ctime >= GRACE
    ]
    found = Tidied(
        aside=len(unnamed),
        aside_bytes=_bytes(unnamed),
        back=len(back),
        deleted=len(gone),
        deleted_bytes=_bytes(gone),
    )
    if change:
        aside.mkdir(mode=0o700, exist_ok=True)
        for each in back:
            if (folder / each.name).exists():  # it was uploaded again
                each.unlink()
            else:
                each.replace(folder / each.name)
        for each in unnamed:
            each.replace(aside / each.name)
        for each in gone:
            each.unlink(missing_ok=True)
        sync_folder(aside)
        sync_folder(folder)
    return found


def tidy_bucket(
    bucket: Bucket,
    packs: PackDatabase,
    store: LedgerDatabase,
    terms: dict[str, Terms],
    older_than: int,
    now: float,
    *,
    change: bool,
) -> Tidied:
    """Do the same in a bucket, where rows say what is aside; an object is not moved.

    Raises StorageFailed.
    """
    found = Tidied()
    asides = packs.asides()
    for account, several in groupby(bucket.dated(f"{FOLDER}/"), key=lambda each: _account(each[0])):
        if not is_account(account):
            continue
        one = terms.get(account)
        if one is not None and one.held is not None:
            found = _plus(found, Tidied(held=1))
            continue
        lying: dict[bytes, list[tuple[str, int, int]]] = {}
        for each in several:
            path = Path(each[0])
            if _is_part(path) and (root := _root(path)) is not None:
                lying.setdefault(root, []).append(each)
        named = set(_named(store, account))
        old = {r: o for r, o in lying.items() if r not in named and _age(o, now) >= older_than}
        aside = asides.get(account, {})
        back = [root for root in aside if root in named]
        unnamed = [root for root in old if root not in aside]
        gone = [root for root, one in aside.items() if root not in named and _is_due(one, now)]
        if change:
            for root in back:
                packs.left(account, root)
            packs.put_aside(account, unnamed, int(now))
            gone = [root for root in gone if packs.leave(account, root)]
            for root in gone:
                bucket.delete([key for key, _, _ in lying.get(root, ())])
                packs.left(account, root)
        found = _plus(
            found,
            Tidied(
                aside=sum(len(old[root]) for root in unnamed),
                aside_bytes=_sizes(old, unnamed),
                back=sum(len(lying.get(root, ())) for root in back),
                deleted=sum(len(lying.get(root, ())) for root in gone),
                deleted_bytes=_sizes(lying, gone),
            ),
        )
    return found


def _account(key: str) -> str:
    return key.split("/")[1]


def _age(objects: list[tuple[str, int, int]], now: float) -> float:
    return now - max(put for _, _, put in objects) / 1e9


def _is_due(aside: Aside, now: float) -> bool:
    return aside.leaving or now - aside.since >= GRACE


def _sizes(objects: dict[bytes, list[tuple[str, int, int]]], roots: list[bytes]) -> int:
    return sum(size for root in roots for _, size, _ in objects.get(root, ()))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the payloads and headers in a folder."""
    for each in sorted(folder.iterdir()):
        if _is_part(each) and _root(each) is not None:
            yield each


def _is_part(path: Path) -> bool:
    parts = path.name.split(".")
    return len(parts) > 1 and parts[1] in ("payload", "header")


def _root(path: Path) -> bytes | None:
    try:
        return parse_hex(path.name[:_ROOT_DIGITS], _ROOT_DIGITS // 2)
    except MalformedData:
        return None


def _named(store: LedgerDatabase, account: str) -> Iterator[bytes]:
    after = -1
    while found := store.deposits(account, after, _PAGE):
        for entry in found:
            deposit = parse_deposit(parse_statement(entry.statement))
            for payload in (deposit.content, deposit.manifest):
                if payload is not None:
                    yield payload.root
        after = found[-1].index


def _bytes(files: list[Path]) -> int:
    return sum(each.stat().st_size for each in files)


def _plus(one: Tidied, other: Tidied) -> Tidied:
    return Tidied(*(getattr(one, name) + getattr(other, name) for name in Tidied.__slots__))
