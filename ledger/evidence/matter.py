"""Matters: papers that belong together, numbered by the company and chained by hash.

Each deposit of a matter states its number and the leaf hash of the statement before it. The notary
enters a number of a matter once for an account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger.chain.statement import Matter
from ledger.errors import InvalidInput, VerificationFailed
from ledger.quoted import quoted
from ledger.verify import VerifiedReceipt


@dataclass(frozen=True, slots=True)
class MatterChain:
    """Papers `first` to `last` of a matter, all of them. Only `verify_matter` makes one."""

    account: str
    id: bytes
    first: int
    last: int


class MatterBroken(VerificationFailed):
    """The receipts are not consecutive papers of one matter; the message names the number."""

    code = "matter-broken"


def verify_matter(receipts: Sequence[VerifiedReceipt]) -> MatterChain:
    """Return what receipts, in the order of their numbers, show together.

    1. Each belongs to a matter; account, matter id and ledger are the same for all.
    2. The numbers are consecutive.
    3. Each statement names the leaf hash of the one before it, the first paper of a matter none.
    4. Each stands later in the ledger than the one before it; checkpoints of one size are the same.

    Shown by that: nothing that was *registered* in this matter between `first` and `last` is missing.
    Each statement is signed over the hash of its predecessor, so that no further paper fits in between,
    and an honest notary enters each number of an account's matter once. Whether it has entered a second
    statement under one of these numbers, only an audit of the whole ledger shows. Nothing is shown of
    papers before `first`, after `last`, in other matters, or never deposited.

    Raises MatterBroken, naming the number that is missing or what contradicts what; InvalidInput where
    there is no receipt.
    """
    if not receipts:
        raise InvalidInput("There is no receipt, so there is no matter to check.")
    places = [_place(each) for each in receipts]
    first = receipts[0]
    for each, place in zip(receipts, places, strict=True):
        if place.id != places[0].id:
            raise MatterBroken(
                f"The receipts are of two matters: {places[0].id.hex()} and {place.id.hex()}."
            )
        if each.statement.issuer != first.statement.issuer:
            raise MatterBroken(
                f"Number {place.number} of the matter is of another account: {each.statement.issuer}, "
                f"not {first.statement.issuer}."
            )
        if each.deposit.origin != first.deposit.origin:
            raise MatterBroken(
                f"Number {place.number} of the matter is in another ledger: "
                f"{quoted(each.deposit.origin)}, "
                f"not {quoted(first.deposit.origin)}."
            )
    numbers = {place.number for place in places}
    for (before, earlier), (_, later) in pairwise(zip(receipts, places, strict=True)):
        _follows(earlier.number, later.number, numbers)
        if later.previous != before.statement.leaf_hash:
            raise MatterBroken(
                f"Number {later.number} of the matter names another paper as its predecessor than the "
                f"number {earlier.number} shown."
            )
    verify_places(receipts)
    return MatterChain(first.statement.issuer, places[0].id, places[0].number, places[-1].number)


def verify_places(receipts: Sequence[VerifiedReceipt]) -> None:
    """Raise MatterBroken unless receipts of one matter, by number, stand in one ledger in that order.

    Numbers may be missing between them.
    """
    for before, after in pairwise(receipts):
        if after.index <= before.index:
            raise MatterBroken(
                f"Number {_place(after).number} of the matter stands before number "
                f"{_place(before).number} in the ledger: entry {after.index}, entry {before.index}."
            )
    one_history(receipts)


def _place(receipt: VerifiedReceipt) -> Matter:
    place = receipt.deposit.matter
    if place is None:
        raise MatterBroken(f"Entry {receipt.index} belongs to no matter.")
    return place


def _follows(before: int, after: int, numbers: set[int]) -> None:
    if after == before + 1:
        return
    if after == before:
        raise MatterBroken(f"Two papers of the matter bear the number {after}.")
    if after < before or before + 1 in numbers:
        raise MatterBroken(
            f"The papers of the matter are out of order: number {after} comes after number {before}."
        )
    raise MatterBroken(
        f"Number {before + 1} of the matter is missing, between {before} and {after}."
        if after == before + 2
        else f"Numbers {before + 1} to {after - 1} of the matter are missing, between {before} and "
        f"{after}."
    )


def one_history(receipts: Sequence[VerifiedReceipt]) -> None:
    """Raise MatterBroken where two checkpoints of one size have different roots."""
    roots: dict[int, bytes] = {}
    for each in receipts:
        tree = each.checkpoint.checkpoint
        if roots.setdefault(tree.size, tree.root) != tree.root:
            raise MatterBroken(
                f"Two checkpoints of {tree.size} entries have different roots: the notary has signed "
                "two histories. Keep both receipts; they prove it."
            )
