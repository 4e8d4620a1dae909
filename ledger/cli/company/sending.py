"""What becomes of a deposit: sending what waits, and saying so, for every command that deposits."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, KeyRevoked, NotEnrolled, SealbookError
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.company.sending.send import Outcome
    from ledger.company.vault.stored import StoredDeposit
    from ledger.company.vault.vault import Vault
    from ledger.evidence.records import Record

DEPOSITED, WAITING, REFUSED, FAILED = "deposited", "waiting", "refused", "failed"
PATIENCE = 3.0
"""Seconds that a person waits at most for witnesses and timestamps to complete the receipts."""
_LABEL = 12
_KEPT: Message = "It stays sealed in the vault; `sealbook deposit` tries again."
_NOT_ENROLLED: Message = (
    "The notary has not enrolled this account yet. Hand over the enrolment request; "
    "`sealbook deposit` sends what waits."
)
_SEAL_ANEW: Message = (
    "It is kept in the vault and not sent again; deposit the same path to seal it anew."
)
_NEW_KEY: Message = (
    "This computer's key deposits no more. Name a folder for a new vault in SEALBOOK_HOME and run "
    "`sealbook recover` with the recovery sheet; without the sheet, run `sealbook init` there and hand "
    "the new request to the notary office. What was refused stays readable in this vault; deposit its "
    "path again from the new one."
)


class Report:
    """Says what becomes of each deposit, at once to a person, at the end to a machine."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._asked: set[str] | None = None
        self._deposits: list[dict[str, Any]] = []
        self._entered: list[tuple[dict[str, Any], StoredDeposit]] = []
        self._message = ""
        self._failures = 0

    def asked_for(self, deposits: "list[StoredDeposit]") -> None:
        """Let only these count for the exit code, not what else waits."""
        self._asked = {each.name for each in deposits}

    def left_out(self, path: Path, missing: tuple[tuple[str, str], ...]) -> None:
        """Say what was not taken of a folder."""
        for name, kind in missing:
            label = f"{text.pad(_('left out'), _LABEL)}{kind}"
            shell.tell(f"{label}\n{text.foreign(f'{path}/{name}', _LABEL)}")

    def sealed(self, records: "Sequence[Record]") -> None:
        """Say what the renditions of what was sealed leave out, mark or show otherwise."""
        from ledger.cli.company.remarks import sealed_lines

        lines = list(sealed_lines(records, _LABEL))
        for number, line in enumerate(lines):
            shell.tell(line if number else text.pad("rendered", _LABEL) + line[_LABEL:])

    def noted(self, deposit: "StoredDeposit") -> None:
        """Say what of a deposit's documents cannot be shown by itself, why, and what to do."""
        for each in deposit.meta.notices:
            for line in text.noted(each.facts, _LABEL, "note"):
                shell.tell(line)

    def done(self, deposit: "StoredDeposit", receipt: Path, index: int, block: int) -> None:
        """Say that a deposit is in the ledger and where its receipt lies."""
        self._add(deposit, DEPOSITED, receipt=str(receipt), index=index, block=block)
        self._entered.append((self._deposits[-1], deposit))
        place = text.home_relative(str(receipt))
        self._lines(
            DEPOSITED, name_of(deposit), told(f"entry {index} in block {block}, receipt"), place
        )

    def settled(self, provisional: int) -> None:
        """Say which of the receipts are final now, and how many of the vault's are not."""
        for value, deposit in self._entered:
            value["receipt_state"] = finality(deposit)
        if provisional:
            shell.tell(text.said(still_provisional(provisional)))

    def waiting(self, deposit: "StoredDeposit", reason: str) -> None:
        """Say that a deposit waits, and for what."""
        self._add(deposit, WAITING, message=reason)
        self._lines(WAITING, name_of(deposit), reason)

    def not_deposited(
        self, deposit: "StoredDeposit", state: str, error: SealbookError, more: str = ""
    ) -> None:
        """Say that a deposit was refused or failed, why, and what to do."""
        self._failures += self._asked is None or deposit.name in self._asked
        message = " ".join(filter(None, (sentence_of(error), more)))
        self._add(deposit, state, message=message, code=error.code)
        self._lines(state, name_of(deposit), message)

    def damaged(self, deposit: "StoredDeposit", error: SealbookError) -> None:
        """Say that what the vault holds of a deposit cannot be read."""
        self._failures += self._asked is None
        self._path_failed(deposit.folder, error)

    def failed(self, path: Path, error: SealbookError) -> None:
        """Say that a path could not be sealed."""
        self._failures += 1
        self._path_failed(path, error)

    def _path_failed(self, path: Path, error: SealbookError) -> None:
        message = sentence_of(error)
        self._deposits.append(
            {"path": str(path), "state": FAILED, "message": message, "code": error.code}
        )
        self._lines(FAILED, str(path), message)

    def quiet(self, message: str) -> None:
        """Say that there is nothing to do."""
        self._message = message
        if not self._as_json:
            click.echo(message)

    def finish(self) -> None:
        """Print the object for a machine; exit with 1 where something failed."""
        if self._as_json:
            value: dict[str, Any] = {"deposits": self._deposits}
            if self._message:
                value["message"] = self._message
            shell.emit(True, value, "")
        if self._failures:
            raise SystemExit(1)

    def _add(self, deposit: "StoredDeposit", state: str, **more: Any) -> None:
        self._deposits.append({**summary(deposit), "state": state, **more})

    def _lines(self, label: str, name: str, detail: str, place: str = "") -> None:
        if not self._as_json:
            color = {DEPOSITED: "green", WAITING: "yellow"}.get(label, "red")
            shown = click.style(text.pad(text.state(label), _LABEL), fg=color)
            click.echo(text.foreign(name, _LABEL, shown))
            click.echo(text.said(detail, _LABEL))
            if place:
                click.echo(text.foreign(place, _LABEL))


