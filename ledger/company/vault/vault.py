"""The company's vault: plain files that the next person can read with `ls`.

    config.toml          notary, origin, account, name of the company's files
    notary.trust         the pinned trust file
    checkpoint           the largest checkpoint that was verified; every later one must contain it
    device.pem           the device's Ed25519 key (PKCS #8); signs, opens nothing
    identity.age         the age identity that opens deposits, under a passphrase
    identity.txt         ... or plain, where the user asked for it
    recipients.txt       for whom deposits are sealed: the identity, the recovery sheet, officers
    officers.json        a change of officers that is not in the register of measures yet
    matters.toml         name = random id
    *.fault              what the notary has signed that no honest notary signs
    elsewhere.json       last papers of these matters that another computer of the account deposited
    catalogue.sqlite     a cache of what the folders below say in the clear, so that one can be found
    spool/20261123T170501.250Z-4f0c9d21a8b37e65/  time of sealing, start of the commitment
        statement        signed before anything is sent: sending it again gives the same receipt
        manifest.age     titles, names and the opening
        content.age      until it is deposited and the receipt is verified
        content.header   opens the content at the notary: after a recovery or a change of officers
        meta.json        path, title, size, where the receipt went
        receipt          once deposited
    spool/.sealing-*     a deposit that is being made; it appears whole or not at all
    deposits/...         the same folder, moved here once the user has the receipt
    refused/...          the same folder, moved here when the notary will never take it
    provisional/...      an empty file for each deposit whose receipt lacks what comes with its anchor

Folders have mode 0700, files 0600; a file is replaced by a rename after a sync. Whoever changes
anything holds `lock`; whoever sends holds `sending`.
"""

import contextlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.note import format_note
from ledger.chain.policy import VerifiedCheckpoint
from ledger.chain.statement import (
    MATTER_ID_SIZE,
    Deposit,
    Matter,
    Payload,
    format_deposit,
    parse_statement,
)
from ledger.chain.trust import Trust, parse_trust, verify_own
from ledger.company.vault.facts import raw
from ledger.company.vault.finding import Page, Wanted, find, page_of, sound
from ledger.company.vault.home import (
    CONFIG,
    FILED,
    HOME_VARIABLE,
    IDENTITY,
    PROVISIONAL,
    REFUSED,
    SPOOL,
    TRUST,
    has_vault,
    held,
)
from ledger.company.vault.life import State
from ledger.company.vault.making import Config
from ledger.company.vault.numbering import ELSEWHERE, Elsewhere, named_matters
from ledger.company.vault.recipients import Recipients, parse_recipients, parsed
from ledger.company.vault.stored import (
    Meta,
    Sealing,
    Signed,
    StoredDeposit,
    folder_name,
    hurt,
    read_file,
    write_file,
)
from ledger.crypto.envelope import decrypt_bytes
from ledger.crypto.keys import SigningKey, parse_pem
from ledger.crypto.recipients import (
    Identity,
    Recipient,
    ScryptIdentity,
    parse_identity_file,
)
from ledger.disk.files import sync_folder
from ledger.encoding import parse_toml
from ledger.errors import InvalidInput, MalformedData, StorageFailed
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.vault.catalogue import Catalogue

Told = Callable[[int], None]
"""Called with the number of deposits that are to be read."""

_HEADS = 100
"""Last papers of a matter that are looked at for one that is not damaged."""
_LOCK_PATIENCE = 60.0
_SEALING = ".sealing-"


