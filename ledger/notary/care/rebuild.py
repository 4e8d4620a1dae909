"""A lost database made anew from bundles and signed checkpoints, on either engine.

`rebuild` makes the entries anew from the entry bundles, up to the last signed checkpoint: that is
everything that was ever answered; and before that the checkpoints from their copies, where they are
missing, damaged or older than these. Both are put together as SQLite files, which take the place of
`ledger.sqlite` and `checkpoints.sqlite`; on a server their rows take the place of what is there, a
store in one transaction. Rows about packs are made anew from the packs, where these are here: on a
server at once, and as a file by the next start.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.chain.block import parse_block
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.statement import Statement, parse_statement
from ledger.chain.tiles import TILE_WIDTH, TileEdge, partial_tiles, tile_data
from ledger.chain.trust import Trust
from ledger.errors import LedgerFault, MalformedData, SealbookError
from ledger.notary.ports import (
    SIGNED_IN_A_FILE,
    Hook,
    SignedCheckpoint,
    SignedCopies,
    Step,
    no_hook,
)
from ledger.notary.selfcheck import read_trust
from ledger.notary.sequencing.forks import (
    require_copied,
    require_newest,
    require_next,
    require_signed,
)
from ledger.notary.storage import checkpoints, ledger_database, packs
from ledger.notary.storage import directory as place
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.connections import beside
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import LogStore
from ledger.notary.storage.packshelf import FOLDER as PACK_FOLDER
from ledger.notary.storage.schema import Place
from ledger.notary.storage.stores import (
    open_envelopes,
    open_files,
    open_landmark,
    open_log,
    open_server,
)
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Server

_ROWS = 1_000
"""Rows in memory at a time."""
_Source = Callable[[int, int], list[bytes] | None]


def rebuild(directory: Path, *, hook: Hook = no_hook) -> int:
    """Make `ledger.sqlite` and the tiles anew from bundles and signed checkpoints; return the size.

    Where the store of checkpoints is missing, damaged or older than its copies, it is made from them
    first; their signatures are verified, and copies that are missing are written from it. A bundle that
    is missing is taken from the old database, if that can be read. Every signed root is checked
    on the way. What stands published is mended, or removed where it was never signed.
    Raises LedgerFault when the entries cannot be had from either or checkpoints are missing, InUse,
    NotFound, StorageFailed.
    """
    with place.lock(directory):
        place.settle(directory, hook)
        settings = place.read_settings(directory)
        with open_server(settings) as server:
            if server is not None:
                server.place()
                server.lead.require_alone()
                server.require_no_other()
            _, trust = read_trust(directory / settings.trust_file)
            log = open_log(directory, settings, mending=True)
            remade = rebuild_checkpoints(directory, server, log, trust, hook)
            signed = CheckpointDatabase(server or directory / place.CHECKPOINTS)
            try:
                rebuild_copies(log.signed, signed, hook)
                return _rebuild(directory, settings, server, log, signed, hook, remade=remade)
            finally:
                signed.close()


def _rebuild(
    directory: Path,
    settings: Settings,
    server: "Server | None",
    log: LogStore,
    signed: CheckpointDatabase,
    hook: Hook,
    *,
    remade: bool,
) -> int:
    last = signed.last()
    if last is None:
        raise LedgerFault("No checkpoint was ever signed here; there is nothing to rebuild.")
    anchor = _anchor(log, signed, last, hook)
    old = _old_database(server or directory / place.LEDGER)

    def from_log(index: int, width: int) -> list[bytes] | None:
        return log.read_bundle(index, width)

    def from_database(index: int, width: int) -> list[bytes] | None:
        if old is None:
            return None
        try:
            first = index * TILE_WIDTH
            entries = [each.statement for each in old.read(first, first + width)]
        except SealbookError:
            return None
        return entries if len(entries) == width else None

    folder = directory / place.INCOMPLETE
    fault: LedgerFault | None = None
    try:
        waiting = next_block(last, (from_database, from_log)) if remade else []
        for sources in ((from_log, from_database), (from_database, from_log)):
            place.fresh(folder)
            try:
                _fill(folder / place.LEDGER, log, signed, last, anchor, sources, waiting, hook)
                break
            except LedgerFault as error:
                fault = fault or error
        else:
            assert fault is not None
            raise fault
    finally:
        if old is not None:
            old.close()
    hook(Step.REBUILD_DATABASE, "before")
    landmark = open_landmark(directory, settings)
    packed = open_files(directory, settings, f"{place.OBJECTS}/{PACK_FOLDER}").names()
    here = landmark.stands() or (packed and not landmark.is_anothers())
    if server is None:
        place.replace_database(folder / place.LEDGER, directory / place.LEDGER)
    else:
        _load_entries(folder / place.LEDGER, server)
    if here and server is None:
        for each in (directory / place.PACKS, *beside(directory / place.PACKS)):
            each.unlink(missing_ok=True)  # the next start makes it from the packs
    elif here and server is not None:
        with server.anew(packs.SCHEMA):
            pass
        with open_envelopes(directory, settings, server, own=True):
            pass  # it has made the rows from the packs
    hook(Step.REBUILD_DATABASE, "after")
    place.settle(directory, hook)
    return last.size


def _fill(
    path: Path,
    log: LogStore,
    signed: CheckpointDatabase,
    last: SignedCheckpoint,
    anchor: SignedCheckpoint | None,
    sources: tuple[_Source, _Source],
    waiting: list[Statement],
    hook: Hook,
) -> None:
    """Fill a new database, and put right what differs in the log."""
    store = LedgerDatabase(path, create=True)
    try:
        tree = TileEdge(lambda level, index, _: log.read_tile(level, index) or b"")
        for checkpoint, statements in _signed_blocks(signed, last.size, sources):
            start = tree.size
            tiles = tree.extend(each.leaf_hash for each in statements)
            if tree.root() != checkpoint.root:
                raise LedgerFault(
                    f"The entries of block {checkpoint.height} do not give the root that was signed. "
                    "Restore the newest backup, or its `log` folder."
                )
            wrong = [
                each for each in tiles if log.read_tile(each[0].level, each[0].index) != each[1]
            ]
            if wrong:
                with mending(hook):
                    log.write_tiles(wrong)
            store.append(start, statements)
        for index in range(-(-last.size // TILE_WIDTH)):
            first = index * TILE_WIDTH
            entries = [each.statement for each in store.read(first, first + TILE_WIDTH)]
            if log.read_bundle(index, len(entries)) != entries:
                with mending(hook):
                    log.write_entries(first, entries)
        if anchor is not None:
            partial = [
                (tile, tile_data(tree, tile))
                for tile in partial_tiles(anchor.size)
                if log.read_tile(tile.level, tile.index) is None
            ]
            with mending(hook):
                log.publish(partial, anchor.size, anchor.note)
        if waiting:
            store.append(last.size, waiting)
    finally:
        store.close()


def _signed_blocks(
    signed: CheckpointDatabase, size: int, sources: tuple[_Source, _Source]
) -> Iterator[tuple[SignedCheckpoint, list[Statement]]]:
    bundles = _bundles(size, sources)
    waiting: list[bytes] = []
    start, height = 0, -1
    while found := signed.all(height):
        for checkpoint in found:
            count = checkpoint.size - start
            while len(waiting) < count:
                waiting += next(bundles)
            entries, waiting = waiting[:count], waiting[count:]
            try:
                yield checkpoint, [parse_statement(entry) for entry in entries]
            except SealbookError as error:
                raise LedgerFault(
                    f"An entry of block {checkpoint.height} cannot be read ({error})."
                ) from error
            start, height = checkpoint.size, checkpoint.height


def _bundles(size: int, sources: tuple[_Source, _Source]) -> Iterator[list[bytes]]:
    for index in range(-(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        found = next((each for source in sources if (each := source(index, width))), None)
        if found is None:
            raise LedgerFault(
                f"The entries from {index * TILE_WIDTH} on are in neither the log nor the database. "
                "Restore the newest backup, or its `log` folder."
            )
        yield found


def _anchor(
    log: LogStore, signed: CheckpointDatabase, last: SignedCheckpoint, hook: Hook
) -> SignedCheckpoint | None:
    """Return the checkpoint that stands published; one that was never signed is taken away.

    Raises LedgerFault when a newer one than `last` was published: what it covers would be lost.
    """
    try:
        published = log.published()
    except LedgerFault:
        with mending(hook):
            log.unpublish()
        return None
    if published is None:
        return None
    require_newest(last, published)
    anchor = signed.at_size(parse_checkpoint(parse_note(published).text).size)
    if anchor is None or anchor.note != published:
        with mending(hook):
            log.unpublish()
        return None
    return anchor


@contextlib.contextmanager
def mending(hook: Hook) -> Iterator[None]:
    hook(Step.REBUILD_LOG, "before")
    yield
    hook(Step.REBUILD_LOG, "after")


def _load_entries(path: Path, server: "Server") -> None:
    """Let a server hold the entries of a file, and what follows from them."""
    made = LedgerDatabase(path)
    try:
        with server.anew(ledger_database.SCHEMA) as tables:
            store = LedgerDatabase(tables)
            for start in range(0, made.size(), _ROWS):
                rows = made.read(start, start + _ROWS)
                store.append(start, [parse_statement(each.statement) for each in rows])
    finally:
        made.close()


def _load_checkpoints(path: Path, server: "Server") -> None:
    made = CheckpointDatabase(path)
    try:
        with server.anew(checkpoints.SCHEMA) as tables:
            store, height = CheckpointDatabase(tables), -1
            while rows := made.all(height):
                store.extend(rows)
                height = rows[-1].height
    finally:
        made.close()


def _old_database(at: Place) -> LedgerDatabase | None:
    try:
        return LedgerDatabase(at)
    except SealbookError:
        return None


def rebuild_checkpoints(
    directory: Path, server: "Server | None", log: LogStore, trust: Trust, hook: Hook
) -> bool:
    """Make the checkpoints' store from its copies, where it does not hold what they hold; say whether.

    Raises LedgerFault when a copy is not by our keys, or the two hold different histories.
    """
    copies = log.signed
    path = directory / place.CHECKPOINTS
    newest = copies.last()
    last = _last_signed(server or path)
    if last is not None and (newest is None or newest.height <= last.height):
        require_copied(last, newest)
        return False
    folder = directory / place.INCOMPLETE
    place.fresh(folder)
    made = CheckpointDatabase(folder / place.CHECKPOINTS, create=True)
    try:
        before: SignedCheckpoint | None = None
        for each in copies.all():
            require_signed(trust, each)
            made.swap(before, each)
            before = each
        if newest is None or before != newest:
            raise LedgerFault(
                f"{quoted(server or path)} is missing or damaged, and `log/signed` does not hold "
                "every checkpoint that "
                "was signed. Nothing can be signed without them: put back the newest copy of either, "
                "from a backup or another disk."
            )
        if last is not None and made.at_height(last.height) != last:
            named = server or path.name
            raise LedgerFault(
                f"Block {last.height} was signed twice: {quoted(named)} and `log/signed` hold "
                "different checkpoints. Put back the files that belong together."
            )
        require_newest(newest, _readable_anchor(log))
    finally:
        made.close()
    hook(Step.REBUILD_CHECKPOINTS, "before")
    if server is None:
        place.replace_database(folder / place.CHECKPOINTS, path)
    else:
        _load_checkpoints(folder / place.CHECKPOINTS, server)
    hook(Step.REBUILD_CHECKPOINTS, "after")
    return True


def rebuild_copies(copies: SignedCopies, signed: CheckpointDatabase, hook: Hook) -> None:
    last = signed.last()
    for number in range(0 if last is None else last.height // SIGNED_IN_A_FILE + 1):
        wanted = signed.all(number * SIGNED_IN_A_FILE - 1, SIGNED_IN_A_FILE)
        if copies.read(number) != (wanted, True):
            with mending(hook):
                copies.write(number, wanted)


def next_block(last: SignedCheckpoint, sources: tuple[_Source, _Source]) -> list[Statement]:
    """Return the entries behind the newest copy of a signed checkpoint, for the next start to sign.

    Its own checkpoint may have been signed, and its copy lost with the database: the same entries give
    the same root, so nothing forks. Raises LedgerFault when more than that block is there: more copies
    were lost than a crash can cost.
    """
    for source in sources:
        first = _entry_range(source, last.size, last.size + 1)
        if first is None:
            continue
        try:
            size = parse_block(parse_statement(first[0])).size
            entries = _entry_range(source, last.size, size)
            statements = [parse_statement(each) for each in entries or ()]
        except MalformedData:
            statements, size = [], last.size
        if not statements and source is sources[1]:
            continue  # a commit that was cut short while its bundles were written
        require_next(last, statements)
        if _entry_range(source, size, size + 1) is not None:
            raise LedgerFault(
                f"Entries behind block {last.height + 1} are there, but `log/signed` ends before it: "
                "copies of signed checkpoints were lost. Going on would fork the ledger. Put back the "
                "newest checkpoints.sqlite or `log/signed`."
            )
        return statements
    return []


def _readable_anchor(log: LogStore) -> str | None:
    with contextlib.suppress(LedgerFault):
        return log.published()
    return None


def _last_signed(at: Place) -> SignedCheckpoint | None:
    """Return the newest checkpoint of a database, None where it is missing or cannot be read."""
    try:
        signed = CheckpointDatabase(at)
    except SealbookError:
        return None
    try:
        return signed.last()
    except SealbookError:
        return None
    finally:
        signed.close()


def _entry_range(source: _Source, start: int, end: int) -> list[bytes] | None:
    """Return the entries start .. end - 1 from a source of bundles, None where one is missing."""
    found: list[bytes] = []
    for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
        first = index * TILE_WIDTH
        bundle = source(index, min(TILE_WIDTH, end - first))
        if bundle is None:
            return None
        found += bundle[max(0, start - first) :]
    return found
