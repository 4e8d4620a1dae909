"""One deposit in the vault: its files, and what is known of it."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from ledger.chain.statement import Deposit, Payload, Statement, parse_deposit, parse_statement
from ledger.company.noting import Noted
from ledger.company.vault.home import FILED, ID_DIGITS, PROVISIONAL, REFUSED, SPOOL
from ledger.company.vault.life import STATES, Event, State, next_state
from ledger.crypto.envelope import MAX_HEADER, parse_header
from ledger.crypto.recipients import Identity
from ledger.disk.files import AtomicFile, NewFile, sync_folder
from ledger.errors import MalformedData, StorageFailed
from ledger.evidence.manifest import Manifest
from ledger.evidence.opening import open_manifest
from ledger.quoted import quoted

STAMP = "statement.tst"
"""The file of a token over the statement."""
MATTER_NAME = "matter"
"""Where a manifest's provenance tells the company's own name of a matter."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What only this computer knows of a deposit.

    `path` is empty after a recovery; `sealed` is when, POSIX seconds; `source` identifies the files'
    state, so that an interrupted deposit is resumed; `deliver` is the folder that the user named for
    the receipt, `keep` whether it stays in the vault, `receipt` where it went, None where it stays or
    after a recovery; `refused` is the notary's last answer, where that was a no; `measure` is the text
    of an entry in the register of measures; `sealed_for` is the state of recipients.txt for which its
    headers were written; `notices` are why documents can only be shown whole.
    """

    path: str
    title: str
    sealed: int = 0
    size: int
    documents: int
    matter: str | None = None
    source: str = ""
    deliver: str | None = None
    keep: bool = False
    receipt: str | None = None
    refused: str | None = None
    measure: str | None = None
    sealed_for: str = ""
    notices: tuple[Noted, ...] = ()


class StoredDeposit:
    """A deposit in the vault."""

    def __init__(self, home: Path, name: str) -> None:
        self._home = home
        self.name = name

    @classmethod
    def of(cls, home: Path, signed: "Signed") -> Self:
        """Return the deposit that was signed a moment ago, so that nothing of it is read again."""
        made = cls(home, signed.name)
        made.__dict__.update(meta=signed.meta, statement=signed.statement)
        return made

    @property
    def folder(self) -> Path:
        """Where it is now: another process may file it away at any time."""
        spooled, refused, filed = self._folders
        # Asked a dozen times of each deposit that is sent.
        if os.path.exists(spooled):  # noqa: PTH110
            return spooled
        return refused if os.path.exists(refused) else filed  # noqa: PTH110

    @cached_property
    def _folders(self) -> tuple[Path, Path, Path]:
        spooled, refused, filed = (
            self._home / each / self.name for each in (SPOOL, REFUSED, FILED)
        )
        return spooled, refused, filed

    def _from_folder(self, read: Callable[[Path], T]) -> T:
        """Return what `read` finds in the folder; where it was moved meanwhile, in the new place."""
        while True:
            folder = self.folder
            try:
                found = read(folder)
            except StorageFailed:
                if folder == self.folder:
                    raise
            else:
                if found is not None or folder == self.folder:
                    return found

    @cached_property
    def meta(self) -> Meta:
        """What meta.json says."""
        return self._from_folder(lambda folder: _read_meta(folder / "meta.json"))

    @cached_property
    def statement(self) -> Statement:
        """The signed statement."""

        def read(folder: Path) -> Statement:
            try:
                return parse_statement(read_file(folder / "statement"))
            except MalformedData as error:
                raise hurt(folder / "statement") from error

        return self._from_folder(read)

    @cached_property
    def deposit(self) -> Deposit:
        """What the statement puts on record."""
        return parse_deposit(self.statement)

    def check(self) -> None:
        """Raise MalformedData or StorageFailed when what is known of the deposit is damaged."""
        _ = self.meta, self.deposit, self.state

    @property
    def commitment(self) -> str:
        """R in hexadecimal: the deposit's id."""
        return self.deposit.commitment.hex()

    @property
    def receipt(self) -> bytes | None:
        """The verified receipt, None while the deposit waits."""

        def read(folder: Path) -> bytes | None:
            path = folder / "receipt"
            return read_file(path) if path.exists() else None

        return self._from_folder(read)

    @property
    def state(self) -> State:
        """How far the deposit has come. Raises MalformedData where its folder shows no state."""
        while True:
            folder = self.folder
            kept = (folder / "receipt").exists()
            if kept or folder == self.folder:  # or else it was moved between the two looks
                break
        try:
            return STATES[folder.parent.name, kept]
        except KeyError:
            raise hurt(folder) from None

    @property
    def waits(self) -> bool:
        """Whether the deposit is still to be sent, or sent again."""
        return self.state is State.WAITING

    @property
    def refused(self) -> bool:
        """Whether the notary will never take the deposit."""
        return self.state is State.REFUSED

    @property
    def provisional(self) -> bool:
        """Whether its receipt still lacks what the trust file names, as far as was seen last."""
        return (self._home / PROVISIONAL / self.name).exists()

    @property
    def files(self) -> Iterator[tuple[Path, Payload]]:
        """The age files to upload, as the statement names them."""
        yield self.folder / "manifest.age", self.deposit.manifest
        if self.deposit.content is not None:
            yield self.folder / "content.age", self.deposit.content

    def manifest(self, identities: tuple[Identity, ...]) -> Manifest:
        """Return the opened manifest. Raises as open_manifest does."""
        data = read_file(self.folder / "manifest.age")
        return open_manifest(data, identities, self.deposit.manifest)

    @property
    def encoded(self) -> bytes:
        """The signed statement's bytes."""
        return self.statement.encoded

    def accept(self, receipt: bytes) -> None:
        """Keep a verified receipt."""
        next_state(self.state, Event.ACCEPTED)
        write_file(self.folder / "receipt", receipt)

    def file_away(self, receipt: Path | None) -> None:
        """Note where the user's receipt is, None for here; the ciphertext rests with the notary.

        The deposit is done; durably so after `Vault.sync_filed`.
        """
        next_state(self.state, Event.FILED)
        self.note(receipt=None if receipt is None else str(receipt), refused=None)
        (self.folder / "content.age").unlink(missing_ok=True)
        self.folder.rename(self._home / FILED / self.name)

    def put_off(self, reason: str) -> None:
        """Note why the notary has not taken the deposit: it waits."""
        next_state(self.state, Event.PUT_OFF)
        self.note(refused=reason)

    def put_aside(self, reason: str) -> None:
        """Keep the deposit as refused: nothing sends it again."""
        next_state(self.state, Event.PUT_ASIDE)
        self.note(refused=reason)
        (self._home / REFUSED).mkdir(mode=0o700, exist_ok=True)
        self.folder.rename(self._home / REFUSED / self.name)
        sync_folder(self._home / REFUSED)

    @property
    def own_token(self) -> bytes | None:
        """An authority's token over the statement, from while it waited; None where there is none."""

        def read(folder: Path) -> bytes | None:
            path = folder / STAMP
            return read_file(path) if path.exists() else None

        return self._from_folder(read)

    def stamp(self, token: bytes) -> None:
        """Keep an authority's token over the statement."""
        write_file(self.folder / STAMP, token)

    def restate(self, statement: bytes) -> None:
        """Replace the statement by another over the same sealed files, which was never entered."""
        next_state(self.state, Event.RENUMBERED)
        (self.folder / STAMP).unlink(missing_ok=True)
        write_file(self.folder / "statement", statement)
        for name in ("statement", "deposit"):
            self.__dict__.pop(name, None)

    def keep_rejected(self, receipt: bytes) -> Path:
        """Keep a receipt that does not verify: it is evidence against whoever signed it."""
        next_state(self.state, Event.PUT_OFF)
        path = self.folder / "receipt.rejected"
        write_file(path, receipt)
        return path

    def note(self, **changes: Any) -> None:
        """Change fields of meta.json."""
        meta = replace(self.meta, **changes)
        if meta != self.meta:
            write_file(self.folder / "meta.json", format_meta(meta))
            self.__dict__["meta"] = meta


