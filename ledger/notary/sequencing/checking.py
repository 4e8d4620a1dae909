"""What is judged of a statement without the ledger, in processes beside this one.

    admission threads                              a process
    statements, keys that it was not told ───────► parse, canonical form, signature
    for each what it holds, or None       ◄───────

A process can say one thing: a statement is a deposit as specified, and the key that it names has signed
it, where that key was told. What it does not say, the thread judges by itself, so that each refusal is
found in one place, and a process that is not up yet, hangs or has died costs time and no statement.
A process first says which program it is: one that has replaced this one meanwhile is not believed.
"""

import contextlib
import logging
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from ledger.chain import statement as st
from ledger.chain.statement import (
    Payload,
    Statement,
    parse_deposit,
    parse_statement,
    verify_statement,
)
from ledger.crypto.cose import Sign1
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import Refused, SealbookError
from ledger.program import this_program

MANY = 8
"""Statements that have to come at a time before a process is worth its start."""
PATIENCE = 10
"""Seconds in which a process answers; it needs milliseconds."""
PAUSE = 60.0
"""Seconds from one start of a process to the next, so that one that cannot work is no burden."""

_log = logging.getLogger("sealbook.notary")


class Checked(NamedTuple):
    """A deposit as specified: the age files that it names; whether the key that it names has signed."""

    payloads: tuple[Payload, ...]
    signed: bool


def check(statement: Statement, known: Mapping[bytes, bytes]) -> Checked:
    """Judge a statement by itself; its signature where its key is among the `known`, by thumbprint.

    Raises Refused, MalformedData, VerificationFailed.
    """
    if statement.kind != st.DEPOSIT:
        raise Refused("Only a deposit can be entered in this way.")
    deposit = parse_deposit(statement)
    public = known.get(statement.key_id)
    if public is not None:
        verify_statement(statement, public)
    payloads = (deposit.content, deposit.manifest)
    return Checked(tuple(each for each in payloads if each is not None), public is not None)


class Checker:
    """A process that checks statements, for threads that take turns: one sends while another is told,
    and what a third was told it judges further. It starts when many come at a time.
    """

    def __init__(self) -> None:
        self._program = this_program().digest
        self._asking = threading.Lock()
        self._hearing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._up = self._broken = False
        self._next_start = 0.0
        self._known: set[bytes] = set()
        self._told: set[bytes] = set()

    def tell(self, public: bytes) -> None:
        """Have statements by this key checked whole from now on."""
        self._known.add(public)

    def check(self, statements: Sequence[bytes]) -> list[tuple[Statement, Checked] | None]:
        """Return what the process holds of each statement; None where it does not say.

        Who has asked waits to hear, and only then lets the next one ask: so answers come to those who
        asked, and the process has its next work before it has answered.
        """
        process = None
        try:
            with contextlib.ExitStack() as hearing:
                with self._asking, self._whole_messages():
                    self._start_for(len(statements))
                    pipe, process = self._pipe, self._process
                    if pipe is None or not self._is_up(pipe):
                        return [None] * len(statements)
                    untold = self._known - self._told
                    pipe.send((list(untold), statements))
                    self._told |= untold
                    hearing.enter_context(self._hearing)
                    hearing.enter_context(self._whole_messages())
                flat = pipe.recv()
            return [_whole(*each) for each in zip(statements, flat, strict=True)]
        except Exception as error:  # noqa: BLE001 - whatever it was, they are judged without it
            _log.warning("a process that checks statements has ended: %s", type(error).__name__)
            self._give_up(process)
        return [None] * len(statements)

    def close(self) -> None:
        """End the process."""
        with self._asking, self._hearing:
            self._end()

    def _give_up(self, process: "subprocess.Popen[bytes] | None") -> None:
        if process is not None:
            process.kill()  # whoever waits for it hears so
            with self._asking, self._hearing:
                if self._process is process:
                    self._end()

    def _end(self) -> None:
        if self._process is not None and self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.wait()
        self._process, self._pipe = None, None
        self._up = self._broken = False
        self._told = set()

    @contextlib.contextmanager
    def _whole_messages(self) -> Iterator[None]:
        """Let nobody use a pipe after a failure: what follows in it may be a part, or another's."""
        if self._broken:
            raise BrokenPipeError
        try:
            yield
        except BaseException:
            self._broken = True
            raise

    def _start_for(self, count: int) -> None:
        """Start a process where there is none and so many statements are worth it."""
        if self._pipe is None and count >= MANY and time.monotonic() >= self._next_start:
            self._next_start = time.monotonic() + PAUSE
            self._pipe, self._process = _start()

    def _is_up(self, pipe: Connection) -> bool:
        if not self._up and pipe.poll():
            if pipe.recv() != self._program:
                raise ValueError
            self._up = True
        return self._up


def _start() -> tuple[Connection, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE, 0))
    with ours, theirs:
        end = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", __name__, str(end)],
            stdin=subprocess.DEVNULL,
            pass_fds=[end],
        )
        return Connection(ours.detach()), process


def work(pipe: Connection) -> None:
    """Check statements until the other end is closed: what the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    known: dict[bytes, bytes] = {}
    with contextlib.suppress(EOFError, OSError):
        pipe.send(this_program().digest)
        while True:
            keys, statements = pipe.recv()
            known.update((thumbprint_ed25519(each), each) for each in keys)
            pipe.send([_flat(each, known) for each in statements])


def _flat(data: bytes, known: Mapping[bytes, bytes]) -> tuple[Any, ...] | None:
    """Return a statement that is sound as plain values: objects take three times as long to send."""
    try:
        each = parse_statement(data)
        payloads, signed = check(each, known)
    except SealbookError:
        return None
    m = each.message
    return (
        (each.kind, each.issuer, each.subject, each.issued_at, each.key_id, each.payload),
        (m.protected_raw, m.protected, m.unprotected, m.payload, m.signature),
        each.leaf_hash,
        [(payload.size, payload.root) for payload in payloads],
        signed,
    )


def _whole(data: bytes, flat: tuple[Any, ...] | None) -> tuple[Statement, Checked] | None:
    """Return what `_flat` was made of."""
    if flat is None:
        return None
    fields, message, leaf, named, signed = flat
    kind, issuer, subject, issued_at, key_id, payload = fields
    statement = Statement(
        data, kind, issuer, subject, issued_at, key_id, payload, Sign1(*message), leaf
    )
    return statement, Checked(tuple(Payload(*each) for each in named), signed)


if __name__ == "__main__":
    work(Connection(int(sys.argv[1])))
