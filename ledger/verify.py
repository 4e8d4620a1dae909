"""The one verification core: `verify_receipt`, a function of bytes.

No clock, file, network or database. The command line, the service and the tests call this one.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from ledger.chain import report as rp
from ledger.chain.block import Block, parse_block
from ledger.chain.enrolment import (
    DEVICE,
    Enrolment,
    IdentityRecord,
    parse_enrolment,
    verify_record,
)
from ledger.chain.policy import (
    VerifiedCheckpoint,
    has_quorum,
)
from ledger.chain.receipt import NO_TIMES, Position, Receipt, parse_receipt
from ledger.chain.report import Claim, Report
from ledger.chain.retired import revocation
from ledger.chain.seal import parse_cose_receipt, verify_seal
from ledger.chain.statement import (
    Deposit,
    Statement,
    parse_deposit,
    parse_statement,
    verify_statement,
)
from ledger.chain.trust import DEFAULT_REQUIRED, Trust, needs_witnesses, verify_by_log, verify_own
from ledger.crypto.merkle import leaf_hash, verify_inclusion
from ledger.errors import SealbookError, VerificationFailed
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.chain.attesting import Renewed
    from ledger.chain.inspection import InspectionRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenedDeposit:
    """What an opening recomputed from its secrets and the content shown; never taken from a file.

    `documents` are names and sizes in bytes under a full opening, `renditions` what those of them show
    that software made at the deposit, by their place; `shown` the facts of a report under a partial
    one, None under a full one. `cover` are the fields of the deposit's cover that are opened. Where the
    content could not even be read as the opening says, `commitment` is None and `problem` says why.
    """

    commitment: bytes | None
    documents: tuple[tuple[str, int], ...] = ()
    renditions: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    shown: tuple[Mapping[str, object], ...] | None = None
    cover: Mapping[str, str] = field(default_factory=dict)
    problem: Message = ""


@dataclass(frozen=True, slots=True)
class DepositReceipt:
    """A receipt and the deposit in it, parsed; nothing is verified yet."""

    parts: Receipt
    statement: Statement
    deposit: Deposit


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt whose report is good, or lacks no more than what is pending where that was allowed.

    Only `verify_receipt` makes one.
    """

    report: Report
    statement: Statement
    deposit: Deposit
    index: int
    checkpoint: VerifiedCheckpoint
    block: Block
    enrolment: Enrolment
    record: IdentityRecord | None

    @property
    def final(self) -> bool:
        """Whether every claim that the trust file requires is proven, also those that come later."""
        return self.report.good


class ReceiptRefused(VerificationFailed):
    """The receipt does not carry every required claim; `report` says which and why."""

    code = "receipt-refused"

    def __init__(self, report: Report) -> None:
        names = [claim.name for claim in report.failed] + list(report.missing)
        super().__init__(f"The receipt does not prove what is required: {', '.join(names)}.")
        self.report = report


def verify_receipt(
    receipt: bytes,
    trust: Trust,
    *,
    opening: OpenedDeposit | None = None,
    provisional: bool = False,
    record: bytes | None = None,
    inspections: Sequence["InspectionRecord"] = (),
    memory: "Memory | None" = None,
) -> VerifiedReceipt:
    """Return what the receipt proves under `trust`; see formats.md, Receipt and Trust file.

    1. Parse the receipt; what does not re-encode to the same bytes is refused.
    2. The statement is a deposit made for the trusted ledger.
    3. The checkpoint is signed by the notary as the policy requires (Ed25519 and ML-DSA-44), and no
       signature on it by a key of the policy is false. Retired keys count as the trust file says, a
       revoked one under a token from before. Whether the policy's witnesses make up its quorum is a
       claim of its own.
    4. The statement is the entry at its index: inclusion proof under the checkpoint's root.
    5. The block record is the notary's, is an entry, and spans the deposit's index.
    6. The enrolment is the notary's, is an earlier entry, and names the statement's account and key.
    7. The enrolled key signed the statement.
    8. The identity record, where one is carried, is the one the enrolment committed to.
    9. The COSE Receipt is sealed under a trusted root and proves the same leaf in the same tree.
    10. Each token by a trusted authority is over this checkpoint, or is one that the block record
        names and over the note that is carried with it; it holds, and still does when it is asked
        (`trust.at`). The time that the block states lies between them. `record`, an evidence record
        over the receipt's bytes, shows both for longer where it holds.
    11. With an opening: the commitment recomputed from what it shows is the one deposited. What the
        cover says is stated by the depositor's software, under that commitment.
    12. With `inspections`: one of them is about this deposit at this entry, and the office's
        (`verify_inspection`); where its tree has the size of the receipt's, it has the same root. What
        the office says to have seen is stated by it.

    With `provisional` a receipt may lack what comes with its anchor: witnesses, time, existence. What
    it shares with receipts before it, to the byte, is taken from `memory`: the same is found with it
    as without.

    Raises:
        MalformedData: `receipt` is no receipt (step 1), or names no deposit (step 2).
        ReceiptRefused: A claim failed, or a required one is not proven; it carries the report.
    """
    renewed = None
    if record is not None:
        from ledger.chain.attesting import Renewed

        renewed = Renewed(record, lambda name: hashlib.new(name, receipt).digest())
    return verify_parsed(
        parse_deposit_receipt(receipt),
        trust,
        lambda _: opening,
        provisional=provisional,
        renewed=renewed,
        inspections=inspections,
        memory=memory,
    )


