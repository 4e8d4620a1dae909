"""The matters of a vault: which papers are here, which are registered, and which are held elsewhere.

Computers of one account share a matter where one was set up from the recovery sheet of the other. Both
then give out numbers, and the notary takes each number once. Whose statement is refused gives way: it
reads what the other has entered and signs anew, with the next number, what it has sealed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.chain.statement import MATTER_ID_SIZE
from ledger.company.vault.facts import raw
from ledger.company.vault.finding import SHORTEST_ID
from ledger.company.vault.life import State
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import InvalidInput, NotFound
from ledger.quoted import quoted

_STEP = 1000
"""Deposits that are gone through at a time for their matters."""
_AMBIGUOUS = 100
"""Matters whose ids start alike that are counted."""


@dataclass(frozen=True, slots=True)
class MatterCounts:
    """How many papers of a matter are deposited, wait and were refused; which numbers are lacking."""

    id: bytes
    name: str
    deposited: int
    waiting: int
    refused: int
    lacking: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MatterPapers:
    """A matter as far as this vault knows it.

    Attributes:
        id: The random id, 16 bytes.
        name: What the company calls it; the id in hexadecimal where it has no name here.
        papers: By number; refused ones, whose numbers are free again, after those that took them.
        lacking: Numbers that are registered, or given out, and of which no paper is in this vault.
    """

    id: bytes
    name: str
    papers: tuple[StoredDeposit, ...]
    lacking: tuple[int, ...]

    @property
    def deposited(self) -> tuple[StoredDeposit, ...]:
        """The papers with a receipt."""
        return tuple(each for each in self.papers if each.state.entered)

    @property
    def waiting(self) -> tuple[StoredDeposit, ...]:
        """The papers that are still to be sent."""
        return tuple(each for each in self.papers if each.waits)

    @property
    def refused(self) -> tuple[StoredDeposit, ...]:
        """Refused papers in whose place nothing else was deposited."""
        taken = {number_of(each) for each in self.papers if not each.refused}
        return tuple(each for each in self.papers if each.refused and number_of(each) not in taken)

    @property
    def counts(self) -> MatterCounts:
        """How many there are of each."""
        counts = len(self.deposited), len(self.waiting), len(self.refused)
        return MatterCounts(self.id, self.name, *counts, self.lacking)


def number_of(deposit: StoredDeposit) -> int:
    """Return a paper's number in its matter, 0 where it belongs to none."""
    place = deposit.deposit.matter
    return 0 if place is None else place.number


def count_matters(vault: Vault, limit: int, page: int) -> tuple[list[MatterCounts], int]:
    """Return a page of the matters, that with the newest paper first, and how many there are."""
    ((total,),) = vault.catalogue.ask(
        "select count(distinct matter) from deposits where matter is not null"
    )
    chosen = _newest(vault, page * limit)[(page - 1) * limit : page * limit]
    names, tips = vault.matter_names(), vault.elsewhere().tips
    return [_counted(vault, each, names.get(each), tips.get(each)) for each in chosen], total


def _newest(vault: Vault, count: int) -> list[bytes]:
    """Return so many matters, or all, by their newest papers; no more deposits are gone through."""
    found: dict[bytes, None] = {}
    rows: list[tuple[int, bytes]] = [(1 << 62, b"")]
    while rows and len(found) < count:
        rows = vault.catalogue.ask(
            "select row, matter from deposits where row < ? and +matter is not null"
            " order by row desc limit ?",
            (rows[-1][0], _STEP),
        )
        found.update(dict.fromkeys(matter for _, matter in rows))
    return list(found)


def _counted(
    vault: Vault, identity: bytes, name: str | None, tip: tuple[int, bytes] | None
) -> MatterCounts:
    rows = vault.catalogue.ask(
        "select number, state, called from deposits where matter = ? order by row", (identity,)
    )
    here = {number: state for number, state, _ in rows if state != State.REFUSED}
    states = list(here.values())
    last = max((*here, tip[0] if tip else 0))
    called = next((raw for _, _, raw in reversed(rows) if raw), b"")
    return MatterCounts(
        identity,
        name or called.decode("utf-8", "surrogatepass") or identity.hex(),
        states.count(State.DEPOSITED),
        states.count(State.WAITING),
        sum(state == State.REFUSED and number not in here for number, state, _ in rows),
        tuple(number for number in range(1, last + 1) if number not in here),
    )


def find_matter(vault: Vault, wanted: str) -> MatterPapers:
    """Return the matter of this name, or whose id starts so. Raises NotFound."""
    return matter_papers(vault, matter_id(vault, wanted))


