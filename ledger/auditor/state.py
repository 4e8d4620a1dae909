"""How far an audit has come, in a file: the last block that was checked, and what its entries left.

state = {"format": "sealbook-audit-v1", "height": uint, "note": tstr, "record": bstr,
         "entries": null / {"platform": bstr / null,
                            "keys": [* [key id, account, public key, role, enrolled, revoked]],
                            "tips": [* [account, matter, number, leaf hash, index]],
                            ? "certificates": [* [number, issued, withdrawn]]}}
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.chain.replay import AccountKey, CertificatePlace
from ledger.disk.files import AtomicFile
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import InvalidInput, MalformedData
from ledger.quoted import quoted

FORMAT = "sealbook-audit-v1"
MAX_STATE = 1 << 30
"""Bytes: some million matters. The file is the auditor's own."""


@dataclass(slots=True)
class Known:
    """What the entries so far have left: a `Past` for those that follow.

    `keys` by their thumbprints; `tips` the last (number, leaf hash, index) of each matter;
    `certificates` by their numbers.
    """

    platform: bytes | None = None
    keys: dict[bytes, AccountKey] = field(default_factory=dict)
    tips: dict[tuple[str, bytes], tuple[int, bytes, int]] = field(default_factory=dict)
    certificates: dict[int, CertificatePlace] = field(default_factory=dict)

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint."""
        return self.keys.get(key_id)

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return the last (number, leaf hash) entered in a matter."""
        tip = self.tips.get((account, matter))
        return None if tip is None else tip[:2]

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return the entries about the certificate of this number."""
        return self.certificates.get(number)


@dataclass(frozen=True, slots=True)
class State:
    """The last block that was checked: its height, its record, the signed note that closes it."""

    height: int
    note: str
    record: bytes
    known: Known | None


def write_state(path: Path, state: State) -> None:
    """Write the file, durably. Raises StorageFailed."""
    with AtomicFile(path) as file:
        file.write_at(0, format_state(state))


def read_state(path: Path) -> State | None:
    """Return the state in a file, None where there is none yet. Raises InvalidInput."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_STATE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read ({error.strerror}).") from error
    try:
        return parse_state(data)
    except MalformedData as error:
        raise InvalidInput(
            f"{quoted(path)} is no state of an audit; name that of an earlier one, or a new file."
        ) from error


def format_state(state: State) -> bytes:
    """Return the file's bytes."""
    known = state.known
    entries = known and {
        "platform": known.platform,
        "keys": [
            [key_id, each.account, each.public, each.role, each.enrolled_index, each.revoked_index]
            for key_id, each in known.keys.items()
        ],
        "tips": [[*matter, *tip] for matter, tip in known.tips.items()],
        "certificates": [
            [number, each.issued_index, each.withdrawn_index]
            for number, each in known.certificates.items()
        ],
    }
    return cbor_encode(
        {
            "format": FORMAT,
            "height": state.height,
            "note": state.note,
            "record": state.record,
            "entries": entries,
        }
    )


def parse_state(data: bytes) -> State:
    """Return the state in a file's bytes. Raises MalformedData."""
    match cbor_decode(data, MAX_STATE):
        case {
            "format": "sealbook-audit-v1",
            "height": int(height),
            "note": str(note),
            "record": bytes(record),
            "entries": entries,
        }:
            return State(height, note, record, None if entries is None else _parse_known(entries))
    raise MalformedData("not the state of an audit")


def _parse_known(value: Any) -> Known:
    try:
        keys = {each[0]: AccountKey(*each[1:]) for each in value["keys"]}
        tips = {(each[0], each[1]): (each[2], each[3], each[4]) for each in value["tips"]}
        # A state from before there were certificates has none.
        certificates = {
            each[0]: CertificatePlace(*each[1:]) for each in value.get("certificates", [])
        }
        return Known(value["platform"], keys, tips, certificates)
    except (TypeError, KeyError, IndexError) as error:
        raise MalformedData("not the state of an audit") from error
