"""A company's access: the keys of a new vault, its recovery sheet, its enrolment request."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.enrolment import format_request, verify_enrolment_request
from ledger.chain.trust import Trust, fingerprint
from ledger.company.access.recovery import Sheet, format_sheet, signing_key
from ledger.company.vault.home import IDENTITY, TRUST
from ledger.company.vault.making import Config, new_vault, write_config
from ledger.company.vault.stored import write_file
from ledger.crypto.envelope import encrypt_bytes
from ledger.crypto.keys import SigningKey, format_pem
from ledger.crypto.recipients import (
    SEED_SIZE,
    HybridIdentity,
    Random,
    Recipient,
    ScryptRecipient,
)
from ledger.disk.outputs import write_new
from ledger.errors import VerificationFailed

Passphrase = Callable[[], str] | None
"""Gives the passphrase of a new vault's identity; None leaves the identity readable on its disk."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A notary's address and its trust file, as they go into a vault."""

    notary: str
    data: bytes
    trust: Trust

    @property
    def fingerprint(self) -> str:
        """The trust file's fingerprint."""
        return fingerprint(self.data)

    def require(self, printed: str) -> None:
        """Raise VerificationFailed unless the trust file has the fingerprint that a sheet shows."""
        if "".join(printed.split()).lower() != self.fingerprint.replace(" ", ""):
            raise VerificationFailed(
                "The trust file does not have the fingerprint that was given. Compare what was typed "
                "with the sheet, digit by digit. If it is the sheet's, this is not the notary of the "
                "sheet, or its trust file is a newer one: get that from the office itself and pass it "
                "with --trust."
            )


@dataclass(frozen=True, slots=True)
class Founded:
    """A new account, which the office is still to enrol."""

    pinned: Pinned
    account: str
    request_fingerprint: str


def found_vault(
    home: Path,
    pin: Callable[[], Pinned],
    name: str,
    passphrase: Passphrase,
    request_path: Path,
    sheet_path: Path | None,
    now: int,
    random: Random,
) -> Founded:
    """Make a vault of a new account, its request, and its recovery sheet where that has a path.

    Nothing is asked for, fetched or written where there is a vault, and nothing is left of a failure.
    Raises InvalidInput, Conflict, StorageFailed, and as `pin` and `passphrase` do.
    """
    with _removed_on_failure() as written, new_vault(home) as folder:
        pinned = pin()
        secret = None if sheet_path is None else HybridIdentity(random(SEED_SIZE))
        key = SigningKey(random(SEED_SIZE))
        request = format_request(
            key,
            origin=pinned.trust.origin,
            nonce=random(32),
            issued_at=now,
            recovery=None if secret is None else signing_key(secret),
        )
        account = verify_enrolment_request(request).account_id
        others = [] if secret is None else [secret.recipient()]
        write_access(folder, pinned, key, account, name, passphrase, others, random)
        write_new(request_path, request)
        written.append(request_path)
        if secret is not None and sheet_path is not None:
            sheet = Sheet(
                name, pinned.notary, pinned.trust.origin, pinned.fingerprint, account, secret
            )
            write_new(sheet_path, format_sheet(sheet).encode())
            written.append(sheet_path)
    return Founded(pinned, account, fingerprint(request))


def write_access(
    folder: Path,
    pinned: Pinned,
    key: SigningKey,
    account: str,
    name: str,
    passphrase: Passphrase,
    others: Sequence[Recipient],
    random: Random,
) -> tuple[Recipient, ...]:
    """Write what a new vault's user has: trust file, keys, configuration; return for whom it seals.

    That is an identity made here, and `others`.
    """
    identity = HybridIdentity(random(SEED_SIZE))
    recipients = (identity.recipient(), *others)
    lines = f"{identity}\n".encode()
    if passphrase is None:
        write_file(folder / IDENTITY, lines)
    else:
        sealed = encrypt_bytes(lines, [ScryptRecipient(passphrase())], random)
        write_file(folder / "identity.age", sealed)
    write_file(folder / "recipients.txt", "".join(f"{each}\n" for each in recipients).encode())
    write_file(folder / TRUST, pinned.data)
    write_file(folder / "device.pem", format_pem(key))
    write_config(folder, Config(pinned.notary.rstrip("/"), pinned.trust.origin, account, name))
    return recipients


@contextlib.contextmanager
def _removed_on_failure() -> Iterator[list[Path]]:
    """Yield a list; the files that it then holds are removed when the block fails."""
    paths: list[Path] = []
    try:
        yield paths
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
