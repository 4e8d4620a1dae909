"""Others whom the office asks to vouch for the ledger: witnesses and timestamp authorities.

Both stand in the trust file; verifiers get a new one, with a new fingerprint. The service must not run.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ledger.chain.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, parse_vkey
from ledger.chain.policy import Group, Policy, Witness, format_policy, parse_policy
from ledger.chain.trust import Trust, format_trust, parse_trust
from ledger.disk.files import write_durably
from ledger.errors import Conflict, InvalidInput, MalformedData
from ledger.notary.anchoring.authorities import read_authority
from ledger.notary.storage import directory as place
from ledger.notary.storage.directory import Settings, TimestampSettings
from ledger.quoted import quoted
from ledger.wire.web import require_address

OTHERS, EVERYBODY = "witnesses", "notary-and-witnesses"
"""Names of the groups in the policy: the witnesses, of whom a number must sign, and all together."""


def add_witness(directory: Path, vkey: str, url: str, quorum: int | None) -> Trust:
    """Ask a witness for its cosignature from now on; return the new trust file's content.

    `quorum` is how many witnesses must sign, None for more than half. Raises InvalidInput, Conflict,
    InUse.
    """
    try:
        key = parse_vkey(vkey)
    except MalformedData as error:
        raise InvalidInput(f"The witness's key is {quoted(error)}.") from error
    if key.algorithm not in (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44):
        raise InvalidInput("A witness's key is of type 0x04 or 0x06; `witness show` prints both.")

    def change(trust: Trust, _: Settings) -> Trust:
        policy = trust.policy
        others = [each for each in policy.witnesses if each.key.name != trust.origin]
        if key.name == trust.origin or key in [each.key for each in others]:
            raise Conflict(f"{quoted(key.name)} signs for this ledger already with that key.")
        taken = {each.name for each in policy.witnesses} | {OTHERS, EVERYBODY, "none"}
        names = (key.name, *(f"{key.name}-{n}" for n in range(2, 99)))
        name = next(each for each in names if each not in taken)
        others.append(Witness(name, key, url))
        return replace(trust, policy=_policy(trust, others, quorum))

    return _changed(directory, change)


def add_authority(directory: Path, settings: TimestampSettings) -> Trust:
    """Have checkpoints stamped by an authority from now on; return the new trust file's content.

    Raises InvalidInput, Conflict, InUse.
    """
    require_address(settings.url)
    if not settings.name.strip() or not settings.name.isprintable():
        raise InvalidInput("An authority's name is of printable characters.")
    authority = replace(read_authority(settings), url=settings.url)

    def change(trust: Trust, known: Settings) -> Trust:
        if settings.name in {each.name for each in trust.authorities}:
            raise Conflict(f"An authority is called {quoted(settings.name)} already.")
        changed = replace(trust, authorities=(*trust.authorities, authority))
        parse_trust(format_trust(changed))  # before anything is written
        stamps = (*known.timestamps, settings)
        place.write_settings(directory, replace(known, timestamps=stamps))
        return changed

    return _changed(directory, change)


def _policy(trust: Trust, others: list[Witness], quorum: int | None) -> Policy:
    own = tuple(each for each in trust.policy.witnesses if each.key.name == trust.origin)
    number = len(others) // 2 + 1 if quorum is None else quorum
    if not 1 <= number <= len(others):
        raise InvalidInput(f"Of {len(others)} witnesses 1 to {len(others)} can be asked to sign.")
    policy = Policy(
        trust.policy.logs,
        (*own, *others),
        (
            Group(OTHERS, number, tuple(each.name for each in others)),
            Group(EVERYBODY, len(own) + 1, (*(each.name for each in own), OTHERS)),
        ),
        EVERYBODY,
    )
    try:
        return parse_policy(format_policy(policy))
    except MalformedData as error:
        raise InvalidInput(f"That makes no policy: {quoted(error)}.") from error


def _changed(directory: Path, change: Callable[[Trust, Settings], Trust]) -> Trust:
    settings = place.read_settings(directory)
    with place.lock(directory):
        path = directory / settings.trust_file
        trust = replace(change(parse_trust(path.read_bytes()), settings), issued=int(time.time()))
        write_durably(path, format_trust(parse_trust(format_trust(trust))))
    return trust
