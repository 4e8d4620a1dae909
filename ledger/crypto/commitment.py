"""The salted commitment to a deposit: hiding, and openable in part.

    S     32 random bytes per deposit                  H    SHA-256
    PRF(k, label, i) = HMAC-SHA-256(k, label || u(i))  u    64-bit big-endian
    s_j   = PRF(S,    "sealbook1/document-seed\\0", j)
    v_jw  = PRF(s_j,  "sealbook1/view-seed\\0", w)
    r_i   = PRF(v_jw, "sealbook1/salt\\0", i)
    C_i   = H("sealbook1/leaf\\0" || kind || u(i) || u(len) || r_i || data)      for i <= n
    C_i   = PRF(r_i,  "sealbook1/dummy\\0", i)       for n < i <= n' = max(8, PADME(n))
    V_w   = RFC 9162 root of C_1 .. C_n'
    W_w   = H("sealbook1/view\\0" || w || C_0 || u(n') || V_w)
    D_0   = H("sealbook1/cover\\0" || W_3)
    D_j   = H("sealbook1/document\\0" || u(j) || W_0 || W_1 || W_2)               for 1 <= j <= m
    D_j   = PRF(s_j,  "sealbook1/dummy\\0", j)       for m < j < m' = max(8, PADME(m + 1))
    R     = H("sealbook1/deposit\\0" || depositor's thumbprint || u(m') || root of D_0 .. D_m'-1)

Each document has three views (bytes, structure, metadata) of n leaves, from leaf 1. Leaf 0 of a view is
its header, the CBOR [count, splitter, version]: how many leaves follow and who cut them. It lies beside
the tree, so that to show it takes no second path. r_i opens one leaf, v_jw a view,
s_j a document, S everything; each is a PRF output, so one reveals no other. Only R leaves the machine.

The cover, s_0, has one view, w = 3, a leaf a field. Its n' is a power of two from 64 on, and the k-th
field stands at the k-th of the places 1 .. n' in the order of PRF(v_03, "sealbook1/place\\0", i),
dummies at the others: neither the place of an opened field nor n' tells how many recipients a message
had.

Functions take documents by their index from 0; document `d` is s_j and D_j of j = d + 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from ledger.crypto.merkle import Node, RootBuilder, leaf_hashes, root_from_leaf_hashes
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode_ordered, u64
from ledger.errors import MalformedData

if TYPE_CHECKING:
    from hashlib import _Hash

SEED_SIZE = 32
HASH_SIZE = 32
MAX_LEAF = 16_384
"""Bytes of a leaf: small enough to open a clause, large enough that hashing keeps its pace."""

MIN_TREE = 8
"""Smallest padded tree, so that one-page letters and short folders look alike."""

MIN_COVER = 64
"""Smallest padded cover: what a message with 40 recipients has, and a file with five fields."""

VIEW_BYTES, VIEW_STRUCTURE, VIEW_METADATA, VIEW_COVER = 0, 1, 2, 3
VIEWS = (VIEW_BYTES, VIEW_STRUCTURE, VIEW_METADATA)
"""The views of a document."""

KIND_HEADER, KIND_BYTES, KIND_STRUCTURE, KIND_METADATA, KIND_COVER = 0, 1, 2, 3, 4

COVER_PLACE = 0
"""The cover's place in the tree over a deposit; document `d` stands at d + 1."""

_LEAF = b"sealbook1/leaf\0"
_LEAF_PREFIX = Struct(">15sBQQ32s")
"""What precedes a leaf's data: exactly one SHA-256 block."""
_SALT = b"sealbook1/salt\0"
_DUMMY = b"sealbook1/dummy\0"
_PLACE = b"sealbook1/place\0"
_SEED = b"sealbook1/document-seed\0"
_COVER_SPLITTER = ("cover", 1)

_SMALL = 2048
"""Bytes from which on hashlib gives up the interpreter's lock while it hashes."""

_FOLD = 128
"""Leaf hashes that are worth a step up the tree; a small view makes one."""

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class View:
    """A committed view: C_0, its padded leaf count n' and its root V_w."""

    header: bytes
    padded: int
    root: bytes


