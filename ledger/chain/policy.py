"""C2SP tlog-policy: which logs and which quorum of witnesses make a checkpoint count.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

Names are defined before they are used and are a member of a group at most once. Any one listed log
suffices; therefore the notary's ML-DSA-44 key stands as a witness in a `group ... all`, or its
signature would be decoration. Comments and spacing are free, so `format_policy` gives the one form
that we write, and reading a policy back gives the same policy.

Specification: https://c2sp.org/tlog-policy (text of 2026-06-22)
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.chain.checkpoint import Checkpoint, parse_checkpoint, require_origin
from ledger.chain.cosignature import Verified, verify_signature
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    VerifierKey,
    format_vkey,
    parse_note,
    parse_vkey,
)
from ledger.encoding import parse_decimal
from ledger.errors import MalformedData, VerificationFailed
from ledger.quoted import quoted

LOG_ALGORITHMS = (ED25519, COSIGNATURE_ML_DSA_44)
WITNESS_ALGORITHMS = (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)
NO_QUORUM = "none"

MAX_POLICY_SIZE = 2**20
"""Characters; 64 logs and 64 witnesses with ML-DSA-44 keys take 240 kB."""
MAX_LINES_OF_A_KIND = 64
"""Logs, witnesses or groups; the specification asks for at least 32."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WHITESPACE = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints are accepted. The key's name is its origin."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner. `name` has a meaning in the policy only."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses a checkpoint when `threshold` of its members do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy; groups stand in the order of their definition. `quorum` is a name or "none"."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint that satisfies a policy, and the known keys that signed it.

    `logs` and `witnesses` hold the signatures that were verified, in the order of the policy,
    witnesses beside their policy names. Unknown signatures in the note are not among them.
    """

    checkpoint: Checkpoint
    note: Note
    logs: tuple[Verified, ...]
    witnesses: tuple[tuple[str, Verified], ...]


def parse_policy(text: str) -> Policy:
    """Return the policy that a text states. Raises MalformedData."""
    if len(text) > MAX_POLICY_SIZE:
        raise MalformedData(f"the policy is over {MAX_POLICY_SIZE} characters")
    if _FORBIDDEN.search(text) or not text.endswith("\n"):
        raise MalformedData("a policy is lines of text without control characters, each ended")
    parser = _Parser()
    for number, line in enumerate(text.split("\n")[:-1], 1):
        words = _WHITESPACE.split(line.strip(" \t"))
        if not words[0].startswith("#") and words != [""]:
            try:
                parser.read(words)
            except MalformedData as error:
                raise MalformedData(f"policy, line {number}: {error}") from error
    return parser.policy()


def format_policy(policy: Policy) -> str:
    """Return the policy as text: logs, witnesses, groups, quorum, single spaces, no comments."""
    lines = [["log", format_vkey(log.key), log.url] for log in policy.logs]
    lines += [["witness", each.name, format_vkey(each.key), each.url] for each in policy.witnesses]
    lines += [
        ["group", group.name, _format_threshold(group), *group.members] for group in policy.groups
    ]
    lines.append(["quorum", policy.quorum])
    return "".join(" ".join(word for word in line if word) + "\n" for line in lines)


def by_address(policy: Policy) -> dict[str, tuple[Witness, ...]]:
    """Return the witnesses that have an address, by it, without a slash at its end."""
    found: dict[str, tuple[Witness, ...]] = {}
    for each in policy.witnesses:
        if each.url is not None:
            url = each.url.rstrip("/")
            found[url] = (*found.get(url, ()), each)
    return found


def verify_note(policy: Policy, note: str | bytes | Note) -> VerifiedCheckpoint:
    """Check a signed checkpoint against a policy.

    1. to 3. As `verify_signatures`.
    4. The quorum has cosigned.

    Raises:
        MalformedData: Step 1.
        VerificationFailed: Step 2, 3 or 4.
    """
    verified = verify_signatures(policy, note)
    require_quorum(policy, verified, (name for name, _ in verified.witnesses))
    return verified


def verify_signatures(policy: Policy, note: str | bytes | Note) -> VerifiedCheckpoint:
    """Check the signatures on a checkpoint, and not whether they are enough.

    1. The note is a signed note, its text a checkpoint.
    2. Every signature by a key of the policy holds, one per key; others are ignored.
    3. A log of the policy whose name is the checkpoint's origin has signed.

    Raises:
        MalformedData: Step 1.
        VerificationFailed: Step 2 or 3.
    """
    if not isinstance(note, Note):
        note = parse_note(note)
    checkpoint = parse_checkpoint(note.text)

    keys = {(key.name, key.key_id): key for key in _keys(policy)}
    verified: dict[VerifierKey, Verified] = {}
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            continue
        verified[key] = verify_signature(key, signature, checkpoint)

    logs = tuple(verified[log.key] for log in policy.logs if log.key in verified)
    if not any(log.key.name == checkpoint.origin for log in logs):
        raise VerificationFailed(
            f"The checkpoint of {quoted(checkpoint.origin)} at size {checkpoint.size} is not "
            "signed by a "
            "log that the policy names; it may be another ledger's, or the policy is too old."
        )

    witnesses = tuple(
        (each.name, verified[each.key]) for each in policy.witnesses if each.key in verified
    )
    return VerifiedCheckpoint(checkpoint, note, logs, witnesses)


def require_quorum(policy: Policy, verified: VerifiedCheckpoint, names: Iterable[str]) -> None:
    """Raise VerificationFailed unless the witnesses of these names make up the quorum."""
    if not has_quorum(policy, names):
        checkpoint = verified.checkpoint
        signed = ", ".join(str(quoted(name)) for name, _ in verified.witnesses) or "none"
        raise VerificationFailed(
            f"The checkpoint of {quoted(checkpoint.origin)} at size {checkpoint.size} lacks the quorum "
            f"{quoted(policy.quorum)}; of the policy's witnesses these have signed: {signed}."
        )


class _Parser:
    def __init__(self) -> None:
        self._lines: Counter[str] = Counter()
        self._logs: list[Log] = []
        self._witnesses: list[Witness] = []
        self._groups: list[Group] = []
        self._quorum: str | None = None
        self._defined: set[str] = set()
        self._members: set[str] = set()

    def read(self, words: list[str]) -> None:
        """Take in one line that is neither empty nor a comment."""
        readers: dict[str, tuple[Callable[[list[str]], None], int, int]] = {
            "log": (self._log, 1, 2),
            "witness": (self._witness, 2, 3),
            "group": (self._group, 3, 2 + 2 * MAX_LINES_OF_A_KIND),
            "quorum": (self._set_quorum, 1, 1),
        }
        reader, least, most = readers.get(words[0], (None, 0, 0))
        if reader is None or not least <= len(words) - 1 <= most:
            raise MalformedData("not a log, witness, group or quorum line")
        self._lines[words[0]] += 1
        if self._lines[words[0]] > MAX_LINES_OF_A_KIND:
            raise MalformedData(f"over {MAX_LINES_OF_A_KIND} {quoted(words[0])} lines")
        reader(words[1:])

    def policy(self) -> Policy:
        """Return the whole policy."""
        if self._quorum is None:
            raise MalformedData("the policy has no quorum line")
        policy = Policy(
            tuple(self._logs), tuple(self._witnesses), tuple(self._groups), self._quorum
        )
        by_id: dict[tuple[str, bytes], VerifierKey] = {}
        for key in _keys(policy):
            if by_id.setdefault((key.name, key.key_id), key) != key:
                raise MalformedData(f"two keys of {quoted(key.name)} have the same key id")
        return policy

    def _log(self, words: list[str]) -> None:
        key = parse_vkey(words[0])
        require_origin(key.name)
        if key.algorithm not in LOG_ALGORITHMS:
            raise MalformedData("a log's key is of type 0x01 or 0x06")
        if any(log.key.public == key.public for log in self._logs):
            raise MalformedData("the same log key stands twice")
        self._logs.append(Log(key, *words[1:]))

    def _witness(self, words: list[str]) -> None:
        name = self._define(words[0])
        key = parse_vkey(words[1])
        if key.algorithm not in WITNESS_ALGORITHMS:
            raise MalformedData("a witness's key is of type 0x04 or 0x06")
        if any(witness.key.public == key.public for witness in self._witnesses):
            raise MalformedData("the same witness key stands twice")
        self._witnesses.append(Witness(name, key, *words[2:]))

    def _group(self, words: list[str]) -> None:
        members = tuple(words[2:])
        for member in members:
            if member not in self._defined:
                raise MalformedData(f"the group member {quoted(member)} is not defined above")
            if member in self._members:
                raise MalformedData(f"{quoted(member)} is a member of a group already")
            self._members.add(member)
        name = self._define(words[0])
        self._groups.append(Group(name, _parse_threshold(words[1], len(members)), members))

    def _set_quorum(self, words: list[str]) -> None:
        if self._quorum is not None:
            raise MalformedData("a second quorum line")
        if words[0] != NO_QUORUM and words[0] not in self._defined:
            raise MalformedData(f"the quorum {quoted(words[0])} is not defined above")
        self._quorum = words[0]

    def _define(self, name: str) -> str:
        if name == NO_QUORUM or name in self._defined:
            raise MalformedData(f"the name {quoted(name)} is taken")
        self._defined.add(name)
        return name


def has_quorum(policy: Policy, witnesses: Iterable[str]) -> bool:
    """Return whether the witnesses of these names make up the quorum."""
    names = set(witnesses)
    for group in policy.groups:
        if len(names.intersection(group.members)) >= group.threshold:
            names.add(group.name)
    return policy.quorum == NO_QUORUM or policy.quorum in names


def _keys(policy: Policy) -> list[VerifierKey]:
    return [log.key for log in policy.logs] + [each.key for each in policy.witnesses]


def _parse_threshold(word: str, members: int) -> int:
    if word == "all":
        return members
    if word == "any":
        return 1
    threshold = parse_decimal(word, members)
    if threshold == 0:
        raise MalformedData("a group's threshold is at least 1")
    return threshold


def _format_threshold(group: Group) -> str:
    if group.threshold == len(group.members):
        return "all"
    return "any" if group.threshold == 1 else str(group.threshold)
