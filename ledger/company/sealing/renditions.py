"""Renditions: documents made at the deposit from those whose bytes mean nothing in parts.

    contract.pdf     contract.pdf.pages/page 003.pdf     each page as a PDF of its own, by pikepdf
    minutes.docx     minutes.docx.text/minutes.txt       the text, in sections, paragraphs and tables,
                                                         by python-docx
                     minutes.docx.marked/minutes marked.txt  with tracked changes, where there are any
    prices.xlsx      prices.xlsx.text/prices.txt         the text, in sheets and rows; of a .pptx in
                                                         slides, of an OFD in pages, by lxml
    letter.msg       letter.msg.mail/letter.eml          the message, which is cut like any other, by
                                                         python-oxmsg; of a winmail.dat, too

Each says of itself what it leaves out (`ledger.evidence.remarks`).

The files come from anybody. They are parsed in a child process that has limits of time, memory and
output, no descriptors and no environment of ours; one child serves many files and is replaced when it
dies. Whatever goes wrong there, the document is deposited without renditions and the manifest says why.
The child is kept apart from us, not from the system: it runs as the same user.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from ledger.children import environment
from ledger.company.documents import Document, Source
from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.sources import open_source
from ledger.company.splitters.cutting import MAX_LABEL, Range, cut_ranges, plain
from ledger.court.remarks import REMARKS
from ledger.errors import InvalidInput
from ledger.evidence import notices
from ledger.evidence.parts import Splitting
from ledger.evidence.records import Rendition
from ledger.evidence.remarks import Remark, are_remarks, parse_remarks
from ledger.evidence.rules import MAX_DOCUMENTS, MAX_NAME

MAX_SOURCE = 512 << 20
"""Bytes of a file that is rendered: the child holds much of it in memory."""
MAX_PAGES = 2_000
"""Pages of a PDF, each of which becomes a document."""
MIN_OUTPUT = 64 << 20
"""Bytes that the renditions of any file may take."""
OUTPUT_FACTOR = 4
"""How much more than the file itself its renditions may take: fonts are repeated on every page."""
SPARE_DISK = 256 << 20
"""Bytes that stay free on the disk that holds the renditions for the time of the deposit."""
BASE_SECONDS = 20
MAX_SECONDS = 60
"""A file may take 20 seconds and one more for each MiB, up to this."""
MAX_DEPOSIT_SECONDS = 900
"""All files of a deposit together: 10,000 PDFs of some pages, or 15 that hang."""

_KINDS = {
    ".pdf": "page",
    ".docx": "text",
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), "sheets"),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx"), "slides"),
    ".ofd": "ofd",
}
"""What is asked of the child."""
_OUTLOOK = (notices.OUTLOOK_ITEM.line(), notices.TNEF.line())
"""What says of a document that it is no mail yet, but that one can be made of it."""
_OUTLOOK_NAMES = (".msg", ".oft", ".dat")
_OOXML = "application/vnd.openxmlformats-officedocument."
_MEDIA_TYPES = {
    "application/pdf": "page",
    f"{_OOXML}wordprocessingml.document": "text",
    f"{_OOXML}spreadsheetml.sheet": "sheets",
    f"{_OOXML}presentationml.presentation": "slides",
    "application/ofd": "ofd",
}
_TEXT = "text/plain; charset=utf-8"
_DOCX = ("docx", 1)

_MAX_ANSWER = 64 << 20
"""Bytes of an answer: 100,000 parts with their labels take less."""
_MAX_WORDS = 200
_COPIED = 4 << 20
_NONSENSE = notices.NONSENSE.line()


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of rendition is: its media type, the folder that it lies in, the splitter of parts
    that the child states, and how the file's name ends, "" for one of several pages."""

    media_type: str
    folder: str
    splitter: tuple[str, int] | None = None
    ending: str = ".txt"


_MADE = {
    "page": {"page": _Kind("application/pdf", "pages", ending="")},
    "text": {
        "text": _Kind(_TEXT, "text", _DOCX),
        "marked": _Kind(_TEXT, "marked", _DOCX, " marked.txt"),
    },
    "sheets": {"text": _Kind(_TEXT, "text", ("xlsx", 1))},
    "slides": {"text": _Kind(_TEXT, "text", ("pptx", 1))},
    "ofd": {"text": _Kind(_TEXT, "text", ("ofd", 1))},
    "mail": {"mail": _Kind("message/rfc822", "mail", ending=".eml")},
}
"""What the child may answer to what is asked."""


def is_renderable(name: str, media_type: str) -> bool:
    """Return whether a document is of a kind that renditions are made from, going by its name."""
    return _kind(name, media_type) is not None


