"""Runs a notary and ends with an error where a file is changed outside of every durable step.

    steps_child.py WORK

Left out: empty folders, SQLite's own files (their transactions are watched instead), the lock, the
folders in which something is put together that does not count yet, and orders and nonces, which may
be lost.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.notary.care.rebuild import rebuild
from ledger.notary.care.restore import restore
from ledger.notary.ports import Step
from ledger.notary.storage import connections
from tests import crash_child
from tests.notaries import Clock, opened

WORK = Path(sys.argv[1])
crash_child.WORK = WORK
LEFT_OUT = (
    "notary.lock",
    "office.sqlite",
    "packs.sqlite",
    ".incomplete",
    "request",
    "answers",
    "backup",
)
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}
active: dict[int, Step] = {}
outside: list[str] = []


def hook(step: Step, side: str) -> None:
    if side == "before":
        active[threading.get_ident()] = step
    else:
        del active[threading.get_ident()]


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        changes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        path, changes = (arguments or ("",))[0], event in CHANGES
    if changes and isinstance(path, str | os.PathLike):
        name = os.fspath(path)
        ours = name.startswith(str(WORK)) and not any(part in name for part in LEFT_OUT)
        if ours and threading.get_ident() not in active:
            outside.append(f"{event} {name}")


@contextlib.contextmanager
def watched(connection: Any) -> Iterator[Any]:
    if threading.get_ident() not in active and not staged(connection):
        outside.append("a transaction")
    with immediate(connection):
        yield connection


def staged(connection: Any) -> bool:
    name = connection.execute("PRAGMA database_list").fetchone()[2]
    return any(part in name for part in LEFT_OUT)


immediate = connections.immediate
connections.immediate = watched
sys.addaudithook(audit)

crash_child.serve(hook)
(WORK / "notary" / "log" / "tile" / "0" / "000").unlink()
(WORK / "notary" / "log" / "signed" / "000000000").unlink()
outside.clear()
with opened(WORK / "notary", hook=hook) as notary:
    notary.accounts.erase(crash_child.company().account)
    notary.backup(WORK / "backup")
restore(WORK / "backup", WORK / "restored", clock=Clock(), random=os.urandom, hook=hook)
with opened(WORK / "restored", hook=hook):
    pass
hook(Step.REBUILD_DATABASE, "before")  # what is lost here is the test's doing
for name in ("ledger.sqlite", "checkpoints.sqlite"):
    (WORK / "notary" / name).unlink()
hook(Step.REBUILD_DATABASE, "after")
rebuild(WORK / "notary", hook=hook)
sys.exit("\n".join(outside) or 0)
