"""The matters of a vault: which papers are here, which are registered, and which are held elsewhere.

Computers of one account share a matter where one was set up from the recovery sheet of the other. Both
then give out numbers, and the notary takes each number once. Whose statement is refused gives way: it
reads what the other has entered and signs anew, with the next number, what it has sealed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ledger.chain.statement import Matter, format_deposit
from ledger.company.access.recovery import parse_own
from ledger.company.sending.confirming import verify_answer
from ledger.company.vault.vault import SHORTEST_ID, Elsewhere, StoredDeposit, Vault
from ledger.errors import InvalidInput, NotFound
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient


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
        return tuple(each for each in self.papers if not each.refused and not each.waits)

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

    Whether their receipts form one chain, `ledger.evidence.matter.verify_matter` shows. Raises NotFound;
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


def give_way(
    vault: Vault, client: "NotaryClient", conflicting: Sequence[StoredDeposit], now: int
) -> frozenset[str]:
    """Give new numbers to papers that the notary refused because another computer took theirs.

    Reads what other computers have entered in this vault's matters, believing it only with a receipt
    that holds under the vault's trust. In a matter that others have added to, all papers that wait are
    signed anew, in their order, behind the last one entered, unless they stand there already; nothing
    is sealed again. Returns the names of those among `conflicting`. Call it under `sending`.

    Raises what the client raises, VerificationFailed and MalformedData.
    """
    found = _look(vault, client)
    taken = {
        place.id
        for each in conflicting
        if (place := each.deposit.matter) and place.id in found.tips
    }
    mine = {each.name: each for each in conflicting}
    with vault.locked():
        vault.keep_elsewhere(replace(found, renumbered=found.renumbered + bool(taken)))
        renumbered = [
            each.name for identity in taken for each in _renumber(vault, found, identity, mine, now)
        ]
    return frozenset(renumbered) & set(mine)


def _renumber(
    vault: Vault, found: Elsewhere, identity: bytes, known: Mapping[str, StoredDeposit], now: int
) -> list[StoredDeposit]:
    number, leaf = found.tips[identity]
    waiting = []
    for each in vault.sound():
        place = each.deposit.matter
        if place is None or place.id != identity or each.refused:
            continue
        if each.waits:
            waiting.append(known.get(each.name, each))
        elif place.number > number:
            number, leaf = place.number, each.statement.leaf_hash
    waiting.sort(key=number_of)
    moved = []
    for each in waiting:
        number += 1
        place = Matter(identity, number, leaf)
        if place != each.deposit.matter:
            deposit = replace(each.deposit, matter=place)
            each.restate(format_deposit(deposit, vault.config.account, vault.key, now))
            moved.append(each)
        leaf = each.statement.leaf_hash
    return moved


def _look(vault: Vault, client: "NotaryClient") -> Elsewhere:
    """Read on where the last look ended."""
    known = vault.elsewhere()
    mine = list(vault.sound())
    here = {each.commitment for each in mine}
    ours = {place.id for each in mine if (place := each.deposit.matter)}
    ours |= set(vault.matter_names())
    after, last = known.after, dict[bytes, tuple[Matter, bytes, bytes]]()
    for entry in client.deposits(known.after):
        after = entry.index
        deposit = parse_own(entry.statement, vault.config.account, vault.trust)
        place = deposit.matter
        if place is not None and place.id in ours and deposit.commitment.hex() not in here:
            last[place.id] = place, entry.leaf, entry.statement
    tips = dict(known.tips)
    for identity, (place, leaf, statement) in last.items():
        verified = verify_answer(statement, client.receipt(leaf), vault.trust)
        tips[identity] = place.number, verified.statement.leaf_hash
    return replace(known, after=after, tips=tips)


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
