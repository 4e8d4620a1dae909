"""The process that `ledger.company.sealing.sharing` starts: segments in, what follows from them out.

It gets the key of one payload and seeds of its documents, and writes one file. It loads what it needs
and nothing else, and ends with its input.
"""

import contextlib
import signal
import sys

from ledger.company.sealing.pipes import read_message, write_message
from ledger.company.sealing.segments import Ciphertext, Done, Segment, Workshop
from ledger.disk.files import WrittenElsewhere
from ledger.program import this_program


def main() -> None:
    """Do segments until there are no more."""
    # Ctrl-C is for the program that has started this one, and ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    write_message(answers, this_program().digest)
    ciphertext = None
    if written := read_message(orders):
        place, key = written
        ciphertext = Ciphertext(WrittenElsewhere(place), key)
    workshop = Workshop(ciphertext, 1)
    with contextlib.suppress(EOFError):
        while True:
            write_message(answers, _done(workshop, read_message(orders)))


def _done(workshop: Workshop, segment: Segment) -> Done | None:
    with contextlib.suppress(Exception):  # it is tried anew where the error can be told
        return workshop.do(segment)
    return None


if __name__ == "__main__":
    main()