@dataclass(frozen=True, slots=True)
class ViewHeader:
    """Leaf 0 of a view: the number of leaves after it, and the splitter that cut them."""

    count: int
    splitter: str
    version: int

    def __reduce__(self) -> tuple[type, tuple[int, str, int]]:
        # Ten thousand are sent to another process; a dataclass is slow to describe itself.
        return ViewHeader, (self.count, self.splitter, self.version)


def format_view_header(header: ViewHeader) -> bytes:
    """Return the data of leaf 0."""
    return cbor_encode_ordered([header.count, header.splitter, header.version])


def parse_view_header(data: bytes) -> ViewHeader:
    """Return what leaf 0 says. Raises MalformedData."""
    match cbor_decode(data):
        case [int(count), str(splitter), int(version)] if count >= 0 and version >= 1:
            if not isinstance(count, bool) and not isinstance(version, bool):
                return ViewHeader(count, splitter, version)
    raise MalformedData("not a view header")


class Prf:
    """PRF(key, label, .) for many indices: HMAC (RFC 2104) with key and label hashed once for all.

    A gibibyte takes 65,536 salts, and so short a hash holds the interpreter's lock.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, label: bytes) -> None:
        inner, outer = _hmac_blocks(key)
        self._inner = sha256(inner + label)
        self._outer = sha256(outer)

    def __call__(self, index: int) -> bytes:
        """Return PRF(key, label, index), 32 bytes."""
        return self.range(index, index + 1)[0]

    def range(self, first: int, end: int) -> list[bytes]:
        """Return PRF(key, label, index) of `first` .. `end` - 1."""
        inner_copy, outer_copy = self._inner.copy, self._outer.copy
        found = []
        for index in range(first, end):
            inner, outer = inner_copy(), outer_copy()
            inner.update(index.to_bytes(8, "big"))
            outer.update(inner.digest())
            found.append(outer.digest())
        return found


def prf(key: bytes, label: bytes, index: int) -> bytes:
    """Return PRF(key, label, index), 32 bytes. The key has at most 64."""
    inner, outer = _hmac_blocks(key)
    return sha256(outer + sha256(inner + label + u64(index)).digest()).digest()


def place_of(document: int) -> int:
    """Return j, a document's place in the tree over the deposit."""
    return document + 1


def document_seed(seed: bytes, document: int) -> bytes:
    """Return s_j, which opens document `document` of the deposit."""
    return prf(seed, _SEED, place_of(document))


def cover_seed(seed: bytes) -> bytes:
    """Return v_03, which opens the whole cover."""
    return view_seed(prf(seed, _SEED, COVER_PLACE), VIEW_COVER)


def view_seed(document_seed: bytes, view: int) -> bytes:
    """Return v_jw, which opens one view of a document."""
    return prf(document_seed, b"sealbook1/view-seed\0", view)


def leaf_salt(view_seed: bytes, index: int) -> bytes:
    """Return r_i, which opens one leaf."""
    return prf(view_seed, _SALT, index)


def leaf_commitment(kind: int, index: int, salt: bytes, data: Buffer) -> bytes:
    """Return C_i."""
    state = sha256(_LEAF_PREFIX.pack(_LEAF, kind, index, len(data), salt))
    state.update(data)
    return state.digest()


def leaf_commitments(
    view_seed: bytes, kind: int, first: int, leaves: Sequence[Buffer]
) -> list[bytes]:
    """Return C_i of consecutive leaves, the first of which has index `first`.

    All that holds the interpreter's lock comes before and after the hashing of large leaves, which
    does not: threads that are at it together then seldom wake each other.
    """
    return _commitments(
        kind, first, Prf(view_seed, _SALT).range(first, first + len(leaves)), leaves
    )


