"""What has become of a watched path, sealed: a file's next version, its move, its deletion.

A new or changed file is the next version in its matter. A file that moved keeps its matter, and the
move is recorded there, as is a deletion: each a small text, sealed like everything; evidence is never
deleted. Moves are found by the file's inode, size and time, so those made while nothing watched are
found too.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ledger.company.capture.index import Place
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
from ledger.company.sealing.collecting import collect, text_of_name
from ledger.company.sealing.sources import FileSource, MemorySource
from ledger.errors import InvalidInput, SourceChanged
from ledger.language import iso
from ledger.program import tool_name
from ledger.quoted import quoted


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

    def look(self, root: Root, path: str) -> None:
        """Record what has become of a path since it was last looked at.

        Raises SourceChanged, InvalidInput, StorageFailed.
        """
        try:
            info = os.lstat(path)
        except GONE:
            self._gone(root, path)
            return
        except OSError as error:
            raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
        if not stat.S_ISREG(info.st_mode):
            self._gone(root, path)
            return
        known = self._index.at(path)
        if known is not None and known.state == state_of_stat(info):
            return
        if known is None:
            for before in self._index.with_state(state_of_stat(info)):
                if is_gone(before):
                    self._moved(root, before, path, info)
                    return
        self._version(root, path)

    def _version(self, root: Root, path: str) -> None:
        collected = collect(Path(path), tool_name())
        source = collected.documents[0].source
        assert isinstance(source, FileSource)
        info = os.lstat(path)
        state = state_of_source(source)
        if state_of_stat(info) != state:
            raise SourceChanged(f"{quoted(path)} changed while it was looked at")
        known = self._index.at(path)
        self._journal.note(Kind.CAME_IN, path)
        self._take(
            Item(
                key=item_key("file", path, known.row if known else 0, *state_values(state)),
                documents=collected.documents,
                title=Path(path).name,
                path=path,
                rule=root.watch.rule,
                topic=text_of_name(path),
                provenance=(("path", text_of_name(path)), *stated_times(info)),
                place=Place(path, state),
                receipt_beside=root.watch.receipts_beside,
            ),
        )

    def _moved(self, root: Root, before: str, path: str, info: os.stat_result) -> None:
        known = self._index.at(before)
        if known is None or known.state is None:
            return
        self._record(root, "moved", path, Place(path, state_of_stat(info), before), known.row)

    def _gone(self, root: Root, path: str) -> None:
        known = self._index.at(path)
        if known is None or known.state is None or not Path(root.watch.folder).is_dir():
            return
        # It may have been moved over another file, in whose matter it then stands.
        others = [each for each in self._index.with_state(known.state) if each != path]
        same = others[0] if others else ""
        self._record(root, "deleted", path, Place(path, None), known.row, same)

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
        since = self._since(item.path)
        taken = self._intake.take(item)
        self._journal.expect(taken.name, since)
        self._journal.note(Kind.SEALED, item.path, identity=taken.commitment)
        self._spooled()
