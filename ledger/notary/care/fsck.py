"""Checks a notary's files against each other.

`fsck` reads everything once and believes nothing: every entry's signature, every root that was signed,
every note and seal, the chain of blocks, every tile and bundle, what the database derives from entries,
identity records, anchors, the audit trail, presence and size of every deposit's age files in their
place, and on demand their bytes; that keys, certificates and trust file belong together. What a crash
leaves between two steps is a warning: the next start mends it. A directory that cannot be written is
examined as it lies.
"""

import contextlib
import itertools
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.chain import statement as st
from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.enrolment import Enrolment, parse_enrolment, verify_record
from ledger.chain.note import parse_note
from ledger.chain.office import Inspection, parse_inspection
from ledger.chain.replay import Deposited, Replay, RuleBroken, account_of, require_inspected
from ledger.chain.seal import format_cose_receipt, parse_cose_receipt, verify_seal
from ledger.chain.statement import Statement, parse_deposit, parse_statement, verify_statement
from ledger.chain.tiles import TILE_WIDTH, Tile, TileEdge, partial_tiles, tile_data, tile_path
from ledger.chain.trust import Trust, verify_by_log
from ledger.crypto.merkle import leaf_hash
from ledger.errors import (
    LedgerFault,
    SealbookError,
    StorageFailed,
    StoreDamaged,
    VerificationFailed,
)
from ledger.notary.care.copying import MARK
from ledger.notary.care.deleted import undone
from ledger.notary.care.desks import desk_faults, left_over
from ledger.notary.care.payloads import payload_faults
from ledger.notary.care.sounding import Kept, Sounding, sounding
from ledger.notary.care.stamps import anchor_faults
from ledger.notary.care.whereabouts import require_here
from ledger.notary.ports import SIGNED_IN_A_FILE, Entry, NotaryKeys, SignedCheckpoint, no_hook
from ledger.notary.selfcheck import key_faults, read_trust
from ledger.notary.sequencing.forks import (
    require_copied,
    require_log_lines,
    require_newest,
    require_next,
)
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import open_staff_desk
from ledger.notary.storage.landmark import Landmark
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import CHECKPOINT
from ledger.notary.storage.schema import Place
from ledger.notary.storage.signedlog import FOLDER
from ledger.notary.storage.stores import (
    Stores,
    open_envelopes,
    open_landmark,
    open_log,
    open_records,
    open_requests,
    open_server,
    open_validation,
)
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Server

ERROR: Message = "error"
WARNING: Message = "warning"
_MEND: Message = "`sealbook notary fsck --rebuild` mends it"
_NEXT: Message = "the next start mends it"
_MAX_FINDINGS = 1_000
"""Those that are listed; the others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. A warning costs nothing that was promised."""

    level: str
    place: str
    problem: Message


def _database(
    server: "Server | None",
    directory: Path,
    name: str,
    stack: contextlib.ExitStack,
    *,
    still: bool,
) -> tuple[Place, bool]:
    """Return where a store can be opened, and whether as one that nobody changes.

    One on read-only media with a log of changes is read from a copy: SQLite would leave those out.
    """
    if server is not None:
        return server, False
    path = directory / name
    log = path.with_name(f"{name}-wal")
    if not (still and log.exists() and log.stat().st_size):
        return path, still
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sealbook-fsck-")))
    try:
        for each in (path, log):
            shutil.copyfile(each, folder / each.name)
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} cannot be copied to be read ({error.strerror}); free some space in "
            f"{folder.parent}, or set TMPDIR."
        ) from error
    return folder / name, False


def at_block(height: int) -> Message:
    """Return where something is found: a block."""
    return f"block {height}"


def at_entry(index: int) -> Message:
    """Return where something is found: an entry."""
    return f"entry {index}"


def at_bundle(index: int) -> Message:
    """Return where something is found: a bundle of entries."""
    return f"bundle {index}"


