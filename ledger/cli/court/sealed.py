"""Evidence that was sealed for its reader: an age file, opened into a place that only they can read."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ledger.cli import shell
from ledger.errors import MalformedData, NoMatchingIdentity
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.crypto.recipients import Identity

_MAX_HEAD = 256
"""Bytes that tell an age file, also behind the blank lines that may precede an armored one."""


def is_sealed(path: Path) -> bool:
    """Whether `path` is an age file, binary or armored."""
    from ledger.crypto.armor import is_armored

    with path.open("rb") as file:
        head = file.read(_MAX_HEAD)
    return head.startswith(b"age-encryption.org/") or is_armored(head)


@contextmanager
def unsealed(path: Path, identity: Path, passphrase_file: Path | None) -> Iterator[Path]:
    """Yield the plaintext of an age file, which is gone again at the end.

    Raises NoMatchingIdentity where it was sealed for somebody else, and as decrypt_file does.
    """
    from ledger.disk.age_files import decrypt_file

    identities = _identities(identity, passphrase_file)
    # A folder of mode 0700, a file of mode 0600 in it.
    with ended_in_order(), TemporaryDirectory(prefix="sealbook-") as folder:
        plaintext = Path(folder) / "evidence"
        try:
            decrypt_file(path, plaintext, identities)
        except NoMatchingIdentity as error:
            raise NoMatchingIdentity(
                f"{quoted(path)} is not sealed for the identity in {quoted(identity)}; ask for "
                "a copy that is sealed "
                "for your recipient."
            ) from error
        yield plaintext


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let a closed terminal or a `kill` end the program as Ctrl-C does: what is open is removed."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _identities(path: Path, passphrase_file: Path | None) -> "tuple[Identity, ...]":
    """Return the identities in a file as `age-keygen` writes it, also under a passphrase."""
    from ledger.crypto.armor import is_armored
    from ledger.crypto.envelope import decrypt_bytes
    from ledger.crypto.recipients import MAX_IDENTITY_FILE, ScryptIdentity, parse_identity_file

    data = shell.read_limited(path, MAX_IDENTITY_FILE, "an identity file")
    try:
        if data.startswith(b"age-encryption.org/") or is_armored(data):
            passphrase = shell.passphrase_from(passphrase_file, f"identity {quoted(path)}")
            data = decrypt_bytes(data, [ScryptIdentity(passphrase())])
        return parse_identity_file(data.decode())
    except (MalformedData, UnicodeDecodeError) as error:
        raise MalformedData(f"{quoted(path)} is not an age identity file") from error
