"""A witness's directory and its one act: compare, persist, then sign.

    witness.toml        its name
    keys/*.pem          Ed25519 and ML-DSA-44, mode 0600
    witness.sqlite      the logs that it watches, and what it has cosigned of each

What was cosigned lives in one database, compared and swapped in one transaction that is synced before
anything is answered. It is made together with the keys and never anew: a witness that has forgotten
would cosign a second history.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import tomli_w

from ledger.chain.cosignature import TIME_SIZE, cosign
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    Signature,
    VerifierKey,
    format_signature,
    format_vkey,
    parse_vkey,
)
from ledger.chain.witnessing import (
    LOG_ALGORITHMS,
    Contradiction,
    Request,
    Unwitnessed,
    parse_request,
    parse_stored,
    require_consistent,
    verify_submitted,
)
from ledger.crypto.keys import MlDsaKey, SigningKey, format_pem, parse_pem
from ledger.disk.files import make_folder, write_durably
from ledger.encoding import parse_toml
from ledger.errors import Conflict, InvalidInput, MalformedData, NotFound, StorageFailed
from ledger.quoted import quoted

SETTINGS, DATABASE, KEYS = "witness.toml", "witness.sqlite", "keys"
ED25519_KEY, ML_DSA_KEY = "ed25519.pem", "ml-dsa-44.pem"
MAX_KEPT = 100
"""Contradictions that are kept of one log: what it has signed is shown by the first."""
MAX_ORIGIN = 255
"""UTF-8 bytes: what the message of an ML-DSA-44 cosignature has room for."""
_FORMAT = "sealbook-witness-v1"
_BUSY = 10.0
"""Seconds to wait for another request's transaction."""

_SCHEMA = """
CREATE TABLE logs (origin TEXT PRIMARY KEY, note TEXT) STRICT;
CREATE TABLE keys (
    origin TEXT NOT NULL REFERENCES logs, vkey TEXT NOT NULL, UNIQUE (origin, vkey)
) STRICT;
CREATE TABLE contradictions (
    origin TEXT NOT NULL, stored TEXT NOT NULL, submitted TEXT NOT NULL
) STRICT;
"""

Hook = Callable[[str], None]
"""Called around the durable step, with "before" and "after"."""


@dataclass(frozen=True, slots=True)
class Witness:
    """An open witness: its name, keys, and where its database lies."""

    name: str
    ed25519: SigningKey
    ml_dsa: MlDsaKey
    directory: Path

    @property
    def verifiers(self) -> tuple[VerifierKey, VerifierKey]:
        """The keys that a policy lists."""
        return (
            VerifierKey(self.name, COSIGNATURE_ED25519, self.ed25519.public),
            VerifierKey(self.name, COSIGNATURE_ML_DSA_44, self.ml_dsa.public),
        )

    def add(self, vkey: str, origin: str | None = None) -> str:
        """Watch a log, or take a further key of it; return its origin, the key's name unless given.

        Raises InvalidInput, Conflict, StorageFailed.
        """
        try:
            key = parse_vkey(vkey)
        except MalformedData as error:
            raise InvalidInput(f"The log's key is {quoted(error)}.") from error
        if key.algorithm not in LOG_ALGORITHMS:
            raise InvalidInput("A log's key is of type 0x01, 0x04 or 0x06.")
        named = key.name if origin is None else origin
        if not 0 < len(named.encode(errors="replace")) <= MAX_ORIGIN or any(
            each < " " or "\ud800" <= each <= "\udfff" for each in named
        ):
            raise InvalidInput(f"An origin is one line of at most {MAX_ORIGIN} bytes of UTF-8.")
        if self.name in (named, key.name):
            raise Conflict(
                "A log cannot have the name of this witness: signatures would be mixed up."
            )
        with self._transaction() as database:
            others = database.execute("SELECT vkey FROM keys WHERE origin = ?", (named,)).fetchall()
            for (other,) in others:
                known = parse_vkey(other)
                if (known.name, known.key_id) == (key.name, key.key_id) and known != key:
                    raise Conflict("Another key of this log has the same name and id.")
            database.execute("INSERT OR IGNORE INTO logs VALUES (?, NULL)", (named,))
            database.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (named, format_vkey(key)))
        return named

    def cosign(self, body: bytes, now: int, hook: Hook = lambda _: None) -> str:
        """Return the signature lines for an add-checkpoint request, once they are durable.

        `now` is POSIX seconds. Raises Unwitnessed with the answer's status, StorageFailed.
        """
        request = parse_request(body)
        with self._transaction() as database:
            row = database.execute(
                "SELECT note FROM logs WHERE origin = ?", (request.origin,)
            ).fetchone()
            if row is None:
                raise Unwitnessed(404, "This witness does not watch a log of this origin.")
            keys = database.execute("SELECT vkey FROM keys WHERE origin = ?", (request.origin,))
            known = tuple(parse_vkey(vkey) for (vkey,) in keys)
            try:
                note, lines = self._signed(request, known, row[0], now)
            except Contradiction:
                self._keep(database, request, row[0])
                database.commit()
                raise
            database.execute("UPDATE logs SET note = ? WHERE origin = ?", (note, request.origin))
            hook("before")
        hook("after")
        return "".join(f"{format_signature(each)}\n" for each in lines)

    def cosigned(self, origin_hash: str) -> str | None:
        """Return the newest note cosigned of the log whose origin has this SHA-256, in lower hex."""
        with closing(self._open()) as database:
            for origin, note in database.execute("SELECT origin, note FROM logs"):
                if sha256(origin.encode()).hexdigest() == origin_hash:
                    return None if note is None else str(note)
        return None

    def contradictions(self) -> list[tuple[str, str]]:
        """Return the pairs of notes that contradict each other, as the logs have signed them."""
        with closing(self._open()) as database:
            return list(database.execute("SELECT stored, submitted FROM contradictions"))

    def _signed(
        self, request: Request, known: tuple[VerifierKey, ...], stored: str | None, now: int
    ) -> tuple[str, tuple[Signature, ...]]:
        submitted = verify_submitted(request, known)
        before, last = None, 0
        if stored is not None:
            before, lines = parse_stored(stored)
            last = self._newest_time(lines)
        require_consistent(request, submitted.checkpoint, before)
        time = max(now, last, 1)
        own = tuple(
            cosign(submitted.checkpoint, self.name, key, time)
            for key in (self.ed25519, self.ml_dsa)
        )
        return submitted.with_lines(own), own

    def _newest_time(self, lines: tuple[Signature, ...]) -> int:
        own = {each.key_id for each in self.verifiers}
        return max(
            int.from_bytes(each.signature[:TIME_SIZE], "big")
            for each in lines
            if each.name == self.name and each.key_id in own
        )

    def _keep(self, database: sqlite3.Connection, request: Request, stored: str | None) -> None:
        (count,) = database.execute(
            "SELECT count(*) FROM contradictions WHERE origin = ?", (request.origin,)
        ).fetchone()
        if stored is not None and count < MAX_KEPT:
            database.execute(
                "INSERT INTO contradictions VALUES (?, ?, ?)",
                (request.origin, stored, request.note),
            )

    def _open(self) -> sqlite3.Connection:
        path = self.directory / DATABASE
        try:
            database = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_BUSY, isolation_level=None
            )
            database.execute("PRAGMA synchronous = FULL")
            database.execute("SELECT 1 FROM logs").fetchone()
        except sqlite3.Error as error:
            raise StorageFailed(
                f"{quoted(path)} cannot be used ({quoted(error)}). Put it back: without it this "
                "witness does not know what it has cosigned, and it signs nothing. If it is lost "
                "for good, found a new witness under new keys."
            ) from error
        return database

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                yield database
                if database.in_transaction:
                    database.execute("COMMIT")
            except sqlite3.Error as error:
                raise StorageFailed(
                    f"The witness's database cannot be written ({quoted(error)})."
                ) from error