def send(vault: "Vault", report: Report) -> None:
    """Send what waits, deliver receipts; what cannot be sent now goes on waiting.

    Then, for some seconds, receipts are fetched that are still provisional.
    """
    with vault.sending(
        lambda: shell.tell(_("Another sealbook process is sending; waiting for it."))
    ):
        if spooled := vault.spooled():
            _send(vault, spooled, report)
    if vault.provisional():
        _settle(vault, report)


def _send(vault: "Vault", spooled: "Sequence[StoredDeposit]", report: Report) -> None:
    from ledger.company.sending import send as use_case

    total = use_case.bytes_to_send(spooled)
    moved: dict[str, StoredDeposit] = {}
    with shell.Progress("sending", total) as progress, own.connect(vault) as client:
        for outcome in use_case.send(vault, client, spooled, time.time, progress):
            progress.close()
            moved.pop(outcome.deposit.name, None)
            if isinstance(outcome, use_case.Renumbered):
                moved[outcome.deposit.name] = outcome.deposit
            else:
                _say(outcome, report)
    for each in moved.values():
        report.waiting(each, _KEPT)
    _stamp(vault)


def _stamp(vault: "Vault") -> None:
    """Have what still waits stamped, where the trust file says who can be asked."""
    from ledger.company.sending.stamping import stamp_waiting

    stamped = 0
    try:
        for _ in stamp_waiting(vault.trust, vault.spooled()):
            stamped += 1
    except SealbookError as error:
        shell.tell(text.said(f"What waits was not timestamped. {sentence_of(error)}"))
    if stamped:
        shell.tell(told(f"Timestamped while it waits: {stamped}."))


def _settle(vault: "Vault", report: Report) -> None:
    from ledger.company.sending.refreshing import settle

    with own.connect(vault, hurried=PATIENCE) as client:
        wrong = settle(vault, client, PATIENCE)
    for why in dict.fromkeys(sentence_of(each.error) for each in wrong):
        shell.tell(text.said(f"A receipt that was fetched again does not count. {why}"))
    report.settled(len(vault.provisional()))


