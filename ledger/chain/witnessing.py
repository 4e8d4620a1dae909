"""C2SP tlog-witness, the witness's side: what it is asked, and whether it may cosign.

    POST /add-checkpoint        old <size>\\n, at most 63 lines of base64 (a consistency proof), an
                                empty line, a signed checkpoint
    200                         the witness's signature lines
    409, text/x.tlog.size       the size that it has cosigned last
    400, 403, 404, 413, 422     what is wrong with the request
    GET /<SHA-256 of the origin, hex>/checkpoint
    200                         the newest note that it has cosigned of this log

A witness serves other logs too: an origin is any line without control characters, and signature lines
of keys that it does not know may have any name.

Specification: https://c2sp.org/tlog-witness (text of 2026-07-06, without sign-subtree)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import verify_signature
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    KEY_ID_SIZE,
    MAX_SIGNATURES,
    Note,
    Signature,
    VerifierKey,
    format_note,
)
from ledger.crypto.merkle import EMPTY_ROOT, HASH_SIZE, MAX_TREE_SIZE, verify_consistency
from ledger.encoding import b64decode, b64encode, parse_decimal
from ledger.errors import MalformedData, SealbookError, VerificationFailed

MAX_BODY = 128 << 10
"""Bytes of a request: 64 lines of proof and a note with some ML-DSA-44 lines stay well below."""
MAX_PROOF_LINES = 63
ADD = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
"""The media type of an answer with status 409."""
CLOCKS_APART = 600
"""Seconds by which a cosignature's time may differ from our clock."""
LOG_ALGORITHMS = (ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)
"""Types of log keys; 0x04 only where a log signs so."""

_DASH = "— "


class Unwitnessed(SealbookError):
    """The answer to a request that is not cosigned: an HTTP status, and a body in plain text."""

    code = "unwitnessed"

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class SizeConflict(Unwitnessed):
    """The log's idea of what the witness has cosigned is wrong; `size` is the right one."""

    def __init__(self, size: int) -> None:
        super().__init__(409, f"{size}\n")
        self.size = size


class Contradiction(Unwitnessed):
    """The log has signed two trees of one size. A wrong proof shows nothing: anyone can send one."""

    def __init__(self, sentence: str) -> None:
        super().__init__(422, sentence)


@dataclass(frozen=True, slots=True)
class Request:
    """An add-checkpoint request, not verified. `note` is its text, `origin` the note's first line."""

    old: int
    proof: tuple[bytes, ...]
    origin: str
    note: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A checkpoint with the lines of the log's known keys, which were verified, and no others."""

    checkpoint: Checkpoint
    lines: tuple[Signature, ...]

    def with_lines(self, own: tuple[Signature, ...]) -> str:
        """Return the note with the log's verified lines and the witness's own."""
        return format_note(Note(self.checkpoint.text, (*self.lines, *own)))


def checkpoint_path(origin: str) -> str:
    """Return the path at which a witness shows what it has cosigned last of a log."""
    return f"/{sha256(origin.encode()).hexdigest()}/checkpoint"


