"""The notary over HTTP, as a depositor, a verifier or a stranger sees it.

One method per endpoint. Requests about an account are signed (`ledger.wire.signatures`), each
attempt anew. What may be repeated without harm is repeated: a statement, an envelope or a header sent
twice is one, and an upload asks first how far it has come. Nothing that the notary sends is trusted:
sizes are limited while reading, every request ends (`ledger.wire.deadlines`), payloads are checked
against the root that the company signed, and a text for a person loses what a terminal would obey.

    Unavailable      the notary cannot be reached or cannot serve now: try again later
    NotNow           it does not store this now, over a quota or without room; others it may
    Suspended        its office takes nothing from this account now
    Refused (...)    the notary said no; the class is the one that the notary raised
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.anchorpage import (
    MAX_ANCHORS_PAGE,
    StampedNote,
    anchors_path,
    parse_anchors,
)
from ledger.chain.blockpage import MAX_PAGE, SignedBlock, page_path, parse_page
from ledger.chain.receipt import MAX_RECEIPT
from ledger.chain.tiles import MAX_ENTRY_SIZE, TILE_SIZE, entries_path, tile_path
from ledger.chain.trust import MAX_TRUST
from ledger.crypto.merkle import leaf_hash
from ledger.encoding import b64decode, cbor_decode, cbor_encode, parse_hex
from ledger.errors import MalformedData, SealbookError
from ledger.wire.protocol import CBOR, COSE, DEPOSITS_PAGE, MAX_BATCH, MAX_BATCH_BYTES, OCTETS
from ledger.wire.saying import said
from ledger.wire.transfers import Transfers
from ledger.wire.transport import MAX_TEXT, answered_text, error_of, passing

MAX_LISTED = 1 << 22
"""Deposits in one list: a thousand a day for eleven years; their leaves take 0.5 GB of memory here."""


@dataclass(frozen=True, slots=True)
class DepositEntry:
    """A deposit of the account, as the ledger holds it."""

    index: int
    leaf: bytes
    statement: bytes


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A block: the statement that opens it and the signed checkpoint that closes it."""

    height: int
    statement: bytes
    note: str


