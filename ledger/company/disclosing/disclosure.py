"""A disclosure from what was asked for to the register: papers, recipients, parts, entry.

`writing` makes the evidence file between the last two.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.company.disclosing.contents import Contents
from ledger.company.disclosing.excess import check_excess
from ledger.company.disclosing.opening import originals
from ledger.company.disclosing.preview import preview, receipt_preview, whole_preview
from ledger.company.disclosing.ranged import view_deposit
from ledger.company.disclosing.selectors import resolved
from ledger.company.disclosing.writing import Wanted, open_parts
from ledger.company.measures.measure import DEPOSIT, DISCLOSURE, Measure, Subject, line_of
from ledger.company.measures.recording import record
from ledger.company.measures.words import HANDED, SEALED_FOR
from ledger.company.sending.confirming import verify_answer
from ledger.company.vault.matters import complete
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.crypto.envelope import seal_header
from ledger.crypto.recipients import FILE_KEY_SIZE, Identity, Random, Recipient, parse_recipient
from ledger.disk.staging import Progress
from ledger.errors import InvalidInput, NotFound
from ledger.evidence.matter import verify_matter
from ledger.quoted import quoted
from ledger.verify import VerifiedReceipt

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

_MAX_NOTE = 1200
"""Characters of the entry's note: what was shown, as it was selected."""
_SUBJECTS = 10
"""Deposits that the entry names one by one."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deposit that is to be disclosed, and what that shows, hides and says (`preview`)."""

    wanted: Wanted
    preview: dict[str, Any]

    @property
    def deposit(self) -> StoredDeposit:
        """The deposit."""
        return self.wanted.deposit


def parse_recipients(lines: Sequence[str]) -> tuple[Recipient, ...]:
    """Return the recipients on the lines, but for comments. Raises MalformedData for what is none."""
    stripped = [line.strip() for line in lines]
    return tuple(parse_recipient(line) for line in stripped if line and not line.startswith("#"))


def require_one_kind(recipients: Sequence[Recipient], random: Random) -> None:
    """Raise InvalidInput where one file cannot be sealed for all of them."""
    try:
        seal_header(bytes(FILE_KEY_SIZE), recipients, random)
    except InvalidInput as error:
        raise InvalidInput(f"{error}. Write an evidence file for each kind.") from error


def papers_of(vault: Vault, named: Sequence[StoredDeposit], matter: str) -> list[StoredDeposit]:
    """Return all papers of a matter, their receipts shown to form one chain, by number.

    Raises NotFound where one that is named is none of them, and as `complete` and verify_matter do.
    """
    papers = complete(vault, matter)
    verify_matter([verified(vault, each) for each in papers])
    for each in named:
        if each.name not in {paper.name for paper in papers}:
            raise NotFound(
                f"{quoted(each.meta.path or each.meta.title)} is no paper of the matter "
                f"{quoted(matter)}."
            )
    by_name = {each.name: each for each in named}
    return [by_name.get(paper.name, paper) for paper in papers]


def verified(vault: Vault, deposit: StoredDeposit) -> VerifiedReceipt:
    """Return a deposit's receipt, which it must have. Raises VerificationFailed, MalformedData."""
    receipt = deposit.receipt
    assert receipt is not None
    return verify_answer(deposit.encoded, receipt, vault.trust)


def prepare(
    vault: Vault,
    deposit: StoredDeposit,
    shown: bool,
    selectors: Sequence[str],
    whole: bool,
    identities: tuple[Identity, ...],
    client: "NotaryClient",
    stack: ExitStack,
    progress: Progress,
) -> Prepared:
    """Return what to disclose of a deposit: its receipt; where `shown`, all of it or what is selected.

    What is read in part stays open until `stack` ends. Raises Ambiguous and InvalidInput for a
    selector, also for one that would open far more than was asked unless `whole`; and as
    view_deposit and open_parts do.
    """
    receipt = verified(vault, deposit)
    if not shown:
        return Prepared(Wanted(deposit), receipt_preview(receipt))
    if not selectors:
        manifest = deposit.manifest(identities)
        return Prepared(Wanted(deposit, whole=True), whole_preview(manifest, receipt))
    view = stack.enter_context(
        view_deposit(deposit, client, identities, lambda manifest: originals(deposit, manifest))
    )
    contents = Contents(view.manifest, view.index, view.fetch)
    meant = {each: resolved(each, contents) for each in selectors}
    if not whole:
        for selector, found in meant.items():
            check_excess(selector, found, contents)
    targets = [target for found in meant.values() for target in found.groups[0]]
    selections = contents.selections(targets)
    parts = open_parts(deposit, view, selections, progress)
    asked = [{"selector": each, "found_by": found.by} for each, found in meant.items()]
    return Prepared(
        Wanted(deposit, parts=parts),
        {"asked": asked, **preview(contents, selections, parts.opening, receipt)},
    )


def enter(
    vault: Vault,
    disclosed: Sequence[Prepared],
    persons: Sequence[str],
    output: Path,
    now: Callable[[], float],
    random: Random,
) -> StoredDeposit:
    """Enter a disclosure in the register of measures; the entry waits to be sent.

    `persons` are those that the file is sealed for, as the entry shows them. Raises as `record` does.
    """
    with output.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    shown = "; ".join(_shown_words(disclosed))
    measure = Measure(
        DISCLOSURE,
        datetime.fromtimestamp(now(), UTC).date(),
        tuple(line_of(SEALED_FOR + each) for each in persons) or (HANDED,),
        subjects=tuple(
            Subject(DEPOSIT, line_of(each.deposit.meta.title)[:100], each.deposit.commitment)
            for each in disclosed[:_SUBJECTS]
        ),
        note=line_of(f"{output.name}, SHA-256 {digest}; shown: {shown}")[:_MAX_NOTE].rstrip(),
    )
    return record(vault, measure, now, random)


def _shown_words(disclosed: Sequence[Prepared]) -> Iterator[str]:
    for each in disclosed:
        if each.preview["disclosed"] == "part":
            for part in each.preview["revealed"]:
                if "selector" in part:
                    yield part["selector"]
        else:
            yield "everything" if each.preview["disclosed"] == "whole" else "receipt alone"
