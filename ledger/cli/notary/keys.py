"""`sealbook notary keys`: what the notary signs with, replaced and revoked."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.notary.accounts import enroll, revoke
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, MalformedData, Refused
from ledger.quoted import Words

if TYPE_CHECKING:
    from ledger.notary.orders import KeysChanged

MAX_CHAIN = 1 << 16


@click.group(
    epilog="""\b
Examples:
  sealbook notary keys rotate log --dir /srv/notary
  sealbook notary keys retire log --dir /srv/notary
  sealbook notary keys revoke seal --reason compromised
"""
)
def keys() -> None:
    """Replace and revoke keys: of the log, of the seal, of a device.

    The log's Ed25519 and ML-DSA-44 keys are one pair. `status` shows what is signed with.
    """


@keys.group(
    epilog="""\b
Example:
  sealbook notary keys rotate log
"""
)
def rotate() -> None:
    """Put a new key in place of one that is still trusted."""


@keys.group(
    name="retire",
    epilog="""\b
Example:
  sealbook notary keys retire log
""",
)
def retire() -> None:
    """End the time in which an old key signs beside a new one."""


@keys.group(
    name="revoke",
    epilog="""\b
Example:
  sealbook notary keys revoke log --reason compromised
""",
)
def revoke_() -> None:
    """Declare that others may have a key."""


_reason = click.option(
    "--reason",
    type=click.Choice(["compromised", "lost", "superseded", "ceased"]),
    required=True,
    help="Goes on public record.",
)
_since = click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="From when on others may have it, UTC: 2026-11-29T08:00:00Z. Default: now.",
)
_root = click.option(
    "--root-key",
    type=shell.FILE,
    help="The seal's root key. Default: the one in keys/; it may lie elsewhere.",
)


@rotate.command(
    name="log",
    epilog="""\b
Example:
  sealbook notary keys rotate log
""",
)
@directory_option
@shell.json_option
def rotate_log(directory: Path, as_json: bool) -> None:
    """Make a new pair of log keys; both pairs sign from now on.

    Old trust files go on verifying what is new. Hand out the new trust file; once everybody has it,
    `retire log` ends that.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import RotateLog

    _changed(
        as_json, directory, command(directory, RotateLog()), _("Both pairs of log keys sign now.")
    )


@retire.command(
    name="log",
    epilog="""\b
Example:
  sealbook notary keys retire log
""",
)
@directory_option
@shell.json_option
def retire_log(directory: Path, as_json: bool) -> None:
    """Sign with the new pair alone, and destroy the old one.

    Who has only the old trust file then verifies nothing that is new. What was given before holds.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import RetireLog

    _changed(
        as_json, directory, command(directory, RetireLog()), _("The old log keys are destroyed.")
    )


@revoke_.command(
    name="log",
    epilog="""\b
Example:
  sealbook notary keys revoke log --reason compromised --since 2026-11-29
""",
)
@_reason
@_since
@directory_option
@shell.json_option
def revoke_log(reason: str, since: datetime | None, directory: Path, as_json: bool) -> None:
    """Revoke the pair of log keys; a new pair signs at once.

    Under the new trust file the old keys' signatures count only where a timestamp shows that they are
    from before. Clients fetch their receipts again with `sealbook receipt refresh`.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import RevokeLog

    made = command(directory, RevokeLog(reason, _seconds(since)))
    _changed(as_json, directory, made, _("The log's old keys are revoked and destroyed."))