def _commitments(
    kind: int, first: int, salts: Sequence[bytes], leaves: Sequence[Buffer]
) -> list[bytes]:
    commitments: list[bytes] = []
    large: list[tuple[int, _Hash, Buffer]] = []
    for index, (salt, data) in enumerate(zip(salts, leaves, strict=True), first):
        prefix = _LEAF_PREFIX.pack(_LEAF, kind, index, len(data), salt)
        if len(data) < _SMALL:
            commitments.append(sha256(prefix + data).digest())
        else:
            large.append((len(commitments), sha256(prefix), data))
            commitments.append(b"")
    for _, state, data in large:
        state.update(data)
    for at, state, _ in large:
        commitments[at] = state.digest()
    return commitments


def header_commitment(salt: bytes, header: ViewHeader) -> bytes:
    """Return C_0."""
    return leaf_commitment(KIND_HEADER, 0, salt, format_view_header(header))


def padded_count(count: int) -> int:
    """Return n' of n leaves, and m' of the cover and m documents, which are m + 1."""
    return max(MIN_TREE, padme(count))


def padded_cover(count: int) -> int:
    """Return n' of a cover of n fields."""
    return max(MIN_COVER, 1 << (count - 1).bit_length())


def dummy_commitments(salt: Callable[[int], bytes], count: int, padded: int) -> list[bytes]:
    """Return C_n+1 .. C_n', given a view's r_i."""
    return [prf(salt(index), _DUMMY, index) for index in range(count + 1, padded + 1)]


class ViewBuilder:
    """A view that grows by the leaf hashes (RFC 9162) of the commitments C_1.. to its leaves."""

    __slots__ = ("_header", "_row", "_seed", "_tree", "count")

    def __init__(self, view_seed: bytes, header: ViewHeader) -> None:
        self._header = header
        self._seed = view_seed
        self._tree = RootBuilder()
        self._row: list[bytes] = []
        self.count = 0
        """The leaves so far."""

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Take the next leaves."""
        self.count += len(hashes)
        self._row += hashes
        if len(self._row) >= _FOLD:
            self._tree.extend(self._row)
            self._row = []

    def join(self, nodes: Sequence[Node]) -> None:
        """Take the leaves under the next nodes (`nodes_over`)."""
        self._tree.extend(self._row)
        self._row = []
        self._tree.join(nodes)
        self.count = self._tree.size

    def finish(self) -> View:
        """Add the dummies and return the view."""
        if self.count != self._header.count:
            raise ValueError("the view's header miscounts its leaves")
        padded = padded_count(self.count)
        salt = Prf(self._seed, _SALT)
        row = self._row + leaf_hashes(dummy_commitments(salt, self.count, padded))
        if self._tree.size:
            self._tree.extend(row)
            root = self._tree.root()
        else:
            root = root_from_leaf_hashes(row)
        return View(header_commitment(salt(0), self._header), padded, root)


def commit_view(view_seed: bytes, header: ViewHeader, hashes: Sequence[bytes]) -> View:
    """Return the view, given the leaf hashes of the commitments C_1.. to its leaves."""
    view = ViewBuilder(view_seed, header)
    view.extend(hashes)
    return view.finish()


def commit_leaves(
    view_seed: bytes, kind: int, splitter: str, version: int, leaves: Sequence[bytes]
) -> View:
    """Return the view over small leaves held in memory."""
    count = len(leaves)
    if count > _FOLD:
        return _commit_many(view_seed, kind, ViewHeader(count, splitter, version), leaves)
    padded = padded_count(count)
    salts = Prf(view_seed, _SALT).range(0, padded + 1)
    commitments = _commitments(kind, 1, salts[1 : count + 1], leaves)
    commitments += dummy_commitments(salts.__getitem__, count, padded)
    header = header_commitment(salts[0], ViewHeader(count, splitter, version))
    return View(header, padded, root_from_leaf_hashes(leaf_hashes(commitments)))


def _commit_many(view_seed: bytes, kind: int, header: ViewHeader, leaves: Sequence[bytes]) -> View:
    """Return the view, in memory for some of its salts and hashes at a time."""
    view = ViewBuilder(view_seed, header)
    for first in range(0, len(leaves), _FOLD):
        some = leaves[first : first + _FOLD]
        view.extend(leaf_hashes(leaf_commitments(view_seed, kind, first + 1, some)))
    return view.finish()


def view_digest(view: int, committed: View) -> bytes:
    """Return what a document's commitment holds of one view."""
    return sha256(
        b"sealbook1/view\0"
        + bytes((view,))
        + committed.header
        + u64(committed.padded)
        + committed.root
    ).digest()


