"""Processes of the program that start at once: copies of one that has imported it already.

`Program(["-m", "ledger", ...])` is `subprocess.Popen([sys.executable, "-m", "ledger", ...])`: a process
of its own, a child of ours, with its own files, environment and folder, that can be killed and waited
for. Only its imports were done before it began, once for all tests: most of what a start costs. Where
starting is what is tested, or a script must come before the imports, a test takes `Popen` itself.

Where the system is not Linux, it is that `Popen`.
"""

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

from tests import logs

ROOT = Path(__file__).parents[1]
IMPORTED = (
    "api.server",
    "ledger.cli.company.capture",
    "ledger.cli.company.deposit",
    "ledger.cli.company.mail",
    "ledger.cli.notary",
    "ledger.cli.root",
    "ledger.company.capture.daemon",
    "ledger.company.mail.post",
    "ledger.notary.care.rebuild",
    "ledger.notary.care.restore",
    "ledger.witness.server",
    "tests.notaries",
)
PR_SET_CHILD_SUBREAPER = 36
MAX_REQUEST = 1 << 20
_ONE_BY_ONE = Lock()


class Program(subprocess.Popen[Any]):
    """`Popen` of this Python, whose arguments, `-m MODULE` or `-c SCRIPT` and more, are `words`.

    Of Popen's other options, files, environment and folder count.
    """

    def __init__(self, words: Sequence[object], **options: Any) -> None:
        super().__init__([sys.executable, *map(str, words)], **options)

    def _execute_child(self, args: list[str], *more: Any) -> None:
        if sys.platform != "linux":
            super()._execute_child(args, *more)  # type: ignore[misc]
            return
        # As in Lib/subprocess.py: what follows `args`, by its place.
        cwd, env, given, output, errors = more[4], more[5], more[9], more[12], more[14]
        request = {"words": args[1:], "cwd": str(cwd or Path.cwd()), "env": dict(env or os.environ)}
        files = [ours if at == -1 else at for ours, at in enumerate((given, output, errors))]
        self.pid = fork(json.dumps(request).encode(), files)
        self._child_created = True
        self._close_pipe_fds(*more[9:15])  # type: ignore[attr-defined]


def fork(request: bytes, files: list[int]) -> int:
    """Have a copy made, which becomes our child; return its number."""
    with _ONE_BY_ONE:
        channel = _original()
        _adopt(True)
        try:
            socket.send_fds(channel, [request], files)
            return int(channel.recv(32))
        finally:
            _adopt(False)


def _adopt(whether: bool) -> None:
    """Become the parent of those descendants whose parent ends from now on, or no longer."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(whether), 0, 0, 0)


@cache
def _original() -> socket.socket:
    """Start the process that copies are made of; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_REQUEST)
    subprocess.Popen(
        [sys.executable, "-m", "tests.processes", str(theirs.fileno())],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    return ours


def main() -> None:
    """Import what is needed, then make copies until nobody can ask for one."""
    for name in IMPORTED:
        import_module(name)
    logs.keep()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        while True:
            request, files, _, _ = socket.recv_fds(channel, MAX_REQUEST, 3)
            if not request:
                return
            reading, writing = os.pipe()
            between = os.fork()
            if between == 0:
                child = os.fork()
                if child == 0:
                    break
                os.write(writing, b"%d" % child)
                os._exit(0)
            os.waitpid(between, 0)
            channel.send(os.read(reading, 32))
            for each in (reading, writing, *files):
                os.close(each)
    run(json.loads(request), files)


def run(asked: dict[str, Any], files: list[int]) -> None:
    """Be the program that was asked for, to its end."""
    for at, each in enumerate(files):
        os.dup2(each, at)
    os.closerange(3, 256)
    sys.stdin = os.fdopen(0, "r", closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, closefd=False, errors="backslashreplace")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    option, program, *rest = asked["words"]
    sys.argv = [option, *rest]
    if option == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(program, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
