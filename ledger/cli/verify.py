"""`sealbook verify`, for anyone: the court's check, and what one's own vault adds to it."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.speech import _
from ledger.errors import InvalidInput
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.chain.timestamp.authority import Doubts
    from ledger.verify import DepositReceipt, OpenedDeposit


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
@click.option("--record", type=shell.FILE, help="Its evidence record.  [default: FILE.ers, if any]")
@click.option(
    "--inspection",
    type=shell.FILE,
    help="The office's inspection record.  [default: FILE.inspection, if any]",
)
@click.option("-o", "--output", type=shell.FILE, help="Write the disclosed content here.")
@click.option("--for", "rule", help="Order the report by a rule: 在线诉讼规则, FRE-902.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Judge as of this day, in UTC: what is shown until then.  [default: today]",
)
@click.option(
    "--doubt",
    "doubts",
    multiple=True,
    metavar="HASH=DAY",
    help="Trust this hash function no more from then on: sha256=2045-01-01.",
)
@click.option("--full", is_flag=True, help="Of several deposits, report on receipts alone too.")
@click.option("--identity", type=shell.FILE, help="The age identity file that opens FILE.")
@shell.passphrase_option
@shell.language_option
@shell.json_option
def verify(
    file: Path,
    documents: tuple[Path, ...],
    trust_file: Path | None,
    record: Path | None,
    inspection: Path | None,
    output: Path | None,
    rule: str | None,
    at: datetime | None,
    doubts: tuple[str, ...],
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

    -o writes what is shown byte for byte: of an archive's member NAME.tar or NAME.zip-entry. What is
    encoded or packed goes besides, as people read it, to a folder that ends in .read: texts decoded,
    attachments and members under their own names. Of these nothing is proven.

    \b
    --at asks as of another day whether what attests to the time still stands:
    certificates end, unless `sealbook renew` went on before. What is known of
    lost keys counts for every day. The clock is used for nothing else.
    --doubt ends what rests on a hash function, but for older records by another.

    \b
    --for 在线诉讼规则 (or online-litigation) answers what arts. 16 to 19 ask;
    --for FRE-902 drafts a declaration under FRE 902(13) and 902(14).
    """
    from ledger.cli.court.reports import Shown
    from ledger.cli.court.verify import asked_rule, check, read_beside, read_trust
    from ledger.company.vault.home import TRUST, has_vault, vault_home
    from ledger.court import choose_language

    how = Shown(file, choose_language(lang, os.environ), as_json, asked_rule(rule), full)
    for each in (file, trust_file, record, inspection, identity, passphrase_file):
        if each is not None:
            shell.require_readable(each)
    for each in documents:
        shell.require_readable(each, folder=True)
    trusted = None
    if trust_file is not None:
        trusted = read_trust(trust_file, str(trust_file))
    elif has_vault(vault_home()):
        trusted = read_trust(vault_home() / TRUST, "")

    if trusted is not None:
        asked = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)
        when = int(asked.timestamp())
        trusted = (replace(trusted[0], at=when, doubts=_doubts(doubts)), *trusted[1:])
    compare = partial(_compare, passphrase_file=passphrase_file)
    beside = read_beside(file, record, inspection)
    if not check(file, documents, trusted, beside, how, output, identity, passphrase_file, compare):
        raise SystemExit(1)


def _doubts(given: tuple[str, ...]) -> "Doubts":
    """Return the hash functions of --doubt, each with the POSIX second from which on it is doubted."""
    from ledger.chain.timestamp.token import DIGESTS

    found = []
    for each in given:
        name, _, day = each.partition("=")
        try:
            start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            start = None
        if name not in DIGESTS.values() or start is None:
            raise click.UsageError(
                f"--doubt {quoted(each)} is not a hash function and a day, as in sha256=2045-01-01; "
                f"known are {', '.join(DIGESTS.values())}."
            )
        found.append((name, int(start.timestamp())))
    return tuple(found)


def _compare(
    receipt: "DepositReceipt", documents: tuple[Path, ...], passphrase_file: Path | None
) -> "OpenedDeposit | None":
    """Return what one's own documents give, None where there is nothing to compare."""
    from ledger.company.vault.home import IDENTITY, has_vault, held, vault_home

    home = vault_home()
    commitment = receipt.deposit.commitment
    deposit = None
    if has_vault(home) and any(held(home, commitment)):
        from ledger.cli.company.own import open_vault

        vault = open_vault()
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
            _("This receipt is from your own vault, and no content was compared. ")
            + (
                _("Name the documents after it to compare them.")
                if quiet
                else _(
                    "Name the passphrase's file with --passphrase-file to compare it with the "
                    "deposited files, or name the documents after it as well."
                )
            )
        )
        return None
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    return compare_originals(
        deposit, receipt.statement.key_id, documents or (original,), identities
    )
