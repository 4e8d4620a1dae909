"""The notary over HTTP, as a depositor, a verifier or a stranger sees it.

One method per endpoint. Requests about an account are signed (`ledger.wire.signatures`), each
attempt anew. What may be repeated without harm is repeated: a statement, an envelope or a header sent
twice is one, and an upload asks first how far it has come. Nothing that the notary sends is trusted:
sizes are limited while reading, every request ends (`ledger.wire.deadlines`), payloads are checked
against the root that the company signed, and a text for a person loses what a terminal would obey.

    Unavailable      the notary cannot be reached or cannot serve now: try again later
    Refused (...)    the notary said no; the class is the one that the notary raised
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from ledger.chain.receipt import MAX_RECEIPT
from ledger.chain.statement import Payload
from ledger.chain.tiles import TILE_SIZE, tile_path
from ledger.chain.trust import MAX_TRUST
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import Buffer, leaf_hash
from ledger.crypto.stream import PayloadHash
from ledger.encoding import b64decode, cbor_decode, cbor_encode, parse_decimal, parse_hex
from ledger.errors import (
    Conflict,
    InvalidInput,
    MalformedData,
    NotFound,
    SealbookError,
    Unavailable,
    VerificationFailed,
)
from ledger.quoted import quoted
from ledger.wire.deadlines import LOOPBACK, Deadline, http_client, read_limited, within
from ledger.wire.protocol import (
    CBOR,
    COSE,
    DEPOSITS_PAGE,
    MAX_BATCH,
    MAX_BATCH_BYTES,
    MAX_ENVELOPES,
    MAX_ENVELOPES_BYTES,
    OCTETS,
    UPLOAD_PIECE,
    SmallEnvelope,
    Upload,
)
from ledger.wire.signatures import NONCE_BYTES, Message, sign_request
from ledger.wire.transport import (
    ATTEMPTS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MAX_JSON,
    MAX_TEXT,
    Answer,
    Busy,
    answered_text,
    error_of,
    out_of_reach,
    plain,
    problem,
    read_bounded,
    said,
)

_BLOCK = 1 << 20
_UPLOAD_PATIENCE = 60.0
MAX_LISTED = 1 << 22
"""Deposits in one list: a thousand a day for eleven years; their leaves take 0.5 GB of memory here."""
ReadAt = Callable[[int, int], Buffer]
"""read_at(offset, length): exactly that many bytes of a payload."""


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


class NotaryClient:
    """A connection to a notary, for any number of requests and threads. Close it, or use `with`.

    Every method raises Unavailable, Refused or one of its kinds, InvalidInput for what the notary
    could not read, and MalformedData when the answer is not as specified.

    Args:
        url: `https://host`, or `http://` on this machine.
        ledger: The ledger's origin, from its trust file; needed with `key`.
        key: An account's key, for everything under /envelopes, /deposits and /receipts.
        timeout: Seconds for a request, besides what the bytes of its bodies earn (`deadlines`).
        waiting: Called before each pause after which a request is repeated.
    """

    def __init__(
        self,
        url: str,
        *,
        ledger: str | None = None,
        key: SigningKey | None = None,
        timeout: float = 60.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        waiting: Callable[[], object] = lambda: None,
    ) -> None:
        parts = urlsplit(url)
        if (
            parts.scheme not in ("https", "http")
            or not parts.hostname
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
            or parts.username is not None
        ):
            raise InvalidInput(
                f"{quoted(plain(url))} is not a notary's address; it looks like https://notary.example"
            )
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InvalidInput(
                f"{quoted(plain(url))} is not encrypted: who deposits what and when would be "
                "readable on "
                "the way. Use https://"
            )
        self._url = f"{parts.scheme}://{parts.netloc}"
        self._ledger = ledger
        self._key = key
        self._clock = clock
        self._sleep = sleep
        self._waiting = waiting
        self._timeout = timeout
        self._http = http_client(self._url, timeout)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def put_envelopes(self, envelopes: Sequence[SmallEnvelope]) -> None:
        """Upload whole age files, as many in one request as fit; durable at the notary on return."""
        batch: list[dict[str, Any]] = []
        room = MAX_ENVELOPES_BYTES
        for each in envelopes:
            size = len(each.header) + len(each.data) + 256
            if size > MAX_ENVELOPES_BYTES:
                self.upload(each.payload, _reader(each.data), each.header)
                continue
            if size > room or len(batch) == MAX_ENVELOPES:
                self._put_batch(batch)
                batch, room = [], MAX_ENVELOPES_BYTES
            payload = each.payload
            batch.append(
                {
                    "root": payload.root,
                    "size": payload.size,
                    "header": each.header,
                    "payload": each.data,
                }
            )
            room -= size
        if batch:
            self._put_batch(batch)

    def upload(
        self,
        payload: Payload,
        read_at: ReadAt,
        header: bytes,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Upload an age file of any size, from where an earlier attempt ended; durable on return.

        `progress` is called with the bytes of the payload that the notary holds.
        """
        deadline = self._clock() + _UPLOAD_PATIENCE
        restarted = False
        reached = 0
        while True:
            now = self.upload_status(payload.root)
            offset = 0 if now is None or now.size != payload.size else now.offset
            if progress is not None:
                progress(offset)
            if now is not None and now.complete:
                break
            if offset < reached:
                raise Unavailable(
                    "The notary took a part of the sealed content and does not hold it. Nothing is "
                    "lost here; try again later, or ask the notary office."
                )
            try:
                self._put_piece(payload, offset, read_at)
            except VerificationFailed:
                # What a crash of the notary left damaged shows only in the root: once more from 0.
                if restarted or offset == 0:
                    raise
                restarted, reached = True, 0
            except (Conflict, Unavailable):
                # Another connection of ours may still be open there, or this one broke.
                if self._clock() > deadline:
                    raise
                self._sleep(1.0)
                continue
            else:
                # What was acknowledged must be there, or the same piece could be asked for for ever.
                reached = min(payload.size, offset + UPLOAD_PIECE)
            deadline = self._clock() + _UPLOAD_PATIENCE
        self.put_header(payload.root, header)

    def upload_status(self, root: bytes) -> Upload | None:
        """Return how much of a payload the notary holds, None for nothing."""
        try:
            fields = self._ask("HEAD", _payload_path(root), signed=True, limit=0).headers
        except NotFound:
            return None
        return _upload(fields)

    def put_header(self, root: bytes, header: bytes) -> None:
        """Upload or replace the age header of a payload that the notary holds."""
        self._ask(
            "PUT",
            f"/envelopes/{root.hex()}/header",
            body=header,
            content_type=OCTETS,
            signed=True,
            limit=MAX_TEXT,
        )

    def download(self, payload: Payload, write: Callable[[bytes], object]) -> None:
        """Fetch a whole age file, header first, and hand it to `write` block by block.

        Continues after a broken connection. Raises VerificationFailed at the end when the payload is
        not the one that was deposited: what was written must then be thrown away.
        """
        state = PayloadHash()
        done = 0
        header_size: int | None = None
        etag: str | None = None
        attempt = 0
        # One deadline for all attempts: who breaks off after each byte earns no time by it.
        deadline = Deadline(self._timeout)
        while header_size is None or done < header_size + payload.size:
            before = done
            try:
                headers = {"range": f"bytes={done}-"} | ({"if-range": etag} if etag else {})
                request = self._request("GET", f"/envelopes/{payload.root.hex()}", headers, None)
                with self._opened(request, deadline) as response:
                    if response.status_code != 206:
                        raise VerificationFailed(
                            "The age file changed at the notary while it was fetched; start again."
                        )
                    etag = response.headers.get("etag")
                    header_size = parse_decimal(
                        response.headers.get("envelope-header-length", ""), MAX_TEXT
                    )
                    total = header_size + payload.size
                    for block in read_limited(response, total - done, deadline):
                        if done + len(block) > total:
                            raise VerificationFailed("The notary sends more than was deposited.")
                        state.update(memoryview(block)[max(0, header_size - done) :])
                        write(block)
                        done += len(block)
                if done == before:
                    raise MalformedData("the notary sends less than was deposited")
            except NotFound as error:
                raise NotFound(
                    "The notary does not hold this deposit's sealed content, or not the whole of it. "
                    "Ask the notary office, and show it the receipt."
                ) from error
            except (httpx2.TransportError, Busy) as error:
                attempt = 0 if done > before else attempt + 1
                if attempt == ATTEMPTS:
                    raise out_of_reach(self._url, error) from error
                self._pause(attempt, None)
        if state.root() != payload.root:
            raise VerificationFailed(
                "What the notary sent is not the age file that was deposited: its hash is another "
                "one. Throw it away and ask the notary office."
            )

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

    # --- requests ---

    def _put_batch(self, batch: list[dict[str, Any]]) -> None:
        self._ask(
            "POST",
            "/envelopes",
            body=cbor_encode(batch),
            content_type=CBOR,
            signed=True,
            limit=MAX_TEXT,
        )

    def _put_piece(self, payload: Payload, offset: int, read_at: ReadAt) -> None:
        end = min(payload.size, offset + UPLOAD_PIECE)

        def blocks() -> Iterator[bytes]:
            for at in range(offset, end, _BLOCK):
                yield bytes(read_at(at, min(_BLOCK, end - at)))

        headers = {
            "content-type": OCTETS,
            "content-length": str(end - offset),
            "upload-offset": str(offset),
            "upload-length": str(payload.size),
        }
        request = self._request("PATCH", _payload_path(payload.root), headers, None)
        request = httpx2.Request("PATCH", request.url, headers=request.headers, content=blocks())
        try:
            with self._opened(request, Deadline(self._timeout, sending=True)):
                pass
        except httpx2.TransportError as error:
            raise out_of_reach(self._url, error) from error

    def _json(self, method: str, target: str, **options: Any) -> dict[str, Any]:
        content = self._ask(method, target, limit=MAX_JSON, **options).content
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise MalformedData("the notary's answer is not JSON") from error
        if not isinstance(value, dict):
            raise MalformedData("the notary's answer is not a JSON object")
        return value

    def _ask(
        self,
        method: str,
        target: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = False,
        repeat: bool = True,
    ) -> "Answer":
        fields = dict(headers or {})
        if content_type is not None:
            fields["content-type"] = content_type
        attempt = 0
        while True:
            request = (
                self._request(method, target, fields, body)
                if signed
                else httpx2.Request(method, self._url + target, headers=fields, content=body)
            )
            deadline = Deadline(self._timeout, sending=body is not None)
            try:
                with self._opened(request, deadline) as response:
                    content = read_bounded(response, limit, deadline)
                    return Answer(response.status_code, response.headers, content)
            except (httpx2.TransportError, Busy) as error:
                attempt += 1
                if attempt == ATTEMPTS or not repeat:
                    raise out_of_reach(self._url, error) from error
                self._pause(attempt, error)

    @contextmanager
    def _opened(self, request: httpx2.Request, deadline: Deadline) -> Iterator[httpx2.Response]:
        """Give the response whose status is good, its body still to be read; raise anything else."""
        with within(deadline):
            try:
                response = self._http.send(request, stream=True)
            except httpx2.InvalidURL as error:
                raise InvalidInput("not a notary's address") from error
            try:
                if not 200 <= response.status_code < 300:
                    raise problem(response, deadline)
                yield response
            finally:
                response.close()

    def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx2.Request:
        """Return a signed request, with a new time and nonce."""
        if self._key is None or self._ledger is None:
            raise InvalidInput("This needs the company's key and the name of its ledger.")
        fields = sign_request(
            Message(method, target, dict(headers)),
            self._key,
            self._ledger,
            body=body,
            now=int(self._clock()),
            nonce=os.urandom(NONCE_BYTES),
        )
        return httpx2.Request(method, self._url + target, headers=fields, content=body)

    def _pause(self, attempt: int, error: Exception | None) -> None:
        self._waiting()
        asked = error.retry_after if isinstance(error, Busy) else 0.0
        backoff = FIRST_PAUSE * 3.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        self._sleep(min(max(asked, backoff), LONGEST_PAUSE))


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
            return Unavailable(detail) if status >= 500 else error_of(code, detail, status)
    raise MalformedData("the notary's answer to a batch is not as specified")


def _upload(fields: Mapping[str, str]) -> Upload:
    size = parse_decimal(fields.get("upload-length", ""))
    offset = parse_decimal(fields.get("upload-offset", ""), size)
    return Upload(size, offset, fields.get("upload-complete") == "?1")


def _reader(data: bytes) -> ReadAt:
    return lambda offset, length: data[offset : offset + length]


def _payload_path(root: bytes) -> str:
    return f"/envelopes/{root.hex()}/payload"
