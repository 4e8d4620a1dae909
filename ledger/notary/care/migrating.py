"""Moves a ledger between the directory and PostgreSQL, or a bucket; bytes stay the same (ADR 0061).

Everything is copied and compared while notary.toml still names the old place, so a copy that was cut
short costs nothing. The last step begins with a mark under which nothing of the notary is opened. Then
the old place is marked, the new one gets its name, notary.toml names it, and the first mark goes: of
the two places at most one can be opened at any moment, whenever the machine stops.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.disk.files import make_folder, write_durably
from ledger.errors import Conflict, InvalidInput
from ledger.notary.care import movingfiles, movingrows
from ledger.notary.care.copying import CLAIM, storage
from ledger.notary.care.movingfiles import FOLDERS, BucketSide, FolderSide, Side
from ledger.notary.care.whereabouts import count_missing, settle
from ledger.notary.ports import Hook, Step, no_hook
from ledger.notary.selfcheck import read_trust
from ledger.notary.storage import directory as place
from ledger.notary.storage import moving
from ledger.notary.storage.bucket import claim_bucket, open_bucket
from ledger.notary.storage.connections import BESIDE
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.landmark import NotHere
from ledger.notary.storage.moving import Move
from ledger.notary.storage.schema import Place
from ledger.notary.storage.stores import (
    open_books,
    open_envelopes,
    open_landmark,
    open_log,
    open_server,
)
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Server

_DATABASES = (place.LEDGER, place.CHECKPOINTS, place.OFFICE, place.ANCHORS, place.DESK, place.PACKS)

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do, entries or bytes; each is gone through twice."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: the ledger's size, and the files, where each was. `left` names the old places.

    `missing` counts the deposits that name an age file which was not there to be moved.
    """

    size: int | None
    files: int | None
    left: tuple[str, ...]
    missing: int = 0


def migrate(
    directory: Path,
    *,
    database: str | None,
    objects: str | None,
    rows_progress: Progress = lambda _done, _total: None,
    files_progress: Progress = lambda _done, _total: None,
    hook: Hook = no_hook,
) -> Moved:
    """Let rows lie in `database` and files in `objects`, None for the directory; say what was moved.

    Stop every process of the notary first. Given again after it was cut short, it goes on.

    Raises InUse while the notary runs; Conflict where the new place holds something else, or the ledger
    lies there already; InvalidInput; LedgerFault where what was copied is not what was there;
    StorageFailed, also where the ciphertext as a whole is not where it should be.
    """
    with storage(directory), place.lock(directory):
        place.settle(directory, hook)
        under_way = moving.read_move(directory)
        settings = place.read_settings_of_any(directory)
        if under_way is not None:
            if (under_way.database, under_way.objects) != (database, objects):
                raise Conflict(
                    "Another move of this ledger is at its last step. Give the command again with the "
                    "places that it was given then."
                )
            old = replace(settings, database=under_way.old_database, objects=under_way.old_objects)
            with _held(old) as server:
                if _is_shut(under_way, server):
                    moved = Moved(None, None, _left(directory, old, under_way))
                    return _switch(directory, old, under_way, moved, hook)
            moving.end(directory)
        settings = place.read_settings(directory)
        move = Move(settings.database, settings.objects, database, objects)
        _require_sensible(move)
        size, files, missing = None, None, 0
        with _held(settings) as held:
            if objects != settings.objects:
                missing = _missing(directory, settings, held)
            if database != settings.database:
                size = _move_rows(directory, settings, database, rows_progress)
            if objects != settings.objects:
                files = _move_files(directory, settings, objects, files_progress)
            moved = Moved(size, files, _left(directory, settings, move), missing)
            moving.begin(directory, move)
            hook(Step.MOVE, "before")
            return _switch(directory, settings, move, moved, hook)


@contextmanager
def _held(settings: Settings) -> "Iterator[Server | None]":
    """Hold the server that the settings name, alone."""
    with open_server(settings) as server:
        if server is not None:
            server.lead.require_alone()
            server.require_no_other()
        yield server


def _require_sensible(move: Move) -> None:
    old, new = (move.old_database, move.old_objects), (move.database, move.objects)
    if old == new:
        raise Conflict("The ledger lies there already; there is nothing to move.")
    for before, after in zip(old, new, strict=True):
        if before != after and None not in (before, after):
            raise InvalidInput(
                "From one server to another of its kind a ledger goes with the tools of these: stop "
                "the notary, copy, and change notary.toml. Or move it into the directory first."
            )


def _move_rows(
    directory: Path, settings: Settings, database: str | None, progress: Progress
) -> int:
    goal = replace(settings, database=database)
    with open_server(settings) as source, open_server(goal, founding=True) as target:
        if target is not None:
            target.require_unused()
            target.lead.require_alone()
        else:
            _claim_folder(directory, _DATABASES)
        old, new = _at(directory, source), _at(directory, target)
        _, trust = read_trust(directory / settings.trust_file)
        total = 2 * movingrows.count_entries(old)
        count = _Count(lambda done: progress(done, total))
        movingrows.copy_rows(old, new, count)
        last = movingrows.verify_rows(old, new, trust, count)
    return last.size


