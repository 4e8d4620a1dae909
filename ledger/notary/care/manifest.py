"""What a backup holds, said in the file `manifest` that is put in place with the last of it.

    format = "sealbook-backup-v1"
    origin = "notary.example/ledger"     whose backup it is
    time = 1795000000                    when it was made, POSIX seconds
    size, height, root                   the checkpoint at which it stands
    files, bytes                         of folders, as they were counted then
    [sha256]                             settings, keys, certificates and trust file, by their names

A run that is cut short leaves the manifest of the one before it, and what that one names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import tomli_w

from ledger.disk.files import write_durably
from ledger.encoding import parse_toml
from ledger.errors import InvalidInput, LedgerFault, MalformedData
from ledger.notary.care.copying import LEFT_OUT, MANIFEST
from ledger.notary.storage import directory as place
from ledger.quoted import quoted

_FORMAT = "sealbook-backup-v1"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup's content. `root` is hex; `sha256` is hex by the names of the small files."""

    origin: str
    time: int
    size: int
    height: int
    root: str
    files: int
    bytes: int
    sha256: Mapping[str, str]


def small_files(directory: Path) -> Iterator[str]:
    """Yield the names of settings, keys, certificates, trust file and notes of a directory."""
    for folder in (directory, directory / place.KEYS):
        if folder.is_dir():
            for each in sorted(folder.iterdir()):
                name = each.relative_to(directory).as_posix()
                if name not in LEFT_OUT and not each.name.startswith(".") and each.is_file():
                    yield name


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of a folder's small files."""
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in small_files(folder)}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest. Raises OSError."""
    value = {"format": _FORMAT, **asdict(manifest)}
    write_durably(folder / MANIFEST, tomli_w.dumps(value).encode(), 0o600)


def read_manifest(folder: Path) -> Manifest | None:
    """Return what a backup says of itself, None where it says nothing. Raises InvalidInput."""
    try:
        value = dict(parse_toml((folder / MANIFEST).read_bytes()))
        if value.pop("format") == _FORMAT:
            return Manifest(**value)
    except FileNotFoundError:
        return None
    except (OSError, MalformedData, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{quoted(folder / MANIFEST)}, which says what the backup holds, cannot be read. Use "
            "another backup."
        ) from error
    raise InvalidInput(f"{quoted(folder / MANIFEST)} was written by a newer release; use that one.")


def require_small_files(folder: Path, manifest: Manifest) -> None:
    """Raise LedgerFault unless the small files are those that the manifest names."""
    found = digests(folder)
    for name, digest in manifest.sha256.items():
        if found.get(name) != digest:
            raise LedgerFault(
                f"{quoted(folder / name)} is not what was backed up: it was altered or lost since. Use "
                "another backup, or put the file back."
            )
