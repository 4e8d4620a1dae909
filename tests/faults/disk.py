"""A disk below a folder that loses its power, or fails as it is told to.

What Python writes goes through `os`, whose functions are replaced here. SQLite writes by itself: its
files are left as they are, and what it makes of a power cut is its own.
"""

import errno
import os
import pickle
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

ERRORS: tuple[tuple[str, str | None], ...] = (
    ("open", "EMFILE"),
    ("open", "EACCES"),
    ("open", "ENOSPC"),
    ("pwrite", "ENOSPC"),
    ("pwrite", "EIO"),
    ("pwrite", None),
    ("fsync", "EIO"),
    ("fsync", "ENOSPC"),
    ("replace", "EIO"),
    ("mkdir", "ENOSPC"),
    ("stat", "EIO"),
    ("pread", "EIO"),
)
"""What fails, and how; without a number only half is written, which is no error."""
Durable = tuple[dict[int, dict[str, int]], dict[int, tuple[int, bytes]], int]
"""Of folders, by inode, what is in them; of files, by inode, mode and content; the root's inode."""


class Disk:
    """Watches a folder. Every method may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._lock = threading.Lock()
        self._folders: dict[int, dict[str, int]] = {}
        self._files: dict[int, tuple[int, bytes]] = {}
        self._real: dict[str, Callable[..., Any]] = {}
        self._cut: tuple[int, Path] | None = None
        self._fault: tuple[str, str | None, int] | None = None
        self.done = False

    def cut_at(self, count: int, into: Path, died: int) -> None:
        """Die before the sync of this number; leave in `into` what was durable by then."""
        for folder, _, names in os.walk(self._root):
            self._keep(Path(folder))
            for each in names:
                if ".sqlite" not in each:
                    self._keep(Path(folder, each))
        self._cut, self._died = (count, into), died
        self._replace("fsync", self._fsync)

    def fail(self, name: str, error: str | None, count: int) -> None:
        """Have the call of this number fail, once."""
        self._fault = (name, error, count)
        self._replace(name, self._failing)

    def mend(self) -> None:
        """Let everything go well from now on."""
        for name, function in self._real.items():
            setattr(os, name, function)

    def _replace(self, name: str, by: Callable[..., Any]) -> None:
        self._real[name] = getattr(os, name)
        setattr(os, name, by)

    def _keep(self, path: Path | int) -> None:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(path) as entries:
                self._folders[found.st_ino] = {each.name: each.inode() for each in entries}
        elif stat.S_ISREG(found.st_mode):
            at = path if isinstance(path, Path) else Path(f"/proc/self/fd/{path}")
            self._files[found.st_ino] = stat.S_IMODE(found.st_mode), at.read_bytes()

    def _fsync(self, file: Any) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        if not self._is_ours(descriptor):
            self._real["fsync"](descriptor)
            return
        with self._lock:
            assert self._cut is not None
            count, into = self._cut
            if count == 0:
                root = os.stat(self._root).st_ino
                into.write_bytes(pickle.dumps((self._folders, self._files, root)))
                os._exit(self._died)
            self._cut = count - 1, into
            self._keep(descriptor)

    def _failing(self, *arguments: Any, **options: Any) -> Any:
        assert self._fault is not None
        name, error, count = self._fault
        real = self._real[name]
        with self._lock:
            hit = not self.done and self._is_ours(arguments[0])
            if hit:
                self._fault = name, error, count - 1
                hit = self.done = count == 0
        if not hit:
            return real(*arguments, **options)
        if error is None:
            return real(
                arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2 + 1], *arguments[2:]
            )
        number = getattr(errno, error)
        raise OSError(number, os.strerror(number), str(arguments[0]))

    def _is_ours(self, what: Any) -> bool:
        what = what.fileno() if hasattr(what, "fileno") else what
        if isinstance(what, int):
            try:
                what = Path(f"/proc/self/fd/{what}").readlink()
            except OSError:
                return False
        name = os.fspath(what) if isinstance(what, str | os.PathLike) else ""
        return str(name).startswith(self._root) and ".sqlite" not in str(name)


def without_power(root: Path, durable: Path, rng: Random) -> None:
    """Make of a folder what a power cut leaves: what was durable, and of the rest what chance keeps."""
    folders, files, top = pickle.loads(durable.read_bytes())
    image = root.with_name("image")
    worst = rng.random() < 0.5
    left = {each.stat().st_ino: each for each in root.rglob("*")} | {top: root}

    def file(inode: int, target: Path) -> None:
        mode, data = files.get(inode, (0o600, b""))
        now = left[inode].read_bytes() if inode in left else data
        if now != data and not worst:
            kept = now[: rng.randrange(len(now) + 1)]
            data = rng.choice((data, now, kept, kept + bytes(len(now) - len(kept))))
        target.write_bytes(data)
        target.chmod(mode)

    def folder(inode: int, target: Path) -> None:
        target.mkdir(mode=0o700)
        names: dict[str, int] = dict(folders.get(inode, {}))
        inside = left[inode].iterdir() if inode in left else ()
        now = {each.name: each.stat().st_ino for each in inside}
        for name in names.keys() | now.keys():
            if ".sqlite" in name or (not worst and rng.random() < 0.5):
                if name in now:
                    names[name] = now[name]
                else:
                    names.pop(name, None)
        for name, each in names.items():
            if ".sqlite" in name:
                shutil.copy2(left[each], target / name)
            elif each in folders or (each in left and left[each].is_dir()):
                folder(each, target / name)
            else:
                file(each, target / name)

    folder(top, image)
    shutil.rmtree(root)
    image.rename(root)
