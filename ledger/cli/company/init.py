"""A company's first day, and the day after its computer was lost: init, trust, recover."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.trust import read_trust
from ledger.errors import InvalidInput, NotFound, VerificationFailed
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.vault.vault import Vault
    from ledger.crypto.recipients import HybridIdentity, Recipient
    from ledger.wire.client import NotaryClient


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
    from ledger.chain.enrolment import format_request, verify_request
    from ledger.chain.trust import fingerprint, parse_trust
    from ledger.company.access.recovery import Sheet, format_sheet, signing_key
    from ledger.company.vault.home import TRUST, vault_home
    from ledger.company.vault.making import Config, new_vault, write_config
    from ledger.company.vault.stored import write_file
    from ledger.crypto.keys import SigningKey, format_pem
    from ledger.crypto.recipients import SEED_SIZE, HybridIdentity
    from ledger.disk.outputs import safe_component, write_new

    home = vault_home()
    stem = safe_component(name)
    request_path, sheet_path = Path(f"{stem}.request"), Path(f"{stem}-recovery.txt")
    for path in (request_path, sheet_path):
        if os.path.lexists(path):
            raise InvalidInput(
                f"{quoted(path)} exists already and is not overwritten; use another --name."
            )
    written: list[Path] = []
    with _removed_on_failure(written), new_vault(home) as folder:
        trust_data = read_trust(notary, trust_file)
        with shell.about(trust_file or Path(f"{notary}/trust")):
            origin = parse_trust(trust_data).origin
        passphrase = None if no_passphrase else own.new_passphrase(passphrase_file)
        key = SigningKey(os.urandom(SEED_SIZE))
        identity = HybridIdentity(os.urandom(SEED_SIZE))
        secret = None if no_recovery else HybridIdentity(os.urandom(SEED_SIZE))
        request = format_request(
            key,
            origin=origin,
            nonce=os.urandom(32),
            issued_at=int(time.time()),
            recovery=None if secret is None else signing_key(secret),
        )
        account = verify_request(request).account_id
        recipients = [identity.recipient(), *([] if secret is None else [secret.recipient()])]
        write_file(folder / TRUST, trust_data)
        write_file(folder / "device.pem", format_pem(key))
        write_identity(folder, identity, recipients, passphrase)
        write_config(folder, Config(notary.rstrip("/"), origin, account, name))
        write_new(request_path, request)
        written.append(request_path)
        if secret is not None:
            sheet = Sheet(name, notary, origin, fingerprint(trust_data), account, secret)
            write_new(sheet_path, format_sheet(sheet).encode())
            written.append(sheet_path)
    _report_init(
        as_json,
        home=home,
        account=account,
        origin=origin,
        trust=fingerprint(trust_data),
        given=trust_file is not None,
        request=request_path,
        request_fingerprint=fingerprint(request),
        sheet=None if secret is None else sheet_path,
    )


def _report_init(
    as_json: bool,
    *,
    home: Path,
    account: str,
    origin: str,
    trust: str,
    given: bool,
    request: Path,
    request_fingerprint: str,
    sheet: Path | None,
) -> None:
    from ledger.cli.table import Value, labelled

    result = {
        "vault": str(home),
        "origin": origin,
        "account": account,
        "trust_fingerprint": trust,
        "request": str(request.absolute()),
        "fingerprint": request_fingerprint,
        "recovery_sheet": None if sheet is None else str(sheet.absolute()),
    }
    steps = [
        "Hand the request to the notary office, and put its fingerprint on your company's paper:\n"
        f"{request_fingerprint}"
    ]
    if not given:
        steps.insert(
            0,
            "The trust file came over the network. Compare its fingerprint above with the one that "
            "the office hands out on paper before you rely on it.",
        )
    if sheet is not None:
        steps.append("Print the recovery sheet, put it into a safe, then delete the file.")
    else:
        steps.append("There is no recovery sheet: keep copies of the vault and its passphrase.")
    steps.append("Deposit at once if you like: until the office has enrolled you, deposits wait.")
    rows: list[tuple[str, Value]] = [
        ("Vault", quoted(home)),
        ("Ledger", quoted(origin)),
        ("Fingerprint", trust),
        ("Account", text.groups(account)[0]),
        ("Request", quoted(request)),
        *([("Recovery sheet", quoted(sheet))] if sheet is not None else []),
    ]
    lines = [*labelled(rows), "", "Next"]
    for number, step in enumerate(steps, 1):
        lines += labelled([(f"{number}.", step)], 2)
    shell.emit(as_json, result, "\n".join(lines))


def fetch_all(
    vault: "Vault",
    client: "NotaryClient",
    secret: "HybridIdentity",
    recipients: "Sequence[Recipient]",
) -> tuple[int, list[tuple[str, str]]]:
    """Fetch every deposit into the vault; return how many, and what went wrong with which."""
    from ledger.company.access.recovery import newest_header, recover_deposit
    from ledger.company.access.restoring import restore_deposit
    from ledger.company.sending.confirming import keep_up, parse_own
    from ledger.crypto.envelope import MAX_HEADER
    from ledger.errors import MalformedData

    here = {each.commitment for each in vault.sound()}
    known = vault.checkpoint()
    count = 0
    problems: list[tuple[str, str]] = []
    with shell.Progress("recovering deposits", 0, bytes_=False) as progress:
        for entry in client.deposits():
            deposit = parse_own(entry.statement, vault.config.account, vault.trust)
            if deposit.commitment.hex() in here:
                continue
            try:
                data = bytearray()
                client.download(deposit.manifest, data.extend)
                recovered = recover_deposit(
                    entry.statement,
                    client.receipt(entry.leaf),
                    bytes(data),
                    secret,
                    recipients,
                    vault.trust,
                    os.urandom,
                )
                header = newest_header(
                    deposit, client.read_envelope, MAX_HEADER, secret, recipients, os.urandom
                )
            except (VerificationFailed, MalformedData, NotFound) as error:
                problems.append((deposit.commitment.hex(), str(error)))
                continue
            known = keep_up(vault, known, recovered.verified.checkpoint, client.consistency)
            restore_deposit(vault.home, recovered, header)
            count += 1
            progress(count)
    return count, problems


def write_identity(
    folder: Path,
    identity: "HybridIdentity",
    recipients: "Sequence[Recipient]",
    passphrase: str | None,
) -> None:
    from ledger.company.vault.home import IDENTITY
    from ledger.company.vault.stored import write_file
    from ledger.crypto.envelope import encrypt_bytes
    from ledger.crypto.recipients import ScryptRecipient

    lines = f"{identity}\n".encode()
    if passphrase is None:
        write_file(folder / IDENTITY, lines)
    else:
        sealed = encrypt_bytes(lines, [ScryptRecipient(passphrase)], os.urandom)
        write_file(folder / "identity.age", sealed)
    listed = "".join(f"{recipient}\n" for recipient in recipients)
    write_file(folder / "recipients.txt", listed.encode())


@contextmanager
def _removed_on_failure(paths: list[Path]) -> Iterator[None]:
    """Remove the files that the list then holds when the block fails."""
    try:
        yield
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
