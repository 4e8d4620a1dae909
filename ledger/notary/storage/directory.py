"""The notary's directory: what lies where, who may use it, and how it comes to be.

    notary.toml        origin and issuer          <origin>.trust   what verifiers get
    keys/*.pem         private, mode 0600         seal-chain.pem   the seal's certificate and its root
    ledger.sqlite      rebuilt from log/          checkpoints.sqlite   every signed checkpoint
    office.sqlite      orders and nonces          records/         identity records
    anchors.sqlite     cosignatures and timestamps, where there are witnesses or authorities
    packs.sqlite       where small ciphertext lies in objects/packs; made anew from there
    desk.sqlite        staff, what waits for an officer, the audit trail
    requests/          the identity records of what waits
    objects/           ciphertext                 log/             the log as static files
    uploads/           of ciphertext, under way, where a bucket holds the five folders above it
    notary.lock        held by the one process that signs
    key-statements     what the ledger owes about the notary's own keys
    clock-accepted     up to when blocks may lie ahead of the clock, where the office has said so
    last-backup        when the newest backup was made, and where
    objects-mark       which `objects` is the ledger's, see `landmark`
    engine, moving     marks of a move to another engine, see `moving`

A directory is filled under `.incomplete`, which is nothing yet and may be thrown away; renamed to
`.ready`, it counts, and its content is moved up, by whoever comes next where a crash came in between.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from filelock import FileLock, Timeout

from ledger.chain.statement import is_origin
from ledger.chain.trust import Trust
from ledger.crypto.envelope import decrypt_bytes, encrypt_bytes
from ledger.crypto.keys import (
    MlDsaKey,
    PrivateKey,
    SealKey,
    SigningKey,
    format_pem,
    parse_pem,
)
from ledger.crypto.recipients import ScryptIdentity, ScryptRecipient
from ledger.disk.files import make_folder, sync_folder, write_durably
from ledger.encoding import parse_decimal, parse_toml
from ledger.errors import (
    Conflict,
    DecryptionFailed,
    InvalidInput,
    MalformedData,
    NotFound,
    StorageFailed,
)
from ledger.notary.options import OF_THE_LEDGER, TABLE, require_known
from ledger.notary.ports import Hook, NotaryKeys, Step, TokenPlace
from ledger.notary.storage import (
    anchors,
    checkpoints,
    connections,
    desk,
    moving,
    office,
    packs,
    validation,
)
from ledger.notary.storage.bucket import parse_objects_url
from ledger.notary.storage.highwater import parse_high_water
from ledger.quoted import quoted

SETTINGS, LOCK = "notary.toml", "notary.lock"
KEYS, SEAL_CHAIN = "keys", "seal-chain.pem"
OBJECTS, LOG, RECORDS = "objects", "log", "records"
UPLOADS = "uploads"
LEDGER, CHECKPOINTS, OFFICE = connections.FILE, checkpoints.FILE, office.FILE
ANCHORS, PACKS = anchors.FILE, packs.FILE
VALIDATION = validation.FOLDER
DESK, REQUESTS = desk.FILE, desk.REQUESTS
LOG_KEY, ML_DSA_KEY = "log-ed25519.pem", "log-ml-dsa-44.pem"
OLD_LOG_KEY, OLD_ML_DSA_KEY = f"old-{LOG_KEY}", f"old-{ML_DSA_KEY}"
"""The keys whose place LOG_KEY and ML_DSA_KEY take, while both sign."""
SEAL_KEY, SEAL_ROOT_KEY = "seal-p256.pem", "seal-root-p256.pem"
NEW_SEAL_KEY = f"new-{SEAL_KEY}"
"""A key that seals nothing before it has a certificate."""
ACCEPTED = "clock-accepted"
LAST_BACKUP = "last-backup"
_LONGEST = 8_192
"""Characters of what it says."""
KEY_STATEMENTS = "key-statements"
INCOMPLETE, READY = ".incomplete", ".ready"
_FORMAT = "sealbook-notary-v1"
_KNOWN = (*OF_THE_LEDGER, TABLE)
_AGE = b"age-encryption.org/"

if TYPE_CHECKING:
    from ledger.notary.storage.hsm import KeyToken


class InUse(Conflict):
    """Another process holds the notary's directory."""

    code = "in-use"


