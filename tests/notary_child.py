"""Serves a notary in a process of its own, whose wall clock a file sets wrong.

    notary_child.py DIRECTORY SECONDS-FILE

The file holds by how many seconds the wall clock is ahead; it is read each time that it is looked at.
"""

import sys
from pathlib import Path

from api.server import serve
from ledger.notary.system_clock import SystemClock


class WrongClock(SystemClock):
    def __init__(self, path: Path) -> None:
        self._path = path

    def wall(self) -> float:
        return super().wall() + float(self._path.read_text())


if __name__ == "__main__":
    serve(Path(sys.argv[1]), port=0, clock=WrongClock(Path(sys.argv[2])))
