"""What stands at a path: its state, its times, and what lies below a folder."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from watchdog.observers.api import ObservedWatch

from ledger.company.capture.config import Provenance, Watch
from ledger.company.capture.index import State
from ledger.company.sealing.sources import FileSource
from ledger.language import iso

_MOST = 2**63 - 1
"""What the index can hold; some file systems number with all 64 bits, or have times after 2262."""
GONE = (FileNotFoundError, NotADirectoryError)


@dataclass(slots=True)
class Root:
    watch: Watch
    identity: tuple[int, int] | None = None
    """Device and inode of the folder that is observed."""
    handle: ObservedWatch | None = None
    trouble: str = ""
    left_out: int = 0
    """Files that the last scan found and that are not captured."""


def path_below(root: Root, path: str) -> str:
    """Return what a path below a watched folder is called there, with slashes."""
    return path.removeprefix(root.watch.folder).lstrip(os.sep).replace(os.sep, "/")


def is_gone(path: str) -> bool:
    """Whether nothing is there; False where that cannot be told: the folder may be closed to us."""
    try:
        os.lstat(path)
    except GONE:
        return True
    except OSError:
        return False
    return False


def walk_below(folder: str, but: str, closed: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files below a folder, without following links.

    Folders that cannot be read are put into `closed`.
    """
    if folder == but:
        return
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except GONE:
        return
    except OSError:
        closed.append(folder)
        return
    for entry in found:
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                yield from walk_below(entry.path, but, closed)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path, entry.stat(follow_symlinks=False)


def state_of_stat(info: os.stat_result) -> State:
    return State(info.st_ino & _MOST, info.st_size, info.st_mtime_ns & _MOST)


def state_of_source(source: FileSource) -> State:
    return State(source.inode & _MOST, source.size, source.modified_ns & _MOST)


def state_values(state: State) -> tuple[int, int, int]:
    return state.inode, state.size, state.modified_ns


def stated_times(info: os.stat_result) -> Provenance:
    times = [("modified", iso(info.st_mtime)), ("status changed", iso(info.st_ctime))]
    born = getattr(info, "st_birthtime", None)
    if born is not None:
        times.append(("created", iso(born)))
    return tuple(times)