@dataclass(frozen=True, slots=True)
class TimestampSettings:
    """A timestamp authority (RFC 3161) that stamps anchors: one `[[timestamps]]` of notary.toml.

    `root` is a PEM file, `policy` an object identifier or None, `interval` seconds between stamps.
    `chain` is a PEM file of certificates that its tokens do not bring, `crls` are URLs of revocation
    lists beside those that its certificates name.
    """

    url: str
    name: str
    root: Path
    policy: str | None = None
    interval: int = 60
    chain: Path | None = None
    crls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of notary.toml. `passphrase_file` holds what opens the private keys that are shut.

    `portal` is the URL at which the office answers for its certificates. `database` is the URL of the
    PostgreSQL database that holds the rows; None for SQLite files in the directory. It may hold a
    password: nothing prints it. `objects` is the URL of the bucket that holds everything else but
    settings and keys; None for folders of the directory. `high_water` is where it is kept how far was
    signed, outside of all these; None for nowhere. `serve` is as it was written:
    `ledger.notary.options` reads it.
    """

    origin: str
    issuer: str
    timestamps: tuple[TimestampSettings, ...] = ()
    token: TokenPlace | None = None
    passphrase_file: str | None = None
    portal: str | None = None
    database: str | None = field(default=None, repr=False)
    objects: str | None = None
    high_water: str | None = None
    serve: Mapping[str, object] = field(default_factory=dict)

    @property
    def trust_file(self) -> str:
        """The name of the trust file."""
        return f"{self.origin.replace('/', '-')}.trust"


class HeldDirectory:
    """A notary's directory, held by this process until `release` or the end of the block.

    By its lock file, and by the directory itself: who deletes `notary.lock` lets nobody else in.
    """

    def __init__(self, held: FileLock, descriptor: int) -> None:
        self._held = held
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of it; doing so again changes nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            self._held.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lock(directory: Path) -> HeldDirectory:
    """Return a notary's directory, held; it is its owner's alone from now on.

    Raises InUse, StorageFailed.
    """
    held = FileLock(directory / LOCK, timeout=0, mode=0o600)
    try:
        for path, mode in ((directory, 0o700), (directory / LOCK, 0o600)):
            if path.exists() and path.stat().st_mode & 0o077:
                path.chmod(mode)
        held.acquire()
        try:
            return HeldDirectory(held, _locked(directory))
        except BaseException:
            held.release()
            raise
    except (Timeout, BlockingIOError):
        raise InUse(
            f"Another notary is at work on {directory}. Only one may sign for a ledger: stop the "
            "service there first."
        ) from None
    except OSError as error:
        raise StorageFailed(f"{quoted(directory)} cannot be used: {error.strerror}.") from error


def _locked(directory: Path) -> int:
    """Return a descriptor that holds the directory itself. Raises BlockingIOError where it is held."""
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_settings(directory: Path) -> Settings:
    """Return the settings.

    Raises NotFound where no notary lives; Conflict where the ledger was moved away from what they name,
    or is being moved; InvalidInput.
    """
    settings = read_settings_of_any(directory)
    moving.require_engine(
        directory, server=settings.database is not None, bucket=settings.objects is not None
    )
    return settings


def read_settings_of_any(directory: Path) -> Settings:
    """Return the settings, also of a ledger that is being moved. Raises NotFound, InvalidInput."""
    try:
        data = (directory / SETTINGS).read_bytes()
    except FileNotFoundError:
        raise NotFound(
            f"{quoted(directory)} holds no notary. Run `sealbook notary init`, or name the "
            "right directory."
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"{quoted(directory / SETTINGS)} cannot be read: {quoted(error)}"
        ) from error
    return _parse_settings(data, directory)


def _parse_settings(data: bytes, directory: Path) -> Settings:
    try:
        value = parse_toml(data)
    except MalformedData as error:
        raise InvalidInput(
            f"{quoted(directory / SETTINGS)} cannot be read: {quoted(error)}"
        ) from error
    match value:
        case {"format": "sealbook-notary-v1", "origin": origin, "issuer": str(issuer)}:
            if is_origin(origin):
                require_known(value, _KNOWN)
                return Settings(
                    origin,
                    issuer,
                    _parse_timestamps(value.get("timestamps", []), directory),
                    _parse_token(value.get("token")),
                    _parse_passphrase_file(value.get("passphrase_file")),
                    _parse_portal(value.get("portal")),
                    parse_database(value.get("database")),
                    parse_objects(value.get("objects")),
                    parse_high_water(value.get("high_water")),
                    _parse_serve(value.get(TABLE, {})),
                )
    raise InvalidInput(f"{quoted(directory / SETTINGS)} does not say what it should; restore it.")


def write_settings(directory: Path, settings: Settings) -> None:
    """Write notary.toml."""
    content: dict[str, object] = {
        "format": _FORMAT,
        "origin": settings.origin,
        "issuer": settings.issuer,
    }
    if settings.timestamps:
        content["timestamps"] = [_timestamp(each, directory) for each in settings.timestamps]
    if settings.passphrase_file is not None:
        content["passphrase_file"] = settings.passphrase_file
    if settings.portal is not None:
        content["portal"] = settings.portal
    if settings.database is not None:
        content["database"] = settings.database
    if settings.objects is not None:
        content["objects"] = settings.objects
    if settings.high_water is not None:
        content["high_water"] = settings.high_water
    if settings.token is not None:
        content["token"] = asdict(settings.token)
    if settings.serve:
        content[TABLE] = settings.serve
    write_durably(directory / SETTINGS, tomli_w.dumps(content).encode(), 0o600)


def name_places(directory: Path, **named: str | None) -> None:
    """Let notary.toml name these, durably in one step; see `settings_naming`."""
    write_durably(directory / SETTINGS, settings_naming(directory, **named), 0o600)


def settings_naming(directory: Path, **named: str | None) -> bytes:
    """Return notary.toml with other values of `database`, `objects` or `high_water`, None for none.

    Its other lines stay as they are. Raises InvalidInput where a person has written it so that it
    cannot be done, OSError.
    """
    path = directory / SETTINGS
    wanted = replace(read_settings_of_any(directory), **named)  # type: ignore[arg-type]
    lines = path.read_text("utf-8").splitlines(keepends=True)
    end = next((at for at, each in enumerate(lines) if each.startswith("[")), len(lines))
    line = re.compile(rf"\s*({'|'.join(named)})\s*=")
    kept = [each for each in lines[:end] if not line.match(each)] + lines[end:]
    new = tomli_w.dumps({name: value for name, value in named.items() if value is not None})
    data = (new + "".join(kept)).encode()
    if _parse_settings(data, directory) != wanted:
        raise InvalidInput(
            f"{quoted(path)} is written in a way that this command cannot change. Write "
            f"{quoted(', '.join(named))} on lines of their own at its top, and give the command again."
        )
    return data


def _timestamp(settings: TimestampSettings, directory: Path) -> dict[str, object]:
    def named(path: Path) -> str:
        return str(path.relative_to(directory) if path.is_relative_to(directory) else path)

    return {
        name: named(value) if isinstance(value, Path) else value
        for name, value in asdict(settings).items()
        if value is not None and value != ()
    }


def read_accepted(directory: Path) -> int:
    """Return up to which time (POSIX seconds) the office lets blocks lie ahead of the clock.

    0 where it never has. Raises InvalidInput.
    """
    try:
        return parse_decimal((directory / ACCEPTED).read_text().strip())
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError, MalformedData) as error:
        raise InvalidInput(
            f"{directory / ACCEPTED} cannot be read ({error}); remove it, and run `sealbook notary "
            "accept-clock` again if that is asked for."
        ) from error


def write_accepted(directory: Path, time: int) -> None:
    """Note up to which time (POSIX seconds) blocks may lie ahead of the clock."""
    write_durably(directory / ACCEPTED, f"{time}\n".encode(), 0o600)


@dataclass(frozen=True, slots=True)
class LastBackup:
    """When the newest backup was made (POSIX seconds), of how many entries, and where."""

    time: int
    size: int
    place: str


def read_last_backup(directory: Path) -> LastBackup | None:
    """Return what is noted of the newest backup, None where nothing is that can be read."""
    try:
        with (directory / LAST_BACKUP).open(encoding="utf-8") as lines:
            time, size, named = lines.readline(_LONGEST).rstrip("\n").split(" ", 2)
        return LastBackup(parse_decimal(time), parse_decimal(size), named)
    except (OSError, ValueError, MalformedData):
        return None


def write_last_backup(directory: Path, made: LastBackup) -> None:
    """Note the newest backup, for who asks how old it is. Raises OSError."""
    line = f"{made.time} {made.size} {made.place}\n"
    write_durably(directory / LAST_BACKUP, line.encode(errors="replace"), 0o600)


def passphrase_of(directory: Path, settings: Settings) -> str | None:
    """Return what the private keys are shut with: the first line of its file. Raises InvalidInput."""
    if settings.passphrase_file is None:
        return None
    path = directory / settings.passphrase_file
    try:
        with path.open(encoding="utf-8") as lines:
            passphrase = lines.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{quoted(path)}, which holds the passphrase of the notary's keys, cannot be read. Nothing "
            "is signed without it."
        ) from error
    if not passphrase:
        raise InvalidInput(f"The first line of the passphrase file {quoted(path)} is empty.")
    return passphrase


def format_private(key: PrivateKey, passphrase: str | None) -> bytes:
    """Return a private key as PEM, inside an age file where there is a passphrase."""
    pem = format_pem(key)
    if passphrase is None:
        return pem
    return encrypt_bytes(pem, [ScryptRecipient(passphrase)], os.urandom)


def parse_private(data: bytes, passphrase: str | None) -> PrivateKey:
    """Return a private key, shut or not. Raises MalformedData, DecryptionFailed."""
    if not data.startswith(_AGE):
        return parse_pem(data)
    if passphrase is None:
        raise MalformedData("it is under a passphrase, and notary.toml names no passphrase_file")
    return parse_pem(decrypt_bytes(data, [ScryptIdentity(passphrase)]))


def shut_keys(directory: Path, passphrase_file: Path) -> int:
    """Put every private key under a passphrase, and note its file in notary.toml; return how many.

    Hold the lock. A kill leaves keys of which each can be read; doing it again finishes. Raises
    Conflict where another passphrase file is named already, InvalidInput, StorageFailed.
    """
    settings = read_settings(directory)
    named = str(passphrase_file.resolve())
    if settings.passphrase_file not in (None, named):
        raise Conflict(
            "The keys are under the passphrase of another file already, which notary.toml names."
        )
    passphrase = passphrase_of(directory, replace(settings, passphrase_file=named))
    count = 0
    try:
        if settings.passphrase_file is None:
            line = tomli_w.dumps({"passphrase_file": named}).encode()
            path = directory / SETTINGS
            write_durably(path, line + path.read_bytes())
        for path in sorted((directory / KEYS).glob("*.pem")):
            data = path.read_bytes()
            if not data.startswith(_AGE):
                write_durably(path, format_private(parse_pem(data), passphrase), 0o600)
                count += 1
    except (OSError, MalformedData) as error:
        raise StorageFailed(f"{quoted(directory)} cannot be changed ({quoted(error)}).") from error
    return count


def write_keys(
    directory: Path, settings: Settings, keys: NotaryKeys, root_key: SealKey, chain: bytes
) -> None:
    """Write the private keys that are not in a token, and the seal's certificates.

    `chain` is PEM, the seal's first.
    """
    passphrase = passphrase_of(directory, settings)
    for name, key in (
        (LOG_KEY, keys.log),
        (ML_DSA_KEY, keys.ml_dsa),
        (SEAL_KEY, keys.seal),
        (SEAL_ROOT_KEY, root_key),
    ):
        if isinstance(key, SigningKey | MlDsaKey | SealKey):
            write_durably(directory / KEYS / name, format_private(key, passphrase), 0o600)
    (directory / KEYS).chmod(0o700)
    write_durably(directory / SEAL_CHAIN, chain)


def read_keys(directory: Path, settings: Settings, trust: Trust) -> NotaryKeys:
    """Return what the notary signs with. Raises InvalidInput; NotSigning without its key token."""
    names = (LOG_KEY, ML_DSA_KEY, SEAL_KEY) if settings.token is None else (ML_DSA_KEY,)
    if (directory / KEYS / OLD_LOG_KEY).exists():
        names = (*names, OLD_LOG_KEY, OLD_ML_DSA_KEY)
    passphrase = passphrase_of(directory, settings)
    try:
        found = [
            parse_private((directory / KEYS / name).read_bytes(), passphrase) for name in names
        ]
        chain = x509.load_pem_x509_certificates((directory / SEAL_CHAIN).read_bytes())
    except (OSError, ValueError, MalformedData, DecryptionFailed) as error:
        raise InvalidInput(
            f"A key or certificate in {quoted(directory)} cannot be read ({quoted(error)}); put "
            "it back."
        ) from error
    ders = tuple(each.public_bytes(Encoding.DER) for each in chain)
    match found:
        case [SigningKey() as log, MlDsaKey() as ml_dsa, SealKey() as seal]:
            return NotaryKeys(settings.origin, log, ml_dsa, seal, ders)
        case [
            SigningKey() as log,
            MlDsaKey() as ml_dsa,
            SealKey() as seal,
            SigningKey() as old,
            MlDsaKey() as old_ml_dsa,
        ]:
            if _is_revoked(old, trust):
                return NotaryKeys(settings.origin, log, ml_dsa, seal, ders)
            return NotaryKeys(settings.origin, old, old_ml_dsa, seal, ders, successor=(log, ml_dsa))
        case [MlDsaKey() as ml_dsa] if settings.token is not None:
            token = open_token(settings.token, settings.origin, directory)
            return NotaryKeys(
                settings.origin, token.log, ml_dsa, token.seal, ders, token.require_held
            )
    raise InvalidInput(
        f"The keys in {quoted(directory / KEYS)} are not of the kinds that their names say."
    )


def _is_revoked(key: SigningKey, trust: Trust) -> bool:
    return any(each.revoked is not None for each in trust.retired if each.log.public == key.public)


def drop_old_keys(directory: Path) -> None:
    """Let the log's old keys sign no more, and destroy their files. Raises StorageFailed."""
    try:
        for name in (
            OLD_LOG_KEY,
            OLD_ML_DSA_KEY,
        ):  # without the first the second counts for nothing
            (directory / KEYS / name).unlink(missing_ok=True)
            sync_folder(directory / KEYS)
    except OSError as error:
        raise StorageFailed(
            f"{quoted(directory / KEYS)} cannot be changed ({error.strerror}); mend that, then give "
            "the command again."
        ) from error


