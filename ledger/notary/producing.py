"""What the office holds of an account, as files for whoever may demand it (an order of a court).

    account.json              the account, its keys, its terms, the order
    identity.json             who it is, as the office checked it; missing where it was erased
    receipts/<entry>.receipt  of each deposit
    ciphertext/<entry>.content.age, <entry>.manifest.age    as they were uploaded
    files.txt                 SHA-256 and name of each file, for `sha256sum -c`
    missing.txt               what the office does not hold, and why; where there is any

The office cannot open the age files, and neither can who receives them without one of the company's
identities. Nothing of another account is in it.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from ledger.chain.enrolment import IdentityRecord
from ledger.chain.statement import Payload, parse_deposit, parse_statement
from ledger.disk.files import AtomicFile, make_folder, write_durably, writing
from ledger.disk.outputs import move_new
from ledger.errors import Conflict, NotFound, VerificationFailed
from ledger.language import ENGLISH
from ledger.notary.desk.terms import Terms
from ledger.notary.orders import GivenReceipt
from ledger.notary.sequencing.accounts import Standing
from ledger.notary.storage.envelopes import READ_BLOCK
from ledger.notary.storage.packed import EnvelopeKeeper
from ledger.quoted import Message, quoted
from ledger.recognised import said_in


@dataclass(frozen=True, slots=True)
class Produced:
    """How many receipts and age files were written, and what is missing, a line each."""

    receipts: int
    files: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Missing:
    """A file that is not there, and why."""

    name: str
    why: Message

    def line(self, language: str) -> str:
        return f"{self.name}: {said_in(self.why, language)}"


class Production:
    """A folder that is filled under a name of nobody else, and takes its own once it is whole.

    In `language` is said what is missing.

    What is left when the block is left without `finish` goes away; what a killed one has left, with the
    next one to the same folder. Its maker holds a folder, so that nobody takes it for such.
    All methods raise StorageFailed.
    """

    def __init__(self, target: Path, language: str = ENGLISH) -> None:
        self._target = target
        self._name = f".{target.name[:100]}."
        self._folder = target.with_name(f"{self._name}{secrets.token_hex(8)}.part")
        self._held: int | None = None
        self._listed: list[str] = []
        self._language = language
        self._missing: list[_Missing] = []
        self._receipts = 0
        self._files = 0
        if os.path.lexists(target):
            raise Conflict(f"{quoted(target)} is there already; name a new folder.")

    def __enter__(self) -> Self:
        with writing(self._target):
            self._remove_left_over()
            make_folder(self._folder)
            self._held = _hold(self._folder)
            for each in (self._folder, self._folder / "receipts", self._folder / "ciphertext"):
                make_folder(each)
                each.chmod(0o700)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)

    def _remove_left_over(self) -> None:
        pattern = re.compile(re.escape(self._name) + r"[0-9a-f]{16}\.part")
        for each in self._target.parent.iterdir():
            if pattern.fullmatch(each.name) and (held := _hold(each)) is not None:
                shutil.rmtree(each, ignore_errors=True)
                os.close(held)

    def account(self, standing: Standing, terms: Terms, order: str, ledger: str, time: int) -> None:
        """Write who the account is and how it stands. `time` in POSIX seconds."""
        self._write(
            "account.json",
            _json(
                {
                    "account": standing.account,
                    "ledger": ledger,
                    "order": order,
                    "produced": time,
                    "terms": asdict(terms),
                    "keys": standing.as_dict()["keys"],
                }
            ),
        )
        if standing.record is None:
            self._missing.append(_Missing("identity.json", "the identity record was erased"))
        else:
            self._write("identity.json", _json(_record(standing.record)))

    def deposit(self, given: GivenReceipt, store: EnvelopeKeeper) -> None:
        """Write a deposit's receipt, and its age files where they are held."""
        self._write(f"receipts/{given.index}.receipt", given.receipt)
        self._receipts += 1
        parsed = parse_statement(given.statement)
        deposit = parse_deposit(parsed)
        for what, payload in (("content", deposit.content), ("manifest", deposit.manifest)):
            if payload is not None:
                name = f"ciphertext/{given.index}.{what}.age"
                self._age_file(name, store, parsed.issuer, payload)

    def finish(self) -> Produced:
        """List the files and give the folder its name. Raises Conflict when that is taken."""
        if self._missing:
            lines = "".join(f"{each.line(self._language)}\n" for each in self._missing)
            self._write("missing.txt", lines.encode())
        with writing(self._target):
            write_durably(self._folder / "files.txt", "".join(self._listed).encode(), 0o600)
        move_new(self._folder, self._target)
        missing = tuple(each.line(ENGLISH) for each in self._missing)
        return Produced(self._receipts, self._files, missing)

    def _age_file(self, name: str, store: EnvelopeKeeper, account: str, payload: Payload) -> None:
        digest, size = sha256(), 0
        try:
            with (
                store.open(account, payload.root) as (header, length, read_at),
                AtomicFile(self._folder / name, settled=False) as file,
            ):
                for block in _blocks(header, length, read_at):
                    file.write_at(size, block)
                    digest.update(block)
                    size += len(block)
        except (NotFound, VerificationFailed) as error:
            self._missing.append(_Missing(name, str(error)))
            return
        self._listed.append(f"{digest.hexdigest()}  {name}\n")
        self._files += 1

    def _write(self, name: str, data: bytes) -> None:
        with writing(self._target):
            write_durably(self._folder / name, data, 0o600)
        self._listed.append(f"{sha256(data).hexdigest()}  {name}\n")


def _hold(folder: Path) -> int | None:
    """Return a descriptor that holds a folder, None while another one does."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _blocks(header: bytes, length: int, read_at: Callable[[int, int], bytes]) -> Iterator[bytes]:
    yield header
    for at in range(0, length, READ_BLOCK):
        yield read_at(at, min(READ_BLOCK, length - at))


def _record(record: IdentityRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "registration": record.registration,
        "checked_by": record.checked_by,
        "checked_at": record.checked_at,
        "salt": record.salt.hex(),
    }


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"
