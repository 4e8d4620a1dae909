"""From what has come into being into the spool: sealed, durable, exactly once.

`take` may be called from any thread. It seals into folders that nobody sees, many small items in
processes beside this one (`ledger.company.sealing.beside`), then whoever is first
commits what waits, in one go, under the vault's lock:

1. number the matters, sign, make every folder's files durable;
2. note the items in the index, durably (`ledger.company.capture.index`);
3. give the folders their names in the spool, in order, and make those durable.

Only then does `take` return. A kill before 3 leaves rows without folders, which the index forgets when
it is opened, and the item is captured anew; after 3 the row tells that it was captured.

The device's signing key and the public recipients are all that this needs.
"""

import contextlib
import itertools
import os
import platform
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from ledger.chain.statement import MATTER_ID_SIZE, Matter, parse_deposit
from ledger.company.capture.config import Provenance, Rule
from ledger.company.capture.index import Captured, CaptureIndex, Known, Place
from ledger.company.documents import Document
from ledger.company.sealing.beside import Sealers
from ledger.company.sealing.orders import Order, Sealed, carry_out
from ledger.company.vault.recipients import OFFICER_NAME, Recipients
from ledger.company.vault.stored import MATTER_NAME, Meta, Signed, StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.crypto.recipients import Random
from ledger.errors import InvalidInput, SealbookError, StorageFailed
from ledger.evidence.manifest import Cover, numbered
from ledger.language import iso
from ledger.program import tool_name
from ledger.quoted import quoted

_CHUNK = 1 << 20
WRITERS = 4
"""Threads that make a batch's files durable: the disk takes their syncs together."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is to become one deposit.

    Attributes:
        key: Names the item: two with the same key are one deposit, whatever happens in between.
        documents: At least one.
        title: What a person calls it.
        path: Where it was, for a person and for a receipt beside it; "" if nowhere.
        rule: The policy.
        topic: Names the matter where the rule names none, None for no matter. Of a file it is its path.
        provenance: What the software states of it, before what is stated of every capture.
        place: The file's place, if it is one.
        receipt_beside: Whether the receipt goes beside `path`; otherwise it stays in the vault.
    """

    key: bytes
    documents: tuple[Document, ...]
    title: str
    path: str
    rule: Rule
    topic: str | None = None
    provenance: Provenance = ()
    place: Place | None = None
    receipt_beside: bool = False


def item_key(*parts: bytes | str | int) -> bytes:
    """Return a key for an item out of what names it."""
    state = sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        state.update(len(data).to_bytes(8, "big") + data)
    return state.digest()


@dataclass(slots=True)
class _Ticket:
    item: Item
    folder: Path
    sealed: Sealed | None = None
    sealed_for: str = ""
    result: StoredDeposit | None = None
    error: Exception | None = None
    done: bool = False

    @property
    def outcome(self) -> StoredDeposit | Exception:
        """What has become of the item, in the end."""
        outcome = self.error or self.result
        assert outcome is not None
        return outcome


