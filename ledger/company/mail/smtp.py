"""An SMTP journal (RFC 5321): mail servers deliver copies, and 250 means sealed and durable.

    250 2.6.0   sealed, signed, and durable in the spool; the notary gets it with the next batch
    452 4.3.1   the disk or the memory for messages is full: try again later
    451 4.3.0   something else went wrong here: try again later
    550 5.7.1   mail from this sender is not taken
    552 5.3.4   larger than the limit
    554 5.x.x   not from this network; content before 354; anything else that will not change

A message is kept byte for byte as it was sent, its lines' transparency (section 4.5.2) undone. Only
CRLF . CRLF ends it: a bare LF or CR is content, so that no second message can hide in one. In pieces of
stated sizes (CHUNKING, RFC 3030; Exchange Online sends mail with bare LF in no other way) it has no end
to be looked for. BINARYMIME is not offered. The same message with the same envelope is one deposit,
however often a server tries.

One thread runs the event loop and speaks SMTP; `SEALERS` threads seal. A client can keep at most
`TIMEOUT` seconds for a command or a whole message, all together `MAX_CONNECTIONS` connections and
`MAX_IN_MEMORY` bytes.
"""

import asyncio
import logging
import re
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from ledger.company.mail.aiosmtpd_parts import Session
from ledger.company.mail.sources import SmtpSource
from ledger.company.mail.stating import MAX_RECIPIENTS, Envelope
from ledger.errors import InvalidInput, SealbookError, StorageFailed
from ledger.quoted import quoted

TIMEOUT = 300.0
"""Seconds for a command, and for a message from DATA to its end (section 4.5.3.2 asks for 300)."""
MAX_CONNECTIONS = 100
MAX_IN_MEMORY = 256 << 20
"""Bytes of messages that are being received or sealed, of all connections together."""
SEALERS = 8
"""Threads that seal; they wait for the disk most of the time."""
STOP_PATIENCE = 10.0
"""Seconds in which messages that are being sealed may still get their answer."""