def parse_deposit_receipt(data: bytes) -> DepositReceipt:
    """Return a deposit's receipt: steps 1 and 2 of `verify_receipt`. Raises MalformedData."""
    parts = parse_receipt(data)
    statement = parse_statement(parts.statement)
    return DepositReceipt(parts, statement, parse_deposit(statement))


def verify_parsed(
    receipt: DepositReceipt,
    trust: Trust,
    opening: Callable[[Report], OpenedDeposit | None] = lambda _: None,
    *,
    provisional: bool = False,
    renewed: "Renewed | None" = None,
    inspections: Sequence["InspectionRecord"] = (),
    memory: "Memory | None" = None,
) -> VerifiedReceipt:
    """Return what `verify_receipt` does: steps 3 to 10, then 11 with what `opening` gives, and 12.

    `opening` is called once, with the report on the receipt alone, so that content is read only where
    that leads somewhere. `renewed` is a record over the file that is the receipt, or holds it. Raises
    ReceiptRefused, and what `opening` raises.
    """
    steps = _Steps(receipt, trust, renewed, (memory or Memory(trust)).of(trust))
    steps.run()
    opened = opening(steps.report())
    if opened is not None:
        steps.compare(opened)
    if inspections:
        steps.inspected(inspections)
    report = steps.report()
    lacking = set(report.missing) - set(rp.PENDING if provisional else ())
    sound = not report.failed and not lacking
    if not (sound and steps.checkpoint and steps.block and steps.enrolment):
        raise ReceiptRefused(report)
    return VerifiedReceipt(
        report,
        receipt.statement,
        receipt.deposit,
        receipt.parts.position.index,
        steps.checkpoint,
        steps.block,
        steps.enrolment,
        steps.record,
    )


def unchecked_report() -> Report:
    """Return the report on a receipt that was read without a trust file: nothing is shown."""
    reason = "authenticity not checked: no trust file"
    claims = tuple(Claim(name, rp.NOT_SHOWN, reason=reason) for name in rp.CLAIMS)
    return Report(claims, DEFAULT_REQUIRED)


class Memory:
    """What has held in receipts that were verified before, by the very bytes that it was found of.

    Receipts of one block share their checkpoint, block record, enrolment and seal. For one trust file
    and one thread. What does not hold is not remembered.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._held: dict[Hashable, object] = {}

    def of(self, trust: Trust) -> "Memory":
        """Return this memory, or an empty one where it is another trust file's."""
        return self if trust is self._trust else Memory(trust)

    def once(self, find: Callable[[], T], step: str, *given: Hashable) -> T:
        """Return what `find` finds: all that it depends on beside the trust is `step` and `given`."""
        key = step, given
        if key not in self._held:
            if len(self._held) == _MOST_HELD:
                self._held.clear()
            self._held[key] = find()
        return cast("T", self._held[key])


_MOST_HELD = 256
"""Things that are remembered: four a block, of some kilobytes each."""


