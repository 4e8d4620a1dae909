"""Faults, `*.fault`: what a log has signed that no honest log signs, in one file for a stranger.

    fork      a tree that the log signed does not begin with a smaller one that it signed,
              or two of one size have two roots
    leaves    one index, two leaf hashes, under trees that the log signed
    rewind    two ML-DSA-44 lines of the log: the later time over the smaller tree
    gap       two entries that cannot both stand where they stand: block records whose heights, spans or
              times do not follow, deposits of a matter out of order, a deposit after its key's end
              or before its enrolment, a key enrolled or revoked twice
    link      a block record that names another note than the one that closed the block before
    time      a block record whose time lies before a token that it names, or after one over the
              checkpoint that holds it; the trust file names the token's authority
    forged    an entry that is no statement, is for another ledger or place, or is not signed by its
              signer

A fault is proven by the file and a trust file alone: every part of it is under a signature of the log,
by a key that the trust file names. It shows that whoever holds the key signed both, not who that was.
What rests on absence (an enrolment that nobody entered) needs the whole ledger and has no fault file.
"""

from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ledger.chain import statement as st
from ledger.chain.block import CLOCKS_APART, Block, note_digest, parse_block
from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import Verified, verify_signature
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    MAX_NOTE_SIZE,
    Note,
    format_note,
    parse_note,
)
from ledger.chain.office import Revocation, check_office_statement, parse_key
from ledger.chain.receipt import TokenEntry, parse_token_entries
from ledger.chain.statement import Statement, parse_deposit, parse_statement, verify_statement
from ledger.chain.timestamp.token import MAX_TOKEN, note_imprint
from ledger.chain.timestamp.verifying import verify_token
from ledger.chain.trust import Trust
from ledger.crypto.keys import ED25519_PUBLIC_SIZE, thumbprint_ed25519
from ledger.crypto.merkle import (
    MAX_PROOF_LENGTH,
    leaf_hash,
    roots_from_consistency_path,
    verify_inclusion,
)
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, VerificationFailed
from ledger.quoted import Words, quoted