def open_token(place: TokenPlace, origin: str, directory: Path) -> "KeyToken":
    """Return the token that holds a ledger's keys. Raises InvalidInput where the extra is missing."""
    try:
        from ledger.notary.storage.hsm import KeyToken
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "Keys in a PKCS#11 token need the extra of the program for it. Install it with "
            "`pip install 'sealbook[notary,hsm]'`."
        ) from error
    return KeyToken(place, origin, directory)


MAX_TIMESTAMPS, MAX_CRLS = 16, 8
MAX_DATABASE = 1_000
MAX_URL = 120
"""Characters of the portal's URL: it stands in a small code on paper."""


def _parse_timestamps(values: object, directory: Path) -> tuple[TimestampSettings, ...]:
    if not isinstance(values, list) or len(values) > MAX_TIMESTAMPS:
        raise InvalidInput(f"{quoted(SETTINGS)} has at most {MAX_TIMESTAMPS} [[timestamps]].")
    found = tuple(_parse_timestamp(each, directory) for each in values)
    if len({each.name for each in found}) < len(found):
        raise InvalidInput(f"{quoted(SETTINGS)} has two [[timestamps]] of one name.")
    return found


def _parse_timestamp(value: object, directory: Path) -> TimestampSettings:
    match value:
        case {"url": str(url), "name": str(name), "root": str(root), **rest} if url.startswith(
            ("http://", "https://")
        ) and rest.keys() <= {"policy", "interval", "chain", "crls"}:
            policy, interval = rest.get("policy"), rest.get("interval", 60)
            chain, crls = rest.get("chain"), rest.get("crls", [])
            if (
                isinstance(policy, str | None)
                and type(interval) is int
                and interval > 0
                and isinstance(chain, str | None)
                and isinstance(crls, list)
                and len(crls) <= MAX_CRLS
                and all(str(each).startswith(("http://", "https://")) for each in crls)
            ):
                place = None if chain is None else directory / chain
                return TimestampSettings(
                    url, name, directory / root, policy, interval, place, tuple(crls)
                )
    raise InvalidInput(
        f"{quoted(SETTINGS)} does not say of its [[timestamps]] what it should: url, name, root (a "
        "PEM file), and perhaps policy, interval (seconds), chain (a PEM file) and crls (at most "
        f"{MAX_CRLS} URLs)."
    )


