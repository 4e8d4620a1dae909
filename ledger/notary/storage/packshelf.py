"""The packs of a notary: written, read, taken up and written again, each step safe to be cut short.

A pack is noted, then written, then its rows are entered in one transaction, and only then do the loose
files go that it holds. Rows say how far each pack has come, so whoever comes next finishes what a crash
has left (`finish`). What is erased goes with its pack: the rest of it is written as another one first.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from ledger.crypto.stream import PayloadHash
from ledger.disk.wholefiles import WholeFiles
from ledger.errors import MalformedData, StorageFailed
from ledger.notary.storage.envelopeobjects import LooseEnvelopes
from ledger.notary.storage.envelopes import with_digest
from ledger.notary.storage.packfile import (
    HEAD,
    PAYLOAD,
    Packed,
    Part,
    format_pack,
    front_size,
    parse_front,
    parse_pack,
)
from ledger.notary.storage.packs import PackDatabase, Progress, State, Where
from ledger.quoted import quoted

FOLDER = "packs"
"""Beside the accounts' folders; no account is called so."""
_SUFFIX = ".pack"

_log = logging.getLogger("sealbook.notary")

Hook = Callable[[str], None]
"""Called with the name of each durable step once it is taken: for tests that stop there."""


def no_hook(step: str) -> None:
    """Do nothing."""


