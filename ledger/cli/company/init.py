"""`sealbook init`: a company's first day."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.trust import read_trust
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.access.founding import Founded


@click.command(
    epilog="""\b
Example:
  sealbook init --notary https://notary.example --name acme
"""
)
@click.option("--notary", metavar="URL", required=True, help="The notary's address.")
@click.option("--trust", "trust_file", type=shell.FILE, help="The office's trust file.")
@click.option("--name", default="company", show_default=True, help="Names the files written here.")
@click.option("--no-passphrase", is_flag=True, help="Leave the identity readable on this disk.")
@click.option("--no-recovery", is_flag=True, help="Make no recovery sheet: a lost key is lost.")
@shell.passphrase_option
@shell.json_option
def init(
    notary: str,
    trust_file: Path | None,
    name: str,
    no_passphrase: bool,
    no_recovery: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make this computer's keys, a recovery sheet and an enrolment request.

    The vault is made in SEALBOOK_HOME, or where this system keeps a user's data; the request and the
    recovery sheet are written to the working folder.
    """
    from ledger.company.access.founding import found_vault
    from ledger.company.vault.home import vault_home
    from ledger.disk.outputs import safe_component

    home = vault_home()
    stem = safe_component(name)
    request_path, sheet_path = Path(f"{stem}.request"), Path(f"{stem}-recovery.txt")
    for path in (request_path, sheet_path):
        if os.path.lexists(path):
            raise InvalidInput(
                f"{quoted(path)} exists already and is not overwritten; use another --name."
            )
    founded = found_vault(
        home,
        lambda: read_trust(notary, trust_file),
        name,
        None if no_passphrase else lambda: own.new_passphrase(passphrase_file),
        request_path,
        None if no_recovery else sheet_path,
        int(time.time()),
        os.urandom,
    )
    _report_init(
        as_json,
        home,
        founded,
        given=trust_file is not None,
        request=request_path,
        sheet=None if no_recovery else sheet_path,
    )


def _report_init(
    as_json: bool,
    home: Path,
    founded: "Founded",
    *,
    given: bool,
    request: Path,
    sheet: Path | None,
) -> None:
    from ledger.cli.table import Value, labelled

    result = {
        "vault": str(home),
        "origin": founded.pinned.trust.origin,
        "account": founded.account,
        "trust_fingerprint": founded.pinned.fingerprint,
        "request": str(request.absolute()),
        "fingerprint": founded.request_fingerprint,
        "recovery_sheet": None if sheet is None else str(sheet.absolute()),
    }
    steps = [
        told(
            "Hand the request to the notary office, and put its fingerprint on your company's paper:\n"
            f"{founded.request_fingerprint}"
        )
    ]
    if not given:
        steps.insert(
            0,
            _(
                "The trust file came over the network. Compare its fingerprint above with the one that "
                "the office hands out on paper before you rely on it."
            ),
        )
    if sheet is not None:
        steps.append(_("Print the recovery sheet, put it into a safe, then delete the file."))
    else:
        steps.append(_("There is no recovery sheet: keep copies of the vault and its passphrase."))
    steps.append(
        _("Deposit at once if you like: until the office has enrolled you, deposits wait.")
    )
    rows: list[tuple[str, Value]] = [
        (_("Vault"), quoted(home)),
        (_("Ledger"), quoted(founded.pinned.trust.origin)),
        (_("Fingerprint"), founded.pinned.fingerprint),
        (_("Account"), text.groups(founded.account)[0]),
        (_("Request"), quoted(request)),
        *([(_("Recovery sheet"), quoted(sheet))] if sheet is not None else []),
    ]
    lines = [*labelled(rows), "", _("Next")]
    for number, step in enumerate(steps, 1):
        lines += labelled([(f"{number}.", step)], 2)
    shell.emit(as_json, result, "\n".join(lines))