def _missing(directory: Path, settings: Settings, server: "Server | None") -> int:
    """Return how many deposits name what is not there. Raises StorageFailed where nothing is."""
    with (
        open_books(directory, settings, server) as (store, _),
        open_envelopes(directory, settings, server, own=True) as envelopes,
    ):
        landmark = open_landmark(directory, settings)
        if not settle(landmark, store, envelopes):
            raise NotHere(landmark.gone)
        return count_missing(store, envelopes)


def _move_files(
    directory: Path, settings: Settings, objects: str | None, progress: Progress
) -> int:
    goal = replace(settings, objects=objects)
    if objects is not None:
        claim_bucket(objects, settings.origin, CLAIM)
        make_folder(directory / place.UPLOADS)
        (directory / place.UPLOADS).chmod(0o700)
    else:
        _claim_folder(directory, FOLDERS)
        for name in (place.OBJECTS, place.RECORDS, place.LOG):
            make_folder(directory / name)
            (directory / name).chmod(0o700)
    source, target = _side(directory, settings), _side(directory, goal)
    total = 2 * movingfiles.total_bytes(source)
    count = _Count(lambda done: progress(done, total))
    movingfiles.copy_files(source, target, count)
    movingfiles.copy_signed(open_log(directory, settings).signed, open_log(directory, goal).signed)
    return movingfiles.verify_files(source, target, count)


def _is_shut(move: Move, server: "Server | None") -> bool:
    """Whether nobody can have gone on in the old place since the last step of a move began.

    The directory is shut by the mark with which that step begins. Other hosts may reach a server.
    """
    if move.database != move.old_database:
        return server is None or server.is_left()
    assert move.objects != move.old_objects
    return move.old_objects is None or open_bucket(move.old_objects).size(moving.MOVED) is not None


def _switch(directory: Path, old: Settings, move: Move, moved: Moved, hook: Hook) -> Moved:
    """Take the last step, or what is left of it: everything in it may be done twice."""
    rows, files = move.database != move.old_database, move.objects != move.old_objects
    goal = replace(old, database=move.database, objects=move.objects)
    with open_server(old) as source:
        if rows and source is not None:
            source.leave()
    if files and move.old_objects is not None:
        open_bucket(move.old_objects).put(moving.MOVED, old.origin.encode(), {})
    hook(Step.PLACE, "before")
    if rows:
        with open_server(goal, founding=True) as target:
            if target is not None:
                target.place()
    moving.note_engine(directory, server=move.database is not None, bucket=move.objects is not None)
    hook(Step.PLACE, "after")
    place.name_places(directory, database=move.database, objects=move.objects)
    hook(Step.MOVE, "after")
    if files and move.objects is not None:
        open_bucket(move.objects).delete([CLAIM])
    (directory / CLAIM).unlink(missing_ok=True)
    moving.end(directory)
    return moved


def _left(directory: Path, old: Settings, move: Move) -> tuple[str, ...]:
    """Return what is left behind: files and folders of the directory, or what a server is called."""
    found: list[str] = []
    if move.database != move.old_database:
        if move.old_database is None:
            found += (each for each in _with_logs(_DATABASES) if (directory / each).exists())
        else:
            with open_server(old) as server:
                found.append(f"{server}")
    if move.objects != move.old_objects:
        if move.old_objects is None:
            found += (each for each in FOLDERS if (directory / each).exists())
        else:
            found.append(open_bucket(move.old_objects).name)
    return tuple(found)


def _claim_folder(directory: Path, names: tuple[str, ...]) -> None:
    """Begin to fill the directory, or go on with it. Raises Conflict where something lies there."""
    claim = directory / CLAIM
    begun = claim.read_text("utf-8").splitlines() if claim.exists() else []
    if names[0] in begun:
        return
    found = [each for each in _with_logs(names) if _holds(directory / each)]
    if found:
        raise Conflict(
            f"{quoted(directory)} still holds what the ledger has left there before: "
            f"{quoted(', '.join(found))}. Move these away, out of the directory, then give the "
            "command again."
        )
    write_durably(claim, "".join(f"{each}\n" for each in [*begun, names[0]]).encode(), 0o600)


def _with_logs(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return files or folders, and what SQLite keeps beside those that are databases."""
    return tuple(f"{name}{suffix}" for name in names for suffix in ("", *BESIDE))


def _holds(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _at(directory: Path, server: "Server | None") -> Callable[[str], Place]:
    return lambda name: directory / name if server is None else server


def _side(directory: Path, settings: Settings) -> Side:
    if settings.objects is None:
        return FolderSide(directory)
    return BucketSide(open_bucket(settings.objects))


class _Count:
    """Adds up what is done."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress, self._done = progress, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._progress(self._done)