class Intake:
    """The way into one vault's spool. Close it, or use `with`."""

    def __init__(self, vault: Vault, clock: Callable[[], float], random: Random) -> None:
        self._vault = vault
        self._clock = clock
        self._random = random
        self._key = vault.key
        self._numbers = itertools.count()
        self._waiting: list[_Ticket] = []
        self._commit = threading.Lock()
        self.clock_note = "not compared with the notary's yet"
        self._close = ExitStack()
        self._room = self._close.enter_context(vault.sealing()).folder
        self._sealers = Sealers()
        self._close.callback(self._sealers.close)
        self._writers = self._close.enter_context(ThreadPoolExecutor(WRITERS, "spool"))
        self.index = CaptureIndex(vault.home, lambda name: vault.stored(name).folder.exists())
        self._close.callback(self.index.close)

    def close(self) -> None:
        """Give up what is not spooled."""
        self._close.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: bytes) -> StoredDeposit | None:
        """Return the deposit that an item has become."""
        name = self.index.find(key)
        return None if name is None else self._vault.stored(name)

    def take(self, item: Item) -> StoredDeposit:
        """Seal an item; on return it is durable in the spool and will not be taken twice.

        Raises StorageFailed, SourceChanged, InvalidInput.
        """
        (taken,) = self.take_all([item])
        if isinstance(taken, Exception):
            raise taken
        return taken

    def take_all(self, items: Sequence[Item]) -> list[StoredDeposit | Exception]:
        """Seal items, each as `take` does; return what each has become, or why it has not.

        Small ones: large documents are sealed one after the other.
        """
        tickets = [_Ticket(each, self._room / str(next(self._numbers))) for each in items]
        try:
            self._seal(tickets)
            sealed = [each for each in tickets if each.sealed is not None]
            self._waiting += sealed
            with self._commit:
                if sealed and not sealed[-1].done:
                    batch = self._waiting[:]
                    del self._waiting[: len(batch)]
                    self._spool(batch)
        finally:
            for each in tickets:
                _remove(each.folder)
        return [each.outcome for each in tickets]

    @contextlib.contextmanager
    def copied(self, path: str) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield a copy, of the same name and times, of a file that is written to, and how that stood.

        It lies where what is made for sealing does, and is gone after the block. Raises StorageFailed;
        InvalidInput where the file cannot be read.
        """
        folder = self._room / f"copy-{next(self._numbers)}"
        try:
            yield folder / Path(path).name, _copy(path, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def refused(self, deposit: StoredDeposit) -> None:
        """Know that the notary will never take a deposit: its number in its matter is free."""
        if deposit.deposit.matter is not None:
            self.index.forget_numbers(deposit.deposit.matter.id)

    def _seal(self, tickets: Sequence[_Ticket]) -> None:
        """Give each ticket what was sealed, the deposit that it is already, or its error."""
        # Read anew each time: an officer who was removed a moment ago gets nothing more.
        officers = self._vault.officers
        state = officers.state
        todo: list[tuple[_Ticket, Order]] = []
        known = self._known(tickets)
        for each in tickets:
            try:
                each.result = known.get(each.item.key)
                if each.result is None:
                    each.sealed_for = state
                    todo.append((each, self._order(each, officers)))
            except Exception as error:  # noqa: BLE001 - one item must not stop the others
                each.error = error
        answers = self._sealers.carry_out([order for _, order in todo])
        for (each, order), answer in zip(todo, answers, strict=True):
            try:
                if answer is None:
                    _remove(each.folder)
                each.sealed = answer or carry_out(order, self._random)
            except Exception as error:  # noqa: BLE001 - one item must not stop the others
                each.error = error

    def _known(self, tickets: Sequence[_Ticket]) -> dict[bytes, StoredDeposit]:
        """Return the deposits that items of these tickets are already."""
        names = self.index.find_all([each.item.key for each in tickets])
        return {key: self._vault.stored(name) for key, name in names.items()}

    def _order(self, ticket: _Ticket, officers: Recipients) -> Order:
        item, rule = ticket.item, ticket.item.rule
        return Order(
            item.documents,
            ticket.folder,
            # What a kill leaves here is removed at the next start.
            None if rule.commitment_only else self._room,
            self._key.thumbprint,
            officers.sealed_for(rule.officers),
            Cover(_text(item.title), (*item.provenance, *self._stated(item))),
        )

    def _stated(self, item: Item) -> Provenance:
        """Return what is stated of every capture."""
        rule = item.rule
        values = (
            ("stated by", "the depositor's software; nobody else has checked it"),
            ("tool", tool_name()),
            ("host", platform.node()),
            ("captured", iso(self._clock())),
            ("clock", self.clock_note),
            ("classification", rule.classification),
            (MATTER_NAME, rule.matter or item.topic or ""),
            *numbered(OFFICER_NAME, rule.officers),
        )
        return tuple((name, _text(value)) for name, value in values if value)

    def _spool(self, batch: list[_Ticket]) -> None:
        """Commit a batch; each ticket gets its result or its error."""
        try:
            with self._vault.locked():
                fresh = self._signed(batch)
                self.index.add(_row(each.item, signed) for each, signed in fresh)
                for number, (each, signed) in enumerate(fresh):
                    try:
                        each.result = self._vault.give_name(each.folder, signed)
                    except OSError:
                        # A matter's numbers have no gap: what comes after waits as well.
                        self.index.drop(late.item.key for late, _ in fresh[number:])
                        raise
                    self.index.stands([each.item.key])
                self._vault.sync_spool()
        except SealbookError as error:
            for each in batch:
                if each.result is None:
                    each.error = error
        except OSError as error:
            for each in batch:
                each.result = None
                each.error = StorageFailed(f"The spool could not be written: {error.strerror}.")
                each.error.__cause__ = error
        finally:
            for each in batch:
                if each.result is None and each.error is None:
                    each.error = StorageFailed("The spool could not be written.")
                each.done = True

    def _signed(self, batch: list[_Ticket]) -> list[tuple[_Ticket, Signed]]:
        """Number, sign and write; return the tickets that are to be spooled."""
        fresh: dict[bytes, tuple[_Ticket, Signed]] = {}
        heads: dict[bytes, Matter] = {}
        known = self._known(batch)
        places = [each.item.place for each in batch if each.item.place is not None]
        captured = self.index.at_all({place.before or place.path for place in places})
        for each in batch:
            item, sealed = each.item, each.sealed
            assert sealed is not None
            each.result = known.get(item.key)
            if each.result is not None:
                continue
            if item.key in fresh:
                each.error = StorageFailed("The same item is being captured; it comes again.")
                continue
            place = self._place_in_matter(item, heads, captured)
            meta = Meta(
                path=item.path,
                title=_text(item.title),
                size=sum(document.source.size for document in item.documents),
                documents=len(item.documents),
                matter=item.rule.matter or item.topic,
                source=f"capture {item.key.hex()}",
                keep=not item.receipt_beside,
                sealed_for=each.sealed_for,
                notices=sealed.notices,
            )
            signed = self._vault.sign(
                sealed.commitment, sealed.content, sealed.manifest, place, meta, self._clock()
            )
            if place is not None:
                leaf = signed.statement.leaf_hash
                heads[place.id] = Matter(place.id, place.number + 1, leaf)
            fresh[item.key] = each, signed
        made = list(fresh.values())
        list(self._writers.map(_write, [made[n::WRITERS] for n in range(WRITERS)]))
        return made

    def _place_in_matter(
        self, item: Item, heads: dict[bytes, Matter], captured: dict[str, Known]
    ) -> Matter | None:
        name = item.rule.matter
        if name is not None:
            identity = self._vault.named_matter(name)
            return heads.get(identity) or self._vault.next_in_matter(identity)
        if item.topic is None:
            return None
        if item.place is not None:
            known = captured.get(item.place.before or item.place.path)
            found = None if known is None else known.matter
        else:
            found = self.index.topic(item.topic)
        if found is not None:
            known_here = heads.get(found) or self.index.next_in_matter(found)
            return known_here or self._vault.next_in_matter(found)
        # Restored from the notary, the vault knows a matter by its name; the index begins anew.
        found = self._vault.matter_id(item.topic)
        if found is not None and self.index.next_in_matter(found) is None:
            return self._vault.next_in_matter(found)
        return Matter(self._random(MATTER_ID_SIZE), 1, None)


def _write(made: Sequence[tuple[_Ticket, Signed]]) -> None:
    for each, signed in made:
        signed.write(each.folder)


def _row(item: Item, signed: Signed) -> Captured:
    return Captured(
        item.key,
        signed.name,
        None if item.rule.matter else parse_deposit(signed.statement).matter,
        signed.statement.leaf_hash,
        None if item.place or item.rule.matter else item.topic,
        item.place,
    )


def _copy(path: str, folder: Path) -> os.stat_result:
    try:
        source = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
    try:
        with open(source, "rb") as file:
            folder.mkdir(mode=0o700)
            info = os.fstat(file.fileno())
            copy = folder / Path(path).name
            with copy.open("xb") as target:
                left = info.st_size
                while left and (data := file.read(min(left, _CHUNK))):
                    target.write(data)
                    left -= len(data)
            os.utime(copy, ns=(info.st_atime_ns, info.st_mtime_ns))
        return info
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be copied for sealing: {error.strerror}."
        ) from error


def _remove(folder: Path) -> None:
    """Remove what was not spooled; a folder that was has another name now."""
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
