"""Age files up and down, of any size, over connections that break.

An upload asks first how far it has come; a download goes on where it broke off, and is checked at its
end against the root that the company signed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx2

from ledger.chain.statement import Payload
from ledger.crypto.merkle import Buffer
from ledger.crypto.stream import PayloadHash
from ledger.encoding import cbor_encode, parse_decimal
from ledger.errors import (
    Conflict,
    MalformedData,
    NotFound,
    Suspended,
    Unavailable,
    VerificationFailed,
)
from ledger.wire.deadlines import Deadline, read_limited
from ledger.wire.protocol import (
    CBOR,
    MAX_ENVELOPES,
    MAX_ENVELOPES_BYTES,
    OCTETS,
    UPLOAD_PIECE,
    SmallEnvelope,
    Upload,
)
from ledger.wire.transport import ATTEMPTS, MAX_TEXT, Busy, Connection, NotNow, out_of_reach

_BLOCK = 1 << 20
_UPLOAD_PATIENCE = 60.0
ReadAt = Callable[[int, int], Buffer]
"""read_at(offset, length): exactly that many bytes of a payload."""


class Transfers(Connection):
    """A connection on which an account's age files go up and down."""

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
        asked = False
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
            end = min(payload.size, offset + UPLOAD_PIECE)
            try:
                if not asked:
                    # Without bytes: these would be for nothing after a no, which may be lost with them.
                    self._put_piece(payload, offset, offset, read_at)
                    asked = True
                self._put_piece(payload, offset, end, read_at)
            except VerificationFailed:
                # What a crash of the notary left damaged shows only in the root: once more from 0.
                if restarted or offset == 0:
                    raise
                restarted, reached = True, 0
            except (NotNow, Suspended):
                raise
            except (Conflict, Unavailable):
                # Another connection of ours may still be open there, or this one broke.
                if self._clock() > deadline:
                    raise
                asked = False
                self._sleep(1.0)
                continue
            else:
                # What was acknowledged must be there, or the same piece could be asked for for ever.
                reached = end
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

    def _put_batch(self, batch: list[dict[str, Any]]) -> None:
        self._ask(
            "POST",
            "/envelopes",
            body=cbor_encode(batch),
            content_type=CBOR,
            signed=True,
            limit=MAX_TEXT,
        )

    def _put_piece(self, payload: Payload, offset: int, end: int, read_at: ReadAt) -> None:
        """Send a payload's bytes from `offset` up to `end`; none of them only asks for leave."""

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


def _upload(fields: Mapping[str, str]) -> Upload:
    size = parse_decimal(fields.get("upload-length", ""))
    offset = parse_decimal(fields.get("upload-offset", ""), size)
    return Upload(size, offset, fields.get("upload-complete") == "?1")


def _reader(data: bytes) -> ReadAt:
    return lambda offset, length: data[offset : offset + length]


def _payload_path(root: bytes) -> str:
    return f"/envelopes/{root.hex()}/payload"