FORMAT = "sealbook-fault-v1"
MAX_FAULT = 2 * (MAX_NOTE_SIZE + st.MAX_ENTRY) + MAX_TOKEN + (1 << 16)
"""Bytes: two notes, two entries, a token, and their proofs."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Two signed notes, the smaller tree first; `path` is `consistency_path`, empty for equal sizes."""

    older: str
    newer: str
    path: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf hash at an index under a signed note, with its inclusion proof."""

    note: str
    index: int
    leaf: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Leaves:
    """Two different leaves of one index."""

    first: Leaf
    second: Leaf


@dataclass(frozen=True, slots=True)
class Rewind:
    """Two signed notes: the first over the larger tree, the second of a later time."""

    larger: str
    later: str


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry at an index under a signed note, with its inclusion proof."""

    note: str
    index: int
    entry: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Two entries, the one with the lower index first."""

    first: Placed
    second: Placed


@dataclass(frozen=True, slots=True)
class Link:
    """A block record, and the signed note that closed the block before it."""

    note: str
    record: Placed


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """A block record, and a token: one that it names, or one over the first lines of `record.note`."""

    record: Placed
    token: TokenEntry


@dataclass(frozen=True, slots=True)
class Forged:
    """An entry; `key` is the Ed25519 key that a deposit names by its thumbprint, otherwise None."""

    entry: Placed
    key: bytes | None = None


Fault = Fork | Leaves | Rewind | Gap | Link | OutOfTime | Forged


@dataclass(frozen=True, slots=True)
class Proven:
    """A fault that holds: its kind, and what the log has done. Only `verify_fault` makes it."""

    kind: str
    sentence: str


# --- the file ---


def format_fault(fault: Fault) -> bytes:
    """Return the file."""
    fields: dict[str, Any]
    match fault:
        case Fork(older, newer, path):
            fields = {"kind": "fork", "notes": [older, newer], "path": list(path)}
        case Leaves(first, second):
            fields = {"kind": "leaves", "leaves": [_leaf_map(first), _leaf_map(second)]}
        case Rewind(larger, later):
            fields = {"kind": "rewind", "notes": [larger, later]}
        case Gap(first, second):
            fields = {"kind": "gap", "entries": [_placed_map(first), _placed_map(second)]}
        case Link(note, record):
            fields = {"kind": "link", "note": note, "record": _placed_map(record)}
        case OutOfTime(record, token):
            fields = {
                "kind": "time",
                "record": _placed_map(record),
                "token": [token.lines, token.der],
            }
        case Forged(entry, key):
            fields = {"kind": "forged", "entry": _placed_map(entry), "key": key}
    return cbor_encode({"format": FORMAT, **fields})


def parse_fault(data: bytes) -> Fault:
    """Return the fault in a file, nothing of it verified. Raises MalformedData."""
    if len(data) > MAX_FAULT:
        raise MalformedData(f"a fault file is over its limit of {MAX_FAULT} bytes")
    value = cbor_decode(data)
    match value:
        case {"kind": "fork", "notes": [str(older), str(newer)], "path": path}:
            fault: Fault = Fork(older, newer, _hashes(path))
        case {"kind": "leaves", "leaves": [first, second]}:
            fault = Leaves(_parse_leaf(first), _parse_leaf(second))
        case {"kind": "rewind", "notes": [str(larger), str(later)]}:
            fault = Rewind(larger, later)
        case {"kind": "gap", "entries": [first, second]}:
            fault = Gap(_parse_placed(first), _parse_placed(second))
        case {"kind": "link", "note": str(note), "record": record}:
            fault = Link(note, _parse_placed(record))
        case {"kind": "time", "record": record, "token": token}:
            fault = OutOfTime(_parse_placed(record), parse_token_entries([token])[0])
        case {"kind": "forged", "entry": entry, "key": bytes() | None as key}:
            if key is not None and len(key) != ED25519_PUBLIC_SIZE:
                raise MalformedData("a fault file's key has the wrong length")
            fault = Forged(_parse_placed(entry), key)
        case _:
            raise MalformedData("not a fault file")
    if format_fault(fault) != data:
        raise MalformedData("not a fault file: its fields are not as specified")
    return fault


def _leaf_map(leaf: Leaf) -> dict[str, Any]:
    return {"note": leaf.note, "index": leaf.index, "leaf": leaf.leaf, "proof": list(leaf.proof)}


def _placed_map(placed: Placed) -> dict[str, Any]:
    return {
        "note": placed.note,
        "index": placed.index,
        "entry": placed.entry,
        "proof": list(placed.proof),
    }


def _parse_leaf(value: Any) -> Leaf:
    match value:
        case {"note": str(note), "index": index, "leaf": leaf, "proof": proof}:
            if st.is_count(index) and st.is_bytes(leaf, st.HASH_SIZE):
                return Leaf(note, index, leaf, _hashes(proof))
    raise MalformedData("a fault file's leaf is not as specified")


def _parse_placed(value: Any) -> Placed:
    match value:
        case {"note": str(note), "index": index, "entry": bytes(entry), "proof": proof}:
            if st.is_count(index):
                return Placed(note, index, entry, _hashes(proof))
    raise MalformedData("a fault file's entry is not as specified")


def _hashes(value: Any) -> tuple[bytes, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_PROOF_LENGTH + 1
        or not all(st.is_bytes(each, st.HASH_SIZE) for each in value)
    ):
        raise MalformedData("a fault file's proof is not a list of hashes")
    return tuple(value)


# --- what it proves ---


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


@dataclass(frozen=True, slots=True)
class SignedByLog:
    """A checkpoint that keys of the log have signed, and which; at least one."""

    checkpoint: Checkpoint
    keys: tuple[Verified, ...]

    @property
    def time(self) -> int | None:
        """The time that the ML-DSA-44 line states, POSIX seconds, None without such a line."""
        times = [
            each.time
            for each in self.keys
            if each.key.algorithm == COSIGNATURE_ML_DSA_44 and each.time is not None
        ]
        return max(times) if times else None


def signed_by_log(trust: Trust, note: str) -> SignedByLog:
    """Return a checkpoint of the ledger with the log's own signatures that hold; no quorum is asked.

    Raises MalformedData, or VerificationFailed where a line does not hold or there is none of the log.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    policy = trust.policy_at(checkpoint.size)
    keys = {
        (key.name, key.key_id): key
        for key in chain((log.key for log in policy.logs), (each.key for each in policy.witnesses))
        if key.name == trust.origin
    }
    verified = tuple(
        verify_signature(keys[name], signature, checkpoint)
        for signature in parsed.signatures
        if (name := (signature.name, signature.key_id)) in keys
    )
    if checkpoint.origin != trust.origin or not verified:
        raise VerificationFailed(
            f"A note in it is not signed by a key that the trust file lists for {quoted(trust.origin)}."
        )
    return SignedByLog(checkpoint, verified)


def signed_by_both(trust: Trust, note: str) -> SignedByLog:
    """Return `signed_by_log` where keys of both kinds have signed. Raises what that raises."""
    signed = signed_by_log(trust, note)
    if {each.key.algorithm for each in signed.keys} != {ED25519, COSIGNATURE_ML_DSA_44}:
        raise VerificationFailed(
            f"The checkpoint of {quoted(trust.origin)} at size {signed.checkpoint.size} is not signed "
            "by both keys of the log."
        )
    return signed


def log_note(trust: Trust, note: str) -> str:
    """Return a note with the log's own lines alone, in their order: what the next block names."""
    parsed = parse_note(note)
    own = tuple(each for each in parsed.signatures if each.name == trust.origin)
    return format_note(Note(parsed.text, own))


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
    _require(not _signed_by_any(statement, keys), "the entry's signature holds")
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


def _signed_by_any(statement: Statement, keys: list[bytes]) -> bool:
    for key in keys:
        try:
            verify_statement(statement, key)
        except VerificationFailed:
            continue
        return True
    return False


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


def _proven(kind: str, what: str) -> Proven:
    return Proven(kind, Words(what))


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise VerificationFailed(f"The fault is not proven: {otherwise}.")
