"""One's own vault, its notary and its passphrase, as the commands of a company reach them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.speech import _, told
from ledger.errors import Unavailable

if TYPE_CHECKING:
    from ledger.company.vault.vault import Vault
    from ledger.wire.client import NotaryClient


def open_vault() -> "Vault":
    """Return the user's vault."""
    from ledger.company.vault.home import vault_home
    from ledger.company.vault.vault import Vault

    return Vault(vault_home(), _told)


def _told(count: int) -> None:
    shell.tell(told(f"Reading {count} deposits for the vault's catalogue; this is done once."))


def connect(vault: "Vault", *, hurried: float | None = None) -> "NotaryClient":
    """Return a client of the vault's notary, signing with the device's key.

    It tells a person who waits, once, that the notary cannot be reached. One that is `hurried` waits so
    many seconds for an answer, and asks nothing twice.
    """
    from threading import Lock

    from ledger.wire.client import NotaryClient

    config = vault.config
    if hurried is not None:
        return NotaryClient(
            config.notary,
            ledger=config.origin,
            key=vault.key,
            timeout=hurried,
            sleep=_refuse_to_wait,
        )

    silent = click.get_current_context().params.get("as_json") or not sys.stderr.isatty()
    untold = Lock()

    def waiting() -> None:
        if not silent and untold.acquire(blocking=False):
            erase = "\r\x1b[K" if shell.watched() else ""
            shell.tell(erase + _("The notary cannot be reached; trying again."))

    return NotaryClient(config.notary, ledger=config.origin, key=vault.key, waiting=waiting)


def _refuse_to_wait(_: float) -> None:
    raise Unavailable("The notary is busy or away; nothing waits for it.")


def new_passphrase(file: Path | None) -> str:
    """Return a passphrase for a new vault; a person types it twice."""
    if file is not None:
        return shell.read_passphrase(file)
    if not shell.can_ask():
        raise click.UsageError(
            "A new vault needs a passphrase and there is no terminal to ask at; use "
            "--passphrase-file, or --no-passphrase to leave the identity readable on this disk."
        )
    return str(
        click.prompt(
            _("New passphrase for the vault"), hide_input=True, confirmation_prompt=True, err=True
        )
    )