class _Steps:
    """Runs the steps, so that one failed claim does not hide what the others show."""

    def __init__(
        self, receipt: DepositReceipt, trust: Trust, renewed: "Renewed | None", memory: Memory
    ) -> None:
        self.parts, self.statement, self.deposit = receipt.parts, receipt.statement, receipt.deposit
        self.trust, self.renewed, self.memory = trust, renewed, memory
        self.claims: dict[str, Claim] = {}
        self.checkpoint: VerifiedCheckpoint | None = None
        self.block: Block | None = None
        self.enrolment: Enrolment | None = None
        self.record: IdentityRecord | None = None

    def run(self) -> None:
        self.checkpoint = self._claim(rp.LEDGER, self._ledger)
        if self.checkpoint is not None:
            self.block = self._claim(rp.BLOCK, self._block)
            self.enrolment = self._claim(rp.DEPOSITOR, self._depositor)
        if self.checkpoint is not None and self.block is not None:
            self._claim(rp.SEAL, self._seal)
        if self.block is not None:
            self._claim(rp.TIME, self._time)
        if self.enrolment is not None:
            self.record = self._claim(rp.IDENTITY, self._identity)
        if self.deposit.matter is not None and self.enrolment is not None:
            matter = self.deposit.matter
            self._say(rp.MATTER, rp.STATED, "depositor", id=matter.id.hex(), number=matter.number)

    def compare(self, opening: OpenedDeposit) -> None:
        self._claim(rp.CONTENT, lambda: self._content(opening))

    def inspected(self, records: Sequence["InspectionRecord"]) -> None:
        if self.checkpoint is not None:
            self._claim(rp.INSPECTION, lambda: self._inspection(records))

    def report(self) -> Report:
        """Return the claims, also those of which nothing is shown, so that nobody reads one into it."""
        claims = (
            self.claims.get(name, Claim(name, rp.NOT_SHOWN))
            for name in rp.CLAIMS
            if name != rp.MATTER or name in self.claims
        )
        return Report(tuple(claims), self.trust.required)

    def _claim(self, name: str, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except SealbookError as error:
            self.claims[name] = Claim(name, rp.FAILED, reason=str(error))
            return None

    def _say(self, claim: str, status: str, by: str = "", **facts: object) -> None:
        self.claims[claim] = Claim(claim, status, by, facts=facts)

    def _notary_statement(self, data: bytes, position: Position) -> Statement:
        assert self.checkpoint is not None
        tree = self.checkpoint.checkpoint

        def find() -> Statement:
            statement = parse_statement(data)
            if statement.issuer != self.trust.origin:
                raise VerificationFailed("a statement in the receipt is not the trusted notary's")
            verify_by_log(statement, self.trust)
            verify_inclusion(leaf_hash(data), position.index, tree.size, position.proof, tree.root)
            return statement

        return self.memory.once(find, "entry", data, position, tree.size, tree.root)

    def _ledger(self) -> VerifiedCheckpoint:
        if self.deposit.origin != self.trust.origin:
            raise VerificationFailed(
                f"the deposit was made for {quoted(self.deposit.origin)}, "
                f"the trust file is for {quoted(self.trust.origin)}"
            )
        note = self.parts.note
        checkpoint = self.memory.once(lambda: verify_own(self.trust, note), "note", note)
        policy = self.trust.policy_at(checkpoint.checkpoint.size)
        until = revocation(checkpoint, self.trust.retired)
        if until is not None:
            self._require_stamped(until)
        signed = [name for name, _ in checkpoint.witnesses]
        tree, position = checkpoint.checkpoint, self.parts.position
        verify_inclusion(
            self.statement.leaf_hash, position.index, tree.size, position.proof, tree.root
        )
        self._say(
            rp.LEDGER,
            rp.PROVEN,
            "inclusion-proof",
            origin=tree.origin,
            index=position.index,
            size=tree.size,
            root=tree.root.hex(),
            commitment=self.deposit.commitment.hex(),
        )
        witnesses = [
            {"name": name, "key": seen.key.name, "time": seen.time}
            for name, seen in checkpoint.witnesses
            if seen.key.name != tree.origin
        ]
        if witnesses and has_quorum(policy, signed):
            self._say(rp.WITNESSES, rp.PROVEN, "cosignatures", witnesses=witnesses)
        elif needs_witnesses(policy, self.trust.origin):
            self._say(rp.WITNESSES, rp.NOT_SHOWN, witnesses=witnesses)
        return checkpoint

    def _require_stamped(self, until: int) -> None:
        """Raise VerificationFailed unless the checkpoint is shown to be from before `until`."""
        from ledger.chain.timing import require_stamped

        require_stamped(self.parts, self.trust, self.renewed, until)

    def _time(self) -> None:
        """Say when: as trusted authorities attest, else as the block record states."""
        assert self.block is not None
        if self.parts.times == NO_TIMES and self.renewed is None:
            self._say(rp.TIME, rp.STATED, "notary", time=self.block.time)
            return
        from ledger.chain.timing import time_claims

        for claim in time_claims(self.parts, self.block, self.trust, self.renewed):
            self.claims[claim.name] = claim

    def _block(self) -> Block:
        statement = self._notary_statement(self.parts.block, self.parts.block_position)
        block = parse_block(statement)
        if block.origin != self.trust.origin or block.start != self.parts.block_position.index:
            raise VerificationFailed("the block record does not describe its own place")
        if not block.start < self.parts.position.index < block.size:
            raise VerificationFailed("the deposit does not lie in the block that the receipt shows")
        assert self.checkpoint is not None
        if self.checkpoint.checkpoint.size < block.size:
            raise VerificationFailed("the checkpoint is older than the end of the block")
        self._say(
            rp.BLOCK,
            rp.PROVEN,
            "block-record",
            height=block.height,
            start=block.start,
            size=block.size,
            previous=block.previous.hex(),
            platform=None if block.platform is None else block.platform.hex(),
        )
        return block

    def _depositor(self) -> Enrolment:
        parts = self.parts
        statement = self._notary_statement(parts.enrolment, parts.enrolment_position)
        enrolment = parse_enrolment(statement)
        if parts.enrolment_position.index >= parts.position.index:
            raise VerificationFailed("the key was enrolled only after the deposit")
        if enrolment.origin != self.trust.origin or enrolment.account != self.statement.issuer:
            raise VerificationFailed("the enrolment is another account's")
        if enrolment.role != DEVICE:
            raise VerificationFailed("the enrolled key may not deposit")
        verify_statement(self.statement, enrolment.key)
        self._say(
            rp.DEPOSITOR,
            rp.PROVEN,
            "depositor-signature",
            account=enrolment.account,
            key=self.statement.key_id.hex(),
            enrolled=parts.enrolment_position.index,
            signed=self.statement.issued_at,
        )
        return enrolment

    def _identity(self) -> IdentityRecord | None:
        assert self.enrolment is not None
        enrolment, data = self.enrolment, self.parts.record
        if data is None:
            return None
        record = self.memory.once(
            lambda: verify_record(enrolment, data), "record", self.parts.enrolment, data
        )
        self._say(
            rp.IDENTITY,
            rp.STATED,
            "notary",
            name=record.name,
            registration=record.registration,
            checked_by=record.checked_by,
            checked_at=record.checked_at,
        )
        return record

    def _seal(self) -> None:
        assert self.checkpoint is not None and self.block is not None
        tree, position = self.checkpoint.checkpoint, self.parts.position
        receipt = parse_cose_receipt(self.parts.cose_receipt)
        if (receipt.origin, receipt.size, receipt.index, receipt.proof) != (
            tree.origin,
            tree.size,
            position.index,
            position.proof,
        ):
            raise VerificationFailed("the COSE Receipt is for another place than the proof")
        for each in self.trust.revoked_seals:
            if each.key == receipt.key_id:
                self._require_stamped(each.revoked if tree.size <= each.size else 0)
        message, time = receipt.message, self.block.time
        subject = self.memory.once(
            lambda: verify_seal(receipt, tree.root, self.trust.seals, time),
            "seal",
            message.protected_raw,
            message.signature,
            tree.root,
            time,
        )
        self._say(rp.SEAL, rp.PROVEN, "seal-certificate", subject=subject)

    def _content(self, opening: OpenedDeposit) -> None:
        if opening.commitment is None:
            raise VerificationFailed(opening.problem)
        if opening.commitment != self.deposit.commitment:
            raise VerificationFailed(
                "the documents shown are not those that were deposited: they give the commitment "
                f"{opening.commitment.hex()}, the deposit is {self.deposit.commitment.hex()}"
            )
        if opening.cover:
            self._say(rp.PROVENANCE, rp.STATED, "depositor-software", fields=dict(opening.cover))
        if opening.shown is not None:
            self._say(rp.CONTENT, rp.PROVEN, "partial-opening", documents=list(opening.shown))
            return
        documents: list[dict[str, object]] = [
            {"name": name, "size": size} for name, size in opening.documents
        ]
        for number, made in opening.renditions.items():
            documents[number]["rendition"] = made
        self._say(rp.CONTENT, rp.PROVEN, "full-opening", documents=documents)

    def _inspection(self, records: Sequence["InspectionRecord"]) -> None:
        from ledger.chain.inspection import verify_inspection

        assert self.checkpoint is not None
        leaf, tree = self.statement.leaf_hash, self.checkpoint.checkpoint
        record = next((each for each in records if each.inspection.leaf == leaf), None)
        if record is None or record.inspection.entry != self.parts.position.index:
            raise VerificationFailed("the inspection record is about another deposit")
        found = verify_inspection(record, self.trust)
        if found.size == tree.size and found.root != tree.root:
            raise VerificationFailed(
                "the inspection record and the receipt show two histories of the ledger"
            )
        self._say(
            rp.INSPECTION,
            rp.STATED,
            "notary",
            index=found.index,
            time=found.time,
            officer=found.particulars.officer,
            role=found.particulars.role,
            scope=found.inspection.scope,
            **found.part(self.claims.get(rp.CONTENT)),
        )
