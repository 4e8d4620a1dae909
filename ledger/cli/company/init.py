"""A company's first day, and the day after its computer was lost: init, trust, recover."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.errors import InvalidInput, NotEnrolled, NotFound, VerificationFailed
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.vault.vault import Vault
    from ledger.crypto.recipients import HybridIdentity, Recipient
    from ledger.wire.client import NotaryClient

_MAX_SHEET = 1 << 16
"""Bytes of a recovery sheet; ours has 2,000."""


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
    from ledger.company.vault.vault import Config, new_vault, write_config, write_file
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
        trust_data = _trust_data(notary, trust_file)
        with shell.about(trust_file or Path(f"{notary}/trust")):
            origin = parse_trust(trust_data).origin
        passphrase = None if no_passphrase else shell.new_passphrase(passphrase_file)
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
        _write_identity(folder, identity, recipients, passphrase)
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
    from ledger.cli.court.page import Value
    from ledger.cli.text import labelled

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


@click.group(
    epilog="""\b
Examples:
  sealbook trust show office.trust
  sealbook trust export -o office.trust
"""
)
def trust() -> None:
    """Show or export the notary's trust file."""


@trust.command(
    epilog="""\b
Example:
  sealbook trust show office.trust
"""
)
@click.argument("file", type=shell.FILE, required=False)
@shell.json_option
def show(file: Path | None, as_json: bool) -> None:
    """Show a trust file and its fingerprint.

    Without FILE, the one that is pinned in the vault.
    """
    from ledger.chain.trust import MAX_TRUST, fingerprint, parse_trust
    from ledger.cli.court.page import Value
    from ledger.cli.text import labelled

    data = shell.read_limited(file, MAX_TRUST, "a trust file") if file else _pinned()
    with shell.about(file or Path("notary.trust")):
        found = parse_trust(data)
    witnesses = [each.name for each in found.policy.witnesses if each.key.name != found.origin]
    result = {
        "origin": found.origin,
        "issuer": found.issuer,
        "issued": found.issued,
        "fingerprint": fingerprint(data),
        "required": list(found.required),
        "witnesses": witnesses,
    }
    rows: list[tuple[str, Value]] = [
        ("Ledger", quoted(found.origin)),
        ("Issued by", quoted(found.issuer)),
        ("Issued", text.when(found.issued)),
        ("Required", ", ".join(found.required)),
        ("Signed with", "Ed25519 and ML-DSA-44, both by the notary"),
        ("Witnesses", list(map(quoted, witnesses)) or "none"),
        ("Fingerprint", fingerprint(data)),
    ]
    shell.emit(as_json, result, "\n".join(labelled(rows)))


