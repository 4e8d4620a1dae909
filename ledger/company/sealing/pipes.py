"""The processes that this program starts to seal, and values over the pipes to and from them."""

import contextlib
import pickle
import subprocess
import sys
from typing import Any

_LENGTH = 8


def start(module: str) -> subprocess.Popen[bytes]:
    """Start a module of `ledger.company.sealing`, which ends with its input. Raises OSError."""
    return subprocess.Popen(
        [sys.executable, "-I", "-m", f"ledger.company.sealing.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def close(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a process that has ended."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def write_message(file: Any, value: object) -> None:
    """Write a value, its size in 8 bytes before it."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    file.write(len(data).to_bytes(_LENGTH, "big") + data)
    file.flush()


def read_message(file: Any) -> Any:
    """Return a value that `write_message` wrote. Raises EOFError at the end, and what pickle raises."""
    head = file.read(_LENGTH)
    if len(head) < _LENGTH:
        raise EOFError
    # Both ends are this program, and the pipe between them is nobody else's.
    return pickle.loads(file.read(int.from_bytes(head, "big")))  # noqa: S301
