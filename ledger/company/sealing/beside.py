"""Many small deposits sealed in processes beside this one: sealing holds the interpreter's lock.

A process gets orders on its standard input and tells what it has sealed; it ends with its input, or
when nothing comes for a while. What it does not answer, whatever the reason, is sealed here: so errors
are found in one place, and nothing depends on a process that dies. It first says which program it is:
one that has replaced this one meanwhile gets no orders.
"""

import os
import subprocess
from collections.abc import Sequence
from queue import SimpleQueue

from ledger.company.sealing.orders import Order, Sealed
from ledger.company.sealing.pipes import close, read_message, start, write_message
from ledger.program import this_program

MANY = 12
"""Orders that are worth a process: it takes half a second to start."""


class Sealers:
    """A process for each core, started when it is needed. For any number of threads; close it."""

    def __init__(self) -> None:
        self._count = os.cpu_count() or 1
        self._program = this_program().digest
        self._free: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()
        for _ in range(self._count):
            self._free.put(None)

    def carry_out(self, orders: Sequence[Order]) -> list[Sealed | None]:
        """Return what was sealed of each order; None where it was not, and is to be sealed here."""
        if len(orders) < MANY or self._count < 2:
            return [None] * len(orders)
        process = self._free.get()
        try:
            if process is None or process.poll() is not None:
                process = start("sealing_process")
                assert process.stdout
                if read_message(process.stdout) != self._program:
                    raise ValueError
            answers = _ask(process, orders)
        except Exception:  # noqa: BLE001 - whatever it was, they are sealed here
            answers = [None] * len(orders)
            if process is not None:
                _end(process)
                process = None
        finally:
            self._free.put(process)
        return answers

    def close(self) -> None:
        """End the processes; nothing may be carried out any more."""
        for _ in range(self._count):
            if (process := self._free.get()) is not None:
                _end(process)


def _ask(process: subprocess.Popen[bytes], orders: Sequence[Order]) -> list[Sealed | None]:
    assert process.stdin and process.stdout
    write_message(process.stdin, tuple(orders))
    answers: list[Sealed | None] = read_message(process.stdout)
    if len(answers) != len(orders):
        raise ValueError
    return answers


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    close(process)
