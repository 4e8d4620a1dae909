"""What a path given for deposit holds: one file, or every regular file below a folder.

Links and special files inside a folder are left out and listed; named directly, a link is followed and
a special file refused. Names that are not UTF-8 are read by a guess, which says so (where a file came
from holds their bytes, escaped); what a manifest cannot hold is escaped.
"""

import mimetypes
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from ledger.company.documents import Document
from ledger.company.sealing.sources import FileSource, open_source
from ledger.company.splitters.members import guessed_charset, is_utf8, read_name
from ledger.errors import InvalidInput
from ledger.evidence import notices
from ledger.evidence.rules import MAX_DOCUMENTS, MAX_PATH
from ledger.quoted import quoted

_SPECIAL = (
    (stat.S_ISLNK, "symbolic link"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


@dataclass(frozen=True, slots=True)
class Collected:
    """The documents at a path; `left_out` names what was not taken, and why it was not.

    `source` identifies the files' state: another run that finds the same resumes instead of sealing
    again.
    """

    path: Path
    documents: tuple[Document, ...]
    left_out: tuple[tuple[str, str], ...]
    size: int
    source: str

    @property
    def title(self) -> str:
        """What a deposit of this is called: as the one file in it is, or as the folder."""
        single = len(self.documents) == 1 and self.documents[0].origin == text_of_name(
            str(self.path)
        )
        return self.documents[0].name if single else text_of_name(self.path.name)


def collect(path: Path, tool: str) -> Collected:
    """Return what `path` holds. `tool` goes into every document's metadata. Raises InvalidInput."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow the user's links)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
    left_out: list[tuple[str, str]] = []
    if stat.S_ISDIR(mode):
        found = [(name, file) for name, file in _walk(path, "", left_out)]
        if not found:
            raise InvalidInput(f"{quoted(path)} holds no files; there is nothing to deposit.")
    elif stat.S_ISREG(mode):
        found = [(path.name, path)]
    else:
        raise InvalidInput(
            f"{quoted(path)} is a {_kind(mode)}; only files and folders can be deposited."
        )
    if len(found) > MAX_DOCUMENTS:
        raise InvalidInput(
            f"{quoted(path)} holds {len(found)} files; one deposit takes {MAX_DOCUMENTS}. Deposit its "
            "folders one by one."
        )
    documents: list[Document] = []
    taken: set[str] = set()
    state = sha256()
    charset = guessed_charset([part for name, _ in found for part in os.fsencode(name).split(b"/")])
    for name, file in found:
        source = open_source(file)
        document = _document(source, _unique(text_of_name(name, charset), taken), tool)
        if charset and not is_utf8(os.fsencode(name)):
            document = replace(document, notice=notices.GUESSED_NAME.line())
        documents.append(document)
        state.update(f"{document.name}\0{source.size}\0{source.modified_ns}\0".encode())
        state.update(f"{source.device}\0{source.inode}\n".encode())
    size = sum(document.source.size for document in documents)
    return Collected(path, tuple(documents), tuple(left_out), size, state.hexdigest())


def _walk(folder: Path, prefix: str, left_out: list[tuple[str, str]]) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise InvalidInput(f"{quoted(folder)} cannot be read: {error.strerror}.") from error
    if prefix and not found:
        left_out.append((text_of_name(prefix.rstrip("/")), "empty folder"))
    for entry in found:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), name + "/", left_out)
        elif entry.is_file(follow_symlinks=False):
            yield name, Path(entry.path)
        else:
            left_out.append((text_of_name(name), _kind(entry.stat(follow_symlinks=False).st_mode)))


def _document(source: FileSource, name: str, tool: str) -> Document:
    return Document(
        source,
        name,
        modified=source.modified_ns // 1_000_000_000,
        media_type=mimetypes.guess_type(name, strict=False)[0] or "",
        origin=text_of_name(str(source.path)),
        tool=tool,
    )


def _kind(mode: int) -> str:
    return next((name for test, name in _SPECIAL if test(mode)), "special file")


def text_of_name(name: str, charset: str = "") -> str:
    """Return a file's name as text: bytes that are not UTF-8 are escaped, or read by a `charset` that
    was guessed for them, and control characters are escaped.

    What is then too long for a manifest keeps its start, and ends with a digest of the whole.
    """
    raw = os.fsencode(name)
    parts = raw.split(b"/")
    text = "/".join(read_name(part, charset)[0] if charset else _escaped(part) for part in parts)
    text = "".join(f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c for c in text)
    if len(text.encode()) <= MAX_PATH:
        return text
    end = f"...{sha256(raw).hexdigest()[:32]}"
    return text.encode()[: MAX_PATH - len(end)].decode("utf-8", "ignore") + end


def _escaped(part: bytes) -> str:
    return part.decode("utf-8" if is_utf8(part) else "ascii", "backslashreplace")


def _unique(name: str, taken: set[str]) -> str:
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}~{number}", number + 1
    taken.add(unique)
    return unique
