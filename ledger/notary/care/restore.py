"""Restore without a fork, into the directory, a PostgreSQL database or a bucket.

A restore that continued from an older checkpoint than the last one signed would fork the ledger: two
histories under one key, provable by anyone. So it is refused wherever a newer or another checkpoint is
known. What it does continue from, the first block after it says publicly, in a `recovery` statement.

The rows are put together and checked as SQLite files, and moved to a server then, as `migrate` does.

What the ledger says was deleted is deleted again (`deleted`), and the desk is marked as an older copy,
by which nothing else is (ADR 72).
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.chain.office import RESTORED, Recovery
from ledger.chain.trust import Trust
from ledger.disk.files import make_folder, write_durably
from ledger.errors import (
    Conflict,
    InvalidInput,
    LedgerFault,
    NotFound,
    NotSigning,
    SealbookError,
    StorageFailed,
)
from ledger.notary.anchoring.witnesses import cosigned, witnesses_of
from ledger.notary.care import movingfiles, movingrows
from ledger.notary.care.backup import Books, copy_rows, copy_staff_desk
from ledger.notary.care.copying import CLAIM, LEFT_OUT, Copying, hooked, storage
from ledger.notary.care.deleted import Undone, redo
from ledger.notary.care.manifest import Manifest, read_manifest, require_small_files
from ledger.notary.care.movingfiles import FOLDERS, BucketSide, FolderSide
from ledger.notary.care.replaying import Mirror, replay
from ledger.notary.care.whereabouts import settle
from ledger.notary.clock import Clock, ClockWatch, utc
from ledger.notary.desk.reviewing import BY_A_RESTORE, put_back
from ledger.notary.orders import StateRecovery, format_order
from ledger.notary.ports import Hook, SignedCheckpoint, Step, no_check, no_hook
from ledger.notary.selfcheck import read_trust
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.sequencing.forks import require_high_water
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.bucket import claim_bucket, open_bucket
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import open_staff_desk
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.highwater import open_high_water
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.office import OfficeDatabase
from ledger.notary.storage.records import record_folder
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.stores import (
    open_envelopes,
    open_landmark,
    open_log,
    open_records,
    open_server,
)
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Server

MISSING: Message = (
    "Restoring would fork the ledger. Bring a newer backup; or the `log` folder and "
    "`checkpoints.sqlite` of the lost machine, from which `sealbook notary fsck --rebuild` goes on; or "
    "let a mirror give back what is missing: `sealbook notary restore --mirror`."
)
_ROWS = (place.LEDGER, place.CHECKPOINTS, place.ANCHORS, place.DESK)


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored ledger: the checkpoint from which it goes on; of when its desk is, POSIX seconds.

    `deleted` was deleted again because notices say so, `held` is under a legal hold and was not.
    `since` is None where the source does not say when it was made.
    """

    last: SignedCheckpoint
    since: int | None
    deleted: tuple[Undone, ...]
    held: tuple[Undone, ...]


