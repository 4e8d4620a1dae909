"""Founds a notary: keys, seal certificates, trust file, genesis, platform statement.

Block 0 holds genesis alone; block 1 the platform statement. All of it is made aside and put in place at
once, so that a crash leaves either no notary or a whole one.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ledger.chain import statement as st
from ledger.chain.certificate import SealAnchor
from ledger.chain.office import Platform, platform_payload
from ledger.chain.policy import Group, Log, Policy, Witness
from ledger.chain.statement import is_origin
from ledger.chain.trust import Trust, format_trust
from ledger.crypto.keys import Ed25519Signer, MlDsaKey, P256Signer, SealKey, SigningKey
from ledger.disk.files import make_folder, write_durably
from ledger.errors import Conflict, InvalidInput
from ledger.notary.care.certifying import SEAL_ROOT_YEARS, SEAL_YEARS, certificate
from ledger.notary.clock import Clock, ClockWatch
from ledger.notary.ports import Hook, NotaryKeys, Step, TokenPlace, no_check, no_hook
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.storage import directory as place
from ledger.notary.storage.bucket import open_bucket, take_unused
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.stores import (
    open_books,
    open_desk,
    open_landmark,
    open_log,
    open_server,
)
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Server

SEED_SIZE = 32


def init_notary(
    directory: Path,
    origin: str,
    *,
    issuer: str,
    platform: Platform,
    token: TokenPlace | None = None,
    passphrase_file: Path | None = None,
    database: str | None = None,
    objects: str | None = None,
    clock: Clock = SYSTEM_CLOCK,
    random: Callable[[int], bytes],
    hook: Hook = no_hook,
) -> Trust:
    """Found a notary in an empty or new directory; return what its trust file says.

    Args:
        directory: The notary's own; the trust file comes to lie in it as `<origin>.trust`.
        origin: The ledger's name for ever, such as "notary.example/ledger".
        issuer: The office's name, for certificates and the trust file.
        platform: The first platform statement.
        token: Where the log's Ed25519 key and the seal's key are to be made; None for files.
        passphrase_file: Its first line shuts the private keys that are files; None leaves them open.
        database: The URL of an empty PostgreSQL database for the rows; None for SQLite files.
        objects: The URL of an unused place in a bucket for all but rows and keys; None for folders.
        clock: What time it is.
        random: Returns that many bytes from the system's generator.
        hook: Called around each durable step.

    Raises Conflict when the directory is not empty or in use, or the token holds such keys; NotSigning
    when the token does not answer; InvalidInput, StorageFailed.
    """
    if not is_origin(origin):
        raise InvalidInput(
            "An origin has 1 to 255 printable ASCII characters, no space and no '+', such as "
            "notary.example/ledger."
        )
    if not 0 < len(issuer) <= MAX_ISSUER:
        raise InvalidInput(f"The office's name has 1 to {MAX_ISSUER} characters.")
    make_folder(directory)
    made: list[Trust] = []
    named = None if passphrase_file is None else str(passphrase_file.resolve())
    settings = Settings(
        origin,
        issuer,
        token=token,
        passphrase_file=named,
        database=place.parse_database(database),
        objects=place.parse_objects(objects),
    )
    place.passphrase_of(directory, settings)

    def build(folder: Path) -> None:
        if server is not None:
            if not server.lead.take():
                raise Conflict(
                    f"Another command is founding a ledger in {quoted(server)} at this moment and was "
                    "faster, or a notary is at work there. Choose an empty database."
                )
            server.clear()
        if settings.objects is not None:
            take_unused(open_bucket(settings.objects), CLAIM, random(st.NONCE_SIZE))
        made.append(_found(folder, settings, server, platform, clock, random, hook))

    with place.lock(directory), open_server(settings, founding=True) as server:
        place.fill(directory, (), build, hook)
        if server is not None:
            server.place()
        if settings.objects is not None:
            open_bucket(settings.objects).delete([CLAIM])
    return made[0]


CLAIM = "founding"
"""The object that tells others that a ledger is being founded in a bucket."""
MAX_ISSUER = 64
"""Characters: the limit of a common name in X.509."""


def _found(
    folder: Path,
    settings: Settings,
    server: "Server | None",
    platform: Platform,
    clock: Clock,
    random: Callable[[int], bytes],
    hook: Hook,
) -> Trust:
    now = datetime.fromtimestamp(int(clock.wall()), UTC)
    root_key = SealKey(ec.generate_private_key(ec.SECP256R1()))
    log_key, seal_key, require_held = _make_keys(settings, folder.parent, random)
    root, seal = _certify(settings.issuer, root_key, seal_key, now)
    keys = NotaryKeys(
        settings.origin,
        log_key,
        MlDsaKey(random(SEED_SIZE)),
        seal_key,
        (seal.public_bytes(Encoding.DER), root.public_bytes(Encoding.DER)),
        require_held,
    )
    anchor = SealAnchor(seal.subject.rfc4514_string(), root.public_bytes(Encoding.DER))
    trust = _trust(settings, keys, anchor, int(now.timestamp()))
    hook(Step.INIT_FILES, "before")
    place.write_settings(folder, settings)
    chain = seal.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    place.write_keys(folder, settings, keys, root_key, chain)
    write_durably(folder / settings.trust_file, format_trust(trust))
    kept = (place.UPLOADS,) if settings.objects else (place.OBJECTS, place.RECORDS, place.LOG)
    for name in kept:
        make_folder(folder / name)
        (folder / name).chmod(0o700)
    open_landmark(folder, settings).put()
    with open_desk(folder, settings, server, create=True):
        pass
    hook(Step.INIT_FILES, "after")
    with open_books(folder, settings, server, create=True) as (store, signed):
        log = open_log(folder, settings)
        writer = BlockWriter(store, signed, log, keys, trust, ClockWatch(clock), random, hook)
        writer.recover()
        writer.write([])
        payload = platform_payload(platform) | {
            "origin": settings.origin,
            "nonce": random(st.NONCE_SIZE),
        }
        writer.write([writer.statement(st.PLATFORM, payload)])
        writer.publish()
    return trust


def _make_keys(
    settings: Settings, directory: Path, random: Callable[[int], bytes]
) -> tuple[Ed25519Signer, P256Signer, Callable[[], None]]:
    """Return new keys of the log and the seal, in files or in the token, and the check for them."""
    if settings.token is None:
        seal = SealKey(ec.generate_private_key(ec.SECP256R1()))
        return SigningKey(random(SEED_SIZE)), seal, no_check
    token = place.open_token(settings.token, settings.origin, directory)
    token.generate()
    return token.log, token.seal, token.require_held


def _trust(settings: Settings, keys: NotaryKeys, anchor: SealAnchor, now: int) -> Trust:
    ed25519, ml_dsa = keys.verifiers
    policy = Policy(
        logs=(Log(ed25519),),
        witnesses=(Witness("notary-ml-dsa-44", ml_dsa),),
        groups=(Group("signed", 1, ("notary-ml-dsa-44",)),),
        quorum="signed",
    )
    return Trust(settings.origin, settings.issuer, now, policy, (anchor,))


def _certify(
    issuer: str, root_key: SealKey, seal_key: P256Signer, now: datetime
) -> tuple[x509.Certificate, x509.Certificate]:
    """Return the seal's root and the certificate of the key that seals."""
    root_name = _name(issuer, "Sealbook seal root")
    public = root_key.public
    root = certificate(root_name, public, root_name, root_key, now, SEAL_ROOT_YEARS, ca=True)
    seal_name = _name(issuer, "Sealbook seal")
    public = seal_key.public
    return root, certificate(seal_name, public, root_name, root_key, now, SEAL_YEARS, ca=False)


def _name(issuer: str, role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, issuer),
            x509.NameAttribute(NameOID.COMMON_NAME, role),
        ]
    )