@rotate.command(
    name="seal",
    epilog="""\b
Examples:
  sealbook notary keys rotate seal --root-key /media/root/seal-root-p256.pem
  sealbook notary keys rotate seal --request seal.csr
  sealbook notary keys rotate seal --certificate seal-chain.pem
""",
)
@_root
@click.option("--request", type=shell.FILE, help="Only write a certificate request to this file.")
@click.option(
    "--certificate", type=shell.FILE, help="Use this certificate, followed by its root, PEM."
)
@directory_option
@shell.json_option
def rotate_seal(
    root_key: Path | None,
    request: Path | None,
    certificate: Path | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Make a new key of the seal, certified by its root.

    Where the root lies on another machine, --request writes what it has to sign, and --certificate
    takes up what it has signed. Under the same root and subject trust files stay as they are.
    """
    _new_seal(directory, root_key, request, certificate, as_json)


@revoke_.command(
    name="seal",
    epilog="""\b
Example:
  sealbook notary keys revoke seal --reason lost --root-key root.pem
""",
)
@_reason
@_since
@_root
@click.option(
    "--certificate",
    type=shell.FILE,
    help="The new key's certificate and root, for what `rotate seal --request` wrote.",
)
@directory_option
@shell.json_option
def revoke_seal(
    reason: str,
    since: datetime | None,
    root_key: Path | None,
    certificate: Path | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Revoke the key of the seal; a new one seals at once.

    Under the new trust file the old key's seals count only where a timestamp shows that the checkpoint
    is from before.
    """
    _new_seal(directory, root_key, None, certificate, as_json, reason, _seconds(since))


@rotate.command(
    name="device",
    epilog="""\b
Example:
  sealbook notary keys rotate device acme.request --replaces 4f0c9d21 \\
      --account 2b2fa68d1390780d149d0913b76b79a1
""",
)
@click.argument("request", type=shell.FILE)
@click.option("--replaces", required=True, help="The start of the id of the key that ends.")
@click.option("--account", required=True, help="The account on the paper.")
@click.option("--fingerprint", help="The request's fingerprint on the company's paper.")
@directory_option
@click.pass_context
def rotate_device(
    context: click.Context,
    request: Path,
    replaces: str,
    account: str,
    fingerprint: str | None,
    directory: Path,
) -> None:
    """Enrol a device's new key, then revoke the old one as superseded.

    The company makes the request with `sealbook recover --request`. As `enroll` with --account, and
    then `revoke`. Given again after a failure, it finishes.
    """
    asked = {"request": request, "account": account, "fingerprint": fingerprint}
    none = dict.fromkeys(("name", "registration", "checked_by"))
    context.invoke(enroll, **asked, **none, directory=directory, as_json=False)
    context.invoke(revoke, key=replaces, reason="superseded", directory=directory, as_json=False)


revoke_.add_command(revoke, "device")


@keys.command(
    epilog="""\b
Example:
  sealbook notary keys shut --passphrase-file /run/credentials/notary
"""
)
@click.option(
    "--passphrase-file",
    type=shell.FILE,
    required=True,
    help="Its first line opens the keys at every start; keep it off this disk.",
)
@directory_option
@shell.json_option
def shut(passphrase_file: Path, directory: Path, as_json: bool) -> None:
    """Put the private keys under a passphrase.

    Stop the service first. notary.toml then names the passphrase's file, and the notary reads it at its
    start. The keys become age files; the seal's root key can be moved away altogether.
    """
    from ledger.notary.storage import directory as place

    place.read_settings(directory)
    with place.lock(directory):
        count = place.shut_keys(directory, passphrase_file)
    shell.emit(as_json, {"shut": count}, told(f"{count} private keys are under the passphrase."))


def _seconds(since: datetime | None) -> int:
    return int(time.time()) if since is None else int(since.replace(tzinfo=UTC).timestamp())


def _new_seal(
    directory: Path,
    root_key: Path | None,
    request: Path | None,
    certificate: Path | None,
    as_json: bool,
    reason: str | None = None,
    since: int | None = None,
) -> None:
    from ledger.disk.outputs import write_new
    from ledger.notary.ordering import command
    from ledger.notary.orders import AskSeal, InstallSeal

    if sum(each is not None for each in (root_key, request, certificate)) > 1:
        raise click.UsageError("Name one of --root-key, --request and --certificate.")
    if certificate is not None:
        chain = shell.read_limited(certificate, MAX_CHAIN, "a certificate and its root")
    else:
        asked = command(directory, AskSeal()).request
        if request is not None:
            write_new(request, asked)
            shell.emit(
                as_json,
                {"request": str(request.absolute())},
                told(
                    f"Written\n{text.foreign(request, 2)}\nNothing is sealed with the new key yet."
                ),
            )
            return
        chain = _certified(directory, asked, root_key)
    made = command(directory, InstallSeal(chain, reason, since))
    ended = "" if reason is None else _(" The old one is revoked.")
    _changed(as_json, directory, made, told(f"A new key seals.{ended}"))


def _certified(directory: Path, request: bytes, root_key: Path | None) -> bytes:
    """Return the chain that the root's key signs for a request."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from ledger.crypto.keys import SealKey
    from ledger.errors import DecryptionFailed
    from ledger.notary.care.certifying import certify
    from ledger.notary.storage import directory as place

    path = root_key or directory / place.KEYS / place.SEAL_ROOT_KEY
    data = shell.read_limited(path, MAX_CHAIN, "a private key")
    settings = place.read_settings(directory)
    try:
        key = place.parse_private(data, place.passphrase_of(directory, settings))
        chain = (directory / place.SEAL_CHAIN).read_bytes()
        root = x509.load_pem_x509_certificates(chain)[-1].public_bytes(Encoding.DER)
    except DecryptionFailed as error:
        raise Refused("The root key is under another passphrase than the notary's keys.") from error
    except (OSError, ValueError, MalformedData) as error:
        raise InvalidInput("The root's key or certificate cannot be read.") from error
    if not isinstance(key, SealKey):
        raise InvalidInput("The root's key is no P-256 key.")
    return certify(request, root, key, time.time())


def _changed(as_json: bool, directory: Path, made: "KeysChanged", said: str) -> None:
    from ledger.notary.storage.directory import read_settings

    name = read_settings(directory).trust_file
    entries = Words(_(", ").join(map(str, made.entries)))
    shell.emit(
        as_json,
        {"fingerprint": made.fingerprint, "entries": list(made.entries)},
        said
        + (_(" Entries that say so: {0}.", entries) if entries else "")
        + told(
            f"\nThe trust file to hand out is now\n  {made.fingerprint}\n{text.foreign(name, 2)}"
        )
        + _("\nWitnesses need it, too: `sealbook witness add DIR --trust FILE` there."),
    )
