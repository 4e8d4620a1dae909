"""What a fault file proves, with a trust file and nothing else."""

from dataclasses import dataclass, replace

from ledger.chain import statement as st
from ledger.chain.block import CLOCKS_APART, note_digest, parse_block
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.fault.file import (
    Fault,
    Forged,
    Fork,
    Gap,
    Leaves,
    Link,
    OutOfTime,
    Placed,
    Rewind,
)
from ledger.chain.fault.order import why_not_both
from ledger.chain.fault.signed import SignedByLog, log_note, signed_by_both, signed_by_log
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
)
from ledger.chain.office import check_office_statement
from ledger.chain.statement import Statement, parse_deposit, parse_statement, signed_by_any
from ledger.chain.timestamp.token import note_imprint
from ledger.chain.timestamp.verifying import verify_token
from ledger.chain.trust import Trust
from ledger.crypto.keys import thumbprint_ed25519
from ledger.crypto.merkle import (
    leaf_hash,
    roots_from_consistency_path,
    verify_inclusion,
)
from ledger.errors import MalformedData, VerificationFailed
from ledger.quoted import Message, Words


@dataclass(frozen=True, slots=True)
class Proven:
    """A fault that holds: its kind, and what the log has done. Only `verify_fault` makes it."""

    kind: str
    sentence: str


def verify_fault(fault: Fault, trust: Trust) -> Proven:
    """Return what a fault proves of the ledger that a trust file names.

    Raises:
        MalformedData: A note is no signed checkpoint.
        VerificationFailed: The fault is not proven; says why.
    """
    trust = _without_revoked(trust)
    match fault:
        case Fork():
            return _verify_fork(fault, trust)
        case Leaves(first, second):
            for each in (first, second):
                signed = signed_by_log(trust, each.note).checkpoint
                verify_inclusion(each.leaf, each.index, signed.size, each.proof, signed.root)
            _require(first.index == second.index, "the two leaves stand at different indices")
            _require(first.leaf != second.leaf, "the two leaves are the same")
            return _proven("leaves", f"it signed two different entries at index {first.index}")
        case Rewind():
            return _verify_rewind(fault, trust)
        case Gap(first, second):
            _require(first.index < second.index, "the entries are not in order of their indices")
            before, after = _statement(first, trust), _statement(second, trust)
            return _proven("gap", why_not_both(first.index, before, second.index, after))
        case Link():
            return _verify_link(fault, trust)
        case OutOfTime():
            return _verify_out_of_time(fault, trust)
        case Forged():
            return _verify_forged(fault, trust)


def _without_revoked(trust: Trust) -> Trust:
    """Return the trust with no tree for revoked keys: what anybody may have signed is no fault."""
    retired = (each if each.revoked is None else replace(each, size=-1) for each in trust.retired)
    return replace(trust, retired=tuple(retired))


def _verify_fork(fault: Fork, trust: Trust) -> Proven:
    older, newer = signed_by_log(trust, fault.older), signed_by_log(trust, fault.newer)
    size, of = older.checkpoint.size, newer.checkpoint.size
    by = f"with {_algorithms(older)} and {_algorithms(newer)}"
    if size == of:
        _require(not fault.path, "two trees of one size need no path")
        _require(older.checkpoint.root != newer.checkpoint.root, "both notes have one root")
        return _proven("fork", f"it signed two different trees of {size} entries, {by}")
    first, second = roots_from_consistency_path(size, of, fault.path)
    _require(second == newer.checkpoint.root, "the path does not lead to the larger tree's root")
    _require(first != older.checkpoint.root, "the larger tree begins with the smaller one")
    return _proven(
        "fork",
        f"it signed a tree of {size} entries and one of {of} that does not begin with it, {by}",
    )


def _verify_rewind(fault: Rewind, trust: Trust) -> Proven:
    larger, later = signed_by_log(trust, fault.larger), signed_by_log(trust, fault.later)
    if larger.time is None or later.time is None:
        raise VerificationFailed(
            "The fault is not proven: a note has no ML-DSA-44 line with a time."
        )
    sizes = larger.checkpoint.size, later.checkpoint.size
    _require(larger.time < later.time, "the smaller tree was not signed later")
    _require(sizes[0] > sizes[1], "the tree that was signed later is not smaller")
    return _proven(
        "rewind",
        f"at {larger.time} it signed a tree of {sizes[0]} entries as its largest, and at {later.time} "
        f"one of {sizes[1]}",
    )