def restore(
    source: Path,
    directory: Path,
    *,
    database: str | None = None,
    objects: str | None = None,
    checkpoints: Path | None = None,
    mirror: Mirror | None = None,
    clock: Clock,
    random: Callable[[int], bytes],
    hook: Hook = no_hook,
) -> Restored:
    """Make a notary's directory from a backup.

    Args:
        source: A directory that `backup` has made, or a whole notary directory that nobody uses.
        directory: New or empty; a surviving `checkpoints.sqlite` may lie in it, and is heeded.
        database: The URL of an empty PostgreSQL database for the rows; None for SQLite files.
        objects: The URL of an unused place in a bucket for all but rows and keys; None for folders.
        checkpoints: Another surviving `checkpoints.sqlite` to heed.
        mirror: Who has kept more of the ledger than the backup: what it lacks is entered.
        clock: What time it is.
        random: Returns that many random bytes.
        hook: Called around each durable step.

    Raises LedgerFault when a newer or another checkpoint than the backup's last is known: going on from
    the backup would fork the ledger; or where the backup is not what its manifest says. Conflict when
    the directory is not empty, or the database or bucket is used; NotFound; StorageFailed.
    """
    settings = place.read_settings(source)
    if settings.database is not None or settings.objects is not None:
        raise InvalidInput(
            f"{quoted(source)} is no backup: its rows or files lie on a server. Name a directory that "
            "`sealbook notary backup` has made."
        )
    goal = replace(
        settings, database=place.parse_database(database), objects=place.parse_objects(objects)
    )
    manifest = read_manifest(source)
    strange = not (directory / place.LOCK).exists()
    make_folder(directory)

    def build(folder: Path) -> None:
        if server is not None:
            server.clear()
        _, trust = read_trust(source / settings.trust_file)
        with hooked(hook, Step.RESTORE_FILES), _opened(source) as books:
            if mirror is None:
                _require_not_behind(books.signed, goal, trust, known)
            room, never = DiskRoom(directory, reserve=0, tight=0), threading.Event()
            _copy_files(source, folder, goal, room)
            copy_rows(books, folder, open_log(folder, goal), room, never)
            _restore_staff_desk(source, folder)
        if mirror is not None:
            keys = place.read_keys(folder, goal, trust)
            replay(folder, open_log(folder, goal), mirror, trust, keys)
            with closing(CheckpointDatabase(folder / place.CHECKPOINTS)) as signed:
                _require_not_behind(signed, goal, trust, known)
        last = _take_up(folder, goal, trust, clock, random)
        made.append(_delete_again(folder, goal, last, manifest))
        if server is not None:
            _move_rows(folder, server, trust)
        office = OfficeDatabase(folder / place.OFFICE if server is None else server)
        try:
            office.give(*format_order(StateRecovery(Recovery(RESTORED, last.size, last.root))))
        finally:
            office.close()
        settled = place.settings_naming(folder, database=goal.database, objects=goal.objects)
        write_durably(folder / place.SETTINGS, settled, 0o600)
        if goal.objects is not None:  # from now on nobody fills it anew
            open_bucket(goal.objects).delete([CLAIM])

    made: list[Restored] = []
    with (
        storage(directory),
        _unused(source),
        place.lock(directory),
        _tidy(directory, strange),
        open_server(goal, founding=True) as server,
    ):
        if server is not None:
            server.lead.require_alone()
        place.settle(directory, hook)
        known = [
            last
            for path in (directory / place.CHECKPOINTS, checkpoints)
            if path is not None and path.exists() and (last := _last(path)) is not None
        ]
        allowed = tuple(f"{place.CHECKPOINTS}{suffix}" for suffix in ("", "-wal", "-shm"))
        place.fill(directory, allowed, build, hook)
        if server is not None:
            server.place()
            for each in allowed:
                (directory / each).unlink(missing_ok=True)
    return made[0]


def _copy_files(source: Path, folder: Path, goal: Settings, room: DiskRoom) -> None:
    elsewhere = FOLDERS if goal.objects is not None else ()
    with Copying(room, threading.Event()) as copying:
        copying.mirror(source, folder, (*LEFT_OUT, *elsewhere))
    manifest = read_manifest(source)
    if manifest is not None:
        require_small_files(folder, manifest)
    if goal.objects is None:
        return
    (folder / place.UPLOADS).mkdir(mode=0o700)
    bucket = claim_bucket(goal.objects, goal.origin, CLAIM)
    ours, theirs = FolderSide(source), BucketSide(bucket)
    movingfiles.copy_files(ours, theirs, _uncounted)
    movingfiles.verify_files(ours, theirs, _uncounted)


def _move_rows(folder: Path, server: "Server", trust: Trust) -> None:
    """Move the rows of a directory to a server."""
    movingrows.copy_rows(lambda name: folder / name, lambda _: server, _uncounted)
    movingrows.verify_rows(lambda name: folder / name, lambda _: server, trust, _uncounted)
    for name in _ROWS:
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _uncounted(_: int) -> None:
    pass


def _restore_staff_desk(source: Path, folder: Path) -> None:
    """Copy the desk, where the backup has one."""
    if not (source / place.DESK).exists():
        return
    origin = place.read_settings(source).origin
    waiting = record_folder(source / place.REQUESTS)
    desk = open_staff_desk(source / place.DESK, origin, waiting, reading=True)
    try:
        copy_staff_desk(desk, folder)
    finally:
        desk.close()


