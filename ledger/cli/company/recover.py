"""`sealbook recover`: the vault again, from the recovery sheet."""

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.trust import read_trust
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput
from ledger.language import Message

if TYPE_CHECKING:
    from ledger.company.access.restoring import Restored


_MAX_SHEET = 1 << 16
"""Bytes of a recovery sheet; ours has 2,000."""


@click.command(
    epilog="""\b
Example:
  sealbook recover --notary https://notary.example
"""
)
@click.option("--notary", metavar="URL", help="The notary's address on the sheet.")
@click.option("--fingerprint", "printed", help="The trust file's fingerprint on the sheet.")
@click.option("--trust", "trust_file", type=shell.FILE, help="The office's trust file.")
@click.option("--account", help="The account on the sheet.")
@click.option("--secret-file", type=shell.FILE, help="A file with the secret, or the whole sheet.")
@click.option("--name", default="company", show_default=True, help="The company's short name.")
@click.option(
    "--request",
    "request_path",
    type=shell.FILE,
    help="Write the new key's enrolment request here, for the office and its paper.",
)
@click.option("--no-passphrase", is_flag=True, help="Leave the identity readable on this disk.")
@shell.passphrase_option
@shell.json_option
def recover(
    notary: str | None,
    printed: str | None,
    trust_file: Path | None,
    account: str | None,
    secret_file: Path | None,
    name: str,
    request_path: Path | None,
    no_passphrase: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Rebuild the vault on a new machine from the recovery sheet.

    Asks for what stands on the sheet, joins a new device key to the account, and fetches and verifies
    the list of deposits, their titles and every receipt. The contents stay with the notary until
    `sealbook open` fetches one. Run again with the account's vault, it fetches what is missing.

    With --request the key does not join over the network: the office enrols it once it has compared
    your company's paper, also where the account is suspended.
    """
    from ledger.chain.statement import is_account
    from ledger.company.access.recovery import find_printed, find_secret, signing_key
    from ledger.company.access.restoring import restore_vault
    from ledger.company.vault.home import has_vault, vault_home
    from ledger.disk.outputs import write_new
    from ledger.wire.client import NotaryClient

    home = vault_home()
    if request_path is not None and has_vault(home):
        raise InvalidInput("There is a vault here, which has its key; leave out --request.")
    sheet = ""
    if secret_file is not None:
        data = shell.read_limited(secret_file, _MAX_SHEET, "a recovery sheet")
        sheet = data.decode("utf-8", "replace")
        secret = find_secret(sheet)
    on_sheet = find_printed(sheet)
    notary = notary or on_sheet.notary or shell.ask("Notary", "--notary")
    pinned = read_trust(notary, trust_file)
    if trust_file is None and printed is None:
        printed = on_sheet.fingerprint or shell.ask(
            "Fingerprint of the trust file", "--fingerprint"
        )
    if printed is not None:
        pinned.require(printed)
    account = account or on_sheet.account or shell.ask("Account", "--account")
    account = "".join(account.split()).lower()
    if not is_account(account):
        raise InvalidInput("An account is 32 hexadecimal digits; it stands on the recovery sheet.")
    if secret_file is None:
        secret = find_secret(shell.ask_secret("Secret", "--secret-file"))
    origin, key = pinned.trust.origin, signing_key(secret)
    with (
        NotaryClient(notary, ledger=origin, key=key) as client,
        shell.Progress("recovering deposits", 0, bytes_=False) as progress,
    ):
        restored = restore_vault(
            home,
            client,
            pinned,
            account,
            secret,
            name,
            None if no_passphrase else lambda: own.new_passphrase(passphrase_file),
            int(time.time()),
            os.urandom,
            progress,
            client.join if request_path is None else partial(write_new, request_path),
        )
    if restored.request is None:
        lines = [
            told(
                f"Fetched {restored.count} deposits that were missing here; each receipt was verified."
            )
        ]
    else:
        lines = [
            told(f"Recovered {restored.count} deposits; each receipt was verified."),
            *_about_the_key(restored.request, joined=request_path is None),
            _(
                "Officers are not known here: whoever is to open deposits besides this vault and the "
                "sheet, add again with `sealbook officer add`."
            ),
        ]
    _report_recovery(as_json, home, account, restored, lines, request_path)


def _about_the_key(fingerprint: str, *, joined: bool) -> list[Message]:
    if joined:
        return [
            _(
                "This computer's new key belongs to the account. If the old computer was stolen, ask "
                "the notary office to revoke its key."
            )
        ]
    return [
        told(
            "Hand the request to the notary office, and put its fingerprint on your company's paper:\n"
            f"{fingerprint}"
        ),
        _(
            "Put the account on the paper too. Until the office has enrolled this computer's key, "
            "deposits wait. If the old computer was stolen, ask the office to revoke its key."
        ),
    ]


def _report_recovery(
    as_json: bool,
    home: Path,
    account: str,
    restored: "Restored",
    lines: list[Message],
    request: Path | None,
) -> None:
    """Print what was recovered; exit with 1 where something was not."""
    result = {
        "vault": str(home),
        "account": account,
        "request": None if request is None else str(request.absolute()),
        "fingerprint": None if request is None else restored.request,
        "deposits": restored.count,
        "problems": [{"commitment": which, "message": why} for which, why in restored.problems],
    }
    lines += [told(f"{which[:12]}  not recovered: {why}") for which, why in restored.problems]
    if restored.problems:
        lines.append(_("Run the same command again to fetch what is missing."))
    page = [text.foreign(home, 9, "Vault    ")]
    if request is not None:
        page.append(text.foreign(request, 9, "Request  "))
    page += [text.said(line) for line in lines]
    shell.emit(as_json, result, "\n".join(page))
    if restored.problems:
        raise SystemExit(1)
