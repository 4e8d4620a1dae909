"""The entries of a ledger: each signed by its signer, each as what stands before allows."""

from collections.abc import Sequence
from functools import lru_cache

from ledger.auditor.catching import Catcher, Caught
from ledger.auditor.state import Known
from ledger.chain import statement as st
from ledger.chain.block import Block
from ledger.chain.fault.file import Forged, Gap, Placed
from ledger.chain.office import parse_inspection
from ledger.chain.replay import (
    EndOfCertificate,
    EndOfKey,
    MatterStep,
    NewCertificate,
    NewKey,
    Replay,
    Rule,
    RuleBroken,
    effect,
    require_inspected,
)
from ledger.chain.statement import Statement, parse_statement, signed_by_any
from ledger.chain.tiles import TILE_WIDTH, parse_bundle
from ledger.errors import MalformedData


class Entries:
    """Replays the entries from index `start` on; `known` is what those before have left."""

    def __init__(self, catcher: Catcher, known: Known, start: int) -> None:
        self._catcher, self._known = catcher, known
        self._keys = [key.public for key in catcher.trust.notary_keys]
        self._bundle = lru_cache(maxsize=2)(
            lambda number, width: parse_bundle(catcher.source.bundle(number, width))
        )
        self._replay = Replay(catcher.trust.origin, known, start)

    def take(self, block: Block, entries: Sequence[bytes]) -> None:
        """Check the entries of a block, its record first. Raises Caught, VerificationFailed."""
        if block.platform != self._known.platform:
            raise Caught(f"At index {block.start}: {Rule.PLATFORM.value}.")
        self._replay.size += 1
        for index, entry in enumerate(entries[1:], block.start + 1):
            try:
                self._enter(block.start, entries[0], index, parse_statement(entry))
            except MalformedData:
                self._catcher.caught(Forged(self._catcher.placed(index, entry)))

    def _enter(self, start: int, record: bytes, index: int, statement: Statement) -> None:
        catcher, known, encoded = self._catcher, self._known, statement.encoded
        if statement.kind == st.BLOCK:
            catcher.caught(Gap(catcher.placed(start, record), catcher.placed(index, encoded)))
        key = known.key(statement.key_id) if statement.kind == st.DEPOSIT else None
        if statement.kind != st.DEPOSIT and not signed_by_any(statement, self._keys):
            catcher.caught(Forged(catcher.placed(index, encoded)))
        if key is not None and not signed_by_any(statement, [key.public]):
            catcher.caught(Forged(catcher.placed(index, encoded), key.public))
        try:
            self._replay.enter(statement)
            if statement.kind == st.INSPECTION:
                inspection = parse_inspection(statement)
                require_inspected(inspection, self._entry(inspection.entry))
        except RuleBroken as error:
            self._broken(index, statement, error.rule)
        self._remember(index, statement)

    def _remember(self, index: int, statement: Statement) -> None:
        known, replay = self._known, self._replay
        known.keys.update(replay.keys)
        replay.keys.clear()
        known.certificates.update(replay.certificates)
        replay.certificates.clear()
        replay.tips.clear()
        match effect(index, statement):
            case MatterStep(account, matter):
                known.tips[account, matter.id] = matter.number, statement.leaf_hash, index
        if statement.kind == st.PLATFORM:
            known.platform = statement.leaf_hash

    def _broken(self, index: int, statement: Statement, rule: Rule) -> None:
        """Say which rule an entry breaks, with a fault where two entries show it."""
        catcher = self._catcher
        if rule == Rule.ORIGIN:
            catcher.caught(Forged(catcher.placed(index, statement.encoded)))
        other = self._against(index, statement, rule)
        if other is not None:
            low, high = sorted((other, index))
            fault = Gap(self._placed(low), self._placed(high))
            if catcher.proves(fault):
                catcher.caught(fault)
        raise Caught(f"The entry at index {index} breaks a rule of the ledger: {rule.value}.")

    def _against(self, index: int, statement: Statement, rule: Rule) -> int | None:
        """Return the index of the entry that this one contradicts, None where no single one is."""
        known = self._known
        if rule == Rule.INSPECTED:
            entry = parse_inspection(statement).entry
            return entry if entry < index else None
        match rule, effect(index, statement):
            case Rule.REVOKED, _:
                signer = known.key(statement.key_id)
                return None if signer is None else signer.revoked_index
            case Rule.ENROLLED, _:
                return self._enrolled_later(statement.key_id, index)
            case Rule.ENROLLED_ONCE, NewKey(key_id, _):
                enrolled = known.key(key_id)
                return None if enrolled is None else enrolled.enrolled_index
            case Rule.ENDORSED | Rule.ENDORSER_REVOKED, NewKey(_, _, bytes(endorser)):
                by = known.key(endorser)
                if by is None:
                    return self._enrolled_later(endorser, index)
                return by.enrolled_index if by.revoked_index is None else by.revoked_index
            case Rule.REVOKED_ONCE, EndOfKey(key_id):
                revoked = known.key(key_id)
                return None if revoked is None else revoked.revoked_index
            case Rule.CERTIFICATE_ONCE, NewCertificate(number, _):
                issued = known.certificate(number)
                return None if issued is None else issued.issued_index
            case Rule.WITHDRAWN_ONCE, EndOfCertificate(number):
                withdrawn = known.certificate(number)
                return None if withdrawn is None else withdrawn.withdrawn_index
            case Rule.MATTER, MatterStep(account, matter):
                tip = known.tips.get((account, matter.id))
                return None if tip is None else tip[2]
        return None

    def _enrolled_later(self, key_id: bytes, after: int) -> int | None:
        """Return where a key that has signed already is enrolled, None where it never is."""
        for index in range(after + 1, self._catcher.size):
            try:
                step = effect(index, parse_statement(self._entry(index)))
            except MalformedData:
                continue
            if isinstance(step, NewKey) and step.key_id == key_id:
                return index
        return None

    def _placed(self, index: int) -> Placed:
        return self._catcher.placed(index, self._entry(index))

    def _entry(self, index: int) -> bytes:
        number, at = divmod(index, TILE_WIDTH)
        width = min(TILE_WIDTH, self._catcher.size - number * TILE_WIDTH)
        return self._bundle(number, width)[at]