def may_be_rendered(name: str) -> bool:
    """Return whether a file may be of a kind that renditions are made from, going by its name alone."""
    return PurePosixPath(name).suffix.lower() in (*_KINDS, *_OUTLOOK_NAMES)


def is_outlook(document: Document) -> bool:
    """Return whether a document, split, is an item of Outlook that a message is made of."""
    return document.splitting.unsplit in _OUTLOOK


def _kind(name: str, media_type: str) -> str | None:
    suffix = PurePosixPath(name).suffix.lower()
    return _KINDS.get(suffix) or _MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())


class Renderer:
    """Makes renditions of the documents of one deposit, in a `folder` that only its owner can read.

    For use in a `with` block and by one thread. The child starts with the first file that needs it and
    ends with the block; the caller removes the folder once the deposit is sealed.
    """

    def __init__(self, folder: Path, documents: Sequence[Document]) -> None:
        self._folder = folder.absolute()
        self._child = Child(self._folder)
        self._room = MAX_DOCUMENTS - len(documents)
        self._seconds: float = MAX_DEPOSIT_SECONDS
        # Folders and files alike, as a file system sees them that does not tell upper from lower case.
        self._taken = {
            "/".join(parts[:end]).casefold()
            for parts in (document.name.split("/") for document in documents)
            for end in range(1, len(parts) + 1)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.stop()

    def render(self, document: Document, of: int) -> tuple[Document, ...]:
        """Return the renditions of `document`, which is number `of` (from 0), in order.

        Raises NotRendered, its text the end of a sentence, and SourceChanged.
        """
        outlook = is_outlook(document)
        kind = "mail" if outlook else _kind(document.name, document.media_type)
        if kind is None:
            raise NotRendered(notices.OTHER_KIND.line())
        size = document.source.size
        if size > MAX_SOURCE:
            raise NotRendered(notices.TOO_LARGE.line(MAX_SOURCE >> 20))
        if self._seconds <= 0:
            raise NotRendered(notices.NO_TIME.line())
        made = self._folder / str(of)
        began = time.monotonic()
        try:
            made.mkdir(mode=0o700)
            answer = self._ask(kind, document.source, made)
            return self._documents(document, of, _MADE[kind], made, answer)
        except (NotRendered, OSError) as error:
            shutil.rmtree(made, ignore_errors=True)
            if isinstance(error, OSError):
                raise NotRendered(f"no renditions could be made ({error.strerror})") from error
            raise
        finally:
            self._seconds -= time.monotonic() - began

    def _ask(self, kind: str, source: Source, made: Path) -> Mapping[str, Any]:
        room = shutil.disk_usage(self._folder).free - SPARE_DISK - source.size
        if room <= 0:
            raise NotRendered(notices.NO_ROOM.line())
        seconds = min(BASE_SECONDS + (source.size >> 20), MAX_SECONDS)
        copy = made / "source"
        try:
            _copy(source, copy)
            answer = self._child.ask(
                {
                    "kind": kind,
                    "source": f"{made.name}/{copy.name}",
                    "folder": made.name,
                    "files": min(MAX_PAGES, self._room),
                    "bytes": min(max(MIN_OUTPUT, OUTPUT_FACTOR * source.size), room),
                    "seconds": seconds,
                },
                seconds,
            )
        finally:
            copy.unlink(missing_ok=True)
        if "refused" in answer:
            raise NotRendered(plain(str(answer["refused"]), _MAX_WORDS))
        return answer

    def _documents(
        self,
        original: Document,
        of: int,
        kinds: Mapping[str, _Kind],
        made: Path,
        answer: Mapping[str, Any],
    ) -> tuple[Document, ...]:
        files, tool = answer.get("files"), answer.get("tool")
        if not (
            isinstance(files, list) and 1 <= len(files) <= self._room and isinstance(tool, str)
        ):
            raise NotRendered(_NONSENSE)
        stated = [_stated(each, kinds) for each in files]
        totals = Counter(kind for kind, _, _ in stated)
        names = {kind: self._names(original.name, kinds[kind], totals[kind]) for kind in totals}
        positions = Counter[str]()
        documents = []
        for number, (kind, remarks, parts) in enumerate(stated, 1):
            try:
                source = open_source(made / str(number))
            except InvalidInput as error:
                raise NotRendered(_NONSENSE) from error
            positions[kind] += 1
            splitter = kinds[kind].splitter
            documents.append(
                Document(
                    source,
                    names[kind][positions[kind] - 1],
                    media_type=kinds[kind].media_type,
                    tool=plain(tool, _MAX_WORDS),
                    splitting=parse_parts(splitter, parts, source.size)
                    if splitter
                    else Splitting(),
                    rendition=Rendition(of, kind, positions[kind], totals[kind], remarks),
                )
            )
        self._room -= len(files)
        return tuple(documents)

    def _names(self, original: str, kind: _Kind, total: int) -> list[str]:
        folder = f"{original}.{kind.folder}"
        attempt, number = folder, 1
        while attempt.casefold() in self._taken:
            number += 1
            attempt = f"{folder} {number}"
        if not kind.ending:
            width = max(3, len(str(total)))
            names = [f"{attempt}/page {k:0{width}}.pdf" for k in range(1, total + 1)]
        else:
            file = original.rpartition("/")[2]
            stem, dot, suffix = file.rpartition(".")
            stem = stem if f"{dot}{suffix}".lower() in (*_KINDS, *_OUTLOOK_NAMES) else file
            names = [f"{attempt}/{stem}{kind.ending}"]
        if len(names) != total:
            raise NotRendered(_NONSENSE)
        if len(names[-1].encode()) > MAX_NAME:
            raise NotRendered(notices.LONG_NAME.line())
        self._taken.add(attempt.casefold())
        return names


def _stated(file: object, kinds: Container[str]) -> tuple[str, tuple[Remark, ...], object]:
    """Return the kind of a file, its remarks and its parts, as the child states them."""
    match file:
        case {"kind": str(kind), "remarks": remarks, **rest} if kind in kinds:
            if are_remarks(remarks) and all(each[0] in REMARKS for each in remarks):
                return kind, parse_remarks(remarks), rest.get("parts")
    raise NotRendered(_NONSENSE)


def _copy(source: Source, path: Path) -> None:
    buffer = memoryview(bytearray(min(_COPIED, source.size)))
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
    )
    with open(descriptor, "wb", buffering=0) as file:
        for offset in range(0, source.size, _COPIED):
            part = buffer[: source.size - offset]
            source.read_into(offset, part)
            file.write(part)