def matter_id(vault: Vault, wanted: str) -> bytes:
    """Return the id of the matter of this name, or that starts so. Raises NotFound."""
    found = matters_called(vault, wanted)
    if (
        not found
        and len(wanted) >= SHORTEST_ID
        and not set(wanted.lower()) - set("0123456789abcdef")
    ):
        found = [
            each
            for (each,) in vault.catalogue.ask(
                "select distinct matter from deposits where matter >= ? and matter <= ? limit ?",
                (*_span(wanted.lower()), _AMBIGUOUS),
            )
            if each.hex().startswith(wanted.lower())
        ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"No matter here is called {quoted(wanted)}; `sealbook matter list` shows them all."
        )
    ids = ", ".join(each.hex()[:12] for each in found[:4])
    raise NotFound(
        f"{quoted(wanted)} means {len(found)} matters ({ids}); give the start of one's id."
    )


def matters_called(vault: Vault, name: str) -> list[bytes]:
    """Return the ids of the matters of this name that have papers here, by their first papers.

    Of several, those that only older papers call so are left out: a file may have moved away and
    another one have come to its place.
    """
    names = vault.matter_names()
    known = [each for each, called in names.items() if called == name]
    known += [
        each
        for (each,) in vault.catalogue.ask(
            "select distinct matter from deposits where called = ? and matter is not null",
            (raw(name),),
        )
        if each not in names
    ]
    first = {
        each: row
        for each in dict.fromkeys(known)
        for (row,) in vault.catalogue.ask("select min(row) from deposits where matter = ?", (each,))
        if row is not None
    }
    now = {each for each in first if each in names or _called(vault, each) == raw(name)}
    return sorted(now or first, key=first.__getitem__)


def _called(vault: Vault, identity: bytes) -> bytes | None:
    """Return what the newest paper of a matter calls it."""
    rows = vault.catalogue.ask(
        "select called from deposits where matter = ? and called is not null order by row desc limit 1",
        (identity,),
    )
    return rows[0][0] if rows else None


def matter_papers(vault: Vault, identity: bytes) -> MatterPapers:
    """Return a matter with its papers."""
    tip = vault.elsewhere().tips.get(identity, (0, b""))
    name = vault.matter_names().get(identity)
    return _papers(identity, vault.papers(identity), name, tip[0])


def _span(digits: str) -> tuple[bytes, bytes]:
    """Return the first and the last id that starts with these digits."""
    size = 2 * MATTER_ID_SIZE
    return bytes.fromhex(digits[:size].ljust(size, "0")), bytes.fromhex(
        digits[:size].ljust(size, "f")
    )


def complete(vault: Vault, name: str) -> tuple[StoredDeposit, ...]:
    """Return all deposited papers of a matter, number 1 to the last that is known, by number.

    Whether their receipts form one chain, `evidence.matter.verify_matter` shows. Raises NotFound;
    InvalidInput, naming them, where papers wait, were refused, or are not in this vault.
    """
    matter = find_matter(vault, name)
    if matter.lacking:
        raise InvalidInput(
            f"{quoted(matter.name)} is not complete here: {numbers(matter.lacking)} "
            f"{'is' if len(matter.lacking) == 1 else 'are'} not in this vault. Another computer of "
            "the account may hold it; `sealbook recover`, with the recovery sheet, fetches what is "
            "missing here."
        )
    if matter.waiting:
        raise InvalidInput(
            f"{quoted(matter.name)} is not complete: {_listed(matter.waiting)} "
            f"{'waits' if len(matter.waiting) == 1 else 'wait'} to be deposited; "
            "`sealbook deposit` sends what waits."
        )
    if matter.refused:
        raise InvalidInput(
            f"{quoted(matter.name)} is not complete: the notary refused "
            f"{_listed(matter.refused)}. Deposit "
            "that path again in the same matter; its number is free."
        )
    return matter.deposited


def numbers(found: Sequence[int]) -> str:
    """Return numbers in words, runs together: "numbers 2, 4 to 6"."""
    runs = list(_runs(found))
    shown = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in runs)
    return f"number{'' if len(found) == 1 else 's'} {shown}"


def _runs(found: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = end = found[0]
    for each in found[1:]:
        if each != end + 1:
            yield start, end
            start = each
        end = each
    yield start, end


def _papers(
    identity: bytes, papers: list[StoredDeposit], name: str | None, elsewhere: int
) -> MatterPapers:
    papers.sort(key=lambda each: (number_of(each), each.refused, each.name))
    here = {number_of(each) for each in papers if not each.refused}
    last = max((*here, elsewhere), default=0)
    return MatterPapers(
        identity,
        name or _last_name(papers) or identity.hex(),
        tuple(papers),
        tuple(number for number in range(1, last + 1) if number not in here),
    )


def _last_name(papers: Sequence[StoredDeposit]) -> str:
    """Return what the newest paper calls its matter: a file that moved is where it is now."""
    return next((each.meta.matter for each in reversed(papers) if each.meta.matter), "")


def _listed(papers: Sequence[StoredDeposit]) -> str:
    shown = ", ".join(
        f"number {number_of(each)} ({quoted(each.meta.title)})" for each in papers[:3]
    )
    return shown + (f" and {len(papers) - 3} more" if len(papers) > 3 else "")
