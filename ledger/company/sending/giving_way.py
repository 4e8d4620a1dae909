"""Two computers of one account that number the same matter: the later one numbers anew."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger.chain.statement import Matter, format_deposit
from ledger.company.sending.confirming import parse_own, verify_answer
from ledger.company.vault.matters import number_of
from ledger.company.vault.numbering import Elsewhere
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient


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
    for each in vault.papers(identity):
        place = each.deposit.matter
        if place is None or each.refused:
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
    mine = vault.catalogue.ask("select id, matter from deposits where id is not null")
    here = {identity for identity, _ in mine}
    ours = {matter for _, matter in mine if matter} | set(vault.matter_names())
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