def _verify_link(fault: Link, trust: Trust) -> Proven:
    closed = signed_by_both(trust, fault.note).checkpoint
    statement = _statement(fault.record, trust)
    _require(statement.kind == st.BLOCK, "the entry is no block record")
    block = parse_block(statement)
    _require(
        closed.size == block.start == fault.record.index,
        "the note does not close the block before the record",
    )
    _require(
        note_digest(log_note(trust, fault.note)) != block.previous, "the record names this note"
    )
    return _proven(
        "link",
        f"the record of block {block.height} names another note than the one it signed over "
        f"{closed.size} entries",
    )


def _verify_out_of_time(fault: OutOfTime, trust: Trust) -> Proven:
    statement = _statement(fault.record, trust)
    _require(statement.kind == st.BLOCK, "the entry is no block record")
    block, token = parse_block(statement), fault.token.first
    named = fault.token.digest in block.tokens
    imprint = token.imprint if named else note_imprint(token, fault.record.note, fault.token.lines)
    found = verify_token(token, imprint, trust.authorities)
    if named:
        _require(
            block.time < found.earliest - CLOCKS_APART,
            "the block states no time before the token that it names",
        )
        return _proven(
            "time",
            f"the record of block {block.height} states the time {block.time} and names a token that "
            f"was not made before {found.earliest}",
        )
    _require(
        block.time > found.latest + CLOCKS_APART,
        "the block states no time after the token over its checkpoint",
    )
    return _proven(
        "time",
        f"the record of block {block.height} states the time {block.time}, and was there at "
        f"{found.latest}",
    )


def _verify_forged(fault: Forged, trust: Trust) -> Proven:
    index = fault.entry.index
    _require_in_tree(fault.entry, trust)
    try:
        statement = parse_statement(fault.entry.entry)
        _parse_content(statement)
        if statement.kind == st.BLOCK and parse_block(statement).start != index:
            return _proven("forged", f"the block record at index {index} says it stands elsewhere")
    except MalformedData:
        return _proven("forged", f"the entry at index {index} is not what its kind says")
    if statement.payload.get("origin") != trust.origin:
        return _proven("forged", f"the entry at index {index} was made for another ledger")
    if statement.kind != st.DEPOSIT:
        _require(fault.key is None, "an entry of the notary needs no key")
        keys = [key.public for key in trust.notary_keys]
    elif fault.key is not None and thumbprint_ed25519(fault.key) == statement.key_id:
        keys = [fault.key]
    else:
        raise VerificationFailed(
            "The fault is not proven: it lacks the key that the deposit names."
        )
    _require(not signed_by_any(statement, keys), "the entry's signature holds")
    whose = "its depositor's key" if fault.key else "any key that the trust file lists"
    return _proven(
        "forged", f"the entry at index {index} ({statement.kind}) is not signed by {whose}"
    )


def _parse_content(statement: Statement) -> None:
    """Raise MalformedData where an entry is not what its kind says."""
    match statement.kind:
        case st.BLOCK:
            parse_block(statement)
        case st.DEPOSIT:
            parse_deposit(statement)
        case st.ENROLMENT:
            parse_enrolment(statement)
        case _:
            check_office_statement(statement)


def _statement(placed: Placed, trust: Trust) -> Statement:
    _require_in_tree(placed, trust)
    return parse_statement(placed.entry)


def _require_in_tree(placed: Placed, trust: Trust) -> None:
    signed = signed_by_log(trust, placed.note).checkpoint
    verify_inclusion(leaf_hash(placed.entry), placed.index, signed.size, placed.proof, signed.root)


def _algorithms(signed: SignedByLog) -> str:
    names = {COSIGNATURE_ML_DSA_44: "ML-DSA-44"}
    found = {names.get(each.key.algorithm, "Ed25519"): None for each in signed.keys}
    return "+".join(found)


def _proven(kind: str, what: Message) -> Proven:
    return Proven(kind, Words(what))


def _require(holds: bool, otherwise: Message) -> None:
    if not holds:
        raise VerificationFailed(f"The fault is not proven: {otherwise}.")
