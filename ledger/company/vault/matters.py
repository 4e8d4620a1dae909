"""The matters of a vault: which papers are here, which are registered, and which are held elsewhere.

Computers of one account share a matter where one was set up from the recovery sheet of the other. Both
then give out numbers, and the notary takes each number once. Whose statement is refused gives way: it
reads what the other has entered and signs anew, with the next number, what it has sealed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import SHORTEST_ID, Vault
from ledger.errors import InvalidInput, NotFound
from ledger.quoted import quoted

if TYPE_CHECKING:
    pass


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


def number_of(deposit: StoredDeposit) -> int:
    """Return a paper's number in its matter, 0 where it belongs to none."""
    place = deposit.deposit.matter
    return 0 if place is None else place.number


def all_matters(vault: Vault) -> list[MatterPapers]:
    """Return the matters that have papers here, in the order of their first papers."""
    found: dict[bytes, list[StoredDeposit]] = {}
    for each in vault.sound():
        place = each.deposit.matter
        if place is not None:
            found.setdefault(place.id, []).append(each)
    names, tips = vault.matter_names(), vault.elsewhere().tips
    return [
        _papers(identity, papers, names.get(identity), tips.get(identity, (0, b""))[0])
        for identity, papers in found.items()
    ]


def find_matter(vault: Vault, wanted: str) -> MatterPapers:
    """Return the matter of this name, or whose id starts so. Raises NotFound."""
    matters = all_matters(vault)
    found = [each for each in matters if each.name == wanted]
    if not found and len(wanted) >= SHORTEST_ID:
        found = [each for each in matters if each.id.hex().startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"No matter here is called {quoted(wanted)}; `sealbook matter list` shows them all."
        )
    ids = ", ".join(each.id.hex()[:12] for each in found[:4])
    raise NotFound(
        f"{quoted(wanted)} means {len(found)} matters ({ids}); give the start of one's id."
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
    last = max((*here, elsewhere))
    return MatterPapers(
        identity,
        name or next((each.meta.matter for each in papers if each.meta.matter), identity.hex()),
        tuple(papers),
        tuple(number for number in range(1, last + 1) if number not in here),
    )


def _listed(papers: Sequence[StoredDeposit]) -> str:
    shown = ", ".join(
        f"number {number_of(each)} ({quoted(each.meta.title)})" for each in papers[:3]
    )
    return shown + (f" and {len(papers) - 3} more" if len(papers) > 3 else "")