def _parse_passphrase_file(value: object) -> str | None:
    if isinstance(value, str | None):
        return value
    raise InvalidInput(
        f"{quoted(SETTINGS)} does not say of passphrase_file what it should: a path."
    )


def _parse_portal(value: object) -> str | None:
    match value:
        case None:
            return None
        case str() if value.startswith(("https://", "http://")) and (
            value.isascii() and value.isprintable() and " " not in value and len(value) <= MAX_URL
        ):
            return value
    raise InvalidInput(
        f"{quoted(SETTINGS)} does not say of portal what it should: a URL of at most {MAX_URL} ASCII "
        "characters, as https://notary.example."
    )


def parse_database(value: object) -> str | None:
    """Return the URL of a database; None for none. Raises InvalidInput, which does not repeat it."""
    match value:
        case None:
            return None
        case str() if (
            value.startswith(("postgresql://", "postgres://")) and len(value) <= MAX_DATABASE
        ):
            return value
    raise InvalidInput(
        "The database is named by a URL such as postgresql://user@host:5432/name, of at most "
        f"{MAX_DATABASE} characters."
    )


def parse_objects(value: object) -> str | None:
    """Return the URL of a bucket; None for none. Raises InvalidInput."""
    match value:
        case None:
            return None
        case str():
            parse_objects_url(value)
            return value
    raise InvalidInput(
        f"{quoted(SETTINGS)} does not say of objects what it should: a URL, as s3://..."
    )


