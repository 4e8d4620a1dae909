"""Splitters: where a document's bytes are cut, and what a person would call the pieces.

Each is chosen by the document's name, then by its media type, then by its first bytes. It reads the
source in windows, never as a whole where it may be large, and takes time in proportion to its size. A
document that is not what it is called, or is more than a splitter's limits allow, is not split.

    message    .eml, message/rfc822, and files that begin as one               splitters.mail
    mbox       .mbox, and files that begin as one                              splitters.mail
    emlx       .emlx, a message of Apple Mail                                  splitters.mail
    text       .txt, text/plain                                                splitters.text
    markdown   .md, text/markdown                                              splitters.text
    rows       .csv, .tsv, .tab and their media types                          splitters.lines
    lines      source code, JSON, logs: any other that begins as a text        splitters.lines
    zip, tar   .zip, .tar                                                      splitters.archive
    none       what can only be shown whole: .7z, .doc, .wps, ..               splitters.whole
"""

import re
from collections.abc import Callable

from ledger.company.documents import Source
from ledger.company.splitters.cutting import MAX_PARTS, Unsplit, Window
from ledger.company.splitters.fields import begins_as_message, find_lead
from ledger.company.splitters.mailbox import begins_as_mailbox
from ledger.company.splitters.whole import whole_only
from ledger.errors import SourceChanged
from ledger.evidence import notices
from ledger.evidence.parts import Splitting
from ledger.evidence.rules import check_parts

Splitter = Callable[[Window], Splitting]

_SUFFIXES = {
    "eml": "message",
    "email": "message",
    "emlx": "emlx",
    "mht": "message",
    "mhtml": "message",
    "mbox": "mbox",
    "mbx": "mbox",
    "txt": "text",
    "text": "text",
    "md": "markdown",
    "markdown": "markdown",
    "csv": "rows",
    "tsv": "rows",
    "tab": "rows",
    "zip": "zip",
    "tar": "tar",
    "tgz": "packed",
    "tbz2": "packed",
    "txz": "packed",
}
_MEDIA_TYPES = {
    "message/rfc822": "message",
    "application/mbox": "mbox",
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/csv": "rows",
    "text/tab-separated-values": "rows",
    "application/zip": "zip",
    "application/x-tar": "tar",
}
_BY_CONTENT = ("msg", "oft", "dat")
"""Names of Outlook's files that others give to messages."""
_COMPRESSED = ("gz", "bz2", "xz", "zst", "z", "br", "lz4", "lzma")
_MAILDIR = re.compile(r"(?:^|/)(?:cur|new)/[^/]+$")
_SEEN = re.compile(r"(?:^|/)cur/[^/]+[:;!]2,[A-Za-z]*$")
"""In a Maildir by its name alone: what stands before the flags differs where no colon may."""
_PROBE = 1 << 14
_LINES = 8192
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""What stands in no text in bytes: all but tabs, line ends, form feeds and escapes."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY = (b"%PDF-", b"\x1f\x8b")


def split(name: str, media_type: str, source: Source, room: int = MAX_PARTS) -> Splitting:
    """Return how a document is cut, into at most `room` parts.

    No content makes it fail. Raises SourceChanged.
    """
    if not source.size:
        return Splitting()
    window = Window(source, min(room, MAX_PARTS))
    kind = _kind(name, media_type, window)
    if kind == "packed":
        return Splitting(unsplit=notices.PACKED.line())
    if kind in (None, "lines", "zip", "tar"):
        notice = whole_only(name, window)
        if kind is None or notice is not None:
            return Splitting(unsplit=notice.line() if notice else "")
    try:
        made = _splitter(kind)(window)
        check_parts(made.parts, len(made.cuts or b"") // 2)
        return made
    except Unsplit as reason:
        notice = whole_only(name, window) if kind in ("message", "mbox", "emlx") else None
        return Splitting(unsplit=notice.line() if notice else str(reason))
    except (SourceChanged, MemoryError):
        raise
    except Exception:  # noqa: BLE001  whatever a file makes of it, it is sealed, and what follows it
        return Splitting(unsplit=notices.UNFORESEEN.line())


def _kind(name: str, media_type: str, window: Window) -> str | None:
    stem, dot, suffix = name.rpartition("/")[2].lower().rpartition(".")
    if dot and suffix in _COMPRESSED:
        return "packed" if stem.endswith(".tar") else None
    if dot and suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    head = window.read(0, _PROBE)
    if suffix in _BY_CONTENT:
        return _by_content(head)
    if media_type in _MEDIA_TYPES:
        return _MEDIA_TYPES[media_type]
    if _SEEN.search(name):
        return "message"
    if _MAILDIR.search(name) and find_lead(head) is not None:
        return "message"
    if media_type:
        return "lines" if _is_text(head[:_LINES]) else None
    return _by_content(head)


def _by_content(head: bytes) -> str | None:
    """Return what a document is that begins so, whatever it is called."""
    if begins_as_mailbox(head):
        return "mbox"
    if begins_as_message(head):
        return "message"
    return "lines" if _is_text(head[:_LINES]) else None


def _is_text(data: bytes) -> bool:
    """Return whether bytes, the first of a document, are those of a text in lines."""
    if data.startswith(_UTF_16):
        return True
    return bool(data) and not data.startswith(_BINARY) and not _CONTROL.search(data)


def _splitter(kind: str) -> Splitter:
    # Each is imported where it is needed: a daemon that captures mail never looks into an archive.
    if kind in ("message", "mbox", "emlx"):
        from ledger.company.splitters import mail

        return {
            "message": mail.split_message,
            "mbox": mail.split_mbox,
            "emlx": mail.split_emlx,
        }[kind]
    if kind in ("text", "markdown"):
        from ledger.company.splitters import text

        return text.split_text if kind == "text" else text.split_markdown
    if kind in ("rows", "lines"):
        from ledger.company.splitters import lines

        return lines.split_rows if kind == "rows" else lines.split_lines
    from ledger.company.splitters import archive

    return {"zip": archive.split_zip, "tar": archive.split_tar}[kind]