class NotaryClient(Transfers):
    """A notary, for any number of requests and threads. Close it, or use `with`.

    Every method raises Unavailable, Refused or one of its kinds, InvalidInput for what the notary
    could not read, and MalformedData when the answer is not as specified.
    """

    # --- for everyone ---

    def health(self) -> dict[str, Any]:
        """Return the notary's own account of how it is."""
        return self._json("GET", "/health")

    def trust(self) -> bytes:
        """Return the trust file that the notary offers; compare its fingerprint before use."""
        return self._ask("GET", "/trust", limit=MAX_TRUST).content

    def checkpoint(self) -> str:
        """Return the published checkpoint, a signed note; unverified."""
        return answered_text(self._ask("GET", "/checkpoint", limit=MAX_TEXT).content)

    def tile(self, level: int, index: int, width: int = 256) -> bytes:
        """Return a hash tile's bytes (C2SP tlog-tiles); unverified."""
        data = self._ask("GET", f"/{tile_path(level, index, width)}", limit=TILE_SIZE).content
        if len(data) != 32 * width:
            raise MalformedData(f"the notary's tile {level}/{index} has {len(data)} bytes")
        return data

    def block(self, height: int) -> BlockRecord:
        """Return the block at a height; unverified."""
        match self._json("GET", f"/block/{height}"):
            case {"height": int(found), "statement": str(statement), "note": str(note)}:
                if found == height:
                    return BlockRecord(height, b64decode(statement), note)
        raise MalformedData("the notary's answer is not a block")

    def blocks(self, page: int) -> tuple[SignedBlock, ...]:
        """Return the blocks of a page, heights from 64 times its number on; unverified."""
        return parse_page(self._ask("GET", f"/{page_path(page)}", limit=MAX_PAGE).content)

    def anchors(self, page: int) -> tuple[StampedNote, ...]:
        """Return the anchors of a page, among the blocks of that page; unverified."""
        data = self._ask("GET", f"/{anchors_path(page)}", limit=MAX_ANCHORS_PAGE).content
        return parse_anchors(data, page)

    def bundle(self, index: int, width: int, credential: str) -> bytes:
        """Return an entry bundle (C2SP tlog-tiles), which admitted auditors are given; unverified."""
        return self._ask(
            "GET",
            f"/{entries_path(index, width)}",
            headers={"authorization": f"Bearer {credential}"},
            limit=width * (2 + MAX_ENTRY_SIZE),
        ).content

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Return the consistency proof between two tree sizes (RFC 9162); unverified."""
        match self._json("GET", f"/consistency/{old_size}/{new_size}"):
            case {"proof": [*hashes]} if all(isinstance(each, str) for each in hashes):
                return tuple(b64decode(each) for each in hashes)
        raise MalformedData("the notary's answer is not a consistency proof")

    def verify(self, data: bytes) -> dict[str, Any]:
        """Return the notary's report on a receipt or evidence file, and what it says of it today."""
        return self._json("POST", "/verify", body=data, content_type=OCTETS)

    # --- deposits ---

    def submit(self, statement: bytes) -> bytes:
        """Enter a signed statement; return its receipt. The same statement again gives the same one."""
        return self._ask(
            "POST", "/statements", body=statement, content_type=COSE, limit=MAX_RECEIPT
        ).content

    def submit_many(self, statements: Sequence[bytes]) -> list[bytes | SealbookError]:
        """Enter statements, any number; return for each its receipt or why there is none.

        Raises when a request as a whole fails; what was entered before is entered, and asking again
        gives its receipts.
        """
        answers: list[bytes | SealbookError] = []
        for batch in _batches(statements):
            data = self._ask(
                "POST",
                "/statements/batch",
                body=cbor_encode(batch),
                content_type=CBOR,
                limit=MAX_BATCH * MAX_RECEIPT,
            ).content
            items = cbor_decode(data)
            if not isinstance(items, list) or len(items) != len(batch):
                raise MalformedData("the notary's answer to a batch has another length")
            answers += [_batch_answer(item) for item in items]
        return answers

    def read_envelope(self, root: bytes, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of an age file (header, then payload) from `offset` on.

        Unverified: age authenticates a chunk, the payload's root the whole.
        """
        if length <= 0:
            return b""
        answer = self._ask(
            "GET",
            f"/envelopes/{root.hex()}",
            headers={"range": f"bytes={offset}-{offset + length - 1}"},
            signed=True,
            limit=length,
        )
        if answer.status_code != 206:
            raise MalformedData("the notary did not answer with the range asked for")
        return answer.content

    def deposits(self, after: int = -1) -> Iterator[DepositEntry]:
        """Yield the account's deposits with an index above `after`, in the ledger's order.

        The list ends: no statement comes twice, a page that is not full is the last, and there are at
        most `MAX_LISTED`. Each leaf is its statement's; what the statement says is unverified.
        """
        seen: set[bytes] = set()
        while True:
            match self._json("GET", f"/deposits?after={after}", signed=True):
                case {"deposits": [*items]} if len(items) <= DEPOSITS_PAGE:
                    pass
                case _:
                    raise MalformedData("the notary's answer is not a list of deposits")
            for item in items:
                match item:
                    case {"index": int(index), "leaf": str(leaf), "statement": str(statement)}:
                        entry = DepositEntry(index, parse_hex(leaf, 32), b64decode(statement))
                    case _:
                        raise MalformedData("the notary's answer is not a list of deposits")
                if index <= after:
                    raise MalformedData("the notary's list of deposits is out of order")
                if entry.leaf != leaf_hash(entry.statement) or entry.leaf in seen:
                    raise MalformedData("the notary's list of deposits repeats or mislabels one")
                if len(seen) == MAX_LISTED:
                    raise MalformedData(f"the notary lists more than {MAX_LISTED} deposits")
                seen.add(entry.leaf)
                after = index
                yield entry
            # A short page is the last one: pages of one deposit would be a list without end, too.
            if len(items) < DEPOSITS_PAGE:
                return

    def receipt(self, leaf: bytes) -> bytes:
        """Return the receipt of one of the account's deposits by its leaf hash."""
        return self._ask("GET", f"/receipts/{leaf.hex()}", signed=True, limit=MAX_RECEIPT).content

    def join(self, endorsed_request: bytes) -> dict[str, Any]:
        """Enrol a further key of an account by a request that one of its keys has countersigned."""
        return self._json(
            "POST", "/enrolments", body=endorsed_request, content_type=COSE, repeat=False
        )


def _batches(statements: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    room = MAX_BATCH_BYTES
    for each in statements:
        if batch and (len(batch) == MAX_BATCH or len(each) + 16 > room):
            yield batch
            batch, room = [], MAX_BATCH_BYTES
        batch.append(each)
        room -= len(each) + 16
    if batch:
        yield batch


def _batch_answer(item: Any) -> bytes | SealbookError:
    match item:
        case bytes():
            return item
        case {"code": str(code), "detail": str(detail), "status": int(status)}:
            detail = said(detail)
            return passing(code, detail) if status >= 500 else error_of(code, detail, status)
    raise MalformedData("the notary's answer to a batch is not as specified")