class Sealing:
    """A deposit that is being made: files in a folder which nobody sees before `Vault.spool`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.age"
        self.content = folder / "content.age"


@dataclass(frozen=True, slots=True)
class Signed:
    """A sealed deposit that was signed; `name` is what its folder is called once it is whole."""

    statement: Statement
    meta: Meta
    name: str

    def write(self, folder: Path) -> None:
        """Make the folder whole, durably. Raises StorageFailed."""
        encoded, meta = self.statement.encoded, format_meta(self.meta)
        for name, data in (("statement", encoded), ("meta.json", meta)):
            with NewFile(folder / name) as file:
                file.write_at(0, data)
        sync_folder(folder)


def folder_name(commitment: bytes, time: float) -> str:
    """Return the name of a deposit's folder; `time` is when it was sealed."""
    # Milliseconds keep the order in which deposits were sealed.
    stamp = datetime.fromtimestamp(time, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    return f"{stamp}Z-{commitment.hex()[:ID_DIGITS]}"


def read_file(path: Path) -> bytes:
    """Return a vault file's bytes. Raises StorageFailed."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageFailed(f"{quoted(path)} cannot be read: {error.strerror}.") from error


def write_file(path: Path, data: bytes) -> None:
    """Replace a file whole, durably, mode 0600. Raises StorageFailed."""
    with AtomicFile(path) as file:
        file.write_at(0, data)


def file_header(path: Path) -> bytes:
    """Return the age header that a file begins with."""
    try:
        with path.open("rb") as file:
            return parse_header(file.read(MAX_HEADER)).encoded
    except OSError as error:
        raise StorageFailed(f"{quoted(path)} cannot be read: {error.strerror}.") from error


def format_meta(meta: Meta) -> bytes:
    """Return meta.json."""
    # `asdict` copies each value, which takes longer than all else here.
    value = {name: getattr(meta, name) for name in Meta.__slots__}
    value["notices"] = [asdict(each) for each in meta.notices]
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "surrogateescape") + b"\n"


def _read_meta(path: Path) -> Meta:
    try:
        value = json.loads(read_file(path).decode("utf-8", "surrogateescape"))
        notices = tuple(Noted.parse(each) for each in value.pop("notices", ()))
        return Meta(**value, notices=notices)
    except (ValueError, TypeError, AttributeError) as error:
        raise hurt(path) from error


def hurt(path: Path) -> MalformedData:
    return MalformedData(f"{quoted(path)} is damaged. Restore it from a backup of the vault.")
