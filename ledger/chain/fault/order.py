"""Which two entries cannot both stand where they stand."""

from ledger.chain import statement as st
from ledger.chain.block import Block, parse_block
from ledger.chain.enrolment import RECOVERY_SHEET, parse_enrolment
from ledger.chain.office import (
    Issued,
    Revocation,
    parse_certificate,
    parse_inspection,
    parse_key,
)
from ledger.chain.statement import Statement, parse_deposit
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import VerificationFailed


def why_not_both(low: int, before: Statement, high: int, after: Statement) -> str:
    """Return why two entries, at the indices low < high, cannot both stand there.

    Raises VerificationFailed when they can.
    """
    if before.kind == after.kind == st.BLOCK:
        return _why_not_blocks(low, parse_block(before), high, parse_block(after))
    if before.kind == after.kind == st.DEPOSIT and before.issuer == after.issuer:
        first, second = parse_deposit(before).matter, parse_deposit(after).matter
        if first and second and first.id == second.id:
            if second.number <= first.number:
                return (
                    f"number {first.number} of a matter stands at index {low}, number "
                    f"{second.number} behind it at index {high}"
                )
            if second.number == first.number + 1 and second.previous != before.leaf_hash:
                return (
                    f"number {second.number} of a matter at index {high} does not continue number "
                    f"{first.number} at index {low}"
                )
    if after.kind == st.INSPECTION:
        said = parse_inspection(after)
        if said.entry == low and (before.kind, before.leaf_hash) != (st.DEPOSIT, said.leaf):
            return (
                f"the deposit that the entry at index {high} says to be inspected is not at {low}"
            )
    if before.kind == after.kind == st.CERTIFICATE:
        earlier, later = parse_certificate(before), parse_certificate(after)
        if (earlier.number, type(earlier)) == (later.number, type(later)):
            done = "issued" if isinstance(earlier, Issued) else "withdrawn"
            return (
                f"certificate {earlier.number} was {done} at index {low} and again at index {high}"
            )
    by = _endorsement(low, before, high, after)
    if by is not None:
        return by
    first_key, second_key = _key_of(before), _key_of(after)
    if first_key is not None and first_key == second_key:
        match before.kind, after.kind:
            case (st.KEY, st.DEPOSIT):
                return f"a key was revoked at index {low} and deposits at index {high}"
            case (st.DEPOSIT, st.ENROLMENT):
                return f"a key deposits at index {low} and was enrolled at index {high}"
            case (st.ENROLMENT, st.ENROLMENT):
                return f"a key was enrolled at index {low} and again at index {high}"
            case (st.KEY, st.KEY):
                return f"a key was revoked at index {low} and again at index {high}"
    raise VerificationFailed("The fault is not proven: both entries can stand where they are.")


def _endorsement(low: int, before: Statement, high: int, after: Statement) -> str | None:
    """Return why one of two entries cannot have endorsed the other's enrolment, None where it can."""
    if after.kind == st.ENROLMENT:
        made = parse_enrolment(after)
        if made.endorser is not None and made.endorser == _key_of(before):
            if before.kind == st.KEY:
                return f"a key was revoked at index {low} and endorses another at index {high}"
            if before.kind == st.ENROLMENT:
                by = parse_enrolment(before)
                if (by.account, by.role) != (made.account, RECOVERY_SHEET):
                    return (
                        f"the key that was enrolled at index {low} is no recovery key of the account "
                        f"in which it endorses another at index {high}"
                    )
        if before.kind == st.ENROLMENT and parse_enrolment(before).endorser == _key_of(after):
            return f"a key endorses another at index {low} and was enrolled at index {high}"
    return None


def _key_of(statement: Statement) -> bytes | None:
    """Return the id of the key that an entry enrols, revokes or deposits with."""
    match statement.kind:
        case st.DEPOSIT:
            return statement.key_id
        case st.ENROLMENT:
            return thumbprint_ed25519(parse_enrolment(statement).key)
        case st.KEY:
            found = parse_key(statement)
            return found.key if isinstance(found, Revocation) else None
    return None


def _why_not_blocks(low: int, first: Block, high: int, second: Block) -> str:
    where = f"the block records at indices {low} and {high}"
    if second.height <= first.height:
        return f"{where} have the heights {first.height} and {second.height}"
    if second.time < first.time:
        return f"{where} have the times {first.time} and {second.time}"
    if second.start < first.size:
        return f"{where} overlap: the first block ends at {first.size}"
    if (second.height == first.height + 1) != (second.start == first.size):
        return (
            f"{where} have the heights {first.height} and {second.height}, and the first block ends "
            f"at {first.size}"
        )
    raise VerificationFailed("The fault is not proven: both blocks can stand where they are.")