def parse_parts(splitter: tuple[str, int], parts: object, size: int) -> Splitting:
    """Return the splitting that the child states of a text of `size` bytes.

    Raises NotRendered unless the parts are in the text, in order, apart or inside each other.
    """
    ranges: list[Range] = []
    ends = [size]
    at = 0
    if not isinstance(parts, list):
        raise NotRendered(_NONSENSE)
    for part in parts:
        match part:
            case [int(begin), int(end), str(path), str(label)]:
                while len(ends) > 1 and begin >= ends[-1]:
                    ends.pop()
                if not at <= begin < end <= ends[-1]:
                    raise NotRendered(_NONSENSE)
                ends.append(end)
                at = begin
                ranges.append((begin, end, plain(path, MAX_LABEL), plain(label, MAX_LABEL)))
            case _:
                raise NotRendered(_NONSENSE)
    if len({path for _, _, path, _ in ranges}) != len(ranges):
        raise NotRendered(_NONSENSE)
    return cut_ranges(*splitter, size, ranges)


class Child:
    """The child process, started when it is needed and again after it died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Mapping[str, Any], seconds: int) -> Mapping[str, Any]:
        """Return the answer to `request`. Raises NotRendered if none comes within `seconds`."""
        used = self._process is not None
        try:
            return self._ask(request, seconds)
        except _Died as death:
            # What earlier files left in the child must not decide about this one.
            if not used:
                raise NotRendered(str(death)) from death
        try:
            return self._ask(request, seconds)
        except _Died as death:
            raise NotRendered(str(death)) from death

    def _ask(self, request: Mapping[str, Any], seconds: int) -> Mapping[str, Any]:
        process = self._process = self._process or self._start()
        assert process.stdin and process.stdout
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            # A child that died meanwhile takes no request; that there is no answer says why.
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            line = process.stdout.readline(_MAX_ANSWER)
        finally:
            timer.cancel()
        if late.is_set():
            self.stop()
            raise NotRendered(notices.TOO_SLOW.line(seconds))
        if not line.endswith(b"\n"):
            # It has closed its output and is about to end: how, only it can tell.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            raise _Died(self.stop())
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self.stop()
            raise NotRendered(_NONSENSE)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-m", "ledger.company.sealing.rendering"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=_environment(self._folder),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def stop(self) -> int:
        """End the child, if there is one, wait until it is gone, and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            # What could not be written to a dead child is of no use to anybody.
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        return code


class _Died(Exception):
    """The child ended instead of answering."""

    def __init__(self, code: int) -> None:
        super().__init__(notices.ENDED.line(abs(code)))


def _environment(folder: Path) -> dict[str, str]:
    """Return the child's environment, and in it where its temporary files go."""
    return environment() | {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}
