"""What has become of a watched path, sealed: a file's next version, its move, its deletion.

A new or changed file is the next version in its matter. A file that moved keeps its matter, and the
move is recorded there, as is a deletion: each a small text, sealed like everything; evidence is never
deleted. Moves are found by the file's inode, size and time, so those made while nothing watched are
found too. That a file is missing is no deletion yet: only who has looked for it in all that is watched
calls `gone`.
"""

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.company.capture.config import Provenance
from ledger.company.capture.index import Known, Place, State
from ledger.company.capture.intake import Intake, Item, item_key
from ledger.company.capture.journal import Journal, Kind
from ledger.company.capture.looking import (
    GONE,
    Root,
    is_gone,
    state_of_source,
    state_of_stat,
    state_values,
    stated_times,
)
from ledger.company.documents import Document
from ledger.company.noting import sentences
from ledger.company.sealing.collecting import collect, text_of_name
from ledger.company.sealing.sources import FileSource, MemorySource
from ledger.errors import InvalidInput, SourceChanged
from ledger.language import iso
from ledger.program import tool_name
from ledger.quoted import quoted

_UNQUIET = "while it was written to; what is sealed may be half a change"


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at a path, what was last captured there, and where files in this very state were.

    Where `known` holds something, nobody has asked for `same`.
    """

    found: os.stat_result | OSError
    known: Known | None
    same: Sequence[str]


class Changes:
    """Hands what became of a path to the intake; `since` says when it was noticed."""

    def __init__(
        self,
        intake: Intake,
        journal: Journal,
        clock: Callable[[], float],
        since: Callable[[str], float],
        spooled: Callable[[], None],
    ) -> None:
        self._intake = intake
        self._index = intake.index
        self._journal = journal
        self._clock = clock
        self._since = since
        self._spooled = spooled
        self._lock = threading.Lock()
        self._leaving: set[str] = set()

    def standing(self, paths: Sequence[str]) -> dict[str, Standing]:
        """Return what `look` wants to know of each of these paths. Raises StorageFailed."""
        found = {path: _lstat(path) for path in paths}
        known = self._index.at_all(paths)
        states = {
            path: state_of_stat(info)
            for path, info in found.items()
            if not isinstance(info, OSError) and path not in known
        }
        same = self._index.with_states(set(states.values()))
        return {
            path: Standing(
                found[path], known.get(path), same[states[path]] if path in states else ()
            )
            for path in paths
        }

    def look(
        self,
        root: Root,
        path: str,
        standing: Standing | None = None,
        *,
        unquiet: bool = False,
        later: Callable[[Item], None] | None = None,
    ) -> bool:
        """Record what has become of a path, and return whether a file that was recorded is missing.

        `standing` is of a moment ago. An `unquiet` file is sealed as a copy, which does not change
        meanwhile; the next version of any other goes to `later`, where there is such, for `take`.
        Raises SourceChanged, InvalidInput, StorageFailed.
        """
        stands = standing or self.standing([path])[path]
        info, known = stands.found, stands.known
        if isinstance(info, OSError) and not isinstance(info, GONE):
            raise InvalidInput(f"{quoted(path)} cannot be read: {info.strerror}.") from info
        if isinstance(info, OSError) or not stat.S_ISREG(info.st_mode):
            return known is not None and known.state is not None
        if known is not None and known.state == state_of_stat(info):
            return False
        for before in stands.same:
            if is_gone(before):
                self._moved(root, before, path, info)
                return False
        if unquiet:
            self._copied(root, path, known)
        else:
            (later or self._take)(self._version(root, path, known))
        return False

    def take(self, items: Sequence[Item]) -> list[Exception | None]:
        """Record versions that `look` has found; return for each why it was not."""
        since = [self._since(each.path) for each in items]
        outcomes = self._intake.take_all(items)
        for item, began, taken in zip(items, since, outcomes, strict=True):
            if not isinstance(taken, Exception):
                self._journal.expect(taken.name, began)
                self._journal.note(
                    Kind.SEALED,
                    item.path,
                    sentences(taken.meta.notices),
                    identity=taken.commitment,
                )
        self._spooled()
        return [each if isinstance(each, Exception) else None for each in outcomes]

    def missing(self, path: str) -> State | None:
        """Return the state last recorded of the file at a path, None where none should stand."""
        known = self._index.at(path)
        return None if known is None else known.state

    def is_new(self, path: str, state: State) -> bool:
        """Return whether the index does not know yet that a file in this state stands at a path."""
        return self.missing(path) != state

    def gone(self, root: Root, path: str) -> None:
        """Record that a file was deleted, which stands nowhere else either.

        Raises SourceChanged, StorageFailed.
        """
        with self._leaves(path):
            known = self._index.at(path)
            if known is None or known.state is None or not is_gone(path):
                return
            if not Path(root.watch.folder).is_dir():
                return
            # It may have been moved over another file, in whose matter it then stands.
            others = [each for each in self._index.with_state(known.state) if each != path]
            same = others[0] if others else ""
            self._record(root, "deleted", path, Place(path, None), known.row, same)

    @contextlib.contextmanager
    def _leaves(self, path: str) -> Iterator[None]:
        """Have one thread at a time say what became of a file that has left its path."""
        with self._lock:
            if path in self._leaving:
                raise SourceChanged(f"{quoted(path)} is being recorded")
            self._leaving.add(path)
        try:
            yield
        finally:
            with self._lock:
                self._leaving.discard(path)

    def _version(self, root: Root, path: str, known: Known | None) -> Item:
        (document,) = collect(Path(path), tool_name()).documents
        source = document.source
        assert isinstance(source, FileSource)
        info = os.lstat(path)
        if state_of_stat(info) != state_of_source(source):
            raise SourceChanged(f"{quoted(path)} changed while it was looked at")
        return self._next_version(root, path, known, document, info)

    def _copied(self, root: Root, path: str, known: Known | None) -> None:
        with self._intake.copied(path) as (copy, info):
            (document,) = collect(copy, tool_name()).documents
            document = replace(document, origin=text_of_name(path))
            stated = (("copied", _UNQUIET),)
            self._take(self._next_version(root, path, known, document, info, stated))

    def _next_version(
        self,
        root: Root,
        path: str,
        known: Known | None,
        document: Document,
        info: os.stat_result,
        stated: Provenance = (),
    ) -> Item:
        state = state_of_stat(info)
        self._journal.note(Kind.CAME_IN, path)
        return Item(
            key=item_key("file", path, known.row if known else 0, *state_values(state)),
            documents=(document,),
            title=document.name,
            path=path,
            rule=root.watch.rule,
            topic=text_of_name(path),
            provenance=(("path", text_of_name(path)), *stated_times(info), *stated),
            place=Place(path, state),
            receipt_beside=root.watch.receipts_beside,
        )

    def _moved(self, root: Root, before: str, path: str, info: os.stat_result) -> None:
        with self._leaves(before):
            known = self._index.at(before)
            if known is None or known.state is None:
                raise SourceChanged(f"{quoted(before)} has been recorded meanwhile")
            self._record(root, "moved", path, Place(path, state_of_stat(info), before), known.row)

    def _record(
        self, root: Root, what: str, path: str, place: Place, row: int, same: str = ""
    ) -> None:
        """Seal a small text that tells of a move or a deletion, in the file's matter."""
        at = iso(self._clock())
        fields = [("event", what), ("path", text_of_name(place.before or path))]
        if place.before:
            fields.append(("to", text_of_name(path)))
        if same:
            fields.append(("the same file stands at", text_of_name(same)))
        fields += [("noticed", at), ("by", tool_name())]
        text = "".join(f"{name}: {value}\n" for name, value in fields).encode()
        self._journal.note(Kind.CAME_IN, path, what)
        self._take(
            Item(
                key=item_key(what, path, place.before or "", row),
                documents=(
                    Document(
                        MemorySource(text),
                        f"{what}.txt",
                        modified=int(self._clock()),
                        media_type="text/plain",
                        tool=tool_name(),
                    ),
                ),
                title=f"{Path(place.before or path).name} ({what})",
                path=path,
                rule=root.watch.rule,
                topic=text_of_name(path),
                provenance=(
                    ("record", "made by this software, not a file that was found"),
                    *fields,
                ),
                place=place,
            ),
        )

    def _take(self, item: Item) -> None:
        (error,) = self.take([item])
        if error is not None:
            raise error


def _lstat(path: str) -> os.stat_result | OSError:
    try:
        return os.lstat(path)
    except OSError as error:
        return error
