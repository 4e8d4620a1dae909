"""`sealbook notary produce | tidy | retention | notice | platform`: for an order, and in public."""

import time
from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.notary.staff import at_terminal, opened_desk
from ledger.cli.notary.terms import find_account
from ledger.cli.speech import _, language, told
from ledger.lines import require_line

_PAGE = 32
"""Receipts that are asked for at once."""
_DAY = 86_400


@click.command(
    epilog="""\b
Example:
  sealbook notary produce 4f0c9d21 --order "2026-117" -o produced-117
"""
)
@click.argument("account")
@click.option("--order", required=True, help="The order's number; goes on the audit trail.")
@click.option("-o", "--output", type=shell.FILE, required=True, help="A new folder.")
@directory_option
@shell.json_option
def produce(account: str, order: str, output: Path, directory: Path, as_json: bool) -> None:
    """Write all that the office holds of an account into a folder.

    Its keys and identity record, each receipt, and the age files as they were uploaded. The office
    cannot open these, and nobody can without one of the company's identities. What is not there is
    listed in missing.txt.
    """
    from ledger.notary.desk.terms import MAX_REASON, terms_of
    from ledger.notary.desk.trail import Action, record
    from ledger.notary.ordering import command
    from ledger.notary.orders import AskAccount, AskReceipts
    from ledger.notary.producing import Production
    from ledger.notary.storage import directory as place
    from ledger.notary.storage.stores import open_envelopes

    order = require_line(order, MAX_REASON)
    found = find_account(directory, account)
    settings = place.read_settings(directory)
    standing = command(directory, AskAccount(found))
    with (
        opened_desk(directory) as desk,
        open_envelopes(directory, settings) as store,
        Production(output, language()) as production,
    ):
        terms = terms_of(desk, found)
        production.account(standing, terms, order, settings.origin, int(time.time()))
        after, count = -1, 0
        with shell.Progress("Receipts", 0, bytes_=False) as progress:
            while given := command(directory, AskReceipts(found, after, _PAGE)).receipts:
                for each in given:
                    production.deposit(each, store)
                after = given[-1].index
                count += len(given)
                progress(count)
        record(desk, at_terminal(), Action.PRODUCED, f"{found} for {order}")
        done = production.finish()
    lines = [
        told(f"Receipts: {done.receipts}. Age files: {done.files}. Missing: {len(done.missing)}."),
        text.foreign(output, 2),
    ]
    shell.emit(
        as_json,
        {
            "account": found,
            "folder": str(output.absolute()),
            "receipts": done.receipts,
            "files": done.files,
            "missing": list(done.missing),
        },
        "\n".join(lines),
    )


@click.command(
    epilog="""\b
Example:
  sealbook notary tidy --older-than 90
  sealbook notary tidy --older-than 90 --delete
"""
)
@click.option(
    "--older-than",
    type=click.IntRange(1),
    default=90,
    show_default=True,
    help="Days since it was uploaded.",
)
@click.option("--delete", is_flag=True, help="Do it; without this it is only counted.")
@directory_option
@shell.json_option
def tidy(older_than: int, delete: bool, directory: Path, as_json: bool) -> None:
    """Delete ciphertext that no deposit names.

    It was uploaded, and its statement never came. A company whose statement comes after all uploads
    it again. Nothing of an account under a legal hold goes.
    """
    from dataclasses import asdict

    from ledger.notary.ordering import command
    from ledger.notary.orders import AskTidied, Tidy

    age = older_than * _DAY
    done = command(directory, Tidy(age) if delete else AskTidied(age))
    size = text.size(done.bytes)
    if delete:
        lines = [told(f"Deleted: {done.files} files, {size}.")]
    else:
        lines = [told(f"Named by no deposit: {done.files} files, {size}.")]
    if done.held:
        lines.append(told(f"Accounts under a legal hold, left alone: {done.held}."))
    if not delete:
        lines.append(_("Nothing was done; --delete does it."))
    shell.emit(as_json, {"done": delete, **asdict(done)}, "\n".join(lines))


@click.command(
    epilog="""\b
Examples:
  sealbook notary retention
  sealbook notary retention --delete
"""
)
@click.option("--delete", is_flag=True, help="Do it now; a running service does it every hour.")
@directory_option
@shell.json_option
def retention(delete: bool, directory: Path, as_json: bool) -> None:
    """Show what ciphertext goes because its time is over, or delete it.

    `sealbook notary account retain` says after which time. How old a deposit is the ledger says, not
    the clock. Nothing of an account under a legal hold goes.
    """
    from dataclasses import asdict

    from ledger.notary.ordering import command
    from ledger.notary.orders import AskRetired, Retire

    found = command(directory, AskRetired())
    if delete:
        while command(directory, Retire(found.until)).part is not None:
            pass
    lines = [
        told(f"Age is counted up to {text.when(found.until)}."),
        told(
            f"Past their time: {found.files} files of {found.deposits} deposits, "
            f"{text.size(found.bytes)}."
        ),
        told(f"Notices: {found.notices}."),
    ]
    if found.held:
        lines.append(told(f"Accounts under a legal hold, left alone: {found.held}."))
    lines.append(_("Deleted.") if delete else _("Nothing was done; --delete does it."))
    shell.emit(as_json, {"done": delete, **asdict(found)}, "\n".join(lines))


@click.command(
    epilog="""\b
Example:
  sealbook notary notice "The office is closed from 9 to 11 on Sunday."
"""
)
@click.argument("words")
@directory_option
@shell.json_option
def notice(words: str, directory: Path, as_json: bool) -> None:
    """Enter a notice: words of the office, public for ever."""
    from ledger.notary.ordering import command
    from ledger.notary.orders import SayNotice

    entered = command(directory, SayNotice(words))
    shell.emit(as_json, {"index": entered.index}, told(f"Notice: entry {entered.index}."))


@click.command(
    epilog="""\b
Example:
  sealbook notary platform --operator "Office" --filing "ICP 1234" \\
      --environment "two machines" --standard "RFC 9162"
"""
)
@click.option("--operator", required=True, help="Who runs the platform.")
@click.option("--filing", default="", help="Its filing number.")
@click.option("--environment", required=True, help="What it runs on, in a line.")
@click.option("--standard", "standards", multiple=True, help="A standard it keeps; may repeat.")
@directory_option
@shell.json_option
def platform(
    operator: str,
    filing: str,
    environment: str,
    standards: tuple[str, ...],
    directory: Path,
    as_json: bool,
) -> None:
    """State what the platform is from now on; receipts name what was stated last."""
    from ledger.chain.office import Platform
    from ledger.notary.ordering import command
    from ledger.notary.orders import StatePlatform
    from ledger.program import tool_name

    stated = Platform(operator, filing, environment, tool_name(), standards)
    entered = command(directory, StatePlatform(stated))
    shell.emit(as_json, {"index": entered.index}, told(f"Platform: entry {entered.index}."))