_BUFFER = 1 << 16
_END = b"\r\n.\r\n"
_PIECE = re.compile(r"([0-9]{1,20})(?:[ \t]+(LAST))?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it was sent, with its envelope."""

    message: bytes
    envelope: Envelope

    @property
    def key(self) -> str:
        """The same for every attempt to deliver the same message; it stays in the vault."""
        state = sha256()
        for part in (self.envelope.sender, *self.envelope.recipients):
            state.update(part.encode("utf-8", "surrogateescape") + b"\0")
        state.update(b"\0" + self.message)
        return f"smtp:{state.hexdigest()}"


class SmtpJournal:
    """A journal that listens from `start` to `stop`.

    Args:
        source: Where it listens, and what it takes.
        take: Seals a message and returns its deposit's id once it is durable. Called from several
            threads. Raises StorageFailed where a later attempt may succeed.
        failed: Told of errors that are neither the sender's nor the disk's.
        listening: Told where it listens, once it does.
    """

    def __init__(
        self,
        source: SmtpSource,
        take: Callable[[Arrival], str],
        failed: Callable[[Exception], None] = lambda _: None,
        *,
        listening: Callable[[str], None] = lambda _: None,
        timeout: float = TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
        max_in_memory: int = MAX_IN_MEMORY,
    ) -> None:
        self.source = source
        self.take = take
        self.failed = failed
        self.listening = listening
        self.timeout = timeout
        self.max_connections = max_connections
        self.max_in_memory = max_in_memory
        self.in_memory = 0
        self.sessions: set[_Session] = set()
        self.sealers = ThreadPoolExecutor(SEALERS, "journal")
        self.tls = _tls(source)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)
        self._server: asyncio.Server | None = None
        # The library logs what it is sent; addresses belong into no log.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)

    @property
    def port(self) -> int:
        """Where it listens, also when any port was asked for."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def place(self) -> str:
        """Address and port, as `--listen` takes them."""
        host = f"[{self.source.host}]" if ":" in self.source.host else self.source.host
        return f"{host}:{self.port}"

    def start(self) -> None:
        """Listen. Raises InvalidInput where the address is taken or not this computer's."""
        self._thread.start()
        try:
            self._server = asyncio.run_coroutine_threadsafe(
                self._loop.create_server(
                    lambda: _Session(self), self.source.host, self.source.port
                ),
                self._loop,
            ).result()
        except OSError as error:
            raise InvalidInput(
                f"The journal cannot listen at {quoted(self.source.host)} port {self.source.port}: "
                f"{quoted(error.strerror or error)}."
            ) from error
        self.listening(self.place)

    def stop(self) -> None:
        """Take no more; answer what is being sealed; close every connection."""
        if self._thread.ident is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self.sealers.shutdown()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        sealing = [each.sealing for each in self.sessions if each.sealing is not None]
        if sealing:
            await asyncio.wait(sealing, timeout=STOP_PATIENCE)
            await asyncio.sleep(0)
        talking = [each.talk for each in self.sessions if each.talk]
        for each in tuple(self.sessions):
            each.hang_up("421 4.3.2 closing")
        if talking:
            await asyncio.wait(talking, timeout=STOP_PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()


class _Session(Session):
    """One connection: aiosmtpd's commands; who may connect, and the content of messages, are ours."""

    line_length_limit = _BUFFER
    """What the reader buffers; the length of a command has its own limit."""

    def __init__(self, journal: SmtpJournal) -> None:
        super().__init__(
            self,
            data_size_limit=journal.source.max_size,
            enable_SMTPUTF8=True,
            hostname="sealbook",
            ident="Sealbook journal",
            tls_context=journal.tls,
            require_starttls=journal.tls is not None,
            timeout=journal.timeout,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=journal._loop,
        )
        self._journal = journal
        self._refused = False
        self._pieces: bytearray | None = None
        self._refusal = ""
        self.sealing: asyncio.Future[str] | None = None

    # --- who may connect ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.under_tls:
            peer = transport.get_extra_info("peername")
            refusal = None
            if not self._journal.source.admits(str(peer[0])):
                refusal = b"554 5.7.1 this journal does not take mail from there\r\n"
            elif len(self._journal.sessions) >= self._journal.max_connections:
                refusal = b"421 4.3.2 too many connections, try again later\r\n"
            if refusal:
                self._refused = True
                assert isinstance(transport, asyncio.Transport)
                transport.write(refusal)
                transport.close()
                return
            self._journal.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._journal.sessions.discard(self)
        self.message_forgotten()
        if not self._refused:
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return False if self._refused else super().eof_received()

    def hang_up(self, reason: str) -> None:
        """Close the connection with a last line."""
        if isinstance(self.transport, asyncio.Transport) and not self.transport.is_closing():
            self.transport.write(reason.encode() + b"\r\n")
            self.transport.close()

    # --- what is taken ---

    async def handle_EHLO(
        self, _server: Any, session: Any, _envelope: Any, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # Nobody logs in here, but the library offers AUTH without a mechanism.
        offered = [each for each in answers if not each.startswith("250-AUTH")]
        return [*offered[:-1], "250-CHUNKING", offered[-1]]

    async def handle_MAIL(
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        sender = "" if address == "<>" else address
        if not self._journal.source.takes_from(sender):
            return "550 5.7.1 mail from this sender is not taken"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        self._journal.failed(error)
        return "451 4.3.0 something went wrong here, try again later"

    async def smtp_DATA(self, arg: str | None) -> None:
        """Receive a message, have it sealed, then answer."""
        assert self.envelope is not None
        if await self.check_helo_needed():
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        if self._pieces is not None:
            await self.push("503 5.5.1 BDAT, not DATA, after BDAT")
            return
        if self.has_unread:
            # Whoever does not wait for 354 could have commands taken for content, or the reverse.
            self.hang_up("554 5.5.0 content before 354")
            return
        # The end of a message is looked for after a line's end, also before its first line.
        self.put_before(b"\r\n")
        await self.push("354 end with a dot on a line of its own")
        data = bytearray()
        try:
            refusal = await self._receive(data)
        except BaseException:
            self._journal.in_memory -= len(data)
            raise
        if not refusal:
            # What was put before the first line goes, and so does the CRLF that ended the last dot.
            message = bytes(memoryview(data.replace(b"\r\n.", b"\r\n"))[2:-2])
        answer = refusal or await self._seal(message, len(data))
        self.forget_message()
        await self.push(answer)

    async def smtp_BDAT(self, arg: str | None) -> None:
        """Receive a piece of a message, with the last one have it sealed, then answer."""
        assert self.envelope is not None and self.session is not None
        stated = _PIECE.fullmatch(arg or "")
        if not stated:
            # Where the piece ends and the next command begins is not known.
            self.hang_up("501 5.5.4 BDAT takes a size and LAST")
            return
        if not self.session.host_name:
            self._refusal = self._refusal or "503 5.5.1 EHLO first"
        elif not self.envelope.rcpt_tos:
            self._refusal = self._refusal or "503 5.5.1 RCPT first"
        left, last = int(stated[1]), stated[2] is not None
        self._pieces = pieces = bytearray() if self._pieces is None else self._pieces
        while left:
            part = await self.read_exactly(min(left, _BUFFER))
            left -= len(part)
            self._refusal = self._refusal or self._keep(pieces, part, len(pieces) + len(part)) or ""
        answer = self._refusal or f"250 2.0.0 {stated[1]} bytes received"
        if last:
            if not self._refusal:
                self._pieces = None  # whoever seals them counts them out
                answer = await self._seal(bytes(pieces), len(pieces))
            self.forget_message()
        await self.push(answer)

    def message_forgotten(self) -> None:
        if self._pieces is not None:
            self._journal.in_memory -= len(self._pieces)
        self._pieces, self._refusal = None, ""

    def _keep(self, data: bytearray, part: bytes, size: int) -> str | None:
        """Keep a part of a message that has `size` bytes so far, counting it; return a refusal if any:
        then nothing of it is kept."""
        journal, refusal = self._journal, None
        if size > journal.source.max_size:
            refusal = "552 5.3.4 the message is larger than the limit"
        elif journal.in_memory + len(part) > journal.max_in_memory:
            refusal = "452 4.3.1 too many messages at once, try again later"
        if refusal:
            journal.in_memory -= len(data)
            data.clear()
        else:
            data += part
            journal.in_memory += len(part)
        return refusal

    async def _receive(self, data: bytearray) -> str | None:
        """Read to the end of a message, counting its bytes as in memory; return a refusal if any."""
        refusal, size = None, 0
        while True:
            part = await self.read_to(_END)
            size += len(part)
            refusal = refusal or self._keep(data, part, size - len(_END))
            if part.endswith(_END):
                return refusal

    async def _seal(self, message: bytes, counted: int) -> str:
        """Have a message sealed of which `counted` bytes are in memory; return the answer."""
        arrival = Arrival(message, self._described())
        self.sealing = self.loop.run_in_executor(self._journal.sealers, self._journal.take, arrival)
        self.sealing.add_done_callback(partial(self._sealed, counted))
        try:
            # Shielded: a client that hangs up does not undo what is being sealed.
            return f"250 2.6.0 sealed as {await asyncio.shield(self.sealing)}"
        except (StorageFailed, OSError) as error:
            self._journal.failed(error)
            return "452 4.3.1 the message cannot be stored, try again later"
        except SealbookError as error:
            self._journal.failed(error)
            return "554 5.6.0 the message cannot be sealed"
        except Exception as error:  # noqa: BLE001 - the sender must try again, the journal go on
            self._journal.failed(error)
            return "451 4.3.0 something went wrong here, try again later"
        finally:
            self.sealing = None

    def _sealed(self, size: int, done: "asyncio.Future[str]") -> None:
        self._journal.in_memory -= size
        if not done.cancelled():
            done.exception()  # the client may be gone, and nobody else ask for it

    def _described(self) -> Envelope:
        assert self.session is not None and self.envelope is not None and self.transport is not None
        peer = self.transport.get_extra_info("peername")
        sender = self.envelope.mail_from or ""
        cipher = self.transport.get_extra_info("cipher")
        return Envelope(
            peer=f"{peer[0]} port {peer[1]}",
            helo=self.session.host_name or "",
            sender="" if sender == "<>" else sender,
            recipients=tuple(map(str, self.envelope.rcpt_tos)),
            tls=f"{cipher[1]} {cipher[0]}" if cipher else "",
        )


def _tls(source: SmtpSource) -> ssl.SSLContext | None:
    if source.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.check_hostname = False
    try:
        context.load_cert_chain(source.certificate, source.key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"The certificate {quoted(source.certificate)} and its key cannot be used: "
            f"{quoted(error.strerror or error)}."
        ) from error
    return context
