"""Inspections as entries: only of deposits that stand there, together or not at all, side by side."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.chain.office import WHOLE, Inspection, parse_inspection
from ledger.chain.proof import parse_proof, verify_proof
from ledger.chain.statement import INSPECTION, parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.merkle import leaf_hash
from ledger.errors import Refused, StorageFailed
from ledger.notary.notary import open_notary
from ledger.notary.ordering import command
from ledger.notary.orders import AskInspections, Inspect
from ledger.notary.ports import Step
from tests.notaries import Company, deposit, examined, found, opened


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return found(tmp_path / "notary")


def deposited(directory: Path) -> Inspection:
    """What an officer has seen of the one deposit of a company."""
    company = Company()
    with opened(directory) as notary:
        company.enrol(notary)
        deposit(notary, [company.statement()])
        (entry,) = notary.entries.deposits(company.account)
    return Inspection(entry.index, entry.leaf_hash, WHOLE, b"p" * 32)


def test_only_a_deposit_at_its_own_place_is_inspected_and_all_or_none(directory: Path) -> None:
    good = deposited(directory)
    with open_notary(directory, serve=True) as notary:
        (entered,) = command(directory, Inspect((good,))).entries
        record = notary.entries.read(good.entry - 1)
        assert record is not None
        for wrong in (
            replace(good, entry=good.entry - 1),
            replace(good, leaf=bytes(32)),
            replace(good, entry=record.index, leaf=record.leaf_hash),
        ):
            with pytest.raises(Refused, match="not the deposit that was opened"):
                command(directory, Inspect((good, wrong)))
        found = command(directory, AskInspections((good.leaf, bytes(32)))).entries
        assert [each.index for each in found] == [entered.index]
        (stored,) = notary.entries.office(INSPECTION)
        assert notary.entries.size > stored.index
    proof = parse_proof(found[0].proof)
    assert (stored.statement, proof.index) == (entered.statement, stored.index)
    trust = parse_trust(next(directory.glob("*.trust")).read_bytes())
    verify_proof(trust.policy, leaf_hash(stored.statement), proof)


def test_officers_at_once_and_beside_deposits_make_an_entry_each(directory: Path) -> None:
    good = deposited(directory)
    company = Company()
    with opened(directory) as notary:
        company.enrol(notary)
        inspections = [replace(good, particulars=bytes([n]) * 32) for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            waiting = notary.sequencer.submit_many(company.statements(8))
            answers = list(pool.map(lambda each: notary.execute(Inspect((each,))), inspections))
            for each in waiting:
                each.result(30)
        entries = [entry for answer in answers for entry in answer.entries]
    assert len({each.index for each in entries}) == 8
    said = {parse_inspection(parse_statement(each.statement)).particulars for each in entries}
    assert said == {each.particulars for each in inspections}
    assert examined(directory) == ()


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", [Step.BUNDLES, Step.ENTRIES, Step.COPY, Step.CHECKPOINT])
def test_a_disk_that_fails_leaves_an_inspection_entered_whole_or_not_at_all(
    directory: Path, step: Step, side: str
) -> None:
    good = deposited(directory)
    failing: list[tuple[Step, str]] = []

    def hook(at: Step, where: str) -> None:
        if (at, where) in failing:
            failing.clear()
            raise StorageFailed("the disk is full")

    with opened(directory, hook=hook) as notary:
        failing.append((step, side))
        with pytest.raises(StorageFailed):
            notary.execute(Inspect((good,)))
        again = notary.execute(Inspect((good,))).entries
        known = notary.entries.office(INSPECTION)
    assert again[0].index == known[-1].index and len(known) in (1, 2)
    assert examined(directory) == ()
