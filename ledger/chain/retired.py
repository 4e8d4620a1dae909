"""Keys that the notary signs with no more, and what their signatures are still worth.

    [[retired]]                                # the log's keys, both of them
    log = "notary.example/ledger+f88e2148+…"   # vkey, Ed25519
    cosigner = "notary.example/ledger+8495…"   # vkey, ML-DSA-44
    size = 812                                 # the last tree that they signed alone
    revoked = 2031-05-01T08:00:00Z             # may be left out: they were replaced in good order

    [[revoked_seal]]                           # a key of the seal that was lost
    key = "c31f30c4…"                          # its thumbprint, in hex
    size = 812                                 # the last tree that it sealed
    revoked = 2031-05-01T08:00:00Z

Whoever finds a retired key later can sign no tree that is larger: it does not count there. One that was
revoked counts nowhere but under a timestamp token from before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ledger.chain import statement as st
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    VerifierKey,
    format_vkey,
    parse_vkey,
)
from ledger.chain.policy import Group, Log, Policy, VerifiedCheckpoint, Witness
from ledger.encoding import parse_hex
from ledger.errors import MalformedData

MAX_RETIRED = 16


@dataclass(frozen=True, slots=True)
class Retired:
    """A pair of log keys that signed no tree of more than `size` entries alone.

    `revoked` is the POSIX second from which on somebody else may have them, None where nobody does.
    """

    log: VerifierKey
    cosigner: VerifierKey
    size: int
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class RevokedSeal:
    """A key of the seal, by its thumbprint, that somebody else may have since a POSIX second.

    `size` is the last tree that it sealed.
    """

    key: bytes
    size: int
    revoked: int


def policy_at(policy: Policy, origin: str, retired: Sequence[Retired], size: int) -> Policy:
    """Return the policy for a tree of `size` entries: there retired keys count as today's do."""
    former = [each for each in retired if size <= each.size]
    if not former:
        return policy
    logs = (*policy.logs, *(Log(each.log) for each in former))
    own = [each for each in policy.witnesses if each.key.name == origin]
    # A name with a space stands in no policy that was read.
    earlier = tuple(Witness(f"retired {n}", each.cosigner) for n, each in enumerate(former))
    renamed = tuple(
        replace(each, name=f"{each.name} today") if each in own else each
        for each in policy.witnesses
    )
    names = tuple(each.name for each in earlier)
    either = tuple(Group(each.name, 1, (f"{each.name} today", *names)) for each in own)
    return Policy(logs, (*renamed, *earlier), (*either, *policy.groups), policy.quorum)


def revocation(verified: VerifiedCheckpoint, retired: Sequence[Retired]) -> int | None:
    """Return the POSIX second before which a checkpoint must have been stamped to count.

    None where keys of both kinds that were not revoked have signed it.
    """
    revoked = {
        key: each.revoked
        for each in retired
        if each.revoked is not None
        for key in (each.log, each.cosigner)
    }
    origin = verified.checkpoint.origin
    signed = [each.key for each in verified.logs]
    signed += [each.key for _, each in verified.witnesses if each.key.name == origin]
    sound = {key.algorithm for key in signed if key not in revoked}
    if {ED25519, COSIGNATURE_ML_DSA_44} <= sound:
        return None
    return min(revoked[key] for key in signed if key in revoked)


def retired_fields(each: Retired) -> dict[str, Any]:
    """Return the table of a trust file."""
    fields: dict[str, Any] = {
        "log": format_vkey(each.log),
        "cosigner": format_vkey(each.cosigner),
        "size": each.size,
    }
    return fields if each.revoked is None else fields | {"revoked": _date(each.revoked)}


def revoked_seal_fields(each: RevokedSeal) -> dict[str, Any]:
    """Return the table of a trust file."""
    return {"key": each.key.hex(), "size": each.size, "revoked": _date(each.revoked)}


def parse_retired(values: Any, origin: str, policy: Policy) -> tuple[Retired, ...]:
    """Return the log's retired keys, none of which is one of the policy. Raises MalformedData."""
    found = tuple(map(_parse_retired, _tables(values)))
    used = [log.key for log in policy.logs] + [each.key for each in policy.witnesses]
    keys = [key for each in found for key in (each.log, each.cosigner)]
    publics = {key.public for key in (*used, *keys)}
    if any(key.name != origin for key in keys) or len(publics) < len(used) + len(keys):
        raise MalformedData("a retired key in the trust file is another's, or is listed twice")
    return found


def parse_revoked_seals(values: Any) -> tuple[RevokedSeal, ...]:
    """Return the keys of the seal that were revoked. Raises MalformedData."""
    return tuple(map(_parse_revoked_seal, _tables(values)))


def _tables(values: Any) -> Iterable[Any]:
    if not isinstance(values, list) or len(values) > MAX_RETIRED:
        raise MalformedData(f"a trust file lists at most {MAX_RETIRED} retired keys of a kind")
    return values


def _parse_retired(value: Any) -> Retired:
    match value:
        case {"log": str(log), "cosigner": str(cosigner), "size": size, **rest} if st.is_count(
            size
        ) and rest.keys() <= {"revoked"}:
            keys = parse_vkey(log), parse_vkey(cosigner)
            if [key.algorithm for key in keys] == [ED25519, COSIGNATURE_ML_DSA_44]:
                return Retired(*keys, size, _time(rest["revoked"]) if rest else None)
    raise MalformedData("a retired key in the trust file is not as specified")


def _parse_revoked_seal(value: Any) -> RevokedSeal:
    match value:
        case {"key": str(key), "size": size, "revoked": revoked} if (
            st.is_count(size) and len(value) == 3
        ):
            return RevokedSeal(parse_hex(key, st.HASH_SIZE), size, _time(revoked))
    raise MalformedData("a revoked seal in the trust file is not as specified")


def _date(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _time(value: Any) -> int:
    if isinstance(value, datetime) and value.tzinfo is not None:
        time = value.timestamp()
        if time >= 0 and time == int(time):
            return int(time)
    raise MalformedData(
        "when a key was revoked is a date and time of whole seconds, with an offset"
    )
