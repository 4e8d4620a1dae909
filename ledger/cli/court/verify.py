"""The court's command: verify. Needs no vault, no network and no notary."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.court.reports import Shown, damaged, show_reports
from ledger.errors import InvalidInput
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.cli.court.questions import Examined
    from ledger.cli.court.reports import Trusted
    from ledger.verify import OpenedDeposit


@click.command(
    epilog="""\b
Examples:
  sealbook verify case-114.evidence --trust office.trust -o shown/
  sealbook verify case.evidence.age --identity court.key --trust office.trust
  sealbook verify case-114.evidence --trust office.trust --for 在线诉讼规则
  sealbook verify contract.pdf.receipt contract.pdf
"""
)
@click.argument("file", type=shell.FILE)
@click.argument("documents", nargs=-1, type=shell.FILE)
@click.option(
    "--trust", "trust_file", type=shell.FILE, help="The trust file, from the office itself."
)
@click.option("-o", "--output", type=shell.FILE, help="Write the disclosed content here.")
@click.option("--for", "rule", help="Order the report by a rule: 在线诉讼规则, FRE-902.")
@click.option("--full", is_flag=True, help="Of several deposits, report on receipts alone too.")
@click.option("--identity", type=shell.FILE, help="The age identity file that opens FILE.")
@shell.passphrase_option
@shell.language_option
@shell.json_option
def verify(
    file: Path,
    documents: tuple[Path, ...],
    trust_file: Path | None,
    output: Path | None,
    rule: str | None,
    full: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    lang: str | None,
    as_json: bool,
) -> None:
    """Check a receipt or an evidence file, offline, and report claim by claim.

    Exit code 0 when no claim failed and every claim that the trust file requires is proven. Without
    --trust, the trust file pinned in one's own vault is used, if there is one for this ledger. A
    receipt of one's own is compared with DOCUMENTS, or with the deposited files where they still are.

    A file of several deposits begins with an overview, a line for each; of receipts alone that line is
    all, unless --full asks for their reports.

    -o writes a member of an archive as the archive holds it: NAME.tar opens with tar, NAME.zip-entry
    with funzip.

    \b
    --for 在线诉讼规则 (or online-litigation) answers what arts. 16 to 19 ask;
    --for FRE-902 drafts a declaration under FRE 902(13) and 902(14).
    """
    from ledger.cli.court.sealed import is_sealed, unsealed
    from ledger.court import choose_language

    how = Shown(file, choose_language(lang, os.environ), as_json, _rule(rule), full)
    for each in (file, trust_file, identity, passphrase_file):
        if each is not None:
            shell.require_readable(each)
    for each in documents:
        shell.require_readable(each, folder=True)
    trusted = _trust(trust_file)
    with ExitStack() as stack:
        if is_sealed(file):
            if identity is None:
                raise click.UsageError(
                    f"{quoted(file)} is sealed for a recipient (an age file); name the identity "
                    "file that "
                    "opens it with --identity FILE."
                )
            file = stack.enter_context(unsealed(file, identity, passphrase_file))
        elif identity is not None:
            raise click.UsageError(f"{quoted(file)} is not sealed; leave out --identity.")
        if _is_zip(file):
            if documents:
                raise click.UsageError("An evidence file brings its documents; name no others.")
            from ledger.cli.court.evidence import verify_evidence

            good = verify_evidence(file, trusted, output, how)
        else:
            if output is not None:
                raise click.UsageError("A receipt holds no documents to write; leave out -o.")
            good = _verify_receipt(file, documents, trusted, passphrase_file, how)
    if not good:
        raise SystemExit(1)


def _rule(asked: str | None) -> str | None:
    if asked is None:
        return None
    from ledger.court.questions import RULES, find_rule

    rule = find_rule(asked)
    if rule is None:
        known = "; ".join(f"{name} (also {', '.join(others)})" for name, others in RULES.items())
        raise click.UsageError(f"--for does not know {quoted(asked)}. It knows: {known}.")
    return rule


def _verify_receipt(
    file: Path,
    documents: tuple[Path, ...],
    trusted: "Trusted | None",
    passphrase_file: Path | None,
    how: Shown,
) -> bool:
    from ledger.chain.receipt import MAX_RECEIPT
    from ledger.verify import ReceiptRefused, unchecked_report, verify_receipt

    receipt = shell.read_limited(file, MAX_RECEIPT, "a receipt")
    if trusted is None:
        with damaged(how.name):
            unchecked = unchecked_report(receipt)
        return show_reports([unchecked], None, how)
    opening = _opening(how.name, receipt, documents, passphrase_file)
    try:
        with damaged(how.name):
            report = verify_receipt(receipt, trusted[0], opening=opening).report
    except ReceiptRefused as error:
        report = error.report
    examined: list[Examined] = []
    if how.rule is not None:
        from ledger.cli.court.questions import Examined as New

        examined = [New(report)]
    return show_reports([report], trusted, how, examined=examined)


def _trust(file: Path | None) -> "Trusted | None":
    """Return the trust, its file's bytes, and the file's name ("" for the one pinned in the vault)."""
    from ledger.chain.trust import MAX_TRUST, parse_trust
    from ledger.company.vault.home import TRUST, has_vault, vault_home

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
    from ledger.chain.receipt import parse_receipt
    from ledger.chain.statement import parse_deposit, parse_statement
    from ledger.company.vault.home import IDENTITY, has_vault, may_hold, vault_home

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
    from ledger.company.disclosing.opening import compare_originals

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


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
