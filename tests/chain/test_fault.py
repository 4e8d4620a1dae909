"""Faults that are proven, honest pairs that are not, and files that are none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as strategy

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.fault.file import (
    Fault,
    Forged,
    Fork,
    Gap,
    Leaf,
    Leaves,
    Link,
    Placed,
    Rewind,
    format_fault,
    parse_fault,
)
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.retired import Retired
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.merkle import consistency_path, inclusion_proof, leaf_hash, root_from_leaf_hashes
from ledger.errors import MalformedData, VerificationFailed
from tests.simulator import NOW, ORIGIN, Office, Tree

OFFICE = Office()
TRUST = OFFICE.trust()
ENTRIES = OFFICE.entries
STRANGER = Office(log=SigningKey(b"\7" * 32), ml_dsa=MlDsaKey(b"\x08" * 32))


def note(entries: list[bytes], time: int = NOW, office: Office = OFFICE) -> str:
    root = root_from_leaf_hashes(Tree(entries).leaves)
    return sign_checkpoint(Checkpoint(ORIGIN, len(entries), root), office.log, office.ml_dsa, time)


def placed(entries: list[bytes], index: int) -> Placed:
    proof = inclusion_proof(Tree(entries), index, len(entries))
    return Placed(note(entries), index, entries[index], proof)


def leaf(entries: list[bytes], index: int) -> Leaf:
    each = placed(entries, index)
    return Leaf(each.note, index, leaf_hash(each.entry), each.proof)


OTHER = [*ENTRIES[:2], b"another entry", *ENTRIES[3:]]
FOREIGN = [*ENTRIES[:3], STRANGER.block(2, 3, 5), ENTRIES[4]]
LATE = [*ENTRIES, OFFICE.block(3, 5, 6, NOW - 1)]
SKIPPED = [*ENTRIES, OFFICE.block(4, 5, 6)]
BROKEN = [*ENTRIES[:4], ENTRIES[4][:-1] + bytes([ENTRIES[4][-1] ^ 1])]

FAULTS: dict[str, Fault] = {
    "two roots": Fork(note(ENTRIES), note(OTHER)),
    "dropped": Fork(note(ENTRIES[:4]), note(OTHER), consistency_path(Tree(OTHER), 4, len(OTHER))),
    "not a power of two": Fork(
        note(ENTRIES[:3]), note(OTHER), consistency_path(Tree(OTHER), 3, len(OTHER))
    ),
    "two leaves": Leaves(leaf(ENTRIES, 2), leaf(OTHER[:3], 2)),
    "rewind": Rewind(note(ENTRIES), note(ENTRIES[:3], NOW + 1)),
    "time": Gap(placed(LATE, 3), placed(LATE, 5)),
    "height": Gap(placed(SKIPPED, 3), placed(SKIPPED, 5)),
    "link": Link(note(ENTRIES[:3]), placed(ENTRIES, 3)),
    "foreign record": Forged(placed(FOREIGN, 3)),
    "no statement": Forged(placed(OTHER, 2)),
    "deposit": Forged(placed(BROKEN, 4), OFFICE.device.public),
}
HONEST: dict[str, Fault] = {
    "one tree": Fork(note(ENTRIES), note(ENTRIES, NOW + 1)),
    "grown": Fork(
        note(ENTRIES[:3]), note(ENTRIES), consistency_path(Tree(ENTRIES), 3, len(ENTRIES))
    ),
    "no path": Fork(note(ENTRIES[:3]), note(OTHER)),
    "same leaf": Leaves(leaf(ENTRIES, 2), leaf(ENTRIES[:3], 2)),
    "other index": Leaves(leaf(ENTRIES, 2), leaf(ENTRIES, 1)),
    "later and larger": Rewind(note(ENTRIES, NOW), note(OTHER, NOW + 1)),
    "earlier and smaller": Rewind(note(ENTRIES, NOW), note(ENTRIES[:3], NOW)),
    "blocks": Gap(placed(ENTRIES, 1), placed(ENTRIES, 3)),
    "blocks apart": Gap(placed(ENTRIES, 0), placed(ENTRIES, 3)),
    "wrong order": Gap(placed(LATE, 5), placed(LATE, 3)),
    "record": Forged(placed(ENTRIES, 3)),
    "good deposit": Forged(placed(ENTRIES, 4), OFFICE.device.public),
    "another's key": Forged(placed(BROKEN, 4), STRANGER.log.public),
    "a stranger's note": Fork(note(ENTRIES, office=STRANGER), note(OTHER, office=STRANGER)),
    "one stranger's note": Fork(note(ENTRIES), note(OTHER, office=STRANGER)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_file_alone_proves_the_fault(name: str) -> None:
    data = format_fault(FAULTS[name])
    assert parse_fault(data) == FAULTS[name]
    assert verify_fault(parse_fault(data), TRUST).sentence


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_one_ledger_proves_nothing_of_another(name: str) -> None:
    with pytest.raises(VerificationFailed):
        verify_fault(FAULTS[name], STRANGER.trust())


@pytest.mark.parametrize("name", HONEST)
def test_what_an_honest_log_signs_proves_nothing(name: str) -> None:
    with pytest.raises(VerificationFailed):
        verify_fault(HONEST[name], TRUST)


@pytest.mark.parametrize("name", FAULTS)
@given(data=strategy.data())
def test_an_altered_file_proves_nothing_else(name: str, data: strategy.DataObject) -> None:
    whole = format_fault(FAULTS[name])
    at = data.draw(strategy.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[at] ^= 1 << data.draw(strategy.integers(0, 7))
    try:
        fault: Fault = parse_fault(bytes(altered))
        verify_fault(fault, TRUST)
    except (MalformedData, VerificationFailed):
        return
    # Lines of keys that nobody knows, and a deposit whose signature does not hold anyway.
    assert type(fault) is type(FAULTS[name])


@pytest.mark.parametrize("revoked", [None, NOW])
def test_two_trees_by_a_revoked_key_are_no_fault_of_the_notary(revoked: int | None) -> None:
    log, cosigner = TRUST.own_keys
    retired = (Retired(log, cosigner, 1, revoked),)
    trust = replace(STRANGER.trust(), retired=retired)
    fork = Fork(note(ENTRIES[:1]), note(ENTRIES[1:2]))
    if revoked is None:
        verify_fault(fork, trust)
    else:
        with pytest.raises(VerificationFailed):
            verify_fault(fork, trust)
