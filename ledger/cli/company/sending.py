"""What becomes of a deposit: sending what waits, and saying so, for every command that deposits."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.errors import (
    Conflict,
    InvalidInput,
    KeyRevoked,
    NotEnrolled,
    SealbookError,
    Unavailable,
)
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.sending.confirming import Rejected
    from ledger.company.vault.stored import StoredDeposit
    from ledger.company.vault.vault import Vault
    from ledger.verify import VerifiedReceipt
    from ledger.wire.client import NotaryClient

DEPOSITED, WAITING, REFUSED, FAILED = "deposited", "waiting", "refused", "failed"
_LABEL = 12
_ROUNDS = 5
"""Times that papers of a matter are sent in one go: each time, another computer may be faster."""
_KEPT = "It stays sealed in the vault; `sealbook deposit` tries again."
_SEAL_ANEW = "It is kept in the vault and not sent again; deposit the same path to seal it anew."
_NEW_KEY = (
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
        self._message = ""
        self._failures = 0

    def asked_for(self, deposits: "list[StoredDeposit]") -> None:
        """Let only these count for the exit code, not what else waits."""
        self._asked = {each.name for each in deposits}

    def left_out(self, path: Path, missing: tuple[tuple[str, str], ...]) -> None:
        """Say what was not taken of a folder."""
        for name, kind in missing:
            label = f"{text.pad('left out', _LABEL)}{kind}"
            shell.tell(f"{label}\n{text.foreign(f'{path}/{name}', _LABEL)}")

    def done(self, deposit: "StoredDeposit", receipt: Path, index: int, block: int) -> None:
        """Say that a deposit is in the ledger and where its receipt lies."""
        self._add(deposit, DEPOSITED, receipt=str(receipt), index=index, block=block)
        place = text.home_relative(str(receipt))
        self._lines(DEPOSITED, name_of(deposit), f"entry {index} in block {block}, receipt", place)

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
            shown = click.style(text.pad(label, _LABEL), fg=color)
            click.echo(text.foreign(name, _LABEL, shown))
            click.echo(text.said(detail, _LABEL))
            if place:
                click.echo(text.foreign(place, _LABEL))


def send(vault: "Vault", report: Report) -> None:
    """Send what waits, deliver receipts; what cannot be sent now goes on waiting."""
    with vault.sending(lambda: shell.tell("Another sealbook process is sending; waiting for it.")):
        left = {}
        for each in vault.spooled():
            try:
                each.check()
                left[each.name] = each
            except SealbookError as error:
                report.damaged(each, error)
        try:
            for name in _confirm(vault, list(left.values()), report):
                del left[name]
        except (Unavailable, NotEnrolled) as error:
            reason = sentence_of(error)
            if isinstance(error, NotEnrolled):
                reason = (
                    "The notary has not enrolled this account yet. Hand over the enrolment request; "
                    "`sealbook deposit` sends what waits."
                )
            for each in left.values():
                report.waiting(each, reason)
        except SealbookError as error:
            for each in left.values():
                each.note(refused=str(error))
                report.not_deposited(each, FAILED, error, _KEPT)


def _confirm(vault: "Vault", spooled: "list[StoredDeposit]", report: Report) -> Iterator[str]:
    """Yield the name of each deposit that was settled, for good or ill."""
    from ledger.company.sending.confirming import confirm, verify_answer
    from ledger.company.sending.spool import Sender, deliver

    for each in spooled:
        receipt = each.receipt
        if receipt is not None:
            verified = verify_answer(each.encoded, receipt, vault.trust)
            report.done(each, deliver(each), verified.index, verified.block.height)
            yield each.name
    # A matter's papers go out by number: the notary takes each only after the one before it.
    waiting = sorted((each for each in spooled if each.waits), key=matter_number)
    if not waiting:
        return
    total = sum(payload.size for each in waiting for _, payload in each.files)
    with shell.Progress("sending", total) as progress, own.connect(vault) as client:
        sender = Sender(client, progress)
        for _ in range(_ROUNDS):
            lost: list[tuple[StoredDeposit, Conflict]] = []
            for each, outcome in confirm(waiting, sender, vault.trust, vault):
                progress.close()
                if type(outcome) is Conflict and each.deposit.matter is not None:
                    lost.append((each, outcome))
                    continue
                _settle(vault, each, outcome, report)
                yield each.name
            again = _give_way(vault, client, [each for each, _ in lost]) if lost else frozenset()
            for each, conflict in lost:
                if each.name not in again:
                    _settle(vault, each, conflict, report)
                    yield each.name
            waiting = sorted((e for e, _ in lost if e.name in again), key=matter_number)
            if not waiting:
                return
        for each in waiting:
            report.waiting(each, _KEPT)
            yield each.name


def _settle(
    vault: "Vault",
    deposit: "StoredDeposit",
    outcome: "VerifiedReceipt | Rejected | SealbookError",
    report: Report,
) -> None:
    """Do what the notary's answer asks for, and say so."""
    from ledger.company.sending.confirming import Rejected
    from ledger.company.sending.spool import deliver, keep_proof, note_refusal

    if isinstance(outcome, Rejected):
        kept = keep_proof(vault, deposit, outcome)
        report.not_deposited(
            deposit, FAILED, outcome.error, f"The proof is kept in {quoted(kept)}."
        )
    elif isinstance(outcome, SealbookError):
        if note_refusal(vault, deposit, outcome):
            way_on = _NEW_KEY if isinstance(outcome, KeyRevoked) else _SEAL_ANEW
            report.not_deposited(deposit, REFUSED, outcome, way_on)
        else:
            report.not_deposited(deposit, FAILED, outcome, _KEPT)
    else:
        report.done(deposit, deliver(deposit), outcome.index, outcome.block.height)


def _give_way(
    vault: "Vault", client: "NotaryClient", lost: "list[StoredDeposit]"
) -> frozenset[str]:
    """Return which papers got new numbers because another computer of the account had taken theirs."""
    from ledger.company.sending.giving_way import give_way

    try:
        return give_way(vault, client, lost, int(time.time()))
    except SealbookError as error:
        shell.tell(text.said(sentence_of(error)))
        return frozenset()


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
    meta = deposit.meta
    state = REFUSED if deposit.refused else WAITING if deposit.waits else DEPOSITED
    return {
        "id": deposit.commitment,
        "title": meta.title,
        "path": meta.path or None,
        "state": state,
        "sealed": meta.sealed,
        "documents": meta.documents,
        "size": meta.size,
        "matter": meta.matter,
        "matter_number": matter_number(deposit) or None,
        "message": meta.refused,
        "receipt": meta.receipt or str(deposit.folder / "receipt") if state == DEPOSITED else None,
    }


def matter_number(deposit: "StoredDeposit") -> int:
    """Return its number in its matter, 0 where it is in none."""
    matter = deposit.deposit.matter
    return 0 if matter is None else matter.number


def name_of(deposit: "StoredDeposit") -> str:
    """Return what a person calls the deposit: its path, or its title."""
    meta = deposit.meta
    return text.home_relative(meta.path) if meta.path else meta.title


def sentence_of(error: SealbookError) -> str:
    """Return an error's text as a sentence."""
    from ledger.cli.text import sentence

    return sentence(str(error))
