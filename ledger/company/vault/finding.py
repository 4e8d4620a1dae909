"""Finding deposits in a vault: the one that a person names, and pages of those that fit what is asked.

The catalogue says which deposits may fit; each that is handed out is read from its folder first.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.company.vault.facts import first_row, raw
from ledger.company.vault.life import State
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.words import phrase
from ledger.errors import MalformedData, NotFound, StorageFailed
from ledger.language import day
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.company.vault.catalogue import Catalogue

SHORTEST_ID = 4
"""Hexadecimal digits of a commitment that a user may abbreviate an id to."""
SORTS: Mapping[str, str] = {
    "sealed": "row desc",
    "title": "folded, row desc",
    "size": "size desc, row desc",
    "matter": "called is null, called, number, row desc",
    "state": "state, row desc",
}
"""What deposits can be sorted by -> the order that is usual for it."""
_ID_LENGTH = 64
_CANDIDATES = 8
"""Deposits of an ambiguous name that are looked at."""
_NAMED = 4
"""... and named in the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of the deposits.

    Attributes:
        words: Phrases, all of which stand in title, path or matter.
        state: A state, as commands print it; None for any.
        matter: The id of the matter, None for any.
        pathless: Only what has no path here: captured mail, and what was recovered.
        since: POSIX seconds: sealed then or later.
        before: POSIX seconds: sealed earlier.
        sort: A key of SORTS.
        backwards: Whether the order is turned round.
        limit: Deposits a page.
        page: From 1.
    """

    words: tuple[str, ...] = ()
    state: str | None = None
    matter: bytes | None = None
    pathless: bool = False
    since: float | None = None
    before: float | None = None
    sort: str = "sealed"
    backwards: bool = False
    limit: int = 50
    page: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """A page of deposits, and how many fit what was asked; what waits and was refused in the vault."""

    deposits: tuple[StoredDeposit, ...]
    found: int
    waiting: int
    refused: int


def page_of(catalogue: "Catalogue", home: Path, wanted: Wanted) -> Page:
    """Return a page of the deposits that fit, damaged ones as well; newest first unless sorted."""
    given = {
        "words match :words": " AND ".join(map(phrase, wanted.words)) or None,
        "deposits.state = :state": wanted.state,
        "deposits.matter = :matter": wanted.matter,
        "deposits.path = :nowhere": b"" if wanted.pathless else None,
        "row >= :since": None if wanted.since is None else first_row(wanted.since),
        "row < :before": None if wanted.before is None else first_row(wanted.before),
    }
    asked = {condition: value for condition, value in given.items() if value is not None}
    source = "words cross join deposits on row = words.rowid" if wanted.words else "deposits"
    chosen = f"from {source}" + (f" where {' and '.join(asked)}" if asked else "")
    order = SORTS[wanted.sort]
    if wanted.backwards:
        order = ", ".join(map(_turned, order.split(", ")))
    if wanted.words:  # whose rows come in this order by themselves
        order = order.replace("row", "words.rowid")
    values = {condition.rpartition(":")[2]: value for condition, value in asked.items()}
    values |= {"limit": wanted.limit, "skipped": (wanted.page - 1) * wanted.limit}
    values |= {"waiting": State.WAITING, "refused": State.REFUSED}
    names = catalogue.ask(
        f"select name {chosen} order by {order} limit :limit offset :skipped",
        values,
    )
    ((found, waiting, refused),) = catalogue.ask(
        f"select (select count(*) {chosen}),"  # noqa: S608
        " (select count(*) from deposits where state = :waiting),"
        " (select count(*) from deposits where state = :refused)",
        values,
    )
    return Page(tuple(StoredDeposit(home, name) for (name,) in names), found, waiting, refused)


def _turned(term: str) -> str:
    return term.removesuffix(" desc") if term.endswith(" desc") else f"{term} desc"


def find(catalogue: "Catalogue", home: Path, wanted: str) -> StoredDeposit:
    """Return the one deposit that `wanted` names: its id or the start of it, its path, name or title.

    A whole id or path names nothing else. Raises NotFound where none or more than one fits, and says
    which these are.
    """
    path, name, digits = str(Path(wanted).absolute()), raw(wanted), wanted.lower()
    is_id = SHORTEST_ID <= len(digits) <= _ID_LENGTH and not set(digits) - set("0123456789abcdef")
    for condition in (
        "id = :id",
        "path = :path",
        "title = :name or file = :name or id >= :id and id < :end",
    ):
        values = {
            "id": digits if is_id else "",
            "end": f"{digits}g" if is_id else "",
            "path": raw(path),
            "name": name,
        }
        found = catalogue.ask(
            "select name, state = :refused as gone from deposits where id is not null"  # noqa: S608
            f" and ({condition}) order by gone, row desc",
            {**values, "refused": State.REFUSED},
        )
        # One that was refused does not stand in the way of the one made in its place.
        names = [each for each, gone in found if not gone] or [each for each, _ in found]
        fitting = [
            each
            for each in sound(home, names[:_CANDIDATES])
            if _fits(each, wanted, path, digits if is_id else "-")
        ]
        if len(fitting) == 1 and len(names) <= _CANDIDATES:
            return fitting[0]
        if fitting:
            raise NotFound(_ambiguous(wanted, fitting, max(len(fitting), len(names))))
    raise NotFound(_unknown(catalogue, home, wanted))


def sound(home: Path, names: Sequence[str]) -> Iterator[StoredDeposit]:
    """Yield the deposits of these names that are there and not damaged."""
    for name in names:
        with contextlib.suppress(MalformedData, StorageFailed):
            deposit = StoredDeposit(home, name)
            deposit.check()
            yield deposit


def _fits(deposit: StoredDeposit, wanted: str, path: str, digits: str) -> bool:
    meta = deposit.meta
    return wanted in (meta.title, Path(meta.path).name) or (
        meta.path == path or deposit.commitment.startswith(digits)
    )


def _ambiguous(wanted: str, newest: Sequence[StoredDeposit], count: int) -> Message:
    shown = newest[:_NAMED][::-1]
    ids = ", ".join(each.commitment[:12] for each in shown)
    these = "; ".join(map(_named, shown))
    return f"{quoted(wanted)} means {count} deposits ({ids}); give the start of one's id. {these}."


def _unknown(catalogue: "Catalogue", home: Path, wanted: str) -> Message:
    said: Message = f"No deposit here is called {quoted(wanted)}; `sealbook list` shows them all."
    if not phrase(wanted):
        return said
    page = page_of(catalogue, home, Wanted(words=(wanted,), limit=_NAMED))
    near = list(sound(home, [each.name for each in page.deposits]))
    if not near:
        return said
    these = "; ".join(map(_named, near))
    if page.found > len(near):
        return f"{said} The words are in {page.found}; the newest: {these}."
    return f"{said} The words are in {these}."


def _named(deposit: StoredDeposit) -> Message:
    meta = deposit.meta
    return f"{deposit.commitment[:12]} of {day(meta.sealed)}, {quoted(meta.path or meta.title)}"