def _say(outcome: "Outcome", report: Report) -> None:
    """Say what has become of a deposit."""
    from ledger.company.sending import send as use_case

    deposit = outcome.deposit
    match outcome:
        case use_case.Delivered(_, receipt, verified):
            report.done(deposit, receipt, verified.index, verified.block.height)
        case use_case.PutAside(_, error, doubt):
            if doubt is not None:
                shell.tell(text.said(sentence_of(doubt)))
            way_on = _NEW_KEY if isinstance(error, KeyRevoked) else _SEAL_ANEW
            report.not_deposited(deposit, REFUSED, error, way_on)
        case use_case.PutOff(_, error) if outcome.passing:
            report.waiting(deposit, sentence_of(error))
        case use_case.PutOff(_, error, proof):
            more = _KEPT if proof is None else told(f"The proof is kept in {quoted(proof)}.")
            report.not_deposited(deposit, FAILED, error, more)
        case use_case.Unsent(_, NotEnrolled()):
            report.waiting(deposit, _NOT_ENROLLED)
        case use_case.Unsent(_, error) if outcome.passing:
            report.waiting(deposit, sentence_of(error))
        case use_case.Unsent(_, error):
            report.not_deposited(deposit, FAILED, error, _KEPT)
        case use_case.Damaged(_, error):
            report.damaged(deposit, error)


def still_provisional(count: int) -> str:
    """Return the sentence about receipts that are not final yet."""
    return told(
        f"{count} receipt{' is' if count == 1 else 's are'} provisional: something is still to come "
        "from witnesses or timestamp authorities that the trust file names. The next deposit, the "
        "daemon and `sealbook receipt refresh` fetch it."
    )


def no_receipt(deposit: "StoredDeposit") -> InvalidInput:
    """Return the error that says why a deposit has no receipt."""
    if deposit.refused:
        return InvalidInput(f"{quoted(name_of(deposit))} was refused by the notary. {_SEAL_ANEW}")
    return InvalidInput(
        f"{quoted(name_of(deposit))} waits to be deposited; `sealbook deposit` sends it."
    )


def verified_receipt(vault: "Vault", deposit: "StoredDeposit") -> Any:
    """Return a deposit's VerifiedReceipt. Raises VerificationFailed, MalformedData."""
    from ledger.company.sending.confirming import verify_answer

    receipt = deposit.receipt
    assert receipt is not None
    return verify_answer(deposit.encoded, receipt, vault.trust)


def summary(deposit: "StoredDeposit") -> dict[str, Any]:
    """Return what commands print of a deposit for a machine."""
    from ledger.company.vault.matters import number_of

    meta = deposit.meta
    state = DEPOSITED if deposit.state.entered else str(deposit.state)
    entered = state == DEPOSITED
    return {
        "id": deposit.commitment,
        "title": meta.title,
        "path": meta.path or None,
        "state": state,
        "sealed": meta.sealed,
        "documents": meta.documents,
        "size": meta.size,
        "matter": meta.matter,
        "matter_number": number_of(deposit) or None,
        "message": meta.refused,
        "notices": [each.facts for each in meta.notices],
        "receipt": meta.receipt or str(deposit.folder / "receipt") if entered else None,
        "receipt_state": finality(deposit) if entered else None,
    }


def finality(deposit: "StoredDeposit") -> str:
    """Return what a receipt is, relative to the trust file's policy."""
    return "provisional" if deposit.provisional else "final"


def name_of(deposit: "StoredDeposit") -> str:
    """Return what a person calls the deposit: its path, or its title."""
    meta = deposit.meta
    return text.home_relative(meta.path) if meta.path else meta.title


def sentence_of(error: SealbookError) -> str:
    """Return an error's text as a sentence."""
    from ledger.cli.text import sentence

    return sentence(str(error))
