"""Inspections: what an officer has seen becomes an entry, and an entry becomes a record to hand out.

Who it was and what was seen stands in the records beside the ledger, under the digest that the entry
holds; of the content nothing comes here.
"""

from collections.abc import Callable, Sequence

from ledger.chain import statement as st
from ledger.chain.office import Inspection, inspection_payload, parse_inspection
from ledger.chain.proof import TlogProof, format_proof
from ledger.chain.statement import parse_statement
from ledger.crypto.merkle import HashReader, inclusion_proof
from ledger.errors import NotFound
from ledger.notary.entries import Entries
from ledger.notary.orders import Inspected, Proven
from ledger.notary.ports import LedgerStore, SignedCheckpoints
from ledger.notary.sequencing.sequencer import Sequencer


def enter(
    sequencer: Sequencer,
    entries: Entries,
    prove: Callable[[int], Proven],
    deposits: Sequence[Inspection],
) -> Inspected:
    """Enter inspections together. Raises NotFound for what is no deposit of this ledger."""
    for each in deposits:
        found = entries.find(each.leaf)
        if found is None or (found.kind, found.index) != (st.DEPOSIT, each.entry):
            raise NotFound(f"Entry {each.entry} of this ledger is not the deposit that was opened.")
    made = sequencer.enter(*((st.INSPECTION, inspection_payload(each)) for each in deposits))
    return Inspected(tuple(prove(each.index) for each in made.result()))


def find(entries: Entries, prove: Callable[[int], Proven], leaves: Sequence[bytes]) -> Inspected:
    """Return every inspection of these deposits, in order."""
    found = [
        each.index
        for each in entries.office(st.INSPECTION)
        if parse_inspection(parse_statement(each.statement)).leaf in leaves
    ]
    return Inspected(tuple(map(prove, found)))


def prove_entry(
    store: LedgerStore, signed: SignedCheckpoints, tree: HashReader, index: int
) -> Proven:
    """Return a signed entry with its proof under the newest checkpoint. Raises NotFound."""
    last, found = signed.last(), store.read(index, index + 1)
    if last is None or index >= last.size or not found:
        raise NotFound(f"The ledger has no signed entry {index}.")
    proof = TlogProof(index, inclusion_proof(tree, index, last.size), last.note)
    return Proven(index, found[0].statement, format_proof(proof))
