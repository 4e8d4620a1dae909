"""`sealbook` for the shells of a test: each command is a copy of a process that has imported it.

    with sealbook(folder):
        bash in whose PATH `folder` comes first

What stands in the folder asks the test's process for a copy (`tests.processes`), which gets its
arguments, files, folder and environment; it passes Ctrl-C on and ends as the copy ends.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from tests.processes import MAX_REQUEST, Program

_ASKING = """\
#!{python} -IS
import json, os, signal, socket, sys
asked = {{"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
    asking.connect({address!r})
    signal.signal(signal.SIGINT, lambda *_: asking.send(b"interrupt"))
    socket.send_fds(asking, [json.dumps(asked).encode()], [0, 1, 2])
    ended = asking.recv(32)
sys.exit(int(ended))
"""


@contextmanager
def sealbook(folder: Path) -> Iterator[Path]:
    """Put the command into a folder and answer it."""
    address = folder / "asked"
    command = folder / "sealbook"
    command.write_text(_ASKING.format(python=sys.executable, address=str(address)))
    command.chmod(0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(address))
        listener.listen()
        Thread(target=_answer, args=[listener], daemon=True).start()
        yield folder
        listener.shutdown(socket.SHUT_RDWR)


def _answer(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            Thread(target=_run, args=[listener.accept()[0]], daemon=True).start()


def _run(asking: socket.socket) -> None:
    with asking, suppress(BrokenPipeError):
        request, files, _, _ = socket.recv_fds(asking, MAX_REQUEST, 3)
        asked = json.loads(request)
        given, output, errors = files
        process = Program(
            ["-m", "ledger", *asked["words"]],
            cwd=asked["cwd"], env=asked["env"], stdin=given, stdout=output, stderr=errors,
        )  # fmt: skip
        for each in files:
            os.close(each)
        Thread(target=_pass_on, args=[asking, process], daemon=True).start()
        asking.send(b"%d" % process.wait())


def _pass_on(asking: socket.socket, process: Program) -> None:
    """Interrupt the copy as often as its command is interrupted; end it with its command."""
    with suppress(OSError):
        while asking.recv(32):
            process.send_signal(signal.SIGINT)
    process.terminate()
