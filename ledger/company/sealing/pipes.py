"""Values over the pipes between this program and the processes that it starts to seal."""

import pickle
from typing import Any

_LENGTH = 8


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