def _parse_serve(value: object) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise InvalidInput(
        f"{quoted(SETTINGS)} does not say of serve what it should: a table, [serve]."
    )


def _parse_token(value: object) -> TokenPlace | None:
    match value:
        case None:
            return None
        case {"module": str(module), "label": str(label), "pin_file": str(pin_file)}:
            return TokenPlace(module, label, pin_file)
    raise InvalidInput(
        f"{quoted(SETTINGS)} does not say of its [token] what it should: module, label, pin_file."
    )


def fill(
    directory: Path, allowed: tuple[str, ...], build: Callable[[Path], None], hook: Hook
) -> None:
    """Fill an empty directory with what `build` makes in the folder that it is given.

    Files named in `allowed` may be there before; `build`'s replace them. Hold the lock. Raises Conflict
    when anything else is there.
    """
    settle(directory, hook)
    found = sorted(p.name for p in directory.iterdir() if p.name not in (*allowed, LOCK))
    if found:
        raise Conflict(
            f"{quoted(directory)} is not empty: it holds {quoted(', '.join(found[:3]))}. Choose "
            "an empty directory."
        )
    put(directory, build, hook)


def replace_files(directory: Path, files: Mapping[str, bytes], hook: Hook) -> None:
    """Put files, by their paths, in place of those that are there: all of them, or none.

    They are for their owner alone, but for the trust file and the certificates. Hold the lock. Raises
    OSError; where `.ready` is there then, they count, and whoever comes next moves them.
    """

    def build(folder: Path) -> None:
        for name, data in files.items():
            public = name.endswith(".trust") or name == SEAL_CHAIN
            write_durably(folder / name, data, 0o644 if public else 0o600)

    put(directory, build, hook)


