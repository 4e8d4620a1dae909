"""The age payload: a 16-byte nonce, then 64 KiB chunks under ChaCha20-Poly1305 (https://c2sp.org/age).

    payload key   = HKDF-SHA-256(ikm = file key, salt = nonce, info = "payload")
    chunk's nonce = its number in 11 bytes, big-endian, then 1 for the final chunk, 0 for the others

The final chunk is not empty unless the whole payload is, so a payload's size fixes its chunks.

A statement names a payload by its size and its *root*: the RFC 9162 tree root whose leaf 0 is the
nonce and whose other leaves are the encrypted chunks. Chunks hash in parallel, a ranged read can be
checked, and a header can be rewritten without touching what was signed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.crypto.merkle import Buffer, RootBuilder, leaf_hash
from ledger.errors import DecryptionFailed, InvalidInput, MalformedData

CHUNK = 65536
"""Plaintext bytes in a chunk."""
TAG_SIZE = 16
ENC_CHUNK = CHUNK + TAG_SIZE
NONCE_SIZE = 16
MAX_CHUNKS = 1 << 40
"""64 PiB: far above any deposit, far below where the chunk counter or a file offset ends."""

SEGMENT = 16 * CHUNK
"""What one thread handles at a time, 1 MiB: long enough that handing over costs nothing."""

Result = TypeVar("Result")

ReadAt = Callable[[int, int], bytes]
"""read_at(offset, size): exactly that many bytes, fewer only where the data ends."""


def payload_size(plain_size: int) -> int:
    """Return the size of the payload that holds `plain_size` bytes."""
    return NONCE_SIZE + plain_size + TAG_SIZE * max(1, -(-plain_size // CHUNK))


def plain_size(size: int) -> int:
    """Return how many bytes a payload of `size` bytes holds.

    Raises MalformedData where even the nonce is cut short, DecryptionFailed for any other impossible
    size.
    """
    if size < NONCE_SIZE:
        raise MalformedData("the age file ends before its payload")
    chunks = -(-(size - NONCE_SIZE) // ENC_CHUNK)
    plain = size - NONCE_SIZE - TAG_SIZE * chunks
    if chunks == 0 or plain < 0 or payload_size(plain) != size or chunks > MAX_CHUNKS:
        raise DecryptionFailed("the age file is cut short or has something appended")
    return plain


def in_order(
    pool: ThreadPoolExecutor | None, calls: Iterable[Callable[[], Result]], ahead: int
) -> Iterator[Result]:
    """Return the calls' results in order; at most `ahead` are begun before theirs are taken.

    Without a `pool` each is made in this thread when its result is taken.
    """
    if pool is None:
        return (call() for call in calls)
    jobs = (pool.submit(call) for call in calls)
    running = deque(islice(jobs, ahead))

    def results() -> Iterator[Result]:
        while running:
            result = running.popleft().result()
            running.extend(islice(jobs, 1))
            yield result

    return results()


class PayloadCipher:
    """Encrypts and decrypts one payload's chunks, in any order and from any thread."""

    def __init__(self, file_key: bytes, nonce: bytes) -> None:
        self._aead = ChaCha20Poly1305(HKDF(SHA256(), 32, nonce, b"payload").derive(file_key))

    def encrypt_into(self, index: int, final: bool, plain: Buffer, out: Buffer) -> None:
        """Write chunk `index` of up to 65,536 bytes into `out`, 16 bytes longer.

        The buffers must not overlap: the result would be silently wrong.
        """
        self._aead.encrypt_into(_chunk_nonce(index, final), plain, None, out)

    def decrypt_into(self, index: int, final: bool, chunk: Buffer, out: Buffer) -> None:
        """Write the plaintext of chunk `index` into `out`. Raises DecryptionFailed."""
        try:
            self._aead.decrypt_into(_chunk_nonce(index, final), chunk, None, out)
        except InvalidTag as error:
            raise DecryptionFailed(
                f"the age file is damaged, cut short or was changed: chunk {index} does not "
                "authenticate; fetch it again"
            ) from error