def document_commitment(document: int, views: Sequence[bytes]) -> bytes:
    """Return D_j from its three view digests."""
    if len(views) != len(VIEWS):
        raise ValueError("a document has three views")
    return sha256(b"sealbook1/document\0" + u64(place_of(document)) + b"".join(views)).digest()


@dataclass(frozen=True, slots=True)
class CoverTree:
    """A cover as its owner knows it: its view, each field's leaf in order, the hashes of the tree."""

    view: View
    places: tuple[int, ...]
    hashes: tuple[bytes, ...]


def cover_tree(seed: bytes, leaves: Sequence[bytes]) -> CoverTree:
    """Return the view over the fields of a deposit's cover."""
    secret, padded = cover_seed(seed), padded_cover(len(leaves))
    salts = Prf(secret, _SALT).range(0, padded + 1)
    order = Prf(secret, _PLACE).range(0, padded + 1)
    places = tuple(sorted(range(1, padded + 1), key=order.__getitem__)[: len(leaves)])
    fields = dict(zip(places, leaves, strict=True))
    hashes = leaf_hashes(
        [
            leaf_commitment(KIND_COVER, place, salts[place], fields[place])
            if place in fields
            else prf(salts[place], _DUMMY, place)
            for place in range(1, padded + 1)
        ]
    )
    header = header_commitment(salts[0], ViewHeader(len(leaves), *_COVER_SPLITTER))
    return CoverTree(View(header, padded, root_from_leaf_hashes(hashes)), places, tuple(hashes))


def cover_commitment(view: View) -> bytes:
    """Return D_0 from the cover's view."""
    return sha256(b"sealbook1/cover\0" + view_digest(VIEW_COVER, view)).digest()


Leaves = tuple[str, int, list[bytes]]
"""The splitter of a view, its version, and the data of all leaves."""


class Uncommitted(NamedTuple):
    """What D_j follows from; it can be sent to another process."""

    document: int
    secret: bytes
    content: ViewBuilder
    structure: Leaves
    metadata: Leaves

    def commit(self) -> bytes:
        """Return D_j."""
        structure, metadata = (
            view_seed(self.secret, view) for view in (VIEW_STRUCTURE, VIEW_METADATA)
        )
        views = (
            self.content.finish(),
            commit_leaves(structure, KIND_STRUCTURE, *self.structure),
            commit_leaves(metadata, KIND_METADATA, *self.metadata),
        )
        return document_commitment(self.document, list(map(view_digest, VIEWS, views)))


def deposit_commitment(
    seed: bytes, depositor: bytes, cover: bytes, documents: Sequence[bytes]
) -> bytes:
    """Return R over D_0, the cover, and every D_j; `depositor` is the thumbprint of the signing key."""
    hashes = deposit_hashes(seed, cover, documents)
    return commitment_from_root(depositor, len(hashes), root_from_leaf_hashes(hashes))


def deposit_hashes(seed: bytes, cover: bytes, documents: Sequence[bytes]) -> list[bytes]:
    """Return the m' leaf hashes (RFC 9162) of the tree over D_0 and every D_j."""
    padded = padded_count(len(documents) + 1)
    dummies = [
        prf(prf(seed, _SEED, place), _DUMMY, place) for place in range(len(documents) + 1, padded)
    ]
    return leaf_hashes([cover, *documents, *dummies])


def commitment_from_root(depositor: bytes, padded: int, root: bytes) -> bytes:
    """Return R from the padded size of the tree over cover and documents, and its root."""
    return sha256(b"sealbook1/deposit\0" + depositor + u64(padded) + root).digest()


def _hmac_blocks(key: bytes) -> tuple[bytes, bytes]:
    block = key.ljust(_BLOCK, b"\0")
    return block.translate(_INNER), block.translate(_OUTER)
