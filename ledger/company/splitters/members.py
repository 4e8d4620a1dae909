"""Members of archives: what they are called, what is remarked of them, and how that becomes parts.

Names come as bytes. What is not UTF-8, and not stated to be anything, is guessed for all such names of
an archive together: they were written by one program. A guessed name says so, and by which charset.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.company.splitters.cutting import MAX_LABEL, Range, Window, cut_ranges, plain
from ledger.evidence import notices
from ledger.evidence.notices import Notice
from ledger.evidence.parts import Splitting
from ledger.reading.charsets import decode

MAX_NAME = 1000
"""Characters of a member's name in a path."""

ENCRYPTED, ARCHIVE, SPARSE = "encrypted", "archive", "sparse"
LINKS = ("hard link", "symbolic link", "device", "pipe")
"""Remarks of members without data of their own."""

_WESTERN = "windows-1252"
_IBM = "ibm437"
_SAMPLE = 1 << 16
"""Bytes of names that a charset is guessed by."""
_ARCHIVES = (
    ".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".jar",
    ".cab", ".iso", ".lzh", ".z",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A member's place and raw name; `stated` is the name where the archive says what it is.

    `remarks` are words of ours, `target` is where a link leads.
    """

    start: int
    end: int
    raw: bytes
    stated: str | None = None
    remarks: tuple[str, ...] = ()
    target: bytes = b""


def split_members(
    splitter: tuple[str, int], window: Window, members: Sequence[Member], ibm: bool
) -> Splitting:
    """Return how an archive is cut into its members, and what cannot be shown of them.

    `ibm` is whether Western names are in code page 437. Raises TooMany.
    """
    total = len(members)
    raws = [each.raw for each in members if each.stated is None]
    charset = guessed_charset(raws + [each.target for each in members], ibm)
    ranges: list[Range] = []
    counts: dict[Notice, int] = {}
    for number, member in enumerate(members, 1):
        name, by = (
            (member.stated, "") if member.stated is not None else read_name(member.raw, charset)
        )
        remarks = member.remarks
        if name.lower().endswith(_ARCHIVES) and not set(LINKS) & set(remarks):
            remarks = (*remarks, ARCHIVE)
        for each in (*remarks, *((by,) if by else ())):
            if (notice := _NOTICES.get(each)) is not None:
                counts[notice] = counts.get(notice, 0) + 1
        if by:
            counts[notices.GUESSED_NAMES] = counts.get(notices.GUESSED_NAMES, 0) + 1
            remarks = (*remarks, f"name guessed as {by}")
        place = ", ".join((f"member {number} of {total}", *remarks))
        label = ", ".join(remarks)
        if member.target:
            label += " to " + read_name(member.target, charset)[0]
        ranges.append(
            (member.start, member.end, f"{place}: {plain(name, MAX_NAME)}", plain(label, MAX_LABEL))
        )
    splitting = cut_ranges(*splitter, window.size, ranges, window.room)
    lines = [notice.line(count) for notice, count in counts.items()]
    return replace(splitting, unsplit=notices.joined(lines)) if splitting.parts else splitting


_NOTICES = {
    ENCRYPTED: notices.ENCRYPTED_MEMBERS,
    ARCHIVE: notices.INNER_ARCHIVES,
    SPARSE: notices.SPARSE,
    **dict.fromkeys(LINKS, notices.WITHOUT_DATA),
}


def guessed_charset(names: Sequence[bytes], ibm: bool = False) -> str:
    """Return the charset that names which are not UTF-8 are likely in, "" where all are."""
    odd, size = [], 0
    for each in names:
        if not each.isascii() and not is_utf8(each):
            odd.append(each)
            size += len(each)
            if size > _SAMPLE:
                break
    if not odd:
        return ""
    if ibm and all(map(_is_ibm, odd)):
        return _IBM
    # Behind a line end no name begins like a text of UTF-16, in which none can be.
    charset = decode(b"\n" + b"\n".join(odd)).charset
    return _IBM if ibm and charset == _WESTERN else charset


def read_name(raw: bytes, charset: str) -> tuple[str, str]:
    """Return a name as text, and the charset where it is a guess, "" otherwise."""
    if raw.isascii() or is_utf8(raw):
        return raw.decode(), ""
    return decode(raw, charset).text, charset


def is_utf8(raw: bytes) -> bool:
    """Return whether bytes are well-formed UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_ibm(raw: bytes) -> bool:
    """Return whether each byte beyond ASCII stands alone, as a letter beside a letter."""
    text = f" {raw.decode(_IBM)} "
    return all(
        text[at].isalpha()
        and text[at - 1].isascii()
        and text[at + 1].isascii()
        and (text[at - 1].isalpha() or text[at + 1].isalpha())
        for at, each in enumerate(text)
        if not each.isascii()
    )