def fsck(
    directory: Path,
    *,
    ciphertext: bool = False,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> tuple[Finding, ...]:
    """Check a notary's directory while no process uses it; return what is wrong, () if all is well.

    `ciphertext` also reads all age files, whose presence and size alone are checked without it.
    `progress` is given the number of entries that were read, and of all.
    Raises InUse, NotFound, InvalidInput (keys, trust file), StorageFailed.
    """
    with contextlib.ExitStack() as stack:
        still = not os.access(directory, os.W_OK)
        if not still:
            stack.enter_context(place.lock(directory))
            place.settle(directory, no_hook)
        settings = place.read_settings(directory)
        _, trust = read_trust(directory / settings.trust_file)
        keys = place.read_keys(directory, settings, trust)
        name = place.CHECKPOINTS
        server = stack.enter_context(open_server(settings))
        if server is not None:
            server.lead.require_alone()
        try:
            path, alone = _database(server, directory, name, stack, still=still)
            signed = CheckpointDatabase(path, reading=alone)
            stack.callback(signed.close)
            name = place.LEDGER
            ledger, alone = _database(server, directory, name, stack, still=still)
            store = LedgerDatabase(ledger, reading=alone)
            stack.callback(store.close)
            anchors, name = None, place.ANCHORS
            if server is not None or (directory / name).exists():
                path, alone = _database(server, directory, name, stack, still=still)
                anchors = AnchorDatabase(path, reading=alone)
                stack.callback(anchors.close)
            name = place.DESK
            path, alone = _database(server, directory, name, stack, still=still)
            waiting = open_requests(directory, settings)
            desk = open_staff_desk(path, settings.origin, waiting, reading=alone)
            stack.callback(desk.close)
            packs, alone, name = None, False, place.PACKS
            if server is not None or (directory / name).exists():
                packs, alone = _database(server, directory, name, stack, still=still)
            envelopes = stack.enter_context(
                open_envelopes(directory, settings, server, rows=packs, reading=alone)
            )
        except LedgerFault as error:
            return (Finding(ERROR, name, str(error)),)
        stores = Stores(
            store,
            signed,
            None,
            desk,
            anchors,
            open_log(directory, settings),
            open_records(directory, settings),
            envelopes,
            open_validation(directory, settings),
        )
        sound = Sounding(iter(()))
        packs = envelopes.shelf.rows.place
        if isinstance(ledger, Path) and isinstance(packs, Path) and settings.objects is None:
            kept = Kept(ledger, packs, directory, ciphertext)
            sound = stack.enter_context(sounding(kept, store.size()))
        landmark = open_landmark(directory, settings)
        checking = _Fsck(directory, keys, trust, stores, landmark, sound, ciphertext=ciphertext)
        return checking.run(progress)


class _Fsck:
    def __init__(
        self,
        directory: Path,
        keys: NotaryKeys,
        trust: Trust,
        stores: Stores,
        landmark: Landmark,
        sound: Sounding,
        *,
        ciphertext: bool,
    ) -> None:
        self.sound = sound
        self.landmark = landmark
        self.trust = trust
        self.directory = directory
        self.keys = keys
        self.store, self.signed, self.log = stores.ledger, stores.signed, stores.log
        self.anchors, self.desk, self.envelopes = stores.anchors, stores.desk, stores.envelopes
        self.identities = stores.records
        self.ciphertext = ciphertext
        self.findings: list[Finding] = []
        self.unlisted = Counter[str]()
        self.replay = Replay(keys.origin)
        self.records: set[str] = set()
        self.tree = TileEdge(self._tile)
        self.last: SignedCheckpoint | None = None
        self.published: str | None = None

    def run(self, progress: Callable[[int, int], object]) -> tuple[Finding, ...]:
        try:
            self._files()
            self._place()
            self._read_published()
            if self._copies() and self._blocks(progress):
                self._edge()
                self._records()
                self._undone()
                self._anchors()
                self._desk()
        except StoreDamaged as error:
            self._error(str(self.directory), error)
        if more := self.unlisted.total():
            total = len(self.findings) + more
            level = ERROR if self.unlisted[ERROR] else WARNING
            said: Message = f"{total} findings in all; {more} of them are not listed."
            self.findings.append(Finding(level, str(self.directory), said))
        return tuple(self.findings)

    def _error(self, where: str, problem: Message | SealbookError) -> None:
        self._found(Finding(ERROR, where, str(problem)))

    def _warn(self, where: str, problem: Message) -> None:
        self._found(Finding(WARNING, where, problem))

    def _found(self, finding: Finding) -> None:
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.unlisted[finding.level] += 1

    def _files(self) -> None:
        for name, rows in ((place.LEDGER, self.store), (place.PACKS, self.envelopes.shelf.rows)):
            damage = rows.check()
            if damage is not None:
                self._error(name, f"the database engine finds it damaged: {quoted(damage)}")
        for pack, unread in self.envelopes.shelf.damaged():
            altered: Message = "it is missing or was altered; restore it from a backup of `objects`"
            self._error(f"{place.OBJECTS}/{pack}", altered if unread is None else str(unread))
        for path in sorted((self.directory / place.KEYS).iterdir()):
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                self._error(str(path), "others can read this private key: chmod 600 it")
        for where, problem in key_faults(self.keys, self.trust):
            self._error(where, f"{problem}; put back what belongs together, from a backup")
        if (self.directory / place.READY).is_dir():
            self._warn(place.READY, f"it was not moved to its place yet; {_NEXT}")

    def _place(self) -> None:
        try:
            require_here(self.landmark, self.store, self.envelopes)
        except SealbookError as error:
            self._error(place.OBJECTS, error)

    def _copies(self) -> bool:
        """Compare the copies of the signed checkpoints with the database; False if that is too old."""
        copies, last = self.log.signed, self.signed.last()
        try:
            require_copied(last, copies.last())
        except LedgerFault as error:
            self._error(place.CHECKPOINTS, error)
            return False
        newest = -1 if last is None else last.height
        for number in range(newest // SIGNED_IN_A_FILE + 1):
            first = number * SIGNED_IN_A_FILE
            wanted = self.signed.all(first - 1, SIGNED_IN_A_FILE)
            found, whole = copies.read(number)
            if found[: len(wanted)] == wanted and whole:
                if len(found) > len(wanted):
                    self._warn(
                        place.CHECKPOINTS, f"the last block's checkpoint is missing; {_NEXT}"
                    )
            elif found == wanted[: len(found)] and number == newest // SIGNED_IN_A_FILE:
                self._warn(f"{place.LOG}/{FOLDER}/{number:09}", f"it is not complete; {_NEXT}")
            else:
                self._error(
                    f"{place.LOG}/{FOLDER}/{number:09}", f"it is missing or was altered; {_MEND}"
                )
        return True

    def _read_published(self) -> None:
        try:
            self.published = self.log.published()
            if self.published is None and not (self.directory / MARK).exists():
                self._warn(
                    f"{place.LOG}/{CHECKPOINT}", "nothing is published; the next start does it"
                )
        except LedgerFault as error:
            self._error(f"{place.LOG}/{CHECKPOINT}", error)

    def _blocks(self, progress: Callable[[int, int], object]) -> bool:
        """Walk block by block: entries, record, root, note, seal, tiles, bundles; False if stopped."""
        height, newest = -1, self.signed.last()
        while checkpoints := self.signed.all(height):
            for checkpoint in checkpoints:
                start = 0 if self.last is None else self.last.size
                where = at_block(checkpoint.height)
                if checkpoint.height != height + 1 or checkpoint.size <= start:
                    self._error(where, "its checkpoint does not follow the one before")
                    return False
                if not self._block(where, start, checkpoint):
                    return False
                self.last, height = checkpoint, checkpoint.height
                progress(checkpoint.size, newest.size if newest else 0)
        if self.last is None:
            self._error(place.CHECKPOINTS, "no checkpoint was ever signed")
        elif (stored := self.store.size()) > self.last.size:
            self._waiting(self.last, stored)
        return self.last is not None

    def _waiting(self, last: SignedCheckpoint, stored: int) -> None:
        """Say of entries behind the last signed checkpoint what the next start will do about them."""
        try:
            require_newest(last, self.published)
            entries = self.store.read(last.size, stored)
            statements = [parse_statement(each.statement) for each in entries]
            require_next(last, statements)
            for statement in statements:
                self.replay.add(statement)
        except SealbookError as error:
            self._error(place.CHECKPOINTS, error)
        else:
            self._warn(
                place.LEDGER,
                f"{stored - last.size} entries wait to be signed; the next start does it",
            )

    def _block(self, where: str, start: int, checkpoint: SignedCheckpoint) -> bool:
        made = [self.sound.deposit(index) for index in range(start, checkpoint.size)]
        others = self._others(start, made)
        if len(others) != made.count(None):
            self._error(where, f"entries are missing; {_MEND}")
            return False
        leaves = []
        for expected, deposit in enumerate(made, start):
            if deposit is not None:
                leaves.append(deposit.leaf)
                try:
                    self.replay.size = expected
                    self.replay.add_deposit(deposit)
                except RuleBroken as error:
                    self._error(at_entry(expected), error)
                continue
            entry = others[expected]
            try:
                statement = parse_statement(entry.statement)
                leaves.append(statement.leaf_hash)
                if (entry.kind, entry.account) != (statement.kind, account_of(statement)):
                    raise VerificationFailed("the database states another kind or account")
                self._entry(statement, expected)
            except SealbookError as error:
                self._error(at_entry(expected), error)
                if len(leaves) <= expected - start:
                    leaves.append(leaf_hash(entry.statement))
        if self.store.leaf_hashes(start, checkpoint.size) != leaves:
            self._error(
                where, f"the database states another leaf hash than its entries have; {_MEND}"
            )
        for tile, data in self.tree.extend(leaves):
            if self.log.read_tile(tile.level, tile.index) != data:
                where_ = tile_path(tile.level, tile.index)
                if not self.log.files.exists(where_) and self._may_wait(tile, checkpoint):
                    self._warn(where_, f"the tile is not written yet; {_NEXT}")
                else:
                    self._error(where_, f"the tile is missing or altered; {_MEND}")
        try:
            self.replay.close(checkpoint.note)
        except RuleBroken as error:
            self._error(where, error)
        self._bundles(start, checkpoint.size)
        self._signatures(where, checkpoint)
        return True

    def _others(self, start: int, made: Sequence[Deposited | None]) -> dict[int, Entry]:
        """Return the entries of a block that are not known to be sound deposits."""
        found: dict[int, Entry] = {}
        for unsound, run in itertools.groupby(range(len(made)), lambda at: made[at] is None):
            if unsound:
                first, *rest = run
                end = start + (rest[-1] if rest else first) + 1
                found.update((each.index, each) for each in self.store.read(start + first, end))
        return found

    def _entry(self, statement: Statement, index: int) -> None:
        self.replay.size = index  # an entry that could not be read was not counted
        self.replay.add(statement)
        if statement.kind == st.DEPOSIT:
            verify_statement(statement, self.replay.depositor(statement).public)
            self._payloads(statement, index)
            return
        verify_by_log(statement, self.trust)
        if statement.kind == st.ENROLMENT:
            self._record(parse_enrolment(statement))
        elif statement.kind == st.INSPECTION:
            self._inspected(parse_inspection(statement))

    def _payloads(self, statement: Statement, index: int) -> None:
        deposit = parse_deposit(statement)
        for payload in (deposit.content, deposit.manifest):
            if payload is not None:
                for fault in payload_faults(
                    self.envelopes, statement.issuer, payload, read=self.ciphertext
                ):
                    self._error(at_entry(index), fault)

    def _record(self, enrolment: Enrolment) -> None:
        self.records.add(enrolment.record.hex())
        record = self.identities.read(enrolment.record)
        if record is not None:
            verify_record(enrolment, record)

    def _inspected(self, inspection: Inspection) -> None:
        for entry in self.store.read(inspection.entry, inspection.entry + 1):
            require_inspected(inspection, entry.statement)
        self.records.add(inspection.particulars.hex())
        data = self.identities.read(inspection.particulars)
        if data is not None and sha256(data).digest() != inspection.particulars:
            raise VerificationFailed("the particulars kept of the inspection were altered")

    def _bundles(self, start: int, size: int) -> None:
        for index in range(start // TILE_WIDTH, size // TILE_WIDTH):
            if self.sound.bundle(index):
                continue
            first = index * TILE_WIDTH
            entries = [e.statement for e in self.store.read(first, first + TILE_WIDTH)]
            if self.log.read_bundle(index, TILE_WIDTH) != entries:
                self._error(at_bundle(index), f"the entry bundle is missing or altered; {_MEND}")

    def _may_wait(self, tile: Tile, checkpoint: SignedCheckpoint) -> bool:
        """Return whether a full tile ends behind what is published: the next start writes it."""
        if self.published is None:
            return checkpoint.height <= 1
        published = parse_checkpoint(parse_note(self.published).text).size
        return bool((tile.index + 1) * TILE_WIDTH ** (tile.level + 1) > published)

    def _signatures(self, where: str, checkpoint: SignedCheckpoint) -> None:
        try:
            stated = Checkpoint(self.keys.origin, checkpoint.size, self.tree.root())
            if checkpoint.root != stated.root:
                raise VerificationFailed("the entries do not give the root that was signed")
            require_log_lines(self.trust, checkpoint.note, stated)
            receipt = parse_cose_receipt(format_cose_receipt(checkpoint.seal, 1, 0, ()))
            if self.replay.block is not None:
                verify_seal(receipt, stated.root, self.trust.seals, self.replay.block.time)
        except SealbookError as error:
            self._error(where, error)

    def _edge(self) -> None:
        """Check the last, partial files and the published checkpoint."""
        assert self.last is not None
        for (account, matter), tip in self.replay.tips.items():
            if self.store.matter_tip(account, matter) != tip:
                self._error(place.LEDGER, f"it states another end of matter {matter.hex()}")
        for key_id, key in self.replay.keys.items():
            if self.store.key(key_id) != key:
                self._error(place.LEDGER, f"it states another standing of key {key_id.hex()}")
        for number, standing in self.replay.certificates.items():
            if self.store.certificate(number) != standing:
                self._error(place.LEDGER, f"it states another standing of certificate {number}")
        first = self.last.size - self.last.size % TILE_WIDTH
        entries = [e.statement for e in self.store.read(first, self.last.size)]
        if entries and self.log.read_bundle(first // TILE_WIDTH, len(entries)) != entries:
            self._error(
                at_bundle(first // TILE_WIDTH), f"the entry bundle is missing or altered; {_MEND}"
            )
        if self.published is None:
            return
        try:
            require_newest(self.last, self.published)
        except LedgerFault as error:
            if self.store.size() == self.last.size:
                self._error(place.CHECKPOINTS, error)
            return
        size = parse_checkpoint(parse_note(self.published).text).size
        checkpoint = self.signed.at_size(size)
        if checkpoint is None or not self.published.startswith(checkpoint.note):
            self._error(
                f"{place.LOG}/{CHECKPOINT}",
                "it was never signed: `sealbook notary fsck --rebuild` removes it, and the next start "
                "writes it anew",
            )
            return
        for tile in partial_tiles(size):
            name = tile_path(tile.level, tile.index, tile.width)
            full = tile_path(tile.level, tile.index)
            if not self.log.files.exists(full) and (
                self.log.files.read(name) != tile_data(self.tree, tile)
            ):
                where = self.log.files.where(name)
                self._error(where, f"the partial tile is missing or altered; {_MEND}")

    def _records(self) -> None:
        assert self.last is not None
        if self.store.size() > self.last.size:
            return  # an entry that was not looked at may name any of them
        for name in self.identities.names():
            if name not in self.records:
                where = self.identities.files.where(name)
                self._warn(where, "no entry names this record; remove it")

    def _undone(self) -> None:
        for each in undone(self.store, self.envelopes, self.identities):
            self._error(at_entry(each.notice), each.words())

    def _anchors(self) -> None:
        if self.anchors is not None:
            for each in anchor_faults(self.anchors, self.signed):
                self._error(
                    place.ANCHORS, f"{each}; put the file back from a backup, or move it away"
                )

    def _desk(self) -> None:
        assert self.desk is not None
        for each in desk_faults(self.desk, self.store):
            self._error(place.DESK, each)
        for where in left_over(self.desk):
            self._warn(where, "no waiting request names this identity record; remove it")

    def _tile(self, level: int, index: int, width: int) -> bytes:
        data = self.log.read_tile(level, index)
        return bytes(32 * width) if data is None else data
