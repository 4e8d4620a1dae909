"""The doctor's look at what lies here: disk, permissions, databases, keys, clock, options, backup."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from time import monotonic

from sqlite_utils import Database

from ledger.chain.block import Block, parse_block
from ledger.chain.certificate import validity
from ledger.chain.statement import parse_statement
from ledger.errors import InvalidInput, LedgerFault, NotFound, NotSigning
from ledger.notary.care.doctor import NEEDED, Case, Check, Diagnosis, Level
from ledger.notary.care.ntp import Discipline, discipline
from ledger.notary.care.whereabouts import is_here
from ledger.notary.clock import TOLERANCE
from ledger.notary.desk.reviewing import OLDER, REVIEW, unreviewed
from ledger.notary.options import Chosen, choose, unknown_variables
from ledger.notary.ports import SignedCheckpoint
from ledger.notary.selfcheck import SEAL_WARNING, key_faults, read_trust
from ledger.notary.sequencing.forks import require_high_water
from ledger.notary.storage import directory as place
from ledger.notary.storage.connections import reading_uri
from ledger.notary.storage.highwater import open_high_water
from ledger.notary.storage.landmark import TO_DO, Landmark
from ledger.notary.storage.room import RESERVE, ROOM_FOR_ONE, SPARE_FILES, TIGHT
from ledger.notary.storage.sqlite import sqlite3
from ledger.notary.storage.stores import (
    open_books,
    open_desk,
    open_envelopes,
    open_landmark,
    open_log,
    open_server,
)
from ledger.quoted import Message, Quoted, quoted

READING = 5.0
"""Seconds for reading through the databases; `fsck` reads all of them."""
STALE_BACKUP = 7 * 86_400
"""Seconds after which a backup counts as old."""
DAY = 86_400
DATABASES = (*NEEDED, place.OFFICE, place.ANCHORS, place.DESK, place.PACKS)
_VARIABLES = ("SEALBOOK_NOTARY_DIR",)
_EVERY = 10_000
"""Steps of SQLite between looks at the clock."""


def files(directory: Path) -> Iterator[Check]:
    """Yield the checks that need no settings."""
    yield "disk", partial(_disk, directory)
    yield "permissions", partial(_permissions, directory)
    yield "databases", partial(_databases, directory)


def settled(case: Case) -> Iterator[Check]:
    """Yield the checks of what the settings say."""
    yield "settings", partial(_settings, case)
    yield "ledger", partial(_ledger, case)
    yield "objects", partial(_objects, case)
    if case.settings.database is not None:
        yield "standby", partial(_standby, case)
    yield "clock", partial(_clock, case)
    yield "keys", partial(_keys, case)
    yield "desk", partial(_desk, case)
    yield "backup", partial(_backup, case)
    yield "high-water", partial(_high_water, case)


def _disk(directory: Path) -> Iterator[Diagnosis]:
    found = os.statvfs(directory)
    free = found.f_bavail * found.f_frsize
    left = free - RESERVE
    own = os.geteuid() in (directory.stat().st_uid, 0)
    room: Message = (
        f"{free >> 20} MiB are free; {RESERVE >> 20} MiB of them are the ledger's reserve."
    )
    if found.f_flag & os.ST_RDONLY or (own and not os.access(directory, os.W_OK)):
        yield Diagnosis(
            "disk",
            Level.MEND,
            "The directory cannot be written, so nothing is entered.",
            "Mend the disk, or mount it for writing.",
        )
    elif found.f_files and found.f_favail < SPARE_FILES:
        yield Diagnosis(
            "disk",
            Level.MEND,
            f"The file system can make only {found.f_favail} more files, so nothing is entered.",
            "Make room, or move the notary to a file system with more inodes.",
        )
    elif left < ROOM_FOR_ONE:
        yield Diagnosis("disk", Level.MEND, room, "Make room: deposits are refused.")
    elif left < TIGHT:
        yield Diagnosis(
            "disk", Level.LOOK, room, "Make room: what is left is shared out among the accounts."
        )
    else:
        yield Diagnosis("disk", Level.OK, room)


def _permissions(directory: Path) -> Iterator[Diagnosis]:
    owner = directory.stat().st_uid
    stats = {path: path.stat() for path in _private(directory) if path.exists()}
    open_to_others = [path for path, each in stats.items() if each.st_mode & 0o077]
    if open_to_others:
        yield Diagnosis(
            "permissions",
            Level.MEND,
            f"{_listed(open_to_others)} can be used by others than the owner.",
            "Take their rights away with chmod go=, and think of its content as known.",
        )
    strangers = [path for path, each in stats.items() if each.st_uid != owner]
    if strangers:
        yield Diagnosis(
            "permissions",
            Level.MEND,
            f"{_listed(strangers)} belongs to another user than the directory does.",
            "Give it to the directory's owner with chown.",
        )
    if os.geteuid() not in (owner, 0):
        yield Diagnosis(
            "permissions",
            Level.LOOK,
            "The directory belongs to another user, so not everything could be looked at.",
            "Run this as the user who owns it.",
        )
    if not open_to_others and not strangers:
        yield Diagnosis("permissions", Level.OK, "Keys and databases are their owner's alone.")


def _listed(paths: list[Path]) -> Quoted:
    return quoted(", ".join(each.name for each in paths))


def _private(directory: Path) -> Iterator[Path]:
    yield directory
    yield from sorted((directory / place.KEYS).glob("*.pem"))
    yield from (directory / each for each in (place.KEYS, *DATABASES))


def _databases(directory: Path) -> Iterator[Diagnosis]:
    until = monotonic() + READING
    for path in (directory / name for name in DATABASES):
        if path.exists():
            yield _database(path, until)


def _database(path: Path, until: float) -> Diagnosis:
    if not stat.S_ISREG(path.stat().st_mode):
        return Diagnosis("databases", Level.MEND, f"{quoted(path)} is no file.", "Put it back.")
    try:
        problem = _read_through(path, until)
    except sqlite3.DatabaseError:  # it was written meanwhile, as what it is not when it is damaged
        try:
            problem = _read_through(path, until)
        except sqlite3.DatabaseError as error:
            problem = str(error)
    if problem is None:
        return Diagnosis("databases", Level.OK, f"{quoted(path)} was read as far as time allowed.")
    if problem == "ok":
        return Diagnosis("databases", Level.OK, f"{quoted(path)} holds together.")
    return Diagnosis(
        "databases",
        Level.MEND,
        f"{quoted(path)} is damaged: {quoted(problem)}.",
        "Stop the service and run `sealbook notary fsck`, which says what heals it.",
    )


def _read_through(path: Path, until: float) -> str | None:
    """Return "ok", or what is wrong; None where time was up."""
    connection = sqlite3.connect(reading_uri(path), uri=True, timeout=1.0)
    with closing(Database(connection, execute_plugins=False)) as database:
        connection.set_progress_handler(lambda: monotonic() > until, _EVERY)
        try:
            return str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError:
            if monotonic() > until:
                return None
            raise


def _ledger(case: Case) -> Iterator[Diagnosis]:
    with open_books(case.directory, case.settings, reading=True) as (store, signed):
        rows, last = store.size(), signed.last()
    size = 0 if last is None else last.size
    if last is None or rows < size:
        yield Diagnosis(
            "ledger",
            Level.MEND,
            f"The database has {rows} entries, and {size} were signed.",
            "Stop the service and run `sealbook notary fsck --rebuild`.",
        )
    elif open_log(case.directory, case.settings).published() is None:
        yield Diagnosis(
            "ledger",
            Level.MEND,
            "No checkpoint is published.",
            "Start the service: it publishes one. Then look again.",
        )
    else:
        yield Diagnosis("ledger", Level.OK, f"{size} entries were signed.")


def _standby(case: Case) -> Iterator[Diagnosis]:
    with open_server(case.settings) as server:
        assert server is not None
        count, waits = server.standbys()
    if waits and not count:
        yield Diagnosis(
            "standby",
            Level.MEND,
            "The database waits for a standby, and none is connected: nothing can be written.",
            "Start the standbys, or let what looks after them change synchronous_standby_names.",
        )
    elif count and not waits:
        yield Diagnosis(
            "standby",
            Level.LOOK,
            f"The database has {count} standbys, and waits for none: a failover can lose what was "
            "answered, and would then be refused.",
            "Set synchronous_standby_names; with Patroni, synchronous_mode.",
        )
    elif count:
        yield Diagnosis(
            "standby", Level.OK, f"What the database confirms is on a standby; it has {count}."
        )
    else:
        yield Diagnosis("standby", Level.OK, "The database has no standby.")


def _objects(case: Case) -> Iterator[Diagnosis]:
    path, bucket = case.directory / place.OBJECTS, case.settings.objects is not None
    landmark = open_landmark(case.directory, case.settings)
    if not bucket and not path.is_dir():
        yield Diagnosis(
            "objects",
            Level.MEND,
            f"{quoted(path)}, where the deposited age files lie, is no folder.",
            "Put it back from the newest backup.",
        )
    elif not bucket and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Diagnosis(
            "objects",
            Level.MEND,
            f"{quoted(path)} cannot be read and written by this user.",
            "Give it to the user who runs the service.",
        )
    elif not _is_here(case, landmark):
        yield Diagnosis(
            "objects",
            Level.MEND,
            f"{quoted(landmark.where)} is not there, or is another ledger's: this is not the place "
            "where the deposited age files lie, or they are gone from it.",
            TO_DO,
        )
    elif bucket:
        yield Diagnosis("objects", Level.OK, "The bucket answers, and is the ledger's.")
    else:
        yield Diagnosis("objects", Level.OK, f"{quoted(path)} can be read and written.")


def _is_here(case: Case, landmark: Landmark) -> bool:
    if landmark.stands():
        return True
    with (
        open_books(case.directory, case.settings, reading=True) as (store, _),
        open_envelopes(case.directory, case.settings, reading=True) as envelopes,
    ):
        return is_here(landmark, store, envelopes)


def options(case: Case) -> tuple[Chosen, ...]:
    """Return how the notary is served. Raises InvalidInput."""
    return choose(case.settings.serve, case.environment)


def _settings(case: Case) -> Iterator[Diagnosis]:
    for name in unknown_variables(case.environment, _VARIABLES):
        yield Diagnosis(
            "settings",
            Level.LOOK,
            f"Nothing reads the variable {quoted(name)}.",
            "Compare it with `sealbook notary config`.",
        )
    path = case.directory / place.SETTINGS
    if case.settings.database is not None and path.stat().st_mode & 0o077:
        yield Diagnosis(
            "permissions",
            Level.MEND,
            f"{quoted(path)}, which may hold the database's password, can be read by others.",
            "Take their rights away with chmod go=, and change the password.",
        )
    try:
        values = {each.option.name: each.value for each in options(case)}
    except InvalidInput as error:
        yield Diagnosis("settings", Level.MEND, str(error), "The service does not start so.")
        return
    if values["log_level"] == "error":
        yield Diagnosis(
            "log",
            Level.LOOK,
            "Warnings are not logged, such as that the seal runs out.",
            "Set log_level to info or warning.",
        )
    else:
        yield Diagnosis(
            "log", Level.OK, f"The log tells of what is at least: {values['log_level']}."
        )
    yield Diagnosis("settings", Level.OK, "notary.toml and the environment are understood.")


def _clock(case: Case) -> Iterator[Diagnosis]:
    block, last = newest(case)
    ahead = block.time - case.now
    if ahead > TOLERANCE:
        yield Diagnosis(
            "clock",
            Level.MEND,
            f"Block {last.height} lies {ahead:.0f} s ahead of the machine's clock.",
            "Compare the clock with another one, and set it right. Where the block is wrong, "
            "`sealbook notary accept-clock` goes on with the clock as it is.",
        )
    else:
        yield Diagnosis("clock", Level.OK, "The newest block does not lie ahead of the clock.")
    match discipline():
        case Discipline.ADRIFT:
            yield Diagnosis(
                "clock",
                Level.LOOK,
                "Nothing sets the machine's clock: the kernel calls it unsynchronised.",
                "Start a time service, such as chrony, and let it reach its servers.",
            )
        case Discipline.STEERED:
            yield Diagnosis("clock", Level.OK, "The kernel says that the clock is synchronised.")
        case Discipline.UNKNOWN:
            yield Diagnosis(
                "clock",
                Level.LOOK,
                "The system does not say whether its clock is synchronised.",
                "Compare it with another one.",
            )


def _keys(case: Case) -> Iterator[Diagnosis]:
    _, trust = read_trust(case.directory / case.settings.trust_file)
    keys = place.read_keys(case.directory, case.settings, trust)
    faults = list(key_faults(keys, trust))
    for where, problem in faults:
        yield Diagnosis(
            "keys",
            Level.MEND,
            f"{quoted(where)}: {problem}.",
            "Put back the files that belong together, from a backup.",
        )
    if not faults:
        yield Diagnosis("keys", Level.OK, "Keys, certificates and trust file belong together.")
    for name in (
        case.settings.passphrase_file,
        case.settings.token and case.settings.token.pin_file,
    ):
        if name and (path := case.directory / name).exists() and path.stat().st_mode & 0o077:
            yield Diagnosis(
                "keys",
                Level.MEND,
                f"{quoted(path)}, which opens the keys, can be read by others than its owner.",
                "Take their rights away with chmod go=, and replace what it holds.",
            )
    yield from _seal(validity(keys.chain)[1], case.now)


def _seal(until: int, now: float) -> Iterator[Diagnosis]:
    days = int((until - now) // DAY)
    if until <= now:
        yield Diagnosis(
            "seal",
            Level.MEND,
            "The seal's certificates have run out, so nothing is signed.",
            "Replace them: docs/operate.md under Replacing and revoking keys.",
        )
    elif until - now < SEAL_WARNING:
        yield Diagnosis(
            "seal",
            Level.LOOK,
            f"The seal's certificates run out in {days} days.",
            "Replace them now: a new root has to reach courts and companies on paper.",
        )
    else:
        yield Diagnosis("seal", Level.OK, f"The seal's certificates run out in {days} days.")


def _desk(case: Case) -> Iterator[Diagnosis]:
    with open_desk(case.directory, case.settings, reading=True) as desk:
        if unreviewed(desk) is not None:
            yield Diagnosis("desk", Level.LOOK, OLDER, REVIEW)


def _backup(case: Case) -> Iterator[Diagnosis]:
    made = place.read_last_backup(case.directory)
    if made is None:
        yield Diagnosis(
            "backup",
            Level.LOOK,
            "No backup has been made.",
            "Run `sealbook notary backup DIR` with a directory on another disk, and then every day.",
        )
        return
    _, last = newest(case)
    days, newer = int((case.now - made.time) // DAY), last.size - made.size
    old = case.now - made.time > STALE_BACKUP and newer > 0
    yield Diagnosis(
        "backup",
        Level.LOOK if old else Level.OK,
        f"The newest backup, in {quoted(made.place)}, is {days} days old and lacks {newer} entries.",
        "Look why the timer of the backup does not run." if old else "",
    )


def _high_water(case: Case) -> Iterator[Diagnosis]:
    _, trust = read_trust(case.directory / case.settings.trust_file)
    mark = open_high_water(case.settings.high_water, case.settings.origin)
    if mark is None:
        if not any(each.url for each in trust.policy.witnesses):
            yield Diagnosis(
                "high-water",
                Level.LOOK,
                "Nobody would tell an old copy of this notary, started again, that more was signed.",
                "Keep the high-water mark elsewhere: `sealbook notary high-water PLACE`.",
            )
        return
    try:  # the mark first: a service that runs may sign a block meanwhile
        note = mark.note()
        mark.number()
    except NotSigning as error:
        yield Diagnosis("high-water", Level.MEND, error.detail)
        return
    with open_books(case.directory, case.settings, reading=True) as (_, signed):
        require_high_water(trust, signed.last(), signed.at_size, note)
    yield Diagnosis("high-water", Level.OK, "The high-water mark can be read, and is not ahead.")


def newest(case: Case) -> tuple[Block, SignedCheckpoint]:
    """Return the newest block and the checkpoint that closes it. Raises LedgerFault, StorageFailed."""
    with open_books(case.directory, case.settings, reading=True) as (store, signed):
        last = signed.last()
        if last is None:
            raise NotFound("No checkpoint was signed; run `sealbook notary fsck`.")
        before = signed.at_height(last.height - 1) if last.height else None
        start = before.size if before else 0
        found = store.read(start, start + 1)
    if not found:
        raise LedgerFault(
            f"The record of block {last.height} is not in the database. Stop the service and run "
            "`sealbook notary fsck --rebuild`."
        )
    return parse_block(parse_statement(found[0].statement)), last
