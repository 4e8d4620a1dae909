"""The client's memory of the ledger: one history, append-only, and no receipt for another paper."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.policy import VerifiedCheckpoint, verify_note
from ledger.company.sending.confirming import (
    LedgerForked,
    NotShown,
    ReceiptForAnother,
    follow,
    verify_answer,
)
from ledger.crypto.merkle import consistency_proof, root_from_leaf_hashes
from ledger.errors import (
    InvalidInput,
    MalformedData,
    NotAuthenticated,
    NotFound,
    SealbookError,
    Unavailable,
)
from ledger.wire.transport import NothingThere, Unexplained
from tests.simulator import LOG, ML_DSA, NOW, ORIGIN, Office, Tree

OFFICE = Office()
ENTRIES = [bytes([number]) for number in range(20)]


def signed(entries: list[bytes]) -> VerifiedCheckpoint:
    checkpoint = Checkpoint(ORIGIN, len(entries), root_from_leaf_hashes(Tree(entries).leaves))
    return verify_note(OFFICE.trust().policy, sign_checkpoint(checkpoint, LOG, ML_DSA, NOW))


def proofs(old: int, new: int) -> tuple[bytes, ...]:
    return consistency_proof(Tree(ENTRIES), old, new)


@given(some.integers(1, 20), some.integers(1, 20))
def test_the_larger_of_two_consistent_checkpoints_is_kept(known: int, found: int) -> None:
    newest = follow(signed(ENTRIES[:known]), signed(ENTRIES[:found]), proofs)
    assert newest.checkpoint.size == max(known, found)


def test_the_first_checkpoint_is_kept_as_it_is() -> None:
    found = signed(ENTRIES[:3])
    assert follow(None, found, proofs) is found


@given(some.integers(1, 20), some.integers(1, 20), some.integers(0, 19))
def test_two_histories_are_never_followed(known: int, found: int, changed: int) -> None:
    other = [b"other" if at == changed else entry for at, entry in enumerate(ENTRIES)]
    if changed >= min(known, found):
        other = [b"other", *ENTRIES[1:]]
    with pytest.raises(LedgerForked):
        follow(signed(ENTRIES[:known]), signed(other[:found]), proofs)


def test_a_notary_that_refuses_the_proof_is_taken_for_one_that_has_none() -> None:
    def refused(old: int, new: int) -> tuple[bytes, ...]:
        raise NotFound("no such tree")

    with pytest.raises(LedgerForked):
        follow(signed(ENTRIES[:3]), signed(ENTRIES[:5]), refused)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Unavailable("away"), Unavailable),
        (NothingThere("404 of a proxy"), NotShown),
        (Unexplained("403 of a proxy"), NotShown),
        (NotAuthenticated("401 of a proxy"), NotShown),
        (MalformedData("a page that asks for a name"), NotShown),
        (InvalidInput("422"), NotShown),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_notary_that_does_not_answer_is_not_accused_and_nothing_is_followed(
    answer: SealbookError, told: type[SealbookError]
) -> None:
    def asked(old: int, new: int) -> tuple[bytes, ...]:
        raise answer

    with pytest.raises(told) as caught:
        follow(signed(ENTRIES[:3]), signed(ENTRIES[:5]), asked)
    assert type(caught.value) is told


def test_a_receipt_for_another_statement_is_refused() -> None:
    with pytest.raises(ReceiptForAnother):
        verify_answer(OFFICE.entries[4] + b"x", OFFICE.receipt(), OFFICE.trust())
    verified = verify_answer(OFFICE.entries[4], OFFICE.receipt(), OFFICE.trust())
    assert verified.index == 4
