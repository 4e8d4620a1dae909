"""age files on disk: reading at a position, decrypting whole."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ledger.crypto.armor import MAX_ARMORED, is_armored
from ledger.crypto.envelope import MAX_HEADER, Header, decrypt_bytes, parse_header
from ledger.crypto.recipients import Identity
from ledger.crypto.stream import PayloadReader, ReadAt
from ledger.disk.files import AtomicFile
from ledger.disk.positions import read_at
from ledger.errors import InvalidInput
from ledger.quoted import quoted

_ARMOR_PROBE = 256
"""Bytes in which an armor's first line is looked for, after whitespace."""


@dataclass(frozen=True, slots=True)
class AgeFile:
    """A binary age file that is open: its header, and its payload of `size` bytes.

    `read_at(offset, size)` gives bytes of the payload, fewer only at its end, to any thread.
    """

    header: Header
    size: int
    read_at: ReadAt


@contextlib.contextmanager
def open_age(path: Path) -> Iterator[AgeFile]:
    """Yield the binary age file at `path`, nothing of it verified. Raises OSError, MalformedData."""
    with path.open("rb") as file:
        descriptor = file.fileno()
        header = parse_header(read_at(descriptor, MAX_HEADER, 0))
        start = len(header.encoded)
        yield AgeFile(
            header,
            os.fstat(descriptor).st_size - start,
            lambda offset, size: read_at(descriptor, size, start + offset),
        )


@contextlib.contextmanager
def open_payload(path: Path, identities: Sequence[Identity]) -> Iterator[PayloadReader]:
    """Yield a reader of the binary age file at `path`, its final chunk already checked.

    Raises InvalidInput where the file cannot be read, and as Header.unwrap and PayloadReader do.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open_age(path))
        except OSError as error:
            raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}") from error
        yield PayloadReader(file.read_at, file.size, file.header.unwrap(identities))


def decrypt_file(source: Path, destination: Path, identities: Sequence[Identity]) -> None:
    """Decrypt an age file, binary or armored; `destination` appears only when all of it is genuine.

    Raises as open_payload, decrypt_bytes and AtomicFile do.
    """
    try:
        with source.open("rb") as file:
            armored = is_armored(file.read(_ARMOR_PROBE))
            if armored:
                file.seek(0)
                data = file.read(MAX_ARMORED + 1)
    except OSError as error:
        raise InvalidInput(f"{quoted(source)} cannot be read: {error.strerror}") from error
    if armored:
        plaintext = decrypt_bytes(data, identities)
        with AtomicFile(destination) as out:
            out.write_at(0, plaintext)
        return
    workers = os.cpu_count() or 1
    with (
        open_payload(source, identities) as reader,
        ThreadPoolExecutor(workers) as pool,
        AtomicFile(destination) as out,
    ):
        offset = 0
        for segment in reader.segments(pool, 2 * workers):
            out.write_at(offset, segment)
            offset += len(segment)