def put(directory: Path, build: Callable[[Path], None], hook: Hook) -> None:
    """Put what `build` makes in the folder that it is given where it belongs: all of it, or nothing.

    Hold the lock.
    """
    incomplete = directory / INCOMPLETE
    fresh(incomplete)
    build(incomplete)
    hook(Step.PLACE, "before")
    for folder in [incomplete, *(p for p in incomplete.rglob("*") if p.is_dir())]:
        sync_folder(folder)
    incomplete.rename(directory / READY)
    sync_folder(directory)
    hook(Step.PLACE, "after")
    settle(directory, hook)


def settle(directory: Path, hook: Hook) -> None:
    """Throw away what was never finished; move up what was. Hold the lock."""
    shutil.rmtree(directory / INCOMPLETE, ignore_errors=True)
    if (directory / READY).is_dir():
        _move_up(directory / READY, directory, hook)


def is_unsettled(directory: Path) -> bool:
    """Return whether files are being moved up, or wait for it."""
    return (directory / READY).exists()


def _move_up(folder: Path, target: Path, hook: Hook) -> None:
    """Move what a folder holds to a target, and into its folders; the emptied folder goes away."""
    for source in sorted(folder.iterdir(), key=lambda path: path.name == SETTINGS):
        goal = target / source.name
        if source.is_dir() and goal.is_dir():
            _move_up(source, goal, hook)
            continue
        hook(Step.MOVE, "before")
        for suffix in ("-wal", "-shm"):  # of a database that is replaced
            goal.with_name(f"{goal.name}{suffix}").unlink(missing_ok=True)
        source.replace(goal)
        hook(Step.MOVE, "after")
    hook(Step.MOVE, "before")
    sync_folder(target)
    folder.rmdir()
    sync_folder(folder.parent)
    hook(Step.MOVE, "after")


def fresh(folder: Path) -> None:
    """Make a folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)


def replace_database(new: Path, old: Path) -> None:
    """Put a closed database in another's place; that one's log of changes goes with it."""
    for suffix in ("-wal", "-shm"):
        old.with_name(f"{old.name}{suffix}").unlink(missing_ok=True)
    new.replace(old)
    sync_folder(old.parent)