def format_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the body of a request, the inverse of `parse_request`."""
    hashes = "".join(f"{b64encode(each)}\n" for each in proof)
    return f"old {old}\n{hashes}\n{note}".encode()


def parse_request(body: bytes) -> Request:
    """Return the request in a body. Raises Unwitnessed with 400 or 413."""
    if len(body) > MAX_BODY:
        raise Unwitnessed(413, f"A request has at most {MAX_BODY} bytes.")
    try:
        head, separator, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        if not separator or not first.startswith("old "):
            raise MalformedData("no line `old`, or no empty line behind the proof")
        old = parse_decimal(first.removeprefix("old "), MAX_TREE_SIZE)
        if len(lines) > MAX_PROOF_LINES:
            raise MalformedData(f"over {MAX_PROOF_LINES} lines of proof")
        proof = tuple(map(b64decode, lines))
        if any(len(each) != HASH_SIZE for each in proof):
            raise MalformedData(f"a line of the proof is no hash of {HASH_SIZE} bytes")
        origin, newline, _ = note.partition("\n")
        if not newline:
            raise MalformedData("no checkpoint behind the proof")
    except (MalformedData, UnicodeError) as error:
        raise Unwitnessed(400, f"Not an add-checkpoint request ({error}).") from error
    return Request(old, proof, origin, note)


def verify_submitted(request: Request, keys: tuple[VerifierKey, ...]) -> Submitted:
    """Return the checkpoint of a request once a key of its log has signed it.

    `keys` are those of the log of this origin. Raises Unwitnessed: 400 for what is no signed
    checkpoint, 403 where no known key has signed it, or a known key's line does not hold.
    """
    text, signatures = _split(request.note)
    known = {(each.name, each.key_id): each for each in keys}
    mine = [each for each in signatures if (each.name, each.key_id) in known]
    if not mine:
        raise Unwitnessed(403, "No key that is known of this log has signed the checkpoint.")
    checkpoint = _checkpoint(text)
    try:
        for each in mine:
            verify_signature(known[each.name, each.key_id], each, checkpoint)
    except VerificationFailed as error:
        if checkpoint.text != text:
            raise Unwitnessed(
                400, "The text that is signed is no checkpoint of 3 lines."
            ) from error
        raise Unwitnessed(403, "A line of a key of this log does not hold.") from error
    return Submitted(checkpoint, tuple(mine))


def require_consistent(request: Request, new: Checkpoint, stored: Checkpoint | None) -> None:
    """Raise Unwitnessed unless a checkpoint may be cosigned after the stored one, None for none.

    The order of the checks is that of every known witness: 400, 422 for a false empty tree, 409, 422.
    """
    if request.old > new.size:
        raise Unwitnessed(400, "The old size is larger than that of the checkpoint.")
    if new.size == 0 and new.root != EMPTY_ROOT:
        raise Unwitnessed(422, "The root of no entries is not the one of an empty tree.")
    size, root = (0, EMPTY_ROOT) if stored is None else (stored.size, stored.root)
    if request.old != size:
        raise SizeConflict(size)
    if size == new.size and root != new.root:
        raise Contradiction("The log has signed another root for the same size before.")
    try:
        verify_consistency(size, root, new.size, new.root, request.proof)
    except (VerificationFailed, MalformedData) as error:
        raise Unwitnessed(
            422, "The proof does not show that the tree contains the one before."
        ) from error


def _split(note: str) -> tuple[str, list[Signature]]:
    end = note.rfind("\n\n") + 1
    lines = note[end + 1 :].split("\n")
    try:
        if end == 0 or lines.pop() != "" or not 1 <= len(lines) <= MAX_SIGNATURES:
            raise MalformedData("no empty line, or no signature lines behind it")
        if any(each < " " and each != "\n" for each in note):
            raise MalformedData("a control character")
        signatures = [_signature(line) for line in lines]
        if len({(each.name, each.key_id) for each in signatures}) < len(signatures):
            raise MalformedData("two signature lines of one name and key id")
    except MalformedData as error:
        raise Unwitnessed(400, f"Not a signed note ({error}).") from error
    return note[:end], signatures


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).rpartition(" ")
    data = b64decode(encoded)
    if not line.startswith(_DASH) or not space or not name or len(data) <= KEY_ID_SIZE:
        raise MalformedData("a line that is no signature")
    return Signature(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


def _checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    try:
        if len(lines) != 4 or not lines[0] or lines[3]:
            raise MalformedData("not three lines: origin, size and root")
        root = b64decode(lines[2])
        if len(root) != HASH_SIZE:
            raise MalformedData("a root of another length")
        return Checkpoint(lines[0], parse_decimal(lines[1], MAX_TREE_SIZE), root)
    except MalformedData as error:
        raise Unwitnessed(400, f"The text that is signed is no checkpoint ({error}).") from error


def parse_stored(note: str) -> tuple[Checkpoint, tuple[Signature, ...]]:
    """Return a stored note's checkpoint and lines. Raises Unwitnessed where it is none."""
    text, signatures = _split(note)
    return _checkpoint(text), tuple(signatures)