def _require_not_behind(
    signed: CheckpointDatabase, goal: Settings, trust: Trust, known: list[SignedCheckpoint]
) -> None:
    """Raise LedgerFault where a surviving checkpoint, the high-water mark or a witness knows more.

    Who cannot be asked now is asked when the notary starts, before it signs.
    """
    last = signed.last()
    assert last is not None
    for each in known:
        if each.size > last.size:
            raise LedgerFault(
                f"The backup ends at {last.size} entries, but a checkpoint over {each.size} was "
                f"signed after it. {MISSING}"
            )
        found = signed.at_size(each.size)
        if found is None or found.note != each.note:
            raise LedgerFault(
                f"The backup's checkpoint over {each.size} entries is not the one that was "
                "signed: the backup is another ledger's, or a fork. It is not restored."
            )
    mark = open_high_water(goal.high_water, goal.origin)
    if mark is not None:
        with contextlib.suppress(NotSigning):
            require_high_water(trust, last, signed.at_size, mark.note())
    urls = [each.url for each in witnesses_of(trust.policy)]
    with ThreadPoolExecutor(max(1, len(urls))) as pool:
        sizes = pool.map(lambda each: cosigned(each, last.note), urls)
        for url, size in zip(urls, sizes, strict=True):
            if size is not None and size > last.size:
                raise LedgerFault(
                    f"The witness {quoted(url)} has cosigned {size} entries, and the backup ends at "
                    f"{last.size}. {MISSING}"
                )


def _delete_again(
    folder: Path, goal: Settings, last: SignedCheckpoint, manifest: Manifest | None
) -> Restored:
    """Delete what the ledger says was deleted, and mark the desk, in which nobody is signed in now.

    The rows are still in files. A backup of an older release has no landmark beside its ciphertext.
    """
    since = None if manifest is None else manifest.time
    if not (folder / place.DESK).exists():
        return Restored(last, since, (), ())
    here = replace(goal, database=None)
    with contextlib.ExitStack() as stack:
        store = LedgerDatabase(folder / place.LEDGER)
        stack.callback(store.close)
        desk = open_staff_desk(
            folder / place.DESK, goal.origin, record_folder(folder / place.REQUESTS)
        )
        stack.callback(desk.close)
        envelopes = stack.enter_context(open_envelopes(folder, here, require_here=no_check))
        settle(open_landmark(folder, here), store, envelopes)
        done, left = redo(store, envelopes, open_records(folder, here), desk)
        desk.shut_doors()
        put_back(desk, BY_A_RESTORE, "copy" if since is None else f"backup {utc(since)}")
    return Restored(last, since, tuple(done), tuple(left))


def _take_up(
    folder: Path, goal: Settings, trust: Trust, clock: Clock, random: Callable[[int], bytes]
) -> SignedCheckpoint:
    """Return the last checkpoint of a copy, refused where it is not whole."""
    with (
        closing(CheckpointDatabase(folder / place.CHECKPOINTS)) as signed,
        closing(LedgerDatabase(folder / place.LEDGER)) as store,
    ):
        writer = BlockWriter(
            store,
            signed,
            open_log(folder, goal),
            place.read_keys(folder, goal, trust),
            trust,
            ClockWatch(clock),
            random,
            no_hook,
            accepted=place.read_accepted(folder),
        )
        writer.recover()
        last = signed.last()
        assert last is not None
        return last


def _last(path: Path) -> SignedCheckpoint | None:
    database = CheckpointDatabase(path)
    try:
        return database.last()
    finally:
        database.close()


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[Books]:
    """Yield a backup's rows for reading; it may lie on a disk that nobody can write."""
    with contextlib.ExitStack() as stack:
        signed = CheckpointDatabase(source / place.CHECKPOINTS, reading=True)
        stack.callback(signed.close)
        store = LedgerDatabase(source / place.LEDGER, reading=True)
        stack.callback(store.close)
        anchors = None
        if (source / place.ANCHORS).exists():
            anchors = AnchorDatabase(source / place.ANCHORS, reading=True)
            stack.callback(anchors.close)
        newest = signed.last()
        if newest is None:
            raise NotFound("The backup holds no signed checkpoint.")
        yield Books(store, signed, anchors, None, newest)


@contextlib.contextmanager
def _unused(source: Path) -> Iterator[None]:
    """Hold a source that a notary may use; one on read-only media is used by none.

    Raises Conflict where the last step of a backup was cut short, and cannot be finished there.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(StorageFailed):
            stack.enter_context(place.lock(source))
            place.settle(source, no_hook)
        if (source / place.READY).is_dir():
            raise Conflict(
                f"The last step of the backup in {quoted(source)} was cut short. Copy the directory to "
                "a disk that can be written, and restore from there."
            )
        yield


@contextlib.contextmanager
def _tidy(directory: Path, strange: bool) -> Iterator[None]:
    """Leave nothing in a directory that no notary used before, when a restore into it is refused."""
    try:
        yield
    except SealbookError:
        shutil.rmtree(directory / place.INCOMPLETE, ignore_errors=True)
        if strange:
            (directory / place.LOCK).unlink(missing_ok=True)
        raise
