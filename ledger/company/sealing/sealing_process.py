"""The process that `ledger.company.sealing.beside` starts: orders in, what was sealed of them out.

It knows the public recipients and no secret of the company's but what it seals.
"""

import contextlib
import os
import secrets
import signal
import sys
import threading

from ledger.company.sealing.orders import Order, Sealed, carry_out
from ledger.company.sealing.pipes import read_message, write_message
from ledger.program import this_program

IDLE = 20.0
"""Seconds without an order after which the process ends: its memory is for bursts."""


def main() -> None:
    """Carry out orders until there are no more."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the daemon, which ends this process
    write_message(sys.stdout.buffer, this_program().digest)
    while True:
        idle = threading.Timer(IDLE, os._exit, (0,))
        idle.daemon = True
        idle.start()
        try:
            orders = read_message(sys.stdin.buffer)
        except EOFError:
            return
        idle.cancel()
        write_message(sys.stdout.buffer, [_sealed(order) for order in orders])


def _sealed(order: Order) -> Sealed | None:
    with contextlib.suppress(Exception):  # it is tried anew where the error can be told
        return carry_out(order, secrets.token_bytes)
    return None


if __name__ == "__main__":
    main()
