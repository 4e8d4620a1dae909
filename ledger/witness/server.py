"""The witness over HTTP: one resource to submit, one to monitor (`ledger.wire.serving`)."""

import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus

from ledger.chain.witnessing import ADD, MAX_BODY, SIZE_TYPE, SizeConflict, Unwitnessed
from ledger.errors import SealbookError
from ledger.quoted import quoted
from ledger.wire.serving import BoundedHandler, BoundedServer
from ledger.witness.witness import Witness

_MONITORED = re.compile(r"/([0-9a-f]{64})/checkpoint")
_log = logging.getLogger("sealbook.witness")


class WitnessServer(BoundedServer):
    """Serves a witness at an address. `now` returns POSIX seconds."""

    def __init__(
        self, address: tuple[str, int], witness: Witness, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(address, _Handler)
        self.witness = witness
        self.now = now


class _Handler(BoundedHandler):
    server: WitnessServer
    server_version = "sealbook-witness"
    allowed = "POST, GET, OPTIONS"

    def do_POST(self) -> None:
        if self.path != ADD:
            self.answer(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
            return
        length = self.headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            self.answer(HTTPStatus.LENGTH_REQUIRED, "Say how long the request is.\n")
            return
        if int(length) > MAX_BODY:
            self.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MAX_BODY} bytes.\n")
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return
        try:
            lines = self.server.witness.cosign(body, int(self.server.now()))
        except SizeConflict as conflict:
            self.answer(HTTPStatus.CONFLICT, f"{conflict.size}\n", SIZE_TYPE)
        except Unwitnessed as refused:
            self.answer(refused.status, f"{refused}\n")
        except Exception as error:  # noqa: BLE001 - nothing that was signed leaves then
            _log.error("a request failed: %s", quoted(str(error)))
            self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The witness cannot sign now.\n")
        else:
            self.answer(HTTPStatus.OK, lines)

    def do_GET(self) -> None:
        found = _MONITORED.fullmatch(self.path)
        if self.path == ADD:
            self.refuse_method()
            return
        try:
            note = None if found is None else self.server.witness.cosigned(found[1])
        except SealbookError:
            self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The witness cannot read now.\n")
            return
        if note is None:
            self.answer(HTTPStatus.NOT_FOUND, "Nothing of this log was cosigned here.\n")
        else:
            self.answer(HTTPStatus.OK, note)

    do_HEAD = do_GET
