"""Replacing and revoking the notary's own keys: the log's pair, and the seal's.

    1. new files   keys, trust file, and the statements that are owed: put in place together
    2. memory      the writer signs with them from the next block on
    3. statements  entered into the ledger; then nothing is owed any more

A kill before the files are in place changes nothing; after it the next start signs with the new ones.
What is owed the service enters when it starts, or the next command that changes keys: to open a ledger
signs nothing. While both pairs of the log sign, a trust file with either of them verifies
what is new; `retire_log` ends that. The new trust file says up to which tree the old pair signed alone:
for larger ones it counts no more, whoever has it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain import statement as st
from ledger.chain.certificate import SealAnchor, require_authority, validity
from ledger.chain.note import VerifierKey
from ledger.chain.office import (
    LOG,
    REVOKED,
    SEAL,
    OwnRevocation,
    Rotation,
    proof_message,
    revocation_payload,
    rotation_payload,
)
from ledger.chain.retired import Retired, RevokedSeal
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust, fingerprint, format_trust
from ledger.crypto.keys import (
    Ed25519Signer,
    MlDsaKey,
    P256Signer,
    PrivateKey,
    SealKey,
    SigningKey,
)
from ledger.disk.files import sync_folder, write_durably
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import (
    Conflict,
    DecryptionFailed,
    InvalidInput,
    MalformedData,
    NotSigning,
    StorageFailed,
)
from ledger.language import Message
from ledger.notary.care.certifying import format_request
from ledger.notary.health import Reason
from ledger.notary.orders import KeysChanged
from ledger.notary.ports import LogKeys, NotaryKeys, Step, verifiers
from ledger.notary.selfcheck import key_faults, read_trust, require_own
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.sequencing.sequencer import Sequencer
from ledger.notary.storage import directory as place
from ledger.notary.storage.directory import KEYS, Settings
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.quoted import quoted

_SEED_SIZE = 32
_NOT_VALID: Message = "they are not valid now"
_HELD_THERE: Message = (
    "This key is in a PKCS#11 token, and no new one can be made there with this program. Nothing "
    "was changed."
)
_RESTART: Message = "Stop the notary and start it again."


class KeyChanges:
    """Changes the keys of an open notary. Methods raise StorageFailed, NotSigning, Conflict."""

    def __init__(
        self,
        directory: Path,
        settings: Settings,
        writer: BlockWriter,
        sequencer: Sequencer,
        store: LedgerDatabase,
        take_up: Callable[[bytes, Trust], None],
        now: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._writer = writer
        self._sequencer = sequencer
        self._store = store
        self._take_up = take_up
        self._now = now
        self._random = random

    def rotate_log(self) -> KeysChanged:
        """Make a new pair for the log. Both sign until `retire_log`; the old one signs statements."""
        with self._sequencer.paused():
            keys, trust = self._writer.keys, self._trust()
            if keys.successor is not None:
                raise Conflict(
                    "The log's keys are being replaced already, and both pairs sign. Once "
                    "everybody has the new trust file, `sealbook notary keys retire log` ends that."
                )
            new, old = self._new_pair(keys), (keys.log, keys.ml_dsa)
            files = self._files(new, place.LOG_KEY, place.ML_DSA_KEY)
            files |= self._files(old, place.OLD_LOG_KEY, place.OLD_ML_DSA_KEY)
            trust = _with_successor(trust, keys.verifiers, new, self._size)
            self._replace(files, trust, [self._succession(keys.log.thumbprint, LOG, new[0], new)])
        return self.enter_owed()

    def retire_log(self) -> KeysChanged:
        """Let the log's old pair sign no more, and destroy it."""
        if self._writer.keys.successor is None:
            raise Conflict(
                "The log has one pair of keys. `sealbook notary keys rotate log` makes a new one."
            )
        self.enter_owed()
        with self._sequencer.paused(), self._stopping():
            with self._writer.step(Step.KEYS):
                place.drop_old_keys(self._directory)
            self._take_up_files()
        return KeysChanged(fingerprint(self._trust_data()), ())

    def revoke_log(self, reason: str, since: int) -> KeysChanged:
        """Let the log's pair sign no more, at once: its signatures count from before `since` alone.

        A new pair takes its place, or the one that signs beside it already.
        """
        self._require_past(since)
        with self._sequencer.paused():
            keys, trust = self._writer.keys, self._trust()
            owed = [revocation_payload(OwnRevocation(keys.log.thumbprint, reason, LOG, since))]
            files: dict[str, bytes] = {}
            if keys.successor is None:
                new = self._new_pair(keys)
                files = self._files(new, place.LOG_KEY, place.ML_DSA_KEY)
                trust = _with_successor(trust, keys.verifiers, new, self._size)
                owed.insert(0, self._succession(keys.log.thumbprint, LOG, new[0], new))
            retired = [
                replace(each, revoked=since) if each.log == keys.verifiers[0] else each
                for each in trust.retired
            ]
            self._replace(files, replace(trust, retired=tuple(retired)), owed)
            place.drop_old_keys(
                self._directory
            )  # if they stay, the trust file keeps them from signing
        return self.enter_owed()

    def request_seal(self) -> bytes:
        """Make a new key for the seal, which seals nothing yet; return its certificate request, PEM.

        Asked again before it has its certificate, it is the same key.
        """
        keys = self._writer.keys
        if not isinstance(keys.seal, SealKey):
            raise Conflict(_HELD_THERE)
        path = self._directory / KEYS / place.NEW_SEAL_KEY
        key = self._read_new_seal()
        if key is None or key.thumbprint == keys.seal.thumbprint:
            key = SealKey(ec.generate_private_key(ec.SECP256R1()))
            with self._writer.step(Step.KEYS), _storage(path):
                write_durably(path, self._private(key), 0o600)
        return format_request(keys.certificate, key)

    def install_seal(
        self, chain: bytes, reason: str | None = None, since: int | None = None
    ) -> KeysChanged:
        """Seal with the new key, whose certificate and root are `chain` (PEM), from now on.

        With a reason the old one is revoked: its seals count from before `since` alone. Raises
        InvalidInput for certificates that are not of the new key, or not valid now.
        """
        key = self._read_new_seal()
        with self._sequencer.paused():
            keys, trust = self._writer.keys, self._trust()
            if key is None or key.thumbprint == keys.seal.thumbprint:
                raise Conflict(
                    "There is no new key of the seal. `sealbook notary keys rotate seal` makes one."
                )
            ders, anchor = _read_chain(chain)
            if anchor not in trust.seals:
                trust = replace(trust, seals=(*trust.seals, anchor))
            start, end = validity(ders)
            faults = [what for _, what in key_faults(replace(keys, seal=key, chain=ders), trust)]
            if faults or not start <= self._now() <= end:
                raise InvalidInput(
                    f"The seal's new certificates are not used: "
                    f"{'; '.join(faults) or _NOT_VALID}. Nothing was changed."
                )
            old = keys.seal.thumbprint
            owed = [self._succession(old, SEAL, key, key)]
            if reason is not None and since is not None:
                self._require_past(since)
                owed.append(revocation_payload(OwnRevocation(old, reason, SEAL, since)))
                revoked = (*trust.revoked_seals, RevokedSeal(old, self._size, since))
                trust = replace(trust, revoked_seals=revoked)
            files = {f"{KEYS}/{place.SEAL_KEY}": self._private(key), place.SEAL_CHAIN: chain}
            self._replace(files, trust, owed)
            with _storage(self._directory / KEYS):
                (self._directory / KEYS / place.NEW_SEAL_KEY).unlink(missing_ok=True)
        return self.enter_owed()

    def enter_owed(self) -> KeysChanged:
        """Enter the statements about keys that the ledger owes, each once."""
        owed = self._owed()
        if not owed:
            return KeysChanged(fingerprint(self._trust_data()), ())
        path = self._directory / place.KEY_STATEMENTS
        entries = []
        for payload in owed:
            index = self._entered(payload)
            if index is None:
                index = self._sequencer.enter((st.KEY, payload)).result()[0].index
            entries.append(index)
        with self._writer.step(Step.KEYS), _storage(path):
            path.unlink()
            sync_folder(self._directory)
        return KeysChanged(fingerprint(self._trust_data()), tuple(entries))

    def _owed(self) -> list[dict[str, Any]]:
        """Return the statements about keys that the ledger owes."""
        path = self._directory / place.KEY_STATEMENTS
        try:
            return list(cbor_decode(path.read_bytes()))
        except FileNotFoundError:
            return []
        except (OSError, MalformedData) as error:
            raise InvalidInput(
                f"{quoted(path)} cannot be read ({quoted(error)}); put it back from a backup."
            ) from error

    def owed_words(self) -> Iterator[Message]:
        """Say what about keys is still to be stated, a line for each statement."""
        try:
            for payload in self._owed():
                if self._entered(payload) is None:
                    yield _owed_words(payload)
        except InvalidInput as error:
            yield str(error)

    def words(self) -> tuple[Message, ...]:
        """Say what is signed with, a line for each key."""
        keys = self._writer.keys
        log, seal = (each.thumbprint.hex()[:16] for each in (keys.log, keys.seal))
        if keys.successor is None:
            return f"log {log}", f"seal {seal}"
        successor = keys.successor[0].thumbprint.hex()[:16]
        return (
            f"log {log}, to be retired",
            f"log {successor}, signs beside it",
            f"seal {seal}",
        )

    def _succession(
        self,
        old: bytes,
        use: str,
        signer: Ed25519Signer | P256Signer,
        new: LogKeys | SealKey,
    ) -> dict[str, Any]:
        """Return what a key statement says of a successor, which has signed it."""
        if isinstance(new, SealKey):
            numbers = new.public.public_numbers()
            successor = b"".join(n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
        else:
            successor = new[0].public + new[1].public
        rotation = Rotation(old, use, self._size, successor)
        proof = signer.sign(proof_message(self._settings.origin, rotation))
        return rotation_payload(replace(rotation, proof=proof))

    def _require_past(self, since: int) -> None:
        if not 0 <= since <= self._now():
            raise InvalidInput("A key is revoked from now on or from an earlier time.")

    def _read_new_seal(self) -> SealKey | None:
        path = self._directory / KEYS / place.NEW_SEAL_KEY
        try:
            key = place.parse_private(path.read_bytes(), self._passphrase())
        except FileNotFoundError:
            return None
        except (OSError, MalformedData, DecryptionFailed) as error:
            raise InvalidInput(f"{quoted(path)} cannot be read; remove it.") from error
        return key if isinstance(key, SealKey) else None

    @property
    def _size(self) -> int:
        """Entries under the newest signed checkpoint."""
        return 0 if self._writer.last is None else self._writer.last.size

    def _new_pair(self, keys: NotaryKeys) -> tuple[SigningKey, MlDsaKey]:
        if not isinstance(keys.log, SigningKey):
            raise Conflict(_HELD_THERE)
        return SigningKey(self._random(_SEED_SIZE)), MlDsaKey(self._random(_SEED_SIZE))

    def _passphrase(self) -> str | None:
        return place.passphrase_of(self._directory, self._settings)

    def _private(self, key: PrivateKey) -> bytes:
        return place.format_private(key, self._passphrase())

    def _files(self, pair: LogKeys, log_name: str, ml_dsa_name: str) -> dict[str, bytes]:
        log, ml_dsa = pair
        assert isinstance(log, SigningKey)
        return {
            f"{KEYS}/{log_name}": self._private(log),
            f"{KEYS}/{ml_dsa_name}": self._private(ml_dsa),
        }

    def _trust_data(self) -> bytes:
        return read_trust(self._directory / self._settings.trust_file)[0]

    def _trust(self) -> Trust:
        return read_trust(self._directory / self._settings.trust_file)[1]

    def _replace(
        self, files: dict[str, bytes], trust: Trust, owed: Sequence[Mapping[str, Any]]
    ) -> None:
        """Put files in place, with a trust file of now and what is to be entered; take them up.

        What an earlier change has left to be entered comes before.
        """
        files |= {place.KEY_STATEMENTS: cbor_encode([*self._owed(), *owed])}
        if trust != self._trust():
            trust = replace(trust, issued=int(self._now()))
            files |= {self._settings.trust_file: format_trust(trust)}
        with self._stopping():
            try:
                place.replace_files(self._directory, files, self._writer.hook)
            except OSError as error:
                raise StorageFailed(
                    f"The new keys could not be written ({error.strerror}); free some space or "
                    f"mend the disk. {_RESTART}"
                ) from error
            self._take_up_files()

    def _take_up_files(self) -> None:
        data, trust = read_trust(self._directory / self._settings.trust_file)
        keys = place.read_keys(self._directory, self._settings, trust)
        require_own(keys, trust)
        self._writer.take_up_keys(keys, trust)
        self._take_up(data, trust)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Sign nothing more where a change was cut short: the files may be ahead of what is held."""
        try:
            yield
        except BaseException:
            self._writer.keys = replace(self._writer.keys, require_held=_stopped)
            raise

    def _entered(self, payload: Mapping[str, Any]) -> int | None:
        """Return the entry that says so already."""
        for entry in self._store.office(st.KEY):
            found = parse_statement(entry.statement).payload
            if {name: each for name, each in found.items() if name in payload} == payload:
                return entry.index
        return None


def _with_successor(
    trust: Trust,
    old: tuple[VerifierKey, VerifierKey],
    new: LogKeys,
    size: int,
) -> Trust:
    """Return the trust file in which a new pair stands for the old one, which is retired."""
    log, cosigner = verifiers(trust.origin, new)
    policy = replace(
        trust.policy,
        logs=tuple(
            replace(each, key=log) if each.key == old[0] else each for each in trust.policy.logs
        ),
        witnesses=tuple(
            replace(each, key=cosigner) if each.key == old[1] else each
            for each in trust.policy.witnesses
        ),
    )
    return replace(trust, policy=policy, retired=(*trust.retired, Retired(*old, size)))


def _read_chain(chain: bytes) -> tuple[tuple[bytes, ...], SealAnchor]:
    """Return the seal's certificates in DER, and whom a trust file has to name for them."""
    try:
        found = x509.load_pem_x509_certificates(chain)
        ders = tuple(each.public_bytes(Encoding.DER) for each in found)
        require_authority(ders[-1])
        return ders, SealAnchor(found[0].subject.rfc4514_string(), ders[-1])
    except (ValueError, MalformedData) as error:
        raise InvalidInput(
            "That is not the certificate of the seal's key and its root, in PEM, the seal's first."
        ) from error


def _owed_words(payload: Mapping[str, Any]) -> Message:
    """Say that a statement about a key waits to be entered."""
    key = payload["key"].hex()[:16]
    if payload["action"] == REVOKED:
        return (
            f"That the key {key} was revoked is still to be stated: `sealbook notary serve` does so, "
            "or the next command that changes keys."
        )
    return (
        f"That the key {key} has a successor is still to be stated: `sealbook notary serve` does so, "
        "or the next command that changes keys."
    )


def _stopped() -> None:
    raise NotSigning(
        Reason.KEYS_GONE,
        "The notary's keys were being replaced, and that was cut short; nothing is entered until "
        "it was started again. Nothing was lost: keep the deposit and send it again later.",
        f"a change of keys was cut short. {_RESTART}",
    )


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{quoted(path)} cannot be changed ({error.strerror}).") from error