class PackShelf:
    """Packs, and the rows that say what is in them. Reading is for any thread, the rest for one."""

    def __init__(self, packs: PackDatabase, files: WholeFiles, loose: LooseEnvelopes) -> None:
        self.rows = packs
        self._files = files
        self._loose = loose
        self.hook: Hook = no_hook
        self._told: set[int] = set()
        """The packs that could not be finished, and of which the log knows."""

    def read(self, where: Where) -> bytes | None:
        """Return a part, None where its pack is not there or too short."""
        return self._files.read_at(_name(where.pack), where.at, where.size)

    def size(self, pack: int) -> int | None:
        """Return a pack's bytes, None where it is not there."""
        return self._files.size(_name(pack))

    def damaged(self) -> Iterator[tuple[str, StorageFailed | None]]:
        """Yield the packs that are missing or whose table was altered, and those that cannot be read.

        These come with the reason. What they hold is checked deposit by deposit.
        """
        for pack in self.rows.packs(State.SETTLING, State.WHOLE):
            name = f"{FOLDER}/{_name(pack)}"
            try:
                if self._stated(pack) is None:
                    yield name, None
            except StorageFailed as error:
                yield name, error

    def add(
        self,
        parts: Sequence[Part],
        old: Progress,
        entry: int,
        newer: Iterable[tuple[str, bytes, int]],
    ) -> bool:
        """Write parts as a pack, and remove their loose files; False where somebody else was faster.

        See `PackDatabase.enter` for the arguments. Raises StorageFailed, NoRoom.
        """
        pack, places = self._write(parts)
        if not self.rows.enter(pack, places, old, entry, newer):
            if self.rows.abandon(pack):
                self._remove(pack)
            return False
        self.hook("entered")
        self._settle(pack, parts)
        return True

    def erase(self, account: str, roots: Iterable[bytes]) -> int:
        """Erase age files from packs, which are written again without them; return how many parts.

        What was begun with packs is finished before.
        """
        gone = {(account, root) for root in roots}
        count = 0
        for pack in sorted({one for key in gone for one in self.rows.holding(*key)}):
            held = self.rows.parts(pack, self._stated(pack))
            kept = [each for each in held if (each.account, each.root) not in gone]
            self._replace(pack, held, kept, gone)
            count += len(held) - len(kept)
        return count

    def finish(self) -> dict[int, StorageFailed]:
        """Finish what was begun with packs and cut short; return what could not be now, and why.

        It is tried again by the next call; the log says it once.
        """
        left: dict[int, StorageFailed] = {}
        for pack, state in self.rows.packs(State.MAKING, State.LEAVING, State.SETTLING).items():
            try:
                self._finish(pack, state)
            except StorageFailed as error:
                left[pack] = error
                if pack not in self._told:
                    _log.warning(
                        "the pack %s is left as it is, and others go on: %s",
                        self._files.where(_name(pack)),
                        error,
                    )
        self._told = set(left)
        return left

    def _finish(self, pack: int, state: State) -> None:
        if state == State.LEAVING:
            self._remove(pack)
        elif state == State.MAKING:
            self._finish_begun(pack)
        else:
            stated = self._stated(pack)
            data = None if stated is None else self._files.read(_name(pack))
            if data is not None:
                parts = [_part(each, data) for each in self.rows.parts(pack, stated)]
                self._settle(pack, [each for each in parts if is_sound(each)])

    def take_up(self, *, mend: bool = True) -> int:
        """Enter the packs that no row names, after a restore for example; return how many.

        With `mend` what was erased and stands in one all the same is erased again; without, nothing
        but rows is written.
        """
        known = self.rows.packs()
        found = 0
        for name in self._files.names():
            pack = _number(name)
            data = None if pack is None or pack in known else self._files.read(name)
            if pack is None or data is None:
                continue
            try:
                stated = parse_pack(data)
            except MalformedData:
                continue  # what it held is missed where a deposit names it, and the pack by `damaged`
            found += self._enter(pack, stated, mend=mend)
        if found:
            there = set(map(_number, self._files.names()))
            self.rows.forget_empty(known.keys() - there)
            for account, root, number in self._loose.newer():
                if number > self.rows.find(account, root).version:
                    self.rows.put_newer(account, root, number)
        return found

    def _enter(
        self,
        pack: int,
        stated: Sequence[Packed],
        *,
        mend: bool,
        begun: bool = False,
    ) -> bool:
        """Enter a pack that is there, less what was erased and what another one holds whole."""
        roots = {(each.account, each.root) for each in stated}
        erased = {key for key in roots if self._loose.discarded(*key) is not None}
        kept = [each for each in stated if (each.account, each.root) not in erased]
        if not self.rows.take_up(pack, kept, self._held_badly(kept), begun=begun):
            return False
        entered = self.rows.parts(pack, stated)
        if mend and len(entered) < len(stated):
            self._replace(pack, entered, entered, erased)
        return True

    def _held_badly(self, parts: Sequence[Packed]) -> list[Packed]:
        """Return those parts of a pack that rows let be read from another one, which lacks them."""
        found: list[Packed] = []
        ordered = sorted(parts, key=lambda each: each.account)
        for account, several in groupby(ordered, key=lambda each: each.account):
            of_account = list(several)
            packed = self.rows.among(account, list({each.root for each in of_account}))
            for each in of_account:
                if each.root in packed:
                    where = self.rows.where(each)
                    if where is not None and not self._is_whole(each, where):
                        found.append(each)
        return found

    def _is_whole(self, part: Packed, where: Where) -> bool:
        data = self.read(where)
        return data is not None and is_sound(Part(part.account, part.root, part.version, data))

    def _finish_begun(self, pack: int) -> None:
        """Remove a pack that was begun; enter it where it holds what is nowhere else.

        So it is where the database forgot that the pack was entered, and its loose files are gone.
        """
        data = self._files.read(_name(pack)) or b""
        try:
            stated = parse_pack(data) if data else ()
        except MalformedData:
            self.rows.forget(pack)  # the file stays, for who looks at it
            return
        if all(self._is_elsewhere(_part(each, data), each) for each in stated):
            if self.rows.abandon(pack):
                self._remove(pack)
        else:
            self._enter(pack, stated, mend=True, begun=True)

    def _is_elsewhere(self, part: Part, place: Packed) -> bool:
        """Return whether a part of a pack is loose too, or whole in another pack, or was erased."""
        account, root, version = part.account, part.root, part.version
        names = [f"header.{version}", "header", f"newer.{version}"]
        for name in ["payload"] if version == PAYLOAD else names:
            if self._loose.read_part(account, root, name) == part.data:
                return True
        where = self.rows.where(place)
        if where is not None and self._is_whole(place, where):
            return True
        return self._loose.discarded(account, root) is not None

    def _stated(self, pack: int) -> tuple[Packed, ...] | None:
        """Return what a pack's own table says, None where that cannot be read."""
        name = _name(pack)
        try:
            head = self._files.read_at(name, 0, HEAD)
            size = self._files.size(name)
            if head is None or size is None or (length := front_size(head)) > size:
                return None
            return parse_front(self._files.read_at(name, 0, length) or b"", size)
        except MalformedData:
            return None

    def _replace(
        self,
        pack: int,
        held: Sequence[Packed],
        kept: Sequence[Packed],
        gone: Iterable[tuple[str, bytes]],
    ) -> None:
        """Write a pack again with what is kept of it, each part as it is, altered ones too."""
        data = self._files.read(_name(pack)) if kept else None
        new: int | None = None
        places: tuple[Packed, ...] = ()
        if data is not None:
            copied = [_part(each, data) for each in kept]
            altered = sum(not is_sound(each) for each in copied)
            if altered:
                _log.warning(
                    "%d parts of the pack %s were altered: put it back from a backup before the next "
                    "one is made, and start the notary again",
                    altered,
                    self._files.where(_name(pack)),
                )
            new, places = self._write(copied)
        elif kept:
            raise StorageFailed(
                f"The pack {quoted(self._files.where(_name(pack)))} is missing; restore it from a "
                "backup, then give the command again."
            )
        self.rows.replace(pack, held, new, places, gone)
        self.hook("replaced")
        self._remove(pack)

    def _write(self, parts: Sequence[Part]) -> tuple[int, tuple[Packed, ...]]:
        data, places = format_pack(parts)
        pack = secrets.randbits(63)
        self.rows.begin(pack)
        self.hook("begun")
        with self._loose.room.hold(None, len(data)):
            self._files.write(_name(pack), data)
        if self._files.read(_name(pack)) != data:
            raise StorageFailed(
                f"{quoted(self._files.where(_name(pack)))} does not hold what was just written: look "
                "after the disk or the store. Nothing was removed."
            )
        self.hook("written")
        return pack, places

    def _remove(self, pack: int) -> None:
        self._files.remove(_name(pack))
        self.hook("removed")
        self.rows.forget(pack)

    def _settle(self, pack: int, parts: Sequence[Part]) -> None:
        """Remove the loose files that a pack holds. A header that is newer by now stays, as such."""
        ordered = sorted(parts, key=_key)
        for account, of_account in groupby(ordered, key=lambda each: each.account):
            # Before anything else: an age file that came again would be taken for an erased one.
            marks = {each.root: "discarded" for each in of_account if each.version != PAYLOAD}
            self._loose.remove_parts(account, list(marks.items()))
        self.hook("unmarked")
        for account, of_account in groupby(ordered, key=lambda each: each.account):
            names: list[tuple[bytes, str]] = []
            for root, several in groupby(of_account, key=lambda each: each.root):
                names += self._superseded(account, root, {e.version: e.data for e in several})
            self._loose.remove_parts(account, names)
            self.hook("loose")
        self.rows.finish(pack)

    def _superseded(
        self, account: str, root: bytes, packed: dict[int, bytes]
    ) -> Iterator[tuple[bytes, str]]:
        if PAYLOAD in packed:
            yield root, "payload"
        headers = [version for version in packed if version != PAYLOAD]
        if 1 not in headers:
            yield from ((root, f"newer.{version}") for version in headers)
            return
        newest = max(headers)
        yield from ((root, f"header.{version}") for version in headers if version < newest)
        loose = self._loose.read_part(account, root, "header")
        if loose is not None and loose != packed[newest] and is_header(loose):
            # It took the packed one's place after that was read, and before anybody saw it packed.
            if not self._loose.create_part(account, root, f"newer.{newest + 1}", loose):
                return
            self.rows.put_newer(account, root, newest + 1)
        yield root, "header"


def is_sound(part: Part) -> bool:
    """Return whether a part is the payload or the header that was uploaded."""
    if part.version != PAYLOAD:
        return is_header(part.data)
    state = PayloadHash()
    state.update(part.data)
    return state.root() == part.root


def is_header(data: bytes) -> bool:
    """Return whether a header's file holds what was uploaded."""
    return with_digest(data[: -len(with_digest(b""))]) == data


def _key(part: Part) -> tuple[str, bytes, int]:
    return part.account, part.root, part.version


def _part(place: Packed, data: bytes) -> Part:
    part = data[place.at : place.at + place.size]
    return Part(place.account, place.root, place.version, part)


def _name(pack: int) -> str:
    return f"{pack:016x}{_SUFFIX}"


def _number(name: str) -> int | None:
    digits = name.removesuffix(_SUFFIX)
    if len(digits) == 16 and not set(digits) - set("0123456789abcdef"):
        return int(digits, 16)
    return None