@trust.command(
    epilog="""\b
Example:
  sealbook trust export -o office.trust
"""
)
@click.option("-o", "--output", type=shell.FILE, required=True, help="The file to write.")
@shell.json_option
def export(output: Path, as_json: bool) -> None:
    """Write the pinned trust file."""
    from ledger.chain.trust import fingerprint
    from ledger.disk.outputs import write_new

    data = _pinned()
    write_new(output, data)
    shell.emit(
        as_json,
        {"file": str(output.absolute()), "fingerprint": fingerprint(data)},
        f"Written\n{text.foreign(output, 2)}\nfingerprint {fingerprint(data)}",
    )


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
    no_passphrase: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Rebuild the vault on a new machine from the recovery sheet.

    Asks for what stands on the sheet, joins a new device key to the account, and fetches and verifies
    the list of deposits, their titles and every receipt. The contents stay with the notary until
    `sealbook open` fetches one. Run again with the account's vault, it fetches what is missing.
    """
    from ledger.chain.enrolment import endorse_request, format_request
    from ledger.chain.statement import is_account
    from ledger.chain.trust import parse_trust
    from ledger.company.access.recovery import NotOneSheet, find_printed, find_secret, signing_key
    from ledger.company.vault.home import HOME_VARIABLE, TRUST, has_vault, vault_home
    from ledger.company.vault.vault import Config, Vault, new_vault, write_config, write_file
    from ledger.crypto.keys import SigningKey, format_pem
    from ledger.crypto.recipients import SEED_SIZE, HybridIdentity
    from ledger.wire.client import NotaryClient

    home = vault_home()
    sheet = ""
    if secret_file is not None:
        data = shell.read_limited(secret_file, _MAX_SHEET, "a recovery sheet")
        sheet = data.decode("utf-8", "replace")
        secret = find_secret(sheet)
    on_sheet = find_printed(sheet)
    notary = notary or on_sheet.notary or shell.ask("Notary", "--notary")
    trust_data = _trust_data(notary, trust_file)
    if trust_file is None and printed is None:
        printed = on_sheet.fingerprint or shell.ask(
            "Fingerprint of the trust file", "--fingerprint"
        )
    if printed is not None:
        _compare_fingerprint(trust_data, printed)
    found = parse_trust(trust_data)
    account = account or on_sheet.account or shell.ask("Account", "--account")
    account = "".join(account.split()).lower()
    if not is_account(account):
        raise InvalidInput("An account is 32 hexadecimal digits; it stands on the recovery sheet.")
    if secret_file is None:
        secret = find_secret(shell.ask_secret("Secret", "--secret-file"))
    sheet_key = signing_key(secret)
    client = NotaryClient(notary, ledger=found.origin, key=sheet_key)
    if has_vault(home):
        vault = Vault(home)
        if (vault.config.origin, vault.config.account) != (found.origin, account):
            raise InvalidInput(
                f"The vault at {quoted(home)} is another account's. A vault is never overwritten: name "
                f"another folder in {HOME_VARIABLE}, or move the old vault away."
            )
        with client:
            count, problems = _fetch_all(vault, client, secret, vault.recipients)
        lines = [f"Fetched {count} deposits that were missing here; each receipt was verified."]
        _report_recovery(as_json, home, account, count, problems, lines)
        return
    with client, new_vault(home) as folder:
        passphrase = None if no_passphrase else shell.new_passphrase(passphrase_file)
        key = SigningKey(os.urandom(SEED_SIZE))
        identity = HybridIdentity(os.urandom(SEED_SIZE))
        recipients = [identity.recipient(), secret.recipient()]
        write_file(folder / TRUST, trust_data)
        write_file(folder / "device.pem", format_pem(key))
        _write_identity(folder, identity, recipients, passphrase)
        write_config(folder, Config(notary.rstrip("/"), found.origin, account, name))
        count, problems = _fetch_all(Vault(folder), client, secret, recipients)
        request = format_request(
            key,
            origin=found.origin,
            nonce=os.urandom(32),
            issued_at=int(time.time()),
            account=account,
        )
        try:
            client.join(endorse_request(request, sheet_key))
        except NotEnrolled as error:
            raise NotOneSheet from error
    lines = [
        f"Recovered {count} deposits; each receipt was verified.",
        "This computer's new key belongs to the account. If the old computer was stolen, ask the "
        "notary office to revoke its key.",
        "Officers are not known here: whoever is to open deposits besides this vault and the sheet, "
        "add again with `sealbook officer add`.",
    ]
    _report_recovery(as_json, home, account, count, problems, lines)


def _report_recovery(
    as_json: bool,
    home: Path,
    account: str,
    count: int,
    problems: list[tuple[str, str]],
    lines: list[str],
) -> None:
    """Print what was recovered; exit with 1 where something was not."""
    result = {
        "vault": str(home),
        "account": account,
        "deposits": count,
        "problems": [{"commitment": which, "message": why} for which, why in problems],
    }
    lines += [f"{which[:12]}  not recovered: {why}" for which, why in problems]
    if problems:
        lines.append("Run the same command again to fetch what is missing.")
    page = [text.foreign(home, 7, "Vault  "), *(text.said(line) for line in lines)]
    shell.emit(as_json, result, "\n".join(page))
    if problems:
        raise SystemExit(1)


def _fetch_all(
    vault: "Vault",
    client: "NotaryClient",
    secret: "HybridIdentity",
    recipients: "Sequence[Recipient]",
) -> tuple[int, list[tuple[str, str]]]:
    """Fetch every deposit into the vault; return how many, and what went wrong with which."""
    from ledger.company.access.recovery import newest_header, parse_own, recover_deposit
    from ledger.company.sending.confirming import follow
    from ledger.company.vault.vault import restore_deposit
    from ledger.crypto.envelope import MAX_HEADER
    from ledger.errors import MalformedData

    here = {each.commitment for each in vault.sound()}
    known, note = vault.checkpoint(), ""
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
            newest = follow(known, recovered.verified.checkpoint, client.consistency)
            if newest is not known:
                from ledger.chain.receipt import parse_receipt

                known, note = newest, parse_receipt(recovered.receipt).note
            restore_deposit(vault.home, recovered, header)
            count += 1
            progress(count)
    if note:
        vault.keep_checkpoint(note)
    return count, problems


def _pinned() -> bytes:
    from ledger.chain.trust import MAX_TRUST
    from ledger.company.vault.home import TRUST, has_vault, vault_home

    home = vault_home()
    if not has_vault(home):
        raise InvalidInput(
            f"There is no vault at {quoted(home)}; name a trust file, or make a vault with "
            "`sealbook init`."
        )
    return shell.read_limited(home / TRUST, MAX_TRUST, "a trust file")


def _trust_data(notary: str, file: Path | None) -> bytes:
    from ledger.chain.trust import MAX_TRUST
    from ledger.wire.client import NotaryClient

    if file is not None:
        return shell.read_limited(file, MAX_TRUST, "a trust file")
    with NotaryClient(notary) as client:
        return client.trust()


def _compare_fingerprint(data: bytes, printed: str) -> None:
    from ledger.chain.trust import fingerprint

    if "".join(printed.split()).lower() != fingerprint(data).replace(" ", ""):
        raise VerificationFailed(
            "The trust file does not have the fingerprint that was given. Compare what was typed with "
            "the sheet, digit by digit. If it is the sheet's, this is not the notary of the sheet, or "
            "its trust file is a newer one: get that from the office itself and pass it with --trust."
        )


def _write_identity(
    folder: Path,
    identity: "HybridIdentity",
    recipients: "Sequence[Recipient]",
    passphrase: str | None,
) -> None:
    from ledger.company.vault.home import IDENTITY
    from ledger.company.vault.vault import write_file
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
