"""Evidence records as they lie beside the files that they cover."""

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from ledger.chain.attesting import Renewed
from ledger.chain.renewal.record import MAX_RECORD, EvidenceRecord, parse_record
from ledger.errors import InvalidInput, MalformedData, TooLarge
from ledger.quoted import quoted

SUFFIX = ".ers"
"""Ends the name of a record: that of its file, and this."""

_BLOCK = 1 << 16


def record_of(file: Path, folder: Path | None = None) -> Path:
    """Return where a file's record lies: beside it, or in `folder`."""
    return (folder or file.parent) / (file.name + SUFFIX)


def digests_of(file: Path, algorithms: Iterable[str]) -> Callable[[str], bytes]:
    """Return a file's hashes under these functions, read once. Raises InvalidInput."""
    hashes = {name: hashlib.new(name) for name in algorithms}
    try:
        with file.open("rb") as data:
            while block := data.read(_BLOCK):
                for each in hashes.values():
                    each.update(block)
    except OSError as error:
        raise InvalidInput(f"{quoted(file)} cannot be read: {error.strerror}.") from error
    return lambda name: hashes[name].digest()


def read_record(path: Path) -> EvidenceRecord | None:
    """Return the record at `path`, None where there is none. Raises MalformedData, InvalidInput."""
    data = _read(path)
    if data is None:
        return None
    try:
        return parse_record(data)
    except (MalformedData, TooLarge) as error:
        raise MalformedData(f"{quoted(path)} is no evidence record: {error}.") from error


def read_renewed(file: Path, record: Path | None = None) -> Renewed | None:
    """Return the record at `record`, or else the one beside a file, None where there is none.

    Whether it covers the file is not looked at yet. Raises InvalidInput where it cannot be read.
    """
    place = record or record_of(file)
    data = _read(place) if record is not None or place.is_file() else None
    if data is None:
        if record is None:
            return None
        raise InvalidInput(f"There is no record at {quoted(record)}.")
    return Renewed(data, cache(lambda name: digests_of(file, [name])(name)))


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_RECORD + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
