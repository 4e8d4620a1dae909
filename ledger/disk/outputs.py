"""Files written for the user: never over another one, and under names that every system accepts."""

import contextlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from ledger.disk.files import NewFile, not_written
from ledger.errors import Conflict
from ledger.quoted import quoted

MAX_COMPONENT = 200
"""UTF-8 bytes of one name on disk: below the 255 of common file systems, with room for a suffix."""

MAX_DEPTH = 32
"""Folders inside each other: a name of 1,024 bytes asks for 512, which few programs follow."""
MAX_FOLDERS = 20_000
"""Folders made for one deposit: small names of many parts would ask for millions."""

# Listed, not asked of the interpreter: evidence files hold such names, and Unicode grows every year.
_REPLACED = re.compile(
    r'[<>:"|?*\\/\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f'
    r"\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)


def write_new(path: Path, data: bytes) -> None:
    """Write a file, mode 0600, durable and whole, that was not there before.

    Raises Conflict when something stands at `path`, StorageFailed.
    """
    if not path.name:  # "." or "/"
        raise Conflict(f"{quoted(path)} is a folder; name a file.")
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with NewFile(path, partial) as file:
            file.write_at(0, data)
        move_new(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def move_new(source: Path, target: Path) -> None:
    """Rename without replacing anything. Raises Conflict, StorageFailed."""
    if os.path.lexists(target):
        raise _taken(target)
    try:
        if source.is_dir():
            source.rename(target)
            return
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:
            # No links here (FAT): a race with another program is all that is lost.
            source.rename(target)
        else:
            source.unlink()
    except FileExistsError as error:
        raise _taken(target) from error
    except OSError as error:
        raise not_written(target, error) from error


def _taken(target: Path) -> Conflict:
    return Conflict(f"{quoted(target)} exists already and is not overwritten; name another place.")


def write_numbered(folder: Path, name: str, suffix: str, data: bytes) -> Path:
    """Write `name` + `suffix`, or `name`-2, -3, ... where that is taken; return where.

    A file that holds `data` already is left and returned: an interrupted run has written it.
    """
    number = 1
    while True:
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            write_new(path, data)
            return path
        except Conflict:
            with contextlib.suppress(OSError):
                if path.stat().st_size == len(data) and path.read_bytes() == data:
                    return path
        number += 1


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each relative path one that Windows, macOS and Linux can all hold.

    Different names stay different where case, or the composition of accents, does not count. What
    would need more than MAX_DEPTH or MAX_FOLDERS folders has the rest of its path in its last name.
    """
    taken: dict[str, int] = {}
    folders: dict[str, str] = {}
    result: dict[str, str] = {}
    for name in names:
        *parents, last = name.split("/")
        original = place = ""
        for depth, parent in enumerate(parents):
            original += parent + "/"
            if depth == MAX_DEPTH or (original not in folders and len(folders) == MAX_FOLDERS):
                last = "/".join([*parents[depth:], last])
                break
            if original not in folders:
                folders[original] = _claim(place, safe_component(parent), taken) + "/"
            place = folders[original]
        result[name] = _claim(place, safe_component(last), taken)
    return result


def safe_component(name: str) -> str:
    """Return one component of a path, changed where some system would refuse or alter it.

    Members of evidence files have such names: a change here is a change of that format.
    """
    text = _REPLACED.sub("_", name)
    stripped = text.rstrip(". ")
    text = stripped + "_" * (len(text) - len(stripped))
    if _RESERVED.fullmatch(text):
        text = "_" + text
    if len(text.encode()) > MAX_COMPONENT:
        stem, dot, suffix = text.rpartition(".")
        if not stem or len(suffix.encode()) > 16:
            stem, dot, suffix = text, "", ""
        mark = "~" + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        room = MAX_COMPONENT - len((mark + dot + suffix).encode())
        text = stem.encode()[:room].decode("utf-8", "ignore") + mark + dot + suffix
    return text or "_"


def _claim(place: str, name: str, taken: dict[str, int]) -> str:
    """Return a free name; `taken` says which number to try next, so that many alike stay cheap."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    candidate, first = name, _key(place + name)
    while (key := _key(place + candidate)) in taken:
        number = taken[first]
        candidate, taken[first] = f"{stem}~{number}{dot}{suffix}", number + 1
    taken[key] = 2
    return place + candidate


def _key(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()