class PayloadReader:
    """Random access to a payload. Everything returned has authenticated.

    The final chunk is checked first, so a payload that was cut short gives nothing at all. Raises
    MalformedData or DecryptionFailed, as plain_size and PayloadCipher do.
    """

    def __init__(self, read_at: ReadAt, size: int, file_key: bytes) -> None:
        self.size = plain_size(size)
        """Plaintext bytes."""
        self._read_at = read_at
        self._payload_size = size
        self._last = max(1, -(-self.size // CHUNK)) - 1
        self._cipher = PayloadCipher(file_key, read_at(0, NONCE_SIZE))
        self._decrypt(self._last, self._last + 1)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on. Raises InvalidInput outside the plaintext."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise InvalidInput(f"bytes {offset}+{length} are outside a payload of {self.size}")
        if length == 0:
            return b""
        first = offset // CHUNK
        plain = self._decrypt(first, -(-(offset + length) // CHUNK))
        start = offset - first * CHUNK
        return bytes(memoryview(plain)[start : start + length])

    def segments(self, pool: ThreadPoolExecutor, ahead: int) -> Iterator[bytearray]:
        """Return the whole plaintext in order, `ahead` segments of 1 MiB being decrypted meanwhile."""
        end, step = self._last + 1, SEGMENT // CHUNK
        calls = (
            partial(self._decrypt, first, min(first + step, end)) for first in range(0, end, step)
        )
        return in_order(pool, calls, ahead)

    def _decrypt(self, first: int, end: int) -> bytearray:
        start = NONCE_SIZE + first * ENC_CHUNK
        stop = min(NONCE_SIZE + end * ENC_CHUNK, self._payload_size)
        encrypted = memoryview(self._read_at(start, stop - start))
        if len(encrypted) != stop - start:
            raise DecryptionFailed("the age file ended while it was being read; fetch it again")
        plain = bytearray(len(encrypted) - TAG_SIZE * (end - first))
        view = memoryview(plain)
        for index in range(first, end):
            at = index - first
            self._cipher.decrypt_into(
                index,
                index == self._last,
                encrypted[at * ENC_CHUNK : (at + 1) * ENC_CHUNK],
                view[at * CHUNK : (at + 1) * CHUNK],
            )
        return plain


def payload_root(payload: Iterable[Buffer]) -> bytes:
    """Return the root of a payload that arrives in blocks of any sizes. Raises MalformedData."""
    builder = RootBuilder()
    for part in _parts(payload):
        builder.append(leaf_hash(part))
    return builder.root()


def _parts(blocks: Iterable[Buffer]) -> Iterator[Buffer]:
    pending = bytearray()
    want = NONCE_SIZE
    size = 0
    for block in blocks:
        size += len(block)
        pending += block
        start = 0
        while len(pending) - start >= want:
            yield bytes(memoryview(pending)[start : start + want])
            start += want
            want = ENC_CHUNK
        del pending[:start]
    if size <= NONCE_SIZE + TAG_SIZE - 1:
        raise MalformedData("the age payload is cut short")
    if pending:
        yield pending


def _chunk_nonce(index: int, final: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\1" if final else b"\0")


class PayloadHash:
    """The payload root of a stream in blocks of any size, in memory for one hash per level."""

    __slots__ = ("_leaf", "_room", "_tree", "size")

    def __init__(self) -> None:
        self._tree = RootBuilder()
        self._leaf = sha256(b"\0")
        self._room = NONCE_SIZE
        self.size = 0

    def update(self, block: Buffer) -> None:
        view = memoryview(block)
        self.size += len(view)
        while view:
            part, view = view[: self._room], view[self._room :]
            self._leaf.update(part)
            self._room -= len(part)
            if not self._room:
                self._end_leaf()

    def root(self) -> bytes:
        """Return the root once the stream has ended."""
        if self._room < ENC_CHUNK:
            self._end_leaf()
        return self._tree.root()

    def _end_leaf(self) -> None:
        self._tree.append(self._leaf.digest())
        self._leaf = sha256(b"\0")
        self._room = ENC_CHUNK