class Vault:
    """A vault that exists. Raises InvalidInput where there is none, StorageFailed where it is hurt."""

    def __init__(self, home: Path, told: Told = lambda _: None) -> None:
        """`told` hears of how many deposits a catalogue is made anew."""
        self.home = home
        self._told = told
        self._spool = home / SPOOL
        self._turn = Lock()
        if not has_vault(home):
            raise InvalidInput(
                f"There is no vault at {quoted(home)}. Make one with `sealbook init`, restore it with "
                f"`sealbook recover`, or say where it is in {HOME_VARIABLE}."
            )

    @cached_property
    def catalogue(self) -> "Catalogue":
        """What finds deposits."""
        from ledger.company.vault.catalogue import Catalogue

        return Catalogue(self.home, self._told)

    @cached_property
    def config(self) -> Config:
        """What config.toml says."""
        path = self.home / CONFIG
        try:
            value = parse_toml(read_file(path))
            return Config(**{key: str(value[key]) for key in Config.__slots__})
        except (MalformedData, KeyError) as error:
            raise hurt(path) from error

    @cached_property
    def trust_file(self) -> bytes:
        """The pinned trust file."""
        return read_file(self.home / TRUST)

    @cached_property
    def trust(self) -> Trust:
        """The pinned trust."""
        return parse_trust(self.trust_file)

    @cached_property
    def key(self) -> SigningKey:
        """The device's signing key."""
        path = self.home / "device.pem"
        key = parse_pem(read_file(path))
        if not isinstance(key, SigningKey):
            raise hurt(path)
        return key

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """For whom deposits are sealed, read anew each time."""
        return parsed(self.officers.all)

    @property
    def officers(self) -> Recipients:
        """What recipients.txt says now: another process may change it at any time."""
        return parse_recipients(read_file(self.home / "recipients.txt").decode())

    def identities(self, passphrase: Callable[[], str]) -> tuple[Identity, ...]:
        """Return the identities that open deposits; `passphrase` is called where one is needed.

        Raises WrongPassphrase.
        """
        plain = self.home / IDENTITY
        if plain.exists():
            return parse_identity_file(read_file(plain).decode())
        data = read_file(self.home / "identity.age")
        return parse_identity_file(decrypt_bytes(data, [ScryptIdentity(passphrase())]).decode())

    # --- deposits ---

    def deposits(self) -> list[StoredDeposit]:
        """Return all deposits, oldest first."""
        # The spool first: what is filed away meanwhile is then seen at least once.
        names = {*self._names(SPOOL), *self._names(FILED), *self._names(REFUSED)}
        return [StoredDeposit(self.home, name) for name in sorted(names)]

    def spooled(self) -> list[StoredDeposit]:
        """Return what the notary has not confirmed, or the user not received, oldest first."""
        return [StoredDeposit(self.home, name) for name in sorted(self._names(SPOOL))]

    def refused(self) -> list[StoredDeposit]:
        """Return what the notary will never take, oldest first."""
        return [StoredDeposit(self.home, name) for name in sorted(self._names(REFUSED))]

    def with_commitment(self, commitment: bytes) -> StoredDeposit | None:
        """Return the deposit with this commitment."""
        found = sound(self.home, list(held(self.home, commitment)))
        return next((each for each in found if each.deposit.commitment == commitment), None)

    def find(self, wanted: str) -> StoredDeposit:
        """Return the one deposit that `wanted` names: start of its id, or its path, name or title.

        Raises NotFound when none or more than one fits.
        """
        return find(self.catalogue, self.home, wanted)

    def page(self, wanted: Wanted) -> Page:
        """Return a page of the deposits that fit what is asked."""
        return page_of(self.catalogue, self.home, wanted)

    def papers(self, matter: bytes) -> list[StoredDeposit]:
        """Return the deposits in a matter that are not damaged, oldest first."""
        names = self.catalogue.ask(
            "select name from deposits where matter = ? order by row", (matter,)
        )
        return list(self._sound(names))

    def waiting_at(self, path: str) -> list[StoredDeposit]:
        """Return what was sealed of a path and is not filed yet, oldest first."""
        names = self.catalogue.ask(
            "select name from deposits where path = ? and place = ? order by row",
            (raw(path), SPOOL),
        )
        return list(self._sound(names))

    def _sound(self, names: Sequence[tuple[str]]) -> Iterator[StoredDeposit]:
        return sound(self.home, [name for (name,) in names])

    def sound(self) -> Iterator[StoredDeposit]:
        """Yield the deposits that are not damaged, reading each: one must not hide the others."""
        return sound(self.home, [each.name for each in self.deposits()])

    def _names(self, place: str) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            folder = (self.home / place).iterdir()
            return [each.name for each in folder if not each.name.startswith(".")]
        return []

    @contextlib.contextmanager
    def sealing(self) -> Iterator[Sealing]:
        """Yield a folder for a new deposit; what was not spooled is removed at the end."""
        from filelock import FileLock

        with self.locked():
            self._sweep()
            folder = self._spool / f"{_SEALING}{secrets.token_hex(8)}"
            folder.mkdir(mode=0o700)
            alive = FileLock(folder.with_name(folder.name + ".lock"))
            alive.acquire()
        try:
            yield Sealing(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            alive.release()
            Path(alive.lock_file).unlink(missing_ok=True)

    def spool(self, sealing: Sealing, signed: Signed) -> StoredDeposit:
        """Let a sealed and signed deposit wait to be sent, from now on, whatever happens."""
        signed.write(sealing.folder)
        deposit = self.give_name(sealing.folder, signed)
        self.sync_spool()
        return deposit

    def give_name(self, folder: Path, signed: Signed) -> StoredDeposit:
        """Let a complete, durable deposit appear in the spool; durably so after `sync_spool`."""
        folder.rename(self._spool / signed.name)
        return StoredDeposit.of(self.home, signed)

    def sync_spool(self) -> None:
        """Make the spool's names durable."""
        sync_folder(self._spool)

    def sync_filed(self, deposits: Sequence[StoredDeposit] = ()) -> None:
        """Make it durable that deposits have left the spool."""
        sync_folder(self.home / FILED)
        self.catalogue.note(each.name for each in deposits)

    def stored(self, name: str) -> StoredDeposit:
        """Return the deposit in the folder of this name."""
        return StoredDeposit(self.home, name)

    def provisional(self) -> list[str]:
        """Return the names of the deposits whose receipts are provisional, oldest first."""
        return sorted(self._names(PROVISIONAL))

    def mark_provisional(self, names: Iterable[str]) -> None:
        """Note, durably, that these receipts are provisional: before they are kept. Raises OSError."""
        folder, new = self.home / PROVISIONAL, False
        for name in names:
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / name).touch(mode=0o600)
            new = True
        if new:
            sync_folder(folder)

    def mark_final(self, name: str) -> None:
        """Note that a deposit's receipt, which is kept, is final."""
        (self.home / PROVISIONAL / name).unlink(missing_ok=True)

    def sign(
        self,
        commitment: bytes,
        content: Payload | None,
        manifest: Payload,
        place: Matter | None,
        meta: Meta,
        at: float,
    ) -> Signed:
        """Return a deposit's signed statement, and what its folder comes to hold beside the age files.

        Call and `spool` under `locked`: matters are numbered. `at` is now, POSIX seconds.
        """
        config = self.config
        deposit = Deposit(config.origin, commitment, content, manifest, place)
        statement = parse_statement(format_deposit(deposit, config.account, self.key, int(at)))
        return Signed(statement, replace(meta, sealed=int(at)), folder_name(commitment, at))

    def next_place(self, matter: str | None) -> Matter | None:
        """Return the next place in a named matter, None for none. As `next_in_matter`."""
        return self.next_in_matter(self.named_matter(matter)) if matter else None

    def named_matter(self, name: str) -> bytes:
        """Return the id of a named matter; a new one gets its random id. Call under `locked`."""
        known = self.matter_id(name)
        identity = known or secrets.token_bytes(MATTER_ID_SIZE)
        if known is None:
            name_matter(self.home, name, identity)
        return identity

    def matter_id(self, name: str) -> bytes | None:
        """Return the random id of a named matter."""
        known = named_matters(self.home).get(name)
        return bytes.fromhex(known) if known else None

    def next_in_matter(self, identity: bytes) -> Matter:
        """Return the next place in a matter. Call under `locked`, and `spool` before it is left."""
        head = self._head(identity)
        number, leaf = (0, None) if head is None else head
        foreign = self.elsewhere().tips.get(identity)
        if foreign is not None and foreign[0] >= number:
            number, leaf = foreign
        return Matter(identity, number + 1, leaf)

    def _head(self, identity: bytes) -> tuple[int, bytes] | None:
        """Return number and leaf hash of the last paper in a matter; a refused one's number is free."""
        for name, number in self.catalogue.ask(
            "select name, number from deposits where matter = ? and state != ?"
            " order by number desc limit ?",
            (identity, State.REFUSED, _HEADS),
        ):
            for each in sound(self.home, [name]):
                place = each.deposit.matter
                if place is not None and (place.id, place.number) == (identity, number):
                    return number, each.statement.leaf_hash
                return self._head_of_all(identity)
        return None

    def _head_of_all(self, identity: bytes) -> tuple[int, bytes] | None:
        """Return what `_head` does where a paper is not as the catalogue has it."""
        papers = [each for each in self.papers(identity) if not each.refused]
        heads = [(each.deposit.matter, each.statement.leaf_hash) for each in papers]
        return max(((place.number, leaf) for place, leaf in heads if place), default=None)

    def matter_names(self) -> dict[bytes, str]:
        """Return the names of the matters that were named, by id."""
        return {
            bytes.fromhex(identity): name for name, identity in named_matters(self.home).items()
        }

    def elsewhere(self) -> Elsewhere:
        """Return what is known of papers that other computers of the account deposited.

        Nothing where the file is damaged: the notary tells it again.
        """
        path = self.home / ELSEWHERE
        if not path.exists():
            return Elsewhere()
        try:
            value = json.loads(read_file(path))
            tips = {
                bytes.fromhex(identity): (int(number), bytes.fromhex(leaf))
                for identity, (number, leaf) in value["tips"].items()
            }
            return Elsewhere(int(value["after"]), tips, int(value["renumbered"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            return Elsewhere()

    def keep_elsewhere(self, found: Elsewhere) -> None:
        """Replace what is known of papers of other computers."""
        tips = {each.hex(): [number, leaf.hex()] for each, (number, leaf) in found.tips.items()}
        value = {"after": found.after, "tips": tips, "renumbered": found.renumbered}
        write_file(self.home / ELSEWHERE, json.dumps(value, indent=1).encode() + b"\n")

    def _sweep(self) -> None:
        """Remove what an interrupted sealing has left: whoever still works on one holds its lock."""
        from filelock import FileLock, Timeout

        for path in self._spool.glob(f"{_SEALING}*.lock"):
            lock = FileLock(path, timeout=0)
            try:
                with lock:
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                    path.unlink(missing_ok=True)
            except (Timeout, OSError):
                continue
        for folder in self._spool.glob(f"{_SEALING}*"):
            if folder.suffix != ".lock" and not folder.with_name(folder.name + ".lock").exists():
                shutil.rmtree(folder, ignore_errors=True)

    # --- the ledger as far as it was followed ---

    def checkpoint(self) -> VerifiedCheckpoint | None:
        """Return the largest verified checkpoint. Verified once more: a file is no memory."""
        path = self.home / "checkpoint"
        if not path.exists():
            return None
        return verify_own(self.trust, read_file(path).decode())

    def keep_checkpoint(self, old: VerifiedCheckpoint | None, new: VerifiedCheckpoint) -> bool:
        """Replace the largest verified checkpoint by `new`, if it still is `old`; return whether.

        Where another process has replaced it meanwhile, `new` was compared with what is not the largest
        any more: it would go back behind that one, or hide a fork.
        """
        with self.locked():
            kept = self.checkpoint()
            if (kept and kept.checkpoint) != (old and old.checkpoint):
                return False
            write_file(self.home / "checkpoint", format_note(new.note).encode())
            return True

    def keep_fork(self, note: str, checkpoint: Checkpoint) -> Path:
        """Keep a signed checkpoint that contradicts an earlier one: proof of a fork."""
        path = self.home / f"fork-{checkpoint.size}-{checkpoint.root.hex()[:8]}.checkpoint"
        write_file(path, note.encode())
        return path

    def keep_fault(self, fault: bytes) -> Path:
        """Keep a fault file, which proves to anybody what the notary has signed."""
        path = self.home / f"{sha256(fault).hexdigest()[:16]}.fault"
        write_file(path, fault)
        return path

    def faults(self) -> list[Path]:
        """Return the proofs that were kept against the notary."""
        return sorted([*self.home.glob("*.fault"), *self.home.glob("fork-*.checkpoint")])

    # --- locks ---

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the vault's lock: for moments only. Raises StorageFailed when another holds it long."""
        from filelock import FileLock, Timeout

        # The file is asked for again and again: of this process's threads one at a time, or one that
        # waits gets nothing while others take turns.
        try:
            with self._turn, FileLock(self.home / "lock", timeout=_LOCK_PATIENCE, mode=0o600):
                yield
        except Timeout as error:
            raise StorageFailed(
                f"Another sealbook process holds the vault at {quoted(self.home)}; try again when it "
                "is done."
            ) from error

    def sending(self, waiting: Callable[[], object]) -> contextlib.AbstractContextManager[None]:
        """Hold the right to send; `waiting` is called when another process sends at the moment."""
        return self.held("sending", waiting)

    @contextlib.contextmanager
    def held(self, name: str, waiting: Callable[[], object]) -> Iterator[None]:
        """Hold the lock `name` as long as it takes; `waiting` is called when another process does."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.home / name, mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def name_matter(home: Path, name: str, identity: bytes) -> None:
    import tomli_w

    matters = {**named_matters(home), name: identity.hex()}
    write_file(home / "matters.toml", tomli_w.dumps(matters).encode())
