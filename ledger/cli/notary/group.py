"""`sealbook notary`: the group, its directory, and its books when the service does not run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.root import LazyGroup
from ledger.language import Message

if TYPE_CHECKING:
    from ledger.notary.storage.checkpoints import CheckpointDatabase
    from ledger.notary.storage.ledger_database import LedgerDatabase


DIRECTORY_VARIABLE = "SEALBOOK_NOTARY_DIR"


def directory_option(function: shell.F) -> shell.F:
    """Add --dir."""
    return click.option(
        "--dir",
        "directory",
        type=shell.FILE,
        envvar=DIRECTORY_VARIABLE,
        default=Path(),
        callback=lambda _context, _option, path: path.resolve(),
        help=f"The notary's directory. Default: {DIRECTORY_VARIABLE}, or here.",
    )(function)


COMMANDS: dict[str, tuple[str, Message]] = {
    "accept-clock": (
        "ledger.cli.notary.ledger:accept_clock",
        "Go on with the clock as it is now.",
    ),
    "account": (
        "ledger.cli.notary.terms:account",
        "Suspend an account, limit it, hold it, or delete of it.",
    ),
    "accounts": (
        "ledger.cli.notary.accounts:accounts",
        "List accounts and their keys.",
    ),
    "auditor": (
        "ledger.cli.notary.auditors:auditor",
        "Say who may read the entries of the ledger.",
    ),
    "backup": (
        "ledger.cli.notary.care:backup",
        "Copy everything to a directory.",
    ),
    "blocks": (
        "ledger.cli.notary.ledger:blocks",
        "List blocks and the hash that closes each.",
    ),
    "certificate": (
        "ledger.cli.notary.certificates:certificate",
        "Issue a certificate for each receipt: PDF, signed, and an entry of the ledger.",
    ),
    "check": (
        "ledger.cli.notary.check:check",
        "Say whether a receipt is ours, and how its account stands.",
    ),
    "config": (
        "ledger.cli.notary.serve:config",
        "Show the service's options, and where each comes from.",
    ),
    "doctor": (
        "ledger.cli.notary.doctor:doctor",
        "Look for what has to be mended, and say what to do.",
    ),
    "enroll": (
        "ledger.cli.notary.accounts:enroll",
        "Enrol a company whose paper was compared.",
    ),
    "fsck": (
        "ledger.cli.notary.care:fsck",
        "Check the ledger's files against each other.",
    ),
    "high-water": (
        "ledger.cli.notary.care:high_water",
        "Keep elsewhere how far the ledger was signed.",
    ),
    "init": (
        "ledger.cli.notary.ledger:init",
        "Found a notary: keys, seal, trust file, the first two blocks.",
    ),
    "inspect": (
        "ledger.cli.notary.inspect:inspect",
        "Put on record that an officer has opened FILE and seen its content.",
    ),
    "keys": (
        "ledger.cli.notary.keys:keys",
        "Replace and revoke keys: of the log, of the seal, of a device.",
    ),
    "migrate": (
        "ledger.cli.notary.migrate:migrate",
        "Move the ledger to PostgreSQL or a bucket, or back.",
    ),
    "notice": (
        "ledger.cli.notary.producing:notice",
        "Enter a notice: words of the office, public for ever.",
    ),
    "platform": (
        "ledger.cli.notary.producing:platform",
        "State what the platform is from now on; receipts name what was stated last.",
    ),
    "produce": (
        "ledger.cli.notary.producing:produce",
        "Write all that the office holds of an account into a folder.",
    ),
    "restore": (
        "ledger.cli.notary.care:restore",
        "Make the directory from a backup.",
    ),
    "retention": (
        "ledger.cli.notary.producing:retention",
        "Show what ciphertext goes because its time is over, or delete it.",
    ),
    "revoke": (
        "ledger.cli.notary.accounts:revoke",
        "Revoke a key for ever.",
    ),
    "serve": (
        "ledger.cli.notary.serve:serve",
        "Serve until stopped.",
    ),
    "staff": (
        "ledger.cli.notary.staff:staff",
        "Say who works with the portal, and as what.",
    ),
    "statement": (
        "ledger.cli.notary.statement:statement",
        "Draft a statement of the office for a court, from its books.",
    ),
    "status": (
        "ledger.cli.notary.ledger:status",
        "Say how far the ledger is.",
    ),
    "tidy": (
        "ledger.cli.notary.producing:tidy",
        "Delete ciphertext that no deposit names.",
    ),
    "timestamp": (
        "ledger.cli.notary.vouching:timestamp",
        "Have checkpoints stamped by a timestamp authority (RFC 3161).",
    ),
    "trail": (
        "ledger.cli.notary.trail:trail",
        "Read the audit trail of the portal, and check it.",
    ),
    "webhook": (
        "ledger.cli.notary.webhooks:webhook",
        "Have an address told when receipts are there.",
    ),
    "withdraw": (
        "ledger.cli.notary.certificates:withdraw_certificate",
        "Put on record that the office withdraws a certificate.",
    ),
    "witness": (
        "ledger.cli.notary.vouching:witness",
        "Ask a witness to cosign from now on.",
    ),
}


@click.group(cls=LazyGroup, sections={"Commands": COMMANDS})
def notary() -> None:
    """Run and look after a notary.

    \b
    Examples:
      sealbook notary init --origin notary.example/ledger --dir /srv/notary
      sealbook notary serve --dir /srv/notary
      sealbook notary check contract.pdf.receipt --dir /srv/notary
    """


@contextmanager
def books(directory: Path) -> "Iterator[tuple[LedgerDatabase, CheckpointDatabase]]":
    """Yield the ledger's two databases for reading, also beside a running service."""
    from ledger.notary.storage.directory import read_settings
    from ledger.notary.storage.stores import open_books

    with open_books(directory, read_settings(directory)) as found:
        yield found
