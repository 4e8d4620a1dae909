"""The court's command: verify. Needs no vault, no network and no notary."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell
from ledger.errors import InvalidInput, MalformedData

if TYPE_CHECKING:
    from ledger.chain.report import Report
    from ledger.chain.trust import Trust
    from ledger.verify import OpenedDeposit


@click.command(
    epilog="""\b
Examples:
  sealbook verify case-114.evidence --trust office.trust -o documents/
  sealbook verify contract.pdf.receipt contract.pdf
"""
)
@click.argument("file", type=shell.FILE)
@click.argument("documents", nargs=-1, type=shell.FILE)
@click.option(
    "--trust", "trust_file", type=shell.FILE, help="The trust file, from the office itself."
)
@click.option("-o", "--output", type=shell.FILE, help="Write the disclosed documents here.")
@shell.passphrase_option
@shell.language_option
@shell.json_option
def verify(
    file: Path,
    documents: tuple[Path, ...],
    trust_file: Path | None,
    output: Path | None,
    passphrase_file: Path | None,
    lang: str | None,
    as_json: bool,
) -> None:
    """Check a receipt or an evidence file, offline, and report claim by claim.

    Exit code 0 when no claim failed and every claim that the trust file requires is proven. Without
    --trust, the trust file pinned in one's own vault is used, if there is one for this ledger. A
    receipt of one's own is compared with DOCUMENTS, or with the deposited files where they still are.
    """
    from ledger.catalogue import choose_language

    language = choose_language(lang, os.environ)
    for each in (file, trust_file, passphrase_file):
        if each is not None:
            shell.require_readable(each)
    for each in documents:
        shell.require_readable(each, folder=True)
    trusted = _trust(trust_file)
    if _is_zip(file):
        if documents:
            raise click.UsageError("An evidence file brings its documents; name no others.")
        from ledger.cli.evidence import verify_evidence

        good = verify_evidence(file, trusted, output, language, as_json)
    else:
        if output is not None:
            raise click.UsageError("A receipt holds no documents to write; leave out -o.")
        good = _verify_receipt(file, documents, trusted, passphrase_file, language, as_json)
    if not good:
        raise SystemExit(1)


def _verify_receipt(
    file: Path,
    documents: tuple[Path, ...],
    trusted: "tuple[Trust, bytes, str] | None",
    passphrase_file: Path | None,
    language: str,
    as_json: bool,
) -> bool:
    from ledger.chain.receipt import MAX_RECEIPT
    from ledger.verify import ReceiptRefused, unchecked_report, verify_receipt

    receipt = shell.read_limited(file, MAX_RECEIPT, "a receipt")
    if trusted is None:
        with damaged(file):
            unchecked = unchecked_report(receipt)
        return show_reports(file, [unchecked], None, language, as_json)
    opening = _opening(file, receipt, documents, passphrase_file)
    try:
        with damaged(file):
            report = verify_receipt(receipt, trusted[0], opening=opening).report
    except ReceiptRefused as error:
        report = error.report
    return show_reports(file, [report], trusted, language, as_json)


def show_reports(
    file: Path,
    reports: "Sequence[Report]",
    trusted: "tuple[Trust, bytes, str] | None",
    language: str,
    as_json: bool,
    more: dict[str, Any] | None = None,
) -> bool:
    """Print the reports on a file; return whether all are good."""
    from ledger.catalogue import say
    from ledger.cli import text
    from ledger.cli.page import report_page

    good = trusted is not None and all(report.good for report in reports)
    if as_json:
        value: dict[str, Any] = {"file": str(file), "good": good}
        value["trust"] = None
        if trusted is not None:
            from ledger.chain.trust import fingerprint

            trust, data, _ = trusted
            value["trust"] = {
                "origin": trust.origin,
                "issuer": trust.issuer,
                "fingerprint": fingerprint(data),
            }
        value["reports"] = [report.as_dict() for report in reports]
        shell.emit(True, {**value, **(more or {})}, "")
        return good
    head = [(say("file", language), text.Whole(text.plain(str(file))))]
    if trusted is None:
        from ledger.cli.page import labelled

        click.echo(click.style(say("title", language), bold=True) + "\n")
        click.echo("\n".join(labelled(head)))
        click.echo("\n" + click.style(text.indent(say("no-trust", language), 0), fg="red"))
        return False
    for number, report in enumerate(reports):
        if number:
            click.echo("\n" + "-" * text.WIDTH + "\n")
        click.echo(report_page(report, language, [*head, *_trust_rows(trusted, language)]))
    return good


def _trust_rows(trusted: "tuple[Trust, bytes, str]", language: str) -> list[tuple[str, str]]:
    from ledger.catalogue import say
    from ledger.chain.trust import fingerprint
    from ledger.cli import text

    trust, data, source = trusted
    issued = say("issued", language, issuer=trust.issuer, issued=text.when(trust.issued)[:10])
    where = source or say("vault-trust", language)
    return [
        (say("trust", language), text.plain(f"{where}\n{issued}".replace("\n", " · "))),
        (say("fingerprint", language), fingerprint(data)),
    ]


def _trust(file: Path | None) -> "tuple[Trust, bytes, str] | None":
    """Return the trust, its file's bytes, and the file's name ("" for the one pinned in the vault)."""
    from ledger.adapters.home import TRUST, has_vault, vault_home
    from ledger.chain.trust import MAX_TRUST, parse_trust

    pinned = vault_home() / TRUST
    if file is None and not has_vault(pinned.parent):
        return None
    data = shell.read_limited(file or pinned, MAX_TRUST, "a trust file")
    with shell.about(file or pinned):
        return parse_trust(data), data, str(file or "")


def _opening(
    file: Path, receipt: bytes, documents: tuple[Path, ...], passphrase_file: Path | None
) -> "OpenedDeposit | None":
    """Return what one's own documents give, None where there is nothing to compare."""
    from ledger.adapters.home import IDENTITY, has_vault, may_hold, vault_home
    from ledger.chain.receipt import parse_receipt
    from ledger.chain.statement import parse_deposit, parse_statement

    home = vault_home()
    with damaged(file):
        statement = parse_statement(parse_receipt(receipt).statement)
        commitment = parse_deposit(statement).commitment
    deposit = None
    if has_vault(home) and may_hold(home, commitment):
        vault = shell.open_vault()
        deposit = vault.with_commitment(commitment)
    if deposit is None:
        if documents:
            raise InvalidInput(
                "Documents can be compared only where their opening is: in the vault that deposited "
                "them, or in an evidence file."
            )
        return None
    from ledger.adapters.opening import compare_originals

    # The user is asked for a passphrase only where that leads somewhere.
    quiet = (home / IDENTITY).exists() or passphrase_file is not None or shell.can_ask()
    original = Path(deposit.meta.path)
    if not documents and not (deposit.meta.path and original.exists() and quiet):
        shell.tell(
            "This receipt is from your own vault, and no content was compared. "
            + (
                "Name the documents after it to compare them."
                if quiet
                else "Name the passphrase's file with --passphrase-file to compare it with the "
                "deposited files, or name the documents after it as well."
            )
        )
        return None
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    return compare_originals(deposit, receipt, documents or (original,), identities)


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Say what it means for a person that a parser refuses a receipt or an evidence file."""
    try:
        yield
    except MalformedData as error:
        raise MalformedData(
            f"{path} is not a receipt or an evidence file, or it is incomplete or damaged; ask for a "
            f"new copy of it ({error})."
        ) from error


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