def init_witness(
    directory: Path, name: str, random: Callable[[int], bytes] = os.urandom
) -> Witness:
    """Found a witness in an empty or new directory. Raises InvalidInput, Conflict, StorageFailed."""
    try:
        parse_vkey(format_vkey(VerifierKey(name, COSIGNATURE_ED25519, bytes(32))))
        if not name.isprintable():
            raise MalformedData("it would be read as another")
    except (MalformedData, UnicodeError) as error:
        raise InvalidInput(
            "A witness's name has 1 to 255 bytes, without spaces, controls or '+', such as "
            "witness.example/w1."
        ) from error
    make_folder(directory)
    if any(directory.iterdir()):
        raise Conflict(f"{quoted(directory)} is not empty. Choose an empty directory.")
    directory.chmod(0o700)
    witness = Witness(name, SigningKey(random(32)), MlDsaKey(random(32)), directory)
    make_folder(directory / KEYS)
    (directory / KEYS).chmod(0o700)
    with closing(sqlite3.connect(directory / DATABASE)) as database:
        database.executescript(_SCHEMA)
    (directory / DATABASE).chmod(0o600)
    write_durably(directory / KEYS / ED25519_KEY, format_pem(witness.ed25519), 0o600)
    write_durably(directory / KEYS / ML_DSA_KEY, format_pem(witness.ml_dsa), 0o600)
    settings = {"format": _FORMAT, "name": name}
    write_durably(directory / SETTINGS, tomli_w.dumps(settings).encode(), 0o600)
    return witness


def open_witness(directory: Path) -> Witness:
    """Return the witness in a directory. Raises NotFound, InvalidInput, StorageFailed."""
    try:
        settings = parse_toml((directory / SETTINGS).read_bytes())
        keys = [
            parse_pem((directory / KEYS / each).read_bytes()) for each in (ED25519_KEY, ML_DSA_KEY)
        ]
    except FileNotFoundError as error:
        raise NotFound(
            f"{quoted(directory)} holds no whole witness. Run `sealbook witness init`, or put back "
            "what is missing."
        ) from error
    except (OSError, MalformedData) as error:
        raise InvalidInput(
            f"The witness in {quoted(directory)} cannot be read: {quoted(error)}"
        ) from error
    match settings, keys:
        case {"format": "sealbook-witness-v1", "name": str(name)}, [
            SigningKey() as ed25519,
            MlDsaKey() as ml_dsa,
        ]:
            witness = Witness(name, ed25519, ml_dsa, directory)
            witness._open().close()
            return witness
    raise InvalidInput(f"{quoted(directory / SETTINGS)} or a key does not say what it should.")
